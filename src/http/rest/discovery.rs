//! The catalogue of what wallets can buy: `GET /discovery/resources`, `GET /discovery/search`, `GET /.well-known/x402[.json]`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::billing::x402::Requirements;
use crate::billing::x402::extensions::BAZAAR;
use crate::billing::x402::messages::VERSION;
use crate::http::api::Api;
use crate::http::openapi::params::{CatalogueQuery, SearchQuery};
use crate::http::openapi::x402 as documented;
use crate::http::problem::{Kind, Problem};
use crate::http::reply;
use crate::http::x402::wares::Ware;

/// How many resources a page has where nobody says, and at most.
const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;
/// The only kind of resource.
const HTTP: &str = "http";

/// A page of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Catalogue {
    /// Always 2.
    x402_version: u64,
    /// What is sold.
    items: Vec<Item>,
    /// Which part of it this is.
    pagination: Pagination,
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Always 2.
    x402_version: u64,
    /// The best first.
    resources: Vec<Item>,
    /// There is only one page.
    #[schema(value_type = Option<Object>)]
    pagination: Option<Pagination>,
}

/// Something that a wallet can buy.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CatalogueItem)]
pub struct Item {
    /// Where it is.
    #[schema(format = "uri")]
    resource: String,
    /// Always `http`.
    r#type: &'static str,
    /// Always 2.
    x402_version: u64,
    /// Each way to pay for it; for `upto` the amount is the default ceiling.
    #[schema(value_type = Vec<documented::Requirements>)]
    accepts: Vec<Requirements>,
    /// When the catalogue was made, in Unix seconds.
    last_updated: i64,
    /// Description, tags, and the schema of the request with an answer.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// `bazaar`: the request as catalogues read it.
    #[schema(value_type = Object)]
    extensions: Map<String, Value>,
}

/// Which part of the catalogue a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pagination {
    /// How many at most.
    limit: usize,
    /// How many were left out first.
    offset: usize,
    /// How many there are in all.
    total: usize,
}

/// Lists what wallets can buy.
#[utoipa::path(
    get,
    path = "/discovery/resources",
    operation_id = "listResources",
    tag = "discovery",
    params(CatalogueQuery),
    responses((status = 200, description = "What is sold; empty where no wallet can pay.", body = Catalogue))
)]
pub async fn resources(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::read(request.uri().query(), false)?;
    written(&page(items(&api), &asked))
}

/// Finds what wallets can buy by words: `async`, `queue`, `jobs`.
#[utoipa::path(
    get,
    path = "/discovery/search",
    operation_id = "searchResources",
    tag = "discovery",
    params(SearchQuery),
    responses((status = 200, description = "What was found, the best first.", body = Found))
)]
pub async fn search(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::read(request.uri().query(), true)?;
    let mut resources = found(items(&api), &asked);
    resources.truncate(asked.limit);
    written(&Found { x402_version: VERSION, resources, pagination: None })
}

/// The whole catalogue, where crawlers look for it.
#[utoipa::path(
    get,
    path = "/.well-known/x402",
    operation_id = "wellKnown",
    tag = "discovery",
    responses((status = 200, description = "What is sold.", body = Catalogue))
)]
pub async fn well_known(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    written(&page(items(&api), &Asked::default()))
}

/// The same, by its other name.
#[utoipa::path(
    get,
    path = "/.well-known/x402.json",
    operation_id = "wellKnownJson",
    tag = "discovery",
    responses((status = 200, description = "What is sold.", body = Catalogue))
)]
pub async fn well_known_json(state: State<Arc<Api>>) -> Result<Response, Problem> {
    well_known(state).await
}

/// What is offered now. A ware that no network takes a payment for is none.
fn items(api: &Api) -> Vec<Item> {
    let offered = api.wares.listed().into_iter().map(|ware| (ware, api.node.requirements(ware.scheme, ware.amount)));
    offered.filter(|(_, accepts)| !accepts.is_empty()).map(|(ware, accepts)| Item::of(ware, accepts, api.started_at.seconds())).collect()
}

impl Item {
    fn of(ware: &Ware, accepts: Vec<Requirements>, last_updated: i64) -> Self {
        let resource = &ware.resource;
        let mut metadata = Map::new();
        metadata.insert("description".to_owned(), json!(resource.description));
        metadata.insert("mimeType".to_owned(), json!(resource.mime_type));
        metadata.insert("serviceName".to_owned(), json!(resource.service_name));
        metadata.insert("tags".to_owned(), json!(resource.tags));
        let mut extensions = Map::new();
        if let Some(listing) = &ware.listing {
            metadata.insert(
                "input".to_owned(),
                json!({"method": "POST", "bodyType": "json", "schema": listing.body_schema, "example": listing.body}),
            );
            metadata.insert("output".to_owned(), json!({"mimeType": "application/json", "example": listing.output}));
            extensions.insert(BAZAAR.to_owned(), listing.to_json());
        }
        let resource = resource.url.clone();
        Self { resource, r#type: HTTP, x402_version: VERSION, accepts, last_updated, metadata, extensions }
    }

    /// What it is found by: not the schemas, whose words say what is sent and not what is sold.
    fn words(&self) -> String {
        let of = |name: &str| self.metadata.get(name).map(Value::to_string).unwrap_or_default();
        format!("{} {} {} {}", self.resource, of("description"), of("tags"), of("serviceName")).to_lowercase()
    }
}

fn page(mut items: Vec<Item>, asked: &Asked) -> Catalogue {
    if asked.of_other_kind {
        items.clear();
    }
    let pagination = Pagination { limit: asked.limit, offset: asked.offset, total: items.len() };
    let items = items.into_iter().skip(asked.offset).take(asked.limit).collect();
    Catalogue { x402_version: VERSION, items, pagination }
}

fn found(items: Vec<Item>, asked: &Asked) -> Vec<Item> {
    let wanted: Vec<&str> = asked.words.split_whitespace().collect();
    let mut scored: Vec<(usize, Item)> = Vec::new();
    for item in items.into_iter().filter(|_| !asked.of_other_kind) {
        let words = item.words();
        let hits = wanted.iter().filter(|word| words.contains(**word)).count();
        if hits > 0 || wanted.is_empty() {
            scored.push((hits, item));
        }
    }
    // Stable: what has as many words stays in the catalogue's order.
    scored.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
    scored.into_iter().map(|(_, item)| item).collect()
}

/// Which part of the catalogue is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    words: String,
    of_other_kind: bool,
    limit: usize,
    offset: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self { words: String::new(), of_other_kind: false, limit: LIMIT_DEFAULT, offset: 0 }
    }
}

impl Asked {
    /// Reads a query. Filters that only some clients know (`network`, `scheme`, `payTo`) are not refused: crawlers send what
    /// they please, and more than was asked for is no harm in a catalogue of three.
    fn read(query: Option<&str>, is_search: bool) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "query" if is_search => asked.words = text.to_lowercase(),
                "type" => asked.of_other_kind = text != HTTP,
                "limit" => {
                    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    asked.limit = limit.ok_or_else(|| wrong(&format!("limit must be from 1 to {LIMIT_MAX}")))?;
                }
                "offset" => asked.offset = text.parse().map_err(|_| wrong("offset must be a whole number"))?,
                _ => {}
            }
        }
        Ok(asked)
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::new(Kind::InvalidQuery, format!("{detail}."))
}

fn written<T: Serialize>(body: &T) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "the catalogue could not be written");
        Problem::internal()
    })?;
    Ok(reply::public("application/json", bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::settings::Settings;
    use crate::http::x402::wares::Wares;

    fn catalogue() -> Vec<Item> {
        let wares = Wares::new(&Settings::default(), false);
        wares.listed().into_iter().map(|ware| Item::of(ware, Vec::new(), 1_790_000_000)).collect()
    }

    /// The jobs stand by themselves, apart from the search, and are found by what a buyer would look for.
    #[test]
    fn jobs_are_found_by_their_words() {
        let by = |words: &str| {
            let asked = Asked::read(Some(&format!("query={words}")), true).unwrap();
            found(catalogue(), &asked).into_iter().map(|item| item.resource).collect::<Vec<_>>()
        };
        for words in ["async", "queue", "jobs", "Async+Jobs"] {
            assert!(by(words)[0].ends_with("/api/v1/enrich/jobs"), "{words}");
        }
        assert!(by("websearch")[0].ends_with("/api/v1/enrich/websearch"));
        assert_eq!(by("weather"), Vec::<String>::new());
        assert!(by("lead-session")[0].ends_with("/api/v1/enrich/lead-session"));
        assert_eq!(by("").len(), 3);
    }

    #[test]
    fn pages_follow_one_another() {
        let at = |query: &str| {
            let page = page(catalogue(), &Asked::read(Some(query), false).unwrap());
            (page.items.len(), page.pagination)
        };
        assert_eq!(at(""), (3, Pagination { limit: 20, offset: 0, total: 3 }));
        assert_eq!(at("limit=1&offset=1&network=eip155:1"), (1, Pagination { limit: 1, offset: 1, total: 3 }));
        assert_eq!(at("offset=7"), (0, Pagination { limit: 20, offset: 7, total: 3 }));
        assert_eq!(at("type=mcp").0, 0);
        for wrong in ["limit=0", "limit=101", "offset=-1", "limit=x"] {
            assert_eq!(Asked::read(Some(wrong), false).unwrap_err().kind(), Kind::InvalidQuery, "{wrong}");
        }
    }

    #[test]
    fn an_item_has_the_shape_that_crawlers_read() {
        let item = serde_json::to_value(&catalogue()[0]).unwrap();
        assert_eq!((&item["type"], &item["x402Version"], &item["lastUpdated"]), (&json!("http"), &json!(2), &json!(1_790_000_000)));
        assert_eq!(item["extensions"]["bazaar"]["info"]["input"]["method"], "POST");
        assert_eq!(item["metadata"]["input"]["schema"]["required"], json!(["route", "payload"]));
    }
}
