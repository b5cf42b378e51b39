//! The lead as the buyer has it.

use crate::enrich::matching::Subject;
use crate::enrich::phone;
use crate::enrich::vendors::email::is_public_provider;
use crate::enrich::words::fold;
use crate::types::WebsearchPayload;
use crate::types::payload::Lead;

use super::want::Want;

/// What the record says, field by field; nothing of it is ever overwritten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    company: Option<String>,
    person: Option<String>,
    title: Option<String>,
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    numbers: Vec<(String, String)>,
    email: Option<String>,
    domain: Option<String>,
}

impl Record {
    /// Reads the fields that we know how to use.
    pub(super) fn read(lead: &Lead) -> Self {
        let name: Vec<String> = ["first_name", "last_name"].iter().filter_map(|key| lead.text(key)).collect();
        let numbers = (1..=5).map(|n| format!("number{n}")).filter_map(|key| Some((lead.text(&key)?, key)));
        Self {
            company: lead.text("company"),
            person: (!name.is_empty()).then(|| name.join(" ")),
            title: lead.text("title"),
            street: lead.text("street"),
            city: lead.text("city"),
            state: lead.text("state"),
            zip: lead.text("zip"),
            country: lead.text("country"),
            numbers: numbers.map(|(number, key)| (key, number)).collect(),
            email: lead.text("email").map(|email| email.to_lowercase()),
            domain: lead.text("domain").and_then(|domain| host_of(&domain)),
        }
    }

    /// The business's name.
    pub(super) fn company(&self) -> Option<&str> {
        self.company.as_deref()
    }

    /// The person's name.
    pub(super) fn person(&self) -> Option<&str> {
        self.person.as_deref()
    }

    /// The person's address, or what stands for it.
    pub(super) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Whether its address is one at a mailbox provider's, as people have them for themselves.
    pub(super) fn has_private_email(&self) -> bool {
        self.email.as_deref().and_then(|email| email.split_once('@')).is_some_and(|(_, host)| is_public_provider(host))
    }

    /// ISO 3166-1 alpha-2, where the record's country is one.
    pub(super) fn region(&self) -> Option<&str> {
        self.country.as_deref().map(str::trim).and_then(country_code)
    }

    /// Phone numbers by their keys, as they are written.
    pub(super) fn numbers(&self) -> &[(String, String)] {
        &self.numbers
    }

    /// Whether one of its numbers is this one.
    pub(super) fn has_number(&self, number: &str) -> bool {
        let country = self.region().unwrap_or("US");
        let key = phone::key(number, country);
        let own = self.numbers.iter().filter_map(|(_, own)| phone::key(own, country));
        key.is_some_and(|key| own.into_iter().any(|own| phone::same(&own, &key)))
    }

    /// The business's domain: the one that is named, or that of an address that isn't a mailbox provider's.
    pub(super) fn domain(&self) -> Option<&str> {
        let of_email = || self.email.as_deref().and_then(|email| email.split_once('@')).map(|(_, host)| host);
        self.domain.as_deref().or_else(|| of_email().filter(|host| !is_public_provider(host)))
    }

    /// What it says of a want; of several numbers the first.
    pub(super) fn value(&self, want: Want) -> Option<&str> {
        match want {
            Want::Company => self.company.as_deref(),
            Want::Website => self.domain.as_deref(),
            Want::Phone => self.numbers.first().map(|(_, number)| number.as_str()),
            Want::Email => self.email.as_deref(),
            Want::Title => self.title.as_deref(),
            Want::Street => self.street.as_deref(),
            Want::City => self.city.as_deref(),
            Want::State => self.state.as_deref(),
            Want::Zip => self.zip.as_deref(),
            Want::Country => self.country.as_deref(),
        }
    }

    /// Whether there is anything by which a business could be found.
    pub(super) fn names_a_business(&self) -> bool {
        self.company.is_some() || self.domain().is_some() || !self.numbers.is_empty()
    }

    /// The question to the directory.
    pub(super) fn query(&self) -> WebsearchPayload {
        WebsearchPayload {
            business_name: self.company.clone().unwrap_or_default(),
            city: self.city.clone(),
            state: self.state.clone(),
            zip: self.zip.clone(),
            street: self.street.clone(),
            country: self.region().unwrap_or("US").to_owned(),
            phone: self.numbers.first().map(|(_, number)| number.clone()),
            domain: self.domain().map(str::to_owned),
            max_results: 5,
            refresh: false,
        }
    }

    /// By what the business is told from others.
    pub(super) fn subject(&self) -> Subject {
        let numbers = self.numbers.iter().map(|(_, number)| number.as_str());
        Subject::asked(&self.query()).with_phones(numbers, self.region().unwrap_or("US")).in_country(self.region())
    }
}

/// A country by its code of two or three letters, or its English name; ISO 3166-1 alpha-2.
fn country_code(text: &str) -> Option<&'static str> {
    let code = text.to_uppercase();
    let name = fold(text);
    let by_name = || {
        // Official names go on: "United States of America", "Bolivia (Plurinational State of)".
        let named = rust_iso3166::ALL
            .iter()
            .filter(|country| !name.is_empty() && format!("{} ", fold(country.name)).starts_with(&format!("{name} ")));
        named.min_by_key(|country| country.name.len())
    };
    let country = match code.as_str() {
        "UK" => rust_iso3166::from_alpha2("GB"),
        _ => rust_iso3166::from_alpha2(&code).or_else(|| rust_iso3166::from_alpha3(&code)),
    };
    country.as_ref().or_else(by_name).map(|country| country.alpha2)
}

/// `acme.example` out of that, or of a URL.
fn host_of(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let url = if text.contains("://") { text } else { format!("https://{text}") };
    let host = url::Url::parse(&url).ok()?.domain()?.to_owned();
    let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
    host.contains('.').then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LeadPayload;

    fn record(lead: &str) -> Record {
        Record::read(&LeadPayload::parse(&format!(r#"{{"lead":{lead}}}"#)).unwrap().lead)
    }

    #[test]
    fn countries_as_people_write_them() {
        for (text, wanted) in [
            ("US", Some("US")),
            ("usa", Some("US")),
            ("United States", Some("US")),
            ("uk", Some("GB")),
            ("Germany", Some("DE")),
            ("Narnia", None),
        ] {
            assert_eq!(country_code(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_domain_from_wherever_it_stands() {
        assert_eq!(record(r#"{"domain":"https://www.Acme.example/home"}"#).domain(), Some("acme.example"));
        assert_eq!(record(r#"{"email":"Jane@acme.example"}"#).domain(), Some("acme.example"));
        assert_eq!(record(r#"{"email":"jane@gmail.com"}"#).domain(), None);
        assert!(!record(r#"{"first_name":"Jane","email":"jane@gmail.com"}"#).names_a_business());
    }

    #[test]
    fn a_number_is_the_same_in_any_writing() {
        let record = record(r#"{"number1":7245550123,"number3":"(724) 555-0199"}"#);
        assert!(record.has_number("+17245550123") && record.has_number("724-555-0199") && !record.has_number("+17245550124"));
    }
}
