//! A site that links to nothing has a list of its pages for search engines.

use std::time::Duration;

use serde_json::json;

use crate::world::{How, Prices, Said, Who, World, paid};

#[tokio::test]
async fn people_are_found_on_a_page_that_only_the_sites_list_names() {
    let world = World::new("name,city,state\nOther Works,Ocala,FL\n", Prices::default(), Duration::from_secs(20), |who, question| {
        let page = question.strip_prefix("https://haney.example");
        match (who, page) {
            (Who::Page, Some("/")) => {
                Said::Text("<title>Haney Furniture | New Castle</title><h1>Haney Furniture</h1><div id=app></div>".to_owned())
            }
            (Who::Page, Some("/sitemap.xml")) => Said::Text(
                "<urlset><url><loc>https://haney.example/staff</loc></url><url><loc>https://haney.example/contact-us</loc></url></urlset>"
                    .to_owned(),
            ),
            (Who::Page, Some("/staff")) => Said::Text("<title>Staff | Haney Furniture</title><h3>Ann Lee</h3><p>Owner</p>".to_owned()),
            (Who::Page, Some("/contact-us")) => Said::Text(
                "<title>Contact | Haney Furniture</title><p>44 Mill Road<br>New Castle, PA 16101<p>Phone (724) 555-0123".to_owned(),
            ),
            (Who::Search, _) => Said::Text(r#"{"results":[]}"#.to_owned()),
            (Who::Page | Who::Model, _) => Said::Status(404),
        }
    })
    .await;
    let lead =
        json!({ "first_name": "Ann", "last_name": "Lee", "company": "Haney Furniture", "city": "New Castle", "domain": "haney.example" });
    let ended = world.run(&json!({ "lead": lead, "mode": "waterfall", "max_rounds": 10 }), How::default()).await;
    let fields = &ended.result()["fields"];
    assert_eq!((&fields["title"]["value"], &fields["number1"]["value"]), (&json!("Owner"), &json!("+17245550123")));
    let lists = paid(&ended.hops).filter(|hop| hop.cost.micros() == 5_000 && &*hop.tool == "website").count();
    assert_eq!(lists, 4, "the front page, its list once, and the two pages");
    // A resumed session asks for nothing again.
    world.asked();
    let again = world
        .run(&json!({ "lead": lead, "mode": "waterfall", "max_rounds": 10 }), How { recorded: ended.hops.clone(), ..How::default() })
        .await;
    assert_eq!(again.result(), ended.result());
    assert!(world.asked().is_empty());
}
