//! Why a payment is refused, in the protocol's own words.

use super::offer::Scheme;
use super::revert::RevertReason;
use super::signature::SignatureFault;
use super::sponsoring::Unsponsored;

/// A payment of `scheme` that is not taken. Shows itself as the word that clients know (x402.md 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub struct Refusal {
    /// What it was refused as.
    pub scheme: Scheme,
    /// Why.
    pub reason: Reason,
}

/// What is wrong, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not version 2.
    Version,
    /// Not a scheme that is offered here.
    Scheme,
    /// Not a network that is offered here.
    Network,
    /// The echo of our offer differs in something that isn't signed.
    Requirements,
    /// Another kind of authorization than the scheme's.
    PayloadType,
    /// Signed for another contract than the upto proxy.
    Spender,
    /// Another token.
    Asset,
    /// Pays somebody else.
    Recipient,
    /// Names somebody else as the one who settles.
    Facilitator,
    /// Not the amount of the offer. More is refused too: it would be more credit than was asked for.
    Amount,
    /// Can't be settled yet.
    TooEarly,
    /// Can't be settled any more.
    Expired,
    /// Ends before the job can have run and be settled (safety.md D-4).
    RunwayShort {
        /// From the chain's now to the deadline.
        seconds: u64,
        /// What is needed.
        needed: u64,
    },
    /// Ends so late that something is wrong with the client's clock, and its claim would have to be kept as long.
    DeadlineFar,
    /// Not signed by the payer.
    Signature(SignatureFault),
    /// The payer has code: a signature says nothing of what it will say later (T-04).
    UnsupportedPayer,
    /// The nonce is spent, by a settlement or by the payer.
    NonceUsed,
    /// The payer hasn't enough.
    Balance,
    /// The payer hasn't allowed Permit2 to move enough.
    Allowance,
    /// The allowance that it brings along isn't good.
    Sponsored(Unsponsored),
    /// The chain refuses it.
    Simulation(RevertReason),
}

impl Refusal {
    /// The `invalidReason` and the `error` of the next 402: the words of the TypeScript SDK, which clients match on.
    /// `unsupported_payer` is ours, for there is none.
    pub const fn as_str(&self) -> &'static str {
        match self.scheme {
            Scheme::Upto => upto(self.reason),
            Scheme::Exact => exact(self.reason),
        }
    }

    /// What to tell a person beside the word, where there is more to say.
    pub fn detail(&self) -> Option<String> {
        match self.reason {
            Reason::RunwayShort { seconds, needed } => {
                Some(format!("the authorization ends {seconds} s after the chain's time, and {needed} s are needed; sign it anew"))
            }
            Reason::DeadlineFar => Some("the authorization ends too far in the future; is the signer's clock right?".to_owned()),
            Reason::Signature(fault) => Some(fault.to_string()),
            Reason::Sponsored(fault) => Some(fault.to_string()),
            Reason::UnsupportedPayer => Some("wallets with code, delegated ones too, can't pay here".to_owned()),
            Reason::Requirements => Some("`accepted` is not an offer of this request".to_owned()),
            Reason::Version
            | Reason::Scheme
            | Reason::Network
            | Reason::PayloadType
            | Reason::Spender
            | Reason::Asset
            | Reason::Recipient
            | Reason::Facilitator
            | Reason::Amount
            | Reason::TooEarly
            | Reason::Expired
            | Reason::NonceUsed
            | Reason::Balance
            | Reason::Allowance
            | Reason::Simulation(_) => None,
        }
    }
}

const fn upto(reason: Reason) -> &'static str {
    match reason {
        Reason::Version => "invalid_x402_version",
        Reason::Scheme => "invalid_upto_evm_scheme",
        Reason::Network => "invalid_upto_evm_network_mismatch",
        Reason::Requirements => "invalid_payment_requirements",
        Reason::PayloadType => "unsupported_payload_type",
        Reason::Spender => "invalid_permit2_spender",
        Reason::Asset => "permit2_token_mismatch",
        Reason::Recipient => "invalid_permit2_recipient_mismatch",
        Reason::Facilitator => "upto_facilitator_mismatch",
        Reason::Amount => "permit2_amount_mismatch",
        Reason::TooEarly => "permit2_not_yet_valid",
        Reason::Expired | Reason::RunwayShort { .. } => "permit2_deadline_expired",
        Reason::DeadlineFar => "invalid_payload",
        Reason::Signature(_) => "invalid_permit2_signature",
        Reason::UnsupportedPayer => "unsupported_payer",
        Reason::NonceUsed => "permit2_invalid_nonce",
        Reason::Balance => "permit2_insufficient_balance",
        Reason::Allowance => "permit2_allowance_required",
        Reason::Sponsored(fault) => fault.as_str(),
        Reason::Simulation(revert) => revert.as_str(),
    }
}

const fn exact(reason: Reason) -> &'static str {
    match reason {
        Reason::Version => "invalid_x402_version",
        Reason::Scheme => "invalid_exact_evm_scheme",
        Reason::Network => "invalid_exact_evm_network_mismatch",
        Reason::PayloadType => "unsupported_payload_type",
        // Its authorization names no token, spender or facilitator, so only the echo of an offer can differ in them.
        Reason::Requirements | Reason::Asset | Reason::Spender | Reason::Facilitator | Reason::Allowance => "invalid_payment_requirements",
        Reason::Recipient => "invalid_exact_evm_recipient_mismatch",
        Reason::Amount => "invalid_exact_evm_payload_authorization_value_mismatch",
        Reason::TooEarly => "invalid_exact_evm_payload_authorization_valid_after",
        Reason::Expired | Reason::RunwayShort { .. } | Reason::DeadlineFar => "invalid_exact_evm_payload_authorization_valid_before",
        Reason::Signature(_) => "invalid_exact_evm_signature",
        Reason::UnsupportedPayer => "unsupported_payer",
        Reason::NonceUsed => "invalid_exact_evm_nonce_already_used",
        Reason::Balance => "invalid_exact_evm_insufficient_balance",
        Reason::Sponsored(fault) => fault.as_str(),
        Reason::Simulation(_) => "invalid_exact_evm_transaction_simulation_failed",
    }
}
