//! What may be called: the one place where URLs, answers of resolvers and peers are judged.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::types::Reach;
use crate::types::address::{self, Forbidden};
use crate::types::reach::{OutOfReach, Side};

/// Which destinations are allowed.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// How far calls may reach.
    pub reach: Reach,
    /// Public addresses that are ours or that we depend on: this machine's own, the store's, the chain nodes', the
    /// facilitator's (T-30). A stranger's URL must not reach them in our name.
    pub own: Vec<IpNet>,
}

/// Why a destination is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither `http` nor `https`.
    #[error("only http and https are called")]
    Scheme,
    /// `user:password@`, which would be sent along.
    #[error("a user name or password in the URL")]
    UserInfo,
    /// Not the default port of its scheme, on a public host.
    #[error("not the default port")]
    Port,
    /// The host itself is out of reach.
    #[error(transparent)]
    Host(#[from] OutOfReach),
    /// One of the addresses that the name resolved to is.
    #[error("the name resolves to a forbidden address")]
    Resolved(#[source] Forbidden),
    /// The connection led to a forbidden address, or the client couldn't say where it led.
    #[error("the peer is at a forbidden address or unknown")]
    Peer(#[source] Option<Forbidden>),
}

impl Policy {
    /// Judges a parsed URL, an IP literal in it included: those never see a resolver (N6).
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn check_url(&self, url: &Url) -> Result<Side, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let host = url.host().ok_or(OutOfReach::LocalName)?;
        let side = self.reach.check(&host)?;
        if side == Side::Public && url.port().is_some() {
            return Err(Refusal::Port);
        }
        match host {
            Host::Ipv4(literal) => self.check_address(side, IpAddr::V4(literal)).map_err(OutOfReach::from)?,
            Host::Ipv6(literal) => self.check_address(side, IpAddr::V6(literal)).map_err(OutOfReach::from)?,
            Host::Domain(_) => {}
        }
        Ok(side)
    }

    /// Judges all that `name` resolved to: one forbidden address among them refuses the whole answer, since who controls the
    /// name also controls which of its addresses is tried (T-32).
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn check_answer(&self, name: &str, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let side = self.reach.check(&Host::Domain(name))?;
        addresses.iter().try_for_each(|&answer| self.check_address(side, answer)).map_err(Refusal::Resolved)
    }

    /// Judges where a connection really led. The last of three checks: nothing of the answer is used before it (T-32).
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn check_peer(&self, side: Side, peer: Option<SocketAddr>) -> Result<(), Refusal> {
        let peer = peer.ok_or(Refusal::Peer(None))?;
        self.check_address(side, peer.ip()).map_err(|forbidden| Refusal::Peer(Some(forbidden)))
    }

    fn check_address(&self, side: Side, given: IpAddr) -> Result<(), Forbidden> {
        side.check(given)?;
        let reached = address::unwrapped(given);
        if self.own.iter().any(|net| net.contains(&reached)) {
            return Err(Forbidden { address: given, range: "ours" });
        }
        Ok(())
    }
}

/// What limits and breakers count by: the host in its normal form, and the port where it isn't the scheme's own, so that two
/// services on loopback don't share a fate. A trailing dot makes no other host of it.
pub fn host_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(policy: &Policy, url: &str) -> Result<Side, &'static str> {
        policy.check_url(&url.parse().unwrap()).map_err(|refusal| match refusal {
            Refusal::Scheme => "scheme",
            Refusal::UserInfo => "user",
            Refusal::Port => "port",
            Refusal::Host(_) => "host",
            Refusal::Resolved(_) => "resolved",
            Refusal::Peer(_) => "peer",
        })
    }

    /// T-30, T-31, T-34: URLs that come from pages and not from `CallbackUrl` are judged no less strictly.
    #[test]
    fn t31_urls() {
        let public = Policy { own: vec!["51.15.0.0/24".parse().unwrap(), "2a01::/64".parse().unwrap()], ..Policy::default() };
        let with_loopback = Policy { reach: Reach::PublicAndLoopback, own: Vec::new() };
        for (url, wanted, wanted_with_loopback) in [
            ("https://example.com/", Ok(Side::Public), Ok(Side::Public)),
            ("http://example.com/", Ok(Side::Public), Ok(Side::Public)),
            ("http://example.com:80/", Ok(Side::Public), Ok(Side::Public)),
            ("http://example.com:443/", Err("port"), Err("port")),
            ("https://example.com:6379/", Err("port"), Err("port")),
            ("https://user@example.com/", Err("user"), Err("user")),
            ("https://:secret@example.com/", Err("user"), Err("user")),
            ("file:///etc/passwd", Err("scheme"), Err("scheme")),
            ("gopher://example.com/", Err("scheme"), Err("scheme")),
            ("data:text/plain,a", Err("scheme"), Err("scheme")),
            ("http://127.0.0.1:8080/", Err("host"), Ok(Side::Loopback)),
            ("http://2130706433/", Err("host"), Ok(Side::Loopback)),
            ("http://localhost:8080/", Err("host"), Ok(Side::Loopback)),
            ("http://[::ffff:127.0.0.1]/", Err("host"), Err("host")),
            ("http://169.254.169.254/", Err("host"), Err("host")),
            ("http://redis/", Err("host"), Err("host")),
            ("https://51.15.0.9/", Err("host"), Ok(Side::Public)),
            ("https://[::ffff:51.15.0.9]/", Err("host"), Ok(Side::Public)),
            ("https://[2a01::9]/", Err("host"), Ok(Side::Public)),
        ] {
            assert_eq!(judge(&public, url), wanted, "{url}");
            assert_eq!(judge(&with_loopback, url), wanted_with_loopback, "{url}");
        }
    }

    /// T-32: mixed answers, in any order and family, and a name that is rebound to loopback while loopback is allowed.
    #[test]
    fn t32_one_forbidden_address_refuses_the_answer() {
        let with_loopback = Policy { reach: Reach::PublicAndLoopback, own: vec!["9.9.9.9/32".parse().unwrap()] };
        for (name, addresses, is_allowed) in [
            ("example.com", &["8.8.8.8", "2606:4700::1111"][..], true),
            ("example.com", &["8.8.8.8", "10.0.0.1"], false),
            ("example.com", &["10.0.0.1", "8.8.8.8"], false),
            ("example.com", &["8.8.8.8", "fd00:ec2::254"], false),
            ("example.com", &["127.0.0.1"], false),
            ("example.com", &["::ffff:127.0.0.1"], false),
            ("example.com", &["8.8.8.8", "9.9.9.9"], false),
            ("localhost", &["127.0.0.1", "::1"], true),
            ("localhost", &["127.0.0.1", "8.8.8.8"], false),
            ("app.localhost", &["127.0.0.1"], false),
        ] {
            let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(with_loopback.check_answer(name, &addresses).is_ok(), is_allowed, "{name} {addresses:?}");
        }
    }

    /// T-32: the peer is judged again, and one that nobody can name is refused.
    #[test]
    fn t32_the_peer_is_judged_too() {
        let policy = Policy::default();
        assert_eq!(policy.check_peer(Side::Public, "8.8.8.8:443".parse().ok()), Ok(()));
        assert!(policy.check_peer(Side::Public, "10.0.0.1:443".parse().ok()).is_err());
        assert_eq!(policy.check_peer(Side::Public, None), Err(Refusal::Peer(None)));
    }

    /// T-37: a host can't be counted twice by spelling it differently.
    #[test]
    fn t37_one_key_per_host() {
        for (url, key) in [
            ("https://Example.com./a?b", "example.com"),
            ("http://example.com/", "example.com"),
            ("http://127.1:8080/", "127.0.0.1:8080"),
            ("https://[2606:4700:0::1111]/", "[2606:4700::1111]"),
        ] {
            assert_eq!(host_key(&url.parse().unwrap()), key);
        }
    }
}
