//! The schemas that the operations refer to.

use utoipa::OpenApi;

use super::x402::PaymentRequired;
use crate::http::admin::{agents, deliveries, jobs, operations, reason, settlements};
use crate::http::problem::ProblemBody;
use crate::http::query::Items;
use crate::http::rest::agents::{account, keys, statement};
use crate::http::rest::jobs::{quote, submit};
use crate::http::rest::sync::{lead_session, websearch};
use crate::http::rest::wallets::{debts, deposits, sign_in};
use crate::http::rest::{discovery, health};
use crate::job::view::PollBody;
use crate::receipt::Jwks;
use crate::types::{LeadPayload, WebsearchPayload};

/// Of the public listener.
#[derive(OpenApi)]
#[openapi(components(schemas(
    ProblemBody,
    PaymentRequired,
    WebsearchPayload,
    LeadPayload,
    submit::SubmitAnswer,
    quote::QuoteAnswer,
    PollBody,
    Items<PollBody>,
    account::Me,
    account::Balance,
    account::Rotated,
    statement::Line,
    Items<statement::Line>,
    keys::NewKeyBody,
    keys::KeyLine,
    keys::MadeKey,
    Items<keys::KeyLine>,
    websearch::WebsearchResult,
    lead_session::LeadSessionResult,
    deposits::DepositBody,
    deposits::DepositAnswer,
    debts::DebtAnswer,
    sign_in::NonceAnswer,
    sign_in::RegisterBody,
    sign_in::Registered,
    discovery::Catalogue,
    discovery::Found,
    Jwks,
    health::Health,
    health::Readiness,
)))]
pub(super) struct Public;

/// Of the operators' listener.
#[derive(OpenApi)]
#[openapi(components(schemas(
    ProblemBody,
    PollBody,
    Items<PollBody>,
    reason::ReasonBody,
    agents::NewAgentBody,
    agents::CreditBody,
    agents::MadeAgent,
    agents::AgentLine,
    agents::CreditAnswer,
    Items<agents::AgentLine>,
    jobs::JobDetail,
    deliveries::Deliveries,
    deliveries::OwedLine,
    settlements::Settlements,
    settlements::DueLine,
    settlements::DebtorLine,
    Items<settlements::DebtorLine>,
    settlements::Forgiven,
    settlements::Exposure,
    operations::ShardLine,
    Items<operations::ShardLine>,
    operations::AcceptedLoss,
    operations::NodeLine,
    Items<operations::NodeLine>,
    operations::Drain,
    operations::AuditAnswer,
    operations::ActLine,
    Items<operations::ActLine>,
)))]
pub(super) struct Operators;
