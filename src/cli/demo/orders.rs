//! What the demo buys.

use serde_json::{Value, json};

/// What a query to the directory costs here, in US dollars: dear enough that the smallest ceiling is reached.
pub(super) const DIRECTORY_COST: &str = "0.03";
/// What a page of a website costs here.
pub(super) const PAGE_COST: &str = "0.015";

/// One job to be bought.
#[derive(Debug)]
pub(super) struct Order {
    /// For people.
    pub(super) title: &'static str,
    /// What it is there to show.
    pub(super) shows: &'static str,
    name: &'static str,
    city: &'static str,
    state: &'static str,
    /// The ceiling, in US dollars.
    pub(super) ceiling: &'static str,
    /// Its end is told by a callback.
    pub(super) has_callback: bool,
}

/// All of them.
pub(super) static ORDERS: [Order; 5] = [
    Order {
        title: "Acme Corp, Tampa",
        shows: "a match; its end is told by a callback",
        name: "Acme Corp",
        city: "Tampa",
        state: "FL",
        ceiling: "1.50",
        has_callback: true,
    },
    Order {
        title: "Haney Furniture, New Castle",
        shows: "a match, though the name is misspelled",
        name: "Haney Furnitrue",
        city: "New Castle",
        state: "PA",
        ceiling: "1.50",
        has_callback: false,
    },
    Order {
        title: "Cafe Zoe, Savannah",
        shows: "a match that reads two pages",
        name: "Cafe Zoe",
        city: "Savannah",
        state: "GA",
        ceiling: "1.50",
        has_callback: false,
    },
    Order {
        title: "Cafe Zoe, with less to spend",
        shows: "the ceiling is reached before the second page",
        name: "Cafe Zoe",
        city: "Savannah",
        state: "GA",
        ceiling: "0.05",
        has_callback: false,
    },
    Order {
        title: "Blue Dolphin Submarines, Boise",
        shows: "no match, and so no charge",
        name: "Blue Dolphin Submarines",
        city: "Boise",
        state: "ID",
        ceiling: "1.50",
        has_callback: false,
    },
];

impl Order {
    /// The body of its submit; its end is told there, where it is one that tells it.
    pub(super) fn body(&self, callback_url: Option<&str>) -> Value {
        let mut body = json!({
            "route": "enrich/websearch",
            "payload": { "business_name": self.name, "city": self.city, "state": self.state },
            "bill_up_to_usd": self.ceiling,
        });
        if let Some(callback_url) = callback_url.filter(|_| self.has_callback)
            && let Some(fields) = body.as_object_mut()
        {
            fields.insert("callback_url".to_owned(), callback_url.into());
        }
        body
    }
}
