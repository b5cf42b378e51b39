//! Every event by its name, so that none is without a sample.

use enrich_jobs::shard::Event;

/// All events, by [`name`].
pub(crate) const EVENTS: [&str; 24] = [
    "account_put",
    "agent_put",
    "attempted",
    "balance",
    "due_gone",
    "due_put",
    "hop_added",
    "introduction_gone",
    "introduction_put",
    "job_listed",
    "job_moved",
    "job_opened",
    "key_put",
    "key_used",
    "lane_moved",
    "operator_acted",
    "outbox_gone",
    "outbox_put",
    "posted",
    "precedent_put",
    "session_gone",
    "session_put",
    "token_put",
    "wallet_put",
];

/// Without a `_`, so that a new variant can't be forgotten here; then it also belongs into [`EVENTS`] and [`crate::samples::record`].
pub(crate) fn name(event: &Event) -> &'static str {
    match event {
        Event::JobOpened(..) => "job_opened",
        Event::JobMoved(..) => "job_moved",
        Event::HopAdded(..) => "hop_added",
        Event::AgentPut(_) => "agent_put",
        Event::Balance { .. } => "balance",
        Event::KeyUsed { .. } => "key_used",
        Event::TokenPut(..) => "token_put",
        Event::AccountPut(..) => "account_put",
        Event::Posted(_) => "posted",
        Event::KeyPut(..) => "key_put",
        Event::OutboxPut(_) => "outbox_put",
        Event::OutboxGone(_) => "outbox_gone",
        Event::Attempted(..) => "attempted",
        Event::OperatorActed(_) => "operator_acted",
        Event::JobListed(..) => "job_listed",
        Event::IntroductionPut(_) => "introduction_put",
        Event::IntroductionGone(_) => "introduction_gone",
        Event::DuePut(_) => "due_put",
        Event::DueGone(_) => "due_gone",
        Event::WalletPut(_) => "wallet_put",
        Event::LaneMoved(..) => "lane_moved",
        Event::PrecedentPut(_) => "precedent_put",
        Event::SessionPut(_) => "session_put",
        Event::SessionGone(_) => "session_gone",
    }
}
