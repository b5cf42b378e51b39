//! Where a buyer wants to be called back: parsed once, checked at once, and never shown whole.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use super::reach::{OutOfReach, Reach, Side};

/// A URL to call back, in its parsed form: `https` on port 443, or anything on loopback where the operator allows that.
///
/// What a name resolves to is checked at each delivery, not here. Path and query may carry the receiver's secrets, so
/// `Display` and `Debug` show no more than scheme and host (T-25).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CallbackUrl(Url);

/// Why a text is no URL that is called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackUrlError {
    /// Longer than [`CallbackUrl::CHARS_MAX`].
    #[error("must be at most {} characters", CallbackUrl::CHARS_MAX)]
    TooLong,
    /// Not an absolute URL, or one that different parsers read differently.
    #[error("must be an absolute URL without spaces, backslashes or control characters")]
    Syntax,
    /// Neither `https`, nor `http` to an allowed loopback.
    #[error("must use https")]
    Scheme,
    /// `user:password@`.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// Not 443.
    #[error("must use port 443")]
    Port,
    /// The host is an address or a name that isn't public.
    #[error("must not lead to a private or local host")]
    OutOfReach(#[source] OutOfReach),
}

impl CallbackUrl {
    /// The most characters, before and after parsing.
    pub const CHARS_MAX: usize = 2048;

    /// Reads what a buyer sent. The text is parsed once and only the parsed form is used from then on (T-31), so nobody
    /// downstream reads another host out of it. The fragment is dropped: it would never be sent.
    ///
    /// # Errors
    /// See [`CallbackUrlError`].
    pub fn parse(text: &str, allow_loopback: bool) -> Result<Self, CallbackUrlError> {
        use CallbackUrlError as E;
        if text.chars().count() > Self::CHARS_MAX {
            return Err(E::TooLong);
        }
        // The parser would drop tabs and newlines, trim spaces and turn backslashes; who sends them is testing parsers.
        if text.contains(|symbol: char| symbol.is_control() || symbol.is_whitespace() || symbol == '\\') {
            return Err(E::Syntax);
        }
        let mut url = Url::parse(text).map_err(|_| E::Syntax)?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(E::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(E::UserInfo);
        }
        let host = url.host().ok_or(E::Syntax)?;
        let side = Reach::with_loopback(allow_loopback).check(&host).map_err(E::OutOfReach)?;
        if side == Side::Public {
            if url.scheme() != "https" {
                return Err(E::Scheme);
            }
            if url.port_or_known_default() != Some(443) {
                return Err(E::Port);
            }
        }
        if url.as_str().len() > Self::CHARS_MAX {
            return Err(E::TooLong);
        }
        Ok(Self(url))
    }

    /// The whole URL, with what may be secret in it. For the call itself and for its owner's eyes only.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host in its normal form: a name in ASCII, or an address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The parsed form, so that nobody parses again.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host().unwrap_or(Host::Domain("")))?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CallbackUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CallbackUrl {
    /// From JSON: as strictly as [`CallbackUrl::parse`] without loopback, so no request body gets around it. From our own
    /// records: what was accepted once, also when the operator has since closed loopback; the guarded client refuses it then.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_wire = deserializer.is_human_readable();
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text, !is_wire).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One word for each way to be refused, so that the tables stay readable.
    fn judge(text: &str, allow_loopback: bool) -> Result<String, &'static str> {
        CallbackUrl::parse(text, allow_loopback).map(|url| url.as_str().to_owned()).map_err(|error| match error {
            CallbackUrlError::TooLong => "long",
            CallbackUrlError::Syntax => "syntax",
            CallbackUrlError::Scheme => "scheme",
            CallbackUrlError::UserInfo => "user",
            CallbackUrlError::Port => "port",
            CallbackUrlError::OutOfReach(OutOfReach::Address(_)) => "address",
            CallbackUrlError::OutOfReach(OutOfReach::LocalName) => "name",
        })
    }

    /// T-31: every disguise of a private host, and what a host may look like.
    #[test]
    fn t31_parse_once_and_use_the_parsed_form() {
        for (text, wanted) in [
            ("https://example.com/hook?token=1", Ok("https://example.com/hook?token=1")),
            ("HTTPS://EXAMPLE.com:443", Ok("https://example.com/")),
            ("https://example.com/a#b", Ok("https://example.com/a")),
            ("https://example.com./hook", Ok("https://example.com./hook")),
            ("https://bücher.example/", Ok("https://xn--bcher-kva.example/")),
            ("https://8.8.8.8/", Ok("https://8.8.8.8/")),
            ("https://[2606:4700::1111]/", Ok("https://[2606:4700::1111]/")),
            ("https://example.com/@127.0.0.1", Ok("https://example.com/@127.0.0.1")),
            // 127.0.0.1 as decimal, hex, octal, short, full-width, %-encoded, with other dots, mixed
            ("https://2130706433/", Err("address")),
            ("https://0x7f000001/", Err("address")),
            ("https://0x7f.0.0.1/", Err("address")),
            ("https://017700000001/", Err("address")),
            ("https://0177.0.0.1/", Err("address")),
            ("https://127.1/", Err("address")),
            ("https://127.0.1/", Err("address")),
            ("https://0/", Err("address")),
            ("https://127.0.0.1./", Err("address")),
            ("https://１２７.０.０.１/", Err("address")),
            ("https://127。0。0。1/", Err("address")),
            ("https://①②⑦.⓪.⓪.①/", Err("address")),
            ("https://%31%32%37.0.0.1/", Err("address")),
            ("https://127%2e0%2e0%2e1/", Err("address")),
            ("https://0xA9FEA9FE/", Err("address")),
            ("https://169.254.169.254/latest/meta-data", Err("address")),
            ("https://[::1]/", Err("address")),
            ("https://[::ffff:7f00:1]/", Err("address")),
            ("https://[::ffff:169.254.169.254]/", Err("address")),
            ("https://[64:ff9b::a00:1]/", Err("address")),
            ("https://[2002:7f00:1::]/", Err("address")),
            ("https://[fd00:ec2::254]/", Err("address")),
            ("https://[fe80::1%25eth0]/", Err("syntax")),
            // numbers that are no address must not reach a resolver as names
            ("https://256.256.256.256/", Err("syntax")),
            ("https://1.2.3.4.5/", Err("syntax")),
            ("https://4294967296/", Err("syntax")),
            ("https://example.0x1/", Err("syntax")),
            // local names, with and without the dot of the root
            ("https://localhost/", Err("name")),
            ("https://LocalHost./", Err("name")),
            ("https://ⓛocalhost/", Err("name")),
            ("https://loc%61lhost/", Err("name")),
            ("https://api.localhost/", Err("name")),
            ("https://nas.local/", Err("name")),
            ("https://metadata.google.internal/", Err("name")),
            ("https://metadata.google.internal./", Err("name")),
            ("https://redis/", Err("name")),
            ("https://redis./", Err("name")),
            ("https://a..example.com/", Err("name")),
            ("https://example.com../", Err("name")),
            // what parsers disagree about
            ("https://user@example.com/", Err("user")),
            ("https://user:secret@example.com/", Err("user")),
            ("https://example.com@127.0.0.1/", Err("user")),
            ("https://127.0.0.1@example.com/", Err("user")),
            ("https://example.com\\@127.0.0.1/", Err("syntax")),
            ("https:\\\\127.0.0.1\\", Err("syntax")),
            ("https://127.0.\t0.1/", Err("syntax")),
            ("https://exam\nple.com/", Err("syntax")),
            ("https://example.com/\r\nHost: internal", Err("syntax")),
            ("https://example.com/a b", Err("syntax")),
            (" https://example.com/", Err("syntax")),
            ("https://example.com/\u{0}", Err("syntax")),
            ("https://exa\u{2028}mple.com/", Err("syntax")),
            ("https://exa%00mple.com/", Err("syntax")),
            ("https://", Err("syntax")),
            ("https:///hook", Err("name")),
            ("//example.com/", Err("syntax")),
            ("/hook", Err("syntax")),
            ("", Err("syntax")),
            // schemes and ports
            ("http://example.com/", Err("scheme")),
            ("http://example.com:443/", Err("scheme")),
            ("file:///etc/passwd", Err("scheme")),
            ("gopher://example.com/", Err("scheme")),
            ("ftp://example.com/", Err("scheme")),
            ("unix:/run/redis.sock", Err("scheme")),
            ("javascript:alert(1)", Err("scheme")),
            ("https://example.com:8443/", Err("port")),
            ("https://example.com:80/", Err("port")),
            ("https://example.com:6379/", Err("port")),
            ("https://example.com:99999/", Err("syntax")),
            ("http://127.0.0.1:8080/", Err("address")),
            ("http://localhost:8080/", Err("name")),
        ] {
            assert_eq!(judge(text, false), wanted.map(str::to_owned), "{text}");
        }
    }

    /// T-31, where the operator allows loopback: only what is plainly loopback, and the rest as strictly as before.
    #[test]
    fn t31_loopback_where_it_is_allowed() {
        for (text, wanted) in [
            ("http://127.0.0.1:9999/hook", Ok("http://127.0.0.1:9999/hook")),
            ("http://127.8.8.8/", Ok("http://127.8.8.8/")),
            ("http://2130706433:81/", Ok("http://127.0.0.1:81/")),
            ("http://[::1]:8080/", Ok("http://[::1]:8080/")),
            ("http://localhost:8080/", Ok("http://localhost:8080/")),
            ("https://localhost:8443/", Ok("https://localhost:8443/")),
            ("https://example.com/", Ok("https://example.com/")),
            ("http://user@127.0.0.1/", Err("user")),
            ("ftp://127.0.0.1/", Err("scheme")),
            ("http://example.com/", Err("scheme")),
            ("https://example.com:8443/", Err("port")),
            ("http://0.0.0.0:8080/", Err("address")),
            ("http://10.0.0.1:8080/", Err("address")),
            ("http://[::ffff:127.0.0.1]:8080/", Err("address")),
            ("http://169.254.169.254/", Err("address")),
            ("http://app.localhost:8080/", Err("name")),
            ("http://redis:6379/", Err("name")),
        ] {
            assert_eq!(judge(text, true), wanted.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn length_is_bounded_before_and_after_parsing() {
        let of_length = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
        assert_eq!(judge(&of_length(2048), false), Ok(of_length(2048)));
        assert_eq!(judge(&of_length(2049), false), Err("long"));
        assert_eq!(judge(&format!("https://example.com/{}", "é".repeat(1000)), false), Err("long"), "six bytes each when encoded");
    }

    /// T-25: neither a log line nor a debug print shows path or query.
    #[test]
    fn t25_shown_as_scheme_and_host() {
        let url = CallbackUrl::parse("https://example.com/in/s3cret?key=s3cret", false).unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://example.com https://example.com");
        assert_eq!(url.host(), "example.com");
        let url = CallbackUrl::parse("http://[::1]:8080/s3cret", true).unwrap();
        assert_eq!(format!("{url} {url:?}"), "http://[::1]:8080 http://[::1]:8080");
        assert_eq!(url.host(), "[::1]");
    }

    #[test]
    fn records_keep_it_and_json_is_read_strictly() {
        let url = CallbackUrl::parse("http://127.0.0.1:9/a", true).unwrap();
        let bytes = postcard::to_stdvec(&url).unwrap();
        assert_eq!(postcard::from_bytes::<CallbackUrl>(&bytes).unwrap(), url);
        assert!(serde_json::from_str::<CallbackUrl>("\"http://127.0.0.1:9/a\"").is_err());
        assert!(serde_json::from_str::<CallbackUrl>("\"https://example.com/a\"").is_ok());
    }

    proptest! {
        /// T-31: whatever text is accepted, its own normal form is read as the same URL.
        #[test]
        fn t31_the_normal_form_is_stable(text in "https?://[-a-z0-9.:@/\\\\%\\[\\]①。 x]{0,30}", allow_loopback: bool) {
            if let Ok(url) = CallbackUrl::parse(&text, allow_loopback) {
                prop_assert_eq!(CallbackUrl::parse(url.as_str(), allow_loopback), Ok(url));
            }
        }
    }
}
