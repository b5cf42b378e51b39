//! Which addresses a URL that a stranger gave may never lead to (safety.md T-30).
//!
//! Only global unicast is allowed. IPv4 inside IPv6 is judged as the IPv4 address that the packets would reach; tunnels that
//! nobody runs any more (6to4, Teredo, IPv4-compatible) are refused whole, since no honest receiver is behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// An address that isn't global unicast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not a public address: {range}")]
pub struct Forbidden {
    /// The address as it was given.
    pub address: IpAddr,
    /// What the range is for. For logs: a caller learns only that it was refused (T-35).
    pub range: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_len)
}

const fn v6(first: u16, second: u16, third: u16, prefix_len: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix_len)
}

/// From the IANA IPv4 special-purpose registry, and the one metadata service that sits on a public address.
const FORBIDDEN_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private use"),
    (v4(100, 64, 0, 0, 10), "shared by carriers"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(168, 63, 129, 16, 32), "a cloud's host service"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private use"),
    (v4(192, 0, 0, 0, 24), "IETF protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relays"),
    (v4(192, 168, 0, 0, 16), "private use"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Looked through in order; what none of them holds and isn't in [`GLOBAL_UNICAST_V6`] is refused too.
const FORBIDDEN_V6: [(Ipv6Net, &str); 11] = [
    (v6(0, 0, 0, 96), "unspecified, loopback or IPv4-compatible"),
    (v6(0x64, 0xff9b, 1, 48), "locally translated"),
    (v6(0x2001, 0, 0, 32), "Teredo"),
    (v6(0x2001, 0, 0, 23), "IETF protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
    (v6(0xfc00, 0, 0, 7), "unique local"),
    (v6(0xfe80, 0, 0, 10), "link-local"),
    (v6(0xfec0, 0, 0, 10), "site-local"),
    (v6(0xff00, 0, 0, 8), "multicast"),
];

/// All that IANA has opened for global unicast so far.
const GLOBAL_UNICAST_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// IPv4-mapped: the kernel itself turns these into IPv4.
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// NAT64's well-known prefix (RFC 6052): a network with IPv6 only reaches public IPv4 through it.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// Whether `address` is global unicast, after unwrapping IPv4 inside IPv6.
///
/// # Errors
/// [`Forbidden`] names the range it is in.
pub fn check(address: IpAddr) -> Result<(), Forbidden> {
    let range = match unwrapped(address) {
        IpAddr::V4(inner) => FORBIDDEN_V4.iter().find(|(net, _)| net.contains(&inner)).map(|&(_, range)| range),
        IpAddr::V6(inner) => FORBIDDEN_V6
            .iter()
            .find(|(net, _)| net.contains(&inner))
            .map(|&(_, range)| range)
            .or_else(|| (!GLOBAL_UNICAST_V6.contains(&inner)).then_some("not assigned as global unicast")),
    };
    range.map_or(Ok(()), |range| Err(Forbidden { address, range }))
}

/// The IPv4 address that packets to a mapped or translated IPv6 address reach; any other address as it is.
pub fn unwrapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(outer) if MAPPED.contains(&outer) || NAT64.contains(&outer) => {
            let [.., a, b, c, d] = outer.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range_of(text: &str) -> Option<&'static str> {
        check(text.parse().unwrap()).err().map(|forbidden| forbidden.range)
    }

    /// T-30: the first and last address of each range, and the metadata services by name.
    #[test]
    fn t30_forbidden_addresses() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.0",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.192",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "100::1",
            "2001::",
            "2001:0:7f00:1::",
            "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:1::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "2002::",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::",
            "fd00:ec2::254",
            "fdff:ffff::1",
            "fe80::1",
            "febf:ffff::1",
            "fec0::1",
            "feff:ffff::1",
            "ff00::",
            "ff02::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(range_of(text).is_some(), "{text}");
        }
    }

    /// T-30: the neighbours of each range stay reachable.
    #[test]
    fn t30_public_addresses() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert_eq!(range_of(text), None, "{text}");
        }
    }

    #[test]
    fn the_range_is_named_for_the_log() {
        assert_eq!(range_of("::ffff:169.254.169.254"), Some("link-local"));
        assert_eq!(range_of("2001:0:4136:e378::1"), Some("Teredo"));
        assert_eq!(range_of("255.255.255.255"), Some("broadcast"));
        let forbidden = check(IpAddr::V6(Ipv6Addr::LOCALHOST)).unwrap_err();
        assert_eq!(forbidden.to_string(), "::1 is not a public address: unspecified, loopback or IPv4-compatible");
    }

    proptest! {
        /// T-30: wrapping never opens what is closed, against the standard library's own predicates.
        #[test]
        fn t30_wrapping_opens_nothing(bits: u32) {
            let inner = Ipv4Addr::from(bits);
            let [a, b, c, d] = inner.octets();
            let plain = check(IpAddr::V4(inner)).is_ok();
            let closed = inner.is_private() || inner.is_loopback() || inner.is_link_local() || inner.is_multicast()
                || inner.is_broadcast() || inner.is_documentation() || inner.is_unspecified();
            prop_assert!(!(plain && closed));
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            prop_assert_eq!(check(IpAddr::V6(inner.to_ipv6_mapped())).is_ok(), plain);
            prop_assert_eq!(check(IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low))).is_ok(), plain);
            prop_assert!(check(IpAddr::V6(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1))).is_err());
            prop_assert!(check(IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low))).is_err());
        }
    }
}
