//! Sign-In with Ethereum (EIP-4361): a text that a wallet signs (EIP-191), and that proves once that somebody holds it.

use alloy_primitives::eip191_hash_message;

use super::signature::{Form, Signature, SignatureFault};
use crate::types::{Timestamp, Wallet};

/// The longest text that is read, in bytes.
pub const TEXT_MAX: usize = 4096;
/// How far ahead of ours a wallet's clock may be, in milliseconds.
pub const SKEW_MS: i64 = 60_000;
/// How old a text may be that doesn't say itself when it ends, in milliseconds.
pub const AGE_MAX_MS: i64 = 600_000;

const PREAMBLE: &str = " wants you to sign in with your Ethereum account:";

/// A text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Whose request it is: host, and port where there is one.
    pub domain: Box<str>,
    /// Who signs in.
    pub wallet: Wallet,
    /// What for.
    pub uri: Box<str>,
    /// On which chain; said, but not proven.
    pub chain_id: u64,
    /// What makes it good for once.
    pub nonce: Box<str>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Not good from then on.
    pub expires_at: Option<Timestamp>,
    /// Not good until then.
    pub not_before: Option<Timestamp>,
}

/// What a text must say to be for us.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Our public host, with the port where it isn't the scheme's own.
    pub domain: &'a str,
    /// Our public URL, without a slash at its end. The text's URI is this or below it.
    pub url: &'a str,
    /// The chains that we take payments on.
    pub chain_ids: &'a [u64],
    /// What we handed out for this one attempt.
    pub nonce: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// Not the text of EIP-4361.
    #[error("the message is not one of EIP-4361: {0}")]
    Text(&'static str),
    /// For another site: what a phishing page would have signed.
    #[error("the message is for another domain or URI")]
    Domain,
    /// For a chain that we don't serve.
    #[error("the message names a chain that is not served here")]
    Chain,
    /// Not the nonce that we handed out.
    #[error("the message has another nonce")]
    Nonce,
    /// Too old, too new, or over.
    #[error("the message is not of now")]
    Time,
    /// Not signed by its wallet.
    #[error("{0}")]
    Signature(SignatureFault),
}

impl SignIn {
    /// Reads a text: each line where EIP-4361 has it, and nothing else.
    ///
    /// # Errors
    /// [`NotSignedIn::Text`], with the line that was looked for.
    pub fn parse(text: &str) -> Result<Self, NotSignedIn> {
        use NotSignedIn::Text;
        if text.len() > TEXT_MAX || text.contains(|c: char| c.is_control() && c != '\n') {
            return Err(Text("its length and characters"));
        }
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(Text("its lines"));
        let origin = line()?.strip_suffix(PREAMBLE).ok_or(Text("its first line"))?;
        let domain = origin.split_once("://").map_or(origin, |(_, domain)| domain);
        let wallet = Wallet::parse_checksummed(line()?).ok_or(Text("an address with its checksum"))?;
        if !line()?.is_empty() {
            return Err(Text("an empty line behind the address"));
        }
        // A statement and an empty line, or an empty line, or, as some libraries write it, neither.
        let mut next = line()?;
        if !next.starts_with("URI: ") {
            if !next.is_empty() && !line()?.is_empty() {
                return Err(Text("an empty line behind the statement"));
            }
            next = line()?;
        }
        let uri = next.strip_prefix("URI: ").ok_or(Text("URI"))?;
        let mut field = |name: &'static str| line()?.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).ok_or(Text(name));
        if field("Version")? != "1" {
            return Err(Text("Version: 1"));
        }
        let chain_id = number(field("Chain ID")?).ok_or(Text("Chain ID"))?;
        let nonce = field("Nonce")?;
        if nonce.len() < 8 || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Text("Nonce: eight or more letters and digits"));
        }
        let time = |text: &str, name| Timestamp::parse_rfc3339(text).ok_or(Text(name));
        let issued_at = time(field("Issued At")?, "Issued At")?;
        let mut rest = lines.peekable();
        let mut optional = |name: &str| rest.next_if(|line| line.starts_with(name)).and_then(|line| line.get(name.len()..));
        let expires_at = optional("Expiration Time: ").map(|text| time(text, "Expiration Time")).transpose()?;
        let not_before = optional("Not Before: ").map(|text| time(text, "Not Before")).transpose()?;
        let _request_id = optional("Request ID: ");
        if optional("Resources:").is_some_and(|rest| !rest.is_empty()) || rest.any(|line| !line.starts_with("- ")) {
            return Err(Text("Resources, each behind a dash"));
        }
        Ok(Self { domain: domain.into(), wallet, uri: uri.into(), chain_id, nonce: nonce.into(), issued_at, expires_at, not_before })
    }

    /// Whether the text is for us, and for now.
    ///
    /// # Errors
    /// With the first thing that isn't.
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), NotSignedIn> {
        let below = self.uri.strip_prefix(expected.url).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
        if !self.domain.eq_ignore_ascii_case(expected.domain) || !below {
            return Err(NotSignedIn::Domain);
        }
        if !expected.chain_ids.contains(&self.chain_id) {
            return Err(NotSignedIn::Chain);
        }
        if *self.nonce != *expected.nonce {
            return Err(NotSignedIn::Nonce);
        }
        let (now, soon) = (expected.now, expected.now.plus_millis(SKEW_MS));
        let over = self.expires_at.unwrap_or(self.issued_at.plus_millis(AGE_MAX_MS)) <= now;
        let early = self.issued_at > soon || self.not_before.is_some_and(|time| time > soon);
        if over || early { Err(NotSignedIn::Time) } else { Ok(()) }
    }
}

/// Who signed in by `text`.
///
/// # Errors
/// See [`NotSignedIn`].
pub fn sign_in(text: &str, signature: &Signature, expected: &Expected<'_>) -> Result<Wallet, NotSignedIn> {
    let read = SignIn::parse(text)?;
    read.check(expected)?;
    signature.check(&eip191_hash_message(text), Form::Plain, read.wallet).map_err(NotSignedIn::Signature)?;
    Ok(read.wallet)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn expected() -> Expected<'static> {
        Expected {
            domain: "jobs.example",
            url: "https://jobs.example",
            chain_ids: &[1, 8453],
            nonce: "8mB2xQ7fWk3nZp5T",
            now: Timestamp::parse_rfc3339("2026-11-24T02:10:00Z").unwrap(),
        }
    }

    fn text_of(sample: &Value) -> String {
        sample["message"].as_str().unwrap().to_owned()
    }

    /// Written and signed by eth-account and by viem with the siwe library: with every line there is, and with the fewest.
    #[test]
    fn what_others_write_and_sign_is_taken() {
        let golden = samples::golden();
        for sample in [&golden.python["sign_in"], &golden.typescript["sign_in"]] {
            let signature = sample["signature"].as_str().unwrap().parse().unwrap();
            let wallet = sign_in(&text_of(sample), &signature, &expected()).unwrap();
            assert_eq!(wallet.to_string(), sample["address"].as_str().unwrap());
            let changed = text_of(sample).replace("02:09:16", "02:09:17");
            assert_eq!(sign_in(&changed, &signature, &expected()), Err(NotSignedIn::Signature(SignatureFault::OtherSigner)));
            let twin = samples::twin(&signature);
            assert_eq!(sign_in(&text_of(sample), &twin, &expected()), Err(NotSignedIn::Signature(SignatureFault::HighS)));
        }
    }

    #[test]
    fn every_line_has_its_place() {
        let full = text_of(&samples::golden().python["sign_in"]);
        let read = SignIn::parse(&full).unwrap();
        assert_eq!((&*read.domain, read.chain_id, &*read.nonce), ("jobs.example", 8453, "8mB2xQ7fWk3nZp5T"));
        assert_eq!(read.not_before, Timestamp::parse_rfc3339("2026-11-24T02:09:00Z"));
        assert_eq!(SignIn::parse(&full.replacen("jobs.example", "https://jobs.example", 1)), Ok(read.clone()));
        let short = full.replace("Open an account for enrichment jobs.\n\n", "");
        assert_eq!(SignIn::parse(&short), Ok(read), "as viem writes it without a statement");
        for (from, to) in [
            ("wants you to", "asks you to"),
            ("\nURI: ", "\nUri: "),
            ("Version: 1", "Version: 2"),
            ("Version: 1\n", ""),
            ("Chain ID: 8453", "Chain ID: 0x2105"),
            ("Chain ID: 8453", "Chain ID: +8453"),
            ("Nonce: 8mB2xQ7fWk3nZp5T", "Nonce: 8mB2xQ7"),
            ("Nonce: 8mB2xQ7fWk3nZp5T", "Nonce: 8mB2xQ7f-Wk3nZp5T"),
            ("Issued At: 2026", "Issued At: then 2026"),
            ("\n- https", "\nhttps"),
            ("Resources:", "Resources: "),
            ("Request ID", "Chain ID: 1\nRequest ID"),
            ("jobs.\n", "jobs.\nURI: https://jobs.example\n"),
            ("\nURI", "\r\nURI"),
        ] {
            let wrong = full.replacen(from, to, 1);
            assert_ne!(wrong, full, "{from}");
            assert!(matches!(SignIn::parse(&wrong), Err(NotSignedIn::Text(_))), "{to}");
        }
        let lower = full.to_lowercase().replace("sign in with your ethereum", "sign in with your Ethereum");
        assert_eq!(SignIn::parse(&lower), Err(NotSignedIn::Text("an address with its checksum")));
        assert!(matches!(SignIn::parse(&"x".repeat(TEXT_MAX + 1)), Err(NotSignedIn::Text(_))));
        assert!(matches!(SignIn::parse(""), Err(NotSignedIn::Text(_))));
    }

    #[test]
    fn a_text_is_for_one_site_chain_nonce_and_time() {
        let full = text_of(&samples::golden().python["sign_in"]);
        let read = SignIn::parse(&full).unwrap();
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let right = expected();
        assert_eq!(read.check(&right), Ok(()));
        assert_eq!(read.check(&Expected { domain: "JOBS.example", ..right }), Ok(()));
        for (other, wanted) in [
            (Expected { domain: "jobs.example:8411", ..right }, NotSignedIn::Domain),
            (Expected { domain: "jobs.example.evil", ..right }, NotSignedIn::Domain),
            (Expected { url: "https://jobs.exam", ..right }, NotSignedIn::Domain),
            (Expected { url: "http://jobs.example", ..right }, NotSignedIn::Domain),
            (Expected { chain_ids: &[1], ..right }, NotSignedIn::Chain),
            (Expected { nonce: "8mB2xQ7fWk3nZp5", ..right }, NotSignedIn::Nonce),
            (Expected { now: at("2026-11-24T02:19:16.120Z"), ..right }, NotSignedIn::Time),
            (Expected { now: at("2026-11-24T02:08:16.119Z"), ..right }, NotSignedIn::Time),
            (Expected { now: at("2026-11-23T02:10:00Z"), ..right }, NotSignedIn::Time),
        ] {
            assert_eq!(read.check(&other), Err(wanted), "{other:?}");
        }
        let endless = SignIn { expires_at: None, ..read.clone() };
        assert_eq!(endless.check(&Expected { now: at("2026-11-24T02:19:16.119Z"), ..right }), Ok(()));
        assert_eq!(endless.check(&Expected { now: at("2026-11-24T02:19:16.120Z"), ..right }), Err(NotSignedIn::Time));
        let later = SignIn { not_before: Some(at("2026-11-24T02:12:00Z")), ..read };
        assert_eq!(later.check(&right), Err(NotSignedIn::Time));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}", cut in 0_usize..600) {
            let full = text_of(&samples::golden().python["sign_in"]);
            let _any = (SignIn::parse(&text), SignIn::parse(full.get(..cut).unwrap_or(&full)));
        }
    }
}
