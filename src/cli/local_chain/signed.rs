//! What a buyer's wallet signs: an `upto` maximum, by Permit2, of what a 402 asks for.

use alloy_primitives::{B256, U256};

use super::Account;
use crate::billing::x402::amount::Uint;
use crate::billing::x402::header;
use crate::billing::x402::messages::{
    Authorized, PaymentPayload, PaymentRequired, Permit2Authorization, Requirements, TokenPermissions, VERSION, Witness,
};
use crate::billing::x402::offer::Terms;
use crate::billing::x402::{Signature, permit2};
use crate::cli::Failure;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::types::Wallet;

/// How long before now a payment is good from, as official clients have it: clocks differ.
const EARLIER_S: u64 = 600;

/// One way to pay that a 402 offers, and what it is signed for.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Purse {
    pub(in crate::cli) required: Requirements,
    terms: Terms,
    amount: Uint,
}

impl Purse {
    /// The `upto` entry of a 402.
    pub(in crate::cli) fn open(asked: &PaymentRequired) -> Result<Self, Failure> {
        let unreadable = |what: &str| Failure::Failed(format!("the 402 says nothing usable of its {what}"));
        let mut upto = asked.accepts.iter().filter(|one| one.scheme == "upto");
        let required = upto.next().cloned().ok_or_else(|| unreadable("scheme upto"))?;
        let text = |name: &str| required.extra.get(name).and_then(serde_json::Value::as_str).ok_or_else(|| unreadable(name));
        let wallet = |name: &str, text: &str| text.parse::<Wallet>().map_err(|_| unreadable(name));
        let terms = Terms {
            network: required.network.parse().map_err(|_| unreadable("network"))?,
            asset: wallet("asset", &required.asset)?,
            asset_name: text("name")?.into(),
            asset_version: text("version")?.into(),
            pay_to: wallet("payTo", &required.pay_to)?,
            facilitator: wallet("facilitatorAddress", text("facilitatorAddress")?)?,
            permit2: Terms::PERMIT2,
            proxy: Terms::UPTO_PROXY,
        };
        let amount = Uint(required.amount.parse().map_err(|_| unreadable("amount"))?);
        Ok(Self { required, terms, amount })
    }
}

/// A `PAYMENT-SIGNATURE` header: whoever is named as facilitator may take up to the maximum, once, until it expires.
pub(in crate::cli) fn sign(buyer: &Account, purse: &Purse) -> Result<String, Failure> {
    let Purse { required, terms, amount } = purse;
    let now = u64::try_from(SystemClock.now().seconds()).unwrap_or_default();
    let permit = Permit2Authorization {
        permitted: TokenPermissions { token: terms.asset, amount: *amount },
        from: buyer.wallet(),
        spender: terms.proxy,
        nonce: Uint(U256::from_be_bytes(SystemRandom.secret())),
        deadline: Uint::new(now.saturating_add(required.max_timeout_seconds)),
        witness: Witness { to: terms.pay_to, facilitator: terms.facilitator, valid_after: Uint::new(now.saturating_sub(EARLIER_S)) },
    };
    let signature = signature(buyer, permit2::digest(&permit, terms))?;
    let payload = Authorized { signature, permit2_authorization: Some(permit), authorization: None };
    let payment = PaymentPayload { x402_version: VERSION, resource: None, accepted: required.clone(), payload, extensions: None };
    header::encode(&payment).map_err(|error| Failure::of(&error))
}

/// 65 bytes: r, s and v.
fn signature(buyer: &Account, digest: B256) -> Result<Signature, Failure> {
    let made = buyer.key.sign(digest).map_err(|error| Failure::of(&error))?;
    let bytes: Vec<u8> = made.r.into_iter().chain(made.s).chain([27 + u8::from(made.y_is_odd)]).collect();
    Ok(Signature::from_bytes(&bytes))
}
