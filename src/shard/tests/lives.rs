//! Random lives.

use proptest::prelude::*;

use super::payments::{OTHER, RICH, exact, upto, wallet};
use super::*;
use crate::billing::lane::{
    self, Block, Claimant, DeadReason, Fees, LaneId, Observation, Outcome, Payload, Receipt, Sight, SignedTx, TxHash,
};
use crate::billing::x402::RevertReason;
use crate::types::Network;

impl World {
    fn act(&mut self, kind: u8, pick: usize, amount: i64) {
        let mut live: Vec<_> = self.shard.jobs().map(|job| job.spec.id).collect();
        live.sort();
        // Mostly one that something can happen to.
        let jobs = if live.is_empty() || pick == 7 { &self.jobs } else { &live };
        let nobody = JobId::new(crate::types::Slot(0), [0; 16]);
        let job = jobs.get(pick.checked_rem(jobs.len()).unwrap_or(0)).copied().unwrap_or(nobody);
        let agent = self.agents[pick % self.agents.len()];
        let result: Arc<str> = "{}".into();
        let of_job = |event| Command::Job { id: job, event };
        let key = |shard: &Shard, number: u128| RequestKey { key: ScopedKey(number), request: number, looked_up_at: shard.generation() };
        // As a caller does: a key is looked for among the rows before the command is sent.
        let credit_key = key(&self.shard, 1 << 100 | pick as u128);
        if kind == 7 && self.kept.rows.contains_key(&(Table::Key, credit_key.key.0.to_be_bytes().to_vec())) {
            return;
        }
        let command = match kind {
            0 => {
                let key = key(&self.shard, u128::from(self.counter) + 1);
                let mut spec = self.spec(pick, amount, None);
                if amount % 3 == 0 {
                    let id = crate::types::SessionId::parse("batch").unwrap();
                    let session = Some(crate::types::SessionCall { id, budget: Some(Usd::from_micros(3_000_000)) });
                    spec = Arc::new(Spec { session, ..(*spec).clone() });
                }
                Command::Submit { spec, key: Some(key) }
            }
            1 => of_job(job::Event::SlotGranted { at: AT }),
            2 => of_job(job::Event::HopRecorded {
                hop: Arc::new(Hop {
                    tool: "directory".into(),
                    fingerprint: u128::from(self.counter) << 64 | amount as u128,
                    cost: Usd::from_micros(amount / 4),
                    outcome: HopOutcome::Found,
                    answer: "1".into(),
                    at: AT,
                }),
            }),
            3 => {
                let lesson = crate::job::Lesson { question: self.counter, lacking: 5, brought: 4 };
                let lessons = crate::job::Lessons { version: 1, asked: vec![lesson; pick] };
                let event = job::Event::Finished { at: AT, matched: amount % 2 == 0, result };
                Command::RunEnded { id: job, event, cohort: None, lessons }
            }
            4 => of_job(job::Event::CancelRequested { at: AT }),
            5 => of_job(job::Event::Cancelled { at: AT, partial: Some(result) }),
            6 => of_job(job::Event::Crashed { at: AT }),
            7 => Command::Credit { agent, amount: Usd::from_micros(amount), reason: "gift".into(), key: credit_key, at: AT },
            8 => Command::RotateToken { agent, token: TokenHash([self.counter; 32]) },
            9 => Command::Attempted {
                id: crate::types::DeliveryId::new(&job, state::END_EVENT),
                attempt: Attempt { at: AT, outcome: AttemptOutcome::Failed, status: None, class: "timeout".into(), duration_ms: 1 },
                next_at: (amount % 2 == 0).then_some(AT),
            },
            10 => {
                self.counter += 1;
                let id = UsageKeyId::from_bytes([self.counter; 16]);
                let token = TokenHash([self.counter; 32]);
                let cap = Some(Usd::from_micros(amount));
                Command::CreateUsageKey { agent, id, token, label: "k".into(), spend_cap: cap, expires_at: None, key: None, at: AT }
            }
            11 => {
                let key = self.shard.agent(&agent).and_then(|agent| agent.keys.first()).map(|key| key.id);
                let spec = self.spec(pick, amount, key);
                Command::Submit { spec, key: None }
            }
            12 => Command::FailJob { id: job, reason: "stuck".into(), at: AT },
            _ => match self.paid_act(kind, pick, amount) {
                Some(command) => command,
                None => return,
            },
        };
        let before = self.shard.canonical();
        let events = self.group.events.len();
        if self.run(command).is_err() {
            assert_eq!(self.shard.canonical(), before, "a refusal changes nothing");
            assert_eq!(self.group.events.len(), events);
        }
    }

    /// One of what wallets and lanes do, where there is something to do it to.
    fn paid_act(&mut self, kind: u8, pick: usize, amount: i64) -> Option<Command> {
        let dues: Vec<_> = self.shard.dues().map(|due| due.key).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let picked = dues.get(pick.checked_rem(dues.len()).unwrap_or(0)).and_then(|key| self.shard.due(key)).cloned();
        let tx = TxHash([u8::try_from(pick).unwrap(); 32]);
        let payer = u8::try_from(pick % 3).unwrap();
        let nonce = self.counter;
        let heard = |outcome| picked.as_ref().map(|due| Command::Heard { key: due.key, outcome, at: AT });
        let claim = |world: &mut Self, amount, claimant| {
            world.counter += 1;
            let payment = exact(payer, nonce, amount);
            let claim = world.claim_key(&payment);
            Command::ClaimExact { payment: Arc::new(payment), claim, claimant, credit: RICH, at: AT }
        };
        match kind {
            20 | 21 => {
                let network = if pick == 5 { OTHER } else { super::payments::BASE };
                let payment = if pick % 4 == 3 { exact(payer, nonce, amount) } else { upto(payer, nonce, amount, network) };
                // Some small charges are waived.
                let waive_below = if payment.is_exact() || amount % 5 > 0 { Usd::ZERO } else { Usd::from_micros(300_000) };
                let mut spec = self.paid_spec(crate::job::Payment { waive_below, ..payment });
                let payment = self.claim_key(spec.payment.as_ref().unwrap());
                let mut key = None;
                if amount % 3 == 0 {
                    let buyer = Some(crate::job::Buyer { agent: self.agents[pick % self.agents.len()], key: None });
                    spec = Arc::new(Spec { buyer, ..(*spec).clone() });
                    key = (amount % 2 == 0).then(|| RequestKey { key: ScopedKey(1 << 90 | u128::from(nonce)), request: 9, ..payment });
                }
                Some(Command::SubmitPaid { spec, payment, key, credit: RICH })
            }
            38 | 39 => {
                let introduction = *self.shard.introductions().min_by_key(|introduction| introduction.job)?;
                if kind == 39 {
                    return Some(Command::Introduced { job: introduction.job });
                }
                let row = introduction.key.map(|(key, _)| (Table::Key, history::key_row(key)));
                let row = row.and_then(|row| self.kept.rows.get(&row)).map(|row| codec::decode(row).unwrap());
                Some(Command::Introduce { introduction, row, looked_up_at: self.shard.generation() })
            }
            22 => {
                let signed = self.shard.jobs().find_map(|job| job.spec.payment.clone())?;
                let spec = self.paid_spec((*signed).clone());
                let payment = self.claim_key(&signed);
                // A look among the rows would have found it.
                self.shard.key(&payment.key)?;
                Some(Command::SubmitPaid { spec, payment, key: None, credit: RICH })
            }
            23 | 24 => heard(Outcome::Mined(tx)),
            25 => heard(Outcome::Pending),
            26 => {
                // The agent's balance first.
                if let Some(Due { claimant: Claimant::Agent(agent), payment, key, .. }) = &picked {
                    let (first, _) = key.0.split_first_chunk::<16>().unwrap();
                    let row = (Table::Key, history::key_row(ScopedKey(u128::from_be_bytes(*first))));
                    if !self.kept.rows.contains_key(&row) {
                        self.credit_deposit(*agent, payment).unwrap();
                    }
                }
                heard(Outcome::Settled(tx))
            }
            27 => heard(Outcome::Dead(DeadReason::Refused(RevertReason::Empty))),
            28 => picked.map(|due| Command::AssignLane { key: due.key, lane: LANE }),
            29 => Some(claim(self, amount, Claimant::Agent(self.agents[pick % self.agents.len()]))),
            30 => {
                let owed = self.shard.wallet(&wallet(payer))?.owed();
                Some(claim(self, owed.micros(), Claimant::Debtor(wallet(payer))))
            }
            31 => Some(Command::Forgive { wallet: wallet(payer), reason: "enough".into(), at: AT }),
            _ => {
                let event = Box::new(self.lane_event(kind, pick, picked)?);
                Some(Command::Lane {
                    id: LANE,
                    event,
                    policy: lane::Policy { confirmations: 2, keep_blocks: 3, ..lane::Policy::default() },
                })
            }
        }
    }

    fn lane_event(&mut self, kind: u8, pick: usize, due: Option<Due>) -> Option<lane::Event> {
        let known = self.shard.lane(&LANE);
        let (next, height) = known.map_or((0, 0), |lane| (lane.next.unwrap_or(0), lane.sight.map_or(0, |sight| sight.head.number)));
        let family = known.and_then(|lane| lane.families.iter().nth(pick).map(|(nonce, family)| (*nonce, family.clone())));
        let key = due.as_ref().map(|due| due.key);
        match kind {
            32 => Some(lane::Event::Due { intent: Arc::new(due?.intent().unwrap()), at: AT }),
            33 | 34 => {
                // A block, with the family's first transaction in it or without.
                let head = Block { number: height + 1, hash: [u8::try_from(pick).unwrap(); 32] };
                let (nonce, receipt) = match &family {
                    Some((nonce, family)) if kind == 33 => {
                        let items = family.items.iter().filter_map(|key| known?.items.get(key));
                        let moved = items.map(|item| item.intent.moved()).collect();
                        let receipt = Receipt { tx: family.txs[0].hash, block: head, ok: true, moved, items: None };
                        (nonce + 1, Some(receipt))
                    }
                    _ => (next.saturating_sub(1), None),
                };
                let sight = Sight { head, head_time: 1_700_000_000 + height, nonce, deep_nonce: nonce.saturating_sub(1), at: AT };
                let foreign = family.iter().map(|(nonce, _)| *nonce).collect();
                let receipts = family.map(|(_, family)| (family.txs[0].hash, receipt)).into_iter().collect();
                Some(lane::Event::Observed(Observation { sight, receipts, foreign }))
            }
            35 => {
                self.counter += 1;
                let tx = SignedTx {
                    hash: TxHash([self.counter; 32]),
                    raw: [self.counter].into(),
                    is_cancel: false,
                    fees: Fees { max: 100, tip: 1 },
                    at: AT,
                };
                Some(lane::Event::Signed { account_nonce: next, payload: Payload::Settle(vec![key?]), tx })
            }
            36 => {
                let outcome = known?.items.get(&key?)?.outcome();
                Some(lane::Event::Acknowledged { key: key?, outcome })
            }
            _ => {
                let simulated = Some(if pick.is_multiple_of(2) { Ok(()) } else { Err(RevertReason::Empty) });
                let check = lane::Check { at: AT.plus_millis(i64::try_from(pick).unwrap() * 20_000), simulated, deep: None };
                Some(lane::Event::Checked { key: key?, check })
            }
        }
    }
}

const LANE: LaneId = LaneId { network: Network::Eip155(8453), operator: wallet(0xa4) };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// I-20, CP-03, CP-25: at any moment rows and the rest of the journal give the durable state, byte for byte; and the
    /// money holds (I-1..I-7) and the sums of what wallets have signed for are what jobs and dues say (I-17), after any crash
    /// between any two slices.
    #[test]
    fn replay_equals_the_state(acts in proptest::collection::vec((0_u8..40, 0_usize..8, 0_i64..2_000_000), 1..110)) {
        let mut world = World::new();
        world.append();
        for (kind, pick, amount) in acts {
            match kind {
                13 | 16 => world.append(),
                14 | 17 => world.checkpoint(pick * 3),
                15 | 18 => { world.append(); world.crash(); }
                // What was not durable is gone, and nothing else.
                19 => world.crash(),
                _ => world.act(kind, pick, amount),
            }
            if world.group.is_empty() {
                let loaded = World::load(&world.kept).0;
                prop_assert_eq!(loaded.canonical(), world.shard.canonical());
                prop_assert_eq!(sums(&loaded), sums(&world.shard));
            }
            prop_assert_eq!(sums(&world.shard), recomputed(&world.shard), "I-17");
        }
        world.append();
        prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
        let findings = world.audit();
        prop_assert!(findings.is_ok(), "{:?}", findings.broken);
        world.checkpoint(usize::MAX);
        prop_assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
        let findings = world.audit();
        prop_assert!(findings.is_ok(), "{:?}", findings.broken);
        // Every transfer is a line of the ledger, once, wherever checkpoints were cut off.
        prop_assert_eq!(Some(&(world.statement_lines().len() as u64)), findings.checked.get("transfers"));
    }
}

/// What each wallet has signed for, as it is kept.
fn sums(shard: &Shard) -> BTreeMap<crate::types::Wallet, Usd> {
    shard.exposures().map(|(wallet, sum)| (*wallet, *sum)).collect()
}

/// The same from the jobs and dues alone.
fn recomputed(shard: &Shard) -> BTreeMap<crate::types::Wallet, Usd> {
    let of_jobs = shard.jobs().filter_map(|job| job.spec.payment.as_deref());
    let of_dues = shard.dues().filter(|due| match due.claimant {
        // A reorg undid it after its job had ended.
        Claimant::Job(id) => shard.job(&id).is_none() && due.outcome == Outcome::Pending,
        Claimant::Agent(_) | Claimant::Debtor(_) => true,
    });
    let mut sums: BTreeMap<_, Usd> = BTreeMap::new();
    for payment in of_jobs.chain(of_dues.map(|due| &*due.payment)) {
        let sum = sums.entry(payment.verified.payer).or_default();
        *sum = sum.plus(payment.verified.max).unwrap();
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}
