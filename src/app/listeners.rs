//! The sockets of the two listeners, and what is reachable through them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::StartError;

/// A bound socket.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// With the port that was picked.
    pub(super) address: SocketAddr,
}

/// Binds an address.
pub(super) async fn listen(address: SocketAddr, variable: &'static str) -> Result<Listener, StartError> {
    let failed = |source| StartError::Listen { address, variable, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Listener { socket, address })
}

/// How a client on this machine reaches an address.
pub fn url_of(address: SocketAddr) -> String {
    let here = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = if address.ip().is_unspecified() { here } else { address.ip() };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_every_host_is_shown_as_this_one() {
        for (address, url) in [
            ("127.0.0.1:8411", "http://127.0.0.1:8411"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("10.1.2.3:80", "http://10.1.2.3:80"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()), url);
        }
    }
}
