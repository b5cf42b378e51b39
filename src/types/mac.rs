//! HMAC-SHA256 (RFC 2104) over parts, with a key of a length that is known when this is compiled.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use sha2::digest::crypto_common::{Key, KeyInit};

/// What the hash works on at a time. A key up to here is filled with zeros; a longer one would be hashed first.
const BLOCK_LEN: usize = 64;

/// The code of `parts`, one behind the other. Whoever joins parts puts something between them that none can hold.
pub fn hmac_sha256<const N: usize>(key: &[u8; N], parts: &[&[u8]]) -> [u8; 32] {
    // With the length checked here there is no error to handle later.
    const { assert!(N <= BLOCK_LEN) };
    let mut block = Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 section 4.2, 4.3 and 4.4.
    #[test]
    fn test_vectors() {
        let hex_of = |code: [u8; 32]| hex::encode(code);
        assert_eq!(
            hex_of(hmac_sha256(&[0x0b; 20], &[b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex_of(hmac_sha256(b"Jefe", &[b"what do ya want for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(hex_of(hmac_sha256(&[0xaa; 20], &[&[0xdd; 50]])), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    }
}
