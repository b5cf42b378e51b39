//! Names to addresses: asked for each connection, judged before it, and pinned to it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::policy::{Policy, Refusal};

/// Asks for the addresses of a name. A trait, so that a test can answer.
#[async_trait::async_trait]
pub trait Lookup: fmt::Debug + Send + Sync {
    /// Every address that `name` has now.
    ///
    /// # Errors
    /// Where it has none, or nobody could say.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// How many names are asked for at a time. Each occupies one of tokio's blocking threads, for as long as the system's own
/// resolver tries, which is longer than we wait: slow names of strangers must not take all threads.
const LOOKUPS_MAX: usize = 64;

/// Asks the system's resolver.
#[derive(Debug)]
pub struct SystemLookup {
    lookups: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait::async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let name = absolute(name);
        // In a task of its own: a caller who stops waiting doesn't stop the system call, and so must not free its place.
        let lookup = tokio::spawn(async move {
            let answer = tokio::net::lookup_host((name, 0)).await;
            drop(permit);
            answer.map(|addresses| addresses.map(|address| address.ip()).collect())
        });
        lookup.await.map_err(io::Error::other)?
    }
}

/// With the dot of the root, the system doesn't try the name below its own search domains: `billing.prod` must not become
/// `billing.prod.svc.cluster.local`. The hosts file knows `localhost` only without it.
fn absolute(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name == "localhost" { name.to_owned() } else { format!("{name}.") }
}

/// The resolver of the guarded client. The client connects to the addresses it returns and to no other, so what was judged
/// is what is called: there is no second lookup in between that could be answered differently (T-32).
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<Policy>,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (Arc::clone(&self.policy), Arc::clone(&self.lookup));
        Box::pin(async move {
            let addresses = lookup.lookup(name.as_str()).await?;
            policy.check_answer(name.as_str(), &addresses)?;
            if addresses.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            // Port 0 stands for the URL's own.
            let pinned: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(pinned)
        })
    }
}

/// Our own refusal, where the client's error has it as its cause.
pub(super) fn refusal_in(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(*refusal);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_for_as_absolute() {
        assert_eq!(absolute("example.com"), "example.com.");
        assert_eq!(absolute("example.com."), "example.com.");
        assert_eq!(absolute("localhost"), "localhost");
        assert_eq!(absolute("localhost."), "localhost");
    }

    #[tokio::test]
    async fn the_system_knows_localhost() {
        let addresses = SystemLookup::default().lookup("localhost").await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
