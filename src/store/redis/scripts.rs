//! The scripts: each checks everything before its first write, and can't fail after it (safety.md RS4).

use std::sync::LazyLock;

use redis::Cmd;

/// A script and the name by which a server knows it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file))));
    };
}

script!(CREATE, "create.lua");
script!(ACQUIRE, "acquire.lua");
script!(APPEND, "append.lua");
script!(PUT_ROWS, "put_rows.lua");
script!(TRIM, "trim.lua");
script!(SCAN, "scan.lua");
script!(HOLD, "hold.lua");
script!(RENEW, "renew.lua");
script!(HELLO, "hello.lua");
script!(SET_HEAD, "set_head.lua");
script!(FINISH, "finish.lua");

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// The call with its keys; arguments are added by the caller.
    pub(super) fn call(&self, keys: &[String]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(keys.len()).arg(keys);
        command
    }

    /// Gives it to the server; to all primaries of a cluster.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }
}
