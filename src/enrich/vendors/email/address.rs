//! E-mail addresses by their text alone: syntax, whose mailbox it may be, and what kind of domain it lies in.

use std::collections::HashSet;
use std::sync::LazyLock;

use email_address::{EmailAddress, Options};
use url::Host;

/// The longest address (RFC 5321 section 4.5.3.1, with the path's brackets taken off).
const ADDRESS_BYTES_MAX: usize = 254;

/// Mailboxes of a task and not of a person: RFC 2142, and what businesses commonly use in the languages of our markets.
const ROLES: [&str; 62] = [
    "abuse",
    "accounting",
    "accounts",
    "admin",
    "administration",
    "anfrage",
    "billing",
    "bookings",
    "buero",
    "career",
    "careers",
    "compliance",
    "contact",
    "contacto",
    "contactus",
    "customerservice",
    "dpo",
    "enquiries",
    "enquiry",
    "feedback",
    "finance",
    "frontdesk",
    "hello",
    "help",
    "helpdesk",
    "hi",
    "hostmaster",
    "hr",
    "info",
    "infos",
    "inquiries",
    "inquiry",
    "invoices",
    "it",
    "jobs",
    "kontakt",
    "legal",
    "mail",
    "marketing",
    "media",
    "news",
    "newsletter",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "orders",
    "post",
    "postmaster",
    "press",
    "privacy",
    "reception",
    "recruiting",
    "reservations",
    "sales",
    "security",
    "service",
    "shop",
    "support",
    "team",
    "vertrieb",
    "webmaster",
];

/// Where anybody can have a mailbox: what one has there says nothing about the next one's.
const PUBLIC_PROVIDERS: [&str; 26] = [
    "aol.com",
    "comcast.net",
    "free.fr",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yandex.ru",
];

static DISPOSABLE: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("disposable.list").lines().filter(|line| !line.starts_with('#')).collect());

/// An address in one form: lower case, the domain as DNS writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Before the `@`.
    pub local: String,
    /// Behind it, in ASCII.
    pub domain: String,
}

impl Address {
    /// Reads an address (RFC 5321, with local parts of RFC 6531); a name or comment around it, or an address in digits behind the `@`,
    /// is none of it. `None` where it isn't valid.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        // The domain first: the syntax knows nothing of IDNA.
        let (local, domain) = text.rsplit_once('@')?;
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let address = EmailAddress::parse_with_options(&format!("{local}@{domain}"), options).ok()?;
        Some(Self { local: address.local_part().to_lowercase(), domain })
    }

    /// A mailbox of a task: `info@`, `sales@`, `sales-de@`.
    pub fn is_role(&self) -> bool {
        let first = self.local.split(['.', '-', '_', '+']).next().unwrap_or_default();
        ROLES.contains(&self.local.as_str()) || ROLES.contains(&first)
    }

    /// A throw-away mailbox, by the list.
    pub fn is_disposable(&self) -> bool {
        is_disposable(&self.domain)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Whether it or a domain above it is on the list of throw-away mailboxes.
pub fn is_disposable(domain: &str) -> bool {
    let mut rest = Some(domain);
    while let Some(domain) = rest {
        if DISPOSABLE.contains(domain) {
            return true;
        }
        rest = domain.split_once('.').map(|(_, above)| above);
    }
    false
}

/// Whether anybody can have a mailbox there.
pub fn is_public_provider(domain: &str) -> bool {
    PUBLIC_PROVIDERS.contains(&domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_by_their_text() {
        for (text, wanted) in [
            (" Jane.Doe@Example.COM ", Some("jane.doe@example.com")),
            ("jane+tag@example.co.uk", Some("jane+tag@example.co.uk")),
            ("o'brien@example.com", Some("o'brien@example.com")),
            ("info@müller.example", Some("info@xn--mller-kva.example")),
            ("jürgen@example.com", Some("jürgen@example.com")),
            ("jane@example.com.", None),
            ("jane@localhost", None),
            ("jane@[127.0.0.1]", None),
            ("jane@127.0.0.1", None),
            ("Jane <jane@example.com>", None),
            ("jane..doe@example.com", None),
            (".jane@example.com", None),
            ("jane@exa mple.com", None),
            ("jane@-example.com", None),
            ("jane", None),
            ("@example.com", None),
            ("", None),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), wanted, "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(Address::parse(&long), None, "64 octets are the most before the @");
    }

    #[test]
    fn whose_mailbox_it_may_be() {
        let is_role = |text: &str| Address::parse(text).unwrap().is_role();
        assert!(is_role("info@a.example") && is_role("Sales-DE@a.example") && is_role("no-reply@a.example"));
        assert!(!is_role("jane.doe@a.example") && !is_role("infante@a.example"));
        assert!(is_disposable("mailinator.com") && is_disposable("x.mailinator.com") && !is_disposable("mailinator.com.example"));
        assert!(!is_disposable("gmail.com") && is_public_provider("gmail.com") && !is_public_provider("acme.example"));
        assert!(DISPOSABLE.len() > 10_000, "{}", DISPOSABLE.len());
        assert!(ROLES.is_sorted() && PUBLIC_PROVIDERS.is_sorted());
        // A list that named a large provider would cost true addresses.
        assert!(PUBLIC_PROVIDERS.iter().all(|provider| !is_disposable(provider)));
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing(text in "\\PC{0,40}", plain in "[A-Za-z0-9.+_-]{1,12}@[A-Za-z0-9äß.-]{1,14}") {
            for text in [text, plain] {
                if let Some(address) = Address::parse(&text) {
                    prop_assert_eq!(Address::parse(&address.to_string()), Some(address));
                }
            }
        }
    }
}
