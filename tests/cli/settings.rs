//! Exit code 2 names the variable and says what it must be; secrets are never shown.

use crate::support::{run, run_with};

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

#[test]
fn a_setting_that_cannot_be_used_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value, wanted) in [
        ("ENRICH_LISTEN", "here", "must be an IP address and a port"),
        ("ENRICH_ADMIN_LISTEN", "0.0.0.0:0", "at least 32 bytes"),
        ("ENRICH_STORE", "redis://user:hunter2@host", "must be embedded:DIR"),
        ("ENRICH_STORE", "./data", "must be embedded:DIR"),
        ("ENRICH_SECRET_KEY", "hunter2", "must be 32 bytes in base64"),
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
        ("X402_NETWORKS", "eip155:8453", "this version has no x402 payments yet"),
        ("VENDOR_LLM_URL", "http://llm.example", "this version has no language model yet"),
    ] {
        let ended = run_with(folder.path(), &["serve", "--listen=127.0.0.1:0"][..1], &[(variable, value)]);
        assert_eq!(ended.code, Some(2), "{variable}: {}", ended.err);
        assert!(ended.err.contains(variable) || variable == "ENRICH_JOB_BILL_UP_TO_MAX_USD", "{variable}: {}", ended.err);
        assert!(ended.err.contains(wanted) && ended.err.lines().count() == 1, "{variable}: {}", ended.err);
        assert!(!ended.err.contains("hunter2") && ended.out.is_empty(), "{variable}: {}", ended.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

#[test]
fn help_is_no_fault_and_bad_usage_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "demo", "audit", "import-directory", "agents", "config", "openapi"] {
        let help = run(folder.path(), &[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{command}");
        assert!(help.out.contains("Usage: enrich-jobs"), "{command}");
    }
    for wrong in [&["serve", "--nope"][..], &["nonsense"], &["import-directory"], &["agents", "credit", "x"], &[]] {
        assert_eq!(run(folder.path(), wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(run(folder.path(), &["agents", "list"]).code, Some(2), "without a token");
}

/// T-25
#[test]
fn t25_secrets_are_masked() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("ENRICH_ADMIN_TOKEN", "hunter2-hunter2-hunter2-hunter2-"), ("ENRICH_SECRET_KEY", KEY), ("ENRICH_JOB_SLOTS", "7")];
    for arguments in [&["config"][..], &["config", "--json"], &["config", "--help"], &["serve", "--help"]] {
        let shown = run_with(folder.path(), arguments, &variables);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        assert!(!shown.out.contains("hunter2") && !shown.out.contains(KEY), "{}", shown.out);
    }
    let table = run_with(folder.path(), &["config", "--listen", "127.0.0.1:1"], &variables).out;
    let has = |words: &[&str]| table.lines().any(|line| line.split_whitespace().eq(words.iter().copied()));
    assert!(has(&["ENRICH_ADMIN_TOKEN", "********", "environment"]), "{table}");
    assert!(has(&["ENRICH_SECRET_KEY", "********", "environment"]), "{table}");
    assert!(has(&["ENRICH_JOB_SLOTS", "7", "environment"]), "{table}");
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
