//! What a server asks for: the body of a 402 and its `PAYMENT-REQUIRED` header.

use serde::{Deserialize, Serialize};

use super::Members;

/// The answer to a request that must be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired {
    /// Always 2.
    pub x402_version: u64,
    /// Why there is no answer yet: that nothing was paid, or the reason why a payment was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What would be bought.
    pub resource: Resource,
    /// Each way to pay for it.
    pub accepts: Vec<Requirements>,
    /// Extensions by name, each with its `info` and `schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Members>,
}

/// What a payment buys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Where it is.
    pub url: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Whose it is: printable ASCII, at most 32 characters, or a catalogue drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// What it is found by: at most five, each of at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// A picture of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// One way to pay, as text: what others wrote is compared with an [`Offer`](super::super::Offer) of ours, never used itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// `upto` or `exact`.
    pub scheme: String,
    /// The chain, by its CAIP-2 name.
    pub network: String,
    /// In atomic units of the asset: the most that is charged, or all of it.
    pub amount: String,
    /// The token's address.
    pub asset: String,
    /// Who is paid.
    pub pay_to: String,
    /// For how long a client signs, in seconds from its own now.
    pub max_timeout_seconds: u64,
    /// What else the client needs for signing.
    #[serde(default)]
    pub extra: Members,
}
