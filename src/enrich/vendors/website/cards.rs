//! People in a layout made for them: each in a part of the page of their own, whatever stands before or behind their name.
//!
//! Where a page or a part of it says that it is about the team, what stands with a name is what they do, in whatever words; elsewhere
//! it takes a word that is known for a role.

use std::collections::HashMap;

use scraper::ElementRef;
use url::Url;

use super::facts::PageKind;
use super::html::{self, Line, short_text};
use super::links;
use super::people::{Mention, is_name, is_role, without_credentials};
use crate::enrich::words::fold;

/// A role in words that are known.
const CARD: u8 = 60;
/// In words that only the place makes a role, or none.
const TEAM: u8 = 50;

/// How far up the part of the page that is one person's may reach.
const LEVELS_MAX: usize = 6;
/// A longer part is the page's, in lines.
const CARD_LINES_MAX: usize = 12;
const ROLE_CHARS_MAX: usize = 60;
const ROLE_WORDS_MAX: usize = 7;

/// Words of headings over people, folded, besides those of links to them.
const HEADINGS: &[&str] = &[
    "crew",
    "faces",
    "folks",
    "who s who",
    "people behind",
    "behind the",
    "meet our",
    "meet the",
    "our family",
    "employees",
    "experts",
    "kollegen",
    "belegschaft",
    "collaborateurs",
    "colaboradores",
    "collaboratori",
    "collega s",
    "board",
    "partners and associates",
];
/// Beginnings of the words in classes and ids of such parts.
const CLASSES: &[&str] =
    &["team", "staff", "member", "employee", "people", "person", "crew", "leadership", "mitarbeiter", "equipe", "equipo"];
/// What stands with people and is nothing that they do, folded.
const NOT_ROLES: &[&str] = &[
    "read",
    "more",
    "bio",
    "view",
    "profile",
    "contact",
    "email",
    "mail",
    "call",
    "phone",
    "tel",
    "telephone",
    "linkedin",
    "facebook",
    "twitter",
    "instagram",
    "website",
    "vcard",
    "book",
    "appointment",
    "click",
    "here",
    "learn",
    "message",
    "send",
    "write",
    "back",
    "top",
    "menu",
    "home",
    "photo",
    "image",
    "monday",
    "friday",
    "open",
    "closed",
    "copyright",
    "telefon",
    "kontakt",
    "courriel",
    "correo",
];

/// Where the page is about the team, line by line.
pub(super) fn team_lines(page: &Url, title: &str, lines: &[Line<'_>]) -> Vec<bool> {
    let says = |text: &str| {
        let folded = fold(text);
        let padded = format!(" {folded} ");
        let is_short = folded.split(' ').count() <= 6;
        is_short && (links::is_kind(&folded, PageKind::Team) || HEADINGS.iter().any(|words| padded.contains(&format!(" {words} "))))
    };
    let first = title.split(['|', '–', '—', '·', '»']).next().unwrap_or_default();
    let whole = links::kind_by_address(page) == Some(PageKind::Team) || says(first.split(" - ").next().unwrap_or_default());
    let mut section: Option<usize> = None;
    let marked: Vec<bool> = lines
        .iter()
        .map(|line| {
            if let Some(level) = html::heading_level(line.element)
                && !is_name(without_credentials(&line.text))
            {
                section = if says(&line.text) { Some(level) } else { section.filter(|of| level > *of) };
            }
            let above = std::iter::once(line.element).chain(line.element.ancestors().take(LEVELS_MAX).filter_map(ElementRef::wrap));
            let named = above.take_while(|element| !matches!(element.value().name(), "body" | "main")).any(|element| {
                let names = [element.attr("class"), element.attr("id")];
                let is_word = |word: &str| CLASSES.iter().any(|class| word.starts_with(class));
                names.into_iter().flatten().any(|names| names.len() < 200 && fold(names).split(' ').any(is_word))
            });
            section.is_some() || named
        })
        .collect();
    marked.into_iter().map(|team| team || whole).collect()
}

/// Somebody set apart.
pub(super) struct Card<'a> {
    /// The line of their name.
    pub(super) at: usize,
    /// The part of the page that is theirs alone, where there is one.
    pub(super) part: Option<ElementRef<'a>>,
    pub(super) mention: Mention,
}

/// The people, in the order of the page.
pub(super) fn find<'a>(lines: &[Line<'a>], team: &[bool], is_own_name: &dyn Fn(&str) -> bool) -> Vec<Card<'a>> {
    let in_team = |at: usize| team.get(at).copied().unwrap_or(false);
    let set_apart: Vec<(usize, Mention)> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.is_navigation && line.text.len() <= 140)
        .filter_map(|(at, line)| Some((at, of_pieces(line, in_team(at)).filter(|mention| !is_own_name(&mention.person.name))?)))
        .collect();
    let is_heavy = |at: usize| lines.get(at).is_some_and(|line| is_heavy(line.element));
    let mut named: Vec<(usize, String)> = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !line.is_navigation && line.text.len() <= 80 && !set_apart.iter().any(|(apart, _)| apart == at))
        .filter_map(|(at, line)| Some((at, name_of(&line.text)?)))
        .filter(|(_, name)| !is_own_name(name))
        .collect();
    // "Night Auditor" has the form of a name; below a heading that is one, it is what that person does.
    let all: Vec<usize> = named.iter().map(|(at, _)| *at).collect();
    named.retain(|(at, _)| {
        !(in_team(*at) && !is_heavy(*at) && at.checked_sub(1).is_some_and(|above| all.contains(&above) && is_heavy(above)))
    });
    let cards = Cards::of(lines, &named);
    let role_at = |at: usize, name: &str| -> Option<(String, u8)> {
        let line = lines.get(at).filter(|line| !line.is_navigation)?;
        let text = without_label(&line.text);
        if text == name || named.iter().any(|(named, _)| *named == at) {
            return None;
        }
        if is_role(text) {
            return Some((text.to_owned(), CARD));
        }
        (in_team(at) && could_be_role(text)).then(|| (text.to_owned(), TEAM))
    };
    // Flat pages have no part for each: there the role is the next line everywhere, or the one before.
    let votes =
        |offset: isize| named.iter().filter(|(at, name)| neighbor(*at, offset).is_some_and(|at| role_at(at, name).is_some())).count();
    let (before, behind) = (votes(-1), votes(1));
    let order: [isize; 2] = if before > behind { [-1, 1] } else { [1, -1] };
    let mut found = Vec::new();
    for (index, (at, name)) in named.iter().enumerate() {
        let inside = cards.lines(index);
        let is_flat = inside.len() <= 1;
        let near = order.iter().take(if is_flat { 1 } else { 2 }).filter_map(|offset| neighbor(*at, *offset));
        let near: Vec<usize> = near.filter(|other| is_flat || inside.contains(other)).collect();
        let rest = inside.iter().copied().filter(|other| !near.contains(other) && other != at);
        let roles = near.iter().copied().chain(rest).filter_map(|other| role_at(other, name));
        // Any line may stand before a single name.
        let roles: Vec<(String, u8)> =
            roles.filter(|(_, strength)| *strength == CARD || !is_flat || before < behind || before > 1).collect();
        let best = roles.iter().find(|(_, strength)| *strength == CARD).or(roles.first());
        let mention = match best {
            Some((role, strength)) => Mention::new(name, Some(role), *strength),
            // A list of names, in a part for them.
            None if in_team(*at) && is_one_of_several(index, lines, &named) => Mention::new(name, None, TEAM),
            None => None,
        };
        found.extend(mention.map(|mention| Card { at: *at, part: cards.part(index), mention }));
    }
    found.extend(set_apart.into_iter().map(|(at, mention)| Card { at, part: lines.get(at).and_then(|line| block(line.element)), mention }));
    found.sort_by_key(|card| card.at);
    found
}

/// Set as a heading or in bold.
fn is_heavy(element: ElementRef<'_>) -> bool {
    let near = std::iter::once(element).chain(element.ancestors().take(1).filter_map(ElementRef::wrap));
    near.into_iter().any(|element| matches!(element.value().name(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "b" | "strong" | "dt" | "th"))
}

fn neighbor(at: usize, offset: isize) -> Option<usize> {
    at.checked_add_signed(offset)
}

/// The name that a line is, and nothing else but letters behind it.
fn name_of(text: &str) -> Option<String> {
    let name = without_credentials(without_label(text)).trim_end_matches([',', '.', ':']);
    is_name(name).then(|| name.to_owned())
}

/// "Name: Jane Roe" and "Position: Owner" without the label.
fn without_label(text: &str) -> &str {
    const LABELS: [&str; 11] =
        ["name", "position", "role", "title", "job title", "job", "funktion", "fonction", "cargo", "puesto", "functie"];
    match text.split_once(':') {
        Some((label, rest)) if LABELS.contains(&fold(label).as_str()) => rest.trim(),
        Some(_) | None => text.trim(),
    }
}

/// Short, of words alone, and none of those that stand with anybody.
fn could_be_role(text: &str) -> bool {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').collect();
    (3..=ROLE_CHARS_MAX).contains(&text.chars().count())
        && words.len() <= ROLE_WORDS_MAX
        && text.starts_with(char::is_alphabetic)
        && !text.contains(|letter: char| letter.is_ascii_digit() || "@!?:;\"“”…|".contains(letter))
        && !text.trim_end().ends_with('.')
        && !words.iter().any(|word| NOT_ROLES.contains(word))
        && !words.iter().any(|word| {
            matches!(*word, "we" | "you" | "your" | "i" | "he" | "she" | "they" | "is" | "was" | "has" | "wir" | "sie" | "nous" | "vous")
        })
}

/// The block that a line's text stands in.
pub(super) fn block(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let around = std::iter::once(element).chain(element.ancestors().take(4).filter_map(ElementRef::wrap));
    around.into_iter().find(|element| html::breaks(element.value().name())).filter(|block| block.value().name() != "body")
}

/// A line whose parts are set apart by how they look: `<b>Jane Roe</b> Owner`.
fn of_pieces(line: &Line<'_>, in_team: bool) -> Option<Mention> {
    let block = block(line.element)?;
    let clean = |text: &str| text.trim_matches(|letter: char| letter.is_whitespace() || ",–—-|:·•()/~".contains(letter)).to_owned();
    let mut pieces: Vec<String> = Vec::new();
    for child in block.children().take(20) {
        let text = match (child.value().as_text(), ElementRef::wrap(child)) {
            (Some(text), _) => text.to_string(),
            (None, Some(element)) => short_text(element, 100),
            (None, None) => continue,
        };
        pieces.extend(Some(clean(&text)).filter(|text| !text.is_empty() && line.text.contains(text.as_str())));
    }
    if !(2..=4).contains(&pieces.len()) {
        return None;
    }
    let (at, name) = pieces.iter().enumerate().find_map(|(at, piece)| Some((at, name_of(piece)?)))?;
    let others = || pieces.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, piece)| piece);
    if let Some(role) = others().find(|piece| is_role(piece)) {
        return Mention::new(&name, Some(role), CARD);
    }
    let role = others().find(|piece| in_team && could_be_role(piece) && name_of(piece).is_none())?;
    Mention::new(&name, Some(role), TEAM)
}

fn with_ancestors(element: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    std::iter::once(element).chain(element.ancestors().filter_map(ElementRef::wrap).take(LEVELS_MAX)).collect()
}

/// Which part of the page is whose.
struct Cards<'a> {
    /// By name: the largest part of the page that holds this name and no other, and its lines.
    parts: Vec<Option<(ElementRef<'a>, Vec<usize>)>>,
}

impl<'a> Cards<'a> {
    fn of(lines: &[Line<'a>], named: &[(usize, String)]) -> Self {
        let above = |at: usize| lines.get(at).map(|line| with_ancestors(line.element)).unwrap_or_default();
        let mut names_in = HashMap::new();
        for (at, _) in named {
            for element in above(*at) {
                *names_in.entry(element.id()).or_insert(0_usize) += 1;
            }
        }
        let lines_of = |card: ElementRef<'_>, at: usize| -> Vec<usize> {
            let around = at.saturating_sub(CARD_LINES_MAX)..lines.len().min(at + CARD_LINES_MAX + 1);
            around.filter(|other| above(*other).iter().any(|element| element.id() == card.id())).collect()
        };
        let card_of = |at: usize| {
            let parts = above(at);
            let own = parts.iter().take_while(|element| {
                names_in.get(&element.id()) == Some(&1) && !matches!(element.value().name(), "body" | "main" | "html" | "footer" | "header")
            });
            // The largest that isn't too large.
            let own = own.map(|element| (*element, lines_of(*element, at))).take_while(|(_, lines)| lines.len() <= CARD_LINES_MAX);
            own.last()
        };
        Self { parts: named.iter().map(|(at, _)| card_of(*at)).collect() }
    }

    fn lines(&self, index: usize) -> &[usize] {
        self.parts.get(index).and_then(Option::as_ref).map(|(_, lines)| lines.as_slice()).unwrap_or_default()
    }

    fn part(&self, index: usize) -> Option<ElementRef<'a>> {
        self.parts.get(index)?.as_ref().map(|(part, _)| *part)
    }
}

/// Whether the next name or the one before is set in the same way.
fn is_one_of_several(index: usize, lines: &[Line<'_>], named: &[(usize, String)]) -> bool {
    let shape = |index: usize| {
        let element = lines.get(named.get(index)?.0)?.element;
        Some((element.value().name(), ElementRef::wrap(element.parent()?)?.value().name()))
    };
    let own = shape(index);
    own.is_some() && (shape(index + 1) == own || index.checked_sub(1).is_some_and(|before| shape(before) == own))
}

#[cfg(test)]
#[path = "cards_tests.rs"]
mod tests;
