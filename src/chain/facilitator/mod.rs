//! A hosted facilitator: it verifies and settles one payment at a time, under its own address.
//!
//! Its word is never enough. A settle that it calls a success is unknown until the receipt and the token's log say so
//! (T-19), and a settle that it doesn't answer is unknown, not refused (C9, F-F1).

pub mod cdp;
mod read;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::meters;
use crate::billing::lane::TxHash;
use crate::billing::x402::messages::{FacilitatorRequest, SettleResponse, Supported, VerifyResponse};
use crate::clock::{Clock, Random};
use crate::net::{BreakerSettings, Breakers, Outbound, TrustedClient, host_key};
use crate::types::{Network, Wallet};

pub use cdp::CdpKey;

/// What a facilitator's client is built from.
#[derive(Debug, Clone)]
pub struct FacilitatorSettings {
    /// What `/verify` and the others are put behind.
    pub url: Url,
    /// For the hosted facilitator of Coinbase: what signs a token for each call.
    pub cdp: Option<CdpKey>,
    /// For one `/verify` or `/supported`.
    pub timeout: Duration,
    /// For one `/settle`, which may wait for a block.
    pub settle_timeout: Duration,
    /// For how long an answer to `/supported` is good.
    pub supported_for: Duration,
}

/// The client. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Facilitator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: FacilitatorSettings,
    client: TrustedClient,
    breakers: Breakers,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    supported: Mutex<Option<(Instant, Arc<Supported>)>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It asks to be left alone for so long.
    #[error("the facilitator is busy")]
    Busy {
        /// At least.
        retry_after: Duration,
    },
    /// No answer, a fault of its own, or nothing that can be read.
    #[error("the facilitator gave no answer: {0}")]
    Unanswered(&'static str),
    /// It doesn't take our key, or has no such path: its status, or 0 where our own key doesn't sign. A person has to look.
    #[error("the facilitator refused the request itself: {0}")]
    Rejected(u16),
}

/// Whether it would settle a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Now, it would.
    Valid,
    /// It would not; in its own words.
    Invalid(Box<str>),
}

/// What it says of a settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It says that this transaction did it. Believe the receipt and the token's log (T-19).
    Claimed(TxHash),
    /// It sent this transaction, and waits: `settlement_pending`. Not a failure.
    Pending(TxHash),
    /// It refused, in its own words, and says that it sent nothing.
    Refused(Box<str>),
    /// Nobody knows. Ask the chain; ask it again with the same payment; never ask the buyer for another one.
    Unknown {
        /// Earlier it makes no sense to ask it again.
        retry_after: Option<Duration>,
    },
}

/// Why a network can't be offered through it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOfferable {
    /// It settles no `upto` there.
    #[error("the facilitator offers no upto on this network")]
    NoUpto,
    /// It didn't say. Ask again.
    #[error(transparent)]
    Silent(#[from] Silence),
}

const BODY_BYTES_MAX: usize = 256 * 1024;
const BREAKER: BreakerSettings =
    BreakerSettings { failures_max: 8, pause: Duration::from_secs(2), pause_max: Duration::from_secs(30), hosts_max: 8 };

impl Facilitator {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// Where the HTTP client can't be built.
    pub fn new(settings: FacilitatorSettings, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, crate::net::Error> {
        let client = TrustedClient::new()?;
        let breakers = Breakers::new(BREAKER);
        Ok(Self(Arc::new(Inner { settings, client, breakers, clock, random, supported: Mutex::new(None) })))
    }

    /// Where it is, without what may be secret in its URL.
    pub fn host(&self) -> String {
        host_key(&self.0.settings.url)
    }

    /// The address that `upto` payments on a network must name. Next time it may answer with another of its addresses, so
    /// whoever offers this one keeps it with the offer.
    ///
    /// # Errors
    /// [`NotOfferable`]
    pub async fn upto_address(&self, network: Network) -> Result<Wallet, NotOfferable> {
        self.supported().await?.upto_facilitator(network).ok_or(NotOfferable::NoUpto)
    }

    /// What it can do, at most [`FacilitatorSettings::supported_for`] old.
    ///
    /// # Errors
    /// [`Silence`]
    pub async fn supported(&self) -> Result<Arc<Supported>, Silence> {
        // A value and its age: as good behind a poisoned lock.
        let known = self.0.supported.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, supported)) = known
            && at.elapsed() < self.0.settings.supported_for
        {
            return Ok(supported);
        }
        let supported: Arc<Supported> = Arc::new(self.exchange(Method::GET, "supported", None, self.0.settings.timeout).await?);
        *self.0.supported.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&supported)));
        Ok(supported)
    }

    /// Would it settle this payment?
    ///
    /// # Errors
    /// [`Silence`]
    pub async fn verify(&self, request: &FacilitatorRequest<'_>) -> Result<Verification, Silence> {
        let answer: VerifyResponse = self.post("verify", request, self.0.settings.timeout).await?;
        let reason = answer.invalid_reason.as_deref().unwrap_or("unexpected_verify_error");
        Ok(if answer.is_valid { Verification::Valid } else { Verification::Invalid(read::short(reason)) })
    }

    /// Asks it to settle. The requirements' amount is the charge. Asking again with the same payment is safe on the chain.
    pub async fn settle(&self, request: &FacilitatorRequest<'_>, network: Network) -> Settlement {
        match self.post::<SettleResponse>("settle", request, self.0.settings.settle_timeout).await {
            Ok(answer) => read::settlement(&answer, network),
            Err(Silence::Busy { retry_after }) => Settlement::Unknown { retry_after: Some(retry_after) },
            Err(Silence::Unanswered(_) | Silence::Rejected(_)) => Settlement::Unknown { retry_after: None },
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &'static str,
        request: &FacilitatorRequest<'_>,
        timeout: Duration,
    ) -> Result<T, Silence> {
        let body = serde_json::to_vec(request).map_err(|_| Silence::Unanswered("not_sent"))?;
        self.exchange(Method::POST, path, Some(body.into()), timeout).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
        body: Option<bytes::Bytes>,
        timeout: Duration,
    ) -> Result<T, Silence> {
        let answer = self.try_exchange(method, path, body.unwrap_or_default(), timeout).await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(Silence::Busy { .. }) => "busy",
            Err(Silence::Unanswered(why)) => why,
            Err(Silence::Rejected(_)) => "rejected",
        };
        meters::facilitator(path, outcome);
        answer
    }

    async fn try_exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
        body: bytes::Bytes,
        timeout: Duration,
    ) -> Result<T, Silence> {
        let inner = &self.0;
        let url = below(&inner.settings.url, path);
        let pass = inner.breakers.admit(&host_key(&url)).map_err(|paused| Silence::Busy { retry_after: paused.retry_after })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &inner.settings.cdp {
            let mut nonce = [0; 16];
            inner.random.fill(&mut nonce);
            key.authorize(&mut headers, method.as_str(), &url, inner.clock.now(), nonce).map_err(|_| Silence::Rejected(0))?;
        }
        let reply = inner.client.send(Outbound { method, url: &url, headers, body, timeout, body_bytes_max: BODY_BYTES_MAX }).await;
        let answer = match reply {
            Ok(reply) => read::reply(&reply),
            Err(error) => Err(Silence::Unanswered(error.class())),
        };
        if matches!(answer, Err(Silence::Unanswered(_))) {
            pass.failed();
        } else {
            pass.answered();
        }
        answer
    }
}

fn below(url: &Url, path: &str) -> Url {
    let mut below = url.clone();
    below.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    below
}
