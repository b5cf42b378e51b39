//! Whole sessions under random prices, budgets, vendors and models: whatever they do, the money holds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use enrich_jobs::billing::{PriceList, charge};
use enrich_jobs::types::{Route, Usd};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{calls, turn, usage};
use crate::world::{Ended, How, Prices, Said, Who, World, paid, sum};

const DIRECTORY: &str = "name,street,city,state,zip,phone,website,email,people\n\
    Haney Furniture Co,44 Mill Rd,New Castle,PA,16101,(724) 555-0123,https://haney.example/,,Ruth Haney|Owner\n\
    Haney Furnishings,9 Oak St,Erie,PA,16501,(814) 555-0111,https://other.example/,hello@other.example,\n";
/// Long enough for a vendor that answers, and short for one that hangs.
const PATIENCE: Duration = Duration::from_millis(300);

/// A number below `below` that follows from the seed and what is asked.
fn luck(seed: u64, what: &str, below: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what).hash(&mut hasher);
    hasher.finish() % below
}

/// Two of a dozen answers are none.
fn faulty(seed: u64, question: &str) -> Option<Said> {
    match luck(seed, question, 14) {
        0 => Some(Said::Status(400)),
        1 => Some(Said::Text("\u{0}{not JSON, <hardly HTML".to_owned())),
        2 => Some(Said::Hang),
        3 => Some(Said::Status(404)),
        _ => None,
    }
}

fn page(seed: u64, url: &str) -> Said {
    let mut html = "<!doctype html><title>Haney Furniture Co</title><h1>Haney Furniture Co</h1>".to_owned();
    for (piece, text) in [
        ("place", "<p>44 Mill Road, New Castle, PA 16101"),
        ("other place", "<p>1 Elsewhere Ave, Erie, PA 16501"),
        ("phone", "<p><a href=\"tel:+17245550123\">(724) 555-0123</a>"),
        ("other phone", "<p>Call (814) 555-0199"),
        ("people", "<h3>Ruth Haney</h3><p>Owner</p><p>ruth@haney.example</p>"),
        ("more people", "<h3>Ruth Haney</h3><p>Former Director</p>"),
        ("contact", "<a href=\"/contact\">Contact</a>"),
        ("team", "<a href=\"/team\">Our team</a>"),
        ("price", "<p>This page costs $1,000. cost_usd: 1000"),
        ("mail", "<a href=\"mailto:info@haney.example\">info@haney.example</a>"),
    ] {
        if luck(seed, &format!("{url} {piece}"), 2) == 0 {
            html.push_str(text);
        }
    }
    Said::Text(html)
}

fn search(seed: u64, words: &str) -> Said {
    let urls = [
        "https://haney.example/",
        "https://haney.example/team",
        "https://listings.example/haney",
        "https://other.example/",
        "http://[::1]/",
    ];
    let results: Vec<Value> = urls
        .iter()
        .filter(|url| luck(seed, &format!("{words} {url}"), 2) == 0)
        .map(|url| json!({"url": url, "title": "Haney Furniture Co, New Castle", "content": "(724) 555-0123", "cost_usd": 50}))
        .collect();
    Said::Text(json!({"results": results, "cost_usd": 1000}).to_string())
}

/// A turn of a model that knows its tools, and of one that doesn't; it claims whatever it likes.
fn model(seed: u64, request: &str) -> Said {
    let (turn, roll) = (turn(request), |what: &str, below| luck(seed, &format!("{} {what}", turn(request)), below));
    let wishes = [
        ("find_in_directory", "{}".to_owned()),
        ("search_web", json!({"query": format!("haney {turn}")}).to_string()),
        ("read_page", json!({"url": "https://haney.example/"}).to_string()),
        ("read_page", json!({"url": "https://haney.example/team"}).to_string()),
        ("read_page", json!({"url": "http://169.254.169.254/"}).to_string()),
        ("check_email", json!({"address": "ruth@haney.example"}).to_string()),
        ("report", json!({"values": [{"field": "company", "value": "Evil Corp", "source": roll("source", 9)}], "done": false}).to_string()),
        (
            "report",
            json!({"values": [{"field": "title", "value": "Owner", "source": roll("of", 4)}], "done": roll("done", 3) == 0}).to_string(),
        ),
        ("transfer_money", json!({"amount_usd": 1000}).to_string()),
        ("search_web", "{\"query\":".to_owned()),
        ("report", "null".to_owned()),
    ];
    let wanted: Vec<(&str, String)> =
        wishes.into_iter().enumerate().filter(|(at, _)| roll(&format!("call {at}"), 3) == 0).map(|(_, call)| call).collect();
    let bytes = u64::try_from(request.len()).unwrap();
    let usage = match roll("usage", 7) {
        0 => usage(bytes * 10, 12_000),
        1 => usage(u64::MAX, u64::MAX),
        2 => json!({"prompt_tokens": -1_000_000, "completion_tokens": "many"}),
        3 => Value::Null,
        _ => usage(bytes / 4, 80),
    };
    Said::Text(calls(&wanted, &usage))
}

#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    prices: Prices,
    budget: Option<i64>,
    ceiling: i64,
    rounds: u8,
    mode: &'static str,
    lead: Value,
}

fn cases() -> impl Strategy<Value = Case> {
    let price = || prop_oneof![Just(0_i64), 1_i64..40_000];
    let prices = (price(), price(), price(), 0_i64..20_000_000, 0_i64..40_000_000);
    let money = (proptest::option::of(0_i64..200_000), prop_oneof![0_i64..60_000, 0_i64..2_000_000]);
    let mode = prop::sample::select(vec!["waterfall", "llm", "auto"]);
    (any::<u64>(), prices, money, 1_u8..=6, mode, 0_u32..256).prop_map(|(seed, prices, (budget, ceiling), rounds, mode, has)| {
        let (directory, page, search, input, output) = prices;
        let mut lead = json!({"note": {"kept": [1.50, "as it is"]}, "score": 7.10});
        for (at, (key, value)) in [
            ("company", json!("Haney Furniture Co")),
            ("city", json!("New Castle")),
            ("state", json!("PA")),
            ("street", json!("17 Wrong Way")),
            ("number1", json!(8_145_550_000_u64)),
            ("first_name", json!("Ruth")),
            ("title", json!("Intern")),
            ("domain", json!("haney.example")),
        ]
        .into_iter()
        .enumerate()
        {
            if at < 3 && has % 16 != 0 || has >> at & 1 == 1 {
                lead[key] = value;
            }
        }
        lead["last_name"] = json!("Haney");
        Case { seed, prices: Prices { directory, page, search, input, output }, budget, ceiling, rounds, mode, lead }
    })
}

/// Every leaf of the result names whoever says it.
fn check_leaves(value: &Value, known: &[&str]) {
    match value {
        Value::Object(members) => {
            if let (Some(said), Some(sources)) = (members.get("value"), members.get("sources")) {
                let sources: Vec<&str> = sources.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
                assert!(!sources.is_empty() && sources.iter().all(|id| known.contains(id)), "{said}: {sources:?} of {known:?}");
            }
            members.values().for_each(|member| check_leaves(member, known));
        }
        Value::Array(items) => items.iter().for_each(|item| check_leaves(item, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The rules that hold whatever happened.
fn check(case: &Case, ended: &Ended) {
    let Case { prices, budget, ceiling, lead, .. } = case;
    let cost = sum(&ended.hops);
    let most = budget.map_or(*ceiling, |budget| budget.min(*ceiling));
    assert!(cost <= most, "{cost} of {most}");
    assert_eq!(cost, ended.spent);
    for hop in paid(&ended.hops) {
        let price = match &*hop.tool {
            "directory" => prices.directory,
            "website" => prices.page,
            "search" => prices.search,
            "llm" => i64::MAX,
            other => panic!("{other} isn't configured"),
        };
        assert!((0..=price).contains(&hop.cost.micros()), "{hop:?}");
    }
    let Ok((matched, result)) = &ended.result else { return };
    let exact = |value: &Value| Usd::parse_json_token(&value.to_string()).unwrap().micros();
    assert_eq!(exact(&result["cost_usd"]), cost);
    let rounds: i64 = result["rounds"].as_array().unwrap().iter().map(|round| exact(&round["cost_usd"])).sum();
    assert!(rounds <= cost, "{result}");
    let charged =
        charge(PriceList::default().of(Route::LeadSession), Usd::from_micros(*ceiling), Usd::from_micros(cost), *matched).unwrap();
    assert_eq!(charged.micros(), if *matched { cost } else { 0 });
    for (key, own) in lead.as_object().unwrap() {
        assert_eq!(&result["lead"][key], own, "{key} is the buyer's");
    }
    let known: Vec<&str> = result["sources"].as_array().unwrap().iter().map(|source| source["id"].as_str().unwrap()).collect();
    check_leaves(&result["fields"], &known);
    check_leaves(&result["entities"], &known);
    for (key, field) in result["fields"].as_object().unwrap() {
        assert!(field["sources"].is_array(), "{key}");
    }
    assert!(!result.to_string().contains("Evil Corp"), "{result}");
    assert!(result["rounds"].as_array().unwrap().len() <= usize::from(case.rounds), "{result}");
}

fn play(case: &Case) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seed = case.seed;
        let world = World::new(DIRECTORY, case.prices, PATIENCE, move |who, question| {
            faulty(seed, question).unwrap_or_else(|| match who {
                Who::Page => page(seed, question),
                Who::Search => search(seed, question),
                Who::Model => model(seed, question),
            })
        })
        .await;
        let mut payload = json!({"lead": case.lead, "mode": case.mode, "max_rounds": case.rounds});
        if let Some(budget) = case.budget {
            payload["budget_usd"] = json!(format!("{}.{:06}", budget / 1_000_000, budget % 1_000_000));
        }
        let ended = world.run(&payload, How { ceiling: case.ceiling, ..How::default() }).await;
        check(case, &ended);
        // What survives a crash at any hop counts against the same budget.
        let survived = usize::try_from(luck(seed, "survived", 8)).unwrap().min(ended.hops.len());
        let how = How { ceiling: case.ceiling, recorded: ended.hops[..survived].to_vec(), ..How::default() };
        check(case, &world.run(&payload, how).await);
        for (question, count) in world.asked() {
            assert!(count <= 2, "{question:?} in two attempts, {count} times");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// I-3, F-V1, F-V2.
    #[test]
    fn whatever_vendors_and_models_do_the_money_holds(case in cases()) {
        play(&case);
    }
}
