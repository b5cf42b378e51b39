//! A model that follows what a page told it, as one that was talked into it would: nothing that we know leaves us by an address of
//! its making, and nothing becomes a value by being almost in a source.

use std::sync::{Arc, Mutex};

use enrich_jobs::net::{DnsError, MailLookup, MailRoute};
use serde_json::{Value, json};

use crate::model::{last_request, payload, read, told, usage, with_model};
use crate::world::{How, Who};

/// Answers for every domain, and remembers which it was asked for.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl MailLookup for Names {
    async fn mail_route(&self, domain: &str) -> Result<MailRoute, DnsError> {
        self.0.lock().unwrap().push(domain.to_owned());
        Ok(MailRoute::Itself)
    }
}

/// The front page of a known site may be read, and only as it is: its query, port and user are room for what we know.
#[tokio::test]
async fn a_known_host_is_no_way_out() {
    let turns = vec![
        vec![("find_in_directory", "{}".to_owned())],
        vec![
            read("https://haney-furniture.example/?record=Ruth+Haney+8145550000"),
            read("https://haney-furniture.example:8443/"),
            read("https://Ruth:Haney@haney-furniture.example/"),
            read("ftp://haney-furniture.example/"),
        ],
    ];
    let world = with_model(turns, usage(500, 50)).await;
    world.run(&payload(), How::default()).await.result.unwrap();
    let told = told(&last_request(&world));
    assert_eq!(told.iter().filter(|content| content.contains("no tool has returned its address")).count(), 4, "{told:?}");
    assert!(world.asked().keys().all(|(who, _)| *who != Who::Page));
}

/// The name of a domain is asked of its owner's name servers, so it is a message to them.
#[tokio::test]
async fn name_servers_hear_of_known_domains_only() {
    let check = |address: &str| ("check_email", json!({ "address": address }).to_string());
    let turns = vec![
        vec![("find_in_directory", "{}".to_owned())],
        vec![
            check("ruth@8145550000.ruth-haney.evil.example"),
            check("x@secret.haney-furniture.example"),
            check("no address"),
            check("Ruth@Haney-Furniture.example"),
            check("r.haney@old.example"),
        ],
    ];
    let names = Arc::new(Names::default());
    let world = with_model(turns, usage(500, 50)).await.with_mail(Arc::<Names>::clone(&names));
    let mut payload = payload();
    payload["lead"]["email"] = json!("ruth@old.example");
    world.run(&payload, How::default()).await.result.unwrap();
    assert_eq!(*names.0.lock().unwrap(), ["haney-furniture.example", "old.example"]);
}

/// Values that a source's words could be bent into, and never says.
#[tokio::test]
async fn what_almost_stands_in_a_source_is_not_taken() {
    let (home, people) = (2, 3);
    let values = [
        // "PA 16101, (724) 555-0123" has these digits in this order.
        ("number1", "+1 610 172 4555", home, false),
        ("number1", "+1 724 555 0123", home, true),
        // Dots are of no weight in words, and all in a domain.
        ("email", "ruth@haney-furniture.exa.mple", people, false),
        ("email", "uth@haney-furniture.example", people, false),
        ("email", "ruth@haney-furniture.example", people, true),
        ("domain", "furniture.example", people, false),
        // "led by": a word and no code.
        ("country", "BY", people, false),
        ("title", "Owner & <script>alert(1)</script> Buyer", people, true),
    ];
    let reported: Vec<Value> =
        values.iter().map(|(field, value, source, _)| json!({"field": field, "value": value, "source": source})).collect();
    let turns = vec![
        vec![("find_in_directory", "{}".to_owned()), read("https://haney-furniture.example/")],
        vec![read("https://haney-furniture.example/people")],
        vec![("report", json!({"values": reported, "done": false}).to_string())],
    ];
    let world = with_model(turns, usage(500, 50)).await;
    let ended = world.run(&payload(), How::default()).await;
    let told = told(&last_request(&world));
    let taken: Value = serde_json::from_str(told.iter().find(|content| content.contains("taken")).unwrap()).unwrap();
    let taken: Vec<bool> = taken["values"].as_array().unwrap().iter().map(|value| value["taken"] == true).collect();
    assert_eq!(taken, values.map(|(.., wanted)| wanted));
    let text = ended.result().to_string();
    assert!(!text.contains("<script"), "{text}");
}
