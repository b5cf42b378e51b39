//! Ways to reach a business as pages write them: addresses of mail, profiles, and what spammers shouldn't read.

use std::sync::LazyLock;

use regex::Regex;
use scraper::ElementRef;
use url::Url;

/// Networks whose profiles are worth keeping, by the domain of their links.
const NETWORKS: [(&str, &str); 10] = [
    ("facebook.com", "facebook"),
    ("instagram.com", "instagram"),
    ("linkedin.com", "linkedin"),
    ("twitter.com", "x"),
    ("x.com", "x"),
    ("youtube.com", "youtube"),
    ("tiktok.com", "tiktok"),
    ("pinterest.com", "pinterest"),
    ("yelp.com", "yelp"),
    ("threads.net", "threads"),
];

/// The network and the address of a profile, where the link is one: a path below the network's domain.
pub(super) fn social(link: &str) -> Option<(&'static str, String)> {
    let url = Url::parse(link.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.domain()?;
    let (_, network) =
        NETWORKS.iter().find(|(domain, _)| host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))?;
    let path = url.path().trim_matches('/');
    // Buttons to share the page, and pixels that watch its visitors.
    let profile = !path.is_empty()
        && !["share", "sharer", "intent", "tr", "dialog", "sharer.php", "shareArticle", "plugins", "pin", "embed", "watch"]
            .iter()
            .any(|button| path.split('/').next() == Some(button));
    profile.then(|| (*network, format!("https://{host}/{path}")))
}

/// An address out of `mailto:…?subject=…` or bare, lower-cased; `None` where it is none.
pub(super) fn email(text: &str) -> Option<String> {
    let text = unescaped(without_scheme(text.trim(), "mailto"));
    let text = text.trim_start_matches('/').split(['?', ',', ';']).next()?;
    // "Acme <info@acme.com>".
    let text = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(address, _)| address);
    let address = text.trim().to_lowercase();
    let (user, host) = address.split_once('@')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    let is_file = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".css", ".js"].iter().any(|ending| host.ends_with(ending));
    let whole = plain(user) && plain(host) && host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    (address.len() <= 254 && whole && !is_file).then_some(address)
}

/// What follows the scheme, if it is the one.
pub(super) fn without_scheme<'a>(text: &'a str, scheme: &str) -> &'a str {
    text.split_once(':').filter(|(found, _)| found.trim().eq_ignore_ascii_case(scheme)).map_or(text, |(_, rest)| rest)
}

/// ASCII characters that an address of the web writes as `%` and two hexadecimal digits, as themselves.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|code| hex::decode(code).ok());
        match code.as_deref() {
            Some([byte]) if (b' '..0x7f).contains(byte) => {
                plain.push(char::from(*byte));
                plain.push_str(part.get(2..).unwrap_or_default());
            }
            Some(_) | None => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    plain
}

static PLAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\b[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}\b").ok());

/// `jane at acme dot com`, and `jane @ acme.com`.
static SPOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)\b([A-Za-z0-9][A-Za-z0-9._+-]{0,63})(?: at ([A-Za-z0-9-]{2,63}(?: dot [A-Za-z0-9-]{2,63}){1,4})| ?@ ?([A-Za-z0-9-]{2,63}(?:\.[A-Za-z0-9-]{2,63}){1,4}))\b",
    )
    .ok()
});

/// `jane [at] acme (dot) com`, `jane(at)acme.com`, `jane AT acme DOT com`.
static HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let at = r"(?:\s*[\[({<]\s*(?:at|@|AT|arroba|chez|ät|a|chiocciola)\s*[\])}>]\s*|\s+AT\s+|\s+-at-\s+)";
    let dot = r"(?:\s*[\[({<]\s*(?:dot|\.|DOT|punkt|point|punto|ponto)\s*[\])}>]\s*|\s+DOT\s+|\s+-dot-\s+|\.)";
    Regex::new(&format!(r"(?-u)\b([A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}){at}([A-Za-z0-9-]{{1,63}}(?:{dot}[A-Za-z0-9-]{{2,63}}){{1,4}})\b"))
        .ok()
});
static DOT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\s*[\[({<]\s*(?:dot|\.|DOT|punkt|point|punto|ponto)\s*[\])}>]\s*|\s+DOT\s+|\s+-dot-\s+").ok());

/// Addresses written out in text, each with whether it was hidden from machines; at most `max`.
pub(super) fn emails(text: &str, max: usize) -> Vec<(String, bool)> {
    let text = &text.replace('＠', "@");
    let plain =
        PLAIN.iter().flat_map(|pattern| pattern.find_iter(text)).filter_map(|found| email(found.as_str())).map(|email| (email, false));
    let hidden = HIDDEN.iter().flat_map(|pattern| pattern.captures_iter(text)).filter_map(|found| {
        let host = DOT.as_ref()?.replace_all(found.get(2)?.as_str(), ".").into_owned();
        email(&format!("{}@{host}", found.get(1)?.as_str()))
    });
    let spoken = SPOKEN.iter().flat_map(|pattern| pattern.captures_iter(text)).filter_map(|found| {
        let user = found.get(1)?.as_str();
        let host = found.get(2).or(found.get(3))?.as_str().replace(" dot ", ".");
        // "Find us at acme dot com" is where, not whom.
        if NOBODY.contains(&user.to_ascii_lowercase().as_str()) { None } else { email(&format!("{user}@{host}")) }
    });
    let mut found: Vec<(String, bool)> = Vec::new();
    for (email, is_hidden) in plain.chain(hidden.chain(spoken).map(|email| (email, true))) {
        if found.len() < max && !found.iter().any(|(known, _)| *known == email) {
            found.push((email, is_hidden));
        }
    }
    found
}

/// Words before a place on the web.
const NOBODY: [&str; 16] =
    ["us", "me", "it", "more", "online", "visit", "look", "find", "is", "are", "be", "here", "site", "website", "store", "shop"];

/// The address that an element stands for: a link to write to it, or parts of it that scripts put together.
pub(super) fn email_of(element: ElementRef<'_>) -> Option<String> {
    let attribute = |names: &[&str]| names.iter().find_map(|name| element.attr(name));
    if let Some(href) = element.attr("href") {
        if let Some((_, code)) = href.split_once("/cdn-cgi/l/email-protection#") {
            return cloudflare_email(code);
        }
        if href.split(':').next().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("mailto")) {
            return email(href);
        }
    }
    if let Some(found) = element.attr("data-cfemail").and_then(cloudflare_email) {
        return Some(found);
    }
    if let Some(whole) = attribute(&["data-email", "data-mail", "data-mailto"]) {
        return email(whole).or_else(|| emails(whole, 1).into_iter().next().map(|(email, _)| email));
    }
    let host = attribute(&["data-domain", "data-host"])?;
    let top = element.attr("data-tld").map(|top| format!(".{}", top.trim_start_matches('.'))).unwrap_or_default();
    let user = attribute(&["data-user", "data-name", "data-local", "data-account", "data-u"])?;
    email(&format!("{user}@{host}{top}"))
}

/// What Cloudflare puts into `data-cfemail`, or behind `/cdn-cgi/l/email-protection#`: hexadecimal, each byte of the address
/// combined with the first one.
pub(super) fn cloudflare_email(code: &str) -> Option<String> {
    let bytes = hex::decode(code.get(..600).unwrap_or(code).trim()).ok()?;
    let (key, rest) = bytes.split_first()?;
    email(&String::from_utf8(rest.iter().map(|byte| byte ^ key).collect()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_email_address() {
        for (text, wanted) in [
            ("a@b.example", Some("a@b.example")),
            ("mailto:A%40b.example,c@d.example", Some("a@b.example")),
            ("a@b", None),
            ("a@.example", None),
            ("a b@c.example", None),
            ("<x>@c.example", None),
            ("mailto:", None),
            ("é@b.example", None),
            ("logo@2x.png", None),
        ] {
            assert_eq!(email(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn addresses_hidden_from_machines() {
        for (text, wanted) in [
            ("Write to jane.roe@acme.example.", "jane.roe@acme.example"),
            ("jane [at] acme [dot] example", "jane@acme.example ~"),
            ("jane(at)acme.example now", "jane@acme.example ~"),
            ("info {at} mail (dot) acme (dot) example", "info@mail.acme.example ~"),
            ("jane AT acme DOT example", "jane@acme.example ~"),
            ("jane.roe at acme dot example", "jane.roe@acme.example ~"),
            ("jane @ acme.example, or call", "jane@acme.example ~"),
            ("jane [ät] acme [punkt] example", "jane@acme.example ~"),
            ("find us at acme dot example", ""),
            ("meet me at noon. dot", ""),
            ("open at acme.example", ""),
        ] {
            let found: Vec<_> =
                emails(text, 9).into_iter().map(|(email, hidden)| format!("{email}{}", if hidden { " ~" } else { "" })).collect();
            assert_eq!(found.join(" "), wanted, "{text}");
        }
    }

    #[test]
    fn cloudflares_way_to_hide_one() {
        let hidden =
            |email: &str, key: u8| hex::encode(std::iter::once(key).chain(email.bytes().map(|byte| byte ^ key)).collect::<Vec<_>>());
        assert_eq!(cloudflare_email(&hidden("Jane@acme.example", 0x5a)).as_deref(), Some("jane@acme.example"));
        for code in ["", "5a", "zz", "5a5", &hidden("no address", 7), &"5a".repeat(9999)] {
            assert_eq!(cloudflare_email(code), None, "{code}");
        }
    }

    #[test]
    fn profiles_and_buttons() {
        assert_eq!(social("https://m.facebook.com/acme?ref=x"), Some(("facebook", "https://m.facebook.com/acme".to_owned())));
        for link in
            ["https://facebook.com/sharer/sharer.php?u=x", "https://notfacebook.com/acme", "https://x.com/", "javascript:x.com/acme"]
        {
            assert_eq!(social(link), None, "{link}");
        }
    }
}
