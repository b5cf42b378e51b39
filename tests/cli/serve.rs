//! A server's life: ready, alone on its store, and over in time after a signal.

use std::time::Duration;

use crate::support::{ADMIN_TOKEN, Serving, run};

/// A vendor that doesn't answer while a test runs.
const STUCK: &[&str] = &["--vendor-noop", "--noop-delay-ms=600000"];

#[test]
fn port_0_is_picked_and_said_and_sigterm_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(folder.path(), &["--vendor-noop"]);
    assert_eq!(server.said.lines().count(), 1, "the token was given, so it isn't told: {}", server.said);
    assert!(!server.public.ends_with(":0") && !server.admin.ends_with(":0"), "{}", server.said);
    let bearer = server.agent(folder.path(), "2.50");
    let job = server.until(&server.buy(&bearer, None), "completed");
    assert_eq!(job["charged_usd"].to_string(), "0.01");
    let listed = server.agents(folder.path(), &["list"]);
    assert!(listed.out.contains("Tester") && listed.out.contains("$2.49"), "{}", listed.out);
    let (ended, took) = server.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_token_is_made_and_told_where_none_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let command = crate::support::command(folder.path(), &["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    let server = Serving::of(command, "enrich-jobs is ready: ");
    let told = server.said.lines().next().unwrap().to_owned();
    let token = told.strip_prefix("admin token, made for this run").unwrap().rsplit(' ').next().unwrap();
    assert_eq!(token.len(), 64);
    let variables = [("ENRICH_ADMIN_URL", server.admin.as_str()), ("ENRICH_ADMIN_TOKEN", token)];
    assert_eq!(crate::support::run_with(folder.path(), &["agents", "list"], &variables).code, Some(0));
    let (ended, _) = server.terminate();
    assert!(!ended.err.contains(token), "told, and not logged");
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Serving::start(folder.path(), &[]);
    let second = run(folder.path(), &["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.err.ends_with("error: ./data is in use by another process; stop it, or give this one its own folder\n"),
        "{}",
        second.err
    );
}

#[test]
fn a_taken_port_is_said_by_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(folder.path(), &["serve", "--listen", &address, "--admin-listen=127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains(&format!("can't listen on {address} (ENRICH_LISTEN)")), "{}", ended.err);
}

/// CP-28: a job that runs is given a while, and is left to the next start.
#[test]
fn cp28_sigterm_with_a_running_job_ends_in_time_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(folder.path(), STUCK);
    let bearer = server.agent(folder.path(), "10");
    let bought = server.buy(&bearer, None);
    server.until(&bought, "running");
    let (ended, took) = server.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(took < Duration::from_secs(10), "{took:?}");
    let server = Serving::start(folder.path(), &["--vendor-noop"]);
    assert_eq!(server.until(&bought, "completed")["charged_usd"].to_string(), "0.01");
    assert_eq!(run(folder.path(), &["audit"]).code, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(folder.path(), STUCK);
    let bearer = server.agent(folder.path(), "10");
    server.until(&server.buy(&bearer, None), "running");
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    server.signal("INT");
    let (ended, took) = server.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("ended at once by a second signal"), "{}", ended.err);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// T-25, I-18: no secret in the log, however much is logged, nor in the store's files.
#[test]
fn t25_no_secret_is_logged_or_stored() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--vendor-noop", "--log=trace", "--callback-allow-loopback", "--drain-seconds=0"];
    let server = Serving::start(folder.path(), &arguments);
    let bearer = server.agent(folder.path(), "10");
    let bought = server.buy(&bearer, Some("http://127.0.0.1:9/hidden-path?token=hidden-query"));
    server.until(&bought, "completed");
    let (ended, _) = server.terminate();
    assert!(ended.err.contains("shutting down"), "{}", ended.err);
    let secret = bought.callback_secret.unwrap();
    for (name, canary) in [("admin token", ADMIN_TOKEN), ("bearer", &bearer), ("poll bearer", &bought.poll_bearer), ("secret", &secret)] {
        assert!(!ended.err.contains(canary), "the {name} is in the log");
        for file in ["store.db", "store.db-wal"] {
            let bytes = std::fs::read(folder.path().join("data").join(file)).unwrap_or_default();
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "the {name} is in {file}");
        }
    }
    assert!(!ended.err.contains("hidden-path") && !ended.err.contains("hidden-query"), "a callback's URL is in the log");
}
