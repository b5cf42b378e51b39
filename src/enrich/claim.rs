//! What a vendor says of a business: one field, one value, and how far it can be relied on.

use serde::{Deserialize, Serialize};

use super::words::{one_line, without_tags};

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
    /// Opening hours: `Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-14:00` where they can be told, else in words.
    Hours,
    /// Somebody who works there; the claim's note is the role.
    Person,
}

/// One statement of one vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// About what.
    pub field: Field,
    /// What it says: plain text on one line, without markup and without letters that nobody sees. Whoever writes it into
    /// Markdown or HTML escapes it there.
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
        let value = plain(value);
        (!value.is_empty()).then_some(Self { field, value, note: None, strength })
    }

    /// The same with a note.
    pub fn with_note(self, note: Option<&str>) -> Self {
        let note = note.map(plain).filter(|note| !note.is_empty());
        Self { note, ..self }
    }
}

/// Text as values are kept.
pub fn plain(text: &str) -> String {
    // What can't be seen goes first, or it would hide a tag.
    let line = one_line(text, 4 * VALUE_CHARS_MAX);
    one_line(&without_tags(&line), VALUE_CHARS_MAX)
}

/// The first value of a field.
pub fn first<'a>(claims: &'a [Claim], field: &Field) -> Option<&'a str> {
    claims.iter().find(|claim| claim.field == *field).map(|claim| claim.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_harmless_text() {
        for (text, wanted) in [
            ("Acme <script>alert(1)</script>Corp", "Acme Corp"),
            ("Acme <\u{200b}script>alert(1)</script>", "Acme"),
            ("<b>Acme</b>\nCorp\u{202e}", "Acme Corp"),
            ("I <3 Soup", "I <3 Soup"),
        ] {
            assert_eq!(Claim::new(Field::Name, text, 50).unwrap().value, wanted, "{text:?}");
        }
        assert!(Claim::new(Field::Name, "<br>\u{200b} ", 50).is_none());
        assert_eq!(Claim::new(Field::Name, &"a".repeat(9999), 50).unwrap().value.len(), VALUE_CHARS_MAX);
    }
}
