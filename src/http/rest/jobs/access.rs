//! Which job a bearer may see. Whoever may not see it learns nothing, not even whether it exists (T-22).

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{Extensions, HeaderMap};

use crate::http::api::Api;
use crate::http::caller;
use crate::http::limit::{Budget, Caller};
use crate::http::problem::{Kind, Problem};
use crate::job::Job;
use crate::shard::Grant;
use crate::types::{JobId, PollBearer, Token, TokenKind};

/// A job, and by what it is seen.
#[derive(Debug)]
pub struct Sight {
    /// The job.
    pub job: Arc<Job>,
    /// Seen by an agent's token or a usage key; else by its poll bearer.
    pub grant: Option<Grant>,
    /// What the caller has left.
    pub budget: Option<Budget>,
}

/// What a bearer could open before anything is known of the job.
enum Key {
    PollBearer,
    Grant(Grant),
}

impl Sight {
    /// Finds the job of a path for the bearer of a request.
    ///
    /// A wrong bearer is told apart without a look at the job: one derivation, or one look-up of the token. An agent's token looks at
    /// any job, since one that a wallet paid for lies with the wallet; what it finds is told from nothing by nobody else.
    ///
    /// # Errors
    /// 401 without a bearer, 429, and the same 404 for everything else.
    pub async fn of(
        api: &Api,
        headers: &HeaderMap,
        extensions: &Extensions,
        path: Result<Path<String>, PathRejection>,
    ) -> Result<Self, Problem> {
        let Some(text) = caller::bearer(headers)? else {
            return Err(Problem::new(Kind::BearerRequired, "Send Authorization: Bearer with the job's poll bearer or the agent's token."));
        };
        let parsed = path.ok().and_then(|Path(id)| id.parse::<JobId>().ok());
        let id = parsed.unwrap_or_else(|| JobId::from_bytes([0; 18]));
        let (key, from) = if text.starts_with(PollBearer::PREFIX) {
            let is_right = PollBearer::verify(api.node.server_key(), text, &id);
            (is_right.then_some(Key::PollBearer), caller::address(extensions))
        } else {
            let grant = Token::parse(text).and_then(|token| api.node.authenticate(&token));
            let from = grant.map_or_else(|| caller::address(extensions), |grant| Caller::Agent(grant.agent));
            (grant.map(Key::Grant), from)
        };
        let budget = api.polls.take(from)?;
        let (Some(key), Some(id)) = (key, parsed) else { return Err(not_found(budget)) };
        let job = match api.node.job_in_memory(&id) {
            Some(job) => Some(job),
            None => api.node.job(id).await?,
        };
        let Some(job) = job else { return Err(not_found(budget)) };
        match key {
            Key::PollBearer => Ok(Self { job, grant: None, budget }),
            Key::Grant(grant) if is_own(&job, &grant) => Ok(Self { job, grant: Some(grant), budget }),
            Key::Grant(_) => Err(not_found(budget)),
        }
    }

    /// Refuses a usage key, which may look but not act.
    ///
    /// # Errors
    /// 403 for a usage key.
    pub fn may_act(&self) -> Result<(), Problem> {
        match self.grant.map(|grant| grant.kind()) {
            Some(TokenKind::UsageKey) => {
                Err(Problem::new(Kind::UsageKeyForbidden, "Use the job's poll bearer or the agent's own token to cancel it."))
            }
            Some(TokenKind::Agent) | None => Ok(()),
        }
    }
}

fn not_found(budget: Option<Budget>) -> Problem {
    let problem = Problem::job_not_found();
    match budget {
        Some(budget) => problem.with_budget(budget),
        None => problem,
    }
}

/// An agent sees all its jobs, a usage key those that it submitted.
fn is_own(job: &Job, grant: &Grant) -> bool {
    job.spec.owner() == Some(grant.agent) && (grant.key.is_none() || job.spec.usage_key() == grant.key)
}
