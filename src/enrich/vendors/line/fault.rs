//! Why a vendor brought no answer, and what follows from it.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::net;
use crate::types::Timestamp;

/// What a vendor may name at most in `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// Why there is no answer. Its text goes into the hop's record: it never holds what was asked, where, or what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It failed too often and is left alone. Nothing was sent.
    #[error("it failed too often of late")]
    Paused,
    /// All lines to it were in use for as long as the call may take. Nothing was sent.
    #[error("too many calls to it are being made")]
    Busy,
    /// There was no connection, so nothing was sent; the word is that of [`net::Error::class`].
    #[error("no connection could be made ({0})")]
    Unsent(&'static str),
    /// Too slow, or broken off. Whether the request was carried out, nobody knows.
    #[error("it gave no answer ({0})")]
    Unanswered(&'static str),
    /// 429 or 503: not now, and not carried out.
    #[error("it is overloaded ({status})")]
    Throttled {
        /// Which of the two.
        status: u16,
        /// Earlier it makes no sense to ask again; what `Retry-After` said, at most ten minutes.
        retry_after: Option<Duration>,
    },
    /// Another 5xx. It may have been carried out.
    #[error("it failed ({0})")]
    Failed(u16),
    /// It doesn't take our key or our request. A person has to look.
    #[error("it refused the request ({0})")]
    Rejected(u16),
    /// A redirect, which is never followed: only the configuration says where to go.
    #[error("it redirects elsewhere ({0})")]
    Redirected(u16),
    /// Longer than it may be. The rest was not read.
    #[error("its answer is too long")]
    TooLong,
    /// An answer, and not in its format; what is wrong in our words.
    #[error("its answer can't be read: {0}")]
    Garbage(&'static str),
}

/// Which failed calls are made again within the time of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// A request that changes nothing and costs the same at each repeat is repeated after any 5xx, too.
    Idempotent,
    /// One whose cost is high or open only where it surely was not carried out: no connection, 429, 503.
    Unexecuted,
}

impl Fault {
    /// From an exchange that ended without an answer.
    pub(super) fn of_exchange(error: &net::Error) -> Self {
        match error {
            net::Error::Refused(_) | net::Error::Unresolved(_) | net::Error::Unreachable(_) | net::Error::Setup(_) => {
                Self::Unsent(error.class())
            }
            net::Error::TimedOut | net::Error::Broken(_) => Self::Unanswered(error.class()),
        }
    }

    /// From a status; `None` where it promises an answer.
    pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let code = status.as_u16();
        Some(match code {
            200..=299 => return None,
            429 | 503 => Self::Throttled { status: code, retry_after: retry_after(headers, now) },
            300..=399 => Self::Redirected(code),
            500..=599 => Self::Failed(code),
            _ => Self::Rejected(code),
        })
    }

    /// One stable word for metrics.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Busy => "busy",
            Self::Unsent(class) | Self::Unanswered(class) => class,
            Self::Throttled { .. } => "throttled",
            Self::Failed(_) => "failed",
            Self::Rejected(_) => "rejected",
            Self::Redirected(_) => "redirected",
            Self::TooLong => "too_long",
            Self::Garbage(_) => "garbage",
        }
    }

    /// Whether the vendor may have done its work, and may charge for it (F-V3).
    pub(super) const fn may_be_charged(self) -> bool {
        match self {
            Self::Unanswered(_) | Self::Failed(_) | Self::TooLong | Self::Garbage(_) => true,
            Self::Paused | Self::Busy | Self::Unsent(_) | Self::Throttled { .. } | Self::Rejected(_) | Self::Redirected(_) => false,
        }
    }

    /// Whether it speaks for leaving the vendor alone. Who says no is up; who sends garbage may charge for each piece of it.
    pub(super) const fn is_outage(self) -> bool {
        match self {
            Self::Unsent(_) | Self::Unanswered(_) | Self::Throttled { .. } | Self::Failed(_) | Self::TooLong | Self::Garbage(_) => true,
            Self::Paused | Self::Busy | Self::Rejected(_) | Self::Redirected(_) => false,
        }
    }

    pub(super) const fn is_repeatable(self, repeat: Repeat) -> bool {
        match self {
            Self::Unsent(_) | Self::Throttled { .. } => true,
            Self::Failed(_) => matches!(repeat, Repeat::Idempotent),
            Self::Paused
            | Self::Busy
            | Self::Unanswered(_)
            | Self::Rejected(_)
            | Self::Redirected(_)
            | Self::TooLong
            | Self::Garbage(_) => false,
        }
    }

    pub(super) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => retry_after,
            Self::Paused
            | Self::Busy
            | Self::Unsent(_)
            | Self::Unanswered(_)
            | Self::Failed(_)
            | Self::Rejected(_)
            | Self::Redirected(_)
            | Self::TooLong
            | Self::Garbage(_) => None,
        }
    }
}

/// `Retry-After` in either form of RFC 9110 §10.2.3: seconds, or a date, which may be past.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let at = rfc2822::parse(text).ok()?.timestamp().as_millisecond();
        Duration::from_millis(u64::try_from(at.saturating_sub(now.millis())).unwrap_or(0))
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = Timestamp::from_millis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now).map(|wait| wait.as_secs());
        for (text, wanted) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999", Some(600)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    /// What costs by the use is only asked again where it surely was not carried out.
    #[test]
    fn what_is_asked_again() {
        let of = |code| Fault::of_status(StatusCode::from_u16(code).unwrap(), &HeaderMap::new(), Timestamp::default());
        assert_eq!((of(200), of(204)), (None, None));
        for (code, idempotent, unexecuted) in [
            (301, false, false),
            (400, false, false),
            (401, false, false),
            (429, true, true),
            (500, true, false),
            (502, true, false),
            (503, true, true),
            (504, true, false),
        ] {
            let fault = of(code).unwrap();
            assert_eq!(
                (fault.is_repeatable(Repeat::Idempotent), fault.is_repeatable(Repeat::Unexecuted)),
                (idempotent, unexecuted),
                "{code}"
            );
        }
        for fault in [Fault::Unanswered("timed_out"), Fault::Unanswered("broken"), Fault::Garbage("x"), Fault::TooLong] {
            assert!(!fault.is_repeatable(Repeat::Idempotent) && fault.may_be_charged() && fault.is_outage());
        }
        assert!(Fault::Unsent("unreachable").is_repeatable(Repeat::Unexecuted) && !Fault::Unsent("unreachable").may_be_charged());
    }
}
