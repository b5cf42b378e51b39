//! A session that is killed after any of its hops goes on with the next one, asks nobody twice, and comes to the same result.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{calls, turn, usage};
use crate::world::{How, Prices, Said, Who, World, sum};

const DIRECTORY: &str = "name,street,city,state,zip,phone,website\n\
    Haney Furniture Co,44 Mill Rd,New Castle,PA,16101,(724) 555-0123,https://haney-furniture.example/\n";
const HOME: &str = "<!doctype html><title>Haney Furniture Co</title><h1>Haney Furniture Co</h1>\
    <p>44 Mill Rd, New Castle, PA 16101, (724) 555-0123</p><a href=\"/contact\">Contact</a> <a href=\"/people\">Our people</a>";
const CONTACT: &str = "<!doctype html><title>Contact - Haney Furniture Co</title><p>Haney Furniture Co, 44 Mill Road, New Castle, PA 16101\
    <p>(724) 555-0123, <a href=\"mailto:showroom@haney-furniture.example\">showroom@haney-furniture.example</a>";
const PEOPLE: &str = "<!doctype html><title>Our people - Haney Furniture Co</title><h3>Ruth Haney</h3><p>Owner</p>";

/// The model looks up, reads, and reports; some of what it wants is refused, which a resumed session has to refuse again.
fn says(request: &str) -> String {
    let read = |page: &str| ("read_page", json!({"url": format!("https://haney-furniture.example{page}")}).to_string());
    let report = json!({"values": [{"field": "title", "value": "Owner", "source": 3}], "done": true});
    match turn(request) {
        0 => calls(&[("find_in_directory", "{}".to_owned()), ("search_web", r#"{"query":"haney furniture"}"#.to_owned())], &usage(300, 30)),
        1 => calls(&[read("/"), ("nonsense", "{}".to_owned())], &usage(400, 40)),
        2 => calls(&[read("/people"), read("/contact"), read("/elsewhere")], &usage(500, 50)),
        _ => calls(&[("report", report.to_string())], &usage(600, 60)),
    }
}

async fn world() -> World {
    World::new(DIRECTORY, Prices::default(), Duration::from_secs(20), |who, question| match (who, question) {
        (Who::Page, "https://haney-furniture.example/") => Said::Text(HOME.to_owned()),
        (Who::Page, "https://haney-furniture.example/contact") => Said::Text(CONTACT.to_owned()),
        (Who::Page, "https://haney-furniture.example/people") => Said::Text(PEOPLE.to_owned()),
        (Who::Search, _) => Said::Text(
            json!({"results": [
                {"url": "https://haney-furniture.example/people", "title": "Haney Furniture Co", "content": "New Castle, PA"},
                {"url": "https://listings.example/haney", "title": "Haney Furniture Co, New Castle PA", "content": "(724) 555-0123"},
            ]})
            .to_string(),
        ),
        (Who::Model, request) => Said::Text(says(request)),
        (Who::Page, _) => Said::Status(404),
    })
    .await
}

#[tokio::test]
async fn at_every_hop_in_every_mode() {
    // The tight ones end within the session: a resumed one must not take what it has paid for as spent before it comes to it.
    for (mode, ceiling) in [("waterfall", 5_000_000), ("llm", 5_000_000), ("auto", 5_000_000), ("waterfall", 21_000), ("llm", 40_000)] {
        let payload: Value = json!({
            "lead": {"first_name": "Ruth", "last_name": "Haney", "company": "Haney Furniture Co", "city": "New Castle", "state": "PA"},
            "mode": mode, "max_rounds": 6,
        });
        let first = world().await;
        let whole = first.run(&payload, How { ceiling, ..How::default() }).await;
        let asked = first.asked();
        assert!(whole.hops.len() > 3, "{mode}: {:?}", whole.hops);
        for survived in 0..=whole.hops.len() {
            let second = world().await;
            let recorded = whole.hops[..survived].to_vec();
            let resumed = second.run(&payload, How { ceiling, recorded: recorded.clone(), ..How::default() }).await;
            assert_eq!(resumed.result(), whole.result(), "{mode}, {survived} hops survived");
            assert_eq!((resumed.spent, sum(&resumed.hops)), (whole.spent, sum(&whole.hops)), "{mode}, {survived}");
            assert_eq!(resumed.hops, whole.hops, "{mode}, {survived}");
            // Of those that are on record nobody is asked again; all the others once.
            let again = second.asked();
            assert!(again.iter().all(|(question, count)| *count == 1 && asked.contains_key(question)), "{mode}, {survived}: {again:?}");
            let on_record = recorded.iter().filter(|hop| !hop.is_note() && &*hop.tool != "directory").count();
            assert_eq!(again.len(), asked.len() - on_record, "{mode}, {survived}");
        }
    }
}
