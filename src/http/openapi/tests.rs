use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::http::{admin as operators, rest};

fn documents() -> [(Value, BTreeSet<String>); 2] {
    let (public_rows, admin_rows) = (rest::rows(), operators::rows());
    let public = public(&public_rows, &Settings::default(), true);
    let admin = admin(&admin_rows);
    let read = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap();
    [(read(&public), public_rows.iter().map(Row::label).collect()), (read(&admin), admin_rows.iter().map(Row::label).collect())]
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Router and document are made from one table; this shows that nothing is lost on the way.
#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    for (document, routes) in documents() {
        assert_eq!(document["openapi"], "3.1.0");
        let documented: BTreeSet<String> = operations(&document).into_iter().map(|(label, _)| label).collect();
        assert_eq!(documented, routes);
        let ids: Vec<_> = operations(&document).into_iter().map(|(_, operation)| operation["operationId"].to_string()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id names two operations");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_whole() {
    for (document, _) in documents() {
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 5);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        for (label, operation) in operations(&document) {
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{label} says nothing of itself");
            for scheme in operation["security"].as_array().into_iter().flatten().flat_map(|scheme| scheme.as_object().unwrap().keys()) {
                assert!(schemes.contains_key(scheme), "{label}: {scheme}");
            }
        }
    }
}

/// A validator of one schema of the document.
fn validator(document: &Value, name: &str) -> jsonschema::Validator {
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_schema_is_one_and_every_example_fits() {
    let mut examples = 0;
    for (document, _) in documents() {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let whole = validator(&document, name);
            for example in schema["examples"].as_array().into_iter().flatten().chain(schema.get("example")) {
                assert!(whole.is_valid(example), "{name}: {example}");
                examples += 1;
            }
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                for example in property["examples"].as_array().into_iter().flatten().chain(property.get("example")) {
                    let mut property = property.clone();
                    property["components"] = document["components"].clone();
                    let fits = jsonschema::validator_for(&property).unwrap().is_valid(example);
                    assert!(fits, "{name}.{field}: {example}");
                    examples += 1;
                }
            }
        }
    }
    assert!(examples > 5, "only {examples} examples were found");
}

/// What the schema takes is taken, and what it refuses is refused: no limit stands in one place only.
#[test]
fn the_submit_schema_and_the_checks_say_the_same() {
    let settings = Settings::default();
    let [(document, _), _] = documents();
    let schema = validator(&document, "SubmitRequest");
    let base = json!({"route": "enrich/websearch", "payload": {"business_name": "Acme"}});
    let with = |field: &str, value: Value| {
        let mut body = base.clone();
        body[field] = value;
        body
    };
    let lead = |lead: Value, more: Value| {
        let mut payload = more;
        payload["lead"] = lead;
        json!({"route": "enrich/lead-session", "payload": payload})
    };
    let pairs = |count: usize, key: usize, value: usize| {
        (0..count).map(|index| (format!("{index:0>key$}"), Value::String("v".repeat(value)))).collect::<serde_json::Map<_, _>>()
    };
    for body in [
        base.clone(),
        json!({}),
        json!([]),
        with("route", json!("enrich/nothing")),
        with("route", json!("enrich/lead-session")),
        lead(json!({"company": "Acme"}), json!({})),
        lead(json!({}), json!({})),
        lead(json!({"company": "Acme"}), json!({"budget_usd": 0.123_456, "max_rounds": 10, "mode": "waterfall", "prompts": ["a"]})),
        lead(json!({"company": "Acme"}), json!({"budget_usd": 1.000_000_1})),
        lead(json!({"company": "Acme"}), json!({"budget_usd": -1})),
        lead(json!({"company": "Acme"}), json!({"budget_usd": null})),
        lead(json!({"company": "Acme"}), json!({"max_rounds": 11})),
        lead(json!({"company": "Acme"}), json!({"mode": "guess"})),
        lead(json!({"company": "Acme"}), json!({"business_name": "Acme"})),
        with("payload", json!({"lead": {"company": "Acme"}})),
        with("route", json!(null)),
        with("payload", json!({})),
        with("payload", json!({"business_name": ""})),
        with("payload", json!({"business_name": "A", "max_results": 11})),
        with("payload", json!({"business_name": "A", "unknown": 1})),
        with("bill_up_to_usd", json!(0.05)),
        with("bill_up_to_usd", json!(0.04)),
        with("bill_up_to_usd", json!(50)),
        with("bill_up_to_usd", json!(50.000_001)),
        with("bill_up_to_usd", json!(1.000_000_1)),
        with("bill_up_to_usd", json!(0.123_456)),
        with("bill_up_to_usd", json!(null)),
        with("bill_up_to_usd", json!(true)),
        with("callback_url", json!(null)),
        with("callback_url", json!(7)),
        with("metadata", json!(null)),
        with("metadata", json!({"a": 1})),
        with("metadata", json!([])),
        with("metadata", Value::Object(pairs(16, 40, 500))),
        with("metadata", Value::Object(pairs(17, 2, 1))),
        with("metadata", Value::Object(pairs(1, 41, 1))),
        with("metadata", Value::Object(pairs(1, 1, 501))),
        with("unknown", json!(1)),
    ] {
        let taken = crate::http::rest::jobs::order::Wanted::read(&body.to_string(), &settings).is_ok();
        assert_eq!(schema.is_valid(&body), taken, "{body}");
    }
}

/// Each route that is sold while the caller waits has its place, its price and its payload.
#[test]
fn calls_that_wait_are_documented_alike() {
    let [(document, _), _] = documents();
    for (path, price, payload, result) in [
        ("/api/v1/enrich/websearch", "1", "WebsearchPayload", "WebsearchResult"),
        ("/api/v1/enrich/lead-session", "1.5", "LeadPayload", "LeadSessionResult"),
    ] {
        let operation = &document["paths"][path]["post"];
        let info = &operation["x-payment-info"];
        assert_eq!(info["price"], json!({"mode": "fixed", "currency": "USD", "amount": price}));
        assert_eq!(info["billing_modes"], json!(["virtual_balance", "x402_exact"]));
        let schema = |of: &Value| of["content"]["application/json"]["schema"]["$ref"].clone();
        assert_eq!(schema(&operation["requestBody"]), format!("#/components/schemas/{payload}"));
        assert_eq!(schema(&operation["responses"]["200"]), format!("#/components/schemas/{result}"));
        assert!(operation["responses"]["504"]["description"].as_str().unwrap().contains("STILL_RUNNING"));
    }
}

/// One price list feeds charges and documents alike.
#[test]
fn the_price_is_in_the_document() {
    let [(document, _), _] = documents();
    let info = &document["paths"]["/api/v1/enrich/jobs"]["post"]["x-payment-info"];
    assert_eq!(info["routes"]["enrich/websearch"]["catalogue_usd"], "1");
    assert_eq!(info["routes"]["enrich/lead-session"]["catalogue_usd"], "1.5");
    assert_eq!((&info["price"]["min"], &info["price"]["max"]), (&json!("0.05"), &json!("50")));
}
