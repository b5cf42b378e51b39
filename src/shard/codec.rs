//! Bytes: versioned, checksummed, compact.
//!
//! `[version][xxh3-64 of the rest, little endian][postcard]`. The version is that of the value's format; a value of a
//! later version is refused, one of an earlier version stays readable (the golden files in `tests/golden` hold us to it).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that this version writes.
pub const VERSION: u8 = 1;
const HEAD: usize = 9;

/// Why stored bytes can't be read. Nothing is ever skipped: a person has to look (safety.md F-S2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Shorter than its own head.
    #[error("the value is cut off")]
    Short,
    /// Made by a later version.
    #[error("the value has format {0}, this version reads up to {VERSION}")]
    Version(u8),
    /// The bytes are not the ones that were written.
    #[error("the checksum does not match")]
    Checksum,
    /// The checksum holds, but the value doesn't parse.
    #[error("the value can't be read: {0}")]
    Value(postcard::Error),
}

/// Encodes a value with its head.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend([0; HEAD]);
    // Writing into a growing vector can't run out of room, and our types hold nothing that postcard refuses.
    let mut bytes = postcard::to_extend(value, bytes).unwrap_or_default();
    if let Some((head, body)) = bytes.split_at_mut_checked(HEAD) {
        let sum = xxhash_rust::xxh3::xxh3_64(body).to_le_bytes();
        let mut whole = [VERSION; HEAD];
        for (place, byte) in whole.iter_mut().skip(1).zip(sum) {
            *place = byte;
        }
        head.copy_from_slice(&whole);
    }
    bytes
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// See [`CodecError`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (head, body) = bytes.split_at_checked(HEAD).ok_or(CodecError::Short)?;
    let (version, sum) = head.split_at(1);
    match version {
        [VERSION] => {}
        [other, ..] => return Err(CodecError::Version(*other)),
        [] => return Err(CodecError::Short),
    }
    if sum != xxhash_rust::xxh3::xxh3_64(body).to_le_bytes() {
        return Err(CodecError::Checksum);
    }
    postcard::from_bytes(body).map_err(CodecError::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// F-S2: any single flipped bit is seen.
        #[test]
        fn a_flipped_bit_is_seen(text in ".{0,100}", at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = encode(&text);
            prop_assert_eq!(decode::<String>(&bytes).unwrap(), text);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode::<String>(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _any = decode::<Vec<crate::shard::Event>>(&bytes);
        }
    }

    #[test]
    fn a_later_format_is_refused() {
        let mut bytes = encode("x");
        bytes[0] = VERSION + 1;
        assert_eq!(decode::<String>(&bytes), Err(CodecError::Version(2)));
    }
}
