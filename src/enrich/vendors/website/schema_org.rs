//! What a graph of schema.org's nodes says of organizations and of the people in them.

use super::address::{self, Address};
use super::contact;
use super::facts::Person;
use super::hours::{self, Week};
use super::kinds::{is_organization, is_place};
use super::node::Graph;
use super::people::{self, Mention};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::phone;
use crate::enrich::words::name_words;

/// How far structured data is relied on, in percent: the business's own word, made for machines.
const STRENGTH: u8 = 85;
/// Classes of hCard are written for looks as often as for machines.
const HCARD_STRENGTH: u8 = 70;

const ENTITIES_MAX: usize = 50;
const VALUES_MAX: usize = 20;

/// Where further organizations stand: a page's graph, what a page is about, and a chain's branches.
const LINKS: [&str; 12] = [
    "mainEntity",
    "mainEntityOfPage",
    "about",
    "publisher",
    "itemListElement",
    "item",
    "department",
    "subOrganization",
    "location",
    "hasPart",
    "branchOf",
    "isPartOf",
];

/// What the graph says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The organizations, each with its own claims; two addresses are two of them.
    pub(super) entities: Vec<Vec<Claim>>,
    /// People whom the organizations name; their claims are among those already.
    pub(super) members: Vec<Mention>,
    /// People who stand by themselves.
    pub(super) people: Vec<Mention>,
}

/// Reads the graph from its roots.
pub(super) fn read(graph: &Graph, country: Option<&str>) -> Said {
    let mut reader = Reader { graph, country, seen: vec![false; graph.len()], said: Said::default() };
    // A list of things yet to be looked at, not a call within a call: a chain of branches may be long.
    let mut waiting: Vec<(usize, Option<String>)> = graph.roots().iter().rev().map(|root| (*root, None)).collect();
    while let Some((at, parent)) = waiting.pop() {
        if reader.said.entities.len() >= ENTITIES_MAX || reader.seen.get(at).is_none_or(|seen| *seen) {
            continue;
        }
        if let Some(seen) = reader.seen.get_mut(at) {
            *seen = true;
        }
        let name = reader.visit(at, parent.as_deref());
        let below: Vec<_> = LINKS.iter().flat_map(|link| graph.children(at, link)).map(|child| (child, name.clone())).collect();
        waiting.extend(below.into_iter().rev());
    }
    let Reader { said, .. } = reader;
    Said { entities: merged(said.entities), ..said }
}

struct Reader<'a> {
    graph: &'a Graph,
    country: Option<&'a str>,
    seen: Vec<bool>,
    said: Said,
}

impl Reader<'_> {
    /// Reads one node, and gives the name that its branches go by where they have none.
    fn visit(&mut self, at: usize, parent: Option<&str>) -> Option<String> {
        let types = &self.graph.get(at).types;
        let is = |wanted: fn(&str) -> bool| types.iter().any(|kind| wanted(kind));
        if is(|kind| kind == "hCard") {
            self.card(at);
        } else if is(|kind| kind == "Person") {
            self.person_alone(at);
        } else if is(is_organization) || (parent.is_some() && is(is_place)) {
            return self.organization(at, parent, STRENGTH);
        }
        None
    }

    fn organization(&mut self, at: usize, parent: Option<&str>, strength: u8) -> Option<String> {
        let graph = self.graph;
        let own_name = graph.text(at, "name").or_else(|| graph.text(at, "legalName"));
        let name = own_name.or(parent)?.to_owned();
        let mut addresses = self.addresses(at);
        // Where it is may be said by a place of its own, which has nothing else to say.
        let places: Vec<usize> = graph.children(at, "location").take(2).collect();
        if let ([place], true) = (places.as_slice(), addresses.is_empty())
            && !self.is_branch(*place)
        {
            addresses = self.addresses(*place);
            if let Some(seen) = self.seen.get_mut(*place) {
                *seen = true;
            }
        }
        let country = addresses.first().and_then(|address| address.country.clone());
        let mut claims = self.claims(at, &name, country.as_deref(), strength);
        let mut rest = addresses.into_iter();
        if let Some(address) = rest.next() {
            claims.extend(address.claims(strength));
        }
        let says_something =
            own_name.is_some() || claims.iter().any(|claim| matches!(claim.field, Field::Phone | Field::Zip | Field::Street));
        if says_something {
            self.said.entities.push(claims);
        }
        for address in rest.take(VALUES_MAX) {
            let named = Claim::new(Field::Name, &name, strength);
            self.said.entities.push(named.into_iter().chain(address.claims(strength)).collect());
        }
        Some(name)
    }

    fn is_branch(&self, at: usize) -> bool {
        self.graph.get(at).types.iter().any(|kind| is_organization(kind))
            || ["telephone", "openingHours", "openingHoursSpecification"].iter().any(|key| self.graph.texts(at, key).next().is_some())
    }

    fn claims(&mut self, at: usize, name: &str, country: Option<&str>, strength: u8) -> Vec<Claim> {
        let graph = self.graph;
        let members = self.people(at);
        let mut claims = Vec::new();
        let mut add = |field: Field, value: Option<&str>| claims.extend(value.and_then(|value| Claim::new(field, value, strength)));
        add(Field::Name, Some(name));
        add(Field::LegalName, graph.text(at, "legalName"));
        for url in graph.texts(at, "url").filter(|url| url.starts_with("http")).take(1) {
            add(Field::Website, Some(url));
        }
        let country = country.or(self.country).unwrap_or("US");
        for number in self.contacts(at, "telephone").take(VALUES_MAX) {
            add(Field::Phone, phone::shown(contact::without_scheme(number, "tel"), country).as_deref());
        }
        for email in self.contacts(at, "email").take(VALUES_MAX) {
            add(Field::Email, contact::email(email).as_deref());
        }
        for profile in graph.texts(at, "sameAs").chain(graph.texts(at, "url")).take(VALUES_MAX) {
            if let Some((network, url)) = contact::social(profile) {
                add(Field::Social(network.to_owned()), Some(&url));
            }
        }
        for category in ["category", "servesCuisine", "knowsAbout"].iter().flat_map(|key| graph.texts(at, key)).take(VALUES_MAX) {
            add(Field::Category, Some(category));
        }
        add(Field::Hours, self.hours(at).as_deref());
        claims.extend(members.iter().filter_map(|member| member.claim(strength)));
        let room = ENTITIES_MAX.saturating_sub(self.said.members.len());
        self.said.members.extend(members.into_iter().take(room));
        claims
    }

    /// Values of the node and of its contact points, but not of those for faxes.
    fn contacts<'a>(&'a self, at: usize, key: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let points = self.graph.children(at, "contactPoint").chain(self.graph.children(at, "contactPoints"));
        let addresses = self.graph.children(at, "address");
        let spoken = points.filter(|point| !self.graph.texts(*point, "contactType").any(|kind| kind.to_lowercase().contains("fax")));
        self.graph.texts(at, key).chain(spoken.chain(addresses).flat_map(move |point| self.graph.texts(point, key)))
    }

    /// Each address by itself.
    fn addresses(&self, at: usize) -> Vec<Address> {
        let graph = self.graph;
        let mut addresses: Vec<Address> = Vec::new();
        for node in graph.children(at, "address").take(VALUES_MAX) {
            let part = |key: &str| graph.text(node, key).map(str::to_owned);
            let address = Address {
                street: part("streetAddress").map(|street| street.replace(['\n', '\r'], ", ")),
                city: part("addressLocality"),
                state: part("addressRegion"),
                zip: part("postalCode"),
                country: part("addressCountry"),
            };
            if !address.is_empty() && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            addresses.extend(
                graph
                    .texts(at, "address")
                    .take(3)
                    .filter_map(|text| address::find(text, self.country).into_iter().next())
                    .map(|found| found.address),
            );
        }
        addresses
    }

    /// `openingHours` or the specifications, in one form where they can be told.
    fn hours(&self, at: usize) -> Option<String> {
        let graph = self.graph;
        let plain: Vec<&str> = graph.texts(at, "openingHours").take(VALUES_MAX).collect();
        if !plain.is_empty() {
            return Some(hours::normalised(&hours::without_empty_days(&plain.join("; "))));
        }
        let specifications: Vec<usize> = graph
            .children(at, "openingHoursSpecification")
            // Those of a holiday or a season aren't the hours of a week like any other.
            .filter(|specification| {
                graph.text(*specification, "validFrom").is_none() && graph.text(*specification, "validThrough").is_none()
            })
            .take(50)
            .collect();
        let mut week = Week::default();
        let mut words = Vec::new();
        let mut all_read = true;
        for specification in specifications {
            let days: Vec<&str> =
                graph.texts(specification, "dayOfWeek").map(|day| day.rsplit(['/', '#']).next().unwrap_or(day)).take(14).collect();
            let (opens, closes) = (graph.text(specification, "opens"), graph.text(specification, "closes"));
            let (Some(opens), Some(closes)) = (opens, closes) else { continue };
            all_read &= week.add(&days, opens, closes);
            words.push(format!("{} {opens}-{closes}", days.join(", ")).trim().to_owned());
        }
        if words.is_empty() {
            return None;
        }
        Some(if all_read { week.to_string() } else { words.join("; ") }).filter(|text| !text.is_empty())
    }

    fn people(&self, at: usize) -> Vec<Mention> {
        const KEYS: [(&str, &str); 10] = [
            ("founder", "Founder"),
            ("founders", "Founder"),
            ("owner", "Owner"),
            ("employee", ""),
            ("employees", ""),
            ("member", ""),
            ("members", ""),
            ("ownerOf", ""),
            ("manager", "Manager"),
            ("contactPoint", ""),
        ];
        let mut found = Vec::new();
        for (key, role) in KEYS {
            for node in self.graph.children(at, key).take(VALUES_MAX) {
                let has = |wanted: &str| self.graph.get(node).types.iter().any(|kind| kind.ends_with(wanted));
                if has("Role") {
                    // A role stands between the organization and the person.
                    let name = self.graph.text(node, "roleName").or_else(|| self.graph.text(node, "namedPosition"));
                    for person in self.graph.children(node, key) {
                        found.extend(self.person(person, name.unwrap_or(role)));
                    }
                } else if key == "contactPoint" {
                    // Mostly "Customer service".
                    let is_person = self.graph.text(node, "name").is_some_and(people::is_name);
                    found.extend(self.person(node, self.graph.text(node, "contactType").unwrap_or_default()).filter(|_| is_person));
                } else if self.graph.get(node).types.is_empty() || has("Person") || has("Physician") {
                    found.extend(self.person(node, role));
                }
            }
            if matches!(key, "founder" | "founders" | "owner") {
                let named = self.graph.texts(at, key).filter(|name| people::is_name(name)).take(VALUES_MAX);
                found.extend(named.filter_map(|name| Mention::new(name, Some(role), STRENGTH)));
            }
        }
        let mut once: Vec<Mention> = Vec::new();
        for mention in found {
            if !once.iter().any(|known| known.person.name == mention.person.name) {
                once.push(mention);
            }
        }
        once.truncate(VALUES_MAX);
        once
    }

    fn person(&self, at: usize, role: &str) -> Option<Mention> {
        let graph = self.graph;
        let whole = || Some(format!("{} {}", graph.text(at, "givenName")?, graph.text(at, "familyName")?));
        let name = graph.text(at, "name").map(str::to_owned).or_else(whole)?;
        let mention = Mention::new(&name, graph.text(at, "jobTitle").or(Some(role)), STRENGTH)?;
        let country = self.country.unwrap_or("US");
        let phone = self.contacts(at, "telephone").find_map(|number| phone::shown(contact::without_scheme(number, "tel"), country));
        let email = self.contacts(at, "email").find_map(contact::email);
        Some(Mention { person: Person { email, phone, ..mention.person }, ..mention })
    }

    /// A person at the top is of the business where it says what they do there; an author of articles isn't.
    fn person_alone(&mut self, at: usize) {
        let belongs = ["jobTitle", "worksFor", "affiliation"].iter().any(|key| self.graph.texts(at, key).next().is_some());
        if belongs && self.said.people.len() < ENTITIES_MAX {
            self.said.people.extend(self.person(at, ""));
        }
    }

    /// An hCard is a person's where it has a title or another organization, else the organization's.
    fn card(&mut self, at: usize) {
        let graph = self.graph;
        let (name, organization) = (graph.text(at, "name"), graph.text(at, "orgName"));
        let is_person = name.is_some_and(people::is_name)
            && (graph.text(at, "jobTitle").is_some() || organization.is_some_and(|organization| Some(organization) != name));
        if is_person {
            let person = self.person(at, "").map(|mention| Mention { strength: HCARD_STRENGTH, ..mention });
            self.said.people.extend(person);
        } else if let Some(name) = organization.or(name) {
            self.organization(at, Some(name), HCARD_STRENGTH);
        }
    }
}

/// One entity where two are said to be: the same name, and not two doors. A page describes its business in several places.
fn merged(entities: Vec<Vec<Claim>>) -> Vec<Vec<Claim>> {
    let of = |claims: &[Claim], wanted: &Field| claims.iter().find(|claim| claim.field == *wanted).map(|claim| claim.value.to_lowercase());
    let key = |claims: &[Claim]| of(claims, &Field::Name).map(|name| name_words(&name));
    let has_address = |claims: &[Claim]| [Field::Street, Field::City, Field::Zip].iter().any(|field| of(claims, field).is_some());
    let same_address =
        |one: &[Claim], other: &[Claim]| [Field::Street, Field::City, Field::Zip].iter().all(|field| of(one, field) == of(other, field));
    let mut kept: Vec<Vec<Claim>> = Vec::new();
    // Those with an address first, so that those without find their one, if it is only one.
    let (with, without): (Vec<_>, Vec<_>) = entities.into_iter().partition(|entity| has_address(entity));
    for entity in with {
        match kept.iter_mut().find(|known| key(known) == key(&entity) && same_address(known, &entity)) {
            Some(known) => known.extend(entity),
            None => kept.push(entity),
        }
    }
    for entity in without {
        let mut namesakes = kept.iter_mut().filter(|known| key(known) == key(&entity));
        match (namesakes.next(), namesakes.next()) {
            (Some(only), None) => only.extend(entity),
            (Some(_) | None, _) => kept.push(entity),
        }
    }
    kept
}

#[cfg(test)]
#[path = "schema_org_tests.rs"]
mod tests;
