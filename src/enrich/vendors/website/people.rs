//! People in a page's plain HTML: cards, tables, lists of definitions, and prose such as "Jane Roe, Owner".
//!
//! A name is only taken for one where a role stands next to it; by itself "Harbor View" could be anybody. What stands with a
//! person, an address or a number, is theirs only where it shares a small part of the page with the name.

use scraper::ElementRef;

use super::contact;
use super::facts::Person;
use super::html::Line;
use super::prose;
use super::roles::{is_article, is_role_word};
use crate::enrich::claim::{Claim, Field, plain};
use crate::enrich::words::fold;

/// A line of its own for each is a layout made for it; a sentence may be about anybody.
const CARD: u8 = 60;
const SENTENCE: u8 = 45;

const PEOPLE_MAX: usize = 40;
const ROLE_CHARS_MAX: usize = 80;
/// Lines after a name that may still be about the person.
const LINES_MAX: usize = 8;
/// How far up the part of the page that is the person's may begin.
const LEVELS_MAX: usize = 4;

/// Somebody, and how far that is relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) person: Person,
    pub(super) strength: u8,
}

impl Mention {
    pub(super) fn new(name: &str, role: Option<&str>, strength: u8) -> Option<Self> {
        let name = plain(name);
        let role = role.map(plain).filter(|role| !role.is_empty());
        (name.chars().any(char::is_alphabetic)).then_some(Self { person: Person { name, role, email: None, phone: None }, strength })
    }

    pub(super) fn claim(&self, strength: u8) -> Option<Claim> {
        Claim::new(Field::Person, &self.person.name, strength).map(|claim| claim.with_note(self.person.role.as_deref()))
    }
}

/// The people whom the lines name, each once.
pub(super) fn find(lines: &[Line<'_>], country: &str) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if found.len() >= PEOPLE_MAX {
            break;
        }
        if line.is_navigation || line.text.len() > 1000 {
            continue;
        }
        let next = lines.get(at + 1).map(|next| next.text.as_str());
        let mentions = of_line(&line.text, next);
        let alone = mentions.len() == 1;
        for mut mention in mentions {
            if alone && mention.strength == CARD {
                add_contacts(&mut mention.person, at, lines, country);
            }
            match found.iter_mut().find(|known| known.person.name == mention.person.name) {
                Some(known) => {
                    known.person.email = known.person.email.take().or(mention.person.email);
                    known.person.phone = known.person.phone.take().or(mention.person.phone);
                }
                None => found.push(mention),
            }
        }
    }
    found
}

fn of_line(line: &str, next: Option<&str>) -> Vec<Mention> {
    let name = without_credentials(line);
    if is_name(name) {
        return next.filter(|next| is_role(next)).and_then(|role| Mention::new(name, Some(role), CARD)).into_iter().collect();
    }
    // "Owner: Jane Roe", "Jane Roe – Owner", "Jane Roe (Owner)".
    for separator in [": ", " – ", " — ", " - ", " | ", " / ", " (", ", "] {
        let Some((one, other)) = line.split_once(separator) else { continue };
        let (one, other) = (one.trim(), other.trim().trim_end_matches([')', '.']));
        for (name, role) in [(one, other), (other, one)] {
            let many: Vec<&str> =
                name.split([',', ';']).flat_map(|part| part.split(" und ").flat_map(|part| part.split(" and "))).map(str::trim).collect();
            if is_role(role) && many.len() <= 6 && many.iter().all(|name| is_name(name)) {
                return many.into_iter().filter_map(|name| Mention::new(name, Some(role), CARD)).collect();
            }
        }
    }
    in_prose(line)
}

/// "… with Jane Roe, our owner, and …"
fn in_prose(line: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices(", ").take(20) {
        let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + 2..).unwrap_or_default());
        let Some(name) = last_name(before) else { continue };
        let phrase = after.split([',', '.', ';', '(', '!', '?']).next().unwrap_or_default();
        let words: Vec<&str> = phrase.split(' ').skip_while(|word| is_article(&fold(word))).collect();
        // It has to begin with the role: "Jane Roe, Tampa's best owner" is too far from one.
        let length = words.iter().take(4).rposition(|word| is_role_word(&fold(word))).map_or(0, |last| last + 1);
        let is_one = words.first().is_some_and(|word| is_role_word(&fold(word))) || (length > 0 && length <= 3 && length == words.len());
        if is_one && let Some(role) = words.get(..length) {
            found.extend(Mention::new(name, Some(&role.join(" ")), SENTENCE));
        }
    }
    found
}

/// The capitalized words at the end, if they are a name.
fn last_name(text: &str) -> Option<&str> {
    let start = |count: usize| text.rmatch_indices(' ').nth(count - 1).map_or(0, |(at, _)| at + 1);
    [4, 3, 2].into_iter().filter_map(|count| text.get(start(count)..)).find(|name| is_name(name))
}

/// Whether a line is somebody's name: two to five words, each with a capital or a particle, none that names a thing.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.trim();
    if text.len() > 60 || text.chars().any(|letter| letter.is_ascii_digit() || "@:;/|!?&()[]{}<>\"”“#*+=_$%€".contains(letter)) {
        return false;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let folded: Vec<String> = words.iter().map(|word| fold(word)).collect();
    let is_title = |word: &str| TITLES.contains(&word);
    let is_particle = |word: &str| PARTICLES.contains(&word);
    let telling: Vec<(&&str, &String)> =
        words.iter().zip(&folded).filter(|(_, folded)| !is_title(folded) && !is_particle(folded)).collect();
    (2..=6).contains(&words.len())
        && (2..=4).contains(&telling.len())
        && telling.iter().all(|(word, folded)| {
            let mut letters = word.chars();
            letters.next().is_some_and(char::is_uppercase)
                && word.chars().all(|letter| letter.is_alphabetic() || matches!(letter, '.' | '-' | '\'' | '’' | ','))
                && !is_role_word(folded)
                && !THINGS.contains(&folded.as_str())
        })
        // Initials only are no name.
        && telling.iter().filter(|(_, folded)| folded.len() > 1).count() >= 1
        && telling.last().is_some_and(|(word, folded)| folded.len() > 1 && !word.ends_with(','))
}

/// "Jane Roe, DDS" and "Jane Roe, Ph.D." without what comes behind.
fn without_credentials(text: &str) -> &str {
    match text.split_once(',') {
        Some((name, rest)) if rest.len() <= 24 && rest.split([',', ' ']).filter(|word| !word.is_empty()).all(is_credential) => name.trim(),
        Some(_) | None => text.trim(),
    }
}

fn is_credential(word: &str) -> bool {
    let letters: String = word.chars().filter(|letter| *letter != '.').collect();
    if is_role_word(&letters.to_lowercase()) {
        return false; // "CEO".
    }
    (2..=6).contains(&letters.len()) && letters.chars().filter(char::is_ascii_uppercase).count() >= 2
        || matches!(letters.as_str(), "Jr" | "Sr" | "Esq")
}

/// Whether a line is a role and little else.
pub(super) fn is_role(text: &str) -> bool {
    let words: Vec<String> = fold(text).split(' ').map(str::to_owned).collect();
    text.chars().count() <= ROLE_CHARS_MAX
        && words.len() <= 9
        && !text.contains(['@', '!', '?'])
        && !text.trim_end().ends_with(':')
        && words.iter().any(|word| is_role_word(word))
        // A sentence about somebody is no role.
        && !words.iter().any(|word| matches!(word.as_str(), "we" | "you" | "your" | "i" | "wir" | "sie" | "nous" | "vous" | "was" | "has" | "will" | "can"))
}

/// An address and a number behind the name, up to the next name, in the same small part of the page.
fn add_contacts(person: &mut Person, at: usize, lines: &[Line<'_>], country: &str) {
    let Some(line) = lines.get(at) else { return };
    let near: Vec<_> = line
        .element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .take_while(|above| !matches!(above.value().name(), "body" | "main" | "section" | "footer" | "table" | "tbody" | "ul" | "ol"))
        .take(LEVELS_MAX)
        .map(|above| above.id())
        .chain(std::iter::once(line.element.id()))
        .collect();
    for (offset, other) in lines.iter().skip(at).take(LINES_MAX).enumerate() {
        if offset > 0 && is_name(without_credentials(&other.text)) {
            break;
        }
        let is_theirs = std::iter::once(other.element)
            .chain(other.element.ancestors().take(LEVELS_MAX + 4).filter_map(ElementRef::wrap))
            .any(|above| near.contains(&above.id()));
        if !is_theirs {
            continue;
        }
        let target = |scheme: &str| {
            let mut above = std::iter::once(other.element).chain(other.element.ancestors().take(3).filter_map(ElementRef::wrap));
            above.find_map(|element| {
                element.attr("href").filter(|href| href.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(scheme)))
            })
        };
        let email = target("mailto")
            .and_then(contact::email)
            .or_else(|| contact::emails(&other.text, 1).into_iter().next().map(|(email, _)| email));
        person.email = person.email.take().or(email);
        let number = target("tel").and_then(|href| prose::number(contact::without_scheme(href, "tel"), country));
        let written =
            || prose::phones(&other.text, Some(country), 1).into_iter().next().and_then(|phone| prose::number(&phone.number, country));
        person.phone = person.phone.take().or_else(|| number.or_else(written));
    }
}

const TITLES: &[&str] = &[
    "dr", "prof", "mr", "mrs", "ms", "miss", "herr", "frau", "mme", "m", "sr", "sra", "dra", "don", "dona", "rev", "sir", "ing", "dipling",
    "med",
];

const PARTICLES: &[&str] = &[
    "de", "da", "do", "dos", "das", "di", "del", "della", "der", "den", "van", "von", "zu", "la", "le", "du", "des", "el", "al", "bin",
    "ben", "y", "e", "ter",
];

/// Words of headings and menus, and of businesses and places.
const THINGS: &[&str] = &[
    "about",
    "academy",
    "address",
    "agency",
    "all",
    "and",
    "apply",
    "area",
    "areas",
    "ave",
    "avenue",
    "bakery",
    "blog",
    "blvd",
    "book",
    "boulevard",
    "business",
    "call",
    "care",
    "careers",
    "center",
    "city",
    "clinic",
    "company",
    "contact",
    "cookie",
    "corp",
    "county",
    "customer",
    "dental",
    "department",
    "directions",
    "drive",
    "email",
    "emergency",
    "estate",
    "family",
    "faq",
    "find",
    "follow",
    "for",
    "free",
    "friday",
    "from",
    "furniture",
    "gallery",
    "get",
    "gmbh",
    "group",
    "guide",
    "hardware",
    "help",
    "history",
    "home",
    "hours",
    "house",
    "in",
    "inc",
    "insurance",
    "join",
    "kontakt",
    "law",
    "learn",
    "legal",
    "llc",
    "location",
    "locations",
    "ltd",
    "mail",
    "main",
    "management",
    "map",
    "meet",
    "menu",
    "mission",
    "monday",
    "more",
    "new",
    "news",
    "notice",
    "of",
    "office",
    "online",
    "opening",
    "our",
    "phone",
    "policy",
    "privacy",
    "products",
    "project",
    "quality",
    "read",
    "request",
    "restaurant",
    "reviews",
    "road",
    "roofing",
    "saturday",
    "service",
    "services",
    "shop",
    "site",
    "social",
    "staff",
    "store",
    "street",
    "sunday",
    "supply",
    "team",
    "terms",
    "the",
    "to",
    "us",
    "view",
    "welcome",
    "with",
    "your",
];

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::super::html;
    use super::*;

    fn people(body: &str) -> Vec<String> {
        let document: Html = html::parse(body);
        let lines = html::lines(document.root_element());
        let show = |Mention { person: Person { name, role, email, phone }, .. }| {
            [Some(name), role, email, phone].map(Option::unwrap_or_default).join("|").trim_end_matches('|').to_owned()
        };
        find(&lines, "US").into_iter().map(show).collect()
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
}
