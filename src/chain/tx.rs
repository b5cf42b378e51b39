//! Transactions as bytes: EIP-1559, one kind for all that an operator account sends.

use std::sync::Arc;

use alloy_primitives::{Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_sol_types::{SolCall, SolValue};

use super::abi::{Artifact, IProxy, ISettler};
use super::key::{NotAKey, OperatorKey};
use crate::billing::lane::{Fees, Intent, Lane, Payload, SignedTx, TxHash};
use crate::types::{Network, Timestamp, Wallet};

/// What is called, and with how much gas. No transaction of ours carries a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// `None` deploys.
    pub to: Option<Wallet>,
    /// The call's bytes.
    pub data: Vec<u8>,
    /// The most that it may use.
    pub gas: u64,
}

/// How settlements of a lane are sent: what its payers have signed decides (C12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The settler contract is the facilitator: any number in one transaction.
    Settler(Wallet),
    /// The operator itself is, or nobody has to be (EIP-3009): one in one transaction.
    Itself,
}

/// Why there is nothing to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// An intent's call isn't one of the proxy's `settle`, which is all that a settler can pass on.
    #[error("the settler can pass on no such call")]
    NotAnItem,
    /// Several settlements, or none, where only one goes.
    #[error("one settlement goes in one transaction here")]
    NotOne,
    /// It was sent to the wrong lane.
    #[error("the lane does not know the settlement")]
    Unknown,
    /// The settler's artifact is damaged.
    #[error("the settler's compiled bytes can't be read")]
    Artifact,
    /// The key can't sign.
    #[error(transparent)]
    Key(#[from] NotAKey),
}

/// Gas for one settlement in a batch, with room: 54,000 to 58,000 are used, of which a token behind a proxy takes more.
const ITEM_GAS: u64 = 60_000;
/// And once: what the settler wants left before its last item, the transaction itself, and reading the batch.
const BATCH_GAS: u64 = 300_000;
/// A payer with code may use its item's whole budget.
const CODE_GAS: u64 = 200_000;
/// A settlement by itself: about 84,000 are used, 154,000 with a sponsored allowance.
const DIRECT_GAS: u64 = 300_000;
/// A transfer of nothing to oneself.
const CANCEL_GAS: u64 = 30_000;
/// About 700,000 are used.
const DEPLOY_GAS: u64 = 2_000_000;

impl Body {
    /// What a payload is, on this lane.
    ///
    /// # Errors
    /// [`Unsignable`].
    pub fn of(lane: &Lane, payload: &Payload, through: Through) -> Result<Self, Unsignable> {
        let Payload::Settle(keys) = payload else { return Ok(Self::cancel(lane.id.operator)) };
        let intents = lane.intents(keys);
        if intents.len() != keys.len() {
            return Err(Unsignable::Unknown);
        }
        match (through, intents.as_slice()) {
            (Through::Settler(_), [intent]) if intent.rides_alone() => Ok(Self::direct(intent)),
            (Through::Settler(settler), intents) => Self::batch(settler, intents),
            (Through::Itself, [intent]) => Ok(Self::direct(intent)),
            (Through::Itself, _) => Err(Unsignable::NotOne),
        }
    }

    /// Many settlements through our settler, each by itself.
    ///
    /// # Errors
    /// [`Unsignable::NotAnItem`].
    pub fn batch(settler: Wallet, intents: &[Arc<Intent>]) -> Result<Self, Unsignable> {
        let items: Vec<ISettler::Item> = intents.iter().map(|intent| item(intent)).collect::<Result<_, _>>()?;
        let each = intents.iter().map(|intent| if intent.payer_has_code { CODE_GAS } else { ITEM_GAS });
        let gas = each.fold(BATCH_GAS, u64::saturating_add);
        Ok(Self { to: Some(settler), data: ISettler::settleCall { items }.abi_encode(), gas })
    }

    /// One settlement: at the proxy, or an EIP-3009 transfer at the token.
    pub fn direct(intent: &Intent) -> Self {
        Self { to: Some(intent.target), data: intent.call.to_vec(), gas: DIRECT_GAS }
    }

    /// Nothing to oneself: it only uses the account nonce up.
    pub const fn cancel(operator: Wallet) -> Self {
        Self { to: Some(operator), data: Vec::new(), gas: CANCEL_GAS }
    }

    /// Deploys a settler for one proxy and 1 to 4 operators, in this order.
    ///
    /// # Errors
    /// [`Unsignable::Artifact`].
    pub fn deploy_settler(proxy: Wallet, operators: &[Wallet]) -> Result<Self, Unsignable> {
        let artifact = Artifact::settler().map_err(|_| Unsignable::Artifact)?;
        let operators: Vec<_> = operators.iter().map(Wallet::address).collect();
        let data = [artifact.bytecode.as_ref(), &(proxy.address(), operators).abi_encode_params()].concat();
        Ok(Self { to: None, data, gas: DEPLOY_GAS })
    }
}

fn item(intent: &Intent) -> Result<ISettler::Item, Unsignable> {
    let call = IProxy::settleCall::abi_decode_validate(&intent.call).map_err(|_| Unsignable::NotAnItem)?;
    let IProxy::settleCall { permit, amount, owner, witness, signature } = call;
    Ok(ISettler::Item { permit, amount, owner, witness, signature })
}

/// Signs. The same arguments give the same bytes.
///
/// # Errors
/// [`Unsignable::Key`].
pub fn sign(
    key: &OperatorKey,
    network: Network,
    account_nonce: u64,
    fees: Fees,
    body: &Body,
    at: Timestamp,
) -> Result<SignedTx, Unsignable> {
    let is_cancel = body.to == Some(key.wallet()) && body.data.is_empty();
    let chain_id = network.chain_id();
    let to: &[u8] = body.to.as_ref().map_or(&[], |to| to.as_bytes());
    let (value, data, access) = (U256::ZERO, body.data.as_slice(), Vec::<Bytes>::new());
    let fields: [&dyn Encodable; 9] = [&chain_id, &account_nonce, &fees.tip, &fees.max, &body.gas, &to, &value, &data, &access];
    let signature = key.sign(keccak256(typed(&fields)))?;
    let (y, r, s) = (u8::from(signature.y_is_odd), U256::from_be_bytes(signature.r), U256::from_be_bytes(signature.s));
    let seal: [&dyn Encodable; 3] = [&y, &r, &s];
    let raw = typed(&[fields.as_slice(), &seal].concat());
    Ok(SignedTx { hash: TxHash(keccak256(&raw).0), raw: raw.into(), is_cancel, fees, at })
}

/// `0x02` and the list (EIP-1559, EIP-2718).
fn typed(fields: &[&dyn Encodable]) -> Vec<u8> {
    let mut out = vec![2];
    alloy_rlp::encode_list::<_, dyn Encodable>(fields, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> OperatorKey {
        OperatorKey::from_hex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80").unwrap()
    }

    /// Made by viem 2.57.20 from the same key and fields.
    #[test]
    fn bytes_are_those_that_others_make() {
        let to = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002".parse().unwrap();
        let body = Body { to: Some(to), data: vec![0xff, 0x11, 0xe7, 0xb4], gas: 300_000 };
        let fees = Fees { max: 2_000_000_007, tip: 1_000_000 };
        let tx = sign(&key(), Network::Eip155(8453), 7, fees, &body, Timestamp::from_millis(0)).unwrap();
        assert_eq!(hex::encode(&tx.raw), include_str!("../../tests/golden/chain/call.hex").trim());
        assert_eq!(tx.hash.to_string(), include_str!("../../tests/golden/chain/call.hash").trim());
        let deploy = Body { to: None, data: vec![0x60, 0x00], gas: 2_000_000 };
        let tx = sign(&key(), Network::Eip155(31_337), 0, fees, &deploy, Timestamp::from_millis(0)).unwrap();
        assert_eq!(hex::encode(&tx.raw), include_str!("../../tests/golden/chain/deploy.hex").trim());
    }

    #[test]
    fn a_cancel_is_known_as_one() {
        let (key, fees) = (key(), Fees { max: 10, tip: 1 });
        let sign = |body: &Body| sign(&key, Network::Eip155(1), 0, fees, body, Timestamp::from_millis(0)).unwrap().is_cancel;
        assert!(sign(&Body::cancel(key.wallet())));
        assert!(!sign(&Body { to: Some(key.wallet()), data: vec![1], gas: 1 }));
    }
}
