//! People in a page's plain HTML: cards, tables, lists of definitions, and prose such as "Jane Roe, Owner".
//!
//! A name is only taken for one where a role stands next to it; by itself "Harbor View" could be anybody. What stands with a
//! person, an address or a number, is theirs only where it shares a small part of the page with the name.

use scraper::ElementRef;

use super::cards::Card;
use super::facts::Person;
use super::html::{Line, Pattern, pattern};
pub(super) use super::names::{is_name, without_credentials};
use super::prose;
use super::roles::{is_article, is_role_word};
use super::{cards, contact};
use crate::enrich::claim::{Claim, Field, plain};
use crate::enrich::words::fold;

/// A line of its own for each is a layout made for it; a sentence may be about anybody.
const CARD: u8 = 60;
const SENTENCE: u8 = 45;

const PEOPLE_MAX: usize = 40;
/// Words of a line that are looked at.
const WORDS_MAX: usize = 200;
const ROLE_CHARS_MAX: usize = 80;
/// Lines after a name that may still be about the person.
const LINES_MAX: usize = 8;
/// How far up the part of the page that is the person's may begin.
const LEVELS_MAX: usize = 4;

/// Links of one person's part of the page that are looked at.
const LINKS_MAX: usize = 20;
static LINKED: Pattern = pattern!("a[href], [data-cfemail], [data-domain], [data-email]");

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

/// The people whom the lines name, each once. `team` says where the page is about the team; `is_own_name` tells the business's
/// own name from a person's.
pub(super) fn find(lines: &[Line<'_>], team: &[bool], country: &str, is_own_name: &dyn Fn(&str) -> bool) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let add = |found: &mut Vec<Mention>, mention: Mention| match found
        .iter_mut()
        .find(|known| fold(&known.person.name) == fold(&mention.person.name))
    {
        Some(known) => {
            known.person.role = known.person.role.take().or(mention.person.role);
            known.person.email = known.person.email.take().or(mention.person.email);
            known.person.phone = known.person.phone.take().or(mention.person.phone);
        }
        None => found.push(mention),
    };
    for Card { at, part, mut mention } in cards::find(lines, team, is_own_name).into_iter().take(PEOPLE_MAX) {
        add_linked(&mut mention.person, part, country);
        add_contacts(&mut mention.person, at, lines, country);
        add(&mut found, mention);
    }
    for (at, line) in lines.iter().enumerate() {
        if found.len() >= PEOPLE_MAX {
            break;
        }
        if line.is_navigation || line.text.len() > 1000 {
            continue;
        }
        let mentions = of_line(&line.text);
        let alone = mentions.len() == 1;
        for mut mention in mentions.into_iter().filter(|mention| !is_own_name(&mention.person.name)) {
            if alone && mention.strength == CARD {
                add_linked(&mut mention.person, cards::block(line.element), country);
                add_contacts(&mut mention.person, at, lines, country);
            }
            add(&mut found, mention);
        }
    }
    found
}

fn of_line(line: &str) -> Vec<Mention> {
    if is_name(without_credentials(line)) {
        return Vec::new(); // What stands around it tells.
    }
    // "Owner: Jane Roe", "Jane Roe – Owner", "Jane Roe (Owner)".
    for separator in [": ", " – ", " — ", " - ", " | ", " / ", " · ", " • ", " ~ ", " -- ", "—", "; ", " (", ", "] {
        let Some((one, other)) = line.split_once(separator) else { continue };
        let (one, other) = (one.trim(), other.trim().trim_end_matches([')', '.']));
        for (name, role) in [(one, other), (other, one)] {
            let role = without_call(role);
            let many: Vec<&str> =
                name.split([',', ';']).flat_map(|part| part.split(" und ").flat_map(|part| part.split(" and "))).map(str::trim).collect();
            if is_role(role) && many.len() <= 6 && many.iter().all(|name| is_name(name)) {
                return many.into_iter().filter_map(|name| Mention::new(name, Some(role), CARD)).collect();
            }
        }
    }
    let mut found = in_prose(line);
    found.extend(
        beside_in_prose(line)
            .into_iter()
            .filter(|other| !found.iter().any(|known| known.person.name == other.person.name))
            .collect::<Vec<_>>(),
    );
    found
}

/// "Owner write" without the text of the link behind it.
fn without_call(role: &str) -> &str {
    const CALLS: [&str; 10] = ["write", "email", "e-mail", "mail", "call", "contact", "profile", "bio", "more", "linkedin"];
    let rest = role.rsplit_once(' ').filter(|(_, last)| CALLS.contains(&last.to_lowercase().as_str()));
    rest.map_or(role, |(rest, _)| rest.trim_end())
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

/// "… ask our office manager Jane Roe …", "Jane Roe is our office manager".
fn beside_in_prose(line: &str) -> Vec<Mention> {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).take(WORDS_MAX).collect();
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    let ends = |word: &str| word.ends_with(['.', ',', ';', ':', '!', '?', ')']);
    let is_role_at = |at: usize| words.get(at).is_some_and(|word| is_role_word(&fold(word)));
    // The longest name that begins at a word, and where it ends.
    let name_at = |from: usize| {
        (2..=4).rev().find_map(|count| {
            let name = words.get(from..from + count)?;
            let (last, before) = name.split_last()?;
            let whole = [before, &[last.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '’', '\''])]].concat().join(" ");
            (!before.iter().any(|word| word.ends_with([',', ';', ':'])) && is_name(&whole)).then_some((whole, from + count))
        })
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((name, end)) = name_at(at) else {
            at += 1;
            continue;
        };
        // The words of the role before it, up to an article or a capital.
        let before: Vec<String> = (0..at)
            .rev()
            .take(3)
            .map_while(|at| words.get(at).filter(|word| !ends(word) && !is_article(&fold(word))))
            .map(|word| bare(word))
            .collect();
        let is_lower = |word: &String| word.starts_with(char::is_lowercase);
        let count = before.iter().take_while(|word| is_lower(word)).count().max(usize::from(!before.is_empty()));
        let before: Vec<String> = before.into_iter().take(count).rev().collect();
        let is_sentence_start = at >= 2;
        if at > 0 && is_role_at(at - 1) && !ends(words.get(at - 1).copied().unwrap_or_default()) {
            // "Ask manager Jane Roe" has a verb in front of the role.
            let role = if is_sentence_start && before.len() == at { before.iter().skip(1).cloned().collect() } else { before };
            let from = role.iter().rposition(|word| !is_role_word(&fold(word)) && !is_modifier(word)).map_or(0, |at| at + 1);
            found.extend(Mention::new(
                &name,
                Some(&role.get(from..).unwrap_or_default().join(" ")).filter(|role| !role.is_empty()).map(String::as_str),
                SENTENCE,
            ));
        } else if words.get(end).is_some_and(|word| matches!(fold(word).as_str(), "is" | "ist" | "est" | "es"))
            && words.get(end + 1).is_some_and(|word| is_article(&fold(word)) && fold(word) != "de")
        {
            let rest: Vec<&str> = words.iter().skip(end + 2).take(4).copied().collect();
            let stop = rest.iter().position(|word| ends(word)).map_or(rest.len(), |at| at + 1);
            let rest: Vec<String> = rest.iter().take(stop).map(|word| bare(word)).collect();
            let last = rest.iter().rposition(|word| is_role_word(&fold(word)));
            if let Some(role) = last.and_then(|last| rest.get(..=last)) {
                found.extend(Mention::new(&name, Some(&role.join(" ")), SENTENCE));
            }
        } else if let Some(rest) = words.get(end..).map(|rest| rest.join(" ")).filter(|rest| rest.starts_with('('))
            && let Some((role, _)) = rest.trim_start_matches('(').split_once(')')
            && is_role(role)
        {
            found.extend(Mention::new(&name, Some(role), SENTENCE));
        }
        at = end;
    }
    found
}

/// Whether a word makes a role more exact: "head", "office", "assistant" before what it is.
fn is_modifier(word: &str) -> bool {
    const MODIFIERS: [&str; 30] = [
        "office",
        "head",
        "general",
        "senior",
        "junior",
        "assistant",
        "associate",
        "managing",
        "executive",
        "deputy",
        "store",
        "shop",
        "service",
        "sales",
        "project",
        "lead",
        "chief",
        "co",
        "founding",
        "front",
        "desk",
        "customer",
        "account",
        "operations",
        "marketing",
        "master",
        "vice",
        "regional",
        "site",
        "kitchen",
    ];
    MODIFIERS.contains(&fold(word).as_str())
}

/// The capitalized words at the end, if they are a name.
fn last_name(text: &str) -> Option<&str> {
    let start = |count: usize| text.rmatch_indices(' ').nth(count - 1).map_or(0, |(at, _)| at + 1);
    [4, 3, 2].into_iter().filter_map(|count| text.get(start(count)..)).find(|name| is_name(name))
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

/// What the links of somebody's own part of the page lead to; an icon has no text.
fn add_linked(person: &mut Person, part: Option<ElementRef<'_>>, country: &str) {
    let elements = part.into_iter().flat_map(|part| LINKED.iter().flat_map(move |linked| part.select(linked))).take(LINKS_MAX);
    for element in elements {
        person.email = person.email.take().or_else(|| contact::email_of(element));
        let number = || {
            let (scheme, number) = element.attr("href")?.split_once(':')?;
            scheme.trim().eq_ignore_ascii_case("tel").then(|| prose::number(number, country)).flatten()
        };
        person.phone = person.phone.take().or_else(number);
    }
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

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
