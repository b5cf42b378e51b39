//! `ENRICH_SEAL_KEY`: what a buyer sent and got can't be read in the store's files, and only with the key by the server.

use std::path::Path;

use crate::support::{Bought, Serving, run, run_with};

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const OTHER: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

/// Of the payload, the metadata, the callback's URL, the result, and the agent's name.
const CANARIES: [&str; 5] = ["Canary Joinery", "metadata-canary", "callback-canary", "+18135550142", "Tester"];

fn serve(folder: &Path, keys: &str) -> Serving {
    let list = folder.join("list.csv");
    std::fs::write(&list, "name,city,phone\nCanary Joinery,Tampa,(813) 555-0142\n").unwrap();
    assert_eq!(run(folder, &["import-directory", "list.csv", "--path", "directory"]).code, Some(0));
    let seal = format!("--seal-key={keys}");
    Serving::start(folder, &[&seal, "--directory-path=directory", "--callback-allow-loopback", "--drain-seconds=0"])
}

fn buy(server: &Serving, bearer: &str) -> Bought {
    let body = r#"{"route":"enrich/websearch","payload":{"business_name":"Canary Joinery","city":"Tampa"},
                   "metadata":{"invoice":"metadata-canary"},"callback_url":"http://127.0.0.1:9/callback-canary"}"#;
    let answer = server.call("POST", "/api/v1/enrich/jobs", bearer, body);
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    Bought { job: text("job_id"), poll_bearer: text("poll_bearer"), callback_secret: None }
}

/// Which canaries the files of the store show.
fn shown(folder: &Path) -> Vec<&'static str> {
    let files = std::fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let contents: Vec<Vec<u8>> = files.map(|path| std::fs::read(path).unwrap()).collect();
    let holds = |content: &[u8], word: &str| content.windows(word.len()).any(|window| window == word.as_bytes());
    CANARIES.into_iter().filter(|canary| contents.iter().any(|content| holds(content, canary))).collect()
}

/// T-25, T-27: in the log of a killed server as in the database of one that ended.
#[test]
fn t27_the_files_show_nothing_of_a_job() {
    for (keys, wanted) in [("", &CANARIES[..]), (KEY, &[])] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), keys);
        let bearer = server.agent(folder.path(), "10");
        let job = server.until(&buy(&server, &bearer), "completed");
        assert!(job.to_string().contains("+18135550142"), "{job}");
        // Its end is beyond a checkpoint or not: killed, the records are in the log.
        server.signal("KILL");
        drop(server);
        assert_eq!(shown(folder.path()), wanted, "after a kill");
        // Ended in order, all is in rows.
        let server = serve(folder.path(), keys);
        let bought = buy(&server, &bearer);
        server.until(&bought, "completed");
        assert_eq!(server.terminate().0.code, Some(0));
        assert_eq!(shown(folder.path()), wanted, "after an end");
        let audit = run(folder.path(), &["audit", &format!("--seal-key={keys}")]);
        assert!(audit.code == Some(0) && audit.out.contains("The books balance"), "{}{}", audit.out, audit.err);
        assert_eq!(audit.out.contains(" values are sealed with key "), !keys.is_empty(), "{}", audit.out);
    }
}

#[test]
fn another_key_or_none_is_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), KEY);
    server.agent(folder.path(), "10");
    assert_eq!(server.terminate().0.code, Some(0));
    for (keys, wanted) in [(OTHER, "is sealed with key "), ("", "is sealed with key "), ("unsealed", "is sealed with key ")] {
        for command in ["serve", "audit"] {
            let listen = ["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
            let arguments = if command == "serve" { &listen[..] } else { &["audit"] };
            let ended = run_with(folder.path(), arguments, &[("ENRICH_SEAL_KEY", keys), ("ENRICH_LOG", "off")]);
            assert_eq!(ended.code, Some(1), "{command} {keys}: {}{}", ended.out, ended.err);
            assert!(ended.err.contains(wanted) && ended.err.contains("ENRICH_SEAL_KEY"), "{command} {keys}: {}", ended.err);
            assert!(!ended.err.contains("BwcH") && !ended.err.contains("damaged"), "{command} {keys}: {}", ended.err);
        }
    }
    // With the new key in front, the old one still opens.
    let server = serve(folder.path(), &format!("{OTHER},{KEY}"));
    assert_eq!(server.terminate().0.code, Some(0));
}

/// A key that is set late: what lies there is read where the list allows it, and refused where it doesn't.
#[test]
fn a_store_from_before_the_key_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), "");
    let bearer = server.agent(folder.path(), "10");
    let early = buy(&server, &bearer);
    server.until(&early, "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    let strict = run_with(folder.path(), &["audit"], &[("ENRICH_SEAL_KEY", KEY)]);
    assert!(strict.code == Some(1) && strict.err.contains("is not sealed") && strict.err.contains("unsealed"), "{}", strict.err);
    let keys = format!("{KEY},unsealed");
    let server = serve(folder.path(), &keys);
    server.until(&early, "completed");
    server.until(&buy(&server, &bearer), "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    let audit = run_with(folder.path(), &["audit"], &[("ENRICH_SEAL_KEY", &keys)]);
    assert!(audit.out.contains(" values are sealed with nothing") && audit.out.contains(" values are sealed with key "), "{}", audit.out);
}

/// A backup and a move take values over as they lie: sealed they stay, and only who has the key can prove that the copy's books balance.
#[test]
fn what_is_sealed_stays_sealed_in_copies() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let server = serve(folder, KEY);
    let bearer = server.agent(folder, "10");
    let bought = buy(&server, &bearer);
    server.until(&bought, "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    let with = |keys: &str, arguments: &[&str]| run_with(folder, arguments, &[("ENRICH_SEAL_KEY", keys)]);
    let key = "--secret-key-file=data/secret.key";

    // Without the key the backup is whole, and says what it could not look into.
    let blind = with("", &["backup", "--to=blind.backup"]);
    assert!(
        blind.code == Some(1) && blind.err.contains("the backup is written") && blind.err.contains("is sealed with key "),
        "{}",
        blind.err
    );
    let backup = with(KEY, &["backup", "--to=a.backup"]);
    assert_eq!(backup.code, Some(0), "{}{}", backup.out, backup.err);
    for file in ["blind.backup", "a.backup"] {
        let lost = with(OTHER, &["restore", "--from", file, "--to=embedded:./lost", key]);
        assert!(lost.code == Some(1) && lost.err.contains("is sealed with key ") && lost.err.contains("ENRICH_SEAL_KEY"), "{}", lost.err);
        let unfinished = with(KEY, &["audit", "--store=embedded:./lost"]);
        assert!(unfinished.code == Some(1) && unfinished.err.contains("cut off"), "{}", unfinished.err);
        std::fs::remove_dir_all(folder.join("lost")).unwrap();
    }
    for file in ["blind", "a"] {
        let to = format!("embedded:./from-{file}/data");
        let restored = with(KEY, &["restore", "--from", &format!("{file}.backup"), "--to", &to, key]);
        assert_eq!(restored.code, Some(0), "{}{}", restored.out, restored.err);
        assert_eq!(shown(&folder.join(format!("from-{file}"))), [""; 0]);
    }
    let blind = with("", &["migrate", "--from=embedded:./data", "--to=embedded:./moved/data"]);
    assert!(blind.code == Some(1) && blind.err.contains("is sealed with key "), "{}", blind.err);
    let moved = with(KEY, &["migrate", "--from=embedded:./data", "--to=embedded:./moved/data"]);
    assert_eq!(moved.code, Some(0), "{}{}", moved.out, moved.err);
    assert_eq!(shown(&folder.join("moved")), [""; 0]);
    let seal = format!("--seal-key={KEY}");
    for store in ["--store=embedded:./moved/data", "--store=embedded:./from-a/data"] {
        let server = Serving::start(folder, &[&seal, store, "--directory-path=directory"]);
        server.until(&bought, "completed");
        server.terminate();
    }
}
