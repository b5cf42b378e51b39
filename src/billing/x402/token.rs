//! What holders of a token sign: an EIP-3009 transfer for `exact`, and an EIP-2612 allowance.

use std::borrow::Cow;

use alloy_primitives::{B256, U256};
use alloy_sol_types::{Eip712Domain, SolStruct};

use super::abi;
use super::messages::Eip3009Authorization;
use super::offer::Terms;
use crate::types::Wallet;

/// The token's domain. Its separator is compared with the token's own at start.
pub fn domain(terms: &Terms) -> Eip712Domain {
    let (name, version) = (Cow::Owned(terms.asset_name.to_string()), Cow::Owned(terms.asset_version.to_string()));
    let chain = U256::from(terms.network.chain_id());
    Eip712Domain::new(Some(name), Some(version), Some(chain), Some(terms.asset.address()), None)
}

/// The hash that is signed for `exact`.
pub fn transfer_digest(transfer: &Eip3009Authorization, terms: &Terms) -> B256 {
    abi::TransferWithAuthorization {
        from: transfer.from.address(),
        to: transfer.to.address(),
        value: transfer.value.0,
        validAfter: transfer.valid_after.0,
        validBefore: transfer.valid_before.0,
        nonce: transfer.nonce,
    }
    .eip712_signing_hash(&domain(terms))
}

/// An allowance for Permit2, before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The holder.
    pub owner: Wallet,
    /// In atomic units.
    pub value: U256,
    /// The holder's next number at the token: one after the other, unlike Permit2's.
    pub nonce: U256,
    /// The last second, in block time, at which it can be used.
    pub deadline: U256,
}

/// The hash that is signed for it.
pub fn allowance_digest(allowance: &Allowance, terms: &Terms) -> B256 {
    abi::Permit {
        owner: allowance.owner.address(),
        spender: terms.permit2.address(),
        value: allowance.value,
        nonce: allowance.nonce,
        deadline: allowance.deadline,
    }
    .eip712_signing_hash(&domain(terms))
}
