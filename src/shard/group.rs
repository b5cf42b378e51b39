//! A group: what some commands changed, made durable as one record; and the rows that follow from it.

use std::sync::Arc;

use super::codec::{self, CodecError};
use super::due::{Due, WalletBook};
use super::event::{Delivery, Event, KeyEntry, ScopedKey};
use super::history::{Entry, job_key, key_row};
use super::introduction::Introduction;
use super::precedent::{self, Precedent};
use super::session::Session;
use super::{Agent, Grant, Row, Shard, Table};
use crate::billing::lane::{Change, ItemKey, LaneId};
use crate::billing::{Account, JobTransfer, Transfer, TransferId};
use crate::job::Job;
use crate::types::{AgentId, DeliveryId, JobId, Map, Route, SessionKey, TokenHash, Usd, Wallet};

/// The changes of one or more commands, in order.
#[derive(Debug, Default)]
pub struct Group {
    /// What goes into the record.
    pub events: Vec<Event>,
    /// Each job that changed, as it is after the group. Ended ones are no longer in the shard.
    pub jobs: Map<JobId, Arc<Job>>,
}

/// A row that has to be written at the next checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RowKey {
    Agent(AgentId),
    Balance(AgentId),
    Token(TokenHash),
    Account(Account),
    Job(JobId),
    Outbox(DeliveryId),
    Key(ScopedKey),
    Due(ItemKey),
    Wallet(Wallet),
    Lane(LaneId, LanePart),
    Introduction(JobId),
    Session(SessionKey),
    Precedent(precedent::Place),
}

/// A part of a lane that has a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum LanePart {
    Next,
    Item(ItemKey),
    Family(u64),
}

/// The value of such a row, as of the last durable group.
#[derive(Debug, Clone)]
enum Image {
    Agent(Box<Agent>),
    Balance {
        available: Usd,
        held: Usd,
    },
    Token(Option<Grant>),
    Account(Usd),
    /// `born` while no row of it was ever written, so that one that ends soon needs no removal.
    Job {
        job: Arc<Job>,
        born: bool,
    },
    Outbox(Option<Delivery>),
    Key(KeyEntry),
    Due(Option<Box<Due>>),
    Wallet(Box<WalletBook>),
    /// None where the part is gone.
    Lane(Option<Change>),
    Introduction(Option<Introduction>),
    Session(Option<Box<Session>>),
    Precedent(Arc<Precedent>),
}

/// What a durable group changed, ready to be absorbed by [`Unwritten`].
#[derive(Debug, Default)]
pub struct Images {
    latest: Vec<(RowKey, Image)>,
    history: Vec<Entry>,
}

/// Rows that durable records tell of and no checkpoint has written yet.
#[derive(Debug, Default)]
pub struct Unwritten {
    latest: Map<RowKey, Image>,
    history: Vec<Entry>,
}

impl Group {
    /// Applies an event to the shard and keeps it.
    pub fn apply(&mut self, shard: &mut Shard, event: Event) {
        if let Some(job) = shard.apply(&event) {
            self.jobs.insert(job.spec.id, job);
        }
        self.events.push(event);
    }

    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.events)
    }

    /// Replays a record over a shard, and returns what it changed.
    ///
    /// # Errors
    /// See [`CodecError`].
    pub fn replay(shard: &mut Shard, record: &[u8]) -> Result<Self, CodecError> {
        let events: Vec<Event> = codec::decode(record)?;
        let mut group = Self::default();
        for event in events {
            group.apply(shard, event);
        }
        Ok(group)
    }

    /// A transfer's line in the ledger. None for a job that is unknown: its end is in its row already, and a checkpoint writes that
    /// last ([`place_of`]), so the line is there, too.
    fn line(&self, transfer: &Transfer) -> Option<Entry> {
        let owner = match transfer.id {
            // Between the house's accounts, and maybe long after the job's end.
            TransferId::Job(_, JobTransfer::Claim | JobTransfer::Settle | JobTransfer::WriteOff | JobTransfer::Waive) => None,
            TransferId::Job(job, JobTransfer::Hold | JobTransfer::Capture | JobTransfer::Release) => self.jobs.get(&job)?.spec.agent(),
            TransferId::Credit(agent, _) | TransferId::Welcome(agent) => Some(agent),
            TransferId::Payment(..) => match transfer.credit {
                Account::Agent(agent) => Some(agent),
                Account::Hold(_) | Account::Revenue | Account::Deposits(_) | Account::Claims(_) | Account::Chain(_) | Account::WriteOff => {
                    None
                }
            },
        };
        Some(Entry::Transfer(owner, transfer.clone()))
    }

    /// The rows as they are after this group. To be taken before the next command is executed.
    pub fn images(&self, shard: &Shard) -> Images {
        let mut images = Images::default();
        for event in &self.events {
            let image = match event {
                Event::JobOpened(spec, key) => {
                    images.history.extend(spec.agent().map(|owner| Entry::JobByOwner(owner, spec.id, *key)));
                    let Some(job) = self.jobs.get(&spec.id) else { continue };
                    Some((RowKey::Job(spec.id), Image::Job { job: Arc::clone(job), born: true }))
                }
                // The move that comes with every hop has its image.
                Event::HopAdded(..) => None,
                Event::JobMoved(id, _) => {
                    let Some(job) = self.jobs.get(id) else { continue };
                    Some((RowKey::Job(*id), Image::Job { job: Arc::clone(job), born: false }))
                }
                Event::AgentPut(agent) => agent_image(shard, agent.id),
                // The sums alone: an agent is written whole only where more of it changed.
                Event::Balance { agent, .. } => {
                    let Some(agent) = shard.agent(agent) else { continue };
                    Some((RowKey::Balance(agent.id), Image::Balance { available: agent.available, held: agent.held }))
                }
                Event::KeyUsed { agent, .. } => agent_image(shard, *agent),
                Event::TokenPut(hash, _) => Some((RowKey::Token(*hash), Image::Token(shard.token(hash).copied()))),
                Event::AccountPut(account, _) => Some((RowKey::Account(*account), Image::Account(shard.account(account)))),
                Event::KeyPut(key, entry) => Some((RowKey::Key(*key), Image::Key(entry.clone()))),
                Event::OutboxPut(Delivery { id, .. }) | Event::OutboxGone(id) => {
                    Some((RowKey::Outbox(*id), Image::Outbox(shard.delivery(id).cloned())))
                }
                Event::JobListed(owner, job, key) => {
                    images.history.push(Entry::JobByOwner(*owner, *job, *key));
                    None
                }
                Event::IntroductionPut(introduction) => {
                    Some((RowKey::Introduction(introduction.job), Image::Introduction(Some(*introduction))))
                }
                Event::IntroductionGone(job) => Some((RowKey::Introduction(*job), Image::Introduction(None))),
                Event::SessionPut(session) => Some((RowKey::Session(session.key()), Image::Session(Some(session.clone())))),
                Event::SessionGone(key) => Some((RowKey::Session(*key), Image::Session(None))),
                // Only the newest of a place: the rows are as many as are kept, however many jobs ended since the last checkpoint.
                Event::PrecedentPut(precedent) => {
                    let place = precedent.place();
                    shard.precedents.get(&place).map(|kept| (RowKey::Precedent(place), Image::Precedent(Arc::clone(kept))))
                }
                Event::DuePut(due) => Some((RowKey::Due(due.key), Image::Due(shard.due(&due.key).cloned().map(Box::new)))),
                Event::DueGone(key) => Some((RowKey::Due(*key), Image::Due(None))),
                Event::WalletPut(book) => Some((RowKey::Wallet(book.wallet), Image::Wallet(book.clone()))),
                Event::LaneMoved(lane, changes) => {
                    images.latest.extend(changes.iter().map(|change| lane_image(*lane, change)));
                    None
                }
                Event::Posted(transfer) => {
                    images.history.extend(self.line(transfer));
                    None
                }
                Event::Attempted(id, number, attempt) => {
                    images.history.push(Entry::Attempt(*id, *number, attempt.clone()));
                    None
                }
                Event::OperatorActed(act) => {
                    images.history.push(Entry::Act(act.clone()));
                    None
                }
            };
            images.latest.extend(image);
        }
        images
    }
}

impl Unwritten {
    /// Takes in what a durable group changed.
    pub fn absorb(&mut self, images: Images) {
        for (key, mut image) in images.latest {
            if let Image::Job { born, .. } = &mut image
                && let Some(Image::Job { born: known, .. }) = self.latest.get(&key)
            {
                *born |= *known;
            }
            self.latest.insert(key, image);
        }
        self.history.extend(images.history);
    }

    /// Puts a checkpoint back that could not be written whole; what changed since wins.
    pub fn give_back(&mut self, failed: Self) {
        for (key, image) in failed.latest {
            self.latest.entry(key).or_insert(image);
        }
        self.history.extend(failed.history);
        self.may_be_written();
    }

    /// Some of these rows may lie in the store already: a job that ends has to take its row away.
    pub fn may_be_written(&mut self) {
        for image in self.latest.values_mut() {
            if let Image::Job { born, .. } = image {
                *born = false;
            }
        }
    }

    /// How many rows wait.
    pub fn len(&self) -> usize {
        self.latest.len().saturating_add(self.history.len())
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, encoded, in slices of about `slice` rows.
    ///
    /// In the order of their tables and keys, so that neighbours are written together: a row on a page of its own costs the
    /// store a whole page. Jobs come last: what is told of one that has ended is told by its live row, should a crash come between.
    pub fn slices(&self, slice: usize) -> impl Iterator<Item = Vec<Row>> {
        let latest = self.latest.iter().map(|(key, image)| (place_of(key, image), Waiting::Latest(*key, image)));
        let mut key = Vec::new();
        let history = self.history.iter().map(|entry| {
            key.clear();
            entry.write_key(&mut key);
            (place(entry.table(), &key), Waiting::History(entry))
        });
        let mut waiting: Vec<_> = latest.chain(history).collect();
        waiting.sort_unstable_by_key(|(place, _)| *place);
        let mut waiting = waiting.into_iter();
        std::iter::from_fn(move || {
            let mut rows = Vec::with_capacity(slice.saturating_add(2));
            while rows.len() < slice {
                match waiting.next() {
                    Some((_, Waiting::Latest(key, image))) => encode_rows(key, image, &mut rows),
                    Some((_, Waiting::History(entry))) => rows.push(entry.row()),
                    None => break,
                }
            }
            (!rows.is_empty()).then_some(rows)
        })
    }

    /// The idempotency keys among the rows.
    pub fn keys(&self) -> impl Iterator<Item = &ScopedKey> {
        self.latest.keys().filter_map(|key| match key {
            RowKey::Key(key) => Some(key),
            RowKey::Agent(_)
            | RowKey::Balance(_)
            | RowKey::Token(_)
            | RowKey::Account(_)
            | RowKey::Job(_)
            | RowKey::Outbox(_)
            | RowKey::Due(_)
            | RowKey::Wallet(_)
            | RowKey::Introduction(_)
            | RowKey::Session(_)
            | RowKey::Precedent(_)
            | RowKey::Lane(..) => None,
        })
    }

    /// The jobs among the rows that have ended.
    pub fn ended_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.latest.values().filter_map(|image| match image {
            Image::Job { job, .. } if job.state.status.is_ended() => Some(job),
            Image::Job { .. }
            | Image::Agent(_)
            | Image::Balance { .. }
            | Image::Token(_)
            | Image::Account(_)
            | Image::Outbox(_)
            | Image::Key(_)
            | Image::Due(_)
            | Image::Wallet(_)
            | Image::Introduction(_)
            | Image::Session(_)
            | Image::Precedent(_)
            | Image::Lane(_) => None,
        })
    }

    /// The rows of an append-only table that begin with `prefix`, as (key, value), unsorted.
    pub fn appended(&self, table: Table, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let of_table = self.history.iter().filter(|entry| entry.table() == table);
        let keyed = of_table.map(|entry| {
            let mut key = Vec::with_capacity(48);
            entry.write_key(&mut key);
            (key, entry)
        });
        keyed.filter(|(key, _)| key.starts_with(prefix)).map(|(key, entry)| (key, entry.value())).collect()
    }
}

/// A row on its way to the store.
enum Waiting<'a> {
    Latest(RowKey, &'a Image),
    History(&'a Entry),
}

/// When a row is written, and about where it will lie: whether it is a job's, its table and the head of its key.
type Place = (bool, Table, [u8; 26]);

fn place(table: Table, key: &[u8]) -> Place {
    let mut head = [0; 26];
    for (place, byte) in head.iter_mut().zip(key) {
        *place = *byte;
    }
    (matches!(table, Table::LiveJob | Table::EndedJob), table, head)
}

/// A job that ends takes its live row away. Whose transfers its end booked is known from that row alone when the journal is
/// replayed, so all else is written before.
fn place_of(key: &RowKey, image: &Image) -> Place {
    match key {
        RowKey::Agent(id) => place(Table::Agent, id.as_bytes()),
        RowKey::Balance(id) => place(Table::Balance, id.as_bytes()),
        RowKey::Token(hash) => place(Table::Token, &hash.0),
        RowKey::Account(_) => place(Table::Account, &[]),
        RowKey::Job(id) => {
            let ended = matches!(image, Image::Job { job, .. } if job.state.status.is_ended());
            place(if ended { Table::EndedJob } else { Table::LiveJob }, &job_key(id))
        }
        RowKey::Outbox(id) => place(Table::Outbox, id.as_bytes()),
        RowKey::Key(key) => place(Table::Key, &key_row(*key)),
        RowKey::Due(key) => place(Table::Due, &key.0),
        RowKey::Wallet(wallet) => place(Table::Wallet, wallet.as_bytes()),
        RowKey::Lane(lane, part) => place(Table::Lane, &lane_row(*lane, *part)),
        RowKey::Introduction(job) => place(Table::Introduction, &job_key(job)),
        RowKey::Session(key) => place(Table::Session, &key.to_bytes()),
        RowKey::Precedent(at) => place(Table::Precedent, &precedent_row(*at)),
    }
}

fn agent_image(shard: &Shard, id: AgentId) -> Option<(RowKey, Image)> {
    Some((RowKey::Agent(id), Image::Agent(Box::new(shard.agent(&id)?.clone()))))
}

fn lane_image(lane: LaneId, change: &Change) -> (RowKey, Image) {
    let (part, is_there) = match change {
        Change::Next(_) => (LanePart::Next, true),
        Change::Item(key, item) => (LanePart::Item(*key), item.is_some()),
        Change::Family(nonce, family) => (LanePart::Family(*nonce), family.is_some()),
    };
    (RowKey::Lane(lane, part), Image::Lane(is_there.then(|| change.clone())))
}

/// The row of a lane's part: chain, operator, kind, key.
fn lane_row(lane: LaneId, part: LanePart) -> Vec<u8> {
    let mut key = Vec::with_capacity(61);
    key.extend(lane.network.chain_id().to_be_bytes());
    key.extend(lane.operator.as_bytes());
    match part {
        LanePart::Next => key.push(0),
        LanePart::Item(item) => {
            key.push(1);
            key.extend(item.0);
        }
        LanePart::Family(nonce) => {
            key.push(2);
            key.extend(nonce.to_be_bytes());
        }
    }
    key
}

fn encode_rows(key: RowKey, image: &Image, rows: &mut Vec<Row>) {
    match (key, image) {
        (RowKey::Agent(id), Image::Agent(agent)) => rows.push(put(Table::Agent, id.as_bytes(), codec::encode(agent))),
        (RowKey::Balance(id), Image::Balance { available, held }) => {
            rows.push(put(Table::Balance, id.as_bytes(), codec::encode(&(id, available, held))));
        }
        (RowKey::Token(hash), Image::Token(grant)) => {
            rows.push(Row { table: Table::Token, key: hash.0.to_vec(), value: grant.as_ref().map(codec::encode) });
        }
        (RowKey::Account(account), Image::Account(balance)) => {
            rows.push(put(Table::Account, account.to_string().as_bytes(), codec::encode(&(account, balance))));
        }
        (RowKey::Job(id), Image::Job { job, born }) => {
            if job.state.status.is_ended() {
                if !born {
                    rows.push(Row { table: Table::LiveJob, key: job_key(&id), value: None });
                }
                rows.push(put(Table::EndedJob, &job_key(&id), codec::encode(job)));
            } else {
                rows.push(put(Table::LiveJob, &job_key(&id), codec::encode(job)));
            }
        }
        (RowKey::Outbox(id), Image::Outbox(delivery)) => {
            rows.push(Row { table: Table::Outbox, key: id.as_bytes().to_vec(), value: delivery.as_ref().map(codec::encode) });
        }
        (RowKey::Key(key), Image::Key(entry)) => rows.push(put(Table::Key, &key.0.to_be_bytes(), codec::encode(entry))),
        (RowKey::Due(key), Image::Due(due)) => {
            rows.push(Row { table: Table::Due, key: key.0.to_vec(), value: due.as_ref().map(codec::encode) });
        }
        (RowKey::Wallet(wallet), Image::Wallet(book)) => rows.push(put(Table::Wallet, wallet.as_bytes(), codec::encode(book))),
        (RowKey::Lane(lane, part), Image::Lane(change)) => {
            let value = change.as_ref().map(|change| codec::encode(&(lane, change)));
            rows.push(Row { table: Table::Lane, key: lane_row(lane, part), value });
        }
        (RowKey::Introduction(job), Image::Introduction(introduction)) => {
            rows.push(Row { table: Table::Introduction, key: job_key(&job), value: introduction.as_ref().map(codec::encode) });
        }
        (RowKey::Session(key), Image::Session(session)) => {
            rows.push(Row { table: Table::Session, key: key.to_bytes(), value: session.as_ref().map(codec::encode) });
        }
        (RowKey::Precedent(at), Image::Precedent(precedent)) => {
            rows.push(put(Table::Precedent, &precedent_row(at), codec::encode(precedent)));
        }
        // Keys and images are made in pairs above.
        (
            RowKey::Agent(_)
            | RowKey::Balance(_)
            | RowKey::Token(_)
            | RowKey::Account(_)
            | RowKey::Job(_)
            | RowKey::Outbox(_)
            | RowKey::Key(_)
            | RowKey::Due(_)
            | RowKey::Wallet(_)
            | RowKey::Introduction(_)
            | RowKey::Session(_)
            | RowKey::Precedent(_)
            | RowKey::Lane(..),
            _,
        ) => {}
    }
}

/// The row of a place: the route's number in the price list, then the place in its ring.
fn precedent_row((route, place): precedent::Place) -> Vec<u8> {
    let route: u8 = match route {
        Route::Websearch => 0,
        Route::LeadSession => 1,
    };
    let mut key = vec![route];
    key.extend(place.to_be_bytes());
    key
}

fn put(table: Table, key: &[u8], value: Vec<u8>) -> Row {
    Row { table, key: key.to_vec(), value: Some(value) }
}
