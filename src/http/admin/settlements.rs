//! Payments: what is owed and where it stands, who owes, how much credit is given.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Operator;
use super::jobs::id_of;
use super::newcomers::NewcomersLine;
use super::reason::ReasonBody;
use super::{Admin, reason};
use crate::actors::{ExposureStatus, FamilyStatus, LaneStatus, NetworkStatus, NewcomersStatus, Stuck, WalletExposure};
use crate::billing::lane::{Claimant, DeadReason, Outcome};
use crate::http::openapi::params::{JobPath, WalletPath};
use crate::http::problem::{Kind, Problem};
use crate::http::query::Items;
use crate::http::reply;
use crate::shard::{Due, WalletBook};
use crate::types::{AgentId, JobId, Network, Timestamp, Usd, Wallet};

/// A settlement that is owed.
#[derive(Debug, Serialize, ToSchema)]
pub struct DueLine {
    /// Names the payment: the hash that a settler logs it under.
    payment: String,
    /// The job that is paid by it.
    #[schema(value_type = Option<String>)]
    job_id: Option<JobId>,
    /// The agent whose balance is credited by it.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// The wallet whose debt is paid by it.
    #[schema(value_type = Option<String>)]
    debtor: Option<Wallet>,
    /// Where.
    #[schema(value_type = String)]
    network: Network,
    /// Who pays.
    #[schema(value_type = String)]
    payer: Wallet,
    /// How much, in US dollars.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// What was heard of it last: `pending` or `mined`.
    outcome: &'static str,
    /// In which transaction, once it is mined.
    transaction: Option<String>,
    /// The account that settles it; none where a facilitator does, or nobody was chosen yet.
    #[schema(value_type = Option<String>)]
    lane: Option<Wallet>,
    /// When it became due.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// The last moment at which the chain takes it.
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
    /// Why it waits for a person: `no_network`, `no_facilitator`, `no_operator`, `unexplained` (its authorization is used, and no
    /// transaction is found that paid by it), `refused` (by its facilitator).
    waits_for: Option<&'static str>,
    /// Transactions that a facilitator has named for it. They prove nothing.
    named: Vec<String>,
}

/// An operator account and what it does.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneLine {
    /// Where.
    #[schema(value_type = String)]
    network: Network,
    /// Its account.
    #[schema(value_type = String)]
    operator: Wallet,
    /// Its key is configured: else what it was given waits.
    working: bool,
    /// The next account nonce that it signs for; none before it first saw the chain.
    next_nonce: Option<u64>,
    /// Settlements that wait for a transaction.
    waiting: usize,
    /// What was signed, by account nonce, until it is beyond any reorg.
    transactions: Vec<FamilyLine>,
}

/// Everything that was signed for one account nonce.
#[derive(Debug, Serialize, ToSchema)]
pub struct FamilyLine {
    /// Which.
    nonce: u64,
    /// The hashes, oldest first: each pays more than the one before.
    hashes: Vec<String>,
    /// How many settlements ride in it.
    settlements: usize,
    /// Given up, by a transaction of nothing.
    cancelled: bool,
    /// The one that is mined.
    mined: Option<String>,
}

/// A network.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkLine {
    /// Its CAIP-2 name.
    #[schema(value_type = String)]
    network: Network,
    /// Payments are taken there.
    offered: bool,
    /// Why not.
    reasons: Vec<String>,
}

/// All that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Settlements {
    /// Every network of the configuration.
    networks: Vec<NetworkLine>,
    /// Every lane.
    lanes: Vec<LaneLine>,
    /// How many settlements are owed in all.
    owed: usize,
    /// The oldest of them, at most 1,000.
    items: Vec<DueLine>,
}

/// A wallet that owes.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtorLine {
    /// Which.
    #[schema(value_type = String)]
    wallet: Wallet,
    /// How much in all, in US dollars.
    #[schema(value_type = f64)]
    owed_usd: Usd,
    /// Settlements that went well for it.
    settled: u64,
    /// What for, oldest first.
    debts: Vec<DebtLine>,
}

/// A charge that could not be settled.
#[derive(Debug, Serialize, ToSchema)]
pub struct DebtLine {
    /// For which job.
    #[schema(value_type = String)]
    job_id: JobId,
    /// Where it should have been paid.
    #[schema(value_type = String)]
    network: Network,
    /// How much, in US dollars.
    #[schema(value_type = f64)]
    amount_usd: Usd,
    /// `burned`, `expired`, or `refused` by the chain.
    reason: &'static str,
    /// What the chain refused it with at last, such as `transfer_failed`; none where it is burned or expired.
    revert: Option<&'static str>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What was forgiven.
#[derive(Debug, Serialize, ToSchema)]
pub struct Forgiven {
    /// Whom.
    #[schema(value_type = String)]
    wallet: Wallet,
    /// How much, in US dollars.
    #[schema(value_type = f64)]
    forgiven_usd: Usd,
}

/// How much credit is given.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exposure {
    /// What all wallets have signed for and not paid, in US dollars.
    #[schema(value_type = f64)]
    total_usd: Usd,
    /// What those have that no settlement went well for yet.
    #[schema(value_type = f64)]
    unproven_total_usd: Usd,
    /// The limits; none where no network is configured.
    limits: Option<LimitsLine>,
    /// Whether wallets are taken that no settlement went well for yet.
    newcomers: NewcomersLine,
    /// How many wallets have signed for something.
    wallets: usize,
    /// Those that have signed for most, at most 1,000.
    items: Vec<WalletLine>,
}

/// The limits of credit, in US dollars.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the wire says of each amount what it is in")]
pub struct LimitsLine {
    /// For one wallet.
    #[schema(value_type = f64)]
    each_usd: Usd,
    /// For one that no settlement went well for yet.
    #[schema(value_type = f64)]
    unproven_usd: Usd,
    /// For all of those together.
    #[schema(value_type = f64)]
    unproven_total_usd: Usd,
}

/// A wallet's credit.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletLine {
    /// Whose.
    #[schema(value_type = String)]
    wallet: Wallet,
    /// What it has signed for and not paid, in US dollars.
    #[schema(value_type = f64)]
    unsettled_usd: Usd,
    /// A settlement went well for it.
    proven: bool,
    /// What it owes from settlements that failed, in US dollars.
    #[schema(value_type = f64)]
    owed_usd: Usd,
}

/// The most lines of a list that isn't paged: what is more says its number.
const LINES_MAX: usize = 1000;

impl DueLine {
    fn of(due: &Due, stuck: &[Stuck]) -> Self {
        let verified = &due.payment.verified;
        let (job_id, agent_id, debtor) = match due.claimant {
            Claimant::Job(job) => (Some(job), None, None),
            Claimant::Agent(agent) => (None, Some(agent), None),
            Claimant::Debtor(wallet) => (None, None, Some(wallet)),
        };
        let (outcome, transaction) = match due.outcome {
            Outcome::Pending => ("pending", None),
            Outcome::Mined(tx) => ("mined", Some(tx)),
            Outcome::Settled(tx) => ("settled", Some(tx)),
            Outcome::Dead(_) => ("dead", None),
        };
        Self {
            payment: format!("{:?}", due.key),
            job_id,
            agent_id,
            debtor,
            network: due.network(),
            payer: verified.payer,
            amount_usd: due.amount,
            outcome,
            transaction: transaction.map(|tx| tx.to_string()),
            lane: due.lane.map(|lane| lane.operator),
            since: due.since,
            deadline: verified.deadline,
            waits_for: stuck.iter().find(|stuck| stuck.key == due.key).map(|stuck| stuck.why.as_str()),
            named: due.named.iter().map(ToString::to_string).collect(),
        }
    }
}

impl LaneLine {
    fn of(lane: &LaneStatus) -> Self {
        let family = |family: &FamilyStatus| FamilyLine {
            nonce: family.account_nonce,
            hashes: family.txs.iter().map(ToString::to_string).collect(),
            settlements: family.items,
            cancelled: family.is_cancelled,
            mined: family.mined.map(|tx| tx.to_string()),
        };
        Self {
            network: lane.id.network,
            operator: lane.id.operator,
            working: lane.is_driven,
            next_nonce: lane.next,
            waiting: lane.waiting,
            transactions: lane.families.iter().map(family).collect(),
        }
    }
}

impl NetworkLine {
    fn of(status: NetworkStatus) -> Self {
        Self { network: status.network, offered: status.is_offered, reasons: status.reasons }
    }
}

impl DebtorLine {
    fn of(book: &WalletBook) -> Self {
        let debts = book.debts.iter().map(|debt| DebtLine {
            job_id: debt.job,
            network: debt.network,
            amount_usd: debt.amount,
            reason: match debt.reason {
                DeadReason::Burned => "burned",
                DeadReason::Expired => "expired",
                DeadReason::Refused(_) => "refused",
            },
            revert: match debt.reason {
                DeadReason::Burned | DeadReason::Expired => None,
                DeadReason::Refused(revert) => Some(revert.name()),
            },
            at: debt.at,
        });
        Self { wallet: book.wallet, owed_usd: book.owed(), settled: book.settled, debts: debts.collect() }
    }
}

impl Exposure {
    fn of(status: &ExposureStatus, newcomers: &NewcomersStatus) -> Self {
        let limits = status.caps.map(|caps| LimitsLine {
            each_usd: caps.each,
            unproven_usd: caps.unproven,
            unproven_total_usd: caps.unproven_total,
        });
        let line = |one: &WalletExposure| WalletLine {
            wallet: one.wallet,
            unsettled_usd: one.unsettled,
            proven: one.is_proven,
            owed_usd: one.owed,
        };
        Self {
            total_usd: status.total,
            unproven_total_usd: status.unproven_total,
            limits,
            newcomers: NewcomersLine::of(newcomers),
            wallets: status.wallets.len(),
            items: status.wallets.iter().take(LINES_MAX).map(line).collect(),
        }
    }
}

/// Shows networks, lanes, and every settlement that is owed.
#[utoipa::path(
    get,
    path = "/admin/settlements",
    operation_id = "listSettlements",
    tag = "settlements",
    security(("operator" = [])),
    responses((status = 200, description = "All that is on its way.", body = Settlements))
)]
pub async fn list(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let status = admin.node.settlements().await?;
    let stuck = admin.node.stuck_settlements();
    let answer = Settlements {
        networks: admin.node.networks().into_iter().map(NetworkLine::of).collect(),
        lanes: status.lanes.iter().map(LaneLine::of).collect(),
        owed: status.dues.len(),
        items: status.dues.iter().take(LINES_MAX).map(|due| DueLine::of(due, &stuck)).collect(),
    };
    reply::json(StatusCode::OK, &answer)
}

/// Hands a job's settlement over again. What it moves stays as it is.
#[utoipa::path(
    post,
    path = "/admin/settlements/{job_id}/retry",
    operation_id = "retrySettlement",
    tag = "settlements",
    params(JobPath),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 202, description = "It is on its way again.", body = DueLine))
)]
pub async fn retry(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let due = admin.node.retry_settlement(id_of(path)?, reason).await?;
    reply::json(StatusCode::ACCEPTED, &DueLine::of(&due, &admin.node.stuck_settlements()))
}

/// Lists the wallets that owe, the one that owes most first.
#[utoipa::path(
    get,
    path = "/admin/debtors",
    operation_id = "listDebtors",
    tag = "settlements",
    security(("operator" = [])),
    responses((status = 200, description = "All of them.", body = Items<DebtorLine>))
)]
pub async fn debtors(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let debtors = admin.node.debtors().await?;
    reply::json(StatusCode::OK, &Items { items: debtors.iter().map(DebtorLine::of).collect(), next_cursor: None })
}

/// Forgives a wallet what it owes; its payments are taken again. What was written off stays written off.
#[utoipa::path(
    post,
    path = "/admin/debtors/{wallet}/forgive",
    operation_id = "forgiveDebtor",
    tag = "settlements",
    params(WalletPath),
    request_body = ReasonBody,
    security(("operator" = [])),
    responses((status = 200, description = "Forgiven.", body = Forgiven))
)]
pub async fn forgive(
    _: Operator,
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let reason = reason::of(&parts, body).await?;
    let wallet: Option<Wallet> = path.ok().and_then(|Path(wallet)| wallet.parse().ok());
    let wallet = wallet.ok_or_else(|| Problem::new(Kind::WalletNotInDebt, "That is no address of a wallet."))?;
    let forgiven_usd = admin.node.forgive(wallet, reason).await?;
    reply::json(StatusCode::OK, &Forgiven { wallet, forgiven_usd })
}

/// Shows how much credit wallets have, and the limits.
#[utoipa::path(
    get,
    path = "/admin/exposure",
    operation_id = "showExposure",
    tag = "settlements",
    security(("operator" = [])),
    responses((status = 200, description = "All of it.", body = Exposure))
)]
pub async fn exposure(_: Operator, State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    reply::json(StatusCode::OK, &Exposure::of(&admin.node.exposure().await?, &admin.node.newcomers()))
}
