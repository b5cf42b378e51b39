//! Payments that nobody signed: checking signatures is not what is simulated.

use std::cell::RefCell;
use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use enrich_jobs::billing::lane::ItemKey;
use enrich_jobs::billing::x402::amount::{self, Uint};
use enrich_jobs::billing::x402::messages::{Eip3009Authorization, Permit2Authorization, TokenPermissions, Witness};
use enrich_jobs::billing::x402::{Authorization, RequestHash, Signature, Terms, Verified};
use enrich_jobs::job::Payment;
use enrich_jobs::shard::ScopedKey;
use enrich_jobs::types::{Network, Timestamp, Usd, Wallet};

use crate::chain::Permit;

pub(crate) const NETWORK: Network = Network::Eip155(31_337);
pub(crate) const ASSET: Wallet = Wallet::from_bytes([0xa1; 20]);
pub(crate) const PAY_TO: Wallet = Wallet::from_bytes([0xa2; 20]);
const FACILITATOR: Wallet = Wallet::from_bytes([0xa3; 20]);

/// Of the `number`th payment that anybody makes.
pub(crate) fn payment(number: u64, permit: Permit) -> Payment {
    let Permit { payer, max, deadline, is_exact } = permit;
    let nonce: U256 = U256::from(number) << 64;
    let authorization = if is_exact {
        Authorization::Exact(Eip3009Authorization {
            from: payer,
            to: PAY_TO,
            value: Uint(amount::units(max)),
            valid_after: Uint::new(0),
            valid_before: Uint::new(deadline + 1),
            nonce: B256::from(nonce),
        })
    } else {
        Authorization::Upto(Permit2Authorization {
            permitted: TokenPermissions { token: ASSET, amount: Uint(amount::units(max)) },
            from: payer,
            spender: Terms::UPTO_PROXY,
            nonce: Uint(nonce),
            deadline: Uint::new(deadline),
            witness: Witness { to: PAY_TO, facilitator: FACILITATOR, valid_after: Uint::new(0) },
        })
    };
    let verified = Verified {
        network: NETWORK,
        payer,
        max,
        deadline: Timestamp::from_millis(i64::try_from(deadline).unwrap() * 1000),
        authorization,
        signature: Signature::from_bytes(&[0x1b; 65]),
        sponsored: None,
    };
    let terms = Terms {
        network: NETWORK,
        asset: ASSET,
        asset_name: "USD Coin".into(),
        asset_version: "2".into(),
        pay_to: PAY_TO,
        facilitator: FACILITATOR,
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    };
    Payment {
        verified,
        terms,
        request: RequestHash(u128::from(number)),
        client_key: None,
        hosted: None,
        payer_has_code: false,
        waive_below: Usd::ZERO,
    }
}

/// Remembered, for it is asked for all the time and its hash is slow without optimization.
pub(crate) fn item_key(payment: &Payment) -> ItemKey {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<(Wallet, U256), ItemKey>> = const { RefCell::new(BTreeMap::new()) };
    }
    let (payer, nonce) = (payment.verified.payer, payment.verified.nonce());
    KNOWN.with_borrow_mut(|known| *known.entry((payer, nonce)).or_insert_with(|| ItemKey::of(payer, nonce.to_be_bytes())))
}

pub(crate) fn claim_key(payment: &Payment) -> ScopedKey {
    ScopedKey(payment.verified.id().key().0)
}

/// The name of a deposit in its agent's shard.
pub(crate) fn deposit_key(key: &ItemKey) -> ScopedKey {
    let (first, _) = key.0.split_first_chunk::<16>().unwrap();
    ScopedKey(u128::from_be_bytes(*first) ^ 1)
}

pub(crate) const fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}
