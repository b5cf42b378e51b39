//! Payers, shards, lanes and a chain, and everything that can go wrong between them. One thread, one seed, a clock of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use enrich_jobs::billing::lane::{
    self, Claimant, Effect, FeePolicy, FeeQuote, Intent, ItemKey, LaneId, Outcome, Payload, Policy, TxHash, Watch,
};
use enrich_jobs::billing::x402::exposure::{Caps, Funds};
use enrich_jobs::billing::x402::newcomers::Newcomers;
use enrich_jobs::job::{Job, Payment, Spec};
use enrich_jobs::shard::{Command, Credit, Due, Event, Made, Refusal, Reply, Shard};
use enrich_jobs::types::{AgentId, JobId, Slot, Timestamp, TokenHash, Usd, Wallet};

use crate::chain::{Bytes, CONFIRMATIONS, Chain};
use crate::keeper::Keeper;
use crate::luck::Luck;
use crate::oracle::Oracle;
use crate::payments::{NETWORK, claim_key, deposit_key, usd};

pub(crate) const SHARDS: u16 = 3;
pub(crate) const PAYERS: [Wallet; 4] = [wallet(1), wallet(2), wallet(3), wallet(4)];
const OPERATORS: [Wallet; 2] = [wallet(0xb1), wallet(0xb2)];
const START_S: u64 = 1_700_000_000;
/// What every payer has at first.
const MONEY: i64 = 1_000_000;
pub(crate) const CAPS: Caps = Caps { each: usd(1_500_000), unproven: usd(800_000), unproven_total: usd(2_000_000) };

const fn wallet(number: u8) -> Wallet {
    Wallet::from_bytes([number; 20])
}

/// Who waits for the open group: what happens once it is durable, and what is sent again where it is lost.
pub(crate) struct Waiting {
    then: Option<Then>,
    again: Option<Mail>,
}

/// What happens once a group is durable.
enum Then {
    /// The buyer gets its 202.
    Accepted(JobId),
    /// The lane hears that its report is in the books.
    Told(LaneId, ItemKey, Outcome),
    /// The deposit is credited: now its due may go.
    Deposited(Box<Report>),
}

/// From one actor to another: may be late, lost and told again, or told twice.
#[derive(Clone)]
pub(crate) enum Mail {
    Submit(Arc<Spec>, Option<u128>, Funds),
    Claim(Arc<Payment>, Claimant, Funds),
    Assign(ItemKey, Wallet),
    HandOver(LaneId, Arc<Intent>),
    Report(Box<Report>),
    Acknowledge(LaneId, ItemKey, Outcome),
    /// To the buyer: 202.
    Answer(JobId),
}

#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) lane: LaneId,
    pub(crate) intent: Arc<Intent>,
    pub(crate) outcome: Outcome,
    pub(crate) is_deposited: bool,
}

/// What a lane's driver has in memory.
#[derive(Default)]
struct Driver {
    watch: Watch,
}

pub(crate) struct World {
    pub(crate) luck: Luck,
    pub(crate) now: Timestamp,
    pub(crate) chain: Chain,
    pub(crate) keepers: Vec<Keeper<Waiting>>,
    drivers: [Driver; 2],
    pub(crate) mail: Vec<Mail>,
    /// As polls see them: durable.
    pub(crate) published: BTreeMap<JobId, Arc<Job>>,
    pub(crate) oracle: Oracle,
    pub(crate) payments: Vec<Arc<Payment>>,
    pub(crate) sent: std::collections::BTreeSet<TxHash>,
    pub(crate) agent: AgentId,
    policy: Policy,
    counter: u64,
    pub(crate) covered: BTreeMap<&'static str, u64>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut luck = Luck::new(seed);
        let has_settler = luck.one_in(2);
        let batch_max = if has_settler { 1 + usize::try_from(luck.below(3)).unwrap() } else { 1 };
        let policy = Policy {
            batch_max,
            linger_ms: 1_000,
            in_flight_max: 2,
            confirmations: CONFIRMATIONS,
            keep_blocks: 6,
            give_up_ms: 10_000,
            resend_ms: 2_000,
            poll_ms: 500,
            check_ms: 4_000,
            bump_after_ms: 6_000,
            txs_max: 30,
            urgent_s: 20,
            fees: FeePolicy { cap: 100_000, urgent_cap: 1_000_000, tip_min: 1 },
        };
        let agent = AgentId::new([5; 16]);
        let mut world = Self {
            luck,
            now: Timestamp::from_millis(i64::try_from(START_S).unwrap() * 1000),
            chain: Chain::new(START_S, has_settler, &PAYERS.map(|payer| (payer, MONEY))),
            keepers: (0..SHARDS).map(|_| Keeper::new()).collect(),
            drivers: Default::default(),
            mail: Vec::new(),
            published: BTreeMap::new(),
            oracle: Oracle::default(),
            payments: Vec::new(),
            sent: std::collections::BTreeSet::new(),
            agent,
            policy,
            counter: 0,
            covered: BTreeMap::new(),
        };
        let at = world.now;
        let command = Command::CreateAgent { agent, label: "a".into(), token: TokenHash([1; 32]), credit: Usd::ZERO, key: None, at };
        world.keeper(agent.slot()).execute(command, |_| None).unwrap();
        for shard in 0..world.keepers.len() {
            world.append(shard);
        }
        world
    }

    pub(crate) fn keeper(&mut self, slot: Slot) -> &mut Keeper<Waiting> {
        &mut self.keepers[usize::from(slot.shard(SHARDS).0)]
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn lane(operator: usize) -> LaneId {
        LaneId { network: NETWORK, operator: OPERATORS[operator] }
    }

    // What becomes durable, and what follows from it.

    pub(crate) fn append(&mut self, shard: usize) {
        let (group, waiting) = self.keepers[shard].append();
        self.oracle.learn(&group, &self.chain);
        for (id, job) in group.jobs {
            self.published.insert(id, job);
        }
        for event in group.events {
            if let Event::DuePut(due) = event
                && due.outcome == Outcome::Pending
            {
                self.settle(&due);
            }
        }
        for then in waiting.into_iter().filter_map(|waiting| waiting.then) {
            match then {
                Then::Accepted(id) => self.mail.push(Mail::Answer(id)),
                Then::Told(lane, key, outcome) => self.mail.push(Mail::Acknowledge(lane, key, outcome)),
                Then::Deposited(report) => self.mail.push(Mail::Report(report)),
            }
        }
    }

    /// Chooses a lane, then hands over: from a stored due, at a start and whenever one changes.
    fn settle(&mut self, due: &Due) {
        let mail = match due.lane {
            Some(lane) => Mail::HandOver(lane, Arc::new(due.intent().unwrap())),
            None => Mail::Assign(due.key, due.payment.verified.payer),
        };
        self.mail.push(mail);
    }

    /// The process dies: memory is gone, mail is lost, and everything goes on from what is stored.
    pub(crate) fn crash(&mut self) {
        self.drivers = Default::default();
        self.mail.clear();
        for keeper in &mut self.keepers {
            keeper.reload();
        }
        for shard in 0..self.keepers.len() {
            self.settle_all(shard);
        }
    }

    /// One shard is thrown away and loaded again; who waited for it asks again.
    pub(crate) fn reload(&mut self, shard: usize) {
        let waiting = self.keepers[shard].reload();
        self.mail.extend(waiting.into_iter().filter_map(|waiting| waiting.again));
        self.settle_all(shard);
    }

    fn settle_all(&mut self, shard: usize) {
        let dues: Vec<_> = self.keepers[shard].shard.dues().cloned().collect();
        for due in dues {
            self.settle(&due);
        }
    }

    // Mail.

    /// Delivers one, in whatever order; at times it is kept as well, as if its answer had been lost.
    pub(crate) fn deliver(&mut self, keeps: bool) {
        if self.mail.is_empty() {
            return;
        }
        let at = usize::try_from(self.luck.below(self.mail.len() as u64)).unwrap();
        let mail = if keeps { self.mail[at].clone() } else { self.mail.swap_remove(at) };
        self.open(mail);
    }

    pub(crate) fn deliver_reports(&mut self) {
        let (reports, others) = std::mem::take(&mut self.mail).into_iter().partition(|mail| matches!(mail, Mail::Report(_)));
        self.mail = others;
        let reports: Vec<_> = reports;
        for report in reports {
            self.open(report);
        }
    }

    fn open(&mut self, mail: Mail) {
        let again = mail.clone();
        match mail {
            Mail::Submit(spec, key, funds) => self.accept(&spec, key, funds),
            Mail::Claim(payment, claimant, funds) => self.claim(payment, claimant, funds),
            Mail::Assign(key, home) => {
                let lane = Self::lane(usize::from(key.0[0]) % OPERATORS.len());
                let answer = self.keeper(home.slot()).execute(Command::AssignLane { key, lane }, |_| sent(again));
                assert!(matches!(answer, Ok(_) | Err(Refusal::NoDue)), "{answer:?}");
            }
            Mail::HandOver(lane, intent) => {
                let at = self.now;
                self.happened(lane, lane::Event::Due { intent, at }, Some(again));
            }
            Mail::Report(report) => self.report(&report, again),
            Mail::Answer(id) => drop(self.oracle.accepted.insert(id)),
            Mail::Acknowledge(lane, key, outcome) => self.happened(lane, lane::Event::Acknowledged { key, outcome }, Some(again)),
        }
    }

    /// The sum of all unproven payers' maxima, as a node adds it up.
    fn unproven_total(&self) -> Usd {
        let shards = self.keepers.iter().map(|keeper| &keeper.shard);
        let sums = shards.flat_map(|shard| shard.exposures().map(move |(wallet, sum)| (shard.wallet(wallet), *sum)));
        let unproven = sums.filter(|(book, _)| book.is_none_or(|book| book.settled == 0));
        unproven.fold(Usd::ZERO, |total, (_, sum)| total.plus(sum).unwrap())
    }

    fn accept(&mut self, spec: &Arc<Spec>, key: Option<u128>, funds: Funds) {
        let payment = spec.payment.as_ref().unwrap();
        let credit = Credit { funds, caps: CAPS, unproven_total: self.unproven_total(), newcomers: Newcomers::Welcome };
        let keeper = self.keeper(spec.id.slot());
        let claim = claim_key(payment);
        let scoped = key.map(|key| enrich_jobs::shard::ScopedKey(key ^ u128::from(payment.verified.payer.as_bytes()[0])));
        // A caller looks among the rows first, and is told what it finds there.
        if keeper.stored_key(claim).is_some() || scoped.is_some_and(|key| keeper.stored_key(key).is_some()) {
            return;
        }
        let open = signed_for(keeper, payment.verified.payer);
        let is_proven = keeper.shard.wallet(&payment.verified.payer).is_some_and(|book| book.settled > 0);
        let request = keeper.request(claim, payment.request.0);
        let key = scoped.map(|key| keeper.request(key, 1));
        let command = Command::SubmitPaid { spec: Arc::clone(spec), payment: request, key, credit };
        let id = spec.id;
        let answer = keeper.execute(command, |reply| {
            let is_new = matches!(reply, Reply::Accepted(_));
            is_new.then_some(Waiting { then: Some(Then::Accepted(id)), again: None })
        });
        match answer {
            Ok(Reply::Accepted(_)) => {
                let limits = [Some(funds.balance), funds.allowance, Some(if is_proven { CAPS.each } else { CAPS.unproven })];
                let sum = open.plus(payment.verified.max).unwrap();
                assert!(limits.into_iter().flatten().all(|limit| sum <= limit), "I-9: {sum} is signed for, and the payer has {funds:?}");
            }
            Ok(Reply::Replayed(Made::Job(_))) | Err(Refusal::NoCredit(_) | Refusal::KeyReused) => {}
            other => panic!("{other:?}"),
        }
    }

    fn claim(&mut self, payment: Arc<Payment>, claimant: Claimant, funds: Funds) {
        let credit = Credit { funds, caps: CAPS, unproven_total: self.unproven_total(), newcomers: Newcomers::Welcome };
        let at = self.now;
        let keeper = self.keeper(payment.verified.payer.slot());
        if keeper.stored_key(claim_key(&payment)).is_some() {
            return;
        }
        let claim = keeper.request(claim_key(&payment), u128::MAX);
        let answer = keeper.execute(Command::ClaimExact { payment, claim, claimant, credit, at }, |_| None);
        let fine = matches!(
            answer,
            Ok(Reply::Claimed | Reply::Replayed(Made::Payment(_)))
                | Err(Refusal::NoCredit(_) | Refusal::NoDebt | Refusal::OtherDebt { .. } | Refusal::KeyReused)
        );
        assert!(fine, "{answer:?}");
    }

    /// Tells the payer's shard. An agent's balance comes first: a payment whose due is gone can't be credited any more.
    fn report(&mut self, report: &Report, again: Mail) {
        let (key, outcome, at) = (report.intent.key, report.outcome, self.now);
        if let (Claimant::Agent(agent), Outcome::Settled(_), false) = (report.intent.claimant, outcome, report.is_deposited) {
            let keeper = self.keeper(agent.slot());
            let done = Box::new(Report { is_deposited: true, ..report.clone() });
            if keeper.stored_key(deposit_key(&key)).is_some() {
                return self.mail.push(Mail::Report(done));
            }
            let request = keeper.request(deposit_key(&key), 0);
            let amount = report.intent.amount;
            let command = Command::Deposit { agent, payment: key, network: NETWORK, amount, key: request, at };
            keeper.execute(command, |_| Some(Waiting { then: Some(Then::Deposited(done)), again: Some(again) })).unwrap();
            return;
        }
        let lane = report.lane;
        let command = Command::Heard { key, outcome, at };
        self.keeper(report.intent.payer.slot())
            .execute(command, |_| Some(Waiting { then: Some(Then::Told(lane, key, outcome)), again: Some(again) }))
            .unwrap();
    }

    fn happened(&mut self, lane: LaneId, event: lane::Event, again: Option<Mail>) {
        let command = Command::Lane { id: lane, event: Box::new(event), policy: self.policy };
        let answer = self.keeper(lane.operator.slot()).execute(command, |_| again.and_then(sent));
        // "No" is an answer: what was seen since may speak against it.
        assert!(matches!(answer, Ok(_) | Err(Refusal::Lane(_))), "{answer:?}");
    }

    // Lanes.

    /// Carries out what follows from a lane's stored state, and dies after so many effects.
    pub(crate) fn turn(&mut self, number: usize, budget: usize) -> bool {
        let lane = Self::lane(number);
        let shard = usize::from(lane.operator.slot().shard(SHARDS).0);
        self.append(shard);
        let quote = FeeQuote { base: self.chain.base_fee, tip: 5 };
        let fresh = lane::Lane::new(lane);
        let known = self.keepers[shard].shard.lane(&lane).unwrap_or(&fresh);
        let effects = lane::effects(known, &self.policy, &self.drivers[number].watch, Some(quote), self.now);
        let works: Vec<_> = effects.into_iter().map(|effect| (intents(known, &effect), effect)).collect();
        let is_busy = works.iter().any(|(_, effect)| !matches!(effect, Effect::Alarm(_)));
        for (done, (intents, effect)) in works.into_iter().enumerate() {
            if done >= budget {
                self.dies();
                return true;
            }
            self.carry_out(number, effect, &intents);
        }
        is_busy
    }

    fn carry_out(&mut self, number: usize, effect: Effect, intents: &[Arc<Intent>]) {
        let (lane, now) = (Self::lane(number), self.now);
        match effect {
            Effect::Observe { txs } => {
                self.drivers[number].watch.observed(&txs, now);
                let observation = self.chain.observe(&lane.operator, &txs, now, &mut self.luck);
                self.happened(lane, lane::Event::Observed(observation), None);
            }
            Effect::Check { keys } => {
                self.drivers[number].watch.checked(&keys, now);
                for intent in intents {
                    let check = self.chain.check(intent, now);
                    self.happened(lane, lane::Event::Checked { key: intent.key, check }, None);
                }
            }
            Effect::Sign { account_nonce, payload, fees } => {
                let salt = self.count();
                let tx = Bytes::new(lane.operator, account_nonce, intents, fees, salt).signed(now);
                self.happened(lane, lane::Event::Signed { account_nonce, payload, tx }, None);
            }
            Effect::Broadcast { hash, raw } => {
                self.oracle.sends(&hash);
                self.drivers[number].watch.sent(hash, now);
                self.sent.insert(hash);
                self.chain.send(&raw);
            }
            Effect::Report { key: _, outcome } => {
                for intent in intents {
                    let report = Report { lane, intent: Arc::clone(intent), outcome, is_deposited: false };
                    self.mail.push(Mail::Report(Box::new(report)));
                }
            }
            Effect::Alarm(_) => {}
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as a keeper takes it")]
fn sent(again: Mail) -> Option<Waiting> {
    Some(Waiting { then: None, again: Some(again) })
}

/// What an effect takes from the lane's state.
fn intents(lane: &lane::Lane, effect: &Effect) -> Vec<Arc<Intent>> {
    match effect {
        Effect::Check { keys } | Effect::Sign { payload: Payload::Settle(keys), .. } => lane.intents(keys),
        Effect::Report { key, .. } => lane.intents(&[*key]),
        Effect::Observe { .. } | Effect::Sign { payload: Payload::Cancel, .. } | Effect::Broadcast { .. } | Effect::Alarm(_) => Vec::new(),
    }
}

/// Its job has ended, for it was mined, and it isn't any more.
pub(crate) fn is_undone(shard: &Shard, due: &Due) -> bool {
    matches!(due.claimant, Claimant::Job(id) if shard.job(&id).is_none()) && due.outcome == Outcome::Pending
}

/// What a payer has signed for and not paid, added up from the shard's jobs and dues.
fn signed_for(keeper: &Keeper<Waiting>, payer: Wallet) -> Usd {
    let shard = &keeper.shard;
    let jobs = shard.jobs().filter_map(|job| job.spec.payment.as_ref());
    let dues = shard.dues().filter(|due| match due.claimant {
        Claimant::Job(_) => is_undone(shard, due),
        Claimant::Agent(_) | Claimant::Debtor(_) => true,
    });
    let open = jobs.chain(dues.map(|due| &due.payment)).filter(|payment| payment.verified.payer == payer);
    open.fold(Usd::ZERO, |sum, payment| sum.plus(payment.verified.max).unwrap())
}
