//! One business as the directory has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::enrich::claim::{Claim, Field};
use crate::enrich::phone;

/// How far an entry is relied on, in percent: the operator's own data, of unknown age.
const STRENGTH: u8 = 80;

/// One row of the directory, as it was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The name it trades under.
    pub name: String,
    /// Its name in the register.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub legal_name: String,
    /// House number and street.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub street: String,
    /// City or town.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub city: String,
    /// State, province or region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Postal code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zip: String,
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// As it was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// As it was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// A whole http or https URL.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub website: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Opening hours in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hours: String,
    /// Who works there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// The other columns of the import.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Somebody who works there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Given and family name.
    pub name: String,
    /// What they do, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
}

impl Listing {
    /// What it says, claim by claim.
    pub fn claims(&self) -> Vec<Claim> {
        let phone = phone::shown(&self.phone, &self.country).unwrap_or_default();
        let email = self.email.to_lowercase();
        let single = [
            (Field::Name, &self.name),
            (Field::LegalName, &self.legal_name),
            (Field::Phone, &phone),
            (Field::Email, &email),
            (Field::Website, &self.website),
            (Field::Street, &self.street),
            (Field::City, &self.city),
            (Field::State, &self.state),
            (Field::Zip, &self.zip),
            (Field::Country, &self.country),
            (Field::Hours, &self.hours),
        ];
        let single = single.into_iter().map(|(field, value)| Claim::new(field, value, STRENGTH));
        let categories = self.categories.iter().map(|category| Claim::new(Field::Category, category, STRENGTH));
        let people = self
            .people
            .iter()
            .map(|person| Claim::new(Field::Person, &person.name, STRENGTH).map(|claim| claim.with_note(Some(&person.role))));
        single.chain(categories).chain(people).flatten().collect()
    }
}
