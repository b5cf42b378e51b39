//! `migrate`, `backup` and `restore` with the real binary: nothing is lost, nothing is served twice.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::redis_server::RedisServer;
use crate::support::{ADMIN_TOKEN, Bought, Ended, Serving, command, run, run_with};

/// 32 bytes in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const NODE_SECRET: &str = "what-the-nodes-of-a-test-have-in-common";

fn serve_on(folder: &Path, redis: &RedisServer, key: &str, more: &[&str]) -> Command {
    let mut command = command(
        folder,
        &[&["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--vendor-noop", "--lease-ms=1000"], more].concat(),
    );
    command.envs([
        ("ENRICH_STORE", redis.url().as_str()),
        ("ENRICH_ADMIN_TOKEN", ADMIN_TOKEN),
        ("ENRICH_SECRET_KEY", key),
        ("ENRICH_NODE_SECRET", NODE_SECRET),
        ("ENRICH_ADVERTISE_URL", "http://127.0.0.1:1"),
        ("REDIS_REQUIRE_AOF", "always"),
    ]);
    command
}

fn serving_on(folder: &Path, redis: &RedisServer, key: &str) -> Serving {
    Serving::of(serve_on(folder, redis, key, &[]), "enrich-jobs is ready: ")
}

fn refused(folder: &Path, redis: &RedisServer) -> String {
    let ended: Ended = serve_on(folder, redis, KEY, &[]).output().unwrap().into();
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    ended.err
}

fn done(ended: &Ended) -> &Ended {
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    ended
}

/// What the audit counts, without where the store is.
fn books(folder: &Path, store: &str) -> String {
    let audited = run(folder, &["audit", "--store", store]);
    done(&audited);
    audited.out.lines().skip(1).collect::<Vec<_>>().join("\n")
}

fn base64_of(file: &Path) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(std::fs::read(file).unwrap())
}

/// With jobs that have ended and one that still waits.
fn filled(folder: &Path) -> (String, Vec<Bought>, Bought) {
    let server = Serving::start(folder, &["--vendor-noop"]);
    let bearer = server.agent(folder, "20");
    let ended: Vec<_> = (0..5).map(|_| server.buy(&bearer, None)).collect();
    for job in &ended {
        server.until(job, "completed");
    }
    server.terminate();
    let server = Serving::start(folder, &["--vendor-noop", "--job-slots=0"]);
    let waiting = server.buy(&bearer, None);
    assert_eq!(server.terminate().0.code, Some(0));
    (bearer, ended, waiting)
}

/// I-20, there and back: what was bought is still there under the same bearers, what waited is run, and one place serves.
#[test]
fn a_store_moves_into_redis_and_back() {
    let (place, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let folder = place.path();
    let (bearer, ended, waiting) = filled(folder);
    let (url, wanted) = (redis.url(), books(folder, "embedded:./data"));
    let migrate = ["migrate", "--from=embedded:./data", "--to", &url];

    let server = Serving::start(folder, &["--vendor-noop", "--job-slots=0"]);
    let beside = run(folder, &migrate);
    assert!(beside.code == Some(1) && beside.err.contains("in use by another process"), "{}", beside.err);
    server.terminate();
    let moved = run(folder, &migrate);
    done(&moved);
    let key = base64_of(&folder.join("data/secret.key"));
    assert!(moved.out.contains("bit by bit") && moved.out.contains("ENRICH_SECRET_KEY") && !moved.out.contains(&key), "{}", moved.out);
    assert_eq!(books(folder, &url), wanted);
    let old = run(folder, &["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    assert!(old.code == Some(1) && old.err.contains("it was moved to redis://"), "{}", old.err);
    let again = run(folder, &migrate);
    assert!(
        again.code == Some(1) && again.err.contains("a store in it already") && again.err.contains("stays out of use"),
        "{}",
        again.err
    );

    let server = serving_on(folder, &redis, &key);
    server.until(&waiting, "completed");
    for job in &ended {
        server.until(job, "completed");
    }
    let more = server.buy(&bearer, None);
    server.until(&more, "completed");
    let beside = run(folder, &["migrate", "--from", &url, "--to=embedded:./back", "--secret-key-file=data/secret.key"]);
    assert!(beside.code == Some(1) && beside.err.contains("stop all nodes"), "{}", beside.err);
    let sold = server.buy(&bearer, None);
    server.until(&sold, "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    let wanted = books(folder, &url);
    let no_key = run(folder, &["migrate", "--from", &url, "--to=embedded:./back"]);
    assert!(no_key.code == Some(2) && no_key.err.contains("ENRICH_SECRET_KEY"), "{}", no_key.err);
    done(&run_with(folder, &["migrate", "--from", &url, "--to=embedded:./back"], &[("ENRICH_SECRET_KEY", &key)]));
    assert_eq!(books(folder, "embedded:./back"), wanted);
    assert_eq!(base64_of(&folder.join("back/secret.key")), key);
    assert!(refused(folder, &redis).contains("it was moved to embedded:./back"));
    let server = Serving::start(folder, &["--vendor-noop", "--store=embedded:./back"]);
    for job in ended.iter().chain([&waiting, &more, &sold]) {
        server.until(job, "completed");
    }
    server.terminate();
}

/// Killed at any moment, a move leaves at most one store in use, and the next attempt brings it to its end.
#[test]
fn a_move_that_is_killed_leaves_one_store_or_none() {
    let (place, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let folder = place.path();
    let (_, _, waiting) = filled(folder);
    let (url, wanted) = (redis.url(), books(folder, "embedded:./data"));
    let migrate = ["migrate", "--from=embedded:./data", "--to", &url];
    let (mut cut_off, mut wait) = (0, Duration::from_millis(4));
    loop {
        let mut child = command(folder, &migrate).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        child.kill().ok();
        let ended = child.wait().unwrap();
        let in_use = [folder.join("data/moved-to").exists(), redis.cli(&["HEXISTS", "enrich:store", "ready"]) != "1"];
        assert!(in_use.contains(&true), "both stores can be served");
        if redis.cli(&["HEXISTS", "enrich:store", "filling"]) == "1" {
            cut_off += 1;
            assert!(refused(folder, &redis).contains("cut off"));
        }
        if ended.success() {
            break;
        }
        wait = wait.saturating_mul(5) / 4;
        assert!(wait < Duration::from_secs(20), "it never ends");
        if redis.cli(&["HEXISTS", "enrich:store", "ready"]) == "1" {
            break;
        }
    }
    assert!(cut_off > 1, "it was never killed midway");
    assert_eq!(books(folder, &url), wanted);
    let server = serving_on(folder, &redis, &base64_of(&folder.join("data/secret.key")));
    server.until(&waiting, "completed");
    server.terminate();
}

/// Beside a server at work, and into both kinds; what isn't whole is refused.
#[test]
fn a_backup_is_of_one_moment_and_can_be_restored() {
    let (place, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let folder = place.path();
    let server = Serving::start(folder, &["--vendor-noop"]);
    let bearer = server.agent(folder, "50");
    let mut bought = Vec::new();
    for n in 0..4 {
        bought.push(server.buy(&bearer, None));
        done(&run(folder, &["backup", "--to", &format!("{n}.backup")]));
    }
    for job in &bought {
        server.until(job, "completed");
    }
    std::fs::create_dir(folder.join("backups")).unwrap();
    let named = run(folder, &["backup", "--to=backups"]);
    done(&named);
    let file = std::fs::read_dir(folder.join("backups")).unwrap().next().unwrap().unwrap();
    let from = format!("backups/{}", file.file_name().to_str().unwrap());
    server.terminate();
    assert!(run(folder, &["backup", "--to=0.backup"]).err.contains("never replaces"));

    let (url, key) = (redis.url(), ["--secret-key-file=data/secret.key"]);
    for n in 0..4 {
        let to = format!("embedded:./restored-{n}");
        done(&run(folder, &[&["restore", "--from", &format!("{n}.backup"), "--to", &to], &key[..]].concat()));
        assert!(books(folder, &to).contains("1 agents"));
        let again = run(folder, &[&["restore", "--from", &from, "--to", &to], &key[..]].concat());
        assert!(again.code == Some(1) && again.err.contains("a store in it already"), "{}", again.err);
    }
    assert_eq!(run(folder, &["restore", "--from", &from, "--to=embedded:./keyless"]).code, Some(2));
    done(&run(folder, &["restore", "--from", &from, "--to", &url]));
    assert_eq!(books(folder, &url), books(folder, "embedded:./data"));
    let server = serving_on(folder, &redis, &base64_of(&folder.join("data/secret.key")));
    for job in &bought {
        server.until(job, "completed");
    }
    server.terminate();
    let mut bytes = std::fs::read(folder.join(&from)).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(folder.join("half.backup"), bytes).unwrap();
    let half = run(folder, &[&["restore", "--from=half.backup", "--to=embedded:./half"], &key[..]].concat());
    assert!(half.code == Some(1) && half.err.contains("cut off or changed") && !folder.join("half").exists(), "{}", half.err);
}

/// F-R8: a node that remembers more than an old backup holds brings it back; nothing of it is gone without a word.
#[test]
fn f_r8_what_a_node_remembers_is_written_again_after_a_restore() {
    let (place, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
    let (folder, url) = (place.path(), redis.url());
    let server = serving_on(folder, &redis, KEY);
    let bearer = server.agent(folder, "50");
    let before = server.buy(&bearer, None);
    server.until(&before, "completed");
    done(&run(folder, &["backup", "--store", &url, "--to=old.backup"]));
    let after = server.buy(&bearer, None);
    server.until(&after, "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    let wanted = books(folder, &url);
    redis.cli(&["FLUSHALL"]);
    assert!(refused(folder, &redis).contains("is gone"));
    done(&run(folder, &["restore", "--from=old.backup", "--to", &url]));
    assert_ne!(books(folder, &url), wanted);
    let server = serving_on(folder, &redis, KEY);
    server.until(&before, "completed");
    server.until(&after, "completed");
    assert_eq!(server.terminate().0.code, Some(0));
    assert_eq!(books(folder, &url), wanted);
}
