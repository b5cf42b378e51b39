//! The breaker behind the newcomers' budget: where it stands, and how an operator closes it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Operator;
use super::reason::ReasonBody;
use super::{Admin, reason};
use crate::actors::NewcomersStatus;
use crate::billing::x402::newcomers::Newcomers;
use crate::http::problem::Problem;
use crate::http::reply;

/// Whether wallets are taken that no settlement went well for yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Newcomers)]
pub struct NewcomersLine {
    /// `welcome`, `one_at_a_time` after a pause until one has paid, or `paused`.
    state: &'static str,
    /// For how many seconds more they are paused.
    paused_for_seconds: Option<u32>,
    /// Losses within the window that have not paused them.
    losses: usize,
    /// So many do; 0: never.
    losses_max: usize,
    /// The window, in seconds.
    window_seconds: i64,
}

impl NewcomersLine {
    /// As it stands.
    pub fn of(status: &NewcomersStatus) -> Self {
        let paused_for_seconds = match status.newcomers {
            Newcomers::Paused { seconds } => Some(seconds),
            Newcomers::Welcome | Newcomers::OneAtATime => None,
        };
        Self {
            state: word(status.newcomers),
            paused_for_seconds,
            losses: status.losses,
            losses_max: status.policy.losses_max,
            window_seconds: status.policy.window_ms.div_euclid(1_000),
        }
    }
}

/// As metrics and answers say it.
pub const fn word(newcomers: Newcomers) -> &'static str {
    match newcomers {
        Newcomers::Welcome => "welcome",
        Newcomers::OneAtATime => "one_at_a_time",
        Newcomers::Paused { .. } => "paused",
    }
}

/// Lets wallets in again that no settlement went well for yet, after losses have paused them.
#[utoipa::path(
    post,
    path = "/admin/exposure/newcomers",
    operation_id = "letNewcomersIn",
    tag = "settlements",
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 200, description = "They are welcome, and nothing that was lost counts any more.", body = NewcomersLine))
)]
pub async fn let_in(_: Operator, State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    reply::json(StatusCode::OK, &NewcomersLine::of(&admin.node.let_newcomers_in(reason).await?))
}
