//! The lead by which a session is judged: what comes of it is worth calling by.

use std::time::Duration;

use enrich_jobs::cli::samples;
use serde_json::json;

use crate::world::{How, Prices, Said, Who, World};

const SITES: &str = "https://sites.example";

#[tokio::test]
async fn the_reference_lead_is_worth_calling() {
    let world = World::new(&samples::directory_csv(SITES), Prices::default(), Duration::from_secs(20), |who, question| {
        let page = question.strip_prefix(&format!("{SITES}/")).and_then(|page| page.split_once('/'));
        match (who, page) {
            (Who::Page, Some((host, path))) => match samples::page(host, &format!("/{path}")) {
                Some((_, bytes)) => Said::Text(String::from_utf8(bytes.to_vec()).unwrap()),
                None => Said::Status(404),
            },
            (Who::Search, _) => Said::Text(r#"{"results":[]}"#.to_owned()),
            (Who::Page | Who::Model, _) => Said::Status(404),
        }
    })
    .await;
    let mut payload = samples::reference_lead();
    payload["mode"] = json!("waterfall");
    let ended = world.run(&payload, How { ceiling: 5_000_000, ..How::default() }).await;
    let result = ended.result();
    let summary = result["summary_markdown"].as_str().unwrap();
    println!("{summary}");
    assert_eq!(result["matched"], true, "{result:#}");
    assert!(ended.spent > 0 && ended.spent <= 2_000_000);
    // Who, by which number and address, where, when, with whom, and who says so.
    for said in [
        "**Haney Furniture Co**",
        "Ask for Ruth Haney, Owner",
        "+17245550123",
        "ruth@haney-furniture.example",
        "Mo-Sa 10:00-18:00",
        "Alma Reyes (Sales Manager)",
        "New Castle, PA 16101",
        "furniture store",
        "Confirmed: ",
        "New to the record: ",
        "[^s1]: ",
    ] {
        assert!(summary.contains(said), "no {said:?} in:\n{summary}");
    }
    // What the record has wrong is told, and stays.
    assert!(summary.contains("the record has (724) 555-0132, the sources say +17245550123"), "{summary}");
    assert_eq!((&result["lead"]["number1"], &result["lead"]["contact_id"]), (&payload["lead"]["number1"], &json!(81_555_753)));
    assert_eq!(result["lead"]["title"], "Owner");
    assert!(result["sources"].as_array().unwrap().len() >= 3, "{result:#}");
}
