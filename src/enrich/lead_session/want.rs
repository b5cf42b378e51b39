//! What a lead can lack.

use serde::{Deserialize, Serialize};

use crate::enrich::claim::Field;

/// One thing worth knowing of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// The business's name.
    Company,
    /// Its website; the door to everything else.
    Website,
    /// A number that is answered.
    Phone,
    /// The person's address, or the business's where no person is named.
    Email,
    /// What the person does there.
    Title,
    /// House number and street.
    Street,
    /// City or town.
    City,
    /// State, province or region.
    State,
    /// Postal code.
    Zip,
    /// Country.
    Country,
}

impl Want {
    /// All of them, in the order of the result.
    pub const ALL: [Self; 10] = [
        Self::Company,
        Self::Website,
        Self::Phone,
        Self::Email,
        Self::Title,
        Self::Street,
        Self::City,
        Self::State,
        Self::Zip,
        Self::Country,
    ];

    /// The key of a CRM record that holds it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Website => "domain",
            Self::Phone => "number1",
            Self::Email => "email",
            Self::Title => "title",
            Self::Street => "street",
            Self::City => "city",
            Self::State => "state",
            Self::Zip => "zip",
            Self::Country => "country",
        }
    }

    /// What it is worth to somebody who sells, against the others. The website counts for what it opens.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Phone | Self::Email | Self::Website => 30,
            Self::Title | Self::Street | Self::Company => 20,
            Self::City | Self::State | Self::Zip => 10,
            Self::Country => 5,
        }
    }

    /// The claims that answer it; a title is a person's, and so no field of a business.
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Company => Some(Field::Name),
            Self::Website => Some(Field::Website),
            Self::Phone => Some(Field::Phone),
            Self::Email => Some(Field::Email),
            Self::Title => None,
            Self::Street => Some(Field::Street),
            Self::City => Some(Field::City),
            Self::State => Some(Field::State),
            Self::Zip => Some(Field::Zip),
            Self::Country => Some(Field::Country),
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// A way to learn something: whom to ask for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The operator's directory.
    Directory,
    /// A web search for the business.
    Search,
    /// A further web search: for the person at the business, or for the business in other words.
    SearchPerson,
    /// The front page of its website.
    Home,
    /// Its contact page.
    Contact,
    /// A page about it.
    About,
    /// A page of its people.
    Team,
    /// Its imprint, which the law of some countries asks for.
    Imprint,
    /// A page of its places.
    Locations,
    /// Somebody else's page about it.
    Listing,
    /// The check of an e-mail address, or of one that follows from the coworkers'.
    Email,
}

impl Ask {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Directory,
        Self::Search,
        Self::SearchPerson,
        Self::Home,
        Self::Contact,
        Self::About,
        Self::Team,
        Self::Imprint,
        Self::Locations,
        Self::Listing,
        Self::Email,
    ];

    /// How likely it leads to further pages of the business's own where none has been read yet, in parts of ten thousand.
    pub const fn opens(self) -> u32 {
        match self {
            Self::Search => 8500,
            Self::Home => 8000,
            Self::SearchPerson => 5000,
            Self::Directory => 3400,
            Self::Listing => 2000,
            Self::Contact | Self::About | Self::Team | Self::Imprint | Self::Locations | Self::Email => 0,
        }
    }

    /// How likely it leads to somebody else's page about the business, in parts of ten thousand.
    pub const fn lists(self) -> u32 {
        match self {
            Self::Search => 4000,
            Self::SearchPerson => 2000,
            Self::Directory
            | Self::Home
            | Self::Contact
            | Self::About
            | Self::Team
            | Self::Imprint
            | Self::Locations
            | Self::Listing
            | Self::Email => 0,
        }
    }

    /// Whether the business itself answers it.
    pub const fn is_its_own_word(self) -> bool {
        match self {
            Self::Home | Self::Contact | Self::About | Self::Team | Self::Imprint | Self::Locations => true,
            Self::Directory | Self::Search | Self::SearchPerson | Self::Listing | Self::Email => false,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_the_order_of_their_indices() {
        assert!(Want::ALL.iter().enumerate().all(|(at, want)| want.index() == at));
        assert!(Ask::ALL.iter().enumerate().all(|(at, ask)| ask.index() == at));
    }
}
