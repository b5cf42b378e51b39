//! A schedule: what happens, in which order, and where the process dies.

use std::sync::Arc;

use enrich_jobs::billing::lane::{Change, ItemKey, ItemState, Outcome};
use enrich_jobs::job::{self, Hop, HopOutcome, Job, Status};
use enrich_jobs::shard::{Command, Event, Refusal, Shard};
use enrich_jobs::types::{JobId, Usd};

use crate::payments::{item_key, usd};
use crate::world::{Mail, SHARDS, World};

/// Every crash point of safety.md 4.1 that the pure core has, and every kind of transfer that wallets' payments make.
pub(crate) const POINTS: [&str; 24] = [
    "CP-03", "CP-04", "CP-05", "CP-06", "CP-07", "CP-08", "CP-09", "CP-11", "CP-12", "CP-13", "CP-14", "CP-15", "CP-16", "CP-17", "CP-18",
    "CP-19", "CP-20", "CP-21", "CP-25", "claim", "settle", "writeoff", "deposit", "recovery",
];

impl World {
    /// Faults and cheats, one at a time, each followed by a look at everything.
    pub(crate) fn suffer(&mut self, events: u64, traces: bool) {
        for number in 0..events {
            let kind = self.luck.below(100);
            if traces {
                eprintln!("{number}: kind {kind}, {} in the mail, block time {}", self.mail.len(), self.chain.time());
            }
            match kind {
                0..8 => self.order(),
                8..11 => self.order_again(),
                11..13 => self.benefit(),
                13..17 => self.cheat(),
                17 if self.luck.one_in(3) => self.forgive(),
                17..38 => self.deliver(false),
                38..41 => self.deliver(true),
                41..53 => self.job_turn(),
                53..69 => drop(self.one_turn(usize::MAX)),
                69..71 => {
                    let budget = usize::try_from(self.luck.below(5)).unwrap();
                    self.one_turn(budget);
                }
                71..78 => self.append_one(),
                78..82 => self.checkpoint(),
                82 => self.dies(),
                83 => {
                    // Now and then for so long that deadlines pass.
                    let millis = if self.luck.one_in(3) { 400_000 } else { 20_000 };
                    self.pass(millis);
                }
                84..88 => self.pass(1_000),
                88..95 => self.mine(),
                95..97 => self.reorg(),
                97 => self.chain.forget_pool(),
                98 => self.chain.base_fee = *self.luck.choice(&[100, 100, 5_000, 500_000]),
                _ => {
                    let shard = usize::try_from(self.luck.below(u64::from(SHARDS))).unwrap();
                    self.reload(shard);
                }
            }
            // A reorg is worst once a result was shown for what it undoes: the news travels, and nothing is mined meanwhile.
            if self.is_shown_too_early() && self.luck.one_in(12) {
                self.reorg();
                for turn in 0..4 {
                    self.pass(1_000);
                    self.turn(turn % 2, usize::MAX);
                }
                self.deliver_reports();
                self.order();
            }
            // Death likes the moments that matter.
            if self.is_at_a_moment_that_matters() && self.luck.one_in(5) {
                self.dies();
            }
            self.look();
        }
    }

    /// Faults are over: time passes, blocks come, and all that is owed comes to an end.
    pub(crate) fn recover(&mut self) {
        self.chain.base_fee = 100;
        let mut pays_up = true;
        for _ in 0..500 {
            self.pass(4_000);
            self.mine();
            for operator in 0..2 {
                for _ in 0..4 {
                    if !self.turn(operator, usize::MAX) {
                        break;
                    }
                }
            }
            while !self.mail.is_empty() {
                self.deliver(false);
                if self.mail.is_empty() {
                    self.append_all();
                }
            }
            let live: Vec<_> = self.published.values().filter(|job| !job.state.status.is_ended()).cloned().collect();
            for job in &live {
                self.end(job);
            }
            self.append_all();
            if !self.is_quiet() {
                continue;
            }
            if !pays_up {
                return self.audit();
            }
            // Who owes has money again, and pays at last.
            pays_up = false;
            (0..3).for_each(|_| self.benefit());
        }
        let lanes: Vec<_> =
            (0..2).filter_map(|operator| self.keepers.iter().find_map(|keeper| keeper.shard.lane(&Self::lane(operator)))).collect();
        let dues: Vec<_> = self.keepers.iter().flat_map(|keeper| keeper.shard.dues()).collect();
        panic!("I-19: never quiet at {}: {dues:#?} {lanes:#?}", self.chain.time());
    }

    fn is_quiet(&self) -> bool {
        let shards = || self.keepers.iter().map(|keeper| &keeper.shard);
        let lanes = (0..2).filter_map(|operator| shards().find_map(|shard| shard.lane(&Self::lane(operator))));
        let mut items = lanes.flat_map(|lane| lane.items.values());
        self.mail.is_empty()
            && shards().all(|shard| shard.live_jobs() == 0 && shard.dues().next().is_none())
            && items.all(|item| matches!(item.outcome(), Outcome::Settled(_) | Outcome::Dead(_)) && !item.is_news())
    }

    fn audit(&mut self) {
        self.oracle.audit(&self.chain);
        for keeper in &self.keepers {
            let findings = keeper.audit();
            assert!(findings.is_ok(), "{:?}", findings.broken);
            assert_eq!(keeper.shard.exposures().count(), 0, "I-17: nobody has anything open");
        }
        for kind in self.oracle.booked() {
            *self.covered.entry(kind).or_default() += 1;
        }
        // It all comes back as it was.
        self.crash();
        assert!(self.mail.is_empty() && self.is_quiet());
    }

    fn pass(&mut self, millis: u64) {
        let millis = 1 + self.luck.below(millis);
        self.now = self.now.plus_millis(i64::try_from(millis).unwrap());
    }

    fn mine(&mut self) {
        self.chain.mine(u64::try_from(self.now.seconds()).unwrap());
        self.oracle.sees(&self.chain);
    }

    fn reorg(&mut self) {
        let mut luck = self.luck.fork();
        self.chain.reorg(&mut luck);
        self.oracle.sees(&self.chain);
    }

    fn one_turn(&mut self, budget: usize) -> bool {
        let operator = usize::try_from(self.luck.below(2)).unwrap();
        self.turn(operator, budget)
    }

    fn append_one(&mut self) {
        let shard = usize::try_from(self.luck.below(u64::from(SHARDS))).unwrap();
        self.append(shard);
        if self.luck.one_in(3) {
            self.keepers[shard].check_replay();
        }
    }

    fn append_all(&mut self) {
        for shard in 0..usize::from(SHARDS) {
            self.append(shard);
        }
    }

    fn checkpoint(&mut self) {
        let shard = usize::try_from(self.luck.below(u64::from(SHARDS))).unwrap();
        self.append(shard);
        let stop_after = if self.luck.one_in(2) { usize::MAX } else { usize::try_from(self.luck.below(8)).unwrap() };
        self.keepers[shard].checkpoint(stop_after);
        self.keepers[shard].check_replay();
    }

    /// After every event: the money of each shard sums to nothing (I-1), and nobody owes more than its credit (P-7).
    fn look(&self) {
        for shard in self.keepers.iter().map(|keeper| &keeper.shard) {
            let agents: i64 = shard.agents().map(|agent| agent.available.micros() + agent.held.micros()).sum();
            let others: i64 = shard.accounts().map(|(_, balance)| balance.micros()).sum();
            assert_eq!(agents + others, 0, "I-1");
            assert!(shard.agents().all(|agent| !agent.available.is_negative()), "I-4");
            for book in shard.wallets() {
                // What a reorg undid may come on top of what was admitted since.
                assert!(book.owed() <= usd(3_000_000), "P-7: {} owes {}", book.wallet, book.owed());
            }
        }
    }

    // Jobs.

    /// Something happens to a job, as its actor sees it.
    fn job_turn(&mut self) {
        let live: Vec<_> = self.published.values().filter(|job| !job.state.status.is_ended()).cloned().collect();
        if live.is_empty() {
            return;
        }
        let job = Arc::clone(self.luck.choice(&live));
        let at = self.now;
        let is_good = self.chain.is_good(&item_key(job.spec.payment.as_ref().unwrap()));
        let event = match (job.state.status, self.luck.below(20)) {
            (Status::Queued | Status::Completing, 0) => job::Event::CancelRequested { at },
            (Status::Queued, 1) => job::Event::OperatorFailed { at, message: "stuck".into() },
            (Status::Queued, 2) => job::Event::QueueTimedOut { at },
            (Status::Queued, _) if is_good => job::Event::SlotGranted { at },
            (Status::Running, _) if job.state.cancel_requested => job::Event::Cancelled { at, partial: Some("{}".into()) },
            (Status::Running, 0..8) if is_good => self.hop(),
            (Status::Running, 8) => job::Event::CancelRequested { at },
            (Status::Running, 9) => job::Event::Crashed { at },
            (Status::Running, 10) => job::Event::VendorFailed { at, message: "down".into() },
            (Status::Running, 11) => job::Event::DeadlineReached { at, matched: true, result: "{}".into() },
            (Status::Running, 12) => job::Event::Finished { at, matched: false, result: "{}".into() },
            (Status::Running, 13..) => job::Event::Finished { at, matched: true, result: "{}".into() },
            (Status::Queued | Status::Running, _) => job::Event::PayerInsolvent { at },
            (Status::Completing | Status::Completed | Status::Failed, _) => return,
        };
        self.happen(job.spec.id, event);
    }

    fn hop(&mut self) -> job::Event {
        let cost = Usd::from_micros(i64::try_from(self.luck.below(60_000)).unwrap());
        let (outcome, at) = (HopOutcome::Found, self.now);
        let hop = Hop { tool: "directory".into(), fingerprint: u128::from(self.luck.next()), cost, outcome, answer: "1".into(), at };
        job::Event::HopRecorded { hop: Arc::new(hop) }
    }

    fn happen(&mut self, id: JobId, event: job::Event) {
        let shard = usize::from(id.slot().shard(SHARDS).0);
        let answer = self.keepers[shard].execute(Command::Job { id, event }, |_| None);
        // The job may have moved on, durable or not.
        assert!(matches!(answer, Ok(_) | Err(Refusal::Job(_) | Refusal::NoJob)), "{answer:?}");
    }

    fn end(&mut self, job: &Job) {
        let (id, at) = (job.spec.id, self.now);
        let event = match job.state.status {
            Status::Queued => job::Event::QueueTimedOut { at },
            Status::Running if job.state.cancel_requested => job::Event::Cancelled { at, partial: None },
            Status::Running => job::Event::Finished { at, matched: true, result: "{}".into() },
            Status::Completing | Status::Completed | Status::Failed => return,
        };
        self.happen(id, event);
    }

    // Where it dies.

    /// kill -9, wherever everything stands.
    pub(crate) fn dies(&mut self) {
        for point in self.points() {
            *self.covered.entry(point).or_default() += 1;
        }
        self.crash();
    }

    /// A job has ended with a settlement that is mined and not final.
    fn is_shown_too_early(&self) -> bool {
        let shards = self.keepers.iter().map(|keeper| &keeper.shard);
        shards.flat_map(Shard::dues).any(|due| matches!(due.outcome, Outcome::Mined(_)))
    }

    /// An outcome is booked and not durable, or durable and not acknowledged; or a replacement is signed and not stored.
    fn is_at_a_moment_that_matters(&self) -> bool {
        let is_end = |event: &Event| matches!(event, Event::DueGone(_)) || is_replacement(event);
        let is_last_word = |mail: &Mail| {
            let is_told = matches!(mail, Mail::Acknowledge(_, _, Outcome::Settled(_)));
            is_told || matches!(mail, Mail::Report(report) if matches!(report.outcome, Outcome::Dead(_)))
        };
        self.keepers.iter().any(|keeper| keeper.would_lose(is_end)) || self.mail.iter().any(is_last_word)
    }

    /// Which crash points of safety.md 4.1 a crash would hit now.
    fn points(&self) -> Vec<&'static str> {
        let lost = |is: fn(&Event) -> bool| self.keepers.iter().any(|keeper| keeper.would_lose(is));
        let live = |is: fn(&Job) -> bool| self.published.values().any(|job| is(job));
        let moved_to = |is: fn(Status) -> bool| {
            let moves = move |event: &Event| matches!(event, Event::JobMoved(_, state) if is(state.status));
            self.keepers.iter().any(|keeper| keeper.would_lose(moves))
        };
        let dues = || self.keepers.iter().flat_map(|keeper| keeper.shard.dues());
        let mut points = vec![
            ("CP-03", lost(|event| matches!(event, Event::JobOpened(..)))),
            ("CP-04", self.published.iter().any(|(id, job)| job.state.status == Status::Queued && !self.oracle.accepted.contains(id))),
            ("CP-05", live(|job| job.state.status == Status::Queued)),
            ("CP-06", live(|job| job.state.status == Status::Running)),
            ("CP-07", lost(|event| matches!(event, Event::HopAdded(..)))),
            ("CP-08", live(|job| job.state.status == Status::Running && !job.hops.is_empty())),
            ("CP-09", moved_to(|status| status == Status::Completing)),
            ("CP-11", dues().any(|due| due.lane.is_none())),
            ("CP-16", lost(|event| matches!(event, Event::DueGone(_)))),
            ("CP-18", lost(is_replacement)),
            ("CP-20", moved_to(|status| status == Status::Failed)),
            ("CP-25", self.keepers.iter().any(|keeper| keeper.was_cut)),
        ];
        for lane in (0..2).map(Self::lane) {
            let Some(lane) = self.keepers.iter().find_map(|keeper| keeper.shard.lane(&lane)) else { continue };
            let waits = |state: &ItemState| matches!(state, ItemState::Waiting { .. });
            let pending: Vec<_> = lane.in_flight().flat_map(|(_, family)| family.txs.iter()).collect();
            let owed = |key: &ItemKey| dues().any(|due| due.key == *key);
            points.extend([
                ("CP-12", lane.items.values().any(|item| waits(&item.state))),
                ("CP-13", pending.iter().any(|tx| !self.sent.contains(&tx.hash))),
                ("CP-14", pending.iter().any(|tx| self.chain.is_pooled(&tx.hash))),
                ("CP-15", pending.iter().any(|tx| self.chain.is_mined(&tx.hash))),
                (
                    "CP-17",
                    lane.items.iter().any(|(key, item)| matches!(item.outcome(), Outcome::Settled(_)) && item.is_news() && !owed(key)),
                ),
                ("CP-19", lane.in_flight().any(|(_, family)| family.txs.iter().filter(|tx| self.sent.contains(&tx.hash)).count() > 1)),
                ("CP-21", lane.items.iter().any(|(key, item)| matches!(item.outcome(), Outcome::Dead(_)) && owed(key))),
            ]);
        }
        points.into_iter().filter(|(_, is_here)| *is_here).map(|(point, _)| point).collect()
    }
}

/// Bytes that pay more were signed for an account nonce.
fn is_replacement(event: &Event) -> bool {
    let Event::LaneMoved(_, changes) = event else { return false };
    changes.iter().any(|change| matches!(change, Change::Family(_, Some(family)) if family.mined.is_none() && family.txs.len() > 1))
}
