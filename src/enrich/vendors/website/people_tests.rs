//! People as pages lay them out, in snippets made up for it.

use scraper::Html;

use super::super::html;
use super::*;

fn people(body: &str) -> Vec<String> {
    let document: Html = html::parse(body);
    let lines = html::lines(document.root_element());
    let show = |Mention { person: Person { name, role, email, phone }, .. }| {
        [Some(name), role, email, phone].map(Option::unwrap_or_default).join("|").trim_end_matches('|').to_owned()
    };
    find(&lines, &[], "US", &|_| false).into_iter().map(show).collect()
}

#[test]
fn cards_tables_and_lists() {
    let card = |name: &str, role: &str, rest: &str| format!("<div class=card><img><h3>{name}</h3><p>{role}</p>{rest}</div>");
    let two = card("Jane Roe", "Owner", "<a href='mailto:jane@acme.example'>Write</a>")
        + &card("John Q. Public, DDS", "Lead Dentist", "<p><a href='tel:+18135550143'>(813) 555-0143</a></p>");
    assert_eq!(
        people(&format!("<h2>Our Team</h2><section>{two}</section><footer><a href='mailto:info@acme.example'>Mail</a></footer>")),
        ["Jane Roe|Owner|jane@acme.example", "John Q. Public|Lead Dentist||+18135550143"]
    );
    assert_eq!(
        people(
            "<table><tr><th>Name<th>Job<th>Mail<tr><td>Ann Lee<td>Foreman<td>ann@acme.example<tr><td>Bo van Dam<td>Sales Manager<td></table>"
        ),
        ["Ann Lee|Foreman|ann@acme.example", "Bo van Dam|Sales Manager"]
    );
    assert_eq!(people("<dl><dt>Ann Lee<dd>Office manager<dt>Bo Öst<dd>Mechanic</dl>"), ["Ann Lee|Office manager", "Bo Öst|Mechanic"]);
    assert_eq!(
        people("<ul><li>Jane Roe – Founder &amp; CEO<li>John Roe (Head Chef)</ul>"),
        ["Jane Roe|Founder & CEO", "John Roe|Head Chef"]
    );
}

#[test]
fn prose_in_many_languages() {
    for (text, wanted) in [
        ("Jane Roe, Owner", "Jane Roe|Owner"),
        ("Ask for Jane Roe, our office manager, or write.", "Jane Roe|office manager"),
        ("Inhaberin: Erika Musterfrau", "Erika Musterfrau|Inhaberin"),
        ("Geschäftsführer: Max Mustermann und Erika Beispiel", "Max Mustermann|Geschäftsführer + Erika Beispiel|Geschäftsführer"),
        ("Dr. Anne Lefèvre, gérante", "Dr. Anne Lefèvre|gérante"),
        ("María del Carmen Ruiz - Propietaria", "María del Carmen Ruiz|Propietaria"),
        ("Proprietário: João da Silva", "João da Silva|Proprietário"),
        ("Titolare: Anna Bianchi", "Anna Bianchi|Titolare"),
        ("Piet van Dijk, eigenaar", "Piet van Dijk|eigenaar"),
        ("Contact Us, Owner", ""),
        ("Our Services – Sales", ""),
        ("Jane Roe", ""),
        ("We met Jane Roe, who loved it", ""),
        ("Tampa, the owner of it all", ""),
    ] {
        assert_eq!(people(&format!("<p>{text}")).join(" + "), wanted, "{text}");
    }
}

#[test]
fn a_menu_has_no_people() {
    assert!(people("<nav><a>Jane Roe</a><br><a>Owner</a></nav>").is_empty());
}
