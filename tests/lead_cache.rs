//! Lead sessions and what is kept: the same agent's same session again, and what one agent's sessions may do for another's leads.
//! The web is in this process but for the search, which is a real server on loopback.
#![allow(clippy::unwrap_used, reason = "in a test that is how it fails")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::enrich::cache::{Cache, CacheSettings};
use enrich_jobs::enrich::lead_session::{Experience, LeadSession};
use enrich_jobs::enrich::research::Tools;
use enrich_jobs::enrich::vendors::directory::{Directory, DirectorySettings, import};
use enrich_jobs::enrich::vendors::line::Exchange;
use enrich_jobs::enrich::vendors::search::{Search, SearchKind, SearchSettings};
use enrich_jobs::enrich::vendors::website::{Fetch, Page, Website, WebsiteSettings};
use enrich_jobs::enrich::websearch::Websearch;
use enrich_jobs::enrich::{Enricher, Journal, JournalError, Run, RunSettings};
use enrich_jobs::job::{Hop, HopOutcome};
use enrich_jobs::net::TrustedClient;
use enrich_jobs::types::Usd;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

/// What every page and every answer of the search says, with the owner's name on the page of the team.
const BUSINESS: &str = r#"{"@context":"https://schema.org","@type":"LocalBusiness","name":"Acme Corp","telephone":"(813) 555-0142",
    "address":{"@type":"PostalAddress","streetAddress":"120 N Main St","addressLocality":"Tampa","addressRegion":"FL","postalCode":"33602","addressCountry":"US"}}"#;

/// The web, and how often it was asked for anything.
#[derive(Debug, Clone, Default)]
struct Web(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    pages: AtomicUsize,
    searches: AtomicUsize,
    is_broken: AtomicBool,
}

#[async_trait::async_trait]
impl Fetch for Web {
    /// Any host is a site of the business, also the one that only one buyer knows of.
    async fn get(&self, url: &Url, _bytes_max: usize, _timeout: Duration) -> Result<Page, String> {
        let page = |status, body: String| Page {
            url: url.clone(),
            status,
            content_type: Some("text/html".to_owned()),
            location: None,
            is_private: false,
            body: body.into_bytes(),
        };
        if url.path() == "/robots.txt" {
            return Ok(page(404, String::new()));
        }
        self.0.pages.fetch_add(1, Ordering::SeqCst);
        if self.0.is_broken.load(Ordering::SeqCst) {
            return Err("the host is broken".to_owned());
        }
        let rest = match url.path() {
            "/" => r#"<a href="/contact">Contact</a> <a href="/team">Our team</a>"#,
            "/contact" => "Write to hello@acme.example",
            "/team" => "<h2>Wile Carter</h2><p>Owner</p>",
            _ => return Ok(page(404, String::new())),
        };
        let host = url.host_str().unwrap();
        let head = format!("<title>Acme Corp</title><script type='application/ld+json'>{BUSINESS}</script>");
        Ok(page(200, format!("<!doctype html>{head}<h1>Acme Corp at {host}</h1><p>{rest}</p>")))
    }
}

/// Finds the business for whatever is asked, and says what was, as search engines do.
async fn search(State(web): State<Web>, Query(asked): Query<BTreeMap<String, String>>) -> axum::Json<Value> {
    web.0.searches.fetch_add(1, Ordering::SeqCst);
    let content = format!("Acme Corp in Tampa, FL. Results for {}", asked["q"]);
    axum::Json(json!({"results": [{"url": "https://acme.example/", "title": "Acme Corp, Tampa FL", "content": content}]}))
}

#[derive(Default)]
struct Book(Mutex<Vec<Hop>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(hop);
        Ok(())
    }
}

struct World {
    web: Web,
    tools: Tools,
    _dir: tempfile::TempDir,
}

/// What a job came to, and all that was recorded of it.
struct Ended {
    result: Value,
    hops: Vec<Hop>,
}

impl Ended {
    fn cost(&self) -> i64 {
        self.hops.iter().map(|hop| hop.cost.micros()).sum()
    }

    fn cached(&self) -> usize {
        self.hops.iter().filter(|hop| hop.outcome == HopOutcome::Cached).count()
    }

    fn text(&self) -> String {
        self.hops.iter().map(|hop| hop.answer.to_string()).chain([self.result.to_string()]).collect::<Vec<_>>().join("\n").to_lowercase()
    }
}

impl World {
    /// With an entry in the directory, or with a search alone.
    async fn new(is_listed: bool) -> Self {
        let web = Web::default();
        let app = axum::Router::new().route("/search", axum::routing::get(search)).with_state(web.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let dir = tempfile::tempdir().unwrap();
        let entry = if is_listed { "Acme Corp,120 N Main St,Tampa,FL,33602,(813) 555-0142,https://acme.example/\n" } else { "" };
        let csv = format!("name,street,city,state,zip,phone,website\nOther,1 Oak St,Erie,PA,16501,,\n{entry}");
        import(csv.as_bytes(), dir.path(), true).unwrap();
        let timeout = Duration::from_secs(10);
        let cost = Usd::from_micros(10_000);
        let exchange = Exchange { client: TrustedClient::new().unwrap(), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) };
        let searching = SearchSettings { kind: SearchKind::Searxng, url, key: None, cost, timeout, concurrency: 8 };
        let reading = WebsiteSettings { host_interval: Duration::ZERO, ..WebsiteSettings::default() };
        let tools = Tools {
            directory: Some(Directory::new(DirectorySettings { dir: dir.path().to_owned(), cost, timeout })),
            search: Some(Search::new(searching, exchange)),
            website: Some(Website::new(reading, Arc::new(web.clone()))),
            cache: Cache::new(CacheSettings::default(), &SystemRandom),
            ..Tools::default()
        };
        Self { web, tools, _dir: dir }
    }

    async fn lead(&self, agent: &str, payload: &Value) -> Ended {
        let enricher = LeadSession::new(self.tools.clone(), Experience::default());
        self.run(&enricher, agent, payload, Vec::new(), 1_000_000).await
    }

    async fn websearch(&self, agent: &str, payload: &Value) -> Ended {
        self.run(&Websearch::new(self.tools.clone()), agent, payload, Vec::new(), 1_000_000).await
    }

    async fn run(&self, enricher: &dyn Enricher, agent: &str, payload: &Value, recorded: Vec<Hop>, budget: i64) -> Ended {
        let book = Arc::new(Book(Mutex::new(recorded.clone())));
        let run = Run::new(RunSettings {
            journal: Arc::clone(&book) as Arc<dyn Journal>,
            clock: Arc::new(SystemClock),
            recorded,
            budget: Usd::from_micros(budget),
            deadline: tokio::time::Instant::now() + Duration::from_mins(1),
            cancel: CancellationToken::new(),
            gate: None,
        });
        let found = enricher.run(&payload.to_string(), &mut run.for_caller(agent)).await.unwrap();
        let hops = book.0.lock().unwrap().clone();
        Ended { result: serde_json::from_str(&found.result).unwrap(), hops }
    }

    fn asked(&self) -> (usize, usize) {
        (self.web.0.pages.load(Ordering::SeqCst), self.web.0.searches.load(Ordering::SeqCst))
    }
}

fn lead(contact_id: &str) -> Value {
    json!({"lead": {"contact_id": contact_id, "company": "Acme Corp", "city": "Tampa", "state": "FL", "zip": 33602, "shoe_size": 44}})
}

#[tokio::test]
async fn the_same_session_again_costs_nothing_and_answers_with_the_lead_as_it_was_sent() {
    let world = World::new(true).await;
    let first = world.lead("a", &lead("one")).await;
    assert_eq!((&first.result["matched"], &first.result["cache_hit"]), (&json!(true), &json!(false)), "{:#}", first.result);
    assert!(first.cost() > 0 && first.result["lead"]["number1"] == "+18135550142", "{:#}", first.result);
    let asked = world.asked();
    // Another row of the CRM, other order and space, a number as text: the same lead.
    let again = json!({"lead": {"zip": "33602", "state": "FL", "city": " Tampa ", "company": "Acme Corp ", "email": "", "contact_id": "two", "shoe_size": 44}});
    let second = world.lead("a", &again).await;
    assert_eq!((second.cost(), second.hops.len(), world.asked()), (0, 1, asked));
    assert_eq!((&second.result["cache_hit"], &second.result["cost_usd"]), (&json!(true), &json!(0)), "{:#}", second.result);
    assert_eq!((&second.result["lead"]["contact_id"], &second.result["lead"]["zip"]), (&json!("two"), &json!("33602")));
    for part in ["matched", "fields", "entities", "summary_markdown", "sources", "stopped_because"] {
        assert_eq!(second.result[part], first.result[part], "{part}");
    }
    for key in ["number1", "domain", "street"] {
        assert_eq!(second.result["lead"][key], first.result["lead"][key], "{key}");
    }
    let round = json!([{"n": 1, "tools": ["cache"], "found": second.result["rounds"][0]["found"], "cost_usd": 0, "stopped_because": first.result["stopped_because"]}]);
    assert_eq!(second.result["rounds"], round);
    // A killed job that had taken it has it, although nothing is kept any more.
    let forgetful = LeadSession::new(Tools { cache: Cache::default(), ..world.tools.clone() }, Experience::default());
    let resumed = world.run(&forgetful, "a", &again, second.hops.clone(), 1_000_000).await;
    assert_eq!((resumed.result.to_string(), resumed.hops.len()), (second.result.to_string(), 1));

    // What makes it another session, or another one's.
    let changed = |key: &str, value: Value| {
        let mut payload = lead("one");
        payload[key] = value;
        payload
    };
    let mut other_lead = lead("one");
    other_lead["lead"]["shoe_size"] = json!(45);
    for (agent, payload) in [
        ("b", lead("one")),
        ("a", other_lead),
        ("a", changed("mode", json!("waterfall"))),
        ("a", changed("prompts", json!(["their fax"]))),
        ("a", changed("budget_usd", json!("0.02"))),
        ("a", changed("max_rounds", json!(2))),
        ("a", changed("refresh", json!(true))),
    ] {
        let other = world.lead(agent, &payload).await;
        assert!(other.hops.iter().all(|hop| &*hop.tool != "cache"), "{agent} {payload}");
    }
}

/// What was found while something was broken isn't what there is.
#[tokio::test]
async fn a_session_with_a_failure_is_not_kept() {
    let world = World::new(true).await;
    world.web.0.is_broken.store(true, Ordering::SeqCst);
    let poor = world.lead("a", &lead("one")).await;
    assert!(poor.hops.iter().any(|hop| hop.outcome == HopOutcome::Failed));
    world.web.0.is_broken.store(false, Ordering::SeqCst);
    let good = world.lead("a", &lead("one")).await;
    assert!(good.hops.iter().all(|hop| &*hop.tool != "cache"));
    assert!(good.hops.iter().any(|hop| &*hop.tool == "website" && hop.outcome == HopOutcome::Found), "{:#}", good.result);
}

/// The business's number alone leads another agent's lead to its pages, free of charge and within no budget at all: they were come by in
/// public. A site that only the first buyer named leads nobody.
#[tokio::test]
async fn a_lead_is_led_to_what_is_known_in_public_and_nothing_else() {
    let by_number = json!({"lead": {"company": "Acme", "number1": "813-555-0142"}, "budget_usd": 0});
    for (is_listed, secret) in [(true, None), (false, None), (false, Some("acme-hidden.example"))] {
        let world = World::new(is_listed).await;
        let tools = match secret {
            Some(_) => Tools { search: None, ..world.tools.clone() },
            None => world.tools.clone(),
        };
        let mut payload = json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL", "phone": "8135550142"});
        payload["domain"] = json!(secret);
        let first = world.run(&Websearch::new(tools), "a", &payload, Vec::new(), 1_000_000).await;
        assert_eq!(first.result["matched"], json!(true), "{:#}", first.result);
        if secret.is_some() {
            // With money for the directory, which doesn't know it.
            let second = world.lead("b", &json!({"lead": by_number["lead"], "budget_usd": "0.01"})).await;
            assert_eq!((second.cached(), &second.result["matched"]), (0, &json!(false)), "{:#}", second.result);
            assert!(!second.text().contains("hidden"));
        } else {
            let second = world.lead("b", &by_number).await;
            assert_eq!(second.cost(), 0);
            assert!(second.cached() > 0, "{:#}", second.result);
            assert_eq!(second.result["matched"], json!(true), "{:#}", second.result);
            assert_eq!(second.result["lead"]["domain"], json!("acme.example"), "{:#}", second.result);
            // Killed and started again where nothing is kept, it takes the same way.
            let forgetful = LeadSession::new(Tools { cache: Cache::default(), ..world.tools.clone() }, Experience::default());
            let notes = second.hops.iter().filter(|hop| hop.is_note()).count();
            for survived in notes..=second.hops.len() {
                let resumed = world.run(&forgetful, "b", &by_number, second.hops[..survived].to_vec(), 1_000_000).await;
                assert_eq!(resumed.cost(), 0, "{survived}");
                if survived == second.hops.len() {
                    assert_eq!(resumed.result.to_string(), second.result.to_string());
                }
            }
        }
    }
}

/// A search by a person's name or by a number, or a look-up with what a lead holds, is nobody else's, though another asks the very
/// same; the business by its name and place is asked of the web once.
#[tokio::test]
async fn what_holds_more_than_a_business_is_asked_by_each_agent() {
    let asked = |ended: &Ended, tool: &str| {
        let hops = ended.hops.iter().filter(|hop| &*hop.tool == tool);
        hops.map(|hop| hop.outcome == HopOutcome::Cached).collect::<Vec<_>>()
    };
    for (lead, is_shared) in [
        (json!({"number1": "8135550142"}), false),
        (json!({"first_name": "Wile", "last_name": "Carter", "city": "Tampa", "state": "FL"}), false),
        (json!({"company": "Acme Corp", "city": "Tampa", "state": "FL"}), true),
    ] {
        let world = World::new(false).await;
        // With its pages in reach the second one would be led there, and need no search.
        world.web.0.is_broken.store(true, Ordering::SeqCst);
        let payload = json!({"lead": lead});
        let (first, other) = (world.lead("a", &payload).await, world.lead("b", &payload).await);
        assert_eq!(asked(&first, "search").first(), Some(&false), "{payload}");
        assert_eq!(asked(&other, "search").first(), Some(&is_shared), "{payload}");
        assert!(!asked(&other, "directory").contains(&true), "{payload}");
        let again = world.lead("a", &payload).await;
        assert!(!asked(&again, "search").contains(&false), "{payload}: its own answer serves it, or its whole session does");
    }
}

/// A lead about the business, with something of one agent's own in every field that it has.
#[derive(Debug, Clone)]
struct Draft {
    fields: Vec<bool>,
    spelling: usize,
    is_websearch: bool,
    mode: usize,
    budget: i64,
}

const FREE: [&str; 13] = [
    "contact_id",
    "first_name",
    "last_name",
    "title",
    "street",
    "number2",
    "number3",
    "email",
    "domain",
    "source_system",
    "note",
    "owner",
    "zip",
];

fn draft() -> impl Strategy<Value = Draft> {
    (prop::collection::vec(any::<bool>(), FREE.len()), 0_usize..4, any::<bool>(), 0_usize..2, 20_000_i64..200_000)
        .prop_map(|(fields, spelling, is_websearch, mode, budget)| Draft { fields, spelling, is_websearch, mode, budget })
}

impl Draft {
    /// The payload, and the texts in it that are nobody else's.
    fn payload(&self, mark: &str, number: u64) -> (Value, Vec<String>) {
        let company = ["Acme Corp", "ACME corp.", "acme", "Acme, Corporation"][self.spelling];
        let digits = |n: u64| format!("20255{:05}", (number * 7 + n) % 100_000);
        let mut lead = json!({"company": company, "city": "Tampa", "state": "FL"});
        let mut own = vec![mark.to_owned()];
        for (key, _) in FREE.iter().zip(&self.fields).filter(|(_, is_set)| **is_set) {
            lead[*key] = match *key {
                "number2" => json!(digits(2)),
                "number3" => json!(digits(3).parse::<u64>().unwrap()),
                "email" => json!(format!("{mark}@acme-{mark}.example")),
                "domain" => json!(format!("acme-{mark}.example")),
                "owner" => json!({"name": mark, "tags": [mark]}),
                "street" => json!(format!("120 N Main St, Suite {mark}")),
                "zip" => json!("33602"),
                _ => json!(format!("{mark} {key}")),
            };
            if key.starts_with("number") {
                own.push(lead[*key].to_string().trim_matches('"').to_owned());
            }
        }
        if self.is_websearch {
            let mut asked =
                json!({"business_name": company, "city": "Tampa", "state": "FL", "street": lead["street"], "domain": lead["domain"]});
            asked["phone"] = lead["number2"].clone();
            return (asked, own);
        }
        let mode = ["auto", "waterfall"][self.mode];
        let budget = format!("{}.{:06}", self.budget / 1_000_000, self.budget % 1_000_000);
        (json!({"lead": lead, "mode": mode, "budget_usd": budget, "prompts": [format!("what {mark} wants")]}), own)
    }
}

/// One cache for all of it: whatever agents have asked before, in whatever order, none of what they wrote stands in what another
/// one gets, nor in what is recorded of its job.
#[test]
fn no_agents_input_comes_out_at_anothers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new(false));
    let (seen, shared) = (Mutex::new(Vec::<String>::new()), AtomicUsize::new(0));
    let number = AtomicUsize::new(0);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
    let told = runner.run(&draft(), |draft| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        let mark = format!("qz{number}x");
        let (payload, own) = draft.payload(&mark, u64::try_from(number).unwrap() * 10);
        let ended = runtime.block_on(async {
            if draft.is_websearch { world.websearch(&mark, &payload).await } else { world.lead(&mark, &payload).await }
        });
        shared.fetch_add(ended.cached(), Ordering::SeqCst);
        let text = ended.text();
        for foreign in seen.lock().unwrap().iter() {
            prop_assert!(!text.contains(foreign.as_str()), "{} holds {foreign}: {text}", payload);
        }
        seen.lock().unwrap().extend(own);
        Ok(())
    });
    told.unwrap();
    assert!(shared.load(Ordering::SeqCst) > 60, "too little was shared: {shared:?}");
}
