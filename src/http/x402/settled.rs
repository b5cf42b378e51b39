//! What became of a payment: the `PAYMENT-RESPONSE` header of a job that is over, and of a claim.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::actors::{Claim, ClaimState};
use crate::billing::x402::header::encode;
use crate::billing::x402::{Scheme, SettleResponse};
use crate::job::{FailureCode, Job};

/// The answer's header.
pub const PAYMENT_RESPONSE: HeaderName = HeaderName::from_static(crate::billing::x402::header::PAYMENT_RESPONSE);

/// How the settlement of a job ended; nothing before that, and for a job that no wallet pays for.
pub fn of_job(job: &Job) -> Option<SettleResponse> {
    let payment = job.spec.payment.as_ref().filter(|_| job.state.status.is_ended())?;
    let (network, payer) = (payment.verified.network, payment.verified.payer);
    let failure = job.state.failure.as_ref().map(|failure| failure.code);
    Some(match (failure, job.state.bill, job.state.settled_in) {
        (Some(FailureCode::SettlementFailed), _, _) => SettleResponse::failed(network, payer, failed_word(payment.verified.scheme())),
        (_, Some(bill), Some(tx)) => SettleResponse::settled(network, payer, &tx.0.into(), bill.charged),
        // Nothing was due, or too little to be worth a transaction.
        (_, Some(_) | None, _) => SettleResponse::waived(network, payer),
    })
}

/// How the settlement of a claim ended, where it has.
pub fn of_claim(claim: &Claim) -> Option<SettleResponse> {
    match claim.state {
        ClaimState::Settled { tx, .. } => Some(SettleResponse::settled(claim.network, claim.payer, &tx.0.into(), claim.amount)),
        ClaimState::Dead => Some(SettleResponse::failed(claim.network, claim.payer, failed_word(Scheme::Exact))),
        ClaimState::Pending => None,
    }
}

/// As a header.
pub fn header(response: Option<SettleResponse>) -> Option<HeaderValue> {
    HeaderValue::try_from(encode(&response?).ok()?).ok()
}

/// Adds the header where there is something to tell.
pub fn stamp(response: &mut Response, settled: Option<SettleResponse>) {
    if let Some(value) = header(settled) {
        response.headers_mut().insert(PAYMENT_RESPONSE, value);
    }
}

/// The protocol's word for a settlement that never came about.
const fn failed_word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Upto => "invalid_upto_evm_transaction_failed",
        Scheme::Exact => "invalid_exact_evm_transaction_failed",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::billing::Price;
    use crate::billing::lane::TxHash;
    use crate::billing::x402::amount::Uint;
    use crate::billing::x402::messages::{Permit2Authorization, TokenPermissions, Witness};
    use crate::billing::x402::{Authorization, RequestHash, Terms, Verified};
    use crate::job::view::PollBody;
    use crate::job::{Bill, Billing, Failure, Payment, Spec, Status};
    use crate::types::{JobId, Network, Route, Slot, Timestamp, Usd, Wallet};

    const NETWORK: Network = Network::Eip155(8453);
    const MAX: Usd = Usd::from_micros(1_500_000);

    const fn wallet(byte: u8) -> Wallet {
        Wallet::from_bytes([byte; 20])
    }

    fn payment() -> Payment {
        let permit = Permit2Authorization {
            permitted: TokenPermissions { token: wallet(1), amount: Uint::new(1_500_000) },
            from: wallet(2),
            spender: wallet(3),
            nonce: Uint::new(7),
            deadline: Uint::new(1_800_000_000),
            witness: Witness { to: wallet(4), facilitator: wallet(5), valid_after: Uint::new(0) },
        };
        let verified = Verified {
            network: NETWORK,
            payer: wallet(2),
            max: MAX,
            deadline: Timestamp::from_millis(1_800_000_000_000),
            authorization: Authorization::Upto(permit),
            signature: format!("0x{}1b", "11".repeat(64)).parse().unwrap(),
            sponsored: None,
        };
        let terms = Terms {
            network: NETWORK,
            asset: wallet(1),
            asset_name: "USD Coin".into(),
            asset_version: "2".into(),
            pay_to: wallet(4),
            facilitator: wallet(5),
            permit2: Terms::PERMIT2,
            proxy: Terms::UPTO_PROXY,
        };
        let request = RequestHash::of("POST", "/", b"{}");
        Payment { verified, terms, request, client_key: None, hosted: None, payer_has_code: false, waive_below: Usd::ZERO }
    }

    /// A job that a wallet pays for, over with this bill.
    fn job(status: Status, charged: Option<i64>, tx: Option<TxHash>, failure: Option<FailureCode>) -> Job {
        let spec = Spec {
            id: JobId::new(Slot(1), [1; 16]),
            billing: Billing::Upto { network: NETWORK, payer: wallet(2) },
            route: Route::Websearch,
            payload: "{}".into(),
            ceiling: MAX,
            price: Price { catalogue: MAX, minimum: Usd::ZERO, markup_bps: 0 },
            callback_url: None,
            metadata: Box::default(),
            created_at: Timestamp::from_millis(0),
            run_ms: 1,
            payment: Some(Arc::new(payment())),
            buyer: None,
            session: None,
        };
        let mut job = Job::accepted(Arc::new(spec));
        job.state.status = status;
        job.state.bill = charged.map(|charged| Bill { charged: Usd::from_micros(charged), refunded: None });
        job.state.settled_in = tx;
        job.state.failure = failure.map(|code| Failure { code, message: "x".into() });
        job.state.ended_at = status.is_ended().then(|| Timestamp::from_millis(5));
        job.state.result = Some("{\"matched\":true}".into());
        job
    }

    /// What a buyer is told at each end, in the header and in the body alike.
    #[test]
    fn header_and_poll_tell_the_same_at_every_end() {
        let tx = TxHash([0xab; 32]);
        let hash = tx.to_string();
        let paid = json!({"success": true, "transaction": hash, "amount": "300000"});
        let free = json!({"success": true, "transaction": "", "amount": "0"});
        let dead = json!({"success": false, "transaction": "", "errorReason": "invalid_upto_evm_transaction_failed"});
        for (job, response, billing_status, amount, has_result) in [
            (job(Status::Queued, None, None, None), None, json!(null), json!(null), false),
            (job(Status::Completing, Some(300_000), None, None), None, json!("settling"), json!(null), false),
            (job(Status::Completed, Some(300_000), Some(tx), None), Some(paid), json!("settled"), json!("300000"), true),
            (job(Status::Completed, Some(0), None, None), Some(free.clone()), json!("settled"), json!("0"), true),
            (job(Status::Failed, Some(0), None, Some(FailureCode::VendorUnavailable)), Some(free), json!("settled"), json!("0"), false),
            (
                job(Status::Failed, Some(300_000), None, Some(FailureCode::SettlementFailed)),
                Some(dead),
                json!("settle_failed"),
                json!(null),
                false,
            ),
        ] {
            let told = of_job(&job).map(|response| serde_json::to_value(response).unwrap());
            match (&told, response) {
                (Some(told), Some(wanted)) => {
                    for (name, value) in wanted.as_object().unwrap() {
                        assert_eq!(&told[name], value, "{name}: {told}");
                    }
                    assert_eq!((&told["network"], &told["payer"]), (&json!("eip155:8453"), &json!(wallet(2))));
                }
                (told, wanted) => assert_eq!((told.is_some(), wanted.is_some()), (false, false)),
            }
            let body = serde_json::to_value(PollBody::of(&job, 1200)).unwrap();
            let payment = &body["payment"];
            assert_eq!((&body["billing_mode"], &body["billing_status"]), (&json!("x402_upto"), &billing_status), "{body}");
            assert_eq!(payment["authorization_expires_at"], "2027-01-15T08:00:00.000Z");
            assert_eq!((&payment["max_amount"], &payment["amount"]), (&json!("1500000"), &amount), "{body}");
            let transaction = job.state.settled_in.map_or(Value::Null, |tx| json!(tx.to_string()));
            assert_eq!((&payment["transaction"], payment["settled_at"].is_null()), (&transaction, amount.is_null()), "{body}");
            assert_eq!(body.get("result").is_some(), has_result, "{body}");
        }
    }
}
