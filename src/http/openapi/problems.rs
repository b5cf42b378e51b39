//! Which problems an operation can answer with.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, ResponseBuilder};

use crate::http::problem::Kind;

/// Everything that reads a body can find these wrong with it.
const BODY: [Kind; 5] = [Kind::InvalidJson, Kind::RequestTimeout, Kind::BodyTooLarge, Kind::UnsupportedMediaType, Kind::ValidationFailed];
const KEYED: [Kind; 3] = [Kind::InvalidHeader, Kind::IdempotencyInProgress, Kind::IdempotencyKeyReused];
const JOB: [Kind; 3] = [Kind::InvalidHeader, Kind::BearerRequired, Kind::JobNotFound];
const AGENT: [Kind; 5] =
    [Kind::InvalidHeader, Kind::AgentTokenRequired, Kind::InvalidToken, Kind::PollBearerForbidden, Kind::UsageKeyForbidden];
/// Everything that a wallet can pay for can find these wrong with its payment.
const PAID: [Kind; 9] = [
    Kind::MalformedPayment,
    Kind::PaymentRequired,
    Kind::PaymentRefused,
    Kind::PayerInDebt,
    Kind::ExposureLimit,
    Kind::PaymentAlreadyUsed,
    Kind::PaymentIdentifierReused,
    Kind::Permit2AllowanceRequired,
    Kind::ChainUnavailable,
];
const NODE: [Kind; 3] = [Kind::Internal, Kind::Overloaded, Kind::StoreUnavailable];

/// Adds them to an operation, by the name that it has in the code.
pub fn add_to(operation: &mut Operation) {
    let kinds = match operation.operation_id.as_deref().unwrap_or_default() {
        "health" | "readiness" | "getOpenApi" => vec![],
        "explainProblem" => vec![Kind::NotFound],
        "submitJob" => {
            let billing = [Kind::HeaderNotSupported, Kind::InsufficientBalance, Kind::SpendCapReached, Kind::X402NotOffered];
            let own = [Kind::CallbackUrlForbidden, Kind::RateLimited, Kind::Draining, Kind::StorageFull];
            [&billing[..], &own, &PAID, &BODY, &KEYED, &AGENT[..4], &NODE].concat()
        }
        "websearch" | "leadSession" => {
            let billing = [Kind::HeaderNotSupported, Kind::InsufficientBalance, Kind::SpendCapReached, Kind::X402NotOffered];
            let own = [Kind::RateLimited, Kind::Draining, Kind::StorageFull, Kind::JobFailed, Kind::SettlementFailed, Kind::StillRunning];
            [&billing[..], &own, &PAID, &BODY, &KEYED, &AGENT[..4], &NODE].concat()
        }
        "deposit" => {
            let own = [Kind::RateLimited, Kind::Draining, Kind::StorageFull, Kind::NotFound, Kind::SettlementFailed];
            [&own[..], &PAID, &BODY, &AGENT, &NODE].concat()
        }
        "payDebt" => {
            let own = [Kind::RateLimited, Kind::Draining, Kind::StorageFull, Kind::NotFound, Kind::SettlementFailed, Kind::WalletNotInDebt];
            [&own[..], &PAID, &[Kind::InvalidHeader], &NODE].concat()
        }
        "walletNonce" => vec![Kind::RateLimited, Kind::NotFound, Kind::Internal],
        "walletRegister" => {
            let own = [Kind::RateLimited, Kind::Draining, Kind::StorageFull, Kind::NotFound, Kind::AgentNotFound, Kind::SignInUsed];
            [&own[..], &BODY, &NODE].concat()
        }
        "listResources" | "searchResources" => vec![Kind::InvalidQuery, Kind::Internal],
        "wellKnown" | "wellKnownJson" => vec![Kind::Internal],
        "getJob" | "streamJob" => [&[Kind::RateLimited][..], &JOB, &NODE].concat(),
        "cancelJob" => [&[Kind::RateLimited, Kind::UsageKeyForbidden, Kind::JobEnded, Kind::JobState][..], &JOB, &NODE].concat(),
        "listJobs" => [&[Kind::RateLimited, Kind::InvalidQuery][..], &AGENT[..4], &NODE].concat(),
        "getBalance" => [&[Kind::RateLimited][..], &AGENT[..4], &NODE].concat(),
        "getAgent" | "rotateToken" => [&[Kind::RateLimited][..], &AGENT, &NODE].concat(),
        "getStatement" | "listUsageKeys" => [&[Kind::RateLimited, Kind::InvalidQuery][..], &AGENT, &NODE].concat(),
        "createUsageKey" => [&[Kind::RateLimited, Kind::TooManyUsageKeys][..], &BODY, &KEYED, &AGENT, &NODE].concat(),
        "revokeUsageKey" => [&[Kind::RateLimited, Kind::UsageKeyNotFound][..], &AGENT, &NODE].concat(),
        "creditAgent" => {
            let own = [Kind::AdminTokenRequired, Kind::AgentNotFound, Kind::IdempotencyKeyRequired];
            [&own[..], &BODY, &KEYED, &NODE].concat()
        }
        "createAgent" => [&[Kind::AdminTokenRequired][..], &BODY, &KEYED, &NODE].concat(),
        "disableAgent" => [&[Kind::AdminTokenRequired, Kind::AgentNotFound][..], &BODY, &NODE].concat(),
        "showAgent" => [&[Kind::AdminTokenRequired, Kind::AgentNotFound][..], &NODE].concat(),
        "showJob" => [&[Kind::AdminTokenRequired, Kind::JobNotFound][..], &NODE].concat(),
        "failJob" => [&[Kind::AdminTokenRequired, Kind::JobNotFound, Kind::JobEnded, Kind::JobState][..], &BODY, &NODE].concat(),
        "redeliver" => [&[Kind::AdminTokenRequired, Kind::JobNotFound, Kind::NoCallback][..], &BODY, &NODE].concat(),
        "listAgents" | "listAllJobs" | "listDeliveries" | "listActs" => {
            [&[Kind::AdminTokenRequired, Kind::InvalidQuery][..], &NODE].concat()
        }
        _ => [&[Kind::AdminTokenRequired][..], &NODE].concat(),
    };
    add(operation, kinds);
}

/// One response for each status, which lists its codes.
fn add(operation: &mut Operation, mut kinds: Vec<Kind>) {
    kinds.sort_by_key(|kind| kind.entry().code);
    kinds.dedup();
    let mut statuses: Vec<_> = kinds.iter().map(|kind| kind.entry().status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let lines = kinds.iter().map(|kind| kind.entry()).filter(|entry| entry.status == status);
        let words = lines.map(|entry| format!("`{}`: {}.", entry.code, entry.title)).collect::<Vec<_>>().join("\n\n");
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let mut response = ResponseBuilder::new().description(words).content("application/problem+json", content);
        if kinds.contains(&Kind::PaymentRequired) && [402, 412].contains(&status.as_u16()) {
            let demand = ContentBuilder::new().schema(Some(Ref::from_schema_name("PaymentRequired"))).build();
            let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).build();
            let words = "What can be paid (x402 version 2), in base64; the body says the same.";
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(words)).build();
            response = response.content("application/json", demand).header("PAYMENT-REQUIRED", header);
        }
        if [429, 503].contains(&status.as_u16()) {
            let seconds = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::Integer).build();
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("When to try again, in seconds.")).build();
            response = response.header("Retry-After", header);
        }
        operation.responses.responses.insert(status.as_str().to_owned(), RefOr::T(response.build()));
    }
}
