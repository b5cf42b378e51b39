//! `eip2612GasSponsoring`: a payer without an allowance signs one for us to send along (x402.md 6).
//!
//! Not offered unless a setting says so. Its nonces are one after the other, so two jobs that were signed before either settled
//! carry the same one, and together they can spend a single maximum: whoever takes them allows a payer one at a time, and never
//! counts the sponsored amount as an allowance twice (T-07).

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::abi::Eip2612Permit;
use super::amount::Uint;
use super::messages::{PaymentPayload, Permit2Authorization};
use super::offer::Terms;
use super::signature::{Form, Signature, SignatureFault};
use super::token::{self, Allowance};
use crate::types::Wallet;

/// The extension's name.
pub const EXTENSION: &str = "eip2612GasSponsoring";

/// What the client adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The payer.
    pub from: Wallet,
    /// The token.
    pub asset: Wallet,
    /// Permit2.
    pub spender: Wallet,
    /// Exactly the maximum, for the proxy insists on it.
    pub amount: Uint,
    /// The payer's next number at the token, when it was signed.
    pub nonce: Uint,
    /// The last second, in block time, at which it can be used.
    pub deadline: Uint,
    /// The payer's.
    pub signature: Signature,
}

/// Why a sponsored allowance is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsponsored {
    /// Not the extension's shape.
    #[error("the sponsored allowance is malformed")]
    Format,
    /// Of somebody else than the payer.
    #[error("the sponsored allowance is another wallet's")]
    From,
    /// Of another token.
    #[error("the sponsored allowance is of another token")]
    Asset,
    /// For somebody else than Permit2.
    #[error("the sponsored allowance is not for Permit2")]
    Spender,
    /// Not of the maximum.
    #[error("the sponsored allowance is not of the maximum")]
    Amount,
    /// Ends before the payment does.
    #[error("the sponsored allowance ends before the payment")]
    Deadline,
    /// Signed under another number than the token's next one for the payer.
    #[error("the sponsored allowance was signed under a number that is not the token's next")]
    Nonce,
    /// Not signed by the payer.
    #[error("the sponsored allowance: {0}")]
    Signature(SignatureFault),
}

impl Unsponsored {
    /// The protocol's word for it. For a number and a signature there is none.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Format | Self::Nonce | Self::Signature(_) => "invalid_eip2612_extension_format",
            Self::From => "eip2612_from_mismatch",
            Self::Asset => "eip2612_asset_mismatch",
            Self::Spender => "eip2612_spender_not_permit2",
            Self::Amount => "permit2_2612_amount_mismatch",
            Self::Deadline => "eip2612_deadline_expired",
        }
    }
}

/// Reads what a client added. Nothing, where it added nothing: it does so only where its allowance is too small.
///
/// # Errors
/// [`Unsponsored::Format`].
pub fn read(payment: &PaymentPayload) -> Result<Option<Info>, Unsponsored> {
    let info = payment.extensions.as_ref().and_then(|extensions| extensions.get(EXTENSION)?.get("info"));
    let Some(info) = info.filter(|info| info.get("signature").is_some()) else { return Ok(None) };
    Info::deserialize(info).map(Some).map_err(|_| Unsponsored::Format)
}

/// An allowance of a payment's maximum that its payer signed for the token, sent along with its settlement. It replaces what
/// Permit2 is allowed by then, more or less, so nothing else of the payer may count on that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sponsored {
    /// Its number at the token: it is good while that is the payer's next.
    pub nonce: Uint,
    /// The last second, in block time, at which it can be used.
    pub deadline: Uint,
    /// The payer's.
    pub signature: Signature,
}

impl Sponsored {
    /// What the proxy takes, for a payment of at most `max`.
    ///
    /// # Errors
    /// Where the signature has no three parts; one that was checked has.
    pub fn permit(&self, max: U256) -> Result<Eip2612Permit, SignatureFault> {
        let parts = self.signature.parts(Form::Plain)?;
        let word = |number: U256| B256::from(number);
        Ok(Eip2612Permit { value: max, deadline: self.deadline.0, r: word(parts.r), s: word(parts.s), v: parts.v() })
    }
}

/// Checks it against the verified payment that it came with. Whether its number is the token's next is the chain's to say.
///
/// # Errors
/// With the first thing that is wrong.
pub fn check(info: &Info, permit: &Permit2Authorization, terms: &Terms) -> Result<Sponsored, Unsponsored> {
    let checks = [
        (info.from == permit.from, Unsponsored::From),
        (info.asset == terms.asset, Unsponsored::Asset),
        (info.spender == terms.permit2, Unsponsored::Spender),
        (info.amount == permit.permitted.amount, Unsponsored::Amount),
        (info.deadline >= permit.deadline, Unsponsored::Deadline),
    ];
    if let Some((_, fault)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(fault);
    }
    let allowance = Allowance { owner: info.from, value: info.amount.0, nonce: info.nonce.0, deadline: info.deadline.0 };
    let digest = token::allowance_digest(&allowance, terms);
    info.signature.check(&digest, Form::Plain, info.from).map_err(Unsponsored::Signature)?;
    Ok(Sponsored { nonce: info.nonce, deadline: info.deadline, signature: info.signature.clone() })
}

/// What a 402 says of it, where it is offered.
pub fn offered() -> Value {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let (address, number) = ("^0x[a-fA-F0-9]{40}$", "^[0-9]+$");
    json!({
        "info": {"description": "The facilitator sends an EIP-2612 permit for Permit2 along.", "version": "1"},
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "from": text(address), "asset": text(address), "spender": text(address),
                "amount": text(number), "nonce": text(number), "deadline": text(number),
                "signature": text("^0x[a-fA-F0-9]+$"), "version": text(r"^[0-9]+(\.[0-9]+)*$"),
            },
            "required": ["from", "asset", "spender", "amount", "nonce", "deadline", "signature", "version"],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn sample() -> (Info, Permit2Authorization, Terms) {
        let golden = samples::golden();
        let payment = golden.payment("python upto with a sponsored approval").payload;
        (read(&payment).unwrap().unwrap(), payment.payload.permit2_authorization.unwrap(), samples::terms())
    }

    /// Signed by the official Python client.
    #[test]
    fn what_the_official_client_adds_is_taken() {
        let (info, permit, terms) = sample();
        let sponsored = check(&info, &permit, &terms).unwrap();
        let taken = sponsored.permit(permit.permitted.amount.0).unwrap();
        assert_eq!((taken.value, taken.deadline, sponsored.nonce), (permit.permitted.amount.0, info.deadline.0, Uint::new(7)));
        assert_eq!([taken.r.as_slice(), taken.s.as_slice(), &[taken.v]].concat(), info.signature.as_bytes());
    }

    #[test]
    fn every_fault() {
        let (info, permit, terms) = sample();
        let other = samples::wallet(99);
        for (wrong, word) in [
            (Info { from: other, ..info.clone() }, "eip2612_from_mismatch"),
            (Info { asset: other, ..info.clone() }, "eip2612_asset_mismatch"),
            (Info { spender: terms.proxy, ..info.clone() }, "eip2612_spender_not_permit2"),
            (Info { amount: Uint(U256::MAX), ..info.clone() }, "permit2_2612_amount_mismatch"),
            (Info { deadline: Uint(permit.deadline.0 - U256::ONE), ..info.clone() }, "eip2612_deadline_expired"),
            (Info { nonce: Uint::new(8), ..info.clone() }, "invalid_eip2612_extension_format"),
            (Info { signature: samples::twin(&info.signature), ..info.clone() }, "invalid_eip2612_extension_format"),
        ] {
            assert_eq!(check(&wrong, &permit, &terms).unwrap_err().as_str(), word);
        }
        let elsewhere = Terms { network: crate::types::Network::Eip155(1), ..terms };
        assert_eq!(check(&info, &permit, &elsewhere), Err(Unsponsored::Signature(SignatureFault::OtherSigner)));
    }

    #[test]
    fn an_echo_alone_is_nothing_and_half_of_it_is_malformed() {
        let with = |info: Value| {
            let mut payment = samples::payment(1);
            payment.extensions = Some([(EXTENSION.to_owned(), json!({"info": info}))].into_iter().collect());
            read(&payment)
        };
        assert_eq!(read(&samples::payment(1)), Ok(None));
        assert_eq!(with(offered()["info"].clone()), Ok(None));
        assert_eq!(with(json!({"signature": "0x00"})), Err(Unsponsored::Format));
    }
}
