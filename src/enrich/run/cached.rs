//! Hops that an earlier answer will do for.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, Call, JournalError, Run, Stop, fingerprint};
use crate::enrich::cache::meters::{Look, looked};
use crate::enrich::cache::{Cache, Kept, Key, Question, Turn};
use crate::job::{Hop, HopOutcome};
use crate::types::Usd;

/// Where an earlier answer may lie.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// The node's.
    pub cache: &'a Cache,
    /// The buyer wants the answer fresh: what is kept isn't looked at, and the new answer takes its place.
    pub refresh: bool,
}

/// Whether an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For as long as the cache keeps answers.
    Yes,
    /// Whoever gave it doesn't want that.
    No,
}

/// What a hop comes to; see [`Run::hop`].
type Told<T> = Result<Result<Result<Option<T>, String>, Stop>, JournalError>;

impl Run {
    /// [`Self::hop`], but where the answer is kept no vendor is called: the hop is recorded as [`HopOutcome::Cached`] for
    /// nothing, so it fits into any budget, and a resumed run takes it from the record like any other, whatever is kept by then.
    /// Where somebody is asking the same right now, their answer is waited for; where that doesn't come, the call is made.
    ///
    /// # Errors
    /// As [`Self::hop`].
    pub async fn cached_hop<T, F>(&mut self, call: Call<'_>, from: Shelf<'_>, question: &Question, work: F) -> Told<T>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<(Answer<T>, Keep), String>>,
    {
        let fingerprint = fingerprint(call.tool, call.request);
        if let Some(value) = self.replayed(fingerprint) {
            return Ok(Ok(value));
        }
        let Some(key) = from.cache.key(call.tool, question, self.caller.as_deref()) else {
            return self.hop(call, async { work.await.map(|(answer, _)| answer) }).await;
        };
        let turn = match self.looked_up(call, from, key).await {
            Ok(Looked::Found(kept)) => {
                if let Ok(value) = serde_json::from_str(&kept.answer) {
                    self.note(taken(call.tool, fingerprint, &kept)).await?;
                    return Ok(Ok(Ok(value)));
                }
                Turn::Alone
            }
            Ok(Looked::Missing(turn)) => turn,
            Err(stop) => return Ok(Err(self.stop(stop))),
        };
        let mut keep = Keep::No;
        let work = async {
            let (answer, may_keep) = work.await?;
            keep = may_keep;
            Ok(answer)
        };
        let (hop, value) = match self.made(call, fingerprint, work).await {
            Ok(made) => made,
            Err(stop) => return Ok(Err(stop)),
        };
        if keep == Keep::Yes && hop.outcome != HopOutcome::Failed {
            from.cache.put(key, &hop.answer, hop.outcome == HopOutcome::Nothing, hop.at);
        }
        // Those who wait need not wait for our record too.
        drop(turn);
        self.note(hop).await?;
        Ok(Ok(value))
    }

    /// What is kept under a question of ours, before anything else of this job was asked: a whole answer to all of it. Where hops are on
    /// record already the job goes on by those.
    ///
    /// # Errors
    /// The hop could not be recorded.
    pub async fn recalled<T: DeserializeOwned>(
        &mut self,
        tool: &'static str,
        from: Shelf<'_>,
        question: &Question,
    ) -> Result<Option<T>, JournalError> {
        let fingerprint = fingerprint(tool, "");
        if self.recorded.contains_key(&fingerprint) {
            return Ok(self.replayed(fingerprint).and_then(|value| value.ok().flatten()));
        }
        if !self.recorded.is_empty() || self.cancel.is_cancelled() {
            return Ok(None);
        }
        let Some(key) = from.cache.key(tool, question, self.caller.as_deref()) else { return Ok(None) };
        if from.refresh {
            looked(tool, Look::Refresh);
            return Ok(None);
        }
        let found = from.cache.get(key).and_then(|kept| serde_json::from_str(&kept.answer).ok().map(|value| (kept, value)));
        let Some((kept, value)) = found else {
            looked(tool, Look::Miss);
            return Ok(None);
        };
        looked(tool, Look::Hit);
        self.note(taken(tool, fingerprint, &kept)).await?;
        Ok(Some(value))
    }

    /// Keeps a whole answer for [`Self::recalled`].
    pub fn keep_whole<T: Serialize>(&self, tool: &'static str, cache: &Cache, question: &Question, whole: &T, is_nothing: bool) {
        if let Some(key) = cache.key(tool, question, self.caller.as_deref())
            && let Ok(text) = serde_json::to_string(whole)
        {
            cache.put(key, &text, is_nothing, self.now());
        }
    }

    async fn looked_up(&self, call: Call<'_>, from: Shelf<'_>, key: Key) -> Result<Looked, Stop> {
        // No budget is asked about, since nothing may come of it that costs anything.
        self.may_call(Usd::ZERO)?;
        if from.refresh {
            looked(call.tool, Look::Refresh);
            return Ok(Looked::Missing(Turn::Alone));
        }
        if let Some(kept) = from.cache.get(key) {
            looked(call.tool, Look::Hit);
            return Ok(Looked::Found(kept));
        }
        match from.cache.turn(key) {
            Turn::Theirs(landing) => {
                tokio::select! {
                    biased;
                    () = self.cancel.cancelled() => return Err(Stop::Cancelled),
                    // A call of ours would wait no longer.
                    waited = tokio::time::timeout(self.time_for(call.timeout), landing.wait()) => drop(waited),
                }
                if self.past_deadline() {
                    return Err(Stop::Deadline);
                }
                let kept = from.cache.get(key);
                looked(call.tool, if kept.is_some() { Look::Shared } else { Look::Miss });
                // It failed or was given up. All who waited go on by themselves at once, rather than one after the other.
                Ok(kept.map_or(Looked::Missing(Turn::Alone), Looked::Found))
            }
            turn @ (Turn::Mine(_) | Turn::Alone) => {
                // Between the look and the turn another one may have landed.
                if let Some(kept) = from.cache.get(key) {
                    looked(call.tool, Look::Shared);
                    return Ok(Looked::Found(kept));
                }
                looked(call.tool, Look::Miss);
                Ok(Looked::Missing(turn))
            }
        }
    }
}

enum Looked {
    Found(std::sync::Arc<Kept>),
    Missing(Turn),
}

/// The hop of an answer that was kept. Its time is that of the answer.
fn taken(tool: &'static str, fingerprint: u128, kept: &Kept) -> Hop {
    Hop { tool: tool.into(), fingerprint, cost: Usd::ZERO, outcome: HopOutcome::Cached, answer: kept.answer.clone(), at: kept.at }
}
