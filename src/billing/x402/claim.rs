//! What makes two payments one, and what a repeat is told.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::amount::Uint;
use super::messages::PaymentPayload;
use crate::types::{Network, Wallet};

/// Names a payment for ever: a chain lets a payer spend a nonce once, and so do we (safety.md I-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PaymentId {
    /// The chain.
    pub network: Network,
    /// Who pays.
    pub payer: Wallet,
    /// Permit2's, or EIP-3009's as a number.
    pub nonce: Uint,
}

/// Where a payment is looked up in its payer's shard: 128 bits of SHA-256, since payers choose their nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PaymentKey(pub u128);

/// Tells one request from another, also against somebody who looks for two alike: 128 bits of SHA-256 over raw bytes (N3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestHash(pub u128);

/// What only the buyer knows of a payment, for no chain ever shows it: a hash of the key that came with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientKey(u128);

impl PaymentId {
    /// What a payment says that it is, before anything of it is believed: enough to look for a first time, and no more.
    /// Nothing where its network is none of ours, or it holds no authorization.
    pub fn said(payment: &PaymentPayload) -> Option<Self> {
        let network = payment.accepted.network.parse().ok()?;
        let (payer, nonce) = match (&payment.payload.permit2_authorization, &payment.payload.authorization) {
            (Some(permit), None) => (permit.from, permit.nonce),
            (None, Some(transfer)) => (transfer.from, Uint(U256::from_be_bytes(transfer.nonce.0))),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(Self { network, payer, nonce })
    }

    /// Where it is looked up: whatever the network, since a settlement is named by payer and nonce alone, as the settler's logs
    /// name it, and two of one name would be one. Clients draw nonces of 256 bits, so nobody needs one twice.
    pub fn key(&self) -> PaymentKey {
        PaymentKey(hash("x402 payment", &[self.payer.as_bytes(), &self.nonce.0.to_be_bytes::<32>()]))
    }
}

impl RequestHash {
    /// Of a request.
    pub fn of(method: &str, path: &str, body: &[u8]) -> Self {
        Self(hash("x402 request", &[method.as_bytes(), path.as_bytes(), body]))
    }

    /// Of the request with the very payment that came with it: a `payment-identifier` stands for both (x402.md 7).
    pub fn paid(self, payment: &str) -> Self {
        Self(hash("x402 paid request", &[&self.0.to_be_bytes(), payment.as_bytes()]))
    }
}

impl ClientKey {
    /// From an `Idempotency-Key`.
    pub fn of_idempotency_key(key: &str) -> Self {
        Self(hash("x402 idempotency key", &[key.as_bytes()]))
    }

    /// From the `payment-identifier` extension.
    pub fn of_identifier(identifier: &PaymentIdentifier) -> Self {
        Self(hash("x402 payment identifier", &[identifier.as_str().as_bytes()]))
    }
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

/// The first 128 bits of SHA-256 over a purpose and parts, each behind its length, so that no two lists of parts are one text.
fn hash(purpose: &str, parts: &[&[u8]]) -> u128 {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (half, _) = digest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    u128::from_be_bytes(*half)
}

/// The `id` of the `payment-identifier` extension: 16 to 128 letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentIdentifier(Box<str>);

impl PaymentIdentifier {
    /// Reads one, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sane = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (is_sane && (16..=128).contains(&text.len())).then(|| Self(text.into()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PaymentIdentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentIdentifier(…)")
    }
}

/// What is known of a payment that is already claimed and came again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// With the request that it was claimed for.
    pub same_request: bool,
    /// Bytes that settle it have left us, so that anybody may have read the payment off the chain.
    pub broadcast: bool,
    /// With a client key, and the one that it was claimed under.
    pub same_client_key: bool,
}

/// What it is told. Never a 402: a client would sign again and pay twice (C9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The first answer again, with its token.
    SameAnswer,
    /// That it is used: no token, no result.
    AlreadyUsed,
}

impl Repeat {
    /// Decides (safety.md D-12). A payment is public once it settles, and a body can be guessed, so from then on only what
    /// never goes on a chain tells the buyer from a stranger.
    pub const fn answer(self) -> Replay {
        if self.same_request && (!self.broadcast || self.same_client_key) { Replay::SameAnswer } else { Replay::AlreadyUsed }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    /// D-12, T-10, T-11, T-21: the whole table.
    #[test]
    fn t21_a_repeat_tells_nothing_to_strangers() {
        use Replay::{AlreadyUsed, SameAnswer};
        for (same_request, broadcast, same_client_key, wanted) in [
            (true, false, false, SameAnswer),
            (true, false, true, SameAnswer),
            (true, true, true, SameAnswer),
            (true, true, false, AlreadyUsed),
            (false, false, false, AlreadyUsed),
            (false, false, true, AlreadyUsed),
            (false, true, false, AlreadyUsed),
            (false, true, true, AlreadyUsed),
        ] {
            let repeat = Repeat { same_request, broadcast, same_client_key };
            assert_eq!(repeat.answer(), wanted, "{repeat:?}");
        }
    }

    #[test]
    fn a_payment_is_known_before_it_is_believed() {
        let payment = samples::payment(1);
        let id = PaymentId::said(&payment).unwrap();
        assert_eq!((id.payer, id.network), (samples::wallet(1), Network::Eip155(8453)));
        let mut other = payment.clone();
        other.accepted.network = "solana:mainnet".into();
        assert_eq!(PaymentId::said(&other), None);
        let mut both = payment.clone();
        both.payload.authorization = Some(samples::transfer(1));
        assert_eq!(PaymentId::said(&both), None, "whose nonce would it be?");
        let mut neither = payment;
        neither.payload.permit2_authorization = None;
        assert_eq!(PaymentId::said(&neither), None);
    }

    /// The keys are a promise: under others, what is claimed would be forgotten.
    #[test]
    fn keys_never_change() {
        let id = PaymentId { network: Network::Eip155(8453), payer: Wallet::from_bytes([1; 20]), nonce: Uint::new(7) };
        assert_eq!(format!("{:032x}", id.key().0), "7c815f184e0b4c01ed8be66162434db9");
        let request = RequestHash::of("POST", "/api/v1/enrich/jobs", b"{}");
        assert_eq!(format!("{:032x}", request.0), "c1c2420f38914a3b11cfe781fc3abb94");
    }

    #[test]
    fn every_part_counts() {
        let id = PaymentId { network: Network::Eip155(1), payer: Wallet::from_bytes([1; 20]), nonce: Uint::new(7) };
        for other in [PaymentId { payer: Wallet::from_bytes([2; 20]), ..id }, PaymentId { nonce: Uint::new(8), ..id }] {
            assert_ne!(id.key(), other.key());
        }
        let request = RequestHash::of("POST", "/a", b"{}");
        for other in [RequestHash::of("POST", "/a{", b"}"), RequestHash::of("PUT", "/a", b"{}"), request.paid("")] {
            assert_ne!(request, other);
        }
        let identifier = PaymentIdentifier::parse("0123456789abcdef").unwrap();
        assert_ne!(ClientKey::of_identifier(&identifier), ClientKey::of_idempotency_key(identifier.as_str()));
        assert_eq!(format!("{identifier:?}"), "PaymentIdentifier(…)");
    }

    #[test]
    fn identifiers_have_their_length_and_letters() {
        for right in ["pay_7d5d747be160e280504c099d984bcfe0", "0123456789abcdef", "-_-_-_-_-_-_-_-_", &"Z".repeat(128)] {
            assert!(PaymentIdentifier::parse(right).is_some(), "{right}");
        }
        for wrong in ["", "0123456789abcde", &"Z".repeat(129), "0123456789abcde ", "0123456789abcdé", "0123456789abcdef\n"] {
            assert!(PaymentIdentifier::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn different_payments_have_different_keys_on_whatever_networks(chain in 1_u64.., other in 1_u64.., nonce: [u64; 4], change in 0_usize..256) {
            let payer = Wallet::from_bytes([3; 20]);
            let nonce = U256::from_limbs(nonce);
            let id = |chain, nonce| PaymentId { network: Network::Eip155(chain), payer, nonce: Uint(nonce) };
            prop_assert_ne!(id(chain, nonce).key(), id(chain, nonce ^ (U256::ONE << change)).key());
            prop_assert_eq!(id(chain, nonce).key(), id(other, nonce).key(), "they would settle under one name");
        }
    }
}
