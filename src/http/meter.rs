//! Counts and times requests, by route and class of status. No id ever is a label: there would be no end of series.

use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

/// Requests, by `listener`, `route` and `class`.
pub const REQUESTS: &str = "enrich_http_requests_total";
/// Seconds to the head of the answer, by `listener` and `route`.
pub const SECONDS: &str = "enrich_http_request_duration_seconds";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The series of one route, looked up once. Made before a recorder is installed it counts into nothing.
#[derive(Debug)]
pub struct Meter {
    by_class: [Counter; 5],
    seconds: Histogram,
}

impl Meter {
    /// For the route `GET /x` of a listener.
    pub fn new(listener: &'static str, route: &str) -> Self {
        let count = |class: &'static str| counter!(REQUESTS, "listener" => listener, "route" => route.to_owned(), "class" => class);
        Self { by_class: CLASSES.map(count), seconds: histogram!(SECONDS, "listener" => listener, "route" => route.to_owned()) }
    }

    /// Counts an answer.
    pub fn count(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.by_class.get(class) {
            counter.increment(1);
        }
        self.seconds.record(took);
    }
}
