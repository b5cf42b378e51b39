//! What is a person's name, by its form: two or three words in capitals that name no thing.

use super::roles::is_role_word;
use crate::enrich::words::fold;

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
pub(super) fn without_credentials(text: &str) -> &str {
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
