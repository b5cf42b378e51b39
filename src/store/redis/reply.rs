//! What Redis says, by what can be done about it (safety.md F-R4).

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::Error;

/// What a failed call allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may pass. Whether the call had an effect is unknown, unless Redis says that it had none; every call may be
    /// repeated, so that makes no difference (RS8).
    Later,
    /// No memory is left, and nothing was written: a script is refused at its first write (RS5).
    Full,
    /// It stays so until a person changes something.
    Never,
}

/// Sorts an error by its name. One that isn't known is taken for one that may pass.
pub(super) fn verdict(error: &RedisError) -> Verdict {
    use ServerErrorKind as S;
    let kind = error.kind();
    if matches!(kind, ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported) {
        return Verdict::Never;
    }
    let ErrorKind::Server(kind) = kind else { return by_name(error) };
    // LOADING, CLUSTERDOWN, TRYAGAIN, MASTERDOWN; READONLY is a primary that was replaced. MOVED and ASK are followed by
    // the client of a cluster; one that still comes through is a slot on its way. NOSCRIPT is answered with the script.
    let passes =
        matches!(kind, S::BusyLoading | S::ClusterDown | S::TryAgain | S::MasterDown | S::ReadOnly | S::Moved | S::Ask | S::NoScript);
    if passes {
        return Verdict::Later;
    }
    if matches!(kind, S::NoPerm | S::CrossSlot) {
        return Verdict::Never;
    }
    // A script's own error bears the name of what it called with: `OOM command not allowed`, in the text of an ERR too.
    by_name(error)
}

fn by_name(error: &RedisError) -> Verdict {
    let code = error.code().unwrap_or_default();
    let is_oom = code == "OOM" || error.detail().is_some_and(|detail| detail.contains("OOM command not allowed"));
    match code {
        _ if is_oom => Verdict::Full,
        "NOAUTH" | "WRONGPASS" | "WRONGTYPE" => Verdict::Never,
        // BUSY, MISCONF (it can't write its files), NOREPLICAS, a connection that broke, a time-out.
        _ => Verdict::Later,
    }
}

/// The error that the store's users see.
pub(super) fn unavailable(error: &RedisError) -> Error {
    match verdict(error) {
        Verdict::Full => Error::Full,
        Verdict::Later | Verdict::Never => Error::Unavailable(format!("Redis: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as it comes off the wire.
    fn said(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(redis::Value::extract_error).unwrap_err()
    }

    #[test]
    fn f_r4_every_reply_has_its_handling() {
        for (line, wanted) in [
            ("LOADING Redis is loading the dataset in memory", Verdict::Later),
            ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Verdict::Later),
            ("READONLY You can't write against a read only replica.", Verdict::Later),
            ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", Verdict::Later),
            ("CLUSTERDOWN The cluster is down", Verdict::Later),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Verdict::Later),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Verdict::Later),
            ("NOREPLICAS Not enough good replicas to write.", Verdict::Later),
            ("NOSCRIPT No matching script. Please use EVAL.", Verdict::Later),
            ("MOVED 3999 127.0.0.1:6381", Verdict::Later),
            ("ASK 3999 127.0.0.1:6381", Verdict::Later),
            ("OOM command not allowed when used memory > 'maxmemory'.", Verdict::Full),
            ("ERR Error running script: @user_script:7: OOM command not allowed when used memory > 'maxmemory'.", Verdict::Full),
            ("NOAUTH Authentication required.", Verdict::Never),
            ("WRONGPASS invalid username-password pair or user is disabled.", Verdict::Never),
            ("NOPERM this user has no permissions to run the 'evalsha' command", Verdict::Never),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Verdict::Never),
            ("CROSSSLOT Keys in request don't hash to the same slot", Verdict::Never),
        ] {
            assert_eq!(verdict(&said(line)), wanted, "{line}");
        }
    }
}
