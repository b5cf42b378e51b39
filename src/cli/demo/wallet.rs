//! A buyer without an account: it knows a base URL and the key of its wallet, and signs what a 402 asks for.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::buyer::{Accepted, Job};
use super::orders::Order;
use crate::billing::x402::header::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE};
use crate::billing::x402::messages::{PaymentRequired, Requirements, SettleResponse};
use crate::cli::Failure;
use crate::cli::local_chain::{Account, Purse, sign};

const JOBS_PATH: &str = "/api/v1/enrich/jobs";
/// How often and how long the network and jobs are waited for.
const LOOK_EVERY: Duration = Duration::from_millis(60);
const LOOKS_MAX: u32 = 500;

/// Buys from one server with one wallet.
#[derive(Debug)]
pub(super) struct WalletBuyer<'a> {
    http: reqwest::Client,
    base: String,
    wallet: &'a Account,
}

/// A job from the 402 to its end.
#[derive(Debug)]
pub(super) struct Bought {
    pub(super) order: &'static Order,
    /// What the 402 asked for.
    pub(super) asked: Requirements,
    /// The 202.
    pub(super) accepted: Accepted,
    pub(super) job: Job,
    pub(super) payment: Payment,
    /// The header of the last poll.
    pub(super) settled: SettleResponse,
}

/// A poll's word on its payment.
#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    /// In atomic units.
    pub(super) amount: Option<String>,
    pub(super) transaction: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Paid {
    payment: Payment,
}

#[derive(Debug, Deserialize)]
struct Readiness {
    networks: Vec<Offered>,
}

#[derive(Debug, Deserialize)]
struct Offered {
    offered: bool,
    reasons: Vec<String>,
}

impl<'a> WalletBuyer<'a> {
    pub(super) fn new(base: String, wallet: &'a Account) -> Result<Self, Failure> {
        Ok(Self { http: crate::cli::http_client()?, base, wallet })
    }

    /// Waits until the server has looked at the chain, and takes payments there.
    pub(super) async fn wait_until_offered(&self) -> Result<(), Failure> {
        let mut reasons = Vec::new();
        for _ in 0..LOOKS_MAX {
            let readiness: Readiness = read(self.http.get(format!("{}/readyz", self.base)).send().await).await?.1;
            match readiness.networks.into_iter().next() {
                Some(Offered { offered: true, .. }) => return Ok(()),
                offered => reasons = offered.map(|offered| offered.reasons).unwrap_or_default(),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::Failed(format!("the server takes no payments on the local chain: {}", reasons.join("; "))))
    }

    /// Asks without a payment, signs what is asked for, sends the same again with it, and polls until the job has ended.
    pub(super) async fn buy(&self, order: &'static Order) -> Result<Bought, Failure> {
        let response = self.submit(order, None).await?;
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Err(unexpected(StatusCode::PAYMENT_REQUIRED, response).await);
        }
        let asked: PaymentRequired = decoded(response.headers(), PAYMENT_REQUIRED)?;
        let purse = Purse::open(&asked)?;
        let response = self.submit(order, Some(sign(self.wallet, &purse)?)).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(unexpected(StatusCode::ACCEPTED, response).await);
        }
        if response.headers().contains_key(PAYMENT_RESPONSE) {
            return Err(Failure::Failed("the 202 says that it is paid, and nothing has run yet".to_owned()));
        }
        let (_, accepted) = read::<Accepted>(Ok(response)).await?;
        let url = format!("{}{JOBS_PATH}/{}", self.base, accepted.job_id);
        for _ in 0..LOOKS_MAX {
            let (headers, text) = body(self.http.get(&url).bearer_auth(&accepted.poll_bearer).send().await).await?;
            let job: Job = parsed(&text)?;
            if job.has_ended() {
                let (Paid { payment }, settled) = (parsed(&text)?, decoded(&headers, PAYMENT_RESPONSE)?);
                return Ok(Bought { order, asked: purse.required, accepted, job, payment, settled });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::Failed(format!("the wallet's job {} does not end", accepted.job_id)))
    }

    async fn submit(&self, order: &Order, payment: Option<String>) -> Result<Response, Failure> {
        let mut request = self.http.post(format!("{}{JOBS_PATH}", self.base)).json(&order.body(None));
        if let Some(payment) = payment {
            request = request.header(PAYMENT_SIGNATURE, payment);
        }
        request.send().await.map_err(|error| Failure::of(&error))
    }
}

async fn unexpected(wanted: StatusCode, response: Response) -> Failure {
    let (status, text) = (response.status(), response.text().await.unwrap_or_default());
    Failure::Failed(format!("a wallet was answered {status} where {wanted} was expected: {text}"))
}

async fn body(sent: reqwest::Result<Response>) -> Result<(HeaderMap, String), Failure> {
    let response = sent.map_err(|error| Failure::of(&error))?;
    if !response.status().is_success() {
        return Err(unexpected(StatusCode::OK, response).await);
    }
    let headers = response.headers().clone();
    Ok((headers, response.text().await.map_err(|error| Failure::of(&error))?))
}

async fn read<T: serde::de::DeserializeOwned>(sent: reqwest::Result<Response>) -> Result<(HeaderMap, T), Failure> {
    let (headers, text) = body(sent).await?;
    Ok((headers, parsed(&text)?))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Failed(format!("an answer can't be read: {error}: {text}")))
}

fn decoded<T: serde::de::DeserializeOwned>(headers: &HeaderMap, name: &str) -> Result<T, Failure> {
    let value = headers.get(name).ok_or_else(|| Failure::Failed(format!("an answer lacks its header {name}")))?;
    header::decode(value.as_bytes()).map_err(|error| Failure::of(&error))
}
