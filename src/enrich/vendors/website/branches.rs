//! A page of several addresses in plain HTML: each address with the part of the page that is about it alone.

use std::collections::{BTreeSet, HashMap};

use scraper::ElementRef;

use super::address::Found;
use super::extract::{LABELLED, PROSE, TITLE, joined};
use super::html::Line;
use super::{contact, hours, prose};
use crate::enrich::claim::{Claim, Field};

/// How far up the part of an address may reach.
const LEVELS_MAX: usize = 12;
/// Lines after an address that may be about it.
const FOLLOWING_MAX: usize = 5;
/// Values of one kind that one branch may have.
const VALUES_MAX: usize = 5;

/// A branch of the business.
pub(super) struct Branch {
    pub(super) claims: Vec<Claim>,
    /// The lines that are about it alone.
    pub(super) lines: BTreeSet<usize>,
}

/// The branches at the addresses, each given with its line. `names` are what the page calls the business.
pub(super) fn read(lines: &[Line<'_>], addresses: &[(usize, &Found)], names: &[Claim], country: Option<&str>) -> Vec<Branch> {
    let above = |at: usize| {
        let element = lines.get(at).map(|line| line.element);
        element.into_iter().flat_map(|element| {
            std::iter::once(element).chain(element.ancestors().filter_map(ElementRef::wrap)).take(LEVELS_MAX).collect::<Vec<_>>()
        })
    };
    let mut counts = HashMap::new();
    for (at, _) in addresses {
        for element in above(*at) {
            *counts.entry(element.id()).or_insert(0_usize) += 1;
        }
    }
    let mut branches = Vec::new();
    for (index, (at, found)) in addresses.iter().enumerate() {
        // Flat pages have no part for each: what follows the address up to the next one's heading is about it.
        let next = addresses.get(index + 1).map_or(lines.len(), |(next, _)| *next);
        let parent_of = |at: usize| lines.get(at).and_then(|line| Some(block(line.element).parent()?.id()));
        let follows = (at + 1..next.min(at + 1 + FOLLOWING_MAX))
            .take_while(|other| lines.get(*other).is_some_and(|line| !is_heading(line.element)) && parent_of(*other) == parent_of(*at))
            .collect::<BTreeSet<usize>>();
        // The largest part of the page that holds this address and no other.
        let part = above(*at).take_while(|element| counts.get(&element.id()) == Some(&1) && element.value().name() != "body").last();
        let is_inside = |other: usize| part.is_some_and(|part| above(other).any(|element| element.id() == part.id()));
        let of_part: BTreeSet<usize> =
            (0..lines.len()).filter(|other| *other == *at || is_inside(*other) || follows.contains(other)).collect();
        let own: Vec<&Line<'_>> = of_part.iter().filter_map(|at| lines.get(*at)).collect();
        let text = joined(own.iter().copied()).text;
        let mut claims: Vec<Claim> = names.iter().filter(|claim| claim.field == Field::Name).cloned().collect();
        let heading = own.iter().find(|line| is_heading(line.element)).and_then(|line| Claim::new(Field::Name, &line.text, TITLE));
        claims.extend(heading);
        claims.extend(found.address.claims(LABELLED));
        for phone in prose::phones(&text, country, VALUES_MAX) {
            let strength = if phone.is_labelled { LABELLED } else { PROSE };
            let shown = prose::number(&phone.number, country.unwrap_or("US"));
            claims.extend(shown.and_then(|number| Claim::new(Field::Phone, &number, strength)));
        }
        claims.extend(contact::emails(&text, VALUES_MAX).into_iter().filter_map(|(email, _)| Claim::new(Field::Email, &email, PROSE)));
        claims.extend(hours::find(&text).and_then(|week| Claim::new(Field::Hours, &week.to_string(), PROSE)));
        branches.push(Branch { claims, lines: of_part });
    }
    branches
}

/// The block that a line's text stands in.
fn block(element: ElementRef<'_>) -> ElementRef<'_> {
    let above = element.ancestors().filter_map(ElementRef::wrap);
    std::iter::once(element)
        .chain(above)
        .find(|element| !matches!(element.value().name(), "a" | "span" | "b" | "strong" | "i" | "em" | "small" | "time" | "abbr"))
        .unwrap_or(element)
}

fn is_heading(element: ElementRef<'_>) -> bool {
    let near = std::iter::once(element).chain(element.ancestors().take(2).filter_map(ElementRef::wrap));
    near.map(|element| element.value().name())
        .any(|name| matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "strong" | "b" | "dt" | "th"))
}
