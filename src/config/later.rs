//! Variables of features that this version doesn't have. Ignoring one would let an operator believe in it.

use super::ConfigError;

/// By name, or by what they begin with; and the feature.
const LATER: &[(&str, &str)] = &[("LEDGER_RETENTION_DAYS", "exports of the ledger")];

/// Refuses the first variable among `set` that has a value and is of a later version.
///
/// # Errors
/// [`ConfigError`] with its name.
pub fn refuse(set: impl Iterator<Item = (String, bool)>) -> Result<(), ConfigError> {
    let mut later: Vec<_> = set.filter(|(_, has_value)| *has_value).filter_map(|(name, _)| Some((feature(&name)?, name))).collect();
    later.sort();
    match later.into_iter().next() {
        Some((feature, name)) => Err(ConfigError::new(name, format!("is set, but this version has no {feature} yet: unset it"))),
        None => Ok(()),
    }
}

/// The environment's variables, and whether each has a value.
pub fn environment() -> impl Iterator<Item = (String, bool)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, !value.is_empty())))
}

fn feature(name: &str) -> Option<&'static str> {
    let is_meant = |known: &str| if known.ends_with('_') { name.starts_with(known) } else { name == known };
    LATER.iter().find(|(known, _)| is_meant(known)).map(|(_, feature)| *feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[(&str, bool)]) -> Result<(), String> {
        refuse(names.iter().map(|(name, has_value)| ((*name).to_owned(), *has_value))).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_there_yet_is_said_by_name() {
        assert_eq!(of(&[("PATH", true), ("ENRICH_LISTEN", true), ("X402_NETWORKS", true), ("ENRICH_SEAL_KEY", false)]), Ok(()));
        let wanted = "ENRICH_SEAL_KEY is set, but this version has no sealed exports yet: unset it";
        assert_eq!(of(&[("PATH", true), ("ENRICH_SEAL_KEY", true)]), Err(wanted.to_owned()));
        for name in ["ENRICH_SEAL_KEY", "LEDGER_RETENTION_DAYS"] {
            assert!(of(&[(name, true)]).unwrap_err().starts_with(name));
        }
        assert_eq!(of(&[("REDIS_PORT", true), ("CONFIRMATIONS_OF_OTHERS", true)]), Ok(()));
    }
}
