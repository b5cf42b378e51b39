//! Pages of a team in layouts of many kinds, made up for it.

use super::super::extract::extract;
use super::super::facts::Person;
use super::*;

fn people(path: &str, body: &str) -> Vec<String> {
    let page = extract(&Url::parse(&format!("https://acme.example{path}")).unwrap(), &format!("<title>Acme Corp</title>{body}"));
    let show = |Person { name, role, email, .. }: &Person| {
        [Some(name.clone()), role.clone(), email.clone()].map(Option::unwrap_or_default).join("|").trim_end_matches('|').to_owned()
    };
    page.people.iter().map(show).collect()
}

#[test]
fn a_part_of_the_page_is_each_persons() {
    for (layout, wanted) in [
        ("<div class=c><p>Owner</p><h3>Ann Lee</h3></div><div class=c><p>Baker</p><h3>Bo Öst</h3></div>", "Ann Lee|Owner, Bo Öst|Baker"),
        (
            "<figure><img><figcaption><b>Ann Lee</b><i>Owner</i></figcaption></figure><figure><figcaption><b>Bo Öst</b><i>Baker</i></figcaption></figure>",
            "Ann Lee|Owner, Bo Öst|Baker",
        ),
        ("<table><tr><td>Owner<td>Ann Lee<tr><td>Baker<td>Bo Öst</table>", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<table><tr><td>Ann Lee<td>x. 12<td>Owner<tr><td>Bo Öst<td>x. 13<td>Baker</table>", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<dl><dt>Owner<dd>Ann Lee<dt>Baker<dd>Bo Öst</dl>", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<p><strong>Ann Lee</strong> Owner</p><p><strong>Bo Öst</strong>, Baker</p>", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<li><span>Ann Lee</span><span>Owner</span><li><span>Bo Öst</span><span>Baker</span>", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<li>Ann Lee · Owner<li>Bo Öst—Baker", "Ann Lee|Owner, Bo Öst|Baker"),
        ("<div><h4>Ann Lee</h4><p>She joined in 1999 and never left.</p><p>Owner</p></div>", "Ann Lee|Owner"),
        ("<div><p>Name: Ann Lee<p>Position: Owner<p>ann [at] acme [dot] example</div>", "Ann Lee|Owner|ann@acme.example"),
        (
            "<div><h3>Ann Lee</h3><p>Owner</p><a href='mailto:ann@acme.example'><svg></svg></a></div><div><a href='mailto:bo@acme.example'></a><h3>Bo Öst</h3><p>Baker</div>",
            "Ann Lee|Owner|ann@acme.example, Bo Öst|Baker|bo@acme.example",
        ),
        ("<li>Ann Lee, Owner <a href='mailto:ann@acme.example'>write</a><li>Bo Öst, Baker", "Ann Lee|Owner|ann@acme.example, Bo Öst|Baker"),
        ("<p><b>Ann Lee</b> Owner <i>ann at acme dot example</i></p>", "Ann Lee|Owner|ann@acme.example"),
        ("<div class=vcard><b class=fn>Ann Lee</b> <i class=title>Owner</i> <i class=org>Acme Corp</i></div>", "Ann Lee|Owner"),
        (
            "<div itemscope itemtype='https://schema.org/Person'><b itemprop=name>Ann Lee</b><i itemprop=jobTitle>Owner</i></div>",
            "Ann Lee|Owner",
        ),
        (
            "<div vocab='https://schema.org/' typeof=Person><b property=name>Ann Lee</b><i property=jobTitle>Owner</i></div>",
            "Ann Lee|Owner",
        ),
    ] {
        assert_eq!(people("/x", layout).join(", "), wanted, "{layout}");
    }
}

#[test]
fn on_a_page_of_the_team_any_words_are_a_role() {
    let cards = "<div><h3>Ann Lee</h3><p>Keeps the books balanced</p></div><div><h3>Bo Öst</h3><p>Quilt Whisperer</p></div>";
    let wanted = ["Ann Lee|Keeps the books balanced", "Bo Öst|Quilt Whisperer"];
    assert_eq!(people("/our-team", cards), wanted);
    assert_eq!(
        people("/x", &format!("<h2>The faces behind the counter</h2>{cards}<h2>News</h2><div><h3>Cy Dunn</h3><p>Loved it</p></div>")),
        wanted
    );
    assert_eq!(people("/x", &format!("<section class='staff-grid'>{cards}</section>")), wanted);
    assert_eq!(people("/x", cards), Vec::<String>::new(), "elsewhere it takes a word for a role");
    assert_eq!(people("/staff", "<ul><li>Ann Lee<li>Bo Öst</ul>"), ["Ann Lee", "Bo Öst"]);
    assert_eq!(
        people(
            "/staff",
            "<h2>Acme Corp</h2><p>Since long ago</p><h3>Ann Lee</h3><p>Read more</p><div class=testimonials><b>Cy Dunn</b><p>Happy camper</div>"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn people_in_sentences() {
    for (text, wanted) in [
        ("Please ask our office manager Jane Roe about it.", "Jane Roe|office manager"),
        ("Owner Jane Roe opens the doors at nine.", "Jane Roe|Owner"),
        ("Jane Roe is our head chef and a fine one.", "Jane Roe|head chef"),
        ("Talk to Jane Roe (Sales Manager) or Bo Lee (Owner).", "Jane Roe|Sales Manager, Bo Lee|Owner"),
        ("Jane Roe is a customer of old.", ""),
        ("We met the owner at Harbor View.", ""),
        ("We recommend Jane Roe.", ""),
    ] {
        assert_eq!(people("/x", &format!("<p>{text}")).join(", "), wanted, "{text}");
    }
}
