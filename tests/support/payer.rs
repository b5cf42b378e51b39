//! A wallet that pays: it signs what it is offered, as a client does.

use alloy_primitives::{B256, U256};
use enrich_jobs::billing::x402::amount::Uint;
use enrich_jobs::billing::x402::header::{self, Payment};
use enrich_jobs::billing::x402::messages::{Authorized, Eip3009Authorization, Permit2Authorization, TokenPermissions, VERSION, Witness};
use enrich_jobs::billing::x402::offer::Terms;
use enrich_jobs::billing::x402::sponsoring::{EXTENSION, Info};
use enrich_jobs::billing::x402::{PaymentPayload, Requirements, Signature, permit2, token};
use enrich_jobs::types::Wallet;
use secp256k1::{Message, SECP256K1, SecretKey};

use super::chain::Account;

/// A payment of what is required, from an account, under a nonce that is made of `nonce`.
pub fn pay(from: &Account, required: &Requirements, now: u64, nonce: u8) -> Payment {
    sent(&signed(from, required, now, nonce))
}

/// The same by `upto`, with an allowance for Permit2 of just as much, which is the account's `number`th at the token.
pub fn pay_sponsored(from: &Account, required: &Requirements, now: u64, nonce: u8, number: u64) -> Payment {
    let (mut payment, terms) = (signed(from, required, now, nonce), terms(required));
    let permit = payment.payload.permit2_authorization.unwrap();
    let (owner, value, deadline) = (permit.from, permit.permitted.amount, permit.deadline);
    let allowance = token::Allowance { owner, value: value.0, nonce: U256::from(number), deadline: deadline.0 };
    let info = Info {
        from: owner,
        asset: terms.asset,
        spender: terms.permit2,
        amount: value,
        nonce: Uint::new(number),
        deadline,
        signature: sign(&from.key, &token::allowance_digest(&allowance, &terms)),
    };
    let extension = (EXTENSION.to_owned(), serde_json::json!({"info": info}));
    payment.extensions = Some([extension].into_iter().collect());
    sent(&payment)
}

fn sent(payment: &PaymentPayload) -> Payment {
    header::decode_payment(header::encode(payment).unwrap().as_bytes()).unwrap()
}

fn signed(from: &Account, required: &Requirements, now: u64, nonce: u8) -> PaymentPayload {
    let terms = terms(required);
    let payer: Wallet = from.address.parse().unwrap();
    let amount = Uint(required.amount.parse().unwrap());
    let until = Uint::new(now + required.max_timeout_seconds);
    let (permit2_authorization, authorization, digest) = if required.scheme == "upto" {
        let permit = Permit2Authorization {
            permitted: TokenPermissions { token: terms.asset, amount },
            from: payer,
            spender: terms.proxy,
            nonce: Uint(U256::from_be_bytes([nonce; 32])),
            deadline: until,
            witness: Witness { to: terms.pay_to, facilitator: terms.facilitator, valid_after: Uint::new(now - 600) },
        };
        (Some(permit), None, permit2::digest(&permit, &terms))
    } else {
        let nonce = B256::repeat_byte(nonce);
        let transfer = Eip3009Authorization {
            from: payer,
            to: terms.pay_to,
            value: amount,
            valid_after: Uint::new(now - 600),
            valid_before: until,
            nonce,
        };
        (None, Some(transfer), token::transfer_digest(&transfer, &terms))
    };
    let payload = Authorized { signature: sign(&from.key, &digest), permit2_authorization, authorization };
    PaymentPayload { x402_version: VERSION, resource: None, accepted: required.clone(), payload, extensions: None }
}

fn terms(required: &Requirements) -> Terms {
    let text = |name: &str| required.extra.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Terms {
        network: required.network.parse().unwrap(),
        asset: required.asset.parse().unwrap(),
        asset_name: text("name").into(),
        asset_version: text("version").into(),
        pay_to: required.pay_to.parse().unwrap(),
        facilitator: text("facilitatorAddress").parse().unwrap_or(Wallet::ZERO),
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    }
}

fn sign(key: &str, digest: &B256) -> Signature {
    let mut bytes = [0; 32];
    hex::decode_to_slice(key.trim_start_matches("0x"), &mut bytes).unwrap();
    let secret = SecretKey::from_byte_array(bytes).unwrap();
    let (id, bytes) = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &secret).serialize_compact();
    Signature::from_bytes(&[&bytes[..], &[27 + u8::try_from(i32::from(id)).unwrap()]].concat())
}
