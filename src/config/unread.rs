//! Variables that look like ours, and that nothing reads: most likely misspelled, and then a price or a limit isn't what its
//! operator believes.

use clap::{Args, Command};

use super::{AdminClientOptions, Options, later};

/// What our variables begin with. Others may share `JOB_`, `RATE_` and the like.
const OURS: &[&str] = &["ENRICH_", "VENDOR_", "PRICE_"];

/// What container platforms set for a service of our name: `ENRICH_JOBS_SERVICE_HOST`, `ENRICH_JOBS_PORT`, …
const NOT_OURS: &str = "ENRICH_JOBS_";

/// Read by many programs, and not yet by this one.
const TRACES: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A sentence for each variable of the environment that looks like ours and is ignored.
pub fn warnings() -> Vec<String> {
    of(later::environment().map(|(name, _)| name))
}

fn of(set: impl Iterator<Item = String>) -> Vec<String> {
    let known = known();
    let mut warnings: Vec<_> = set.filter_map(|name| warning(&name, &known)).collect();
    warnings.sort();
    warnings
}

fn warning(name: &str, known: &[String]) -> Option<String> {
    if name == TRACES {
        return Some(format!("{name} is ignored: this version sends no traces yet"));
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
        let wanted = [
            "ENRICH_JOB_SLOT is ignored: there is no such setting",
            "OTEL_EXPORTER_OTLP_ENDPOINT is ignored: this version sends no traces yet",
        ];
        assert_eq!(of(set.into_iter().map(str::to_owned)), wanted);
    }
}
