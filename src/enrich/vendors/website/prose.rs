//! Phone numbers in running text, where a page says them to people only, and what their labels say they are.

use std::sync::LazyLock;

use regex::Regex;

use crate::enrich::phone;
use crate::enrich::words::fold;

type Shape = LazyLock<Option<Regex>>;

/// North American numbers with separators; digits alone could be anything.
static NORTH_AMERICA: Shape = LazyLock::new(|| {
    Regex::new(r"(?-u)(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}(?: ?[./-] ?| ))[2-9][0-9]{2}(?: ?[.-] ?| )[0-9]{4}\b").ok()
});
/// Ten digits, which are a number to call only right behind a label that says so.
static BARE: Shape = LazyLock::new(|| Regex::new(r"(?-u)\b[2-9][0-9]{2}[2-9][0-9]{6}\b").ok());
/// Numbers with their country code.
static INTERNATIONAL: Shape = LazyLock::new(|| Regex::new(r"(?-u)(?:\+|\b00)[1-9][0-9]{0,2}(?:[ ./()-]{0,3}[0-9]){6,12}\b").ok());
/// Numbers of other countries, which begin with a zero.
static NATIONAL: Shape = LazyLock::new(|| Regex::new(r"(?-u)\(?\b0[1-9][0-9]{0,4}\)?(?:[ ./-]{1,3}[0-9]{2,8}){1,5}\b").ok());

/// Labels of numbers that nobody should call.
const FAX: &[&str] = &["fax", "telefax", "telecopie", "facsimile", "telefaxnummer"];
const OTHER: &[&str] = &[
    "tracking",
    "order",
    "invoice",
    "vat",
    "ustid",
    "ust",
    "ustidnr",
    "steuernummer",
    "siret",
    "siren",
    "rcs",
    "ein",
    "tax",
    "license",
    "licence",
    "lic",
    "npi",
    "iban",
    "isbn",
    "hrb",
    "kvk",
    "btw",
    "nif",
    "cif",
    "cnpj",
    "partita",
    "iva",
    "item",
    "sku",
    "ref",
    "case",
    "account",
];
const PHONE: &[&str] = &[
    "phone",
    "tel",
    "telephone",
    "telefon",
    "telefono",
    "telefone",
    "telefoon",
    "call",
    "mobile",
    "mobil",
    "cell",
    "handy",
    "office",
    "main",
    "local",
    "tollfree",
    "fon",
    "ph",
    "t",
    "p",
    "m",
    "llamenos",
    "appelez",
    "bel",
    "rufen",
    "whatsapp",
];

/// Whoever made the site puts themselves below it.
const CREDITS: &[&str] = &[
    "site by",
    "website by",
    "web site by",
    "design by",
    "designed by",
    "designed and",
    "developed by",
    "powered by",
    "hosted by",
    "created by",
    "built by",
    "marketing by",
    "photos by",
    "photography by",
    "web design",
    "webdesign",
    "realisation",
    "realise par",
    "site realise",
    "cree par",
    "diseno web",
    "disenado por",
    "desarrollado por",
    "desenvolvido por",
    "criado por",
    "realizzato da",
    "sito web",
    "umsetzung",
    "konzeption",
    "erstellt von",
    "gemaakt door",
    "website door",
    // Others whom a business speaks of.
    "our friends",
    "our partner",
    "our neighbor",
    "our neighbour",
    "our sister",
    "our supplier",
    "partner of",
    "partner company",
    "friends at",
    "friends of",
    "recommend",
    "sponsored by",
    "in cooperation with",
    "unsere partner",
    "unser partner",
    "wir empfehlen",
    "notre partenaire",
    "nos partenaires",
    "nous recommandons",
    "nuestro socio",
    "nuestros socios",
    "recomendamos",
    "nosso parceiro",
    "nossos parceiros",
];

/// A number as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phone {
    pub(super) number: String,
    /// A word such as "phone" stands before it.
    pub(super) is_labelled: bool,
}

/// What the words before a number make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    None,
    Phone,
    /// A fax, or no number to call at all.
    Other,
}

/// Phone numbers in `text`, its lines divided by `\n`, in order, at most `max`; faxes and the like left out, and what stands in
/// a line about whoever made the site. `country` is what is known of the page.
pub(super) fn phones(text: &str, country: Option<&str>, max: usize) -> Vec<Phone> {
    let national = country.filter(|country| !phone::is_north_american(country)).map(|_| &NATIONAL);
    let text = &text.replace(['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}'], "-");
    let bare = if national.is_none() { Some(&BARE) } else { None };
    let shapes = [Some(&NORTH_AMERICA), Some(&INTERNATIONAL), national, bare];
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for shape in shapes.into_iter().flatten() {
        for found in shape.iter().flat_map(|shape| shape.find_iter(text)).take(10 * max) {
            let overlaps = spans.iter().any(|(from, to)| found.start() < *to && *from < found.end());
            if !overlaps && (7..=15).contains(&found.as_str().bytes().filter(u8::is_ascii_digit).count()) {
                spans.push((found.start(), found.end()));
            }
        }
    }
    spans.sort_unstable();
    let mut phones = Vec::new();
    let mut last_end = 0;
    for (from, to) in spans {
        let number = text.get(from..to).unwrap_or_default();
        // Longer than it looks, such as an account number.
        let goes_on = text.get(to..).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
        let label = label(text.get(last_end..from).unwrap_or_default());
        last_end = to;
        let is_bare = number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_bare && !ends_in_label(text.get(..from).unwrap_or_default()) {
            continue;
        }
        if label != Label::Other && !goes_on && !is_credit(line_around(text, from)) && phones.len() < max {
            phones.push(Phone { number: number.trim_start_matches('(').to_owned(), is_labelled: label == Label::Phone });
            if let (Some(last), true) = (phones.last_mut(), number.contains(')')) {
                number.clone_into(&mut last.number);
            }
        }
    }
    phones
}

/// As it is shown; a leading `00` is a plus.
pub(super) fn number(text: &str, country: &str) -> Option<String> {
    let text = text.replace("%20", " ").replace("(0)", " ");
    match text.trim().strip_prefix("00") {
        Some(rest) => phone::shown(&format!("+{rest}"), country),
        None => phone::shown(&text, country),
    }
}

/// What the text right before a number says of it: the last label counts. A label on a line of its own is one too.
pub(super) fn label(before: &str) -> Label {
    let from = before.ceil_char_boundary(before.len().saturating_sub(60));
    let near = before.get(from..).unwrap_or_default();
    let (above, line) = near.trim_end_matches([' ', '(']).rsplit_once('\n').unwrap_or(("", near));
    let near = if line.chars().any(char::is_alphanumeric) { line } else { above.rsplit('\n').next().unwrap_or_default() };
    let folded = fold(near).replace("toll free", "tollfree");
    // A sentence further off isn't a label.
    let words = folded.split(' ').rev().take(6);
    for word in words {
        if FAX.contains(&word) || OTHER.contains(&word) {
            return Label::Other;
        }
        if PHONE.contains(&word) {
            return Label::Phone;
        }
    }
    Label::None
}

/// Whether the last word is a label of numbers to call.
fn ends_in_label(before: &str) -> bool {
    let from = before.ceil_char_boundary(before.len().saturating_sub(20));
    let folded = fold(before.get(from..).unwrap_or_default().rsplit('\n').next().unwrap_or_default());
    folded.rsplit(' ').next().is_some_and(|word| PHONE.contains(&word))
}

/// Whether a line is about whoever made the site.
pub(super) fn is_credit(line: &str) -> bool {
    let folded = fold(line.get(..line.floor_char_boundary(400)).unwrap_or_default());
    CREDITS.iter().any(|words| folded.starts_with(words) || folded.contains(&format!(" {words}")))
}

/// The part of a line that a place is in: footers have several.
fn line_around(text: &str, at: usize) -> &str {
    const ENDS: [char; 5] = ['\n', '|', '•', '·', '¦'];
    let before = text.get(..at).unwrap_or_default();
    let start = before.char_indices().rfind(|(_, letter)| ENDS.contains(letter)).map_or(0, |(at, letter)| at + letter.len_utf8());
    let start = text.ceil_char_boundary(start.max(at.saturating_sub(150)));
    let end = text.get(at..).and_then(|after| after.find(ENDS)).map_or(text.len(), |length| at + length);
    text.get(start..text.floor_char_boundary(end.min(at + 150))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str, country: Option<&str>) -> String {
        let show = |Phone { number, is_labelled }| format!("{number}{}", if is_labelled { " !" } else { "" });
        phones(text, country, 9).into_iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn numbers_with_separators_and_their_labels() {
        for (country, text, wanted) in [
            (None, "Call (813) 555-0142 or 813.555.0143.", "(813) 555-0142 !, 813.555.0143"),
            (None, "Order 8135550145, since 1987-2020, id 123-456-78901", ""),
            (None, "Phone: 813-555-0142 Fax: 813-555-0144", "813-555-0142 !"),
            (None, "Fax\n813-555-0144\nPhone\n813-555-0142", "813-555-0142 !"),
            (None, "Tracking number 813-555-0144, license 813-555-0145", ""),
            (None, "Fax 813-555-0144. Our shop is at the harbor and you can also come by boat: 813-555-0142", "813-555-0142"),
            (None, "Tel. +44 20 7946 0018", "+44 20 7946 0018 !"),
            (None, "T: +49 (0)89 123456-0", "+49 (0)89 123456-0 !"),
            (None, "089 / 12 34 56", ""),
            (Some("DE"), "Telefon 089 / 12 34 56, Telefax: 089 / 12 34 57", "089 / 12 34 56 !"),
            (Some("DE"), "(089) 123 456", "(089) 123 456"),
            (Some("FR"), "Tél. 01 23 45 67 89", "01 23 45 67 89 !"),
            (Some("GB"), "Phone 020 7946 0018", "020 7946 0018 !"),
            (None, "Website by Pixel Agency 813-555-0199\n813-555-0142", "813-555-0142"),
            (None, "© Acme | Designed by Pixel, 813-555-0199", ""),
            (None, "Acme 813-555-0142 | Designed by Pixel, 813-555-0199", "813-555-0142"),
        ] {
            assert_eq!(said(text, country), wanted, "{text}");
        }
        assert_eq!(number("+49 (0)89 123456-0", "DE").as_deref(), Some("+49891234560"));
        assert_eq!(number("0044 20 7946 0018", "US").as_deref(), Some("+442079460018"));
    }

    proptest! {
        #[test]
        fn any_text_has_phones_or_none(text in "[0-9 ()+.\n/-]{0,80}") {
            prop_assert!(phones(&text, Some("DE"), 5).len() <= 5);
        }
    }
}
