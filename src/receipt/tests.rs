//! A real receipt, and everything that somebody may do to one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::billing::PriceList;
use crate::job::{Bill, Billing, Failure, FailureCode, Hop, HopOutcome, Spec, Status};
use crate::types::{AgentId, JobId, Route, ServerKey, Slot, Timestamp, Usd};

const ENDED: i64 = 1_795_000_000_123;
const ISSUER: &str = "https://enrich.example";

fn ended() -> Job {
    let spec = Spec {
        id: JobId::new(Slot(7), [3; 16]),
        billing: Billing::Virtual { agent: AgentId::in_slot(Slot(7), [1; 16]), key: None },
        route: Route::Websearch,
        payload: r#"{"business_name": "Acme", "max_results": 3.0}"#.into(),
        ceiling: Usd::from_micros(1_500_000),
        price: PriceList::default().websearch,
        callback_url: None,
        metadata: Box::default(),
        created_at: Timestamp::from_millis(ENDED - 5_000),
        run_ms: 1,
        payment: None,
        buyer: None,
        session: None,
    };
    let mut job = Job::accepted(Arc::new(spec));
    job.hops = [("directory", 1_250, HopOutcome::Found), (Hop::NOTE, 0, HopOutcome::Found), ("website", 0, HopOutcome::Cached)]
        .map(|(tool, cost, outcome)| {
            let (cost, at) = (Usd::from_micros(cost), Timestamp::from_millis(ENDED - 1_000));
            Arc::new(Hop { tool: tool.into(), fingerprint: 1, cost, outcome, answer: "{}".into(), at })
        })
        .into();
    job.state.status = Status::Completed;
    job.state.ended_at = Some(Timestamp::from_millis(ENDED));
    job.state.bill = Some(Bill { charged: Usd::from_micros(1_250), refunded: Some(Usd::from_micros(1_498_750)) });
    job.state.result = Some(r#"{"matched":true,"business":null}"#.into());
    job
}

fn signer(secret: u8, later: &[(i64, u8)]) -> Receipts {
    let later: Vec<_> = later.iter().map(|(at, byte)| (Timestamp::from_millis(*at), ServerKey::new([*byte; 32]))).collect();
    Receipts::new(Keyring::new(&ServerKey::new([secret; 32]), &later).unwrap(), Some(ISSUER))
}

#[test]
fn a_receipt_says_what_the_job_was_and_cost() {
    let receipts = signer(1, &[]);
    let claims = jws::verify(&receipts.of(&ended()).unwrap(), &receipts.jwks()).unwrap();
    let wanted = serde_json::json!({
        "v": 1,
        "iss": ISSUER,
        "iat": 1_795_000_000,
        "job_id": ended().spec.id.to_string(),
        "route": "enrich/websearch",
        "status": "completed",
        "error": null,
        "billing_mode": "virtual_balance",
        "payload_hash": hash::of(r#"{"max_results":3,"business_name":"Acme"}"#),
        "result_hash": hash::of(r#"{"billed":true,"matched":true,"business":null}"#),
        "hops": [
            {"tool": "directory", "calls": 1, "cost_micro_usd": "1250"},
            {"tool": "website", "calls": 0, "cost_micro_usd": "0"},
        ],
        "ceiling_micro_usd": "1500000",
        "charged_micro_usd": "1250",
        "refunded_micro_usd": "1498750",
        "payment": null,
    });
    assert_eq!(serde_json::json!(claims), wanted);
}

/// The stored job, the keys and the URL are all that goes in: the same ones make the same bytes.
#[test]
fn it_is_the_same_text_whoever_makes_it() {
    assert_eq!(signer(1, &[]).of(&ended()), signer(1, &[]).of(&ended()));
    let stored = crate::shard::codec::decode(&crate::shard::codec::encode(&ended())).unwrap();
    assert_eq!(signer(1, &[]).of(&stored), signer(1, &[]).of(&ended()));
}

#[test]
fn without_a_public_url_the_key_signs_in_its_own_name() {
    let receipts = Receipts::new(Keyring::new(&ServerKey::new([1; 32]), &[]).unwrap(), None);
    let claims = jws::verify(&receipts.of(&ended()).unwrap(), &receipts.jwks()).unwrap();
    assert_eq!(claims.iss, format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{}", receipts.jwks().keys[0].kid));
}

#[test]
fn a_job_that_is_not_over_has_none() {
    for status in Status::ALL {
        let mut job = ended();
        job.state.status = status;
        assert_eq!(signer(1, &[]).of(&job).is_some(), status.is_ended(), "{status:?}");
    }
}

#[test]
fn a_failure_names_its_code_and_what_it_charged_for() {
    let receipts = signer(1, &[]);
    let mut job = ended();
    job.state.status = Status::Failed;
    job.state.failure = Some(Failure { code: FailureCode::Cancelled, message: "".into() });
    let claims = jws::verify(&receipts.of(&job).unwrap(), &receipts.jwks()).unwrap();
    assert_eq!((claims.error.as_deref(), claims.result_hash.is_some()), (Some("CANCELLED"), true));
    job.state.bill = Some(Bill { charged: Usd::ZERO, refunded: Some(job.spec.ceiling) });
    let claims = jws::verify(&receipts.of(&job).unwrap(), &receipts.jwks()).unwrap();
    assert_eq!(claims.result_hash, None, "what isn't shown has no hash");
}

/// The seed is HKDF-SHA256 as others compute it. From Node: `hkdfSync` with no salt, and the Ed25519 key of that seed.
#[test]
fn the_key_is_the_one_that_others_derive() {
    let jwks = signer(1, &[]).jwks();
    assert_eq!(jwks.keys.len(), 1);
    assert_eq!(jwks.keys[0].x, "6YHrFDWygHXjFTpeA4S18rsT-wyqn3q0FxvdnBubvYI");
    // RFC 8037, appendix A.3.
    assert_eq!(keys::thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/// Which key signs follows from the job's end, so a rotation changes no receipt of before, and those still verify.
#[test]
fn a_rotation_changes_nothing_that_was_signed() {
    let before = signer(1, &[]);
    let after = signer(1, &[(ENDED + 1, 2)]);
    let old = before.of(&ended()).unwrap();
    assert_eq!(after.of(&ended()).unwrap(), old);
    let mut younger = ended();
    younger.state.ended_at = Some(Timestamp::from_millis(ENDED + 1));
    let new = after.of(&younger).unwrap();
    assert_eq!(jws::unverified(&new).unwrap().0, after.jwks().keys[0].kid, "the newest is listed first");
    for text in [&old, &new] {
        jws::verify(text, &after.jwks()).unwrap();
    }
    assert!(matches!(jws::verify(&new, &before.jwks()), Err(Fault::UnknownKey(_))));
    // The server's own secret was replaced as well, and the old one listed: nothing changes either.
    let replaced = signer(2, &[(0, 1), (ENDED + 1, 2)]);
    assert_eq!((replaced.of(&ended()), replaced.of(&younger)), (Some(old), Some(new)));
    assert_eq!(replaced.jwks().keys.len(), 2, "no key twice");
}

#[test]
fn another_key_under_a_known_name_proves_nothing() {
    let receipts = signer(1, &[]);
    let forged = signer(9, &[]).of(&ended()).unwrap();
    assert!(matches!(jws::verify(&forged, &receipts.jwks()), Err(Fault::UnknownKey(_))));
    let mut keys = receipts.jwks();
    keys.keys[0].x = signer(9, &[]).jwks().keys[0].x.clone();
    assert!(jws::verify(&receipts.of(&ended()).unwrap(), &keys).is_err());
    assert_eq!(keys.find(&keys.keys[0].kid), None, "a name is the thumbprint of its key");
}

/// What else the key may once sign is no receipt, and nobody picks the algorithm but us.
#[test]
fn another_head_is_refused_though_it_is_signed() {
    let receipts = signer(1, &[]);
    let key = receipts.0.keys.at(Timestamp::from_millis(ENDED));
    let claims = serde_json::to_string(&Claims::of(&ended(), ISSUER.to_owned()).unwrap()).unwrap();
    let signed = |head: &str, claims: &str| {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
    };
    let head = |alg: &str, typ: &str, more: &str| format!(r#"{{"alg":"{alg}","kid":"{}","typ":"{typ}"{more}}}"#, key.kid());
    let verified = |head: &str| jws::verify(&signed(head, &claims), &receipts.jwks());
    assert!(verified(&head("EdDSA", "enrich-receipt+jwt", "")).is_ok());
    for wrong in [head("none", "enrich-receipt+jwt", ""), head("EdDSA", "JWT", ""), head("EdDSA", "enrich-receipt+jwt", r#","crit":["x"]"#)]
    {
        assert_eq!(verified(&wrong), Err(Fault::Head), "{wrong}");
    }
    let later = claims.replacen("\"v\":1", "\"v\":2", 1);
    let of_later = jws::verify(&signed(&head("EdDSA", "enrich-receipt+jwt", ""), &later), &receipts.jwks());
    assert!(matches!(of_later, Err(Fault::Claims(_))), "{of_later:?}");
}

/// Every bit of every byte, every letter of the alphabet at the end of each part, and every other way to write the same bytes.
#[test]
fn no_other_text_verifies() {
    let receipts = signer(1, &[]);
    let (text, keys) = (receipts.of(&ended()).unwrap(), receipts.jwks());
    jws::verify(&text, &keys).unwrap();
    let mut tried = 0;
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes);
            assert!(changed.is_err() || jws::verify(&changed.unwrap(), &keys).is_err(), "byte {at}, bit {bit}");
            tried += 1;
        }
    }
    assert_eq!(tried, text.len() * 8);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
    let ends: Vec<_> = text.match_indices('.').map(|(at, _)| at - 1).chain([text.len() - 1]).collect();
    for end in ends {
        for letter in alphabet.chars().filter(|letter| !text[end..].starts_with(*letter)) {
            let changed = format!("{}{letter}{}", &text[..end], &text[end + 1..]);
            assert!(jws::verify(&changed, &keys).is_err(), "{letter} at {end}");
        }
    }
    for changed in
        [format!("{text}="), format!("{text}=="), format!(" {text}"), format!("{text}\n"), text.replacen('.', "..", 1), format!("{text}.")]
    {
        assert!(jws::verify(&changed, &keys).is_err(), "{changed}");
    }
}

proptest! {
    /// Any byte changed into any other, cut off, doubled, or put in.
    #[test]
    fn no_changed_receipt_verifies(at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0_u8..4) {
        let receipts = signer(1, &[]);
        let text = receipts.of(&ended()).unwrap();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => { bytes.remove(at); }
            2 => bytes.insert(at, byte),
            _ => bytes.truncate(at),
        }
        prop_assume!(bytes != text.as_bytes());
        let changed = String::from_utf8_lossy(&bytes);
        prop_assert!(jws::verify(&changed, &receipts.jwks()).is_err());
    }
}
