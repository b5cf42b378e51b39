//! Notices that change what a page is worth: closed for good, moved, or no business's page at all.

use scraper::Html;

use super::html::{Line, Pattern, pattern, select};
use crate::enrich::claim::plain;
use crate::enrich::words::fold;

const CLOSED: &[&str] = &[
    "permanently closed",
    "closed permanently",
    "closed our doors for good",
    "have closed our doors",
    "has closed its doors",
    "closed for good",
    "gone out of business",
    "out of business",
    "no longer in business",
    "ceased trading",
    "ceased operations",
    "has closed permanently",
    "have closed permanently",
    "closed its doors for good",
    "closed our doors",
    "shut down for good",
    "closed forever",
    "retired and closed",
    "are now closed for good",
    "thank you for the years",
    "no longer open",
    "no longer operating",
    "business is closed",
    "dauerhaft geschlossen",
    "endgultig geschlossen",
    "geschaftsaufgabe",
    "definitivement ferme",
    "ferme definitivement",
    "cessation d activite",
    "cerrado permanentemente",
    "cerrado definitivamente",
    "permanentemente cerrado",
    "permanentemente fechado",
    "encerrado definitivamente",
    "encerramos as atividades",
    "chiuso definitivamente",
    "cessata attivita",
    "permanent gesloten",
    "definitief gesloten",
];

const MOVED: &[&str] = &[
    "we have moved",
    "weve moved",
    "we moved to",
    "has moved to",
    "we are moving to",
    "our new location is",
    "wir sind umgezogen",
    "wir ziehen um",
    "nous avons demenage",
    "nous demenageons",
    "nos hemos mudado",
    "nos mudamos",
    "mudamos de endereco",
    "mudamos de morada",
    "ci siamo trasferiti",
    "wij zijn verhuisd",
    "we zijn verhuisd",
];

/// Said of something else than the business, or of something that isn't so.
const NOT: &[&str] = &["not ", "never ", "if ", "nicht ", "pas ", "no esta", "niet ", "when "];

const PARKED: &[&str] = &[
    "domain is for sale",
    "domain may be for sale",
    "domain name is for sale",
    "domain for sale",
    "buy this domain",
    "this domain is parked",
    "domain is parked",
    "parked free courtesy",
    "domain parking",
    "parked domain",
    "this domain has expired",
    "domain has expired",
    "get this domain",
    "inquire about this domain",
    "diese domain steht zum verkauf",
    "domain steht zum verkauf",
    "domain kaufen",
    "domaine est a vendre",
    "nom de domaine est a vendre",
    "dominio esta en venta",
    "dominio en venta",
    "dominio esta a venda",
    "dominio a venda",
    "dominio e in vendita",
    "dominio in vendita",
    "domein is te koop",
    "domeinnaam is te koop",
    "this web page is parked",
    "future home of something quite cool",
    "website coming soon courtesy",
];

/// Those who park domains; their scripts do what the page is for.
const PARKING_HOSTS: &[&str] = &[
    "sedoparking.com",
    "sedo.com/search",
    "parkingcrew.net",
    "bodis.com",
    "hugedomains.com",
    "afternic.com",
    "dan.com/buy",
    "above.com",
    "parklogic.com",
    "domainmarket.com",
    "img.sedoparking",
    "d38psrni17bvxu.cloudfront.net",
    "godaddy.com/domainsearch",
    "undeveloped.com",
    "skenzo.com",
];

/// A page with more to read than that isn't parked, in characters.
const PARKED_CHARS_MAX: usize = 1500;

static SOURCES: Pattern = pattern!("script[src], iframe[src], img[src], frame[src], a[href], meta[content]");

/// The sentences that say the business is closed for good, and that it has moved.
pub(super) fn closed_and_moved(title: &str, lines: &[Line<'_>]) -> (Option<String>, Option<String>) {
    let shown = std::iter::once(title).chain(lines.iter().map(|line| line.text.as_str())).filter(|line| line.len() <= 1000);
    let (mut closed, mut moved) = (None, None);
    for line in shown.take(2000) {
        for sentence in line.split_inclusive(['.', '!', ';']) {
            let folded = fold(sentence);
            let says = |phrases: &[&str]| {
                let hit = phrases.iter().find_map(|phrase| folded.find(phrase));
                // "We are not permanently closed" and "moved by your words" are something else.
                hit.is_some_and(|at| {
                    folded.get(..at).is_some_and(|before| !NOT.iter().any(|no| format!(" {before}").contains(&format!(" {no}"))))
                })
            };
            if closed.is_none() && says(CLOSED) {
                closed = Some(plain(sentence));
            }
            if moved.is_none() && says(MOVED) {
                moved = Some(plain(sentence));
            }
        }
    }
    (closed, moved)
}

/// Whether the domain is parked: little to read, and either the words or the scripts of those who do that.
pub(super) fn is_parked(title: &str, lines: &[Line<'_>], document: &Html) -> bool {
    let length: usize = lines.iter().map(|line| line.text.len()).sum();
    if length > PARKED_CHARS_MAX {
        return false;
    }
    let text = fold(&std::iter::once(title).chain(lines.iter().map(|line| line.text.as_str())).collect::<Vec<_>>().join(" "));
    if PARKED.iter().any(|words| text.contains(words)) {
        return true;
    }
    let loads = |host: &str| {
        select(document, &SOURCES).take(300).any(|element| {
            let source = element.attr("src").or_else(|| element.attr("content"));
            source.is_some_and(|source| source.to_ascii_lowercase().contains(host))
        })
    };
    PARKING_HOSTS.iter().any(|host| loads(host))
}

#[cfg(test)]
mod tests {
    use super::super::html;
    use super::*;

    #[test]
    fn closed_for_good_or_moved() {
        let said = |text: &str| {
            let document = html::parse(&format!("<p>{text}"));
            let (closed, moved) = closed_and_moved("", &html::lines(document.root_element()));
            (closed.unwrap_or_default(), moved.unwrap_or_default())
        };
        for (text, closed, moved) in [
            ("Hello. We are <b>permanently closed</b>! Thank you.", "We are permanently closed!", ""),
            ("We’ve moved to 5 Oak St. Come by.", "", "We’ve moved to 5 Oak St."),
            ("Wir sind umgezogen!", "", "Wir sind umgezogen!"),
            ("Le magasin est définitivement fermé", "Le magasin est définitivement fermé", ""),
            ("We are not permanently closed.", "", ""),
            ("Closed on Sundays. Visitors are moved by our art.", "", ""),
        ] {
            assert_eq!(said(text), (closed.to_owned(), moved.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_parked_domain() {
        let is = |body: &str| {
            let document = html::parse(body);
            is_parked("", &html::lines(document.root_element()), &document)
        };
        assert!(is("<h1>acme.example</h1><p>This domain is for sale! Call (813) 555-0199"));
        assert!(is("<h1>Diese Domain steht zum Verkauf</h1>"));
        assert!(is("<script src='https://www.SedoParking.com/x.js'></script>acme"));
        assert!(!is("<h1>Acme</h1><p>Parking behind the house. Homes for sale."));
        assert!(!is(&format!("<p>domain for sale {}", "we write about domains ".repeat(300))));
    }
}
