//! What a host's robots.txt allows us (RFC 9309).
//!
//! Our product token is [`TOKEN`], the name in `User-Agent`; `*` is whoever isn't named. Of all rules that match, the one with
//! the longest path decides, and of equals the one that allows. `Crawl-delay` isn't in the RFC, but hosts ask for it.

use std::fmt::Write as _;
use std::time::Duration;

/// Our name in robots.txt.
pub const TOKEN: &str = "enrich-jobs";

/// What is read of a robots.txt; the RFC asks for at least 500 KiB (section 2.5). A longer one is as good as none to be had.
pub(super) const BYTES_MAX: usize = 512 * 1024;
const RULES_MAX: usize = 2000;
const PATH_BYTES_MAX: usize = 2048;
const SITEMAPS_MAX: usize = 10;
/// A longer wait than this isn't kept, since a hop ends sooner.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The rules that are meant for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    /// The wait between two requests, at most [`DELAY_MAX`].
    pub(super) delay: Duration,
    /// `Sitemap:` lines, as they stand there.
    pub(super) sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allows: bool,
    path: String,
}

/// Whom a group of lines is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Ours,
    Anybodys,
    Others,
}

impl Robots {
    /// Nothing may be read.
    pub(super) fn nothing() -> Self {
        Self { rules: vec![Rule { allows: false, path: "/".to_owned() }], ..Self::default() }
    }

    /// Reads a file. Lines that aren't understood are left out (section 2.2.2), so this never fails.
    pub(super) fn parse(text: &str) -> Self {
        let (mut ours, mut anybodys) = (Self::default(), Self::default());
        let mut sitemaps = Vec::new();
        let (mut groups, mut names_ended) = (Vec::new(), true);
        let mut is_named = false;
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if std::mem::take(&mut names_ended) {
                        groups.clear();
                    }
                    let group = group_of(value);
                    is_named |= group == Group::Ours;
                    if !groups.contains(&group) {
                        groups.push(group);
                    }
                }
                "allow" | "disallow" | "crawl-delay" => {
                    names_ended = true;
                    for (robots, wanted) in [(&mut ours, Group::Ours), (&mut anybodys, Group::Anybodys)] {
                        if groups.contains(&wanted) {
                            robots.add(&key, value);
                        }
                    }
                }
                "sitemap" if sitemaps.len() < SITEMAPS_MAX && value.len() <= PATH_BYTES_MAX => sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        Self { sitemaps, ..if is_named { ours } else { anybodys } }
    }

    fn add(&mut self, key: &str, value: &str) {
        if key == "crawl-delay" {
            let seconds = value.parse::<f32>().ok().filter(|seconds| seconds.is_finite() && *seconds > 0.0);
            self.delay = seconds.map_or(self.delay, |seconds| Duration::from_secs_f32(seconds.min(DELAY_MAX.as_secs_f32())));
        } else if !value.is_empty() && self.rules.len() < RULES_MAX {
            // A path too long to keep is one that we had better not visit: its beginning stands for it.
            let path = normal(value.get(..value.floor_char_boundary(PATH_BYTES_MAX)).unwrap_or_default());
            self.rules.push(Rule { allows: key == "allow", path });
        }
    }

    /// Whether a path, with its query, may be read.
    pub(super) fn allows(&self, path: &str) -> bool {
        let path = normal(path.get(..path.floor_char_boundary(2 * PATH_BYTES_MAX)).unwrap_or_default());
        let hits = self.rules.iter().filter(|rule| matches(&rule.path, &path));
        hits.max_by_key(|rule| (rule.path.len(), rule.allows)).is_none_or(|rule| rule.allows)
    }
}

/// The token is compared without regard to case; whatever stands behind it, such as a version, is no part of it.
fn group_of(value: &str) -> Group {
    if value.starts_with('*') {
        return Group::Anybodys;
    }
    let end = value.find(|letter: char| !letter.is_ascii_alphabetic() && !matches!(letter, '-' | '_')).unwrap_or(value.len());
    if value.get(..end).is_some_and(|token| token.eq_ignore_ascii_case(TOKEN)) { Group::Ours } else { Group::Others }
}

/// `*` is anything, `$` at the end is the end, all else is itself. One pass for each piece between stars: no pattern is slow.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut last_is_star = false;
    let mut any_star = false;
    let pieces: Vec<&str> = pieces.collect();
    for (nth, piece) in pieces.iter().enumerate() {
        any_star = true;
        last_is_star = piece.is_empty();
        if to_end && nth + 1 == pieces.len() {
            return last_is_star || rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    !to_end || (any_star && last_is_star) || rest.is_empty()
}

/// Octets are compared percent-decoded where they are unreserved, and encoded where they aren't ASCII (section 2.2.2).
fn normal(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let code =
            bytes.get(at + 1..at + 3).and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| u8::from_str_radix(code, 16).ok());
        let (byte, used) = match (byte, code) {
            (b'%', Some(code)) => (code, 3),
            (byte, Some(_) | None) => (byte, 1),
        };
        let was_encoded = used == 3;
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || (!was_encoded && byte.is_ascii()) {
            normal.push(char::from(byte));
        } else {
            write!(normal, "%{byte:02X}").unwrap_or_default();
        }
        at += used;
    }
    normal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Section 2.2 and the examples of section 5, and what Google's parser is tested for.
    #[test]
    fn which_rule_decides() {
        for (text, path, wanted) in [
            ("", "/x", true),
            ("User-agent: *\nDisallow: /", "/x", false),
            ("User-agent: *\nDisallow:", "/x", true),
            ("user-agent: ENRICH-JOBS/1.0\ndisallow: /\n\nUser-agent: *\nAllow: /", "/x", false),
            ("User-agent: *\nDisallow: /\nUser-agent: enrich-jobs\nDisallow: /private", "/x", true),
            ("User-agent: enrich-jobs-news\nDisallow: /", "/x", true),
            ("User-agent: a\nUser-agent: enrich-jobs\nDisallow: /x", "/x", false),
            ("User-agent: enrich-jobs\nDisallow: /a\nUser-agent: b\nDisallow: /\nUser-agent: enrich-jobs\nDisallow: /x", "/x", false),
            ("User-agent: *\nDisallow: /x\nAllow: /x", "/x", true),
            ("User-agent: *\nAllow: /p\nDisallow: /", "/page", true),
            ("User-agent: *\nAllow: /\nDisallow: /folder/page", "/folder/page.html", false),
            ("User-agent: *\nDisallow: /*.gif$", "/a/b.gif", false),
            ("User-agent: *\nDisallow: /*.gif$", "/a/b.gif?x", true),
            ("User-agent: *\nDisallow: /a*b*c", "/a-x-b-y-c-z", false),
            ("User-agent: *\nDisallow: /a$", "/a", false),
            ("User-agent: *\nDisallow: /a$", "/ab", true),
            ("User-agent: *\nDisallow: /*$", "/ab", false),
            ("User-agent: *\nDisallow: /a*b$", "/abxb", false),
            ("User-agent: *\nDisallow: /bar/ツ", "/bar/%E3%83%84", false),
            ("User-agent: *\nDisallow: /bar/%62%61%7A", "/bar/baz", false),
            ("User-agent: *\nDisallow: /a%2Fb", "/a/b", true),
            ("User-agent: * # all\nDisallow: /x # why", "/x", false),
            ("\u{feff}User-agent: *\rDisallow: /x", "/x", false),
            ("Disallow: /x", "/x", true),
            ("<html>User-agent: nobody</html>", "/x", true),
            ("User-agent: *\nSitemap: https://a.example/s.xml\nDisallow: /x", "/x", false),
        ] {
            assert_eq!(Robots::parse(text).allows(path), wanted, "{text:?} {path}");
        }
        assert!(!Robots::nothing().allows("/"));
    }

    #[test]
    fn delays_are_bounded_and_sitemaps_are_everybodys() {
        let of = |delay: &str| Robots::parse(&format!("User-agent: *\nCrawl-delay: {delay}")).delay;
        assert_eq!(
            [of("2"), of("0.5"), of("9999"), of("-1"), of("NaN"), of("soon")].map(|delay| delay.as_millis()),
            [2000, 500, 5000, 0, 0, 0]
        );
        let robots = Robots::parse("Sitemap: https://a.example/1.xml\nUser-agent: b\nDisallow: /\nsitemap: /2.xml");
        assert_eq!(robots.sitemaps, ["https://a.example/1.xml", "/2.xml"]);
    }

    /// F-V2: a file made to be slow isn't.
    #[test]
    fn a_hostile_file_costs_little() {
        let line = format!("Disallow: /{}\n", "*a".repeat(200));
        let robots = Robots::parse(&format!("User-agent: *\n{}", line.repeat(1200)));
        let started = tokio::time::Instant::now();
        assert!(robots.allows(&format!("/{}", "a".repeat(199))));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn any_file_and_any_path(text in "(User-agent: \\*\n)?((Allow|Disallow): [/a*$%é]{0,8}\n){0,5}", path in "/[a%é$*]{0,8}") {
            let _either = Robots::parse(&text).allows(&path);
        }

        /// The one that allows everything it was asked about.
        #[test]
        fn a_path_matches_itself(path in "/[a-z/]{0,12}") {
            let (ended, longer) = (format!("{path}$"), format!("{path}x"));
            prop_assert!(matches(&path, &path) && matches(&ended, &path) && matches("/*$", &path));
            prop_assert!(!matches(&longer, &path));
        }
    }
}
