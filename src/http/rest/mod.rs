//! The public routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use tokio_util::sync::CancellationToken;

use self::agents::{account, keys, statement};
use self::jobs::{cancel, events, list, poll, quote, submit};
use self::sync::{lead_session, websearch};
use self::wallets::{debts, deposits, sign_in};
use super::api::Api;
use super::edge::Edge;
use super::receipts;
use super::request_id::RequestIds;
use super::settings::Settings;
use super::table::{self, Row};
use crate::actors::{ASK_PATH, Node};
use crate::clock::{Clock, Random};

pub mod agents;
pub mod discovery;
pub mod documents;
pub mod health;
mod internal;
pub mod jobs;
pub mod sync;
pub mod wallets;

/// Every public route.
pub fn rows() -> Vec<Row<Arc<Api>>> {
    vec![
        Row::new(submit::__path_submit, submit::submit),
        Row::new(quote::__path_quote, quote::quote),
        Row::new(list::__path_list, list::list),
        Row::new(poll::__path_poll, poll::poll),
        Row::new(events::__path_events, events::events),
        Row::new(cancel::__path_cancel, cancel::cancel),
        Row::new(websearch::__path_websearch, websearch::websearch),
        Row::new(lead_session::__path_lead_session, lead_session::lead_session),
        Row::new(account::__path_me, account::me),
        Row::new(account::__path_balance, account::balance),
        Row::new(statement::__path_ledger, statement::ledger),
        Row::new(account::__path_rotate, account::rotate),
        Row::new(keys::__path_list, keys::list),
        Row::new(keys::__path_create, keys::create),
        Row::new(keys::__path_revoke, keys::revoke),
        Row::new(deposits::__path_deposit, deposits::deposit),
        Row::new(sign_in::__path_nonce, sign_in::nonce),
        Row::new(sign_in::__path_register, sign_in::register),
        Row::new(debts::__path_pay, debts::pay),
        Row::new(discovery::__path_resources, discovery::resources),
        Row::new(discovery::__path_search, discovery::search),
        Row::new(discovery::__path_well_known, discovery::well_known),
        Row::new(discovery::__path_well_known_json, discovery::well_known_json),
        Row::new(receipts::__path_keys, receipts::keys),
        Row::new(health::__path_healthz, health::healthz),
        Row::new(health::__path_readyz, health::readyz),
        Row::new(documents::__path_openapi, documents::openapi),
        Row::new(documents::__path_problem, documents::problem),
    ]
}

/// The router of the public listener. Must be called inside of a tokio runtime, and after the metrics' recorder is installed:
/// what is counted before is lost. `shutdown` ends waiting polls and event streams at once.
pub fn router(node: Node, settings: Settings, clock: Arc<dyn Clock>, random: &dyn Random, shutdown: CancellationToken) -> Router {
    let rows = rows();
    let edge = Arc::new(Edge {
        base: settings.public_url.clone(),
        ids: RequestIds::new(random),
        cors: true,
        shared: node.has_peers().then(|| node.clone()),
    });
    let document = super::openapi::public(&rows, &settings, node.has_networks());
    let api = Api::new(node, settings, clock, document, shutdown);
    api.start_tidying();
    let asked = api.node.clone();
    let router = table::router(rows, &edge, "public", api);
    if asked.has_peers() { router.route(ASK_PATH, post(internal::ask).with_state(asked)) } else { router }
}
