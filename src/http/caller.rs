//! Who is asking: the bearer of a request, and what it opens.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{Extensions, HeaderMap, header};

use super::limit::Caller;
use super::problem::{Kind, Problem};
use crate::actors::Node;
use crate::shard::Grant;
use crate::types::{AgentId, PollBearer, Token};

/// The address at the other end of the connection, as the accept loop saw it. Never from a header.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Who is counted for a request that no token names.
pub fn address(extensions: &Extensions) -> Caller {
    Caller::at(extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0))
}

/// The text of the bearer, where one came. What is not readable as a header's text is a bearer that opens nothing.
///
/// # Errors
/// 400 where there are two.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Kind::InvalidHeader, "Authorization must be there once."));
    }
    let Some((scheme, token)) = value.to_str().unwrap_or("Bearer ?").split_once(' ') else { return Ok(None) };
    let token = token.trim();
    Ok((scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token))
}

/// What the bearer opens where an agent's token or a usage key may come; nothing where there is none.
///
/// # Errors
/// 403 for a poll bearer, 401 for a token that is unknown, revoked or expired.
pub fn grant_of(node: &Node, bearer: Option<&str>) -> Result<Option<Grant>, Problem> {
    let Some(text) = bearer else { return Ok(None) };
    if text.starts_with(PollBearer::PREFIX) {
        return Err(Problem::new(Kind::PollBearerForbidden, "Use the agent's token or a usage key here."));
    }
    match Token::parse(text).and_then(|token| node.authenticate(&token)) {
        Some(grant) => Ok(Some(grant)),
        None => Err(Problem::new(Kind::InvalidToken, "The token is unknown, revoked or expired.")),
    }
}

/// What the bearer opens, where there must be one.
///
/// # Errors
/// As [`grant_of`], and 401 where there is none.
pub fn require_grant(node: &Node, headers: &HeaderMap) -> Result<Grant, Problem> {
    grant_of(node, bearer(headers)?)?
        .ok_or_else(|| Problem::new(Kind::AgentTokenRequired, "Send Authorization: Bearer with an agent's token."))
}

/// The agent, where only its own token will do.
///
/// # Errors
/// As [`require_grant`], and 403 for a usage key.
pub fn require_agent(node: &Node, headers: &HeaderMap) -> Result<AgentId, Problem> {
    let grant = require_grant(node, headers)?;
    match grant.key {
        None => Ok(grant.agent),
        Some(_) => Err(Problem::new(Kind::UsageKeyForbidden, "Only the agent's own token may do this.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_read_or_there_is_none() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(|bearer| bearer.map(str::to_owned))
        };
        for (value, wanted) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(read(&[value]).unwrap().as_deref(), wanted, "{value}");
        }
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["Bearer a", "Bearer a"]).unwrap_err().kind(), Kind::InvalidHeader);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, axum::http::HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        assert_eq!(bearer(&headers).unwrap(), Some("?"), "unreadable is a bearer that opens nothing");
    }
}
