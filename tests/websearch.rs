//! `enrich/websearch` over real parts: the sample directory imported into a real index, sample pages behind a real server on
//! loopback, the guarded client in between. Time isn't paused, as there are real sockets.
#![allow(clippy::unwrap_used, reason = "in a test that is how it fails")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use enrich_jobs::cli::samples;
use enrich_jobs::clock::SystemClock;
use enrich_jobs::enrich::research::Tools;
use enrich_jobs::enrich::vendors::directory::{Directory, DirectorySettings, import};
use enrich_jobs::enrich::vendors::website::{Fetch, GuardedFetch, Page, Website, WebsiteSettings};
use enrich_jobs::enrich::websearch::Websearch;
use enrich_jobs::enrich::{Enricher, Error, Journal, JournalError, Run, RunSettings};
use enrich_jobs::job::{Hop, HopOutcome};
use enrich_jobs::net::{BreakerSettings, Breakers, GuardSettings, GuardedClient, LimitSettings, Limits, Reach};
use enrich_jobs::types::Usd;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

const DIRECTORY_COST: i64 = 10_000;
const PAGE_COST: i64 = 5_000;

/// The web: sample pages below `/{host}/`, some that misbehave, and how often anything was asked for.
#[derive(Default)]
struct Web {
    requests: AtomicUsize,
}

async fn serve(State(web): State<Arc<Web>>, Path((host, path)): Path<(String, String)>) -> Response {
    web.requests.fetch_add(1, Ordering::SeqCst);
    let html = [(CONTENT_TYPE, "text/html")];
    match host.as_str() {
        "garbage.example" => {
            (html, (0..60_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect::<Bytes>()).into_response()
        }
        "flood.example" => {
            let block = Bytes::from(vec![b'<'; 65_536]);
            let blocks = futures_util::stream::iter((0..16_384).map(move |_| Ok::<_, std::io::Error>(block.clone())));
            (html, Body::from_stream(blocks)).into_response()
        }
        "slow.example" => std::future::pending().await,
        _ => match samples::page(&host, &format!("/{path}")) {
            Some((content_type, bytes)) => ([(CONTENT_TYPE, content_type)], bytes).into_response(),
            None => axum::http::StatusCode::NOT_FOUND.into_response(),
        },
    }
}

async fn root(state: State<Arc<Web>>, Path(host): Path<String>) -> Response {
    serve(state, Path((host, String::new()))).await
}

#[derive(Default)]
struct Book {
    hops: Mutex<Vec<Hop>>,
    cancel_after: Option<(usize, CancellationToken)>,
}

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        let mut hops = self.hops.lock().unwrap();
        hops.push(hop);
        if let Some((count, cancel)) = &self.cancel_after
            && hops.len() == *count
        {
            cancel.cancel();
        }
        Ok(())
    }
}

struct World {
    web: Arc<Web>,
    enricher: Websearch,
    dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let web = Arc::new(Web::default());
        let app = axum::Router::new()
            .route("/{host}/", axum::routing::get(root))
            .route("/{host}/{path}", axum::routing::get(serve))
            .with_state(Arc::clone(&web));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

        let dir = tempfile::tempdir().unwrap();
        import(samples::directory_csv(&base).as_bytes(), dir.path(), true).unwrap();
        let extra: String = ["Garbage", "Flood", "Slow"]
            .map(|name| format!("{name} Example Works,1 Test St,Ocala,FL,34470,{base}/{}.example/\n", name.to_lowercase()))
            .concat();
        import(format!("name,street,city,state,zip,website\n{extra}").as_bytes(), dir.path(), true).unwrap();

        let guard = GuardSettings { reach: Reach::PublicAndLoopback, own: Vec::new(), contact: "https://enrich.example".to_owned() };
        let limits = Limits::new(LimitSettings::default());
        let fetch = GuardedFetch::new(GuardedClient::new(guard).unwrap(), limits, Breakers::new(BreakerSettings::default()));
        let enricher = Websearch::new(Tools { directory: Some(directory(dir.path())), website: Some(website(fetch)), ..Tools::default() });
        Self { web, enricher, dir }
    }

    /// Runs a job from the beginning.
    async fn search(&self, payload: &Value) -> (Value, Vec<Hop>) {
        self.search_within(payload, 1_000_000).await
    }

    async fn search_within(&self, payload: &Value, budget: i64) -> (Value, Vec<Hop>) {
        let book = Arc::new(Book::default());
        let found = attempt(&self.enricher, payload, &book, budget, CancellationToken::new()).await.unwrap();
        let hops = book.hops.lock().unwrap().clone();
        (found, hops)
    }

    fn requests(&self) -> usize {
        self.web.requests.load(Ordering::SeqCst)
    }
}

fn directory(dir: &std::path::Path) -> Directory {
    Directory::new(DirectorySettings { dir: dir.to_owned(), cost: Usd::from_micros(DIRECTORY_COST), timeout: Duration::from_secs(10) })
}

fn website(fetch: impl Fetch + 'static) -> Website {
    let settings = WebsiteSettings {
        cost: Usd::from_micros(PAGE_COST),
        timeout: Duration::from_secs(2),
        host_interval: Duration::ZERO,
        ..WebsiteSettings::default()
    };
    Website::new(settings, Arc::new(fetch))
}

async fn attempt(enricher: &Websearch, payload: &Value, book: &Arc<Book>, budget: i64, cancel: CancellationToken) -> Result<Value, Error> {
    let recorded = book.hops.lock().unwrap().clone();
    let mut run = Run::new(RunSettings {
        journal: Arc::clone(book) as Arc<dyn Journal>,
        clock: Arc::new(SystemClock),
        recorded,
        budget: Usd::from_micros(budget),
        deadline: tokio::time::Instant::now() + Duration::from_mins(1),
        cancel,
        gate: None,
    });
    let found = enricher.run(&payload.to_string(), &mut run).await?;
    let result: Value = serde_json::from_str(&found.result).unwrap();
    assert_eq!(result["matched"], json!(found.matched));
    Ok(result)
}

fn tools(hops: &[Hop]) -> Vec<(&str, HopOutcome, i64)> {
    hops.iter().map(|hop| (&*hop.tool, hop.outcome, hop.cost.micros())).collect()
}

fn values(leaves: &Value) -> Vec<&str> {
    leaves.as_array().unwrap().iter().map(|leaf| leaf["value"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_business_is_found_with_its_sources() {
    let world = World::new().await;
    let (result, hops) = world.search(&json!({"business_name": "ACME Corporation", "city": "Tampa", "state": "Florida"})).await;
    assert_eq!(tools(&hops), [("directory", HopOutcome::Found, DIRECTORY_COST), ("website", HopOutcome::Found, PAGE_COST)]);
    assert_eq!((&result["matched"], &result["cache_hit"], &result["stopped_because"]), (&json!(true), &json!(false), &Value::Null));

    let business = &result["business"];
    // 80 and 85 percent leave 3 of doubt; 75 points of 100 weigh 87 percent.
    assert_eq!(business["phones"], json!([{"value": "+18135550142", "confidence": 0.84, "sources": ["s1", "s2"]}]));
    assert_eq!(business["name"]["value"], "Acme Corp");
    assert_eq!(business["legal_name"]["value"], "Acme Corporation of Tampa, Inc.");
    assert_eq!(values(&business["emails"]), ["hello@acme-tampa.example", "sales@acme-tampa.example"]);
    assert_eq!((&business["address"]["zip"]["value"], &business["address"]["zip"]["sources"]), (&json!("33602"), &json!(["s1", "s2"])));
    assert_eq!(business["address"]["street"]["value"], "120 North Main Street");
    let networks: Vec<_> = business["social"].as_object().unwrap().keys().collect();
    assert_eq!(networks, ["facebook", "instagram", "linkedin"]);
    assert_eq!(business["people"][0]["name"]["value"], "Wile Carter");
    assert_eq!(business["people"][0]["role"]["value"], "Owner");
    assert_eq!(values(&business["categories"]), ["industrial supplies", "tools"]);

    let sources = result["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2);
    assert_eq!((&sources[0]["id"], &sources[0]["url"], &sources[0]["tool"]), (&json!("s1"), &Value::Null, &json!("directory")));
    assert!(sources[1]["url"].as_str().unwrap().ends_with("/acme-tampa.example/"));
    assert_eq!(sources[1]["title"], "Acme Corp | Industrial Supplies in Tampa since 1949");
    assert_eq!(sources[1]["fetched_at"], json!(hops[1].at.to_string()));
    let summary = result["summary_markdown"].as_str().unwrap();
    assert!(summary.starts_with("**Acme Corp** (match, 75 of 100 points)\n\n- Registered as: "), "{summary}");
}

#[tokio::test]
async fn nothing_that_fits_is_no_match() {
    let world = World::new().await;
    let (result, hops) = world.search(&json!({"business_name": "Unheard Of Enterprises", "city": "Tampa"})).await;
    assert_eq!(tools(&hops), [("directory", HopOutcome::Nothing, DIRECTORY_COST)]);
    assert_eq!((&result["matched"], &result["business"], &result["sources"]), (&json!(false), &Value::Null, &json!([])));
    assert_eq!(world.requests(), 0);
}

/// The same name elsewhere is another business: no match, and no page is paid for.
#[tokio::test]
async fn a_look_alike_in_another_city_is_no_match() {
    let world = World::new().await;
    let (result, hops) = world.search(&json!({"business_name": "Acme Corp", "city": "Orlando", "state": "FL"})).await;
    assert_eq!((&result["matched"], hops.len(), world.requests()), (&json!(false), 1, 0));
}

/// Two that can't be told apart are no match, although the page of either would say that it is the one.
#[tokio::test]
async fn two_that_fit_as_well_are_no_match() {
    let world = World::new().await;
    let (result, _) = world.search(&json!({"business_name": "Acme Corp", "state": "FL"})).await;
    assert_eq!(result["matched"], json!(false));
    assert!(result["summary_markdown"].as_str().unwrap().contains("Several businesses fit equally well"));
}

#[tokio::test]
async fn a_budget_without_room_for_a_page_still_gives_the_directory() {
    let world = World::new().await;
    let payload = json!({"business_name": "Acme Corp", "city": "Tampa"});
    let (result, hops) = world.search_within(&payload, DIRECTORY_COST + PAGE_COST - 1).await;
    assert_eq!((&result["matched"], &result["stopped_because"], hops.len(), world.requests()), (&json!(true), &json!("budget"), 1, 0));
    let (result, hops) = world.search_within(&payload, DIRECTORY_COST - 1).await;
    assert_eq!((&result["matched"], &result["stopped_because"], hops.len()), (&json!(false), &json!("budget"), 0));
}

#[tokio::test]
async fn a_cancel_leaves_what_was_found() {
    let world = World::new().await;
    let cancel = CancellationToken::new();
    let book = Arc::new(Book { cancel_after: Some((1, cancel.clone())), ..Book::default() });
    let result = attempt(&world.enricher, &json!({"business_name": "Acme Corp", "city": "Tampa"}), &book, 1_000_000, cancel).await.unwrap();
    assert_eq!((&result["matched"], &result["stopped_because"]), (&json!(true), &json!("cancelled")));
    assert_eq!(world.requests(), 0);
}

/// F-V1, F-V2: a page that is garbage, endless or never there costs the buyer nothing or one page, and never the result.
#[tokio::test]
async fn a_bad_page_never_spoils_the_result() {
    let world = World::new().await;
    for (name, outcome, cost) in
        [("Garbage", HopOutcome::Found, PAGE_COST), ("Flood", HopOutcome::Failed, 0), ("Slow", HopOutcome::Failed, 0)]
    {
        let started = tokio::time::Instant::now();
        let (result, hops) = world.search(&json!({"business_name": format!("{name} Example Works"), "city": "Ocala"})).await;
        assert_eq!(tools(&hops)[1..], [("website", outcome, cost)], "{name}");
        assert_eq!(result["matched"], json!(true), "{name}");
        assert_eq!(result["sources"].as_array().unwrap().len(), 1, "{name}");
        assert!(started.elapsed() < Duration::from_secs(20), "{name}");
        assert!(hops[1].answer.len() < 20_000, "{name}: what is recorded is bounded");
    }
}

/// A crash after any hop: the resumed run takes what is recorded, asks only for the rest, and says the same to the byte.
#[tokio::test]
async fn a_resumed_run_makes_no_call_twice() {
    let world = World::new().await;
    let payload = json!({"business_name": "Café Zoë", "city": "Savannah"});
    let (whole, hops) = world.search(&payload).await;
    assert_eq!((hops.len(), world.requests()), (3, 2), "directory, page, contact page");
    assert_eq!(whole["business"]["emails"][0]["value"], "bonjour@cafe-zoe.example");
    for survived in 0..=hops.len() {
        let before = world.requests();
        let book = Arc::new(Book { hops: Mutex::new(hops[..survived].to_vec()), cancel_after: None });
        let resumed = attempt(&world.enricher, &payload, &book, 1_000_000, CancellationToken::new()).await.unwrap();
        assert_eq!(world.requests() - before, 2 - survived.saturating_sub(1).min(2), "{survived} survived");
        assert_eq!(book.hops.lock().unwrap().len(), hops.len());
        if survived == hops.len() {
            assert_eq!(resumed.to_string(), whole.to_string());
        }
        assert_eq!(resumed["business"], whole["business"]);
    }
}

#[tokio::test]
async fn every_sample_site_adds_to_its_business() {
    let world = World::new().await;
    for (name, city, pointer, wanted) in [
        ("Haney Furniture", "New Castle", "/address/street/sources", json!(["s1", "s2", "s3"])),
        ("Bayside Dental", "Tampa", "/people/1/name/value", json!("Nils Eklund")),
        ("Ironwood Roofing", "Erie", "/social/youtube/value", json!("https://www.youtube.com/@ironwood-roofing-example")),
        ("Kestrel Coffee Roasters", "Duluth", "/phones", json!([{"value": "+12185550155", "confidence": 0.69, "sources": ["s2"]}])),
        ("Old Mill Hardware and Supply", "Asheville", "/emails/0/value", json!("counter@old-mill-hardware.example")),
        ("Thistle Law Group", "Boise", "/phones/1/value", json!("+12085550189")),
    ] {
        let (result, _) = world.search(&json!({"business_name": name, "city": city})).await;
        // Haney's front page says its number in a sentence only, so that its contact page is read too.
        let sources = if name.starts_with("Haney") { 3 } else { 2 };
        assert_eq!(result["sources"].as_array().map(Vec::len), Some(sources), "{name}: {result:#}");
        assert_eq!(result["business"].pointer(pointer), Some(&wanted), "{name}: {result:#}");
    }
}

/// Sites by their own names, as the internet would have them.
#[derive(Debug, Default)]
struct Internet(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Fetch for Internet {
    async fn get(&self, url: &Url, _bytes_max: usize, _timeout: Duration) -> Result<Page, String> {
        self.0.lock().unwrap().push(url.to_string());
        if url.path() == "/robots.txt" {
            return Ok(Page { url: url.clone(), status: 404, content_type: None, location: None, body: Vec::new() });
        }
        let (content_type, body) = samples::page(url.host_str().unwrap_or_default(), url.path()).ok_or("no connection could be made")?;
        Ok(Page { url: url.clone(), status: 200, content_type: Some(content_type.to_owned()), location: None, body: body.to_vec() })
    }
}

async fn without_directory(payload: Value) -> Result<Value, Error> {
    let enricher = Websearch::new(Tools { directory: None, website: Some(website(Internet::default())), ..Tools::default() });
    attempt(&enricher, &payload, &Arc::default(), 1_000_000, CancellationToken::new()).await
}

#[tokio::test]
async fn the_named_domain_is_a_source_of_its_own() {
    let found = without_directory(json!({"business_name": "Thistle Law", "domain": "thistle-law.example"})).await.unwrap();
    assert_eq!(found["matched"], json!(true));
    assert_eq!(found["business"]["website"]["value"], "https://thistle-law.example/");
    // The domain is what was asked for, but another business lives there.
    let other = without_directory(json!({"business_name": "Zenith Bakery", "domain": "thistle-law.example"})).await.unwrap();
    assert_eq!(other["matched"], json!(false));
}

/// Where nobody could be asked there is nothing to say about a match.
#[tokio::test]
async fn no_vendor_is_no_result() {
    let unavailable = |outcome: Result<Value, Error>| matches!(outcome, Err(Error::VendorUnavailable(_)));
    assert!(unavailable(without_directory(json!({"business_name": "Acme", "domain": "nobody.example"})).await), "it failed");
    assert!(unavailable(without_directory(json!({"business_name": "Acme"})).await), "nothing to ask");
    let empty = tempfile::tempdir().unwrap();
    let enricher = Websearch::new(Tools { directory: Some(directory(empty.path())), website: None, ..Tools::default() });
    let payload = json!({"business_name": "Acme"});
    assert!(unavailable(attempt(&enricher, &payload, &Arc::default(), 1_000_000, CancellationToken::new()).await), "nothing imported");
}

/// T-30: without the operator's switch, a website on this machine is out of reach, and the directory alone answers.
#[tokio::test]
async fn loopback_is_out_of_reach_by_default() {
    let world = World::new().await;
    let guard = GuardSettings { contact: "https://enrich.example".to_owned(), ..GuardSettings::default() };
    let (limits, breakers) = (Limits::new(LimitSettings::default()), Breakers::new(BreakerSettings::default()));
    let fetch = GuardedFetch::new(GuardedClient::new(guard).unwrap(), limits, breakers);
    let enricher =
        Websearch::new(Tools { directory: Some(directory(world.dir.path())), website: Some(website(fetch)), ..Tools::default() });
    let book = Arc::new(Book::default());
    let payload = json!({"business_name": "Acme Corp", "city": "Tampa"});
    let result = attempt(&enricher, &payload, &book, 1_000_000, CancellationToken::new()).await.unwrap();
    assert_eq!((&result["matched"], world.requests()), (&json!(true), 0));
    assert_eq!(tools(&book.hops.lock().unwrap())[1], ("website", HopOutcome::Failed, 0));
}
