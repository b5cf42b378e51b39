//! How many files this process may open. A connection is one, so there must be fewer connections than that.
//!
//! The limit is only read: raising it takes a system call that safe Rust doesn't have. Whoever starts the server raises it
//! (`ulimit -n`, `LimitNOFILE=` of systemd, `ulimits:` of compose).

/// Kept back for the store, the directory, calls to the outside and the operators' listener.
const OTHERS: usize = 400;

/// How many connections there may be: as many as wished, or as many as the limit leaves.
pub(super) fn connections_max(wished: usize) -> usize {
    let Some(files) = open_files_max() else { return wished };
    let room = files.saturating_sub(OTHERS).max(files.div_euclid(4)).max(1);
    if room < wished {
        tracing::warn!(
            open_files = files,
            connections = room,
            "fewer connections than ENRICH_CONNECTIONS_MAX: raise the limit of open files"
        );
    }
    wished.min(room)
}

/// The soft limit, where the system tells it in a file.
fn open_files_max() -> Option<usize> {
    soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             unlimited            unlimited            processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files"), None);
        assert_eq!(soft_limit(""), None);
    }
}
