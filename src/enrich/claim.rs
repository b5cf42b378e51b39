//! What a vendor says of a business: one field, one value, and how far it can be relied on.

use serde::{Deserialize, Serialize};

use super::words::one_line;

/// What a claim is about. The order is that of the result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The name it trades under.
    Name,
    /// Its name in the register.
    LegalName,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Its website.
    Website,
    /// House number and street.
    Street,
    /// City or town.
    City,
    /// State, province or region.
    State,
    /// Postal code.
    Zip,
    /// Country, by ISO 3166-1 alpha-2 where it is known.
    Country,
    /// A profile on the network of that name.
    Social(String),
    /// What it does.
    Category,
    /// Opening hours in words.
    Hours,
    /// Somebody who works there; the claim's note is the role.
    Person,
}

/// One statement of one vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// About what.
    pub field: Field,
    /// What it says, on one line.
    pub value: String,
    /// A person's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How likely it is right where nobody else says anything, in percent.
    pub strength: u8,
}

/// The longest value that is kept, in characters.
pub const VALUE_CHARS_MAX: usize = 300;

impl Claim {
    /// A claim, or nothing where the value is blank.
    pub fn new(field: Field, value: &str, strength: u8) -> Option<Self> {
        let value = one_line(value, VALUE_CHARS_MAX);
        (!value.is_empty()).then_some(Self { field, value, note: None, strength })
    }

    /// The same with a note.
    pub fn with_note(self, note: Option<&str>) -> Self {
        let note = note.map(|note| one_line(note, VALUE_CHARS_MAX)).filter(|note| !note.is_empty());
        Self { note, ..self }
    }
}

/// The first value of a field.
pub fn first<'a>(claims: &'a [Claim], field: &Field) -> Option<&'a str> {
    claims.iter().find(|claim| claim.field == *field).map(|claim| claim.value.as_str())
}
