//! The record beside what was found: field by field what is known, by whom, and what is still lacking.

use serde::Serialize;

use super::plan::Lack;
use super::record::Record;
use super::want::Want;
use crate::enrich::claim::Field;
use crate::enrich::matching::domain_of;
use crate::enrich::person::{self, PersonName};
use crate::enrich::research::leaf::{as_fraction, source_id};
use crate::enrich::research::merge::same;
use crate::enrich::research::resolve::Standing;
use crate::enrich::research::{Business, Finding, Leaf, Outcome, Research, Resolution};
use crate::enrich::vendors::email::{self, Candidate, Known as Coworker};
use crate::enrich::vendors::website::Person;

/// From this confidence on a value counts as known, in percent.
const SURE: u32 = 55;
/// What is lacking of a value that only the business itself says: somebody else could confirm it.
const ONE_SIDED: u32 = 10;
/// What is lacking of a value that only lists say: the business could.
const HEARSAY: u32 = 25;
/// What is lacking of a value that only the record has: nobody else said it.
const UNCONFIRMED: u32 = 35;
/// A derived address is shown where so many known ones are made in that way.
const SUPPORT_MIN: u32 = 2;
/// What is lacking of a value that others contradict without being sure.
const DISPUTED: u32 = 30;

/// One field of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldValue {
    /// What the sources say.
    pub value: String,
    /// In percent; a fraction of one on the wire.
    #[serde(serialize_with = "as_fraction")]
    pub confidence: u32,
    /// Who says so.
    pub sources: Vec<String>,
    /// What the record has, where it has anything.
    pub previous: Option<String>,
    /// What other sources say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Leaf>,
}

impl FieldValue {
    fn new(leaf: Leaf, own: Option<&str>) -> Self {
        let Leaf { value, confidence, sources, alternatives } = leaf;
        Self { value, confidence, sources, previous: own.map(str::to_owned), alternatives }
    }
}

/// All that is known at one moment.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Which findings are about the business.
    pub resolution: Resolution,
    /// These findings, in the order of their source ids.
    pub members: Vec<(Finding, Standing)>,
    /// The business, merged.
    pub business: Option<Business>,
    /// The person at the business, where one is named and was found.
    pub person: Option<Found>,
    /// By the record's keys, in the order of [`Want::ALL`].
    pub fields: Vec<(&'static str, FieldValue)>,
    /// What is lacking.
    pub lack: Lack,
    /// The findings that are pages of the business's own site.
    pub own_pages: Vec<usize>,
    /// The name that was found.
    pub company: Option<String>,
    /// The person's address as it follows from the coworkers', before it was checked.
    pub derived_email: Option<Candidate>,
}

/// The person, as the sources know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// As the source writes it.
    pub name: String,
    /// What they do there.
    pub role: Option<Leaf>,
    /// Their own address.
    pub email: Option<Leaf>,
    /// Their own number.
    pub phone: Option<Leaf>,
}

/// Brings the record and the findings together. Pure.
pub(super) fn known(record: &Record, research: &Research<'_>) -> Known {
    let Outcome { resolution, members, business } = research.outcome();
    let own = resolution.members.iter().filter(|(_, standing)| *standing >= Standing::Own);
    let own_pages = own.map(|(at, _)| *at).collect();
    let company = business.as_ref().and_then(|business| business.name.as_ref()).map(|name| name.value.clone());
    let mut known = Known {
        resolution,
        members,
        business,
        person: None,
        fields: Vec::new(),
        lack: Want::ALL.map(|want| (want, 100)),
        own_pages,
        company,
        derived_email: None,
    };
    if let Some(name) = record.person() {
        known.person = find_person(name, &known.members);
        // Who isn't among the people that the business names may have left.
        known.derived_email = known.person.as_ref().and_then(|_| derive_email(name, &known));
    }
    for want in Want::ALL {
        let leaf = known.business.as_ref().and_then(|business| answer(want, business, record, research, &known));
        let own = record.value(want);
        let lacking = match (&leaf, own) {
            _ if want == Want::Title && record.person().is_none() => 0,
            (Some(leaf), Some(own)) if says_the_same(want, &leaf.value, own, record) => 0,
            (Some(leaf), _) if leaf.confidence >= SURE => unconfirmed(leaf, &known.members),
            (Some(_), Some(_)) => DISPUTED,
            (Some(leaf), None) => 100 - leaf.confidence,
            (None, Some(_)) => UNCONFIRMED,
            (None, None) => 100,
        };
        if let Some(slot) = known.lack.iter_mut().find(|(of, _)| *of == want) {
            slot.1 = lacking;
        }
        if let Some(leaf) = leaf {
            known.fields.push((want.key(), FieldValue::new(leaf, own)));
        }
    }
    if let Some(leaf) = known.business.as_ref().and_then(|business| business.website.clone()) {
        known.fields.push(("website", FieldValue::new(leaf, None)));
    }
    known
}

/// What is lacking of a value that is known: a second word for it, of somebody who doesn't have it from the first.
fn unconfirmed(leaf: &Leaf, members: &[(Finding, Standing)]) -> u32 {
    let saying = members.iter().enumerate().filter(|(source, _)| leaf.sources.contains(&source_id(*source))).map(|(_, member)| member);
    let (own, others): (Vec<_>, Vec<_>) = saying.partition(|(_, standing)| *standing >= Standing::Own);
    match (own.is_empty(), others.is_empty()) {
        (false, false) => 0,
        (false, true) => ONE_SIDED,
        (true, _) => HEARSAY,
    }
}

/// The value that the sources give a want.
fn answer(want: Want, business: &Business, record: &Record, research: &Research<'_>, known: &Known) -> Option<Leaf> {
    let address = &business.address;
    match want {
        Want::Company => business.name.clone(),
        Want::Website => {
            let leaf = business.website.as_ref()?;
            Some(Leaf { value: domain_of(&leaf.value)?, ..leaf.clone() })
        }
        Want::Phone => {
            // A number that the record has and a source confirms is the answer, whichever other numbers there are.
            let confirmed = business.phones.iter().find(|leaf| record.has_number(&leaf.value));
            confirmed.or(business.phones.first()).cloned()
        }
        Want::Email if record.person().is_none() => {
            let confirmed = business.emails.iter().find(|leaf| record.email() == Some(leaf.value.as_str()));
            confirmed.or(business.emails.first()).cloned()
        }
        // A private address is no wrong one: that of the business stands with the person.
        Want::Email if record.has_private_email() => None,
        Want::Email => personal_email(research, known),
        Want::Title => known.person.as_ref()?.role.clone(),
        Want::Street => address.street.clone(),
        Want::City => address.city.clone(),
        Want::State => address.state.clone(),
        Want::Zip => address.zip.clone(),
        Want::Country => address.country.clone(),
    }
}

/// Whether the record already says it.
pub(super) fn says_the_same(want: Want, found: &str, own: &str, record: &Record) -> bool {
    match want {
        Want::Phone => record.has_number(found),
        Want::Website => found.eq_ignore_ascii_case(own) || domain_of(&format!("https://{own}/")).as_deref() == Some(found),
        Want::Title => same(&Field::Category, found, own),
        Want::Company | Want::Email | Want::Street | Want::City | Want::State | Want::Zip | Want::Country => {
            want.field().is_some_and(|field| same(&field, found, own))
        }
    }
}

/// The named person among those who work there, the most alike first.
fn find_person(name: &str, members: &[(Finding, Standing)]) -> Option<Found> {
    let mut best: Option<(u32, Standing, usize, &Person)> = None;
    // Where the business itself names its people, what lists say of others is out of date.
    let names_its_own = members.iter().any(|(finding, standing)| *standing >= Standing::Own && !finding.people.is_empty());
    let speaking = members.iter().enumerate().filter(|(_, (_, standing))| !names_its_own || *standing >= Standing::Own);
    for (source, (finding, standing)) in speaking {
        for person in &finding.people {
            let likeness = person::likeness(name, &person.name);
            let says_more = |other: &Person| {
                [&person.role, &person.email, &person.phone].into_iter().flatten().count()
                    > [&other.role, &other.email, &other.phone].into_iter().flatten().count()
            };
            let better = best.is_none_or(|(alike, stands, _, other)| {
                (likeness, *standing) > (alike, stands) || ((likeness, *standing) == (alike, stands) && says_more(other))
            });
            if likeness >= person::LIKELY_SAME && better {
                best = Some((likeness, *standing, source, person));
            }
        }
    }
    let (likeness, standing, source, person) = best?;
    let base = if standing >= Standing::Own { 90 } else { 65 };
    let leaf = |value: &Option<String>| value.as_ref().map(|value| Leaf::new(value, base * likeness / 100, std::iter::once(source)));
    Some(Found { name: person.name.clone(), role: leaf(&person.role), email: leaf(&person.email), phone: leaf(&person.phone) })
}

/// The person's own address: stated, else the one that was derived and whose domain takes mail.
fn personal_email(research: &Research<'_>, known: &Known) -> Option<Leaf> {
    if let Some(email) = known.person.as_ref().and_then(|person| person.email.clone()) {
        return Some(email);
    }
    let derived = known.derived_email.as_ref().filter(|derived| research.takes_mail(&derived.email))?;
    let mut sources: Vec<String> = coworkers(known).map(|(source, _)| source_id(source)).collect();
    sources.dedup();
    Some(Leaf { value: derived.email.clone(), confidence: derived.confidence, sources, alternatives: Vec::new() })
}

/// Names and addresses of those who work there, with their source.
fn coworkers(known: &Known) -> impl Iterator<Item = (usize, Coworker)> {
    let people =
        known.members.iter().enumerate().flat_map(|(source, (finding, _))| finding.people.iter().map(move |person| (source, person)));
    people.filter_map(|(source, person)| Some((source, Coworker { name: person.name.clone(), email: person.email.clone()? })))
}

/// The address that the person would have if theirs were made as their coworkers' are.
fn derive_email(name: &str, known: &Known) -> Option<Candidate> {
    if known.person.as_ref().is_some_and(|person| person.email.is_some()) {
        return None;
    }
    let coworkers: Vec<Coworker> = coworkers(known).map(|(_, coworker)| coworker).collect();
    let domain = known.business.as_ref()?.website.as_ref().and_then(|website| domain_of(&website.value))?;
    let candidates = email::candidates(&PersonName::parse(name)?, &domain, &coworkers);
    candidates.into_iter().find(|candidate| candidate.support >= SUPPORT_MIN)
}
