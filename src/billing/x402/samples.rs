//! Payments for tests: made and signed here, and as the official clients made them (`tests/golden/x402`).

use alloy_primitives::{B256, U256, keccak256};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::Value;

use super::amount::Uint;
use super::header::{self, Payment};
use super::messages::{Authorized, Eip3009Authorization, PaymentPayload, Permit2Authorization, TokenPermissions, VERSION, Witness};
use super::offer::{Offer, Scheme, Terms};
use super::signature::Signature;
use super::{permit2, token};
use crate::types::{Network, Usd, Wallet};

/// The chain's time in all of them.
pub(super) const NOW: u64 = 1_795_000_000;

fn secret(key: u8) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[31] = key;
    SecretKey::from_byte_array(bytes).unwrap()
}

/// The wallet with the private key `key`.
pub(super) fn wallet(key: u8) -> Wallet {
    let public = secret(key).public_key(SECP256K1).serialize_uncompressed();
    Wallet::from_bytes(*keccak256(&public[1..]).last_chunk().unwrap())
}

pub(super) fn sign(key: u8, digest: &B256) -> Signature {
    let (id, bytes) = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &secret(key)).serialize_compact();
    Signature::from_bytes(&[&bytes[..], &[27 + u8::try_from(i32::from(id)).unwrap()]].concat())
}

/// The 64 bytes of EIP-2098.
pub(super) fn compact(signature: &Signature) -> Signature {
    let mut bytes = signature.as_bytes()[..64].to_vec();
    bytes[32] |= (signature.as_bytes()[64] - 27) << 7;
    Signature::from_bytes(&bytes)
}

/// The other signature that the same key and hash have, which anybody can make.
pub(super) fn twin(signature: &Signature) -> Signature {
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let bytes = signature.as_bytes();
    let s = order - U256::from_be_slice(&bytes[32..64]);
    Signature::from_bytes(&[&bytes[..32], &s.to_be_bytes::<32>(), &[55 - bytes[64]]].concat())
}

pub(super) fn terms() -> Terms {
    Terms {
        network: Network::Eip155(8453),
        asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap(),
        asset_name: "USD Coin".into(),
        asset_version: "2".into(),
        pay_to: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap(),
        facilitator: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC".parse().unwrap(),
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    }
}

/// Half a dollar at most.
pub(super) fn offer(terms: &Terms) -> Offer<'_> {
    Offer::new(terms, Scheme::Upto, Usd::from_micros(500_000))
}

/// One dollar.
pub(super) fn exact_offer(terms: &Terms) -> Offer<'_> {
    Offer::new(terms, Scheme::Exact, Usd::from_micros(1_000_000))
}

pub(super) fn permit(key: u8) -> Permit2Authorization {
    let terms = terms();
    Permit2Authorization {
        permitted: TokenPermissions { token: terms.asset, amount: Uint::new(500_000) },
        from: wallet(key),
        spender: terms.proxy,
        nonce: Uint(U256::from_be_bytes([key; 32])),
        deadline: Uint::new(NOW + 1200),
        witness: Witness { to: terms.pay_to, facilitator: terms.facilitator, valid_after: Uint::new(0) },
    }
}

pub(super) fn transfer(key: u8) -> Eip3009Authorization {
    Eip3009Authorization {
        from: wallet(key),
        to: terms().pay_to,
        value: Uint::new(1_000_000),
        valid_after: Uint::new(0),
        valid_before: Uint::new(NOW + 300),
        nonce: B256::repeat_byte(key),
    }
}

pub(super) fn signature(key: u8) -> Signature {
    sign(key, &permit2::digest(&permit(key), &terms()))
}

pub(super) fn exact_signature(key: u8) -> Signature {
    sign(key, &token::transfer_digest(&transfer(key), &terms()))
}

/// A payment for [`offer`].
pub(super) fn payment(key: u8) -> PaymentPayload {
    payment_with(key, |_| {})
}

/// The same, changed before it was signed.
pub(super) fn payment_with(key: u8, change: impl FnOnce(&mut Permit2Authorization)) -> PaymentPayload {
    let mut permit = permit(key);
    change(&mut permit);
    PaymentPayload {
        x402_version: VERSION,
        resource: None,
        accepted: offer(&terms()).requirements(),
        payload: Authorized {
            signature: sign(key, &permit2::digest(&permit, &terms())),
            permit2_authorization: Some(permit),
            authorization: None,
        },
        extensions: None,
    }
}

/// A payment for [`exact_offer`].
pub(super) fn exact_payment(key: u8) -> PaymentPayload {
    exact_payment_with(key, |_| {})
}

/// The same, changed before it was signed.
pub(super) fn exact_payment_with(key: u8, change: impl FnOnce(&mut Eip3009Authorization)) -> PaymentPayload {
    let mut transfer = transfer(key);
    change(&mut transfer);
    PaymentPayload {
        accepted: exact_offer(&terms()).requirements(),
        payload: Authorized {
            signature: sign(key, &token::transfer_digest(&transfer, &terms())),
            permit2_authorization: None,
            authorization: Some(transfer),
        },
        ..payment(key)
    }
}

/// What the official clients signed.
pub(super) struct Golden {
    pub(super) python: Value,
    pub(super) typescript: Value,
}

pub(super) fn golden() -> Golden {
    let read = |text| serde_json::from_str(text).unwrap();
    Golden {
        python: read(include_str!("../../../tests/golden/x402/python.json")),
        typescript: read(include_str!("../../../tests/golden/x402/typescript.json")),
    }
}

impl Golden {
    /// Every payment of both clients.
    pub(super) fn payments(&self) -> Vec<&Value> {
        [&self.python, &self.typescript].into_iter().flat_map(|client| client["payments"].as_array().unwrap()).collect()
    }

    /// The one of that name.
    pub(super) fn payment(&self, name: &str) -> Payment {
        let found = self.payments().into_iter().find(|payment| payment["name"] == name).unwrap();
        header::decode_payment(found["header"].as_str().unwrap().as_bytes()).unwrap()
    }
}
