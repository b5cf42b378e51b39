//! What DNS says of a domain's mail. It asks name servers and nobody else: no mail host is ever connected to.
//!
//! Asking a mail host whether it knows a recipient (`RCPT TO`) is deliberately absent: many accept everyone, others refuse whoever asks from
//! an address without a reputation, the question is logged as harvesting, and a server that asks it ends on block lists.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Host;

use super::Reach;
use crate::types::reach::Side;

/// Look-ups at a time.
const LOOKUPS_MAX: usize = 64;
/// Answers that are kept, for as long as they say, within the bounds below.
const CACHE_MAX: u64 = 4096;
/// The longest that an answer is believed.
const FOUND_TTL_MAX: Duration = Duration::from_hours(24);
/// The longest that "there is none" is believed.
const NOTHING_TTL_MAX: Duration = Duration::from_mins(5);
/// Mail hosts that are kept of one answer, the preferred first.
const HOSTS_MAX: usize = 10;

/// Where a domain's mail goes (RFC 5321 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", content = "hosts", rename_all = "snake_case")]
pub enum MailRoute {
    /// To these hosts, the preferred first.
    Hosts(Vec<String>),
    /// To the domain's own address, since it has one and no MX record.
    Itself,
    /// Nowhere, and the domain says so: a null MX (RFC 7505), or none that the internet can reach.
    Refused,
    /// Nowhere: the name has neither MX nor a public address.
    NoHost,
    /// Nowhere: there is no such name.
    NoDomain,
}

impl MailRoute {
    /// Whether mail can be sent there at all.
    pub const fn takes_mail(&self) -> bool {
        matches!(self, Self::Hosts(_) | Self::Itself)
    }
}

/// Why nobody could say.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The name is none, or means something on a local network only: it is not asked for.
    #[error("the name is not a public one")]
    NotPublic,
    /// No answer in time.
    #[error("no name server answered in time")]
    TimedOut,
    /// The name servers failed, or said what can't be read.
    #[error("the name servers failed")]
    Failed(#[source] NetError),
    /// The resolver can't be built from the system's configuration.
    #[error("the resolver can't be set up")]
    Setup(#[source] NetError),
}

/// Asks where a domain's mail goes. A trait, so that a test or an evaluation can answer.
#[async_trait::async_trait]
pub trait MailLookup: fmt::Debug + Send + Sync {
    /// Where mail to `domain` goes now.
    ///
    /// # Errors
    /// [`DnsError`] where nobody could say; "nowhere" is an answer.
    async fn mail_route(&self, domain: &str) -> Result<MailRoute, DnsError>;
}

/// Which name servers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameServers {
    /// Those of the system (`resolv.conf`).
    #[default]
    System,
    /// One, over UDP and TCP.
    At(SocketAddr),
}

/// Asks name servers, and remembers what they said.
#[derive(Clone)]
pub struct MailResolver {
    resolver: TokioResolver,
    lookups: Arc<Semaphore>,
    timeout: Duration,
}

impl MailResolver {
    /// A resolver that gives an answer within `timeout`, for all its questions about one domain together.
    ///
    /// # Errors
    /// [`DnsError::Setup`].
    pub fn new(servers: NameServers, timeout: Duration) -> Result<Self, DnsError> {
        let mut builder = match servers {
            NameServers::System => TokioResolver::builder_tokio().map_err(DnsError::Setup)?,
            NameServers::At(address) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                server.connections = connections.to_vec();
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        set(builder.options_mut(), timeout);
        let resolver = builder.build().map_err(DnsError::Setup)?;
        Ok(Self { resolver, lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)), timeout })
    }

    async fn ask(&self, domain: &str) -> Result<MailRoute, DnsError> {
        let Ok(_permit) = self.lookups.acquire().await else { return Err(DnsError::TimedOut) };
        // With the root's dot, or the system's search domains would be tried.
        let name = Name::from_ascii(format!("{domain}.")).map_err(|_| DnsError::NotPublic)?;
        match self.resolver.lookup(name.clone(), RecordType::MX).await {
            Ok(found) => {
                let mut hosts: Vec<(u16, String)> = Vec::new();
                for record in found.answers() {
                    if let RData::MX(mx) = &record.data {
                        hosts.push((mx.preference, mx.exchange.to_ascii()));
                    }
                }
                if !hosts.is_empty() {
                    hosts.sort();
                    return Ok(route(hosts.into_iter().map(|(_, host)| host)));
                }
            }
            Err(error) if error.is_nx_domain() => return Ok(MailRoute::NoDomain),
            Err(error) if error.is_no_records_found() => {}
            Err(error) => return Err(failure(error)),
        }
        // No MX: the domain's own address is its mail host (RFC 5321 section 5.1).
        let mut failed = None;
        for kind in [RecordType::A, RecordType::AAAA] {
            match self.resolver.lookup(name.clone(), kind).await {
                Ok(found) => {
                    let addresses = found.answers().iter().filter_map(|record| record.data.ip_addr());
                    if addresses.into_iter().any(|address| Side::Public.check(address).is_ok()) {
                        return Ok(MailRoute::Itself);
                    }
                }
                Err(error) if error.is_no_records_found() => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(MailRoute::NoHost), |error| Err(failure(error)))
    }
}

#[async_trait::async_trait]
impl MailLookup for MailResolver {
    async fn mail_route(&self, domain: &str) -> Result<MailRoute, DnsError> {
        let name = public_name(domain).ok_or(DnsError::NotPublic)?;
        tokio::time::timeout(self.timeout, self.ask(&name)).await.map_err(|_elapsed| DnsError::TimedOut)?
    }
}

impl fmt::Debug for MailResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailResolver").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn set(options: &mut ResolverOpts, timeout: Duration) {
    // A lost packet is asked for again within the time; the whole is bounded outside.
    options.timeout = (timeout / 3).max(Duration::from_millis(50));
    options.attempts = 2;
    options.cache_size = CACHE_MAX;
    options.positive_max_ttl = Some(FOUND_TTL_MAX);
    options.negative_max_ttl = Some(NOTHING_TTL_MAX);
    options.use_hosts_file = ResolveHosts::Never;
}

/// The domain as DNS writes it, where it is a public name: what only means something inside must not be learnt from our answers (T-30).
fn public_name(domain: &str) -> Option<String> {
    let Ok(Host::Domain(name)) = Host::parse(domain.trim().trim_end_matches('.')) else { return None };
    let is_public = name.contains('.') && matches!(Reach::Public.check(&Host::Domain(name.as_str())), Ok(Side::Public));
    is_public.then_some(name)
}

/// Of hosts, the preferred first. The root alone is the null MX; a local name or an address in digits is no mail host.
fn route(hosts: impl Iterator<Item = String>) -> MailRoute {
    let mut usable: Vec<String> = Vec::new();
    for host in hosts.filter_map(|host| public_name(&host)) {
        if !usable.contains(&host) && usable.len() < HOSTS_MAX {
            usable.push(host);
        }
    }
    if usable.is_empty() { MailRoute::Refused } else { MailRoute::Hosts(usable) }
}

fn failure(error: NetError) -> DnsError {
    if matches!(error, NetError::Timeout) { DnsError::TimedOut } else { DnsError::Failed(error) }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
