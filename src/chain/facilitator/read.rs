//! What a facilitator's answers are worth.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;

use super::{Settlement, Silence};
use crate::billing::lane::TxHash;
use crate::billing::x402::messages::SettleResponse;
use crate::net::Reply;
use crate::types::Network;

/// Where a busy one names no time.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// What it may name at most.
const BUSY_MAX: Duration = Duration::from_mins(2);

pub(super) fn reply<T: DeserializeOwned>(reply: &Reply) -> Result<T, Silence> {
    let status = reply.status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let named = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(Silence::Busy { retry_after: named.map_or(BUSY_FOR, Duration::from_secs).min(BUSY_MAX) });
    }
    if status.is_server_error() {
        return Err(Silence::Unanswered("server_error"));
    }
    // Some refuse a payment with 4xx and say so in the body, so the body decides.
    match serde_json::from_slice(&reply.body.bytes) {
        Ok(answer) if !reply.body.is_cut => Ok(answer),
        Ok(_) | Err(_) if status.is_client_error() => Err(Silence::Rejected(status.as_u16())),
        Ok(_) | Err(_) => Err(Silence::Unanswered("garbage")),
    }
}

pub(super) fn settlement(answer: &SettleResponse, network: Network) -> Settlement {
    let unknown = Settlement::Unknown { retry_after: None };
    if !answer.network.is_empty() && answer.network != network.to_string() {
        return unknown;
    }
    let reason = answer.error_reason.as_deref().unwrap_or_default();
    match (answer.success, hash(&answer.transaction)) {
        (true, Some(tx)) => Settlement::Claimed(tx),
        (false, Some(tx)) if reason == PENDING => Settlement::Pending(tx),
        (false, None) if answer.transaction.is_empty() && says_no(reason) => Settlement::Refused(short(reason)),
        // A success without a transaction, a failure with one, or something pending that nobody can look up.
        (true, None) | (false, Some(_) | None) => unknown,
    }
}

const PENDING: &str = "settlement_pending";
/// Words for "something went wrong", which may have been after it was sent (x402.md 11).
const MAYBE: &[&str] = &[
    PENDING,
    "unexpected_settle_error",
    "unexpected_error",
    "invalid_transaction_state",
    "invalid_upto_evm_transaction_failed",
    "invalid_exact_evm_transaction_failed",
];

fn says_no(reason: &str) -> bool {
    !reason.is_empty() && !MAYBE.contains(&reason)
}

fn hash(text: &str) -> Option<TxHash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(TxHash(bytes))
}

pub(super) fn short(text: &str) -> Box<str> {
    text.chars().take(200).collect()
}
