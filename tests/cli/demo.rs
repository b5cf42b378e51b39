//! The demo, and the smoke script against one that serves.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Ended, Serving, command, run};

const FREE_PORTS: &[&str] = &["demo", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];

fn demo(folder: &Path, arguments: &[&str]) -> Ended {
    run(folder, &[FREE_PORTS, arguments].concat())
}

#[test]
fn it_shows_everything_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ended = demo(folder.path(), &["--exit"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    for wanted in [
        "320 invented businesses",
        "completed: match, charged $0.045",
        "completed: no match, charged $0.00",
        "directory, 1 page, stopped by its budget",
        "+18135550142",
        "round 1 of 5, $0.030 so far\n    company: Haney Furniture Co\n",
        "Ask for Ruth Haney, Owner",
        "number1: the record has (724) 555-0132, the sources say +17245550123",
        "opening $10.000 - charges $0.285 = closing $9.715: it balances.",
        "enrich.job_completed came, its signature holds",
    ] {
        assert!(ended.out.contains(wanted), "no {wanted:?} in:\n{}", ended.out);
    }
    assert!(!ended.out.contains("curl"), "it has ended, so there is nothing to go on with");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary folder is gone");
}

#[test]
fn its_books_are_sound_and_a_second_one_goes_on_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    for jobs in ["6 ended jobs", "12 ended jobs"] {
        assert_eq!(demo(folder.path(), &["--exit", "--data=here"]).code, Some(0));
        let audit = run(folder.path(), &["audit", "--store=embedded:here"]);
        assert_eq!(audit.code, Some(0), "{}{}", audit.out, audit.err);
        assert!(audit.out.contains(jobs) && audit.out.contains("The books balance"), "{}", audit.out);
    }
}

#[test]
fn usual_ports_that_are_taken_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(folder.path(), &["demo", "--exit", "--listen", &address, "--admin-listen=127.0.0.1:0"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

/// T-24: nothing is opened to others by a demo.
#[test]
fn t24_operators_come_in_by_loopback_only() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["demo", "--exit", "--admin-listen=0.0.0.0:0"]);
    assert!(ended.code == Some(2) && ended.err.contains("or listen on 127.0.0.1"), "{}", ended.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The script needs Python 3. Where there is none, `CI` makes that a failure.
#[test]
fn the_smoke_script_passes_and_a_signal_ends_the_demo() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::vars_os().all(|(name, _)| name != "CI"), "python3 is missing");
        eprintln!("skipped: install python3 to run scripts/smoke_enrich_upto_jobs.py");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::of(command(folder.path(), FREE_PORTS), "curl -s $ENRICH_ADMIN_URL");
    let word = |name: &str| server.said.split_once(name).unwrap().1.split_whitespace().next().unwrap().to_owned();
    let (base, token) = (word("BASE_URL="), word("AGENT_TOKEN="));
    let smoke = |mode: &[&str]| -> Ended {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/smoke_enrich_upto_jobs.py");
        let mut command = Command::new("python3");
        // A key that nobody has money under: no network is offered, so it signs nothing.
        command.env("BASE_URL", &base).env("AGENT_TOKEN", &token).env("BUYER_KEY", "11".repeat(32));
        command.arg(script).args(mode).output().unwrap().into()
    };
    let paid = smoke(&["--balance", "--route", "websearch"]);
    assert!(paid.code == Some(0) && paid.out.ends_with(" 0 failed\n") && !paid.out.contains("FAIL"), "{}{}", paid.out, paid.err);
    for mode in ["--anon", "--upto"] {
        let refused = smoke(&[mode]);
        assert_eq!(refused.code, Some(3), "{}{}", refused.out, refused.err);
        assert!(refused.out.contains("401 AGENT_TOKEN_REQUIRED") && refused.out.contains("no x402 networks"), "{}", refused.out);
    }
    assert_eq!(smoke(&[]).code, Some(2));
    // What it prints for an operator works as it stands, from any folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let lines = server.said.split_once("As an operator:").unwrap().1.lines().filter(|line| !line.contains("curl"));
    let script = lines.collect::<Vec<_>>().join("\n");
    let typed: Ended = Command::new("sh").args(["-ec", &script]).current_dir(elsewhere.path()).output().unwrap().into();
    assert_eq!(typed.code, Some(0), "{script}\n{}{}", typed.out, typed.err);
    assert!(typed.out.contains("Demo buyer") && typed.out.contains("The books balance"), "{}", typed.out);
    server.signal("INT");
    let (ended, _) = server.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary folder is gone");
}
