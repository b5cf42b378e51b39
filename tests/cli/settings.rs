//! Exit code 2 names the variable and says what it must be; secrets are never shown.

use crate::support::{run, run_with};

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

#[test]
fn a_setting_that_cannot_be_used_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value, wanted) in [
        ("ENRICH_LISTEN", "here", "must be an IP address and a port"),
        ("ENRICH_ADMIN_LISTEN", "0.0.0.0:0", "at least 32 bytes"),
        ("ENRICH_STORE", "redis://user:hunter2@", "must name a host"),
        ("REDIS_REQUIRE_AOF", "everysec", "must be always, or unset"),
        ("ENRICH_STORE", "./data", "must be embedded:DIR"),
        ("ENRICH_SECRET_KEY", "hunter2", "must be 32 bytes in base64"),
        ("ENRICH_SEAL_KEY", "hunter2,unsealed", "must be 32 bytes in base64"),
        ("ENRICH_ADMIN_TOKEN", "hunter2 hunter2", "must be visible ASCII"),
        ("ENRICH_PUBLIC_URL", "ftp://enrich.example", "must be an http or https URL"),
        ("ENRICH_JOB_BILL_UP_TO_MAX_USD", "1", "which is 1"),
        ("ENRICH_JOB_SLOTS", "100001", "must be a whole number from 0 to 100000"),
        ("ENRICH_SHARDS", "many", "must be a whole number from 1 to 1024"),
        ("ENRICH_CALLBACK_ALLOW_LOOPBACK", "maybe", "must be true or false"),
        ("VENDOR_WEBSITE_COST_USD", "0.0000001", "must be a whole number of micro-dollars"),
        ("VENDOR_DIRECTORY_COST_USD", "-1", "must not be negative"),
        ("JOB_RUN_SECONDS", "0", "must be a whole number from 1"),
        ("ENRICH_LOG", "a=b=c", "must be a filter"),
        ("ENRICH_LOG_FORMAT", "xml", "must be text or json"),
        ("X402_NETWORKS", "base", "must be CAIP-2 names of EVM chains"),
        ("UPTO_RELEASE", "completed", "must be settled"),
        ("UPTO_WAIVE_BELOW_USD", "1.000001", "must be from 0 to 1"),
        ("WALLET_STARTING_CREDIT_USD", "100.01", "must be from 0 to 100"),
        ("UPTO_BREAKER_LOSSES", "1001", "must be"),
        ("SETTLE_BATCH_MAX", "26", "must be a whole number from 1 to 25"),
        ("ENRICH_LEASE_MS", "499", "must be a whole number from 500 to 60000"),
        ("VENDOR_LLM_KEY", "hunter2", "must be set where VENDOR_LLM_KEY is"),
        ("VENDOR_LLM_LIMIT_NAME", "tokens", "must be max_tokens or max_completion_tokens"),
        ("VENDOR_SEARCH_KIND", "google", "must be searxng or brave"),
        ("VENDOR_SEARCH_KEY", "hunter2", "must be set where VENDOR_SEARCH_KEY is"),
    ] {
        let ended = run_with(folder.path(), &["serve", "--listen=127.0.0.1:0"][..1], &[(variable, value)]);
        assert_eq!(ended.code, Some(2), "{variable}: {}", ended.err);
        assert!(ended.err.contains(variable) || variable == "ENRICH_JOB_BILL_UP_TO_MAX_USD", "{variable}: {}", ended.err);
        assert!(ended.err.contains(wanted) && ended.err.lines().count() == 1, "{variable}: {}", ended.err);
        assert!(!ended.err.contains("hunter2") && ended.out.is_empty(), "{variable}: {}", ended.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

/// What all nodes of a shared store must agree on is asked for, in turn, and the store's own secrets are never shown.
#[test]
fn a_shared_store_asks_for_what_its_nodes_share() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "what-the-nodes-of-a-test-have-in-common";
    let mut variables = vec![("ENRICH_STORE", "redis://user:hunter2@127.0.0.1:1")];
    for next in [
        ("ENRICH_SECRET_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
        ("ENRICH_ADVERTISE_URL", "http://127.0.0.1:1"),
        ("ENRICH_NODE_SECRET", secret),
    ] {
        let ended = run_with(folder.path(), &["serve"], &variables);
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(&format!("{} must be set with a shared store", next.0)), "{}", ended.err);
        variables.push(next);
    }
    let shown = run_with(folder.path(), &["config"], &variables);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(shown.out.contains("redis://127.0.0.1:1"), "{}", shown.out);
    assert!(["hunter2", secret, "BwcH"].iter().all(|secret| !shown.out.contains(secret)), "{}", shown.out);
    let unreachable = run_with(folder.path(), &["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"], &variables);
    assert!(unreachable.code == Some(1) && !unreachable.err.contains("hunter2"), "{}", unreachable.err);
}

#[test]
fn help_is_no_fault_and_bad_usage_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "demo", "audit", "backup", "restore", "migrate", "import-directory", "agents", "config", "openapi"] {
        let help = run(folder.path(), &[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{command}");
        assert!(help.out.contains("Usage: enrich-jobs"), "{command}");
    }
    for wrong in [&["serve", "--nope"][..], &["nonsense"], &["import-directory"], &["agents", "credit", "x"], &[]] {
        assert_eq!(run(folder.path(), wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(run(folder.path(), &["agents", "list"]).code, Some(2), "without a token");
}

/// T-25: a network's own variables, which hold keys, and URLs that do.
#[test]
fn t25_networks_are_told_without_their_keys() {
    const SECRET: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    let folder = tempfile::tempdir().unwrap();
    let base = [
        ("X402_NETWORKS", "eip155:8453"),
        ("X402_EIP155_8453_RPC_URL", "https://node.example/hunter2"),
        ("X402_EIP155_8453_OPERATOR_KEYS", SECRET),
        ("X402_EIP155_8453_PAY_TO", "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    ];
    for arguments in [&["config"][..], &["config", "--json"], &["serve", "--help"], &["settler", "deploy", "--help"]] {
        let shown = run_with(folder.path(), arguments, &base);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        assert!(!shown.out.contains("hunter2") && !shown.out.contains(SECRET), "{}", shown.out);
    }
    let table = run_with(folder.path(), &["config"], &base).out;
    assert!(table.contains("node.example ") && table.contains("of 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), "{table}");
    let both = [&base[..], &[("X402_EIP155_8453_FACILITATOR_URL", "https://facilitator.example/hunter2")]].concat();
    let refused = run_with(folder.path(), &["serve"], &both);
    let wanted = "error: X402_EIP155_8453_OPERATOR_KEYS must not be set together with X402_EIP155_8453_FACILITATOR_URL\n";
    assert_eq!((refused.code, refused.err.as_str()), (Some(2), wanted));
    let other = run_with(folder.path(), &["config"], &[("X402_EIP155_1_PAY_TO", "0x")]);
    assert!(other.err.starts_with("warning: X402_EIP155_1_PAY_TO is ignored"), "{}", other.err);
}

/// T-25
#[test]
fn t25_secrets_are_masked() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("ENRICH_ADMIN_TOKEN", "hunter2-hunter2-hunter2-hunter2-"),
        ("ENRICH_SECRET_KEY", KEY),
        ("ENRICH_SEAL_KEY", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg,unsealed"),
        ("ENRICH_JOB_SLOTS", "7"),
        ("VENDOR_SEARCH_URL", "https://search.example"),
        ("VENDOR_SEARCH_KEY", "hunter2-of-the-search"),
        ("VENDOR_LLM_URL", "https://llm.example/v1"),
        ("VENDOR_LLM_KEY", "hunter2-of-the-model"),
        ("VENDOR_LLM_MODEL", "small"),
        ("VENDOR_LLM_INPUT_USD_PER_MTOK", "0.15"),
        ("VENDOR_LLM_OUTPUT_USD_PER_MTOK", "0.60"),
    ];
    for arguments in [&["config"][..], &["config", "--json"], &["config", "--help"], &["serve", "--help"]] {
        let shown = run_with(folder.path(), arguments, &variables);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        assert!(!shown.out.contains("hunter2") && !shown.out.contains(KEY) && !shown.out.contains("CAgI"), "{}", shown.out);
    }
    let table = run_with(folder.path(), &["config", "--listen", "127.0.0.1:1"], &variables).out;
    let has = |words: &[&str]| table.lines().any(|line| line.split_whitespace().eq(words.iter().copied()));
    assert!(has(&["ENRICH_ADMIN_TOKEN", "********", "environment"]), "{table}");
    assert!(has(&["ENRICH_SECRET_KEY", "********", "environment"]), "{table}");
    assert!(has(&["ENRICH_SEAL_KEY", "********", "environment"]), "{table}");
    assert!(has(&["ENRICH_JOB_SLOTS", "7", "environment"]), "{table}");
    assert!(has(&["VENDOR_SEARCH_KEY", "********", "environment"]), "{table}");
    assert!(has(&["VENDOR_LLM_KEY", "********", "environment"]), "{table}");
    assert!(has(&["VENDOR_LLM_URL", "https://llm.example/v1", "environment"]), "{table}");
    assert!(has(&["ENRICH_LISTEN", "127.0.0.1:1", "flag"]), "{table}");
    assert!(has(&["ENRICH_PUBLIC_URL", "http://127.0.0.1:1", "derived"]), "{table}");
    assert!(has(&["VENDOR_DIRECTORY_COST_USD", "0.01", "default"]), "{table}");
    assert!(table.contains("make max_timeout_seconds 1200."), "{table}");
    let misspelled = run_with(folder.path(), &["config"], &[("ENRICH_JOB_SLOT", "7")]);
    assert_eq!(misspelled.err, "warning: ENRICH_JOB_SLOT is ignored: there is no such setting\n");
    let json: serde_json::Value = serde_json::from_str(&run(folder.path(), &["config", "--json"]).out).unwrap();
    assert_eq!(json["max_timeout_seconds"], 1200);
    assert_eq!(json["settings"][0]["variable"], "ENRICH_LISTEN");
}
