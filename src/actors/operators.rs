//! What operators ask of a node.

use std::sync::Arc;

use super::api::{Credited, Error, IdempotencyKey, JobFile, MadeAgent, ShardStatus};
use super::keyed::{Keyed, keyed, under_key};
use super::look::{Deliveries, OneDelivery, Standing};
use super::node::{Node, unread};
use crate::billing::{JobTransfer, Transfer, TransferId};
use crate::job::{Billing, Job};
use crate::shard::audit::{Audit, Findings};
use crate::shard::history::{HOUSE, attempts_prefix, house_lines_before};
use crate::shard::state::END_EVENT;
use crate::shard::{Agent, Attempt, Command, Delivery, Loader, Made, Refusal, Reply, Table, codec};
use crate::store::{Loaded, Range};
use crate::types::{AgentId, DeliveryId, JobId, Network, Slot, Token, TokenKind, Usd};

/// Idempotency keys of operators have a scope of their own.
const OPERATORS: &[u8] = b"operators";

/// Lines of the ledger that are looked through for what became of a claim: it was booked within minutes of the job's end, and
/// behind it stand others of those minutes only.
const BOOKED_PAGE: usize = 500;
const BOOKED_PAGES_MAX: usize = 40;

impl Node {
    /// Makes an agent with a first balance.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_agent(&self, label: Box<str>, credit: Usd, key: Option<IdempotencyKey>) -> Result<MadeAgent, Error> {
        let at = self.inner.clock.now();
        // Under a key the same request always lands in the same shard, where its repeat is seen.
        let agent = match &key {
            Some(key) => AgentId::in_slot(Slot::of(key.key.as_bytes()), self.inner.random.uuid_v7(at)),
            None => AgentId::new(self.inner.random.uuid_v7(at)),
        };
        let token = Token::new(TokenKind::Agent, agent.slot(), self.inner.random.secret());
        let hash = token.hash();
        let command = |key| Command::CreateAgent { agent, label: label.clone(), token: hash, credit, key, at };
        match keyed(self.shard(agent.slot())?, OPERATORS, key.as_ref(), command).await? {
            Keyed::Reply(Reply::Agent(agent)) => Ok(MadeAgent { agent: *agent, token: Some(token) }),
            Keyed::Made(Made::Agent(made)) => Ok(MadeAgent { agent: self.agent(made).await?, token: None }),
            Keyed::Reply(_) | Keyed::Made(_) => Err(Error::Refused(Refusal::KeyReused)),
        }
    }

    /// Credits an agent, once per key.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn credit(&self, agent: AgentId, amount: Usd, reason: Box<str>, key: IdempotencyKey) -> Result<Credited, Error> {
        let at = self.inner.clock.now();
        let mut scope = OPERATORS.to_vec();
        scope.extend(agent.as_bytes());
        let command = |key| Command::Credit { agent, amount, reason: reason.clone(), key, at };
        match under_key(self.shard(agent.slot())?, &scope, &key, command).await {
            Ok(Keyed::Reply(Reply::Agent(agent))) => Ok(Credited { available: agent.available, amount, replayed: false }),
            Ok(Keyed::Made(Made::Credit { amount, available, .. })) => Ok(Credited { available, amount, replayed: true }),
            Ok(Keyed::Reply(_) | Keyed::Made(_)) => Err(Error::Refused(Refusal::KeyReused)),
            Err(Error::Refused(Refusal::NoAgent)) => Err(Error::NoAgent(agent)),
            Err(error) => Err(error),
        }
    }

    /// Shuts an agent out. Its balance stays, its running jobs end as they would.
    ///
    /// # Errors
    /// [`Error::NoAgent`].
    pub async fn disable_agent(&self, agent: AgentId, reason: Box<str>) -> Result<Agent, Error> {
        let at = self.inner.clock.now();
        match self.shard(agent.slot())?.execute(Command::DisableAgent { agent, reason, at }).await {
            Ok(Reply::Agent(agent)) => Ok(*agent),
            Err(error) if !matches!(error, Error::Refused(_)) => Err(error),
            Ok(_) | Err(_) => Err(Error::NoAgent(agent)),
        }
    }

    /// Fails a job that is stuck; its buyer pays nothing.
    ///
    /// # Errors
    /// [`Refusal::NoJob`] where it has ended.
    pub async fn fail_job(&self, id: JobId, reason: Box<str>) -> Result<Arc<Job>, Error> {
        let shard = self.shard(id.slot())?;
        let command = Command::FailJob { id, reason, at: self.inner.clock.now() };
        let Reply::Moved(job, _) = shard.execute(command).await? else { return Err(Error::NoJob(id)) };
        // A run that is under way finds its job ended; stopping it saves the vendor's money.
        shard.stop(id);
        Ok(job)
    }

    /// All there is to know of a job.
    ///
    /// # Errors
    /// [`Error::NoJob`].
    pub async fn job_file(&self, id: JobId) -> Result<JobFile, Error> {
        let job = self.job(id).await?.ok_or(Error::NoJob(id))?;
        let delivery = DeliveryId::new(&id, END_EVENT);
        let owed = self.shard(id.slot())?.look(OneDelivery { id: delivery }).await?;
        let attempts = self.attempts_of(id).await?;
        let transfers = match job.spec.billing {
            Billing::Virtual { agent, .. } => of_balance(&job, agent),
            Billing::Upto { network, .. } => self.of_wallet(&job, network).await?,
        };
        Ok(JobFile { job, transfers, attempts, owed })
    }

    /// What the job of a wallet has moved: its claim follows from the job, and what became of that was booked when the job had
    /// ended, or a few blocks later.
    async fn of_wallet(&self, job: &Job, network: Network) -> Result<Vec<Transfer>, Error> {
        let (id, state) = (job.spec.id, &job.state);
        let claimed = state.bill.zip(state.finished_at).filter(|(bill, _)| !bill.charged.is_zero());
        let mut transfers: Vec<Transfer> = claimed.into_iter().map(|(bill, at)| Transfer::claim(id, network, bill.charged, at)).collect();
        let Some(ended_at) = state.ended_at.filter(|_| !transfers.is_empty()) else { return Ok(transfers) };
        let shard = self.shard(id.slot())?;
        let mut after = house_lines_before(ended_at);
        for _ in 0..BOOKED_PAGES_MAX {
            let range = Range { prefix: HOUSE.to_vec(), after: Some(after), newest_first: false, limit: BOOKED_PAGE };
            let rows = self.appended(shard, Table::Transfer, range).await?;
            for (_, value) in &rows {
                let transfer: Transfer = decoded(value)?;
                if matches!(transfer.id, TransferId::Job(of, JobTransfer::Settle | JobTransfer::WriteOff) if of == id) {
                    transfers.push(transfer);
                    return Ok(transfers);
                }
            }
            match rows.into_iter().last() {
                Some((key, _)) => after = key,
                None => break,
            }
        }
        Ok(transfers)
    }

    /// Delivers a job's callback again, at once.
    ///
    /// # Errors
    /// [`Refusal::NoCallback`] where it has none or has not ended.
    pub async fn redeliver(&self, id: JobId, reason: Box<str>) -> Result<Delivery, Error> {
        let job = self.job(id).await?.ok_or(Error::NoJob(id))?;
        let attempts = self.attempts_of(id).await?.last().map_or(0, |(_, number, _)| number.saturating_add(1));
        let command = Command::Redeliver { job, attempts, reason, at: self.inner.clock.now() };
        let Reply::Delivery(Some(delivery)) = self.shard(id.slot())?.execute(command).await? else {
            return Err(Error::Refused(Refusal::NoCallback));
        };
        Ok(delivery)
    }

    /// Callbacks that are owed, the next one first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn owed(&self) -> Result<Vec<Delivery>, Error> {
        let mut owed = Vec::new();
        for shard in self.shards.iter() {
            owed.extend(shard.look(Deliveries {}).await?);
        }
        owed.sort_by_key(|delivery| (delivery.next_at, delivery.id));
        Ok(owed)
    }

    /// How every shard of this node stands.
    ///
    /// # Errors
    /// Never for a shard that is being loaded: that is said in its row.
    pub async fn shards(&self) -> Result<Vec<ShardStatus>, Error> {
        let mut rows = Vec::with_capacity(self.shards.len());
        for shard in self.shards.iter() {
            let seen = shard.look(Standing {}).await;
            let ready = seen.is_ok();
            let (seq, live_jobs, callbacks_owed, unwritten_rows) = seen.unwrap_or((0, 0, 0, 0));
            let held = self.inner.membership.holder(shard.id);
            let holder = held.map(|holder| (holder.node.id.0, u64::try_from(holder.left.as_millis()).unwrap_or(u64::MAX)));
            let epoch = shard.current_epoch().0;
            rows.push(ShardStatus { shard: shard.id.0, epoch, seq, live_jobs, callbacks_owed, unwritten_rows, ready, holder });
        }
        Ok(rows)
    }

    /// Audits everything that is stored, as it is at one moment.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where something can't be read at all.
    pub async fn audit(&self) -> Result<Findings, Error> {
        let snapshot = self.inner.store.snapshot().await.map_err(unread)?;
        let shards = self.inner.store.layout().shards;
        let audited = tokio::task::spawn_blocking(move || audit(&*snapshot, shards));
        audited.await.map_err(|_| Error::Unavailable)?.map_err(unread)
    }

    async fn attempts_of(&self, id: JobId) -> Result<Vec<(DeliveryId, u16, Attempt)>, Error> {
        let shard = self.shard(id.slot())?;
        let range = Range { prefix: attempts_prefix(&id), after: None, newest_first: false, limit: 200 };
        self.appended(shard, Table::Attempt, range).await?.iter().map(|(_, value)| decoded(value)).collect()
    }
}

/// Audits a store as a snapshot shows it.
///
/// # Errors
/// [`crate::store::Error::Corrupt`] where something can't be read at all.
pub fn audit(snapshot: &dyn crate::store::Snapshot, shards: u16) -> Result<Findings, crate::store::Error> {
    let mut all = Findings::default();
    for shard in (0..shards).map(crate::types::ShardId) {
        let mut audit = Audit::new();
        let mut loader = Loader::new();
        snapshot.load(shard, &mut |loaded| {
            match loaded {
                Loaded::Row(table, key, value) => loader.row(table, key, value),
                // What only the journal tells of so far.
                Loaded::Record(seq, bytes) => loader.record(seq.0, bytes).map(|group| audit.group(&group)),
            }
            .map_err(|error| error.to_string())
        })?;
        for table in [Table::Transfer, Table::EndedJob] {
            snapshot.scan_all(shard, table, &mut |_, value| {
                audit.history_row(table, value);
                Ok(())
            })?;
        }
        all.merge(audit.finish(&loader.finish().0));
    }
    Ok(all)
}

/// A job's transfers follow from the job: when it was accepted, and what it was billed.
/// What the job of an agent has moved: all of it follows from the job.
fn of_balance(job: &Job, agent: AgentId) -> Vec<Transfer> {
    let (id, spec, state) = (job.spec.id, &job.spec, &job.state);
    let mut transfers = vec![Transfer::hold(id, agent, spec.ceiling, spec.created_at)];
    if let (Some(bill), Some(at)) = (state.bill, state.finished_at) {
        transfers.push(Transfer::capture(id, bill.charged, at));
        transfers.push(Transfer::release(id, agent, bill.refunded.unwrap_or_default(), at));
    }
    transfers.retain(|transfer| !transfer.amount.is_zero() || transfer.id == TransferId::Job(id, JobTransfer::Hold));
    transfers
}

fn decoded<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, Error> {
    codec::decode(value).map_err(|error| Error::Corrupt(error.to_string()))
}
