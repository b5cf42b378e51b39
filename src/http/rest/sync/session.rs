//! The headers by which calls share a budget: which session a call is of, and what is left of its budget in each answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use crate::http::api::Api;
use crate::http::caller;
use crate::http::problem::{Kind, Problem};
use crate::http::x402::incoming::Incoming;
use crate::http::x402::outcome::unused;
use crate::shard::Grant;
use crate::types::{SessionCall, SessionId, Usd};

const SESSION: HeaderName = HeaderName::from_static("x-session-id");
const BUDGET: HeaderName = HeaderName::from_static("x-session-budget-usd");
/// The answer's header.
pub const LEFT: HeaderName = HeaderName::from_static("x-session-budget-remaining-usd");

/// Whether a request is meant as a session's, well or badly.
pub fn is_meant(headers: &HeaderMap) -> bool {
    headers.contains_key(SESSION) || headers.contains_key(BUDGET)
}

/// The session of a call, where it is of one.
///
/// # Errors
/// 400 where a header is there twice, the name is none, or a budget has no session; 422 where the budget is no amount, or too large.
pub fn read(headers: &HeaderMap) -> Result<Option<SessionCall>, Problem> {
    let (name, budget) = (once(headers, &SESSION)?, once(headers, &BUDGET)?);
    let Some(name) = name else {
        return match budget {
            Some(_) => Err(Problem::new(Kind::InvalidHeader, "X-Session-Budget-Usd needs an X-Session-Id beside it.")),
            None => Ok(None),
        };
    };
    let id = SessionId::parse(name).ok_or_else(|| {
        let max = SessionId::CHARS_MAX;
        Problem::new(Kind::InvalidHeader, format!("X-Session-Id must have 1 to {max} characters of A-Z, a-z, 0-9, - and _."))
    })?;
    let budget = budget.map(amount).transpose()?;
    Ok(Some(SessionCall { id, budget }))
}

fn amount(text: &str) -> Result<Usd, Problem> {
    let max = SessionCall::BUDGET_MAX;
    let wrong = |why: &str| Problem::new(Kind::ValidationFailed, format!("X-Session-Budget-Usd {why}"));
    match text.parse::<Usd>() {
        Ok(budget) if budget.is_zero() || budget > max => Err(wrong(&format!("must be more than 0 and at most {max}"))),
        Ok(budget) => Ok(budget),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text)),
        (Some(_), _) => Err(Problem::new(Kind::InvalidHeader, format!("{name} must be there once, in visible ASCII characters."))),
    }
}

/// What a session is paid from is held in the commit that accepts the call, beside the budget: an agent's balance can be, a wallet's
/// payment lies elsewhere.
///
/// # Errors
/// 422 where no agent calls, or a payment came along; it was not used.
pub fn needs_balance(incoming: &Incoming, grant: Option<Grant>) -> Result<(), Problem> {
    let words = "A session is an agent's and is paid from its balance: send a bearer and no payment, or leave X-Session-Id away.";
    match (incoming, grant) {
        (Incoming::Nothing, Some(_)) => Ok(()),
        (Incoming::Nothing | Incoming::Old, _) => Err(Problem::new(Kind::SessionNeedsBalance, words)),
        (Incoming::Signed(_) | Incoming::NotTaken, _) => Err(unused(Problem::new(Kind::SessionNeedsBalance, words))),
    }
}

/// The answer to a call of a session, whatever it is, with what is left of the budget now.
pub async fn told(api: &Api, headers: &HeaderMap, call: &SessionCall, answer: Result<Response, Problem>) -> Result<Response, Problem> {
    let left = left(api, headers, call).await.and_then(|left| HeaderValue::try_from(left.to_string()).ok());
    let Some(left) = left else { return answer };
    match answer {
        Ok(mut response) => {
            response.headers_mut().insert(LEFT, left);
            Ok(response)
        }
        Err(problem) => Err(problem.with_header(LEFT, left)),
    }
}

/// Nothing to whom it isn't known that the session is theirs. One that has not begun has all that was asked for.
async fn left(api: &Api, headers: &HeaderMap, call: &SessionCall) -> Option<Usd> {
    let grant = caller::grant_of(&api.node, caller::bearer(headers).ok()?).ok()??;
    let known = api.node.session(grant.agent, &call.id).await.ok()?;
    known.map(|session| session.left()).or(call.budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &str)]) -> Result<Option<(String, Option<i64>)>, Kind> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let read = read(&headers).map_err(|problem| problem.kind())?;
        Ok(read.map(|call| (call.id.to_string(), call.budget.map(Usd::micros))))
    }

    #[test]
    fn a_session_is_read_to_the_micro_dollar_or_refused() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("x-session-id", "a-B_9")]), Ok(Some(("a-B_9".to_owned(), None))));
        for (text, wanted) in [
            ("50", Ok(50_000_000)),
            ("50.000000", Ok(50_000_000)),
            ("0.000001", Ok(1)),
            ("50.000001", Err(Kind::ValidationFailed)),
            ("0", Err(Kind::ValidationFailed)),
            ("-1", Err(Kind::ValidationFailed)),
            ("1.0000001", Err(Kind::ValidationFailed)),
            ("NaN", Err(Kind::ValidationFailed)),
            ("1e400", Err(Kind::ValidationFailed)),
            ("five", Err(Kind::ValidationFailed)),
            ("", Err(Kind::ValidationFailed)),
        ] {
            let read = of(&[("x-session-id", "a"), ("x-session-budget-usd", text)]);
            assert_eq!(read.map(|call| call.unwrap().1.unwrap()), wanted, "{text}");
        }
        for lines in [
            &[("x-session-id", "")][..],
            &[("x-session-id", "a b")],
            &[("x-session-id", "a"), ("x-session-id", "a")],
            &[("x-session-budget-usd", "5")],
            &[("x-session-id", "a"), ("x-session-budget-usd", "5"), ("x-session-budget-usd", "5")],
        ] {
            assert_eq!(of(lines), Err(Kind::InvalidHeader), "{lines:?}");
        }
    }
}
