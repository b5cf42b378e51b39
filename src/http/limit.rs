//! How often one caller may come: a bucket for each agent, or else for each address.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::problem::{Kind, Problem};
use super::settings::Rate;
use crate::types::AgentId;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Who comes. Never read from a header that a client could forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An agent, by any of its tokens.
    Agent(AgentId),
    /// An address; of IPv6 the network, for a client has all of it.
    Address(IpAddr),
}

impl Caller {
    /// A caller that no token names.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(
                || {
                    let [a, b, c, d, ..] = v6.segments();
                    IpAddr::from([a, b, c, d, 0, 0, 0, 0])
                },
                IpAddr::V4,
            ),
        })
    }
}

type Buckets = RateLimiter<Caller, DashMapStateStore<Caller>, DefaultClock, StateInformationMiddleware>;

/// One limit and the buckets of all callers under it.
#[derive(Debug)]
pub struct Limiter {
    name: &'static str,
    per_second: u32,
    burst: u32,
    policy: HeaderValue,
    buckets: Option<Buckets>,
}

/// What a caller has left, for the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Debug, Clone)]
pub struct Budget {
    policy: HeaderValue,
    name: &'static str,
    left: u32,
    full_in_seconds: u32,
}

impl Limiter {
    /// A limit under this name; none where the rate is 0.
    pub fn new(name: &'static str, rate: Rate) -> Self {
        let burst = rate.burst.max(rate.per_second);
        let buckets = NonZeroU32::new(rate.per_second).zip(NonZeroU32::new(burst)).map(|(per_second, burst)| {
            let quota = Quota::per_second(per_second).allow_burst(burst);
            RateLimiter::dashmap(quota).with_middleware()
        });
        let window = burst.div_ceil(rate.per_second.max(1)).max(1);
        let policy = HeaderValue::try_from(format!("\"{name}\";q={burst};w={window}"));
        // The name is ours and plain, so the text is always a header's.
        Self { name, per_second: rate.per_second, burst, policy: policy.unwrap_or(HeaderValue::from_static("")), buckets }
    }

    /// Takes one request off a caller's bucket; `None` where there is no limit.
    ///
    /// # Errors
    /// `RATE_LIMITED` where the bucket is empty, with the seconds to wait.
    pub fn take(&self, caller: Caller) -> Result<Option<Budget>, Problem> {
        let Some(buckets) = &self.buckets else { return Ok(None) };
        match buckets.check_key(&caller) {
            Ok(state) => Ok(Some(self.budget(state.remaining_burst_capacity()))),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now()).as_secs().saturating_add(1);
                let detail = format!("At most {} requests a second, {} at once.", self.per_second, self.burst);
                Err(Problem::new(Kind::RateLimited, detail).after_seconds(wait).with_budget(self.budget(0)))
            }
        }
    }

    fn budget(&self, left: u32) -> Budget {
        let full_in_seconds = self.burst.saturating_sub(left).div_ceil(self.per_second.max(1));
        Budget { policy: self.policy.clone(), name: self.name, left, full_in_seconds }
    }

    /// Forgets the callers whose buckets are full again. To be called now and then, or memory grows with every address seen.
    pub fn tidy(&self) {
        if let Some(buckets) = &self.buckets {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

/// Tells the caller what it has left, in an answer and a problem alike.
///
/// # Errors
/// The problem that came in.
pub fn told(budget: Option<Budget>, outcome: Result<Response, Problem>) -> Result<Response, Problem> {
    match (outcome, budget) {
        (Ok(mut response), Some(budget)) => {
            budget.stamp(response.headers_mut());
            Ok(response)
        }
        (Err(problem), Some(budget)) => Err(problem.with_budget(budget)),
        (outcome, None) => outcome,
    }
}

impl Budget {
    /// Writes the headers.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        headers.insert(POLICY, self.policy.clone());
        if let Ok(value) = HeaderValue::try_from(format!("\"{}\";r={};t={}", self.name, self.left, self.full_in_seconds)) {
            headers.insert(LIMIT, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_wait_and_every_caller_for_itself() {
        let limiter = Limiter::new("submit", Rate { per_second: 1, burst: 2 });
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| Caller::at(text.parse().unwrap()));
        let budget = limiter.take(one).unwrap().unwrap();
        let mut headers = HeaderMap::new();
        budget.stamp(&mut headers);
        assert_eq!(
            (&headers["ratelimit-policy"], &headers["ratelimit"]),
            (&"\"submit\";q=2;w=2".parse().unwrap(), &"\"submit\";r=1;t=1".parse().unwrap())
        );
        assert!(limiter.take(one).is_ok());
        let refused = limiter.take(one).unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after_seconds()), (Kind::RateLimited, Some(1)));
        assert!(limiter.take(other).is_ok());
    }

    #[test]
    fn zero_switches_it_off() {
        let limiter = Limiter::new("poll", Rate { per_second: 0, burst: 5 });
        for _ in 0..100 {
            assert!(limiter.take(Caller::at([127, 0, 0, 1].into())).unwrap().is_none());
        }
    }

    /// A client that has a whole IPv6 network gets one bucket for it.
    #[test]
    fn addresses_are_grouped_as_they_are_given_out() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8:0:0:ffff::2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
