//! `search` in the formats of SearXNG and Brave.

use std::time::Duration;

use enrich_jobs::enrich::vendors::line::Fault;
use enrich_jobs::enrich::vendors::search::{Search, SearchHit, SearchKind, SearchSettings};
use enrich_jobs::types::Usd;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{Counts, Vendor, exchange};

/// As a SearXNG of 2025 answers `format=json`.
fn searxng_answer() -> Value {
    json!({
        "query": "acme roofing tampa",
        "number_of_results": 0,
        "results": [
            {
                "url": "https://acme.example/", "title": "Acme Roofing | Tampa, FL", "content": "Roofs since 1998.\n Call (813) 555-0142.",
                "publishedDate": null, "thumbnail": "", "engine": "duckduckgo", "template": "default.html",
                "parsed_url": ["https", "acme.example", "/", "", "", ""], "img_src": "", "priority": "",
                "engines": ["duckduckgo", "brave"], "positions": [1, 2], "score": 3.0, "category": "general"
            },
            {
                "url": "https://acme.example/#contact", "title": "Contact", "content": null, "engine": "brave",
                "engines": ["brave"], "positions": [3], "score": 0.33, "category": "general"
            },
            { "url": "https://directory.example/acme?id=7", "title": "Acme in the directory", "engine": "mojeek", "score": 0.2 }
        ],
        "answers": [{"url": null, "template": "answer/legacy.html", "engine": "x", "answer": "42"}],
        "corrections": [],
        "infoboxes": [{
            "infobox": "Acme Corporation", "id": "https://encyclopedia.example/Acme", "content": "A maker of everything.",
            "urls": [{"title": "Website", "url": "https://acme.example/"}], "attributes": [{"label": "Founded", "value": "1998"}]
        }],
        "suggestions": ["acme roofing reviews"],
        "unresponsive_engines": [["google", "Suspended: CAPTCHA"]]
    })
}

/// As Brave's API answers `/res/v1/web/search`.
fn brave_answer() -> Value {
    json!({
        "type": "search",
        "query": {"original": "acme roofing tampa", "show_strict_warning": false, "is_navigational": false, "country": "us",
                  "bad_results": false, "should_fallback": false, "more_results_available": true},
        "mixed": {"type": "mixed", "main": [{"type": "web", "index": 0, "all": false}], "top": [], "side": []},
        "videos": {"type": "videos", "results": [{"type": "video_result", "url": "https://video.example/1", "title": "A video"}]},
        "web": {
            "type": "search", "family_friendly": true,
            "results": [
                {
                    "title": "Acme Roofing", "url": "https://acme.example/", "is_source_local": false, "is_source_both": false,
                    "description": "Roofs since 1998.", "page_age": "2025-01-01T00:00:00", "language": "en", "type": "search_result",
                    "subtype": "generic", "profile": {"name": "Acme", "url": "https://acme.example/", "img": "https://img.example/x"},
                    "meta_url": {"scheme": "https", "netloc": "acme.example", "hostname": "acme.example", "path": ""},
                    "extra_snippets": ["Call us"]
                },
                {"title": "Acme in the directory", "url": "https://directory.example/acme", "type": "search_result"}
            ]
        }
    })
}

fn settings(vendor: &Vendor, kind: SearchKind, key: Option<&str>) -> SearchSettings {
    SearchSettings {
        kind,
        url: vendor.url.clone(),
        key: key.map(SecretString::from),
        cost: Usd::from_micros(10_000),
        timeout: Duration::from_secs(5),
        concurrency: 4,
    }
}

fn hit(url: &str, title: &str, snippet: &str) -> SearchHit {
    SearchHit { url: url.to_owned(), title: title.to_owned(), snippet: snippet.to_owned() }
}

#[tokio::test]
async fn searxng_as_it_is() {
    let counts = Counts::new();
    let vendor = Vendor::saying(searxng_answer().to_string()).await;
    let mut base = settings(&vendor, SearchKind::Searxng, None);
    base.url = base.url.join("/below/").unwrap();
    let answer = Search::new(base, exchange()).find("acme roofing & co tampa").await.unwrap();
    let wanted = vec![
        hit("https://acme.example/", "Acme Roofing | Tampa, FL", "Roofs since 1998. Call (813) 555-0142."),
        hit("https://directory.example/acme?id=7", "Acme in the directory", ""),
    ];
    assert_eq!((answer.value, answer.cost.micros()), (Some(wanted), 10_000));
    let seen = vendor.seen().remove(0);
    assert_eq!(seen.method, "GET");
    assert_eq!(seen.uri.to_string(), "/below/search?q=acme+roofing+%26+co+tampa&format=json");
    assert_eq!((seen.headers.get("authorization"), seen.body.as_str()), (None, ""));
    assert_eq!(counts.of("enrich_vendor_calls_total{vendor=\"search\",outcome=\"answered\"}"), 1);
    assert_eq!(counts.of("enrich_vendor_cost_microdollars_total{vendor=\"search\"}"), 10_000);
    assert_eq!(counts.of("enrich_vendor_loss_microdollars_total{vendor=\"search\"}"), 0);
    assert_eq!(counts.of("enrich_vendor_paused{vendor=\"search\"}"), 0);
    assert_eq!(counts.of("enrich_vendor_call_seconds_count{vendor=\"search\"}"), 1);
    assert!(!counts.text().contains("acme"), "no query in a label");
}

#[tokio::test]
async fn brave_as_it_is() {
    let vendor = Vendor::saying(brave_answer().to_string()).await;
    let search = Search::new(settings(&vendor, SearchKind::Brave, Some("hunter2")), exchange());
    let wanted = vec![
        hit("https://acme.example/", "Acme Roofing", "Roofs since 1998."),
        hit("https://directory.example/acme", "Acme in the directory", ""),
    ];
    assert_eq!(search.find("acme").await.unwrap().value, Some(wanted));
    let seen = vendor.seen().remove(0);
    assert_eq!(seen.uri.to_string(), "/res/v1/web/search?q=acme&count=20&text_decorations=false");
    assert_eq!(seen.headers["x-subscription-token"], "hunter2");
    assert!(!seen.headers.contains_key("authorization"));
    assert!(!format!("{search:?}").contains("hunter2"), "T-25");
}

#[tokio::test]
async fn a_searxng_behind_a_bearer() {
    let vendor = Vendor::saying(r#"{"results":[]}"#).await;
    let search = Search::new(settings(&vendor, SearchKind::Searxng, Some("hunter2")), exchange());
    assert_eq!(search.find("acme").await.unwrap().value, None);
    assert_eq!(vendor.seen()[0].headers["authorization"], "Bearer hunter2");
}

/// Nothing found is an answer, and is paid; a SearXNG whose engines all failed has not searched.
#[tokio::test]
async fn nothing_found() {
    let nothing = json!({"type": "search", "query": {"original": "x"}, "mixed": {"type": "mixed", "main": []}}).to_string();
    let failed = json!({"results": [], "unresponsive_engines": [["google", "timeout"], ["brave", "too many requests"]]}).to_string();
    for (kind, body, wanted) in [
        (SearchKind::Brave, nothing.as_str(), Ok((None, 10_000))),
        (SearchKind::Searxng, r#"{"results":[],"unresponsive_engines":[]}"#, Ok((None, 10_000))),
        (SearchKind::Searxng, &failed, Err(Fault::Garbage("none of its engines answered"))),
    ] {
        let vendor = Vendor::saying(body.to_owned()).await;
        let found = Search::new(settings(&vendor, kind, Some("key")), exchange()).find("x").await;
        assert_eq!(found.map(|answer| (answer.value, answer.cost.micros())), wanted, "{body}");
    }
}

/// F-V2: what is no answer in the format costs the buyer nothing; it may cost us.
#[tokio::test]
async fn fv2_garbage() {
    let deep = format!(r#"{{"results":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        &b""[..],
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b"\"results\"",
        b"{\"results\":null}",
        b"{\"results\":{}}",
        b"{\"results\":[7,null,\"x\"]}",
        b"{\"results\":[{\"url\":\"https://a.example/\",\"title\":\"\xff\xfe\"}]}",
        b"{\"results\":[{\"url\":\"https://a.example/\"}]",
        b"{\"type\":\"ErrorResponse\",\"error\":{\"code\":\"SUBSCRIPTION_TOKEN_INVALID\"}}",
        b"{\"type\":\"search\",\"web\":{\"results\":7}}",
        deep.as_bytes(),
    ] {
        for kind in [SearchKind::Searxng, SearchKind::Brave] {
            // What is only the other one's format is none of these.
            let counts = Counts::new();
            let vendor = Vendor::saying(body.to_vec()).await;
            let found = Search::new(settings(&vendor, kind, Some("key")), exchange()).find("x").await;
            assert!(matches!(found, Err(Fault::Garbage(_))), "{kind:?} {}: {found:?}", String::from_utf8_lossy(body));
            assert_eq!(vendor.seen().len(), 1, "it would be as bad again");
            assert_eq!(counts.of("enrich_vendor_calls_total{vendor=\"search\",outcome=\"garbage\"}"), 1);
            assert_eq!(counts.of("enrich_vendor_loss_microdollars_total{vendor=\"search\"}"), 10_000);
            assert_eq!(counts.of("enrich_vendor_cost_microdollars_total{vendor=\"search\"}"), 0);
        }
    }
}

/// A field of a hit that grows without bound is cut, and what isn't a page is left out.
#[tokio::test]
async fn hits_are_bounded() {
    let hits: Vec<Value> = (0..100)
        .map(|n| json!({"url": format!("https://a.example/{n}"), "title": "t".repeat(5000), "content": "c ".repeat(4000)}))
        .chain([json!({"url": "javascript:alert(1)", "title": "x"})])
        .collect();
    let vendor = Vendor::saying(json!({ "results": hits }).to_string()).await;
    let found = Search::new(settings(&vendor, SearchKind::Searxng, None), exchange()).find("x").await.unwrap().value.unwrap();
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|hit| hit.title.chars().count() == 300 && hit.snippet.chars().count() <= 1000));
}
