//! Outbound HTTP, most of it to URLs that strangers give: the callbacks of buyers, the pages of businesses.
//!
//! A call goes through three doors, each of which can be used alone: [`Breakers`] (is that host worth asking now?),
//! [`Limits`] (is there a free line?) and [`GuardedClient`] (is that address allowed, and is it over in time?).
//!
//! URLs that the operator configures, a chain's node or a facilitator, may lead to private addresses. For them there is
//! [`TrustedClient`], a type of its own, so that it is never one setting away from the guarded one.
//!
//! Deliberately absent: retries, since whoever calls has a durable schedule or a budget; following redirects, decompressing,
//! cookies and proxies, since each of them lets a stranger decide where or how much we read.

mod body;
pub mod breaker;
pub mod dns;
#[cfg(test)]
pub(crate) mod fixture;
pub mod guard;
pub mod limits;
pub mod policy;
pub mod relay;
pub mod resolve;
pub mod trusted;

pub use body::{Capped, read_capped};
pub use breaker::{BreakerSettings, Breakers, Pass, Paused};
pub use dns::{DnsError, MailLookup, MailResolver, MailRoute, NameServers};
pub use guard::{Answer, GuardSettings, GuardedClient, Outbound};
pub use limits::{LimitSettings, Limits, Permit, Standing};
pub use policy::{Policy, Refusal, host_key};
pub use resolve::{Lookup, SystemLookup};
pub use trusted::{Reply, TrustedClient};

use reqwest::{redirect, retry};

pub use crate::types::Reach;

/// A client that does what it is told and nothing beside: what all doors have in common.
fn bare() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_rustls()
        // A proxy of the environment would resolve names for us, and reach what we refuse (N6, T-34).
        .no_proxy()
        .redirect(redirect::Policy::none())
        // Not even of a request that never left: whether to ask again is a question about money.
        .retry(retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(guard::CONNECT_TIMEOUT)
}

/// Why a call brought no answer. For logs and metrics: a stranger learns at most that it failed (T-35).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL, one of its addresses, or the peer that answered isn't allowed. Not one byte of the answer was used.
    #[error("the destination is not allowed")]
    Refused(#[from] Refusal),
    /// The name has no address, or nobody could say.
    #[error("the name does not resolve")]
    Unresolved(#[source] reqwest::Error),
    /// No connection, or no TLS session, within [`guard::CONNECT_TIMEOUT`].
    #[error("no connection could be made")]
    Unreachable(#[source] reqwest::Error),
    /// The whole exchange took longer than the caller allowed.
    #[error("the answer was not there in time")]
    TimedOut,
    /// The peer closed too early, or spoke something else than HTTP.
    #[error("the exchange broke off")]
    Broken(#[source] reqwest::Error),
    /// The client can't be built: no root certificates, or a contact that is no header value.
    #[error("the HTTP client can't be built")]
    Setup(#[source] reqwest::Error),
}

impl Error {
    /// One stable word for logs and metrics.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Unresolved(_) => "unresolved",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Broken(_) => "broken",
            Self::Setup(_) => "setup",
        }
    }

    /// Sorts what the HTTP client says. Its URL is taken out, since path and query may hold secrets (T-25).
    fn from_client(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if let Some(refusal) = resolve::refusal_in(&error) {
            return Self::Refused(refusal);
        }
        if error.is_dns() {
            Self::Unresolved(error)
        } else if error.is_connect() {
            Self::Unreachable(error)
        } else {
            Self::Broken(error)
        }
    }
}
