//! `ENRICH_RECEIPT_KEYS`: secrets with the time from which each signs receipts.

use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;
use super::values::server_key;
use crate::receipt::Keyring;
use crate::types::{ServerKey, Timestamp};

const VARIABLE: &str = "ENRICH_RECEIPT_KEYS";

/// None where nothing is set. What can't be used is refused without being shown.
pub(super) fn read(text: Option<&SecretString>) -> Result<Vec<(Timestamp, ServerKey)>, ConfigError> {
    let text = text.map(ExposeSecret::expose_secret).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate();
    let keys = entries.map(|(at, entry)| {
        let of = |fault: &str| ConfigError::new(VARIABLE, format!("entry {}: {fault}", at.saturating_add(1)));
        let (time, secret) = entry.split_once('=').ok_or_else(|| of("must be TIME=BASE64"))?;
        let time = Timestamp::parse_rfc3339(time.trim()).ok_or_else(|| of("the time must be as in 2027-01-01T00:00:00Z"))?;
        let secret = server_key(&SecretString::from(secret)).map_err(|fault| of(&format!("the secret {fault}")))?;
        Ok((time, secret))
    });
    let keys = keys.collect::<Result<Vec<_>, ConfigError>>()?;
    // What the start would refuse is refused by `config` as well; which secret is the server's own makes no difference to that.
    Keyring::new(&ServerKey::new([0; 32]), &keys).map_err(|error| ConfigError::new(VARIABLE, error.to_string()))?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(text: &str) -> Result<usize, String> {
        read(Some(&SecretString::from(text))).map(|keys| keys.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn lists() {
        let [one, two] = [1, 2].map(|byte| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]));
        assert_eq!(tried(""), Ok(0));
        assert_eq!(tried(&format!(" 2027-01-01T00:00:00Z={one} , 2026-01-01T00:00:00Z={two},")), Ok(2));
        for (wrong, words) in [
            (one.clone(), "entry 1: the time must be"),
            ("2027-01-01T00:00:00Z".to_owned(), "entry 1: must be TIME=BASE64"),
            (format!("2027-01-01T00:00:00Z={one},2028-01-01T00:00:00Z=hunter2"), "entry 2: the secret must be 32 bytes"),
            (format!("2027-01-01T00:00:00Z={one},2027-01-01T00:00:00Z={two}"), "a time or a secret twice"),
            (format!("2027-01-01T00:00:00Z={one},2028-01-01T00:00:00Z={one}"), "a time or a secret twice"),
        ] {
            let fault = tried(&wrong).unwrap_err();
            assert!(fault.contains(words) && !fault.contains("hunter2") && !fault.contains(&one), "{fault}");
        }
        let many: Vec<_> = (0..17)
            .map(|day| {
                format!(
                    "2027-01-{:02}T00:00:00Z={}",
                    day + 1,
                    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [day; 32])
                )
            })
            .collect();
        assert!(tried(&many.join(",")).unwrap_err().contains("at most 16"));
    }
}
