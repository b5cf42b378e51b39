//! The OpenAPI 3.1 documents, made from the tables of what is served.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, RefOr, ServerBuilder};

use super::admin::Admin;
use super::api::Api;
use super::rest::jobs::order::SubmitRequest;
use super::settings::{CEILING_MIN, Settings};
use super::table::Row;
use super::x402::wares::{JOBS, sync_path};
use crate::billing::Price;
use crate::billing::x402::Scheme;
use crate::billing::x402::messages::VERSION;
use crate::types::{Route, Usd};

pub mod params;
pub mod problems;
mod schemas;
pub mod x402;

const PUBLIC: &str = "Sells data enrichment by the job, and bills each job only after it has run, never above its ceiling and nothing for \
                      a no-match. Amounts are US dollars, exact to the micro-dollar. Errors are RFC 9457 problems with a stable `code` and \
                      what to do about it.";
const OPERATORS: &str = "For operators: agents and their credit, jobs, callbacks, shards, audit. Every change is logged with its reason.";

/// The document of the public listener. Where there are networks, wallets can pay.
pub fn public(rows: &[Row<Arc<Api>>], settings: &Settings, has_networks: bool) -> Bytes {
    let mut document = document(rows, info("enrich-jobs", PUBLIC), schemas::Public::openapi().components.unwrap_or_default());
    document.servers = Some(vec![ServerBuilder::new().url(settings.public_url.as_str()).build()]);
    if let Some(components) = &mut document.components {
        components.schemas.insert("SubmitRequest".to_owned(), RefOr::T(SubmitRequest::schema(settings, SubmitRequest::reference)));
        for (name, format, words) in [
            ("agent", "411_…", "An agent's own token: everything of its agent."),
            ("usage_key", "411k_…", "A usage key: submits, reads its own jobs and the balance."),
            ("poll_bearer", "411j_…", "Comes with a job: reads, streams and cancels that one."),
        ] {
            components.add_security_scheme(name, bearer(format, words));
        }
    }
    let sync = Route::ALL.into_iter().map(|route| (sync_path(route), sync_info(route, settings, has_networks)));
    for (path, info) in sync.chain([(JOBS, jobs_info(settings, has_networks))]) {
        if let Some(operation) = document.paths.paths.get_mut(path).and_then(|item| item.post.as_mut()) {
            operation.extensions = Some(Extensions::builder().add("x-payment-info", info).build());
        }
    }
    written(&document)
}

/// The document of the operators' listener.
pub fn admin(rows: &[Row<Arc<Admin>>]) -> Bytes {
    let components = schemas::Operators::openapi().components.unwrap_or_default();
    let mut document = document(rows, info("enrich-jobs for operators", OPERATORS), components);
    if let Some(components) = &mut document.components {
        components.add_security_scheme("operator", bearer("", "The operator's own token."));
    }
    written(&document)
}

fn info(title: &str, words: &str) -> Info {
    InfoBuilder::new().title(title).version(env!("CARGO_PKG_VERSION")).description(Some(words)).build()
}

fn bearer(format: &str, words: &str) -> SecurityScheme {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format).description(Some(words));
    SecurityScheme::Http(http.build())
}

fn document<S: Clone + Send + Sync + 'static>(rows: &[Row<S>], info: Info, components: Components) -> OpenApi {
    let mut paths = PathsBuilder::new();
    for row in rows {
        let mut operation = row.operation.clone();
        problems::add_to(&mut operation);
        paths = paths.path(row.path.as_str(), PathItem::new(row.method.clone(), operation));
    }
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components)).build()
}

fn written(document: &OpenApi) -> Bytes {
    match document.to_json() {
        Ok(json) => Bytes::from(json),
        Err(error) => {
            tracing::error!(%error, "the OpenAPI document could not be written");
            Bytes::from_static(b"{}")
        }
    }
}

/// How a route can be paid.
fn protocols(scheme: Scheme, has_networks: bool) -> (Vec<String>, Vec<Value>) {
    let mut modes = vec!["virtual_balance".to_owned()];
    let mut protocols = Vec::new();
    if has_networks {
        modes.push(format!("x402_{}", scheme.as_str()));
        protocols.push(serde_json::json!({"x402": {"version": VERSION, "scheme": scheme.as_str()}}));
    }
    (modes, protocols)
}

/// What a route costs while its caller waits.
fn sync_info(route: Route, settings: &Settings, has_networks: bool) -> Value {
    let (modes, protocols) = protocols(Scheme::Exact, has_networks);
    let price = settings.prices.of(route).catalogue.to_string();
    serde_json::json!({
        "price": {"mode": "fixed", "currency": "USD", "amount": price},
        "billing_modes": modes,
        "protocols": protocols,
    })
}

/// What a submit costs, for those who look for something to buy.
fn jobs_info(settings: &Settings, has_networks: bool) -> Value {
    let (modes, protocols) = protocols(Scheme::Upto, has_networks);
    let routes = Route::ALL.into_iter().map(|route| {
        let Price { catalogue, minimum, markup_bps } = settings.prices.of(route);
        let price = serde_json::json!({
            "catalogue_usd": catalogue.to_string(),
            "minimum_usd": minimum.to_string(),
            "markup_bps": markup_bps,
        });
        (route.as_str().to_owned(), price)
    });
    serde_json::json!({
        "price": {
            "mode": "dynamic",
            "currency": "USD",
            "min": CEILING_MIN.to_string(),
            "max": settings.ceiling_max.to_string(),
            "default": settings.ceiling_default.to_string(),
        },
        "billing_modes": modes,
        "protocols": protocols,
        "routes": Value::Object(routes.collect()),
    })
}

/// An amount of US dollars in a request.
pub fn amount() -> Schema {
    amount_within(Usd::ZERO, Usd::from_micros(9_007_199_254_000_000)).build().into()
}

/// An amount of US dollars from `min` to `max`. A decimal in a string is taken too; a schema can't give that its bounds.
pub fn amount_within(min: Usd, max: Usd) -> ObjectBuilder {
    let float = |amount: Usd| amount.to_string().parse::<f64>().ok();
    ObjectBuilder::new().schema_type(Type::Number).minimum(float(min)).maximum(float(max)).multiple_of(Some(0.000_001))
}

/// An amount as a JSON value.
pub fn number(amount: Usd) -> Option<Value> {
    serde_json::to_value(amount).ok()
}

/// An example from its JSON text.
pub fn example(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests;
