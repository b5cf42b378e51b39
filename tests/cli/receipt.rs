//! `receipt verify` and `receipt show`: what holds is found to hold, and each thing that was changed is named.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Bought, Ended, Serving, run};

/// A folder with a poll body, the server's keys, the payload and the result, and the server's address.
struct World {
    folder: tempfile::TempDir,
    server: Serving,
    bought: Bought,
    body: Value,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Serving::start(folder.path(), &["--vendor-noop"]);
        let bearer = server.agent(folder.path(), "5");
        let bought = server.buy(&bearer, None);
        let body = server.until(&bought, "completed");
        let world = Self { folder, server, bought, body };
        world.write("poll.json", &world.body.to_string());
        world.write("receipt", world.receipt());
        world.write("payload", "{\"city\": \"Tampa\", \"business_name\": \"Acme \\u0043orp\"}\n");
        world.write("result", &serde_json::to_string_pretty(&world.body["result"]).unwrap());
        world.write("jwks.json", &world.server.get("/.well-known/jwks.json").to_string());
        world
    }

    fn receipt(&self) -> &str {
        self.body["receipt"].as_str().unwrap()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn verify(&self, arguments: &[&str]) -> Ended {
        run(self.path(), &[&["receipt", "verify"], arguments].concat())
    }

    /// With the keys from the file: exits with this code, and says this.
    fn found(&self, arguments: &[&str], code: i32, words: &str) {
        let done = self.verify(&[arguments, &["--jwks", "jwks.json"]].concat());
        assert_eq!(done.code, Some(code), "{arguments:?}: {}{}", done.out, done.err);
        assert!(done.out.contains(words) || done.err.contains(words), "{words}: {}{}", done.out, done.err);
    }
}

#[test]
fn what_holds_holds_and_what_was_changed_is_named() {
    let world = World::new();
    world.found(&["poll.json", "--payload", "payload"], 0, "The receipt holds.");
    world.found(&["receipt", "--payload", "payload", "--result", "result"], 0, "ok      result");
    let by_url = world.verify(&["receipt", "--jwks", &format!("{}/.well-known/jwks.json", world.server.public)]);
    assert_eq!(by_url.code, Some(0), "{}{}", by_url.out, by_url.err);

    world.write("other", r#"{"business_name":"Acme Corp","city":"Miami"}"#);
    world.found(&["receipt", "--payload", "other"], 1, "FAILS   payload: HASH_DIFFERS");
    world.found(&["receipt", "--result", "other"], 1, "FAILS   result: HASH_DIFFERS");
    world.found(&["receipt", "--issuer", "https://other.example"], 1, "ISSUER_DIFFERS");
    world.found(&["receipt", "--rpc", "http://127.0.0.1:9"], 1, "NO_PAYMENT");
    let mut changed = world.body.clone();
    changed["result"]["matched"] = Value::Bool(false);
    world.write("changed.json", &changed.to_string());
    world.found(&["changed.json"], 1, "FAILS   result: HASH_DIFFERS");
    let (head, tail) = world.receipt().split_at(world.receipt().len() / 2);
    let letter = if tail.starts_with('A') { 'B' } else { 'A' };
    world.write("forged", &format!("{head}{letter}{}", &tail[1..]));
    world.found(&["forged"], 1, "SIGNATURE_INVALID");
    world.write("short", head);
    world.found(&["short"], 1, "RECEIPT_MALFORMED");
    world.write("none.json", r#"{"status":"running"}"#);
    world.found(&["none.json"], 1, "it has no receipt");
    world.write("none.jwks", r#"{"keys":[]}"#);
    let unknown = world.verify(&["receipt", "--jwks", "none.jwks", "--json"]);
    let report: Value = serde_json::from_str(&unknown.out).unwrap();
    assert_eq!((unknown.code, &report["ok"], &report["findings"][0]["code"]), (Some(1), &false.into(), &"KEY_UNKNOWN".into()), "{report}");
    assert!(report["claims"].is_null(), "what isn't proven isn't shown as if it were");
}

#[test]
fn what_can_not_be_found_out_is_neither() {
    let world = World::new();
    let down = world.verify(&["receipt", "--jwks", "http://127.0.0.1:9/jwks.json"]);
    assert_eq!(down.code, Some(3), "{}{}", down.out, down.err);
    let clear = world.verify(&["receipt", "--jwks", "http://enrich.example/jwks.json"]);
    assert_eq!(clear.code, Some(1));
    assert!(clear.err.contains("must be an https URL"), "{}", clear.err);
    assert_eq!(world.verify(&["receipt"]).code, Some(2), "keys are needed");
    let shown = run(world.path(), &["receipt", "show", "receipt"]);
    assert!(shown.code == Some(0) && shown.out.starts_with("NOT VERIFIED") && shown.out.contains(&world.bought.job), "{}", shown.out);
}

/// After a kill and on other ports, with a further key: the same bytes, which the new set of keys verifies too.
#[test]
fn a_restart_and_a_rotation_change_no_receipt() {
    let World { folder, server, bought, body } = World::new();
    server.signal("KILL");
    drop(server);
    let secret = format!("2099-01-01T00:00:00Z={}", "A".repeat(43));
    let server = Serving::start(folder.path(), &["--vendor-noop", "--receipt-keys", &secret]);
    assert_eq!(server.until(&bought, "completed")["receipt"], body["receipt"]);
    let keys = server.get("/.well-known/jwks.json");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "the next one is published before it signs");
    fs::write(folder.path().join("jwks.json"), keys.to_string()).unwrap();
    let done = run(folder.path(), &["receipt", "verify", "receipt", "--jwks", "jwks.json"]);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    // One whose time has come signs what ends from then on.
    drop(server);
    let secret = format!("2020-01-01T00:00:00Z={}", "A".repeat(43));
    let server = Serving::start(folder.path(), &["--vendor-noop", "--receipt-keys", &secret]);
    let bearer = server.agent(folder.path(), "5");
    let job = server.until(&server.buy(&bearer, None), "completed");
    fs::write(folder.path().join("new"), job["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(run(folder.path(), &["receipt", "verify", "new", "--jwks", "jwks.json"]).code, Some(0));
}
