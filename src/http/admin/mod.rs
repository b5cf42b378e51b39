//! The operators' listener: its own address, its own token, and effects by POST only (safety.md T-24).

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;

use self::guard::Guard;
use super::edge::Edge;
use super::exposition::Exposition;
use super::request_id::RequestIds;
use super::settings::AdminSettings;
use super::table::{self, Row};
use crate::actors::Node;
use crate::clock::Random;

pub mod agents;
pub mod deliveries;
pub mod guard;
pub mod jobs;
pub mod newcomers;
pub mod operations;
pub mod reason;
pub mod settlements;

/// What every handler of the operators' listener can reach.
#[derive(Debug)]
pub struct Admin {
    /// Where everything is done.
    pub node: Node,
    /// Knows the operator's token.
    pub guard: Guard,
    /// Where the metrics are, if they are kept.
    pub exposition: Option<Exposition>,
    /// As told to buyers.
    pub max_timeout_seconds: u32,
    /// The OpenAPI document.
    pub document: Bytes,
}

/// Every operators' route.
pub fn rows() -> Vec<Row<Arc<Admin>>> {
    vec![
        Row::new(agents::__path_create, agents::create),
        Row::new(agents::__path_list, agents::list),
        Row::new(agents::__path_show, agents::show),
        Row::new(agents::__path_credit, agents::credit),
        Row::new(agents::__path_disable, agents::disable),
        Row::new(jobs::__path_list, jobs::list),
        Row::new(jobs::__path_show, jobs::show),
        Row::new(jobs::__path_fail, jobs::fail),
        Row::new(deliveries::__path_list, deliveries::list),
        Row::new(deliveries::__path_redeliver, deliveries::redeliver),
        Row::new(settlements::__path_list, settlements::list),
        Row::new(settlements::__path_retry, settlements::retry),
        Row::new(settlements::__path_debtors, settlements::debtors),
        Row::new(settlements::__path_forgive, settlements::forgive),
        Row::new(settlements::__path_exposure, settlements::exposure),
        Row::new(newcomers::__path_let_in, newcomers::let_in),
        Row::new(operations::__path_shards, operations::shards),
        Row::new(operations::__path_nodes, operations::nodes),
        Row::new(operations::__path_accept_loss, operations::accept_loss),
        Row::new(operations::__path_drain, operations::drain),
        Row::new(operations::__path_audit, operations::audit),
        Row::new(operations::__path_log, operations::log),
        Row::new(operations::__path_metrics, operations::metrics),
        Row::new(operations::__path_openapi, operations::openapi),
    ]
}

/// The router of the operators' listener. `exposition` comes from [`Exposition::install`].
pub fn router(node: Node, settings: &AdminSettings, exposition: Option<Exposition>, random: &dyn Random) -> Router {
    let rows = rows();
    let edge = Arc::new(Edge { base: settings.public_url.clone(), ids: RequestIds::new(random), cors: false, shared: None });
    let admin = Admin {
        node,
        guard: Guard::new(&settings.token),
        exposition,
        max_timeout_seconds: settings.max_timeout_seconds,
        document: super::openapi::admin(&rows),
    };
    table::router(rows, &edge, "admin", Arc::new(admin))
}
