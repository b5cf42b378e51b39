//! Many claims of several sources become one business.
//!
//! Claims that say the same are one value: each source takes away its share of the doubt, a source that says it twice only
//! once. The business's own word goes before that of lists ([`Standing`]), which may agree with one another on what is long out
//! of date. Where a field can have one value only, a contradicting value costs a third of its own weight, and is kept as an
//! alternative. At last everything is weighed with the points of the match. All in whole percent, in the order of the sources,
//! so that it never comes out otherwise.

use std::collections::BTreeMap;

use super::Finding;
use super::leaf::{Address, Business, Leaf, PersonLeaf};
use super::resolve::Standing;
use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::{NAME_RELATED, Subject, domain_of, place, similarity};
use crate::enrich::phone;
use crate::enrich::words::{fold, name_words};

/// Values of one field that are kept.
const VALUES_MAX: usize = 20;
/// Values that contradict the one that is shown, of those that are kept.
const ALTERNATIVES_MAX: usize = 5;
/// What is so much weaker than the strongest is said in passing.
const PASSING: u8 = 14;
/// Said in passing, however often: whoever made a site stands at the foot of all its pages.
const IN_PASSING: u8 = 45;
/// What stands beside somebody else's name is that one's, unless nobody knows another.
const OF_ANOTHER: u8 = 30;
/// What a page's data for machines says.
const STRUCTURED: u8 = 80;
/// Nobody is ever quite sure.
const CONFIDENCE_MAX: u32 = 99;

/// Claims of one value.
struct Group<'a> {
    field: &'a Field,
    /// The strongest claim, the first of equals.
    shown: &'a Claim,
    /// By source, in order: the strongest that each says of it.
    sources: BTreeMap<usize, u8>,
    standing: Standing,
    confidence: u32,
}

/// Merges what the findings say, each with how far it may speak; `score` are the points of the match. A finding's source id is
/// its place in `findings`.
pub fn business(findings: &[(Finding, Standing)], asked: &Subject, score: u32) -> Business {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (source, (finding, standing)) in findings.iter().enumerate() {
        for claim in finding.claims.iter().filter(|claim| is_of_the_business(claim, asked)) {
            let known = groups.iter_mut().find(|group| *group.field == claim.field && same(&claim.field, &group.shown.value, &claim.value));
            if let Some(group) = known {
                group.add(source, *standing, claim);
            } else {
                let sources = [(source, claim.strength)].into();
                groups.push(Group { field: &claim.field, shown: claim, sources, standing: *standing, confidence: 0 });
            }
        }
    }
    for group in &mut groups {
        group.confidence = group.agreement();
    }
    let merged = Merged { groups, score };
    Business {
        name: merged.name(asked),
        legal_name: merged.one(&Field::LegalName),
        phones: merged.own_first(&Field::Phone),
        emails: merged.all_own(&Field::Email),
        website: merged.one(&Field::Website),
        address: Address {
            street: merged.one(&Field::Street),
            city: merged.one(&Field::City),
            state: merged.one(&Field::State),
            zip: merged.one(&Field::Zip),
            country: merged.one(&Field::Country).or_else(|| merged.country_by_the_rest()),
        },
        social: merged.social(),
        categories: merged.all(&Field::Category),
        hours: merged.one(&Field::Hours),
        people: merged.people(),
    }
}

/// A page's title also says "Contact us" and the like, which is nobody's name.
fn is_of_the_business(claim: &Claim, asked: &Subject) -> bool {
    claim.field != Field::Name || asked.name_likeness(&Subject::found(std::slice::from_ref(claim))) >= NAME_RELATED
}

/// Whether two values of a field say the same.
pub fn same(field: &Field, one: &str, other: &str) -> bool {
    match field {
        Field::Name | Field::LegalName => name_words(one) == name_words(other) || similarity::names(one, other) >= 95,
        Field::Phone => match (phone::key(one, ""), phone::key(other, "")) {
            (Some(one), Some(other)) => phone::same(&one, &other),
            (one, other) => one == other,
        },
        Field::Website => match (domain_of(one), domain_of(other)) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, _) => one == other,
        },
        Field::Street => place::same_street(one, other),
        Field::City => place::same_city(one, other),
        Field::State => place::same_state(one, other),
        Field::Zip => place::same_zip(one, other),
        Field::Email | Field::Country => one.eq_ignore_ascii_case(other),
        Field::Social(_) => {
            let path = |url: &str| url.to_lowercase().replace("://www.", "://").replace("://m.", "://");
            path(one) == path(other)
        }
        Field::Category | Field::Hours | Field::Person => fold(one) == fold(other),
    }
}

impl<'a> Group<'a> {
    fn add(&mut self, source: usize, standing: Standing, claim: &'a Claim) {
        self.standing = self.standing.max(standing);
        let said = self.sources.entry(source).or_insert(0);
        *said = claim.strength.max(*said);
        let says_more = self.shown.note.is_none() && claim.note.is_some();
        if claim.strength > self.shown.strength || (claim.strength == self.shown.strength && says_more) {
            self.shown = claim;
        }
    }

    /// The strongest that any source says of it.
    fn strength(&self) -> u8 {
        self.sources.values().copied().max().unwrap_or(0)
    }

    /// 100 less what is left of the doubt.
    fn agreement(&self) -> u32 {
        let doubt = self.sources.values().fold(1_000_000_u64, |doubt, strength| doubt * u64::from(100 - strength.min(&100)) / 100);
        100 - u32::try_from(doubt / 10_000).unwrap_or(100)
    }
}

struct Merged<'a> {
    groups: Vec<Group<'a>>,
    score: u32,
}

impl Merged<'_> {
    /// The field's groups, the best placed and most certain first; of equals the one that the earlier source said first.
    fn of(&self, field: &Field) -> Vec<&Group<'_>> {
        let mut groups: Vec<&Group<'_>> = self.groups.iter().filter(|group| group.field == field).collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.standing, group.confidence)));
        groups
    }

    fn leaf(&self, group: &Group<'_>, confidence: u32) -> Leaf {
        let weighed = confidence * (50 + self.score / 2) / 100;
        Leaf::new(&group.shown.value, weighed.min(CONFIDENCE_MAX), group.sources.keys().copied())
    }

    fn one(&self, field: &Field) -> Option<Leaf> {
        let groups = self.of(field);
        let (chosen, rivals) = groups.split_first()?;
        let contradicted = rivals.iter().map(|rival| rival.confidence / 3).max().unwrap_or(0);
        let mut leaf = self.leaf(chosen, chosen.confidence.saturating_sub(contradicted));
        leaf.alternatives = rivals.iter().take(ALTERNATIVES_MAX).map(|rival| self.leaf(rival, rival.confidence)).collect();
        Some(leaf)
    }

    fn all(&self, field: &Field) -> Vec<Leaf> {
        self.of(field).into_iter().take(VALUES_MAX).map(|group| self.leaf(group, group.confidence)).collect()
    }

    /// Where the business itself says any, those that it says.
    fn all_own(&self, field: &Field) -> Vec<Leaf> {
        let groups = self.of(field);
        let says_any = groups.first().is_some_and(|group| group.standing >= Standing::Own);
        let own = groups.into_iter().filter(|group| !says_any || group.standing >= Standing::Own);
        own.take(VALUES_MAX).map(|group| self.leaf(group, group.confidence)).collect()
    }

    /// Where the business itself says any, what only lists say beside it is an alternative: a number of long ago, or one that
    /// the list put there itself.
    fn own_first(&self, field: &Field) -> Vec<Leaf> {
        let mut groups = self.of(field);
        groups.sort_by_key(|group| group.strength() <= OF_ANOTHER);
        let says_any = groups.iter().any(|group| group.standing >= Standing::Own && group.strength() > OF_ANOTHER);
        // Its own stands on page after page, in its data or where it asks to be called; what stands once and in passing beside
        // that is likely a partner's, or of whoever made the site.
        let own_groups = || groups.iter().filter(|group| group.standing >= Standing::Own);
        let pages = own_groups().filter(|group| group.strength() > IN_PASSING).map(|group| group.sources.len()).max().unwrap_or(0);
        let strongest = own_groups().map(|group| group.strength()).max().unwrap_or(0);
        let is_its_own = |group: &Group<'_>| {
            let is_repeated = group.sources.len() >= 2 && (group.strength() > IN_PASSING || strongest <= IN_PASSING);
            let is_as_strong = pages < 2 && group.strength() + PASSING >= strongest;
            group.standing >= Standing::Own && (is_repeated || is_as_strong || group.strength() >= STRUCTURED)
        };
        // Where the site says none, a list's is better than one that stands beside another's name.
        let knows_better = groups.first().is_some_and(|group| group.strength() > OF_ANOTHER);
        let is_anothers = |group: &Group<'_>| knows_better && group.strength() <= OF_ANOTHER;
        let (own, others): (Vec<_>, Vec<_>) =
            groups.iter().copied().partition(|group| !is_anothers(group) && (!says_any || is_its_own(group)));
        let mut leaves: Vec<Leaf> = own.into_iter().take(VALUES_MAX).map(|group| self.leaf(group, group.confidence)).collect();
        if let Some(leaf) = leaves.first_mut() {
            leaf.alternatives = others.iter().take(ALTERNATIVES_MAX).map(|group| self.leaf(group, group.confidence)).collect();
        }
        leaves
    }

    /// The name by which it was asked for, where a source has it so; else the one that most speaks for. A title says more
    /// than the name, and any list may have its own way to write it.
    fn name(&self, asked: &Subject) -> Option<Leaf> {
        let groups = self.of(&Field::Name);
        let is_asked = |group: &&&Group<'_>| asked.names().any(|name| name_words(name) == name_words(&group.shown.value));
        match groups.iter().find(is_asked) {
            Some(group) => Some(self.leaf(group, group.confidence)),
            None => self.one(&Field::Name),
        }
    }

    fn social(&self) -> BTreeMap<String, Leaf> {
        let networks = self.groups.iter().filter_map(|group| match group.field {
            Field::Social(network) => Some(network),
            Field::Name
            | Field::LegalName
            | Field::Phone
            | Field::Email
            | Field::Website
            | Field::Street
            | Field::City
            | Field::State
            | Field::Zip
            | Field::Country
            | Field::Category
            | Field::Hours
            | Field::Person => None,
        });
        networks.filter_map(|network| Some((network.clone(), self.one(&Field::Social(network.clone()))?))).collect()
    }

    /// The country that a state of the US with its postal code, or a phone number's country code, names.
    fn country_by_the_rest(&self) -> Option<Leaf> {
        let state = self.of(&Field::State).first().copied().filter(|state| place::is_us_state(&place::state(&state.shown.value)));
        let zip = self.of(&Field::Zip).first().copied().filter(|zip| place::zip(&zip.shown.value).len() == 5);
        if let (Some(state), Some(_)) = (state, zip) {
            return Some(Leaf { value: "US".to_owned(), ..self.leaf(state, state.confidence) });
        }
        let phone = self.of(&Field::Phone).first().copied()?;
        let region = phone::read(&phone.shown.value, "")?.region?;
        Some(Leaf { value: region, ..self.leaf(phone, phone.confidence) })
    }

    fn people(&self) -> Vec<PersonLeaf> {
        let people = self.of(&Field::Person).into_iter().take(VALUES_MAX);
        people
            .map(|group| {
                let name = self.leaf(group, group.confidence);
                let role = group.shown.note.as_deref().map(|role| name.as_sure_of(role));
                PersonLeaf { name, role }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::vendors::website::PageFacts;
    use crate::types::{Timestamp, WebsearchPayload};

    /// The numbers that are shown of sources that say these, each with its strength.
    fn shown(sources: &[(Standing, &[(&str, u8)])]) -> String {
        let asked = Subject::asked(&WebsearchPayload::parse(r#"{"business_name":"Acme"}"#).unwrap());
        let findings: Vec<(Finding, Standing)> = sources
            .iter()
            .map(|(standing, numbers)| {
                let claims = numbers.iter().filter_map(|(number, strength)| Claim::new(Field::Phone, number, *strength)).collect();
                let facts = PageFacts { url: "https://acme.example/".to_owned(), claims, ..PageFacts::default() };
                (Finding::from_page(&facts, &asked, Timestamp::from_millis(0), None, false), *standing)
            })
            .collect();
        let business = business(&findings, &asked, 100);
        business.phones.iter().map(|leaf| leaf.value.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn its_own_numbers_are_told_from_those_of_others() {
        let (own, other, third) = ("+18135550142", "+18135550143", "+18135550144");
        let (site, list) = (Standing::Own, Standing::Listing);
        for (sources, wanted) in [
            // Whoever made the site stands at the foot of all its pages, and is no number of the business for that.
            (vec![(site, &[(own, 75), (other, 25)][..]), (site, &[(other, 25)])], own.to_owned()),
            (vec![(site, &[(own, 40), (other, 25)]), (site, &[(own, 40), (other, 25)])], own.to_owned()),
            (vec![(site, &[(own, 75), (other, 40)]), (site, &[(other, 40)])], own.to_owned()),
            // A list's number is better than a neighbor's on the business's own site, and that is better than none.
            (vec![(list, &[(own, 80)]), (site, &[(other, 25)])], own.to_owned()),
            (vec![(site, &[(other, 25)])], other.to_owned()),
            // Its own word goes before a list's, which may be of long ago.
            (vec![(list, &[(other, 80)]), (site, &[(own, 60)])], own.to_owned()),
            (vec![(site, &[(own, 75), (third, 70)])], format!("{own} {third}")),
        ] {
            assert_eq!(shown(&sources), wanted, "{sources:?}");
        }
    }
}
