//! How a domain makes its addresses, learnt from people whose addresses are known, and the address that somebody else there would
//! have by it.
//!
//! A guess is worth what supports it: each known pair is one vote, shared among the patterns that explain it. Nothing is guessed without one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::{Address, is_public_provider};
use crate::enrich::person::{PersonName, spellings};
use crate::enrich::words::fold;

/// Pairs that are looked at; more say nothing new.
pub const KNOWN_MAX: usize = 200;

/// Candidates that are given.
const CANDIDATES_MAX: usize = 5;

/// No guess is more certain, in percent: people leave, and marry.
const CONFIDENCE_MAX: u32 = 95;

/// Guesses below are not worth a mail, in percent.
const CONFIDENCE_MIN: u32 = 5;

/// The known patterns. `f`, `m`, `l` are initials.
const PATTERNS: [&str; 24] = [
    "{first}.{last}",
    "{f}{last}",
    "{first}",
    "{first}{l}",
    "{first}{last}",
    "{f}.{last}",
    "{first}_{last}",
    "{first}-{last}",
    "{last}",
    "{last}.{first}",
    "{last}{f}",
    "{last}.{f}",
    "{last}_{first}",
    "{last}-{first}",
    "{last}{first}",
    "{first}.{l}",
    "{first}_{l}",
    "{f}_{last}",
    "{f}-{last}",
    "{f}{l}",
    "{f}{m}{l}",
    "{f}{m}{last}",
    "{first}.{m}.{last}",
    "{l}{first}",
];

/// Somebody whose address is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Known {
    /// The person's name.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// An address that somebody may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The address.
    pub email: String,
    /// How likely it is theirs, in percent.
    pub confidence: u32,
    /// By which pattern, such as `{f}{last}`.
    pub pattern: String,
    /// How many known people have addresses of this pattern.
    pub support: u32,
    /// How many known people of the domain were looked at.
    pub known: u32,
}

/// How the parts of names are written where there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Style {
    /// As one word: "vonderheide", "annalena".
    Joined,
    /// As it is, with hyphens: "smith-jones".
    Hyphenated,
    /// The last word of the family name, the first of the given name: "heide", "anna".
    One,
}

/// One way to write a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Writing {
    style: Style,
    /// "mueller" rather than "muller".
    umlauts: bool,
    first: String,
    middle: String,
    last: String,
}

/// The addresses that `person` may have at `domain`, the likeliest first. Empty without anybody known there, and at providers where
/// anybody can have a mailbox.
pub fn candidates(person: &PersonName, domain: &str, known: &[Known]) -> Vec<Candidate> {
    if is_public_provider(domain) {
        return Vec::new();
    }
    let people = people(domain, known);
    let votes = votes(&people);
    let (style_votes, umlaut_votes) = preferences(&people);
    let looked_at = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let writings = writings(person);
    let (styles, umlauts) = (distinct(&writings, |writing| writing.style), distinct(&writings, |writing| writing.umlauts));
    let mut found: BTreeMap<String, Candidate> = BTreeMap::new();
    for (pattern, (share, support)) in votes {
        for writing in &writings {
            let Some(local) = rendered(pattern, writing) else { continue };
            let email = format!("{local}@{domain}");
            if Address::parse(&email).is_none() {
                continue;
            }
            // A vote more than there are: one known address is a coin's toss, and certainty is never reached.
            let base = share * 100 / (u64::from(looked_at) * SHARE + SHARE);
            let style = chance(&style_votes, &writing.style, styles);
            let umlaut = chance(&umlaut_votes, &writing.umlauts, umlauts);
            let mut confidence = u32::try_from(base * style / 100 * umlaut / 100).unwrap_or(0).min(CONFIDENCE_MAX);
            // Two people can't have one address, and this one is taken.
            if people.iter().any(|(other, address)| address.local == local && !is_same_person(other, person)) {
                confidence /= 8;
            }
            let candidate = Candidate { email: email.clone(), confidence, pattern: pattern.to_owned(), support, known: looked_at };
            let best = found.entry(email).or_insert_with(|| candidate.clone());
            // Two patterns that lead to one address strengthen it.
            if *best != candidate {
                let sum = (best.confidence + confidence).min(CONFIDENCE_MAX);
                *best = Candidate { confidence: sum, ..if best.confidence >= confidence { best.clone() } else { candidate } };
            }
        }
    }
    let mut found: Vec<Candidate> = found.into_values().filter(|candidate| candidate.confidence >= CONFIDENCE_MIN).collect();
    found.sort_by(|a, b| (std::cmp::Reverse(a.confidence), &a.email).cmp(&(std::cmp::Reverse(b.confidence), &b.email)));
    found.truncate(CANDIDATES_MAX);
    found
}

/// One vote, which may be shared by up to all patterns.
const SHARE: u64 = 5040;

/// Known people of the domain, each address once, with names that could be read. Mailboxes of tasks are nobody's.
fn people(domain: &str, known: &[Known]) -> Vec<(PersonName, Address)> {
    let mut people: Vec<(PersonName, Address)> = Vec::new();
    for Known { name, email } in known.iter().take(KNOWN_MAX) {
        let (Some(name), Some(address)) = (PersonName::parse(name), Address::parse(email)) else { continue };
        if address.domain == domain && !address.is_role() && !people.iter().any(|(_, known)| *known == address) {
            people.push((name, address));
        }
    }
    people
}

/// What each pattern has of the votes, and how many people it explains.
fn votes(people: &[(PersonName, Address)]) -> BTreeMap<&'static str, (u64, u32)> {
    let mut votes: BTreeMap<&'static str, (u64, u32)> = BTreeMap::new();
    for (name, address) in people {
        let writings = writings(name);
        let explains = |pattern: &&&str| writings.iter().any(|writing| rendered(pattern, writing).as_ref() == Some(&address.local));
        let explaining: Vec<&'static str> = PATTERNS.iter().filter(explains).copied().collect();
        let Some(share) = SHARE.checked_div(u64::try_from(explaining.len()).unwrap_or(u64::MAX)) else { continue };
        for pattern in explaining {
            let (sum, support) = votes.entry(pattern).or_default();
            *sum = sum.saturating_add(share);
            *support = support.saturating_add(1);
        }
    }
    votes
}

type Votes<T> = BTreeMap<T, u64>;

/// Which style and which umlauts the known addresses show, from the names that have a choice.
fn preferences(people: &[(PersonName, Address)]) -> (Votes<Style>, Votes<bool>) {
    let (mut styles, mut umlauts) = (Votes::new(), Votes::new());
    for (name, address) in people {
        let all = writings(name);
        let fits: Vec<&Writing> = all
            .iter()
            .filter(|writing| PATTERNS.iter().any(|pattern| rendered(pattern, writing).as_ref() == Some(&address.local)))
            .collect();
        let Some(first) = fits.first() else { continue };
        if distinct(&all, |writing| writing.style) > 1 && fits.iter().all(|writing| writing.style == first.style) {
            *styles.entry(first.style).or_default() += 1;
        }
        if distinct(&all, |writing| writing.umlauts) > 1 && fits.iter().all(|writing| writing.umlauts == first.umlauts) {
            *umlauts.entry(first.umlauts).or_default() += 1;
        }
    }
    (styles, umlauts)
}

/// How likely one of `choices` ways is, in percent, where each known use of it is a vote and each way has one to begin with.
fn chance<T: Ord>(votes: &Votes<T>, way: &T, choices: u64) -> u64 {
    if choices <= 1 {
        return 100;
    }
    let sum: u64 = votes.values().sum();
    (votes.get(way).copied().unwrap_or(0) * 3 + 1) * 100 / (sum * 3 + choices)
}

fn distinct<T: Ord>(writings: &[Writing], of: impl Fn(&Writing) -> T) -> u64 {
    let ways: std::collections::BTreeSet<T> = writings.iter().map(of).collect();
    u64::try_from(ways.len()).unwrap_or(u64::MAX)
}

fn is_same_person(one: &PersonName, other: &PersonName) -> bool {
    crate::enrich::person::likeness(&one.full(), &other.full()) >= crate::enrich::person::LIKELY_SAME
}

/// Every way to write the name, each once. The suffix (Jr.) is left out, as addresses do.
fn writings(name: &PersonName) -> Vec<Writing> {
    let mut writings: Vec<Writing> = Vec::new();
    for style in [Style::Joined, Style::Hyphenated, Style::One] {
        let (firsts, lasts) = (part(&name.first, style, false), part(&name.last, style, true));
        let middle: String = name.middle.chars().next().map(|initial| fold(&initial.to_string())).unwrap_or_default();
        let ways = firsts.len().max(lasts.len());
        for way in 0..ways {
            let pick = |texts: &[String]| texts.get(way).or(texts.last()).cloned().unwrap_or_default();
            let writing = Writing { style, umlauts: way > 0, first: pick(&firsts), middle: middle.clone(), last: pick(&lasts) };
            let is_new = !writings.iter().any(|known| known.first == writing.first && known.last == writing.last);
            if is_new && !writing.first.is_empty() && !writing.last.is_empty() {
                writings.push(writing);
            }
        }
    }
    writings
}

/// A part of a name in a style: without umlauts, and with them written out where there are any.
fn part(text: &str, style: Style, is_last: bool) -> Vec<String> {
    let mut words = text.split([' ', '-']).filter(|word| !word.is_empty());
    match style {
        Style::Joined => spellings(text),
        // A space is no hyphen: particles are joined.
        Style::Hyphenated => {
            let pieces: Vec<Vec<String>> = text.split('-').map(spellings).collect();
            let ways = pieces.iter().map(Vec::len).max().unwrap_or(1);
            (0..ways)
                .map(|way| pieces.iter().filter_map(|piece| piece.get(way).or(piece.last())).cloned().collect::<Vec<_>>().join("-"))
                .collect()
        }
        Style::One => spellings(if is_last { words.next_back() } else { words.next() }.unwrap_or_default()),
    }
}

/// `None` where the name lacks a part: a full given name, or a middle initial.
fn rendered(pattern: &str, writing: &Writing) -> Option<String> {
    let Writing { style: _, umlauts: _, first, middle, last } = writing;
    if (pattern.contains("{first}") && first.chars().count() < 2) || (pattern.contains("{m}") && middle.is_empty()) {
        return None;
    }
    let initial = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let local = pattern
        .replace("{first}", first)
        .replace("{last}", last)
        .replace("{f}", &initial(first))
        .replace("{m}", middle)
        .replace("{l}", &initial(last));
    // What isn't Latin has no address that can be derived from it.
    (local.is_ascii() && !local.is_empty()).then_some(local)
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
