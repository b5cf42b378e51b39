//! How many connections each address has open.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;

use crate::http::limit::Caller;

/// Counts open connections by address; an address without one is not kept.
#[derive(Debug, Clone)]
pub struct PerAddress {
    open: Arc<DashMap<Caller, usize>>,
    max: usize,
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    counted: Option<(Arc<DashMap<Caller, usize>>, Caller)>,
}

impl PerAddress {
    /// At most `max` for each.
    pub fn new(max: usize) -> Self {
        Self { open: Arc::default(), max }
    }

    /// A place for a connection from there, where there is one.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        if address.to_canonical().is_loopback() {
            return Some(Place { counted: None });
        }
        let caller = Caller::at(address);
        let mut open = self.open.entry(caller).or_default();
        if *open >= self.max {
            return None;
        }
        *open = open.saturating_add(1);
        Some(Place { counted: Some((Arc::clone(&self.open), caller)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((open, caller)) = self.counted.take() {
            open.remove_if_mut(&caller, |_, count| {
                *count = count.saturating_sub(1);
                *count == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_and_nothing_is_kept() {
        let per_address = PerAddress::new(2);
        let [one, other] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        let first = per_address.enter(one).unwrap();
        let second = per_address.enter(one).unwrap();
        assert!(per_address.enter(one).is_none());
        assert!(per_address.enter(other).is_some());
        drop(first);
        let third = per_address.enter(one).unwrap();
        assert!(per_address.enter(one).is_none());
        drop((second, third));
        assert!(per_address.open.is_empty());
    }

    #[test]
    fn loopback_is_not_counted() {
        let per_address = PerAddress::new(0);
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(per_address.enter(address.parse().unwrap()).is_some());
        }
    }
}
