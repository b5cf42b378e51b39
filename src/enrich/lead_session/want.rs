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

    const fn index(self) -> usize {
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

    const fn index(self) -> usize {
        self as usize
    }
}

/// How many of each there are.
const WANTS: usize = Want::ALL.len();
const ASKS: usize = Ask::ALL.len();

/// How often an ask brought what was wanted: of `tried` times when it was missing, `found` times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    tried: u32,
    found: u32,
}

/// What is expected of every ask before anything was seen, in percent, in the order of [`Want::ALL`]. From the half of the
/// evaluation set that rules may be tuned on (docs/quality.md).
const PRIOR: [[u32; WANTS]; ASKS] = [
    // company website phone email title street city state zip country
    [43, 34, 41, 2, 2, 44, 48, 43, 44, 47],   // directory
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],           // search
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],           // search_person
    [35, 55, 35, 4, 1, 32, 30, 28, 32, 30],   // home
    [57, 72, 72, 6, 1, 73, 70, 62, 73, 71],   // contact
    [2, 2, 2, 2, 4, 2, 2, 2, 2, 2],           // about
    [2, 12, 2, 46, 80, 10, 2, 2, 10, 2],      // team
    [40, 40, 40, 10, 10, 40, 40, 20, 40, 40], // imprint
    [5, 5, 30, 5, 1, 40, 40, 40, 40, 20],     // locations
    [20, 20, 20, 2, 2, 20, 25, 25, 20, 15],   // listing
    [0, 0, 0, 37, 0, 0, 0, 0, 0, 0],          // email
];

/// The prior counts as much as so many observations.
const PRIOR_WEIGHT: u32 = 20;
/// From so many observations on the older half of them is forgotten, so that the table follows the times.
const TRIED_MAX: u32 = 10_000;

/// Expected gains, learned from what asks brought. The same table, the same plan: a session uses the one it began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GainTable {
    tallies: Vec<Tally>,
}

impl Default for GainTable {
    fn default() -> Self {
        Self { tallies: vec![Tally::default(); ASKS * WANTS] }
    }
}

impl GainTable {
    /// How likely `ask` brings `want` where it is missing, in parts of ten thousand.
    pub fn chance(&self, ask: Ask, want: Want) -> u32 {
        let prior = PRIOR.get(ask.index()).and_then(|row| row.get(want.index())).copied().unwrap_or(0);
        let Tally { tried, found } = self.tallies.get(Self::at(ask, want)).copied().unwrap_or_default();
        (prior * PRIOR_WEIGHT * 100 + found.min(tried) * 10_000) / (PRIOR_WEIGHT + tried)
    }

    /// How often `ask` was tried while `want` was missing, and how often it brought it.
    pub fn observed(&self, ask: Ask, want: Want) -> (u32, u32) {
        let Tally { tried, found } = self.tallies.get(Self::at(ask, want)).copied().unwrap_or_default();
        (tried, found)
    }

    /// Learns from one ask.
    pub fn observe(&mut self, ask: Ask, want: Want, found: bool) {
        let Some(tally) = self.tallies.get_mut(Self::at(ask, want)) else { return };
        if tally.tried >= TRIED_MAX {
            *tally = Tally { tried: tally.tried / 2, found: tally.found / 2 };
        }
        tally.tried += 1;
        tally.found += u32::from(found);
    }

    /// Whether it has the shape of this version's; an older one that was kept doesn't.
    pub fn fits(&self) -> bool {
        self.tallies.len() == ASKS * WANTS && self.tallies.iter().all(|tally| tally.found <= tally.tried && tally.tried <= TRIED_MAX)
    }

    const fn at(ask: Ask, want: Want) -> usize {
        ask.index() * WANTS + want.index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experience_moves_the_expectation_from_the_prior() {
        let mut table = GainTable::default();
        assert_eq!(table.chance(Ask::Contact, Want::Phone), 7200);
        for _ in 0..20 {
            table.observe(Ask::Contact, Want::Phone, false);
        }
        assert_eq!(table.chance(Ask::Contact, Want::Phone), 3600, "as many observations as the prior counts for");
        for _ in 0..40_000 {
            table.observe(Ask::Contact, Want::Phone, true);
        }
        assert!((9_900..=10_000).contains(&table.chance(Ask::Contact, Want::Phone)));
        assert!(table.fits());
        assert_eq!(table.chance(Ask::Team, Want::Title), 8000, "others are as they were");
    }

    #[test]
    fn the_lists_are_in_the_order_of_their_indices() {
        assert!(Want::ALL.iter().enumerate().all(|(at, want)| want.index() == at));
        assert!(Ask::ALL.iter().enumerate().all(|(at, ask)| ask.index() == at));
    }
}
