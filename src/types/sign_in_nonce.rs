//! What makes a signed-in message good for once: handed out without being stored, and recognised when it comes back.

use subtle::ConstantTimeEq;

use super::{ServerKey, Timestamp, base32};

const CODE_LEN: usize = 16;

/// When it ends, luck, and a code over both under the server's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInNonce([u8; 16]);

impl SignInNonce {
    /// One that is good until `ends_at`.
    pub fn new(ends_at: Timestamp, luck: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(8);
        head.copy_from_slice(&ends_at.millis().to_be_bytes());
        tail.copy_from_slice(&luck);
        Self(bytes)
    }

    /// As it is handed out: letters and digits, as EIP-4361 wants them.
    pub fn reveal(&self, key: &ServerKey) -> String {
        let mut bytes = [0; 32];
        let (head, tail) = bytes.split_at_mut(16);
        head.copy_from_slice(&self.0);
        tail.copy_from_slice(&self.code(key));
        let mut text = String::new();
        base32::encode_into(&bytes, &mut text);
        text
    }

    /// Reads one of ours that has not ended.
    pub fn read(text: &str, key: &ServerKey, now: Timestamp) -> Option<Self> {
        let bytes = base32::decode::<32>(text)?;
        let (head, code) = bytes.split_first_chunk::<16>()?;
        let nonce = Self(*head);
        let is_ours: bool = nonce.code(key).ct_eq(code).into();
        (is_ours && nonce.ends_at() > now).then_some(nonce)
    }

    /// Not good from then on.
    pub fn ends_at(&self) -> Timestamp {
        let (head, _) = self.0.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        Timestamp::from_millis(i64::from_be_bytes(*head))
    }

    fn code(self, key: &ServerKey) -> [u8; CODE_LEN] {
        let code = key.code("sign-in nonce", &self.0);
        let (half, _) = code.split_first_chunk::<CODE_LEN>().unwrap_or((&[0; CODE_LEN], &[]));
        *half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_are_taken_and_only_in_time() {
        let (key, end) = (ServerKey::new([7; 32]), Timestamp::from_millis(1_000));
        let nonce = SignInNonce::new(end, [3; 8]);
        let text = nonce.reveal(&key);
        assert!(text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let at = |millis| SignInNonce::read(&text, &key, Timestamp::from_millis(millis));
        assert_eq!(at(999), Some(nonce));
        assert_eq!(at(1_000), None);
        assert_eq!(SignInNonce::read(&text, &ServerKey::new([8; 32]), Timestamp::from_millis(0)), None);
        let longer = SignInNonce::new(Timestamp::from_millis(2_000), [3; 8]).reveal(&key);
        let forged = format!("{}{}", &longer[..26], &text[26..]);
        assert_eq!(SignInNonce::read(&forged, &key, Timestamp::from_millis(0)), None);
        assert_eq!(SignInNonce::read("", &key, Timestamp::from_millis(0)), None);
    }
}
