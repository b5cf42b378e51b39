//! Why a payment isn't taken, as an answer. A payment that is claimed is never answered with a 402: its buyer would sign again
//! and pay twice (safety.md C9).

use super::demand::Due;
use crate::actors::{Error, IdempotencyKey, PaymentError};
use crate::billing::x402::exposure::NoCredit;
use crate::billing::x402::{Reason, Refusal, Scheme};
use crate::http::api::Api;
use crate::http::problem::{Kind, PaymentState, Problem, RetryAction};
use crate::shard;
use crate::types::Timestamp;

/// What a repeat is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An `Idempotency-Key`.
    Key,
    /// The payment's own identifier, if it has one.
    Identifier,
}

impl By {
    /// The request's key goes first.
    pub const fn of(key: Option<&IdempotencyKey>) -> Self {
        if key.is_some() { Self::Key } else { Self::Identifier }
    }
}

/// The answer for a payment that was to pay what is due, and is good `until` then.
pub fn of(api: &Api, due: &Due<'_>, by: By, until: Option<Timestamp>, error: PaymentError) -> Problem {
    let problem = answer(api, due, by, error);
    match until {
        // Of one that is settled, nobody has to know.
        Some(until) if problem.payment_state() != PaymentState::Settled => problem.with_authorization_until(until),
        Some(_) | None => problem,
    }
}

fn answer(api: &Api, due: &Due<'_>, by: By, error: PaymentError) -> Problem {
    if by == By::Identifier && matches!(error, PaymentError::Node(Error::Refused(shard::Refusal::KeyReused))) {
        let detail = "The id came with another payment or request before; give every payment an id of its own. Nothing was claimed.";
        return unused(Problem::new(Kind::PaymentIdentifierReused, detail));
    }
    match word_of(&error, due.scheme) {
        Some(word) => due.refused(api, unclaimed(error), word),
        None => unclaimed(error),
    }
}

/// With a payment that was not used.
pub fn unused(problem: Problem) -> Problem {
    problem.with_payment(PaymentState::Unused)
}

/// The word under which it is asked for again: nothing was claimed, so another payment may do.
fn word_of(error: &PaymentError, scheme: Scheme) -> Option<&'static str> {
    match error {
        PaymentError::Refused(refusal) => Some(refusal.as_str()),
        PaymentError::Node(Error::Refused(shard::Refusal::NoCredit(why))) => Some(why.as_str(scheme)),
        PaymentError::Node(Error::Refused(shard::Refusal::OtherDebt { .. })) => {
            Some(Refusal { scheme: Scheme::Exact, reason: Reason::Amount }.as_str())
        }
        PaymentError::AlreadyUsed { .. } | PaymentError::ChainUnavailable | PaymentError::Node(_) => None,
    }
}

/// The problem of its own, whatever else is asked for.
fn unclaimed(error: PaymentError) -> Problem {
    let problem = match error {
        PaymentError::Refused(refusal) => refused(&refusal),
        PaymentError::AlreadyUsed { is_settled } => {
            let (state, words) = if is_settled { (PaymentState::Settled, "settled") } else { (PaymentState::InFlight, "in flight") };
            let detail = format!(
                "It is {words}, for a job or a claim that is there already. Ask for that with its own bearer; nothing was charged again."
            );
            return Problem::new(Kind::PaymentAlreadyUsed, detail).with_payment(state);
        }
        PaymentError::ChainUnavailable => {
            Problem::new(Kind::ChainUnavailable, "Nothing was claimed; send the same payment again in a moment.").after_seconds(2)
        }
        PaymentError::Node(Error::Refused(shard::Refusal::NoCredit(why @ (NoCredit::Beyond { .. } | NoCredit::Alone { .. })))) => {
            let problem = match why.as_str(Scheme::Upto) {
                "EXPOSURE_LIMIT" => Kind::ExposureLimit,
                "permit2_allowance_required" => Kind::Permit2AllowanceRequired,
                _ => Kind::PaymentRefused,
            };
            Problem::new(problem, format!("Nothing was claimed: {why}. Let what is under way settle, or raise the limit that is named."))
        }
        PaymentError::Node(Error::Refused(shard::Refusal::NoCredit(why @ NoCredit::Paused { seconds }))) => {
            let detail = format!("Nothing was claimed: {why}. Ask again then, or use a wallet that has paid here before.");
            Problem::new(Kind::ExposureLimit, detail).after_seconds(u64::from(seconds))
        }
        PaymentError::Node(Error::Refused(shard::Refusal::NoCredit(why @ NoCredit::InDebt { .. }))) => {
            Problem::new(Kind::PayerInDebt, format!("{why}; pay them with POST /api/v1/debts/{{wallet}}, then send this again."))
        }
        PaymentError::Node(Error::Refused(shard::Refusal::OtherDebt { owed, offered })) => {
            Problem::new(Kind::PaymentRefused, format!("The wallet owes {owed} USD, and {offered} USD were offered."))
        }
        // Whether it was claimed is unknown: the same payment again finds out, another could pay twice.
        PaymentError::Node(Error::Unavailable) => {
            return Problem::from(Error::Unavailable).with_action(RetryAction::RetrySamePayment).with_payment(PaymentState::InFlight);
        }
        PaymentError::Node(error) => error.into(),
    };
    unused(problem)
}

fn refused(refusal: &Refusal) -> Problem {
    let (kind, action) = match refusal.reason {
        Reason::Allowance => (Kind::Permit2AllowanceRequired, RetryAction::RetrySamePayment),
        Reason::Balance | Reason::UnsupportedPayer => (Kind::PaymentRefused, RetryAction::HumanRequired),
        Reason::TooEarly => (Kind::PaymentRefused, RetryAction::RetrySamePayment),
        Reason::Version
        | Reason::Scheme
        | Reason::Network
        | Reason::Requirements
        | Reason::PayloadType
        | Reason::Spender
        | Reason::Asset
        | Reason::Recipient
        | Reason::Facilitator
        | Reason::Amount
        | Reason::Expired
        | Reason::RunwayShort { .. }
        | Reason::DeadlineFar
        | Reason::Signature(_)
        | Reason::NonceUsed
        | Reason::Sponsored(_)
        | Reason::Simulation(_) => (Kind::PaymentRefused, RetryAction::Resign),
    };
    let more = refusal.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let hint = if matches!(refusal.reason, Reason::Allowance) { " Approve Permit2 for the token, then send the same payment." } else { "" };
    Problem::new(kind, format!("Nothing was claimed; {}{more}.{hint}", refusal.as_str())).with_action(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::x402::exposure::Limit;
    use crate::billing::x402::sponsoring::Unsponsored;
    use crate::types::Usd;

    /// Which answers ask for another payment, by which word, and what becomes of the one that came.
    #[test]
    fn every_refusal_has_its_status_word_and_state() {
        let refused = |reason| PaymentError::Refused(Refusal { scheme: Scheme::Upto, reason });
        let node = |refusal: shard::Refusal| PaymentError::Node(Error::Refused(refusal));
        let beyond = |which| node(NoCredit::Beyond { which, limit: Usd::ZERO, unsettled: Usd::ZERO, asked: Usd::ZERO }.into());
        for (error, status, word, state) in [
            (refused(Reason::Amount), 402, Some("permit2_amount_mismatch"), PaymentState::Unused),
            (refused(Reason::Allowance), 412, Some("permit2_allowance_required"), PaymentState::Unused),
            (refused(Reason::Balance), 402, Some("permit2_insufficient_balance"), PaymentState::Unused),
            (beyond(Limit::Each), 402, Some("EXPOSURE_LIMIT"), PaymentState::Unused),
            (beyond(Limit::UnprovenTotal), 402, Some("EXPOSURE_LIMIT"), PaymentState::Unused),
            (beyond(Limit::Allowance), 412, Some("permit2_allowance_required"), PaymentState::Unused),
            (beyond(Limit::Balance), 402, Some("permit2_insufficient_balance"), PaymentState::Unused),
            (node(NoCredit::Paused { seconds: 60 }.into()), 402, Some("EXPOSURE_LIMIT"), PaymentState::Unused),
            (node(NoCredit::Alone { unsettled: Usd::ZERO }.into()), 402, Some("EXPOSURE_LIMIT"), PaymentState::Unused),
            (refused(Reason::Sponsored(Unsponsored::Nonce)), 402, Some("invalid_eip2612_extension_format"), PaymentState::Unused),
            (node(NoCredit::InDebt { owed: Usd::ZERO }.into()), 402, Some("PAYER_IN_DEBT"), PaymentState::Unused),
            (PaymentError::AlreadyUsed { is_settled: false }, 409, None, PaymentState::InFlight),
            (PaymentError::AlreadyUsed { is_settled: true }, 409, None, PaymentState::Settled),
            (PaymentError::ChainUnavailable, 503, None, PaymentState::Unused),
            (node(shard::Refusal::KeyReused), 422, None, PaymentState::Unused),
            (node(shard::Refusal::NoDebt), 404, None, PaymentState::Unused),
            (PaymentError::Node(Error::Draining), 503, None, PaymentState::Unused),
            (PaymentError::Node(Error::Unavailable), 503, None, PaymentState::InFlight),
        ] {
            let said = format!("{error:?}");
            assert_eq!(word_of(&error, Scheme::Upto), word, "{said}");
            let problem = unclaimed(error);
            assert_eq!((problem.kind().entry().status.as_u16(), problem.payment_state()), (status, state), "{said}");
        }
    }
}
