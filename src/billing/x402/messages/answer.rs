//! What is answered: the `PAYMENT-RESPONSE` header, and what a facilitator is asked and says.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Members, Requirements, VERSION};
use crate::billing::x402::amount;
use crate::types::{Network, Usd, Wallet};

/// How a settlement ended. There is none for a payment that is still to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Paid, or nothing was due.
    pub success: bool,
    /// Why not, as one of the protocol's words; from others any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// The transaction's hash; empty where there was none.
    #[serde(default)]
    pub transaction: String,
    /// The chain, by its CAIP-2 name.
    #[serde(default)]
    pub network: String,
    /// What was charged, in atomic units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// What extensions say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Members>,
}

impl SettleResponse {
    /// `amount` was paid in `transaction`.
    pub fn settled(network: Network, payer: Wallet, transaction: &B256, amount: Usd) -> Self {
        Self { transaction: transaction.to_string(), ..Self::waived(network, payer) }.charging(amount)
    }

    /// Nothing was due, so nothing was sent (x402.md 4.6).
    pub fn waived(network: Network, payer: Wallet) -> Self {
        Self {
            success: true,
            error_reason: None,
            error_message: None,
            payer: Some(payer.to_string()),
            transaction: String::new(),
            network: network.to_string(),
            amount: None,
            extensions: None,
        }
        .charging(Usd::ZERO)
    }

    /// It was not paid.
    pub fn failed(network: Network, payer: Wallet, reason: &str) -> Self {
        Self { success: false, error_reason: Some(reason.to_owned()), amount: None, ..Self::waived(network, payer) }
    }

    fn charging(self, amount: Usd) -> Self {
        Self { amount: Some(amount::units(amount).to_string()), ..self }
    }
}

/// What a facilitator is sent for both `/verify` and `/settle`: for `upto` the amount is the maximum, then the charge.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FacilitatorRequest<'a> {
    x402_version: u64,
    /// As the buyer sent it, to the byte: extensions that we don't know may matter to it.
    payment_payload: &'a RawValue,
    payment_requirements: &'a Requirements,
}

impl<'a> FacilitatorRequest<'a> {
    /// About `payment`, the text that [`header::Payment`](super::super::header::Payment) kept.
    ///
    /// # Errors
    /// Where that is no JSON.
    pub fn new(payment: &'a str, requirements: &'a Requirements) -> Result<Self, serde_json::Error> {
        Ok(Self { x402_version: VERSION, payment_payload: serde_json::from_str(payment)?, payment_requirements: requirements })
    }
}

/// A facilitator's answer to `/verify`. A refusal is normally a 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// Whether it would settle it now.
    pub is_valid: bool,
    /// Why not: opaque to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_message: Option<String>,
    /// Who would pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
}

/// What a facilitator can do: `GET /supported`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supported {
    /// Each combination of scheme and chain.
    pub kinds: Vec<SupportedKind>,
    /// The extensions that it knows.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// The addresses that it sends from, by chain or pattern of chains.
    #[serde(default)]
    pub signers: BTreeMap<String, Vec<String>>,
}

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedKind {
    /// The protocol's version.
    pub x402_version: u64,
    /// `upto` or `exact`, or another.
    pub scheme: String,
    /// The chain, by its CAIP-2 name; in version 1 by a short one.
    pub network: String,
    /// For `upto`, the `facilitatorAddress` that payments must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Members>,
}

impl Supported {
    /// The address to bind `upto` payments on `network` to, where it settles them.
    pub fn upto_facilitator(&self, network: Network) -> Option<Wallet> {
        let name = network.to_string();
        let mut kinds = self.kinds.iter().filter(|kind| kind.x402_version == VERSION && kind.scheme == "upto" && kind.network == name);
        kinds.find_map(|kind| {
            kind.extra.as_ref()?.get("facilitatorAddress")?.as_str()?.parse().ok().filter(|address| *address != Wallet::ZERO)
        })
    }

    /// Whether it settles `exact` payments on `network`, which name nobody.
    pub fn has_exact(&self, network: Network) -> bool {
        let name = network.to_string();
        self.kinds.iter().any(|kind| kind.x402_version == VERSION && kind.scheme == "exact" && kind.network == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    const NETWORK: Network = Network::Eip155(8453);

    /// The wire is a promise, so it is written out.
    #[test]
    fn the_three_ends_of_a_settlement() {
        let payer = samples::wallet(1);
        let json = |response: &SettleResponse| serde_json::to_string(response).unwrap();
        let hash = B256::repeat_byte(0xab);
        assert_eq!(
            json(&SettleResponse::settled(NETWORK, payer, &hash, Usd::from_micros(300_000))),
            format!(r#"{{"success":true,"payer":"{payer}","transaction":"{hash}","network":"eip155:8453","amount":"300000"}}"#)
        );
        assert_eq!(
            json(&SettleResponse::waived(NETWORK, payer)),
            format!(r#"{{"success":true,"payer":"{payer}","transaction":"","network":"eip155:8453","amount":"0"}}"#)
        );
        assert_eq!(
            json(&SettleResponse::failed(NETWORK, payer, "permit2_invalid_nonce")),
            format!(
                r#"{{"success":false,"errorReason":"permit2_invalid_nonce","payer":"{payer}","transaction":"","network":"eip155:8453"}}"#
            )
        );
    }

    #[test]
    fn others_may_say_less_or_more() {
        let failed: SettleResponse =
            serde_json::from_str(r#"{"success":false,"errorReason":"settlement_pending","extra":{"a":1}}"#).unwrap();
        assert_eq!((failed.error_reason.as_deref(), failed.transaction.as_str()), (Some("settlement_pending"), ""));
        let verified: VerifyResponse = serde_json::from_str(r#"{"isValid":true,"payer":"0x00"}"#).unwrap();
        assert!(verified.is_valid);
    }

    #[test]
    fn the_facilitators_address_is_found() {
        let address = samples::wallet(9);
        let supported: Supported = serde_json::from_value(serde_json::json!({
            "kinds": [
                {"x402Version": 1, "scheme": "exact", "network": "base"},
                {"x402Version": 2, "scheme": "exact", "network": "eip155:8453", "extra": {"facilitatorAddress": "0x00"}},
                {"x402Version": 2, "scheme": "upto", "network": "eip155:8453", "extra": {"facilitatorAddress": address}},
            ],
            "signers": {"eip155:*": [address]},
        }))
        .unwrap();
        assert_eq!(supported.upto_facilitator(NETWORK), Some(address));
        assert_eq!(supported.upto_facilitator(Network::Eip155(1)), None);
        assert!(supported.has_exact(NETWORK) && !supported.has_exact(Network::Eip155(1)), "and not by what version 1 says");
        let nobody = serde_json::json!({"kinds": [
            {"x402Version": 2, "scheme": "upto", "network": "eip155:8453", "extra": {"facilitatorAddress": Wallet::ZERO}},
        ]});
        assert_eq!(serde_json::from_value::<Supported>(nobody).unwrap().upto_facilitator(NETWORK), None, "anybody could be meant");
    }

    #[test]
    fn a_facilitator_gets_what_the_buyer_sent() {
        let requirements = samples::offer(&samples::terms()).requirements();
        let text = r#"{"x402Version":2,  "strange":1}"#;
        let json = serde_json::to_string(&FacilitatorRequest::new(text, &requirements).unwrap()).unwrap();
        assert!(json.starts_with(&format!(r#"{{"x402Version":2,"paymentPayload":{text},"paymentRequirements":{{"scheme":"upto""#)));
    }
}
