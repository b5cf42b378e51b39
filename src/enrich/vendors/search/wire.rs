//! What searches answer: SearXNG's and Brave's JSON, read for what we use of it and no more.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::SearchHit;
use crate::enrich::vendors::line::json;

const HITS_MAX: usize = 20;
const URL_BYTES_MAX: usize = 2048;
const TITLE_CHARS_MAX: usize = 300;
const SNIPPET_CHARS_MAX: usize = 1000;

/// SearXNG's, with `format=json`.
#[derive(Deserialize)]
struct Searxng {
    results: Vec<Box<RawValue>>,
    /// Its sources that failed, with why.
    #[serde(default)]
    unresponsive_engines: Vec<serde::de::IgnoredAny>,
}

/// Brave's web search. Where it found no pages there is no `web`.
#[derive(Deserialize)]
struct Brave {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    web: Option<BraveWeb>,
}

#[derive(Deserialize)]
struct BraveWeb {
    results: Vec<Box<RawValue>>,
}

/// One hit of either. Both put `null` where they know nothing.
#[derive(Deserialize)]
struct Raw {
    url: String,
    #[serde(default)]
    title: Option<String>,
    /// SearXNG's word.
    #[serde(default)]
    content: Option<String>,
    /// Brave's.
    #[serde(default)]
    description: Option<String>,
}

pub(super) fn searxng(body: &[u8]) -> Result<Vec<SearchHit>, &'static str> {
    let answer: Searxng = json(body)?;
    if answer.results.is_empty() && !answer.unresponsive_engines.is_empty() {
        return Err("none of its engines answered");
    }
    hits(&answer.results)
}

pub(super) fn brave(body: &[u8]) -> Result<Vec<SearchHit>, &'static str> {
    let answer: Brave = json(body)?;
    if answer.kind != "search" {
        return Err("it isn't in the vendor's format");
    }
    hits(&answer.web.map(|web| web.results).unwrap_or_default())
}

/// One hit that can't be read doesn't spoil the others; but where none of them can, that is no format of ours.
fn hits(results: &[Box<RawValue>]) -> Result<Vec<SearchHit>, &'static str> {
    let read: Vec<Raw> = results.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
    if read.is_empty() && !results.is_empty() {
        return Err("it isn't in the vendor's format");
    }
    let mut seen = HashSet::new();
    let hits = read.into_iter().filter_map(|raw| {
        Some(SearchHit {
            url: page_url(&raw.url)?,
            title: one_line(raw.title.as_deref().unwrap_or_default(), TITLE_CHARS_MAX),
            snippet: one_line(raw.content.or(raw.description).as_deref().unwrap_or_default(), SNIPPET_CHARS_MAX),
        })
    });
    Ok(hits.filter(|hit| seen.insert(hit.url.clone())).take(HITS_MAX).collect())
}

/// The URL of a page that may be read; without a fragment, which is a place in it.
fn page_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.set_fragment(None);
    let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= URL_BYTES_MAX).then(|| url.into())
}

/// Text of strangers in one line: no control characters, no more than so many characters.
fn one_line(text: &str, chars_max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut left = chars_max;
    for word in words {
        if !line.is_empty() && left > 0 {
            line.push(' ');
            left -= 1;
        }
        if left == 0 {
            break;
        }
        let before = line.len();
        line.extend(word.chars().take(left));
        left -= line.get(before..).map_or(0, |added| added.chars().count());
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(results: &str) -> Result<Vec<String>, &'static str> {
        let hits = searxng(format!(r#"{{"results":{results}}}"#).as_bytes())?;
        Ok(hits.into_iter().map(|hit| hit.url).collect())
    }

    #[test]
    fn only_pages_and_each_once() {
        let of =
            |urls: &[&str]| serde_json::to_string(&urls.iter().map(|url| serde_json::json!({"url": url})).collect::<Vec<_>>()).unwrap();
        let long = format!("https://a.example/{}", "x".repeat(2048));
        let asked = [
            "https://a.example/x#top",
            "https://A.example:443/x",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://a.example/",
            "https://user:pass@a.example/",
            "data:text/html,x",
            "//a.example/",
            "",
            &long,
            "http://b.example",
        ];
        assert_eq!(urls(&of(&asked)), Ok(vec!["https://a.example/x".to_owned(), "http://b.example/".to_owned()]));
        let many: Vec<String> = (0..100).map(|n| format!("https://a.example/{n}")).collect();
        assert_eq!(urls(&of(&many.iter().map(String::as_str).collect::<Vec<_>>())).unwrap().len(), HITS_MAX);
    }

    #[test]
    fn text_is_cut_and_in_one_line() {
        assert_eq!(one_line("  Acme\r\n\tRoofing\u{0}\u{1b}[31m  Co ", 100), "Acme Roofing [31m Co");
        assert_eq!(one_line("abc def", 5), "abc d");
        assert_eq!(one_line("abc def", 4), "abc");
        assert_eq!(one_line(&"é".repeat(400), 300).chars().count(), 300);
    }

    #[test]
    fn one_bad_hit_is_left_out_and_only_bad_ones_are_garbage() {
        let one = r#"[{"title":"no url"},{"url":7},"text",{"url":"https://a.example/","title":null,"content":null}]"#;
        assert_eq!(urls(one), Ok(vec!["https://a.example/".to_owned()]));
        assert!(urls(r#"[{"title":"no url"},{"url":null}]"#).is_err());
        assert_eq!(urls("[]"), Ok(Vec::new()));
    }
}
