//! `POST /api/v1/agents/wallet-nonce` and `/wallet-register`: Sign-In with Ethereum makes the agent that is bound to a wallet.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::claims;
use crate::actors::SignedIn;
use crate::billing::x402::Signature;
use crate::billing::x402::siwe::{self, Expected, SignIn};
use crate::http::api::Api;
use crate::http::problem::{Kind, Problem};
use crate::http::{body, caller, limit, reply};
use crate::types::payload::field;
use crate::types::{AgentId, Timestamp, Usd, Wallet};

/// What a message has to hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct NonceAnswer {
    /// Goes into the message; good for one sign-in.
    #[schema(pattern = "^[0-9a-z]{52}$")]
    nonce: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The message's domain.
    domain: String,
    /// The message's URI.
    #[schema(format = "uri")]
    uri: String,
    /// The message's chain is one of these.
    chain_ids: Vec<u64>,
}

/// A signed message (EIP-4361).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// The text that was signed.
    #[schema(max_length = 4096)]
    message: String,
    /// The wallet's signature of it (EIP-191), in hex.
    #[schema(pattern = "^0x[0-9a-fA-F]{130}$")]
    signature: String,
}

/// The agent of the wallet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Registered {
    /// Its id, the same for ever.
    #[schema(value_type = String, pattern = "^ag_[0-9a-z]{29}$")]
    agent_id: AgentId,
    /// The wallet.
    #[schema(value_type = String, pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet: Wallet,
    /// The agent's bearer from now on, shown once; an earlier one is unknown.
    #[schema(pattern = "^411_[0-9a-z]{55}$")]
    bearer: String,
    /// What can be spent now, in US dollars.
    #[schema(value_type = f64)]
    virtual_balance_usd: Usd,
}

/// Hands out what a message has to hold that signs a wallet in. The request needs no body.
#[utoipa::path(
    post,
    path = "/api/v1/agents/wallet-nonce",
    operation_id = "walletNonce",
    tag = "wallets",
    security(()),
    responses((status = 200, description = "Write a message with it, and have the wallet sign that.", body = NonceAnswer))
)]
pub async fn nonce(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let budget = api.submits.take(caller::address(request.extensions()))?;
    let answer = || {
        let Place { domain, chain_ids } = Place::of(&api)?;
        let (nonce, expires_at) = api.node.sign_in_nonce();
        reply::json(StatusCode::OK, &NonceAnswer { nonce, expires_at, domain, uri: api.settings.public_url.clone(), chain_ids })
    };
    limit::told(budget, answer())
}

/// Makes the agent of the wallet that signed the message. Where it is there already, it gets a new bearer and the old one ends:
/// whoever holds the wallet holds the agent.
#[utoipa::path(
    post,
    path = "/api/v1/agents/wallet-register",
    operation_id = "walletRegister",
    tag = "wallets",
    request_body = RegisterBody,
    security(()),
    responses(
        (
            status = 201,
            description = "The agent was made.",
            body = Registered,
            headers(("Location" = String, description = "The agent."))
        ),
        (status = 200, description = "The agent was there, and has a new bearer.", body = Registered)
    )
)]
pub async fn register(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let budget = api.submits.take(caller::address(&parts.extensions))?;
    let registered = async {
        let bytes = body::read_json(&parts.headers, body).await?;
        let signed = field::read::<RegisterBody>(body::text(&bytes)?).map_err(|fault| Problem::fields(vec![fault]))?;
        signed_in(&api, &signed).await
    };
    let outcome = registered.await;
    limit::told(budget, outcome)
}

async fn signed_in(api: &Api, signed: &RegisterBody) -> Result<Response, Problem> {
    let Place { domain, chain_ids } = Place::of(api)?;
    let signature: Signature = signed.signature.parse().map_err(|_| Problem::field("/signature", "must be a signature in hex"))?;
    let in_message = |error: siwe::NotSignedIn| Problem::field("/message", error.to_string());
    let read = SignIn::parse(&signed.message).map_err(in_message)?;
    if !api.node.is_sign_in_nonce(&read.nonce) {
        return Err(Problem::field("/message", "must have a nonce from /api/v1/agents/wallet-nonce that has not expired"));
    }
    let expected =
        Expected { domain: &domain, url: &api.settings.public_url, chain_ids: &chain_ids, nonce: &read.nonce, now: api.clock.now() };
    let wallet = siwe::sign_in(&signed.message, &signature, &expected).map_err(in_message)?;
    let Some(SignedIn { agent, token, is_new }) = api.node.sign_in(wallet, &read.nonce, api.settings.wallet_credit).await? else {
        return Err(Problem::new(Kind::SignInUsed, "Ask for a new nonce, and sign a message with it."));
    };
    let body = Registered { agent_id: agent.id, wallet, bearer: token.reveal(), virtual_balance_usd: agent.available };
    let mut response = reply::json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &body)?;
    if is_new {
        reply::set(&mut response, header::LOCATION, format!("{}/api/v1/agents/me", api.settings.public_url));
    }
    Ok(response)
}

/// What a message is for.
struct Place {
    domain: String,
    chain_ids: Vec<u64>,
}

impl Place {
    fn of(api: &Api) -> Result<Self, Problem> {
        let chain_ids: Vec<u64> = api.node.networks().iter().map(|status| status.network.chain_id()).collect();
        match domain_of(&api.settings.public_url) {
            Some(domain) if !chain_ids.is_empty() => Ok(Self { domain, chain_ids }),
            Some(_) | None => Err(claims::not_here()),
        }
    }
}

/// The host of a URL, with the port where it isn't the scheme's own (RFC 3986 authority, as EIP-4361 wants it).
fn domain_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_has_the_port_where_it_matters() {
        for (url, wanted) in [
            ("https://jobs.example", Some("jobs.example")),
            ("https://jobs.example:443", Some("jobs.example")),
            ("http://127.0.0.1:8411", Some("127.0.0.1:8411")),
            ("https://user@jobs.example/x?y", Some("jobs.example")),
            ("nonsense", None),
        ] {
            assert_eq!(domain_of(url).as_deref(), wanted, "{url}");
        }
    }
}
