//! The router as hyper calls it, with the address of the other end.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::body::Incoming;
use tower::Service as _;

use crate::http::caller::Peer;

/// One connection's requests into the router.
#[derive(Debug, Clone)]
pub struct PeerService {
    router: Router,
    peer: Peer,
}

impl PeerService {
    /// For a connection from this address.
    pub fn new(router: Router, address: IpAddr) -> Self {
        Self { router, peer: Peer(address) }
    }
}

impl hyper::service::Service<hyper::Request<Incoming>> for PeerService {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        // A router is always ready, so the clone needs no `poll_ready`.
        self.router.clone().call(request.map(Body::new))
    }
}
