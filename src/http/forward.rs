//! Requests that another node has to answer: passed on once, to whoever holds the shard that they are about.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::caller::{Peer, bearer};
use super::problem::{Kind, Problem};
use crate::actors::{CLIENT_HEADER, NODE_HEADER, Node, NotPassed, Passed, Place};
use crate::billing::x402::header::{PAYMENT_SIGNATURE, decode_payment};
use crate::types::{JobId, Slot, Token, Wallet};

/// A request waits for so long while its shard changes hands.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
/// The largest body that is passed on: that of a batch (api.md, "Conventions").
const BODY_BYTES_MAX: usize = 4 << 20;
/// On an answer between nodes: the shard isn't here (any more), and nothing was done.
const ELSEWHERE: HeaderName = HeaderName::from_static("x-enrich-elsewhere");
/// Headers of one connection (RFC 9110 section 7.6.1).
const OF_THE_CONNECTION: [HeaderName; 6] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::UPGRADE, HeaderName::from_static("keep-alive")];

/// What becomes of a request.
#[derive(Debug)]
pub enum Passing {
    /// It is answered here, by what this node holds.
    Here(Request, Stays),
    /// Another node has answered it.
    Answered(Response),
}

/// What a request is about, and under which epoch this node held it when it began to answer.
#[derive(Debug, Default)]
pub struct Stays(Vec<(Slot, Option<u64>)>);

impl Stays {
    fn of(node: &Node, request: &Request) -> Self {
        let token = bearer(request.headers()).ok().flatten().and_then(Token::parse).map(|token| token.slot());
        let slots = slot_of(request.uri().path(), request.headers()).into_iter().chain(token);
        Self(slots.map(|slot| (slot, node.epoch_here(slot))).collect())
    }

    /// The answer; that nothing is known of a token or a job is no answer where what would know them changed hands meanwhile.
    pub fn hold(&self, node: &Node, response: Response) -> Response {
        let is_denial = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND);
        if is_denial && self.0.iter().any(|(slot, epoch)| node.epoch_here(*slot) != *epoch) {
            return changing_hands();
        }
        response
    }
}

/// Passes a request on where another node has to answer it.
pub async fn pass(node: &Node, mut request: Request) -> Passing {
    if node.is_from_node(request.headers()) {
        return arrived(node, request).await;
    }
    // Only nodes may say these.
    request.headers_mut().remove(NODE_HEADER);
    request.headers_mut().remove(CLIENT_HEADER);
    let Some(slot) = slot_of(request.uri().path(), request.headers()) else { return stay(node, request) };
    if node.place(slot) == Place::Here {
        return here(node, request).await;
    }
    let client = request.extensions().get::<Peer>().and_then(|peer| HeaderValue::try_from(peer.0.to_string()).ok());
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return Passing::Answered(Problem::new(Kind::BodyTooLarge, "The body could not be read whole.").into_response());
    };
    let mut headers = parts.headers.clone();
    for name in OF_THE_CONNECTION.iter().chain([&header::HOST, &header::CONTENT_LENGTH, &header::ACCEPT_ENCODING]) {
        headers.remove(name);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let passed = Passed { method: parts.method.clone(), path, headers, body: body.clone() };
    let patience = Instant::now() + PATIENCE;
    loop {
        match node.place(slot) {
            // It came over meanwhile.
            Place::Here => return here(node, Request::from_parts(parts, Body::from(body))).await,
            Place::At(peer) => match node.pass(&peer, &passed, client.clone()).await {
                Ok(answered) if answered.headers.contains_key(ELSEWHERE) => {}
                Ok(answered) => return Passing::Answered(response(answered.status, &answered.headers, Body::from_stream(answered.body))),
                Err(NotPassed::NeverArrived) => {}
                Err(NotPassed::Unknown) => return Passing::Answered(Problem::from(crate::actors::Error::Unavailable).into_response()),
            },
            Place::Nowhere => {}
        }
        if Instant::now() >= patience {
            return Passing::Answered(changing_hands());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn changing_hands() -> Response {
    let detail = "Nothing was changed: what this is about is changing hands between two servers; try again in a moment.";
    Problem::new(Kind::StoreUnavailable, detail).into_response()
}

/// A request that another node has passed on. It is never passed on again.
async fn arrived(node: &Node, mut request: Request) -> Passing {
    let client = request.headers_mut().remove(CLIENT_HEADER);
    request.headers_mut().remove(NODE_HEADER);
    let address = client.and_then(|client| client.to_str().ok().and_then(|client| client.parse::<IpAddr>().ok()));
    if let Some(address) = address {
        request.extensions_mut().insert(Peer(address));
    }
    match slot_of(request.uri().path(), request.headers()) {
        Some(slot) if node.place(slot) != Place::Here => {
            let mut response = changing_hands();
            response.headers_mut().insert(ELSEWHERE, HeaderValue::from_static("1"));
            Passing::Answered(response)
        }
        _ => here(node, request).await,
    }
}

/// Answered here; a token of another node's shard is asked for first.
async fn here(node: &Node, request: Request) -> Passing {
    let token = bearer(request.headers()).ok().flatten().and_then(Token::parse);
    match token {
        Some(token) if node.place(token.slot()) != Place::Here => match node.borrow_token(&token).await {
            Ok(()) => stay(node, request),
            Err(_) => Passing::Answered(changing_hands()),
        },
        _ => stay(node, request),
    }
}

/// From here on this node answers.
fn stay(node: &Node, request: Request) -> Passing {
    let stays = Stays::of(node, &request);
    Passing::Here(request, stays)
}

/// Which shard a request is about: that of the job, of the wallet that pays or owes, or of the bearer's agent.
fn slot_of(path: &str, headers: &HeaderMap) -> Option<Slot> {
    let part = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.split('/').next());
    if let Some(job) = part("/api/v1/enrich/jobs/").and_then(|id| id.parse::<JobId>().ok()) {
        return Some(job.slot());
    }
    if let Some(wallet) = part("/api/v1/debts/").and_then(|wallet| wallet.parse::<Wallet>().ok()) {
        return Some(wallet.slot());
    }
    if let Some(value) = headers.get(PAYMENT_SIGNATURE)
        && let Ok(payment) = decode_payment(value.as_bytes())
        && let Some(payer) = payment.payload.payer()
    {
        return Some(payer.slot());
    }
    // What can't be read is refused by whoever reads it.
    let token = bearer(headers).ok().flatten().and_then(Token::parse)?;
    Some(token.slot())
}

fn response(status: StatusCode, headers: &HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if !OF_THE_CONNECTION.contains(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TokenKind;

    #[test]
    fn a_request_is_about_its_job_its_payer_or_its_bearer() {
        let token = Token::new(TokenKind::Agent, Slot(77), [1; 32]);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", token.reveal()).parse().unwrap());
        assert_eq!(slot_of("/api/v1/agents/me", &headers), Some(Slot(77)));
        let job = JobId::new(Slot(5), [3; 16]);
        assert_eq!(slot_of(&format!("/api/v1/enrich/jobs/{job}/events"), &headers), Some(Slot(5)));
        assert_eq!(slot_of(&format!("/api/v1/enrich/jobs/{job}"), &HeaderMap::new()), Some(Slot(5)));
        let wallet: Wallet = "0x00000000000000000000000000000000000000aa".parse().unwrap();
        assert_eq!(slot_of(&format!("/api/v1/debts/{wallet}"), &headers), Some(wallet.slot()));
        for path in ["/healthz", "/api/v1/enrich/jobs/nonsense", "/api/v1/enrich/jobs/"] {
            assert_eq!(slot_of(path, &HeaderMap::new()), None, "{path}");
        }
    }
}
