//! Whether what was found is what was asked for.
//!
//! The rule, in points out of 100 (`docs/matching.md` explains it to buyers and holds the same table):
//!
//! | compared | agrees | contradicts |
//! | --- | --- | --- |
//! | name | half of its likeness in percent | |
//! | phone | +30 | -10 |
//! | domain | +30 | -10 |
//! | zip | +20 | -15 |
//! | street | +20 | -10 |
//! | city | +15, or +10 where a page only speaks of it | -30, or 0 where the zip agrees |
//! | state | +10 | -35 |
//! | country | 0 | -50 |
//!
//! What only one side knows counts nothing. It is a match from [`MATCH_SCORE`] points on, provided that the names are alike to
//! [`NAME_SAME`] percent, or to [`NAME_ALIKE`] where the street agrees, or to [`NAME_RELATED`] where the phone or the domain
//! does. Asked by name alone, a name alike to [`NAME_SAME`] percent gets [`MATCH_SCORE`] points. Whether another candidate fits as well is asked in
//! [`best`]: two businesses that can't be told apart are no match, because nobody should pay for the toss of a coin.

pub mod place;
pub mod similarity;

use super::claim::{Claim, Field, first};
use super::phone;
use super::words::{fold, name_words};
use crate::types::WebsearchPayload;

/// Points from which it is a match.
pub const MATCH_SCORE: u32 = 60;
/// How alike names must be, in percent.
pub const NAME_ALIKE: u32 = 80;
/// How alike names must be where phone or domain agrees.
pub const NAME_RELATED: u32 = 50;
/// How alike names must be where nothing else was asked.
pub const NAME_SAME: u32 = 95;
/// Candidates closer than this can't be told apart by their points.
pub const MARGIN: u32 = 5;

/// One business as one side knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    names: Vec<String>,
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    phones: Vec<String>,
    domains: Vec<String>,
    /// It says no address, and speaks of the city that was asked for.
    speaks_of_city: bool,
}

/// How far a candidate is what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Points by the rule, 0 to 100.
    pub score: u32,
    /// By the rule; after [`best`] also unrivalled.
    pub matched: bool,
    /// It would match, if another business didn't come as near.
    pub rivalled: bool,
}

impl Subject {
    /// What the buyer asked for.
    pub fn asked(payload: &WebsearchPayload) -> Self {
        Self {
            names: Some(payload.business_name.clone()).into_iter().filter(|name| !name.trim().is_empty()).collect(),
            street: payload.street.clone(),
            city: payload.city.clone(),
            state: payload.state.clone(),
            zip: payload.zip.clone(),
            country: Some(payload.country.clone()),
            phones: payload.phone.as_deref().and_then(|text| phone::key(text, &payload.country)).into_iter().collect(),
            domains: payload.domain.as_deref().map(|domain| bare(domain).to_owned()).into_iter().collect(),
            speaks_of_city: false,
        }
    }

    /// What a vendor found.
    pub fn found(claims: &[Claim]) -> Self {
        let mut subject = Self::default();
        let country = first(claims, &Field::Country).unwrap_or_default();
        for Claim { field, value, .. } in claims {
            let once = |slot: &mut Option<String>| {
                slot.get_or_insert_with(|| value.clone());
            };
            match field {
                Field::Name | Field::LegalName => subject.names.push(value.clone()),
                Field::Phone => subject.phones.extend(phone::key(value, country)),
                Field::Website => subject.domains.extend(domain_of(value)),
                Field::Street => once(&mut subject.street),
                Field::City => once(&mut subject.city),
                Field::State => once(&mut subject.state),
                Field::Zip => once(&mut subject.zip),
                Field::Country => once(&mut subject.country),
                Field::Email | Field::Social(_) | Field::Category | Field::Hours | Field::Person => {}
            }
        }
        subject
    }

    /// How alike the names are: the best of every pair, in percent.
    pub fn name_likeness(&self, other: &Self) -> u32 {
        let pairs = self.names.iter().flat_map(|one| other.names.iter().map(move |other| similarity::names(one, other)));
        pairs.max().unwrap_or(0)
    }

    /// Notes that it speaks of the city that was asked for, if it does and says no address of its own.
    pub fn noting_city(mut self, asked: &Self, text: &str) -> Self {
        let has_place = self.city.is_some() || self.zip.is_some() || self.street.is_some();
        if let Some(city) = asked.city.as_deref().map(fold).filter(|city| !city.is_empty() && !has_place) {
            self.speaks_of_city = format!(" {} ", fold(text)).contains(&format!(" {city} "));
        }
        self
    }

    /// What it is called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The words of its place by which a text about it can be told: city, state and postal code.
    pub fn place_words(&self) -> impl Iterator<Item = &str> {
        [&self.city, &self.state, &self.zip].into_iter().flatten().map(String::as_str)
    }

    /// With these phone numbers, written in `country`, as well.
    pub fn with_phones<'a>(mut self, numbers: impl Iterator<Item = &'a str>, country: &str) -> Self {
        self.phones.extend(numbers.filter_map(|number| phone::key(number, country)));
        self
    }

    /// In this country; `None` where it isn't known.
    pub fn in_country(self, country: Option<&str>) -> Self {
        Self { country: country.map(str::to_owned), ..self }
    }

    /// Its domains, without `www.`.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// By what it can be found again: each of its phone numbers and domains, and each of its names in its city or at its postal
    /// code.
    pub fn marks(&self) -> Vec<String> {
        let phones = self.phones.iter().filter(|phone| phone.starts_with('+')).map(|phone| format!("phone {phone}"));
        let domains = self.domains.iter().map(|domain| format!("domain {domain}"));
        let names: Vec<String> = self.names.iter().map(|name| name_words(name).join(" ")).filter(|name| !name.is_empty()).collect();
        let city = self.city.as_deref().map(fold).filter(|city| !city.is_empty()).map(|city| format!("city {city}"));
        let zip = self.zip.as_deref().map(place::zip).filter(|zip| !zip.is_empty()).map(|zip| format!("zip {zip}"));
        let places: Vec<String> = city.into_iter().chain(zip).collect();
        let at_place = names.iter().flat_map(|name| places.iter().map(move |place| format!("name {name} {place}")));
        phones.chain(domains).chain(at_place).collect()
    }

    /// Whether it is known where its door is: a street, with a city or a postal code.
    pub fn has_door(&self) -> bool {
        self.street.is_some() && (self.city.is_some() || self.zip.is_some())
    }

    /// Whether the other is surely at another place: both say where, and neither the postal code nor the city with its street
    /// is the same.
    pub fn is_elsewhere(&self, other: &Self) -> bool {
        let zip = agree(self.zip.as_ref(), other.zip.as_ref(), place::same_zip);
        let city = agree(self.city.as_ref(), other.city.as_ref(), place::same_city);
        let state = agree(self.state.as_ref(), other.state.as_ref(), place::same_state);
        let street = agree(self.street.as_ref(), other.street.as_ref(), place::same_street);
        match (zip, city) {
            (Some(true), _) => street == Some(false) && any_agrees(&self.phones, &other.phones, phone::same) == Some(false),
            (Some(false) | None, Some(false)) => true,
            (Some(false), Some(true) | None) => street != Some(true),
            (None, Some(true) | None) => state == Some(false) || (city == Some(true) && street == Some(false)),
        }
    }

    /// Whether they share a phone number or a domain.
    pub fn shares_contact(&self, other: &Self) -> bool {
        any_agrees(&self.phones, &other.phones, phone::same) == Some(true)
            || any_agrees(&self.domains, &other.domains, str::eq) == Some(true)
    }

    /// Whether two findings are one business listed twice: the same line or the same domain; or the same door under a name that
    /// is alike, since one house has many tenants; or the same name in the same town where nothing tells them apart.
    pub fn is_same_business(&self, other: &Self) -> bool {
        let door = || {
            agree(self.zip.as_ref(), other.zip.as_ref(), place::same_zip) == Some(true)
                && agree(self.street.as_ref(), other.street.as_ref(), place::same_street) == Some(true)
        };
        // Nothing tells them apart: the same name in the same town, and one of them says no more than that.
        let same_town = || {
            agree(self.city.as_ref(), other.city.as_ref(), place::same_city) == Some(true)
                && agree(self.zip.as_ref(), other.zip.as_ref(), place::same_zip) != Some(false)
                && agree(self.street.as_ref(), other.street.as_ref(), place::same_street).is_none()
        };
        let name = self.name_likeness(other);
        (name >= NAME_RELATED && self.shares_contact(other)) || (name >= NAME_ALIKE && door()) || (name >= NAME_SAME && same_town())
    }
}

/// Judges one candidate by the rule.
pub fn judge(asked: &Subject, candidate: &Subject) -> Verdict {
    let phone = any_agrees(&asked.phones, &candidate.phones, phone::same);
    let domain = any_agrees(&asked.domains, &candidate.domains, str::eq);
    // Asked without a name, its own line or domain stands for the name.
    let is_told_by_contact = asked.names.is_empty() && (phone == Some(true) || domain == Some(true));
    let name = if is_told_by_contact { 100 } else { asked.name_likeness(candidate) };
    let zip = agree(asked.zip.as_ref(), candidate.zip.as_ref(), place::same_zip);
    let street = agree(asked.street.as_ref(), candidate.street.as_ref(), place::same_street);
    let city = agree(asked.city.as_ref(), candidate.city.as_ref(), place::same_city);
    let state = agree(asked.state.as_ref(), candidate.state.as_ref(), place::same_state);
    let country = agree(asked.country.as_ref(), candidate.country.as_ref(), str::eq_ignore_ascii_case);

    let points = |fact: Option<bool>, agrees: i64, contradicts: i64| match fact {
        Some(true) => agrees,
        Some(false) => contradicts,
        None => 0,
    };
    // A suburb's mail goes by the next town's name, so the zip knows better.
    let other_city = if zip == Some(true) { 0 } else { -30 };
    let sum = i64::from(name) / 2
        + points(phone, 30, -10)
        + points(domain, 30, -10)
        + points(zip, 20, -15)
        + points(street, 20, -10)
        + points(city, 15, other_city)
        + if city.is_none() && candidate.speaks_of_city { 10 } else { 0 }
        + points(state, 10, -35)
        + points(country, 0, -50);
    let mut score = u32::try_from(sum.clamp(0, 100)).unwrap_or(0);

    if asked.is_a_name_alone() && name >= NAME_SAME && country != Some(false) {
        score = score.max(MATCH_SCORE);
    }
    let name_needed = match (phone == Some(true) || domain == Some(true), street == Some(true)) {
        (true, _) => NAME_RELATED,
        (false, true) => NAME_ALIKE,
        // A word more or less may be another business of the same town.
        (false, false) => NAME_SAME,
    };
    Verdict { score, matched: score >= MATCH_SCORE && name >= name_needed, rivalled: false }
}

/// The best candidate's index and verdict; the first of equals. Not a match where another business comes as near.
pub fn best(asked: &Subject, candidates: &[Subject]) -> Option<(usize, Verdict)> {
    let verdicts: Vec<Verdict> = candidates.iter().map(|candidate| judge(asked, candidate)).collect();
    let (at, winner) =
        verdicts.iter().copied().enumerate().max_by_key(|(at, verdict)| (verdict.matched, verdict.score, std::cmp::Reverse(*at)))?;
    let chosen = candidates.get(at)?;
    let rival = candidates.iter().zip(&verdicts).any(|(candidate, verdict)| {
        verdict.matched && verdict.score + MARGIN > winner.score && candidate != chosen && !chosen.is_same_business(candidate)
    });
    Some((at, Verdict { matched: winner.matched && !rival, rivalled: winner.matched && rival, ..winner }))
}

impl Subject {
    /// Whether nothing but a name is known of it.
    pub fn is_a_name_alone(&self) -> bool {
        let Self { names: _, country: _, speaks_of_city: _, street, city, state, zip, phones, domains } = self;
        [street, city, state, zip].into_iter().all(Option::is_none) && phones.is_empty() && domains.is_empty()
    }
}

/// The domain of a website by which a business can be told; an address in digits names a machine, not a business.
pub fn domain_of(website: &str) -> Option<String> {
    let url = url::Url::parse(website).ok()?;
    url.domain().map(|domain| bare(domain).to_owned())
}

fn bare(domain: &str) -> &str {
    domain.strip_prefix("www.").unwrap_or(domain)
}

fn agree(one: Option<&String>, other: Option<&String>, same: impl Fn(&str, &str) -> bool) -> Option<bool> {
    Some(same(one?, other?))
}

fn any_agrees(ones: &[String], others: &[String], same: impl Fn(&str, &str) -> bool) -> Option<bool> {
    if ones.is_empty() || others.is_empty() {
        return None;
    }
    Some(ones.iter().any(|one| others.iter().any(|other| same(one, other))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fields: &str) -> Subject {
        Subject::asked(&WebsearchPayload::parse(&format!("{{{fields}}}")).unwrap())
    }

    fn listing(name: &str, place: &str, phone: &str, website: &str) -> Subject {
        let mut claims =
            vec![Claim::new(Field::Name, name, 80), Claim::new(Field::Phone, phone, 80), Claim::new(Field::Website, website, 80)];
        let fields = [Field::Street, Field::City, Field::State, Field::Zip, Field::Country];
        claims.extend(fields.into_iter().zip(place.split('|')).map(|(field, value)| Claim::new(field, value, 80)));
        Subject::found(&claims.into_iter().flatten().collect::<Vec<_>>())
    }

    fn acme() -> Subject {
        listing("Acme Corp", "120 N Main St|Tampa|FL|33602|US", "(813) 555-0142", "https://www.acme.example/")
    }

    #[test]
    fn the_rule_case_by_case() {
        for (fields, score, matched) in [
            (r#""business_name":"ACME Corporation","city":"Tampa","state":"Florida""#, 75, true),
            (r#""business_name":"Acme","city":"Tampa""#, 65, true),
            (r#""business_name":"Acme","zip":"33602-0001""#, 70, true),
            (r#""business_name":"Acme","state":"FL""#, 60, true),
            (r#""business_name":"Acme Corp""#, 60, true),
            (r#""business_name":"Acme Corp","country":"GB""#, 0, false),
            (r#""business_name":"Acme Corp","city":"Miami","state":"FL""#, 30, false),
            (r#""business_name":"Acme Corp","city":"Tampa","state":"GA""#, 30, false),
            (r#""business_name":"Acme Corp","city":"Ybor City","state":"FL","zip":"33602""#, 80, true),
            (r#""business_name":"Acme Corp","city":"Tampa","state":"FL","phone":"813-555-0199""#, 65, true),
            (r#""business_name":"Acme Corp","domain":"acme.example""#, 80, true),
            (r#""business_name":"Acme Corp","city":"Atlanta","state":"GA","phone":"813-555-0142""#, 15, false),
            (r#""business_name":"Zenith Bakery","phone":"813-555-0142","city":"Tampa","state":"FL""#, 59, false),
            (r#""business_name":"Acme Roofing","city":"Tampa","state":"FL","zip":"33602","street":"120 Main Street""#, 98, false),
        ] {
            let verdict = judge(&asked(fields), &acme());
            assert_eq!((verdict.score, verdict.matched), (score, matched), "{fields}");
        }
    }

    #[test]
    fn two_that_fit_as_well_are_no_match() {
        let query = asked(r#""business_name":"Acme Corp","state":"FL""#);
        let miami = listing("Acme Corp", "9 Ocean Dr|Miami|FL|33139|US", "(305) 555-0111", "");
        let again = listing("Acme Corporation", "|Tampa|FL||US", "+1 813 555 0142", "");
        assert!(!best(&query, &[acme(), miami.clone()]).unwrap().1.matched);
        assert!(best(&query, &[acme(), again]).unwrap().1.matched, "one business listed twice");
        let tampa = asked(r#""business_name":"Acme Corp","city":"Tampa","state":"FL""#);
        assert_eq!(best(&tampa, &[miami, acme()]).map(|(at, verdict)| (at, verdict.matched)), Some((1, true)));
        assert_eq!(best(&tampa, &[]), None);
    }

    /// The table that buyers read is the one that decides.
    #[test]
    fn the_documented_rule_is_this_one() {
        let page = include_str!("../../../docs/matching.md");
        let table = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! |"));
        for row in table {
            assert!(page.contains(row), "docs/matching.md lacks the row `|{row}`");
        }
        for number in [MATCH_SCORE, NAME_ALIKE, NAME_RELATED, NAME_SAME, MARGIN] {
            assert!(page.contains(&format!("**{number}**")), "docs/matching.md lacks {number}");
        }
    }
}
