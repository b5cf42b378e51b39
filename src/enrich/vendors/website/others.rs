//! Whether a line of a page speaks of somebody else than the business: a partner, a neighbor, whoever made the site.

use std::collections::BTreeSet;

use super::prose;
use crate::enrich::claim::Claim;
use crate::enrich::words::fold;

/// Words that are set in capitals in labels, and no part of a name.
const LABELS: &[&str] = &[
    "call",
    "us",
    "me",
    "today",
    "now",
    "phone",
    "telephone",
    "tel",
    "fax",
    "office",
    "main",
    "toll",
    "free",
    "customer",
    "service",
    "support",
    "hours",
    "after",
    "emergency",
    "sales",
    "contact",
    "address",
    "email",
    "mail",
    "e",
    "text",
    "cell",
    "mobile",
    "direct",
    "line",
    "front",
    "desk",
    "general",
    "new",
    "patients",
    "appointments",
    "appointment",
    "reservations",
    "booking",
    "bookings",
    "orders",
    "information",
    "info",
    "questions",
    "get",
    "in",
    "touch",
    "visit",
    "find",
    "our",
    "the",
    "and",
    "or",
    "for",
    "at",
    "to",
    "a",
    "of",
    "by",
    "on",
    "open",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "street",
    "avenue",
    "road",
    "drive",
    "lane",
    "court",
    "boulevard",
    "suite",
    "st",
    "ave",
    "rd",
    "dr",
    "ln",
    "ct",
    "blvd",
    "ste",
    "north",
    "south",
    "east",
    "west",
    "all",
    "rights",
    "reserved",
    "copyright",
    "we",
    "you",
    "your",
    "whatsapp",
    "head",
    "headquarters",
    "store",
    "shop",
    "location",
];

/// The words by which the page calls the business.
pub(super) fn own_words(names: &[Claim]) -> BTreeSet<String> {
    names.iter().flat_map(|claim| fold(&claim.value).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether the line credits, recommends or names somebody else: two words in capitals beside one another that are neither the
/// business's own nor a label, such as "Yarrow Auto Repair". In German every noun has a capital, so there it takes a word for it.
pub(super) fn is_about_another(line: &str, own: &BTreeSet<String>, lang: Option<&str>) -> bool {
    if prose::is_credit(line) {
        return true;
    }
    if lang.is_some_and(|lang| lang.to_ascii_lowercase().starts_with("de")) {
        return false;
    }
    let mut run = 0;
    for word in line.split_whitespace() {
        let is_capital = word.trim_start_matches(|letter: char| !letter.is_alphanumeric()).starts_with(char::is_uppercase);
        let folded = fold(word);
        let is_known = folded.split(' ').all(|part| part.is_empty() || own.contains(part) || LABELS.contains(&part));
        let has_digits = word.chars().any(|letter| letter.is_ascii_digit());
        run = if is_capital && !is_known && !has_digits { run + 1 } else { 0 };
        // A state's code behind a city is no name.
        if run >= 2 && !(folded.len() == 2 && word.chars().all(|letter| letter.is_uppercase() || !letter.is_alphabetic())) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::claim::Field;

    #[test]
    fn names_of_others() {
        let own = own_words(&[Claim::new(Field::Name, "Cobalt Accounting", 60).unwrap(), Claim::new(Field::Name, "Portland", 30).unwrap()]);
        for (line, lang, wanted) in [
            ("Call Cobalt Accounting: (503) 555-0137", None, false),
            ("Main Office: (503) 555-0137", None, false),
            ("Our friends: Yarrow Auto Repair, phone (503) 555-0107", None, true),
            ("Pixel Perfect Studio (503) 555-0190", None, true),
            ("Site by Pixel, 503-555-0190", None, true),
            ("120 North Main Street, Portland, OR 97209", None, false),
            ("Call Us Today! 503.555.0137", None, false),
            ("Telefon Zentrale Berlin: 030 23125 710", Some("de-DE"), false),
        ] {
            assert_eq!(is_about_another(line, &own, lang), wanted, "{line}");
        }
    }
}
