//! Variables that look like ours, and that nothing reads: most likely misspelled, and then a price or a limit isn't what its
//! operator believes.

use clap::{Args, Command};

use super::{AdminClientOptions, NetworkOptions, Options, later, networks};
use crate::types::Network;

/// What our variables begin with. Others may share `JOB_`, `RATE_` and the like.
const OURS: &[&str] = &["ENRICH_", "VENDOR_", "PRICE_", "X402_", "UPTO_", "SETTLE_"];

/// What container platforms set for a service of our name: `ENRICH_JOBS_SERVICE_HOST`, `ENRICH_JOBS_PORT`, …
const NOT_OURS: &str = "ENRICH_JOBS_";

/// Read by many programs, and not yet by this one.
const TRACES: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A sentence for each variable of the environment that looks like ours and is ignored.
pub fn warnings(options: &NetworkOptions) -> Vec<String> {
    let networks = options.x402_networks.clone().unwrap_or_default().0;
    of(later::environment().map(|(name, _)| name), &networks)
}

fn of(set: impl Iterator<Item = String>, networks: &[Network]) -> Vec<String> {
    let known = known();
    let set = set.filter(|name| !networks::is_known(name, networks));
    let mut warnings: Vec<_> = set.filter_map(|name| warning(&name, &known)).collect();
    warnings.sort();
    warnings
}

fn warning(name: &str, known: &[String]) -> Option<String> {
    if name == TRACES {
        return Some(format!("{name} is ignored: this version sends no traces yet"));
    }
    if name.starts_with("X402_EIP155_") {
        return Some(format!("{name} is ignored: X402_NETWORKS doesn't name its network, or a network has no such setting"));
    }
    let looks_like_ours = OURS.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with(NOT_OURS);
    (looks_like_ours && !known.iter().any(|known| known == name)).then(|| format!("{name} is ignored: there is no such setting"))
}

fn known() -> Vec<String> {
    let command = AdminClientOptions::augment_args(Options::augment_args(Command::new("all")));
    command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_variable_is_told() {
        let set = ["PATH", "ENRICH_JOB_SLOT", "ENRICH_JOB_SLOTS", "ENRICH_ADMIN_URL", "ENRICH_JOBS_SERVICE_HOST", "JOB_NAME", TRACES];
        let more = ["X402_EIP155_1_ASSET", "X402_EIP155_1_ASSETS", "X402_EIP155_8453_ASSET", "X402_NETWORKS", "SETTLE_LINGER"];
        let wanted = [
            "ENRICH_JOB_SLOT is ignored: there is no such setting",
            "OTEL_EXPORTER_OTLP_ENDPOINT is ignored: this version sends no traces yet",
            "SETTLE_LINGER is ignored: there is no such setting",
            "X402_EIP155_1_ASSETS is ignored: X402_NETWORKS doesn't name its network, or a network has no such setting",
            "X402_EIP155_8453_ASSET is ignored: X402_NETWORKS doesn't name its network, or a network has no such setting",
        ];
        assert_eq!(of(set.into_iter().chain(more).map(str::to_owned), &[Network::Eip155(1)]), wanted);
    }
}
