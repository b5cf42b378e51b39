//! How far a URL that a stranger gave may reach, judged by the parsed host alone.

use std::net::IpAddr;

use url::Host;

use super::address::{self, Forbidden};

/// How far outbound calls to URLs that strangers give may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Global unicast addresses only.
    #[default]
    Public,
    /// Also this machine's loopback, where it is named as such: `127.0.0.0/8`, `::1`, `localhost`. For development.
    ///
    /// Any other name still has to resolve to public addresses, so a rebound name (T-32) gains nothing from it.
    PublicAndLoopback,
}

/// Which side of the wall a host is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The internet.
    Public,
    /// This machine, and [`Reach::PublicAndLoopback`] allows it.
    Loopback,
}

/// Why a host is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// An address that isn't public.
    #[error(transparent)]
    Address(#[from] Forbidden),
    /// A name that means something on a local network only, or nothing at all.
    #[error("the name is a local one")]
    LocalName,
}

/// Names that end so are never looked up: reserved for local use (RFC 6761, 6762, 8375; ICANN's `internal`) or commonly used so.
const LOCAL_SUFFIXES: [&str; 7] = ["localhost", "local", "internal", "localdomain", "lan", "intranet", "home.arpa"];

impl Reach {
    /// From the operator's switch.
    pub const fn with_loopback(allowed: bool) -> Self {
        if allowed { Self::PublicAndLoopback } else { Self::Public }
    }

    /// Judges a parsed host. A public name must still have each of its addresses judged by [`Side::check`] when it is resolved.
    ///
    /// # Errors
    /// [`OutOfReach`] where the host itself says so.
    pub fn check(self, host: &Host<&str>) -> Result<Side, OutOfReach> {
        let side = match host {
            Host::Ipv4(address) => side_of_address(IpAddr::V4(*address)),
            Host::Ipv6(address) => side_of_address(IpAddr::V6(*address)),
            Host::Domain(name) => side_of_name(name),
        };
        match (side, self) {
            (Ok(Side::Loopback), Self::Public) => Err(match host {
                Host::Ipv4(address) => Forbidden { address: IpAddr::V4(*address), range: "loopback" }.into(),
                Host::Ipv6(address) => Forbidden { address: IpAddr::V6(*address), range: "loopback" }.into(),
                Host::Domain(_) => OutOfReach::LocalName,
            }),
            (side, Self::Public | Self::PublicAndLoopback) => side,
        }
    }
}

impl Side {
    /// Judges an address that a host of this side resolved to, or that a connection to it has.
    ///
    /// # Errors
    /// [`Forbidden`] where the address is on the other side, or on none.
    pub fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        match self {
            Self::Public => address::check(address),
            Self::Loopback if address.is_loopback() => Ok(()),
            Self::Loopback => Err(Forbidden { address, range: "not loopback" }),
        }
    }
}

/// Loopback is only what is written plainly as such: wrapped into another address it is an attempt at something.
fn side_of_address(address: IpAddr) -> Result<Side, OutOfReach> {
    if address.is_loopback() {
        return Ok(Side::Loopback);
    }
    address::check(address)?;
    Ok(Side::Public)
}

/// `name` is as the parser left it: ASCII and lower case.
fn side_of_name(name: &str) -> Result<Side, OutOfReach> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name == "localhost" {
        return Ok(Side::Loopback);
    }
    let is_local = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let has_empty_label = name.split('.').any(str::is_empty);
    if !name.contains('.') || has_empty_label || LOCAL_SUFFIXES.into_iter().any(is_local) {
        return Err(OutOfReach::LocalName);
    }
    Ok(Side::Public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(reach: Reach, host: &str) -> Result<Side, &'static str> {
        let host = Host::parse(host).unwrap();
        let borrowed = match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        };
        reach.check(&borrowed).map_err(|error| match error {
            OutOfReach::Address(_) => "address",
            OutOfReach::LocalName => "name",
        })
    }

    /// T-30, T-31: what each reach says to each kind of host.
    #[test]
    fn t31_sides() {
        for (host, public, with_loopback) in [
            ("example.com", Ok(Side::Public), Ok(Side::Public)),
            ("example.com.", Ok(Side::Public), Ok(Side::Public)),
            ("localhost.example.com", Ok(Side::Public), Ok(Side::Public)),
            ("notlocal.net", Ok(Side::Public), Ok(Side::Public)),
            ("8.8.8.8", Ok(Side::Public), Ok(Side::Public)),
            ("localhost", Err("name"), Ok(Side::Loopback)),
            ("LOCALHOST.", Err("name"), Ok(Side::Loopback)),
            ("127.0.0.1", Err("address"), Ok(Side::Loopback)),
            ("127.9.9.9", Err("address"), Ok(Side::Loopback)),
            ("[::1]", Err("address"), Ok(Side::Loopback)),
            ("[::ffff:127.0.0.1]", Err("address"), Err("address")),
            ("10.0.0.1", Err("address"), Err("address")),
            ("0.0.0.0", Err("address"), Err("address")),
            ("a.localhost", Err("name"), Err("name")),
            ("printer.local", Err("name"), Err("name")),
            ("local", Err("name"), Err("name")),
            ("metadata.google.internal", Err("name"), Err("name")),
            ("metadata.google.internal.", Err("name"), Err("name")),
            ("router.home.arpa", Err("name"), Err("name")),
            ("redis", Err("name"), Err("name")),
            ("redis.", Err("name"), Err("name")),
        ] {
            assert_eq!(judge(Reach::Public, host), public, "{host}");
            assert_eq!(judge(Reach::PublicAndLoopback, host), with_loopback, "{host}");
        }
    }

    /// T-32: an answer has to be on the side of the name that was asked for.
    #[test]
    fn t32_an_answer_stays_on_its_side() {
        let [public, loopback, private]: [IpAddr; 3] = ["8.8.8.8", "127.0.0.1", "10.0.0.1"].map(|text| text.parse().unwrap());
        assert_eq!([public, loopback, private].map(|address| Side::Public.check(address).is_ok()), [true, false, false]);
        assert_eq!([public, loopback, private].map(|address| Side::Loopback.check(address).is_ok()), [false, true, false]);
    }
}
