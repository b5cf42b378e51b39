//! `GET /api/v1/agents/ledger`: everything that moved an agent's money, newest first.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::billing::{Account, Transfer, TransferId};
use crate::http::api::Api;
use crate::http::limit::Caller;
use crate::http::openapi::params::PageQuery;
use crate::http::problem::Problem;
use crate::http::query::{Items, Listing};
use crate::http::{caller, limit, reply};
use crate::types::{JobId, Timestamp, Usd};

/// A line of a statement. The changes of all lines together are the balance and what is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    /// The transfer's own id, the same for ever.
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `hold`: a job's ceiling is set aside. `charge`: what the job cost is taken from the hold. `refund`: the rest of the hold
    /// comes back. `deposit`: money came in.
    #[schema(value_type = String)]
    kind: &'static str,
    /// How much moved, in US dollars; never negative.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// By how much it changed `virtual_balance_usd`.
    #[schema(value_type = f64)]
    balance_change_usd: Usd,
    /// By how much it changed `held_usd`.
    #[schema(value_type = f64)]
    held_change_usd: Usd,
    /// The account that gave.
    debit: String,
    /// The account that took.
    credit: String,
    /// The job that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    job_id: Option<JobId>,
    /// Why, for a deposit.
    #[serde(skip_serializing_if = "str::is_empty")]
    note: Box<str>,
}

impl Line {
    /// A transfer, as the agent sees it.
    pub fn of(transfer: &Transfer) -> Self {
        let (kind, job_id) = match transfer.id {
            TransferId::Job(job, kind) => (kind.as_str(), Some(job)),
            TransferId::Credit(..) | TransferId::Welcome(_) => ("deposit", None),
            TransferId::Payment(_, kind) => (kind.as_str(), None),
        };
        let change = |is_of_kind: fn(&Account) -> bool| {
            let signed = |counts: bool, sign: i64| if counts { transfer.amount.micros().saturating_mul(sign) } else { 0 };
            Usd::from_micros(signed(is_of_kind(&transfer.credit), 1).saturating_add(signed(is_of_kind(&transfer.debit), -1)))
        };
        Self {
            id: transfer.id.to_string(),
            at: transfer.at,
            kind,
            amount_usd: transfer.amount,
            balance_change_usd: change(|account| matches!(account, Account::Agent(_))),
            held_change_usd: change(|account| matches!(account, Account::Hold(_))),
            debit: transfer.debit.to_string(),
            credit: transfer.credit.to_string(),
            job_id,
            note: transfer.note.clone(),
        }
    }
}

/// Shows the statement.
#[utoipa::path(
    get,
    path = "/api/v1/agents/ledger",
    operation_id = "getStatement",
    tag = "agents",
    params(PageQuery),
    security(("agent" = [])),
    responses((status = 200, description = "A page, newest first.", body = Items<Line>))
)]
pub async fn ledger(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let agent = caller::require_agent(&api.node, request.headers())?;
    let listing = Listing::plain(request.uri().query())?;
    let budget = api.polls.take(Caller::Agent(agent))?;
    let page = api.node.statement(agent, listing.after, listing.limit).await?;
    limit::told(budget, reply::json(StatusCode::OK, &Items::of(&page, Line::of)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::CreditKey;
    use crate::types::{AgentId, Slot};

    /// A job's whole life: what each line changes, and that the changes sum up to what the agent has in the end.
    #[test]
    fn the_changes_sum_up() {
        let (agent, job, at) = (AgentId::new([1; 16]), JobId::new(Slot(1), [2; 16]), Timestamp::from_millis(0));
        let usd = Usd::from_micros;
        let transfers = [
            Transfer::credit(agent, CreditKey(7), usd(5_000_000), "top-up", at),
            Transfer::hold(job, agent, usd(1_500_000), at),
            Transfer::capture(job, usd(30_000), at),
            Transfer::release(job, agent, usd(1_470_000), at),
        ];
        let lines = transfers.iter().map(Line::of).collect::<Vec<_>>();
        let shown =
            lines.iter().map(|line| (line.kind, line.balance_change_usd.micros(), line.held_change_usd.micros())).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [("deposit", 5_000_000, 0), ("hold", -1_500_000, 1_500_000), ("charge", 0, -30_000), ("refund", 1_470_000, -1_470_000)]
        );
        let sum = |change: fn(&Line) -> Usd| lines.iter().map(|line| change(line).micros()).sum::<i64>();
        assert_eq!((sum(|line| line.balance_change_usd), sum(|line| line.held_change_usd)), (4_970_000, 0));
        let json = serde_json::to_value(&lines[1]).unwrap();
        assert_eq!(json["balance_change_usd"], serde_json::json!(-1.5));
        assert!(json.get("note").is_none());
    }
}
