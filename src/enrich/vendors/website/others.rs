//! Whether a line of a page speaks of somebody else than the business: a partner, a neighbor, whoever made the site.

use std::collections::BTreeSet;

use scraper::ElementRef;
use url::Url;

use super::html::{self, Line, Pattern, pattern, short_text};
use super::{contact, prose};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::domain_of;
use crate::enrich::words::fold;

/// How far a number is relied on, in percent, that stands in a running text, which may be about anybody.
pub(super) const RUNNING: u8 = 40;
/// The same, where that text names or leads to somebody else.
pub(super) const BESIDE_ANOTHER: u8 = 25;

/// Longer lines are running text, in bytes.
const RUNNING_BYTES_MIN: usize = 90;
/// How far up the part of a page reaches that is given over to others.
const LEVELS_MAX: usize = 8;
/// A longer block is a part of the page, not a line of it, in characters.
const BLOCK_CHARS_MAX: usize = 400;

/// Headings under which a business lists others, folded; and the classes and ids of such parts.
const PARTS_OF_OTHERS: &[&str] = &[
    "partner",
    "partners",
    "sponsor",
    "sponsors",
    "supplier",
    "suppliers",
    "affiliate",
    "affiliates",
    "neighbor",
    "neighbors",
    "neighbour",
    "neighbours",
    "friends",
    "nearby",
    "testimonial",
    "testimonials",
    "review",
    "reviews",
    "advert",
    "adverts",
    "advertisement",
    "advertisements",
    "ads",
    "credit",
    "credits",
    "recommended",
    "recommendations",
    "empfehlungen",
    "partenaires",
    "lieferanten",
    "sponsoren",
    "fournisseurs",
    "socios",
    "parceiros",
    "colaboradores",
    "proveedores",
];

/// Hosts that a business links to when it speaks of itself: maps, and where to book, pay or rate it.
const OWN_ELSEWHERE: &[&str] = &[
    "google",
    "goo",
    "apple",
    "waze",
    "bing",
    "openstreetmap",
    "mapquest",
    "tripadvisor",
    "bbb",
    "g",
    "wa",
    "whatsapp",
    "opentable",
    "zocdoc",
    "calendly",
    "squareup",
    "resy",
    "booking",
    "doordash",
    "grubhub",
    "ubereats",
    "paypal",
    "stripe",
    "eventbrite",
];

static ANCHOR: Pattern = pattern!("a[href]");

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

/// What tells a page's lines about others from those about the business.
pub(super) struct Bystanders<'a> {
    host: Option<String>,
    own: BTreeSet<String>,
    lang: Option<&'a str>,
    /// The lines in a part of the page that is given over to others.
    listed: Vec<bool>,
}

impl<'a> Bystanders<'a> {
    /// Of the page at `page`; `claims` are what it says of the business.
    pub(super) fn read<'c>(page: &Url, lang: Option<&'a str>, lines: &[Line<'_>], claims: impl Iterator<Item = &'c Claim>) -> Self {
        Self { host: domain_of(page.as_str()), own: own_words(claims), lang, listed: listed(lines) }
    }

    /// Whether a line is in a part of the page that is given over to others.
    pub(super) fn is_listed(&self, at: usize) -> bool {
        self.listed.get(at).copied().unwrap_or(false)
    }

    /// The most that a number on the line at `at` is relied on; `digits` are its last ones. A line may have several parts, such
    /// as the business's own number and that of whoever made the site.
    pub(super) fn strength_max(&self, at: usize, line: &Line<'_>, digits: &str) -> u8 {
        let parts = line.text.split(['|', '•', '·', '¦']).flat_map(|part| part.split(" – ").flat_map(|part| part.split(" — ")));
        let part = parts.into_iter().find(|part| !digits.is_empty() && digits_of(part).contains(digits)).unwrap_or(&line.text);
        if self.is_listed(at) || is_about_another(part, &self.own, self.lang) || self.leads_elsewhere(line, part) {
            return BESIDE_ANOTHER;
        }
        if is_running(line) { RUNNING } else { u8::MAX }
    }

    /// Whether a part of a line has a link to somebody else's site.
    fn leads_elsewhere(&self, line: &Line<'_>, part: &str) -> bool {
        let around = std::iter::once(line.element).chain(line.element.ancestors().take(LEVELS_MAX).filter_map(ElementRef::wrap));
        let block = around.into_iter().find(|element| html::breaks(element.value().name()));
        let Some(block) = block.filter(|block| block.value().name() != "body") else { return false };
        if short_text(block, BLOCK_CHARS_MAX).chars().count() + 1 >= BLOCK_CHARS_MAX {
            return false;
        }
        let mut links = ANCHOR.iter().flat_map(|anchor| block.select(anchor)).take(10);
        links.any(|link| {
            let Some(host) = link.attr("href").filter(|href| contact::social(href).is_none()).and_then(domain_of) else { return false };
            let label = host.rsplit('.').nth(1).unwrap_or_default();
            let is_known = self.host.as_ref() == Some(&host) || host.split('.').chain([label]).any(|label| OWN_ELSEWHERE.contains(&label));
            let shown = short_text(link, 100);
            !is_known && !shown.is_empty() && part.contains(&shown)
        })
    }
}

/// The lines under a heading that says they are about others, and those in a part of the page that is named so.
fn listed(lines: &[Line<'_>]) -> Vec<bool> {
    let mut of_others: Option<usize> = None;
    let is_word = |word: &str| PARTS_OF_OTHERS.contains(&word);
    lines
        .iter()
        .map(|line| {
            if let Some(level) = html::heading_level(line.element) {
                let says = line.text.len() <= 60 && fold(&line.text).split(' ').any(is_word);
                of_others = if says { Some(level) } else { of_others.filter(|of| level > *of) };
            }
            let above = std::iter::once(line.element).chain(line.element.ancestors().take(LEVELS_MAX).filter_map(ElementRef::wrap));
            let named = above.into_iter().take_while(|element| !matches!(element.value().name(), "body" | "main")).any(|element| {
                let names = [element.attr("class"), element.attr("id")];
                names.into_iter().flatten().any(|names| names.len() < 200 && fold(names).split(' ').any(is_word))
            });
            of_others.is_some() || named
        })
        .collect()
}

/// Whether a line is a sentence in a text, and not one of those that say where and how the business is to be had.
fn is_running(line: &Line<'_>) -> bool {
    line.text.len() > RUNNING_BYTES_MIN && !html::is_typeset(line.element)
}

pub(super) fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The words by which the page calls the business, and where it says that is.
fn own_words<'c>(claims: impl Iterator<Item = &'c Claim>) -> BTreeSet<String> {
    let own = claims.filter(|claim| matches!(claim.field, Field::Name | Field::LegalName | Field::Street | Field::City | Field::State));
    own.flat_map(|claim| fold(&claim.value).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether the line credits, recommends or names somebody else: two words in capitals beside one another that are neither the
/// business's own nor a label, such as "Yarrow Auto Repair". In German every noun has a capital, so there it takes a word for it.
fn is_about_another(line: &str, own: &BTreeSet<String>, lang: Option<&str>) -> bool {
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

    #[test]
    fn names_of_others() {
        let own =
            own_words([Claim::new(Field::Name, "Cobalt Accounting", 60).unwrap(), Claim::new(Field::Name, "Portland", 30).unwrap()].iter());
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
