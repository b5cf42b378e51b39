//! Sessions that end early: what was found by then is a result, in the shape of any other, and costs what it cost.

use std::time::Duration;

use enrich_jobs::enrich::Stop;
use serde_json::{Value, json};

use crate::world::{Ended, How, Prices, Said, Who, World, paid, sum};

const DIRECTORY: &str = "name,street,city,state,zip,phone,website\n\
    Haney Furniture Co,44 Mill Rd,New Castle,PA,16101,(724) 555-0123,https://haney-furniture.example/\n";
const HOME: &str = "<!doctype html><title>Haney Furniture Co</title><h1>Haney Furniture Co</h1>\
    <p>44 Mill Rd, New Castle, PA 16101, (724) 555-0123</p><a href=\"/contact\">Contact</a> <a href=\"/people\">Our people</a>";
const PEOPLE: &str = "<!doctype html><title>Our people - Haney Furniture Co</title><h3>Ruth Haney</h3><p>Owner</p>";

async fn world(slow: bool) -> World {
    World::new(DIRECTORY, Prices::default(), Duration::from_secs(20), move |who, question| match (who, question) {
        (Who::Page, "https://haney-furniture.example/") => Said::Text(HOME.to_owned()),
        (Who::Page, "https://haney-furniture.example/people") if slow => Said::Hang,
        (Who::Page, "https://haney-furniture.example/people") => Said::Text(PEOPLE.to_owned()),
        (Who::Search, _) => Said::Text(r#"{"results":[]}"#.to_owned()),
        (Who::Page | Who::Model, _) => Said::Status(404),
    })
    .await
}

fn payload() -> Value {
    json!({
        "lead": {"first_name": "Ruth", "last_name": "Haney", "company": "Haney Furniture Co", "city": "New Castle", "state": "PA"},
        "mode": "waterfall", "max_rounds": 10,
    })
}

/// The shape of every result, however it ended.
fn check_shape(ended: &Ended, because: &str) {
    let result = ended.result();
    for (key, is_right) in [
        ("matched", result["matched"].is_boolean()),
        ("lead", result["lead"]["company"] == "Haney Furniture Co"),
        ("fields", result["fields"].is_object()),
        ("entities", result["entities"].is_array()),
        ("rounds", result["rounds"].is_array()),
        ("summary_markdown", result["summary_markdown"].is_string()),
        ("sources", result["sources"].is_array()),
        ("stopped_because", result["stopped_because"] == because),
    ] {
        assert!(is_right, "{key}: {result:#}");
    }
    let micros = (result["cost_usd"].as_f64().unwrap() * 1e6).round();
    assert_eq!(format!("{micros:.0}"), sum(&ended.hops).to_string());
}

#[tokio::test]
async fn a_cancel_after_any_hop_leaves_what_was_found_by_then() {
    let whole = world(false).await.run(&payload(), How::default()).await;
    let hops = paid(&whole.hops).count();
    assert!(hops >= 3, "{:?}", whole.hops);
    for count in 1..hops {
        let ended = world(false).await.run(&payload(), How { cancel_after: Some(count), ..How::default() }).await;
        assert_eq!((ended.stopped, paid(&ended.hops).count()), (Some(Stop::Cancelled), count));
        check_shape(&ended, "cancelled");
        let found = ended.result()["fields"].as_object().unwrap();
        for (key, field) in found {
            assert!(!field["sources"].as_array().unwrap().is_empty(), "{key}");
        }
        // The same after a crash: an attempt that knows these hops and is cancelled too asks nobody.
        let again = world(false).await;
        let how = How { recorded: ended.hops.clone(), deadline: Duration::ZERO, ..How::default() };
        let resumed = again.run(&payload(), how).await;
        assert!(again.asked().is_empty() && resumed.spent == ended.spent);
        assert_eq!(resumed.result()["fields"], ended.result()["fields"], "after {count} hops");
    }
}

#[tokio::test]
async fn a_deadline_leaves_what_was_found_by_then_and_blames_no_vendor() {
    let ended = world(true).await.run(&payload(), How { deadline: Duration::from_secs(3), ..How::default() }).await;
    assert_eq!(ended.stopped, Some(Stop::Deadline));
    check_shape(&ended, "deadline");
    let result = ended.result();
    assert_eq!((&result["matched"], &result["fields"]["street"]["value"]), (&json!(true), &json!("44 Mill Rd")), "{result:#}");
    assert!(result["summary_markdown"].as_str().unwrap().contains("the time was up"), "{result:#}");
    assert!(ended.hops.iter().all(|hop| hop.cost.micros() >= 0 && !hop.answer.contains("timed out")), "{:?}", ended.hops);
}

#[tokio::test]
async fn a_budget_leaves_what_was_found_by_then() {
    let ended = world(false).await.run(&payload(), How { ceiling: 21_000, ..How::default() }).await;
    check_shape(&ended, "budget");
    assert!(ended.spent <= 21_000 && ended.spent > 0);
    assert_eq!(ended.result()["rounds"].as_array().unwrap().last().unwrap()["stopped_because"], "budget");
}

/// Costs and finds grow, and never shrink, while a session runs.
#[tokio::test]
async fn progress_is_told_from_the_first_moment_and_grows() {
    let ended = world(false).await.run(&payload(), How::default()).await;
    let rounds: Vec<(u32, u32)> = ended.shown.iter().map(|shown| (shown.rounds_done, shown.rounds_max)).collect();
    let done = u32::try_from(ended.result()["rounds"].as_array().unwrap().len()).unwrap();
    assert_eq!(rounds, (0..=done).map(|done| (done, 10)).collect::<Vec<_>>());
    assert!(ended.shown[0].found.is_empty());
    let last: Vec<_> = ended.shown.last().unwrap().found.iter().map(|found| (found.field.to_string(), json!(*found.value))).collect();
    let mut wanted: Vec<_> =
        ended.result()["fields"].as_object().unwrap().iter().map(|(key, field)| (key.clone(), field["value"].clone())).collect();
    let mut told = last;
    told.sort_by(|one, other| one.0.cmp(&other.0));
    wanted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(told, wanted);
}
