//! `POST /api/v1/debts/{wallet}`: a debtor pays what it owes, and is taken again.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::claims::{self, RETRY_SECONDS};
use crate::actors::{Claim, ClaimState};
use crate::billing::lane::Claimant;
use crate::http::api::Api;
use crate::http::openapi::params::{PaymentHeader, WalletPath};
use crate::http::problem::{Kind, PaymentState, Problem};
use crate::http::x402::demand::Due;
use crate::http::x402::incoming::Incoming;
use crate::http::x402::settled;
use crate::http::{caller, limit, reply};
use crate::shard::WalletBook;
use crate::types::{Usd, Wallet};

/// A payment of a debt.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtAnswer {
    /// Whose debt.
    #[schema(value_type = String, pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet: Wallet,
    /// What is paid, in US dollars.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// What is owed still, in US dollars: right after the payment, once it is settled.
    #[schema(value_type = f64)]
    owed_usd: Usd,
    /// `settled`, or `in_flight`: then send the same payment again in a while.
    payment_state: PaymentState,
    /// By which transaction; null where it is not settled yet.
    transaction: Option<String>,
}

/// Pays what a wallet owes, by that wallet; then its payments are taken again. The same payment again has the same answer.
#[utoipa::path(
    post,
    path = "/api/v1/debts/{wallet}",
    operation_id = "payDebt",
    tag = "wallets",
    params(WalletPath, PaymentHeader),
    security(()),
    responses(
        (
            status = 200,
            description = "It is paid.",
            body = DebtAnswer,
            headers(("PAYMENT-RESPONSE" = String, description = "How the payment was settled (x402), in base64."))
        ),
        (
            status = 202,
            description = "The payment is claimed and not settled yet.",
            body = DebtAnswer,
            headers(("Retry-After" = i64, description = "When to send the same payment again, in seconds."))
        )
    )
)]
pub async fn pay(State(api): State<Arc<Api>>, path: Result<Path<String>, PathRejection>, request: Request) -> Result<Response, Problem> {
    let incoming = Incoming::read(request.headers(), api.node.has_networks())?;
    let budget = api.submits.take(caller::address(request.extensions()))?;
    limit::told(budget, paid(&api, path, request.uri().path(), incoming).await)
}

async fn paid(api: &Api, wallet: Result<Path<String>, PathRejection>, path: &str, incoming: Incoming) -> Result<Response, Problem> {
    let not_in_debt = || Problem::new(Kind::WalletNotInDebt, "There is nothing to pay.");
    let wallet = wallet.ok().and_then(|Path(text)| text.parse::<Wallet>().ok()).ok_or_else(not_in_debt)?;
    let owed = owed(api, wallet).await?;
    let amount = match &incoming {
        // It may be a repeat of what has paid the debt.
        Incoming::Signed(signed) if owed.is_zero() => claims::said(signed).unwrap_or(owed),
        Incoming::Nothing | Incoming::Old | Incoming::NotTaken if owed.is_zero() => return Err(not_in_debt()),
        Incoming::Signed(_) | Incoming::Nothing | Incoming::Old | Incoming::NotTaken => owed,
    };
    let ware = api.wares.debt(path);
    let claim = match claims::claim(api, &ware, amount, Claimant::Debtor(wallet), incoming).await {
        // The debt is in the books of the wallet that owes it, and is looked for in those of the wallet that pays.
        Err(problem) if problem.kind() == Kind::WalletNotInDebt && !owed.is_zero() => {
            let problem = Problem::new(Kind::PaymentRefused, "A debt is paid by the wallet that owes it. Nothing was claimed.");
            return Err(Due { ware: &ware, scheme: ware.scheme, amount }.refused(api, problem, "unsupported_payer"));
        }
        claimed => claimed?,
    };
    answer(api, wallet, &claim).await
}

async fn owed(api: &Api, wallet: Wallet) -> Result<Usd, Problem> {
    Ok(api.node.debts(wallet).await?.as_ref().map(WalletBook::owed).unwrap_or_default())
}

async fn answer(api: &Api, wallet: Wallet, claim: &Claim) -> Result<Response, Problem> {
    let payment_state = claims::state_of(claim);
    let owed_usd = match claim.state {
        // As it was then: what came later is no part of this payment's answer.
        ClaimState::Settled { owed, .. } => owed,
        ClaimState::Pending | ClaimState::Dead => owed(api, wallet).await?,
    };
    let body = DebtAnswer { wallet, amount_usd: claim.amount, owed_usd, payment_state, transaction: claims::transaction_of(claim) };
    let status = if payment_state == PaymentState::Settled { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = reply::json(status, &body)?;
    settled::stamp(&mut response, settled::of_claim(claim));
    if status == StatusCode::ACCEPTED {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, RETRY_SECONDS.into());
    }
    Ok(response)
}
