//! Lists, a page at a time.

use super::base32;

/// Where the next page of a list begins: the key of the last row shown, opaque outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// Some rows, and where to go on where there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Present where there may be more.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// Its text on the wire: the length, then the bytes.
    pub fn to_text(&self) -> String {
        let mut text = String::from("c");
        base32::encode_into(&self.0, &mut text);
        text
    }

    /// Reads a text that [`Self::to_text`] made; bounded to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let symbols = text.strip_prefix('c')?;
        let len = symbols.len().checked_mul(5)?.div_euclid(8);
        if len > 64 {
            return None;
        }
        // The codec reads whole arrays, so a cursor is read as 64 bytes with zeros behind it.
        let wanted = 64_usize.checked_mul(8)?.div_ceil(5);
        let mut padded = symbols.to_owned();
        while padded.len() < wanted {
            padded.push('0');
        }
        let bytes = base32::decode::<64>(&padded)?;
        Some(Self(bytes.get(..len)?.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursors_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..=64)) {
            let cursor = Cursor(bytes);
            prop_assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }

        /// As the documents have it.
        #[test]
        fn any_text_of_its_alphabet_is_read(text in "c[0-9a-hjkmnp-tv-z]{1,102}") {
            prop_assert!(Cursor::parse(&text).is_some());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,130}") {
            let _any = Cursor::parse(&text);
        }
    }
}
