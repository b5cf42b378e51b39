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
        let set = [("PATH", true), ("ENRICH_LISTEN", true), ("ENRICH_SEAL_KEY", true), ("LEDGER_RETENTION_DAYS", false)];
        assert_eq!(of(&set), Ok(()));
        let wanted = "LEDGER_RETENTION_DAYS is set, but this version has no exports of the ledger yet: unset it";
        assert_eq!(of(&[("PATH", true), ("LEDGER_RETENTION_DAYS", true)]), Err(wanted.to_owned()));
        assert_eq!(of(&[("REDIS_PORT", true), ("CONFIRMATIONS_OF_OTHERS", true)]), Ok(()));
    }
}
