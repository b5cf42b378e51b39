use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::cdp::NotACdpKey;
use super::*;
use crate::billing::x402::messages::Requirements;
use crate::clock::{SystemClock, SystemRandom};
use crate::net::fixture::{Reply as Scripted, Server, deaf};
use crate::types::Timestamp;

const NETWORK: Network = Network::Eip155(8453);
const TX: &str = "0xabababababababababababababababababababababababababababababababab";

fn client(url: &str, cdp: Option<CdpKey>) -> Facilitator {
    let settings = FacilitatorSettings {
        url: url.parse().unwrap(),
        cdp,
        timeout: Duration::from_millis(300),
        settle_timeout: Duration::from_millis(300),
        supported_for: Duration::from_mins(1),
    };
    Facilitator::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

fn requirements() -> Requirements {
    serde_json::from_value(json!({
        "scheme": "upto", "network": "eip155:8453", "amount": "7", "maxTimeoutSeconds": 1200,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "payTo": "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002",
    }))
    .unwrap()
}

fn http(status: &str, headers: &str, body: &str) -> Scripted {
    Scripted::Text(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

async fn settle(reply: Scripted) -> Settlement {
    let server = Server::start(reply).await;
    let requirements = requirements();
    let request = FacilitatorRequest::new(r#"{"x402Version":2}"#, &requirements).unwrap();
    client(&server.url("/x402/"), None).settle(&request, NETWORK).await
}

/// F-F1, T-19, C9: every way in which a settle can go wrong, and what it is worth.
#[tokio::test]
async fn ff1_three_values() {
    let tx = TxHash([0xab; 32]);
    let unknown = Settlement::Unknown { retry_after: None };
    let refused = |reason: &str| Settlement::Refused(reason.into());
    for (body, wanted) in [
        (json!({"success": true, "transaction": TX, "network": "eip155:8453", "amount": "7"}), Settlement::Claimed(tx)),
        (json!({"success": true, "transaction": TX}), Settlement::Claimed(tx)),
        (json!({"success": true, "transaction": "", "network": "eip155:8453"}), unknown.clone()),
        (json!({"success": true}), unknown.clone()),
        (json!({"success": true, "transaction": "0xab"}), unknown.clone()),
        (json!({"success": true, "transaction": TX, "network": "eip155:1"}), unknown.clone()),
        (json!({"success": false, "errorReason": "settlement_pending", "transaction": TX}), Settlement::Pending(tx)),
        (json!({"success": false, "errorReason": "settlement_pending", "transaction": ""}), unknown.clone()),
        (
            json!({"success": false, "errorReason": "permit2_insufficient_balance", "transaction": ""}),
            refused("permit2_insufficient_balance"),
        ),
        (json!({"success": false, "errorReason": "permit2_insufficient_balance"}), refused("permit2_insufficient_balance")),
        (json!({"success": false, "errorReason": "permit2_insufficient_balance", "transaction": TX}), unknown.clone()),
        (json!({"success": false, "errorReason": "invalid_upto_evm_transaction_failed"}), unknown.clone()),
        (json!({"success": false, "errorReason": "unexpected_settle_error"}), unknown.clone()),
        (json!({"success": false}), unknown.clone()),
        (json!({"success": "yes"}), unknown.clone()),
        (json!([]), unknown.clone()),
    ] {
        assert_eq!(settle(http("200 OK", "", &body.to_string())).await, wanted, "{body}");
    }
    let refusal = json!({"success": false, "errorReason": "invalid_payload"}).to_string();
    assert_eq!(settle(http("400 Bad", "", &refusal)).await, refused("invalid_payload"));
    assert_eq!(settle(http("502 Bad", "", &refusal)).await, unknown, "who answers 5xx doesn't know either");
    assert_eq!(settle(http("401 No", "", "who are you")).await, unknown);
    assert_eq!(settle(http("302 Go", "location: http://127.0.0.1:1/\r\n", "")).await, unknown);
    assert_eq!(settle(http("200 OK", "", "<html>")).await, unknown);
    assert_eq!(settle(Scripted::text("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"success\":true")).await, unknown);
    assert_eq!(settle(Scripted::text("nonsense")).await, unknown);
    assert_eq!(settle(Scripted::Hang).await, unknown);
    assert_eq!(settle(Scripted::Flood { head: "HTTP/1.1 200 OK\r\n\r\n", bytes: "{\"a\":" }).await, unknown);
    assert_eq!(settle(http("429 Slow", "retry-after: 7\r\n", "")).await, Settlement::Unknown { retry_after: Some(Duration::from_secs(7)) });
    assert_eq!(
        settle(http("429 Slow", "retry-after: 9999\r\n", "")).await,
        Settlement::Unknown { retry_after: Some(Duration::from_mins(2)) }
    );
    assert_eq!(settle(http("429 Slow", "", "")).await, Settlement::Unknown { retry_after: Some(Duration::from_secs(5)) });
    let (_held, address) = deaf();
    let requirements = requirements();
    let request = FacilitatorRequest::new("{}", &requirements).unwrap();
    assert_eq!(client(&format!("http://{address}"), None).settle(&request, NETWORK).await, unknown);
}

#[tokio::test]
async fn what_it_supports_is_asked_once() {
    let address = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
    let body = json!({"kinds": [
        {"x402Version": 2, "scheme": "exact", "network": "eip155:1"},
        {"x402Version": 2, "scheme": "upto", "network": "eip155:8453", "extra": {"facilitatorAddress": address}},
    ]});
    let server = Server::start(http("200 OK", "", &body.to_string())).await;
    let client = client(&server.url("/platform/v2/x402"), None);
    assert_eq!(client.upto_address(NETWORK).await, Ok(address.parse().unwrap()));
    assert_eq!(client.upto_address(Network::Eip155(1)).await, Err(NotOfferable::NoUpto));
    assert_eq!(server.connections(), 1);
    assert!(server.requests()[0].starts_with("GET /platform/v2/x402/supported HTTP/1.1"));
    let silent = Server::start(http("503 No", "", "")).await;
    let silence = Silence::Unanswered("server_error");
    assert_eq!(super::tests::client(&silent.url("/"), None).upto_address(NETWORK).await, Err(NotOfferable::Silent(silence)));
}

#[tokio::test]
async fn a_verification_is_a_yes_a_no_or_silence() {
    for (reply, wanted) in [
        (http("200 OK", "", r#"{"isValid":true,"payer":"0x00"}"#), Ok(Verification::Valid)),
        (http("200 OK", "", r#"{"isValid":false,"invalidReason":"why"}"#), Ok(Verification::Invalid("why".into()))),
        (http("400 No", "", r#"{"isValid":false}"#), Ok(Verification::Invalid("unexpected_verify_error".into()))),
        (http("404 No", "", ""), Err(Silence::Rejected(404))),
        (http("500 No", "", ""), Err(Silence::Unanswered("server_error"))),
        (Scripted::Hang, Err(Silence::Unanswered("timed_out"))),
    ] {
        let server = Server::start(reply).await;
        let requirements = requirements();
        let request = FacilitatorRequest::new(r#"{"a":1}"#, &requirements).unwrap();
        assert_eq!(client(&server.url(""), None).verify(&request).await, wanted);
        assert!(server.requests()[0].starts_with("POST /verify HTTP/1.1"));
        assert!(server.requests()[0].contains(r#""paymentPayload":{"a":1}"#));
    }
}

/// RFC 8032, section 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn ed25519(seed: &str, public: &str) -> Result<CdpKey, NotACdpKey> {
    let bytes = hex::decode([seed, public].concat()).unwrap();
    CdpKey::new("key-id", &SecretString::from(STANDARD.encode(bytes)))
}

fn p256(file: &str) -> Result<CdpKey, NotACdpKey> {
    CdpKey::new("key-id", &SecretString::from(file))
}

const SEC1: &str = include_str!("../../../tests/golden/chain/p256-sec1.pem");
const PKCS8: &str = include_str!("../../../tests/golden/chain/p256-pkcs8.pem");
const P256_PUBLIC: &str = include_str!("../../../tests/golden/chain/p256-public.pem");

/// x402.md 9: each field of each form, read by the public key.
#[test]
fn tokens_are_what_cdp_asks_for() {
    let url: Url = "https://api.cdp.coinbase.com/platform/v2/x402/settle?a=1".parse().unwrap();
    let point = STANDARD.decode(P256_PUBLIC.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let ec = DecodingKey::from_ec_der(&point[26..]);
    let ed = DecodingKey::from_ed_der(&hex::decode(PUBLIC).unwrap());
    for (key, algorithm, public) in [
        (ed25519(SEED, PUBLIC).unwrap(), Algorithm::EdDSA, &ed),
        (p256(SEC1).unwrap(), Algorithm::ES256, &ec),
        (p256(PKCS8).unwrap(), Algorithm::ES256, &ec),
        (p256(&SEC1.replace('\n', "\\n")).unwrap(), Algorithm::ES256, &ec),
    ] {
        let mut headers = HeaderMap::new();
        key.authorize(&mut headers, "POST", &url, Timestamp::from_millis(1_700_000_000_999), [0x5a; 16]).unwrap();
        assert!(headers["authorization"].is_sensitive());
        assert!(headers["correlation-context"].to_str().unwrap().contains("source=enrich-jobs"));
        let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Value>(token, public, &validation).unwrap();
        let claims = json!({
            "iss": "cdp", "sub": "key-id", "uris": ["POST api.cdp.coinbase.com/platform/v2/x402/settle"],
            "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_120,
        });
        assert_eq!(read.claims, claims);
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
        let alg = if algorithm == Algorithm::EdDSA { "EdDSA" } else { "ES256" };
        assert_eq!(header, json!({"typ": "JWT", "alg": alg, "kid": "key-id", "nonce": "5a".repeat(16)}));
        assert_eq!(format!("{key:?}"), "CdpKey(key-id)", "T-25");
    }
}

/// Made by `PyJWT` 2.15.1 (`sort_headers=False`) from the same key and fields. Ed25519 signs the same bytes in one way only.
#[test]
fn tokens_are_those_that_others_make() {
    let url: Url = "https://api.cdp.coinbase.com/platform/v2/x402/settle".parse().unwrap();
    let mut headers = HeaderMap::new();
    let key = ed25519(SEED, PUBLIC).unwrap();
    key.authorize(&mut headers, "POST", &url, Timestamp::from_millis(1_700_000_000_000), [0x5a; 16]).unwrap();
    let golden = include_str!("../../../tests/golden/chain/cdp.jwt").trim();
    assert_eq!(headers["authorization"].to_str().unwrap(), format!("Bearer {golden}"));
}

#[test]
fn what_is_no_key() {
    for wrong in ["", "AAAA", "-----BEGIN EC PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        assert_eq!(p256(wrong).err(), Some(NotACdpKey::Form), "{wrong}");
    }
    assert_eq!(ed25519(SEED, &PUBLIC.replace("d75a", "d75b")).err(), Some(NotACdpKey::Broken), "two halves of different keys");
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    assert_eq!(p256(garbage).err(), Some(NotACdpKey::Broken));
}

/// Each call has its own token.
#[tokio::test]
async fn calls_carry_their_token() {
    let server = Server::start(http("200 OK", "", r#"{"kinds":[]}"#)).await;
    let client = client(&server.url("/v2"), Some(ed25519(SEED, PUBLIC).unwrap()));
    client.supported().await.unwrap();
    let request = server.requests()[0].clone();
    let token = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap();
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(payload["uris"], json!(["GET 127.0.0.1/v2/supported"]));
}
