//! What is for sale: each route that has a price, as a 402 and a catalogue describe it. Made once, from the one price table.

use serde_json::{Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::billing::x402::extensions::{self, Bazaar};
use crate::billing::x402::messages::Members;
use crate::billing::x402::{Resource, Scheme, sponsoring};
use crate::http::rest::jobs::order::SubmitRequest;
use crate::http::settings::Settings;
use crate::types::{LeadPayload, Route, Usd, WebsearchPayload};

/// Where jobs are submitted.
pub const JOBS: &str = "/api/v1/enrich/jobs";
/// Where agents fill their balance.
pub const DEPOSITS: &str = "/api/v1/agents/deposits";
/// Where a route is sold while the caller waits.
pub const fn sync_path(route: Route) -> &'static str {
    match route {
        Route::Websearch => "/api/v1/enrich/websearch",
        Route::LeadSession => "/api/v1/enrich/lead-session",
    }
}

/// Above this many values a schema in a header names none of them.
const ENUM_MAX: usize = 12;

/// Something that has a price.
#[derive(Debug, Clone)]
pub struct Ware {
    /// How it is paid.
    pub scheme: Scheme,
    /// The most that it costs where nobody says more, or all that it costs.
    pub amount: Usd,
    /// What it is, as a buyer reads it.
    pub resource: Resource,
    /// The `extensions` of its 402.
    pub extensions: Members,
    /// What a catalogue is told, with the whole schemas; none for what is no ware of a catalogue.
    pub listing: Option<Bazaar>,
}

/// All of them.
#[derive(Debug)]
pub struct Wares {
    /// Asynchronous jobs.
    pub jobs: Ware,
    /// A search while the caller waits.
    websearch: Ware,
    /// A lead session while the caller waits.
    lead_session: Ware,
    /// Deposits into a balance, whatever the amount.
    pub deposits: Ware,
    base: String,
}

impl Wares {
    /// As the operator sells them; where it `sponsors` allowances, jobs say so.
    pub fn new(settings: &Settings, sponsors: bool) -> Self {
        let url = |path: &str| format!("{}{path}", settings.public_url);
        let jobs = Bazaar {
            body: json!({"route": "enrich/websearch", "payload": business(), "bill_up_to_usd": settings.ceiling_default}),
            body_schema: submit_schema(settings),
            output: Some(json!({
                "job_id": "ej_0400rs0v9s4g0e1r60r30c1g60r30",
                "poll_bearer": "411j_…",
                "status": "queued",
                "billing_mode": "x402_upto",
                "poll_interval_sec": 2,
            })),
        };
        let mut jobs = Ware::listed(
            Scheme::Upto,
            settings.ceiling_default,
            resource(
                url(JOBS),
                "An asynchronous enrichment job, of a business on the web or of a CRM lead in rounds: submit it, poll its queue, get a result. Charged after the run for what it used, never above the signed maximum, and nothing for a no-match.",
                &["async", "jobs", "queue", "enrichment", "upto"],
            ),
            jobs,
        );
        if sponsors {
            jobs.extensions.insert(sponsoring::EXTENSION.to_owned(), sponsoring::offered());
        }
        Self {
            jobs,
            websearch: websearch(settings),
            lead_session: lead_session(settings),
            deposits: Ware::unlisted(
                Usd::ZERO,
                resource(url(DEPOSITS), "A deposit into the balance of an agent.", &["deposit", "balance"]),
            ),
            base: settings.public_url.clone(),
        }
    }

    /// What a wallet owes, to be paid at this path.
    pub fn debt(&self, path: &str) -> Ware {
        let url = format!("{}{path}", self.base);
        Ware::unlisted(Usd::ZERO, resource(url, "What a wallet owes for jobs whose charge could not be settled.", &["debt"]))
    }

    /// A route while the caller waits.
    pub const fn sync(&self, route: Route) -> &Ware {
        match route {
            Route::Websearch => &self.websearch,
            Route::LeadSession => &self.lead_session,
        }
    }

    /// What a catalogue lists.
    pub fn listed(&self) -> [&Ware; 3] {
        [&self.jobs, &self.websearch, &self.lead_session]
    }
}

fn websearch(settings: &Settings) -> Ware {
    let words = "Finds a business on the web and answers with its contacts, each with sources and confidence. Waits for the result; a no-match is not charged.";
    let listing = Bazaar {
        body: business(),
        body_schema: payload_schema(Route::Websearch),
        output: Some(json!({"matched": true, "billed": true, "cache_hit": false, "business": {"name": {"value": "Acme Corp"}}})),
    };
    let tags = ["sync", "enrichment", "business", "websearch", "contacts"];
    Ware::sync(settings, Route::Websearch, (words, &tags), listing)
}

fn lead_session(settings: &Settings) -> Ware {
    let words = "Completes a CRM record in rounds of research, within a budget, and answers with the merged record, each value with sources and confidence. Waits for the result; a no-match is not charged.";
    let output = json!({"matched": true, "billed": true, "cache_hit": false, "lead": {"company": "Acme Corp", "number1": "+18135550142"}});
    let listing = Bazaar {
        body: json!({"lead": {"company": "Acme Corp", "city": "Tampa", "state": "FL"}, "max_rounds": 3}),
        body_schema: payload_schema(Route::LeadSession),
        output: Some(output),
    };
    let tags = ["sync", "enrichment", "lead", "crm", "contacts"];
    Ware::sync(settings, Route::LeadSession, (words, &tags), listing)
}

impl Ware {
    fn listed(scheme: Scheme, amount: Usd, resource: Resource, listing: Bazaar) -> Self {
        let short = Bazaar { body_schema: shortened(listing.body_schema.clone()), ..listing.clone() };
        Self { scheme, amount, resource, extensions: extensions::offered(Some(&short)), listing: Some(listing) }
    }

    fn sync(settings: &Settings, route: Route, (words, tags): (&str, &[&str]), listing: Bazaar) -> Self {
        let url = format!("{}{}", settings.public_url, sync_path(route));
        Self::listed(Scheme::Exact, settings.prices.of(route).catalogue, resource(url, words, tags), listing)
    }

    fn unlisted(amount: Usd, resource: Resource) -> Self {
        Self { scheme: Scheme::Exact, amount, resource, extensions: extensions::offered(None), listing: None }
    }
}

fn resource(url: String, description: &str, tags: &[&str]) -> Resource {
    Resource {
        url,
        description: Some(description.to_owned()),
        mime_type: Some("application/json".to_owned()),
        service_name: Some("enrich-jobs".to_owned()),
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        icon_url: None,
    }
}

fn business() -> Value {
    json!({"business_name": "Acme Corp", "city": "Tampa", "state": "FL"})
}

/// The schema of a submit on its own: a catalogue follows no reference into another document.
fn submit_schema(settings: &Settings) -> Value {
    serde_json::to_value(SubmitRequest::schema(settings, payload_schema)).unwrap_or_default()
}

fn payload_schema(route: Route) -> Value {
    match route {
        Route::Websearch => written(&WebsearchPayload::schema()),
        Route::LeadSession => written(&LeadPayload::schema()),
    }
}

fn written(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// What fits into a header: without words, examples and long lists.
fn shortened(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, value)| match name.as_str() {
                // A property may have one of these names too; then it is a schema, and no text or list.
                "description" => !value.is_string(),
                "example" | "default" => value.is_object(),
                "examples" => !value.is_array(),
                "enum" => value.as_array().is_none_or(|values| values.len() <= ENUM_MAX),
                _ => true,
            });
            Value::Object(kept.map(|(name, value)| (name, shortened(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(shortened).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::x402::extensions::BAZAAR;
    use crate::billing::x402::header::{WRITTEN_MAX, decode};
    use crate::billing::x402::{PaymentRequired, Requirements};
    use crate::http::x402::demand::{After, Demand};

    fn requirements(scheme: Scheme, network: u64) -> Requirements {
        let address = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
        serde_json::from_value(json!({
            "scheme": scheme.as_str(), "network": format!("eip155:{network}"), "amount": "50000000", "asset": address,
            "payTo": address, "maxTimeoutSeconds": 1200,
            "extra": {"name": "USD Coin", "version": "2", "assetTransferMethod": "permit2", "facilitatorAddress": address},
        }))
        .unwrap()
    }

    /// Node's fetch breaks above 16 KiB of headers in all.
    #[test]
    fn a_402_fits_into_its_header_with_its_schema() {
        let settings = Settings::default();
        let wares = Wares::new(&settings, false);
        for ware in [&wares.jobs, &wares.websearch, &wares.lead_session, &wares.deposits] {
            let accepts: Vec<_> = (0..3).map(|network| requirements(ware.scheme, 84_532 + network)).collect();
            let demand = Demand::new(ware, accepts, "permit2_insufficient_balance", After::Nothing).unwrap();
            assert!(demand.header.len() <= WRITTEN_MAX, "{} bytes", demand.header.len());
            assert_eq!(decode::<PaymentRequired>(demand.header.as_bytes()).unwrap(), demand.required);
            let extensions = demand.required.extensions.unwrap();
            assert_eq!(extensions.contains_key(BAZAAR), ware.listing.is_some());
            assert!(!extensions.contains_key(sponsoring::EXTENSION));
            assert_eq!(extensions["payment-identifier"]["info"]["required"], false);
        }
        // What a client needs to sign goes before what a catalogue is told.
        let sponsored = Wares::new(&settings, true);
        let accepts: Vec<_> = (0..3).map(|network| requirements(Scheme::Upto, 84_532 + network)).collect();
        let demand = Demand::new(&sponsored.jobs, accepts, "payment required", After::Nothing).unwrap();
        assert!(demand.header.len() <= WRITTEN_MAX && demand.required.extensions.unwrap().contains_key(sponsoring::EXTENSION));
        // Many networks are more important than the schema.
        let many: Vec<_> = (0..9).map(|network| requirements(Scheme::Upto, network)).collect();
        let demand = Demand::new(&wares.jobs, many, "payment required", After::Nothing).unwrap();
        assert!(demand.header.len() <= WRITTEN_MAX && !demand.required.extensions.unwrap().contains_key(BAZAAR));
    }

    #[test]
    fn schemas_stand_on_their_own_and_take_their_examples() {
        let wares = Wares::new(&Settings::default(), false);
        for ware in wares.listed() {
            let listing = ware.listing.as_ref().unwrap();
            for schema in [listing.body_schema.clone(), shortened(listing.body_schema.clone())] {
                assert!(!schema.to_string().contains("$ref"), "{schema}");
                let validator = jsonschema::validator_for(&schema).unwrap();
                assert!(validator.is_valid(&listing.body), "{}", listing.body);
                assert!(!validator.is_valid(&json!({})));
            }
            let tags = ware.resource.tags.as_ref().unwrap();
            assert!(tags.len() <= 5 && tags.iter().all(|tag| tag.len() <= 32));
        }
        // Each route with its own payload, and with no other's.
        let jobs = jsonschema::validator_for(&wares.jobs.listing.as_ref().unwrap().body_schema).unwrap();
        let lead = json!({"lead": {"company": "Acme Corp"}});
        for (route, payload, fits) in [
            (Route::Websearch, business(), true),
            (Route::Websearch, lead.clone(), false),
            (Route::LeadSession, lead, true),
            (Route::LeadSession, business(), false),
        ] {
            assert_eq!(jobs.is_valid(&json!({"route": route, "payload": payload})), fits, "{route} {payload}");
        }
    }
}
