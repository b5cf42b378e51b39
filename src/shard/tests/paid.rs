//! Jobs and claims that wallets pay for: one decision, one claim, one end for each.

use super::payments::{BASE, OTHER, RICH, books, due_key, exact, keyed, sound, sponsored, upto, usd, wallet};
use super::*;
use crate::billing::Account;
use crate::billing::lane::{Claimant, DeadReason, LaneId, Outcome, TxHash};
use crate::billing::x402::claim::Replay;
use crate::billing::x402::exposure::{Caps, Funds, Limit, NoCredit};
use crate::job::{FailureCode, Payment};

const TX: TxHash = TxHash([7; 32]);
const MINED: Outcome = Outcome::Mined(TX);
const SETTLED: Outcome = Outcome::Settled(TX);
const DEAD: Outcome = Outcome::Dead(DeadReason::Burned);

/// D-2: claim, exposure and job in one decision; refused, there is none of them.
#[test]
fn d2_one_decision() {
    let mut world = World::new();
    let spec = world.paid_spec(upto(1, 1, 1_000_000, BASE));
    let poor = Credit { funds: Funds { balance: usd(999_999), allowance: Some(usd(1_000_000)) }, ..RICH };
    let before = world.shard.canonical();
    let refused = world.submit(&spec, poor).unwrap_err();
    let wanted = NoCredit::Beyond { which: Limit::Balance, limit: usd(999_999), unsettled: Usd::ZERO, asked: usd(1_000_000) };
    assert_eq!(refused, Refusal::NoCredit(wanted));
    let claim = world.claim_key(spec.payment.as_ref().unwrap());
    assert!(world.shard.canonical() == before && world.shard.key(&claim.key).is_none(), "the nonce is free again");

    let key = RequestKey { key: ScopedKey(5), request: 6, looked_up_at: 0 };
    let command = Command::SubmitPaid { spec: Arc::clone(&spec), payment: claim, key: Some(key), credit: RICH };
    assert!(matches!(world.run(command), Ok(Reply::Accepted(_))));
    assert_eq!(world.shard.unsettled(&wallet(1)), usd(1_000_000));
    for key in [claim.key, key.key] {
        assert_eq!(world.shard.key(&key).unwrap().made, Made::Job(spec.id));
    }
    sound(&mut world);
}

/// I-7, T-10, T-11: one payment, one job, whatever comes with it the second time.
#[test]
fn i7_a_payment_buys_once() {
    let mut world = World::new();
    let spec = world.paid_spec(upto(1, 1, 1_000_000, BASE));
    let key = RequestKey { key: ScopedKey(5), request: 6, looked_up_at: 0 };
    let claim = world.claim_key(spec.payment.as_ref().unwrap());
    world.run(Command::SubmitPaid { spec: Arc::clone(&spec), payment: claim, key: Some(key), credit: RICH }).unwrap();
    let again = world.paid_spec(upto(1, 1, 1_000_000, BASE));
    let poor = Credit { funds: Funds { balance: Usd::ZERO, allowance: None }, ..RICH };
    let command = |spec: &Arc<Spec>, payment, key| Command::SubmitPaid { spec: Arc::clone(spec), payment, key, credit: poor };
    let first = |answer| matches!(answer, Ok(Reply::Replayed(Made::Job(id))) if id == spec.id);
    assert!(first(world.run(command(&again, claim, None))), "by the payment, before any other check");
    // Another payment under the same client key: the key's job, and nothing is claimed.
    let fresh = world.paid_spec(upto(1, 2, 1_000_000, BASE));
    let other_claim = world.claim_key(fresh.payment.as_ref().unwrap());
    assert!(first(world.run(command(&fresh, other_claim, Some(key)))));
    assert!(world.shard.key(&other_claim.key).is_none());
    // The client's key decides before the payment does.
    let other_key = RequestKey { request: 7, ..key };
    assert_eq!(world.run(command(&again, claim, Some(other_key))).unwrap_err(), Refusal::KeyReused);
    let other_body = RequestKey { request: claim.request + 1, ..claim };
    assert_eq!(world.run(command(&again, other_body, None)).unwrap_err(), Refusal::KeyReused);
    // A claim of the same payment for somebody's benefit is another request too.
    let payment = Arc::clone(spec.payment.as_ref().unwrap());
    let claimant = Claimant::Agent(world.agents[0]);
    let command = Command::ClaimExact { payment, claim: other_body, claimant, credit: RICH, at: AT };
    assert_eq!(world.run(command).unwrap_err(), Refusal::KeyReused);
    assert_eq!(world.shard.live_jobs(), 1);
    // Once the rows are written, an old look-up is good for nothing.
    world.checkpoint(usize::MAX);
    let spec = world.paid_spec(upto(1, 1, 1_000_000, BASE));
    let poor = |payment, key| Command::SubmitPaid { spec: Arc::clone(&spec), payment, key, credit: RICH };
    assert_eq!(world.run(poor(claim, None)).unwrap_err(), Refusal::LookAgain);
    let looked = RequestKey { looked_up_at: world.shard.generation(), ..other_claim };
    assert_eq!(world.run(poor(looked, Some(key))).unwrap_err(), Refusal::LookAgain, "either look-up");
}

/// T-21, D-12: until something may be on the chain the payment is as good as a password; then only the client's own key is.
#[test]
fn t21_what_a_repeat_is_told_over_a_job_s_life() {
    let mut world = World::new();
    let payment = keyed(upto(1, 1, 1_000_000, BASE), "of the buyer");
    let (request, own) = (payment.request, payment.client_key);
    let id = world.running(payment.clone());
    let told = |job: &Job, key| payment.replay(request, key, job.may_be_public());
    assert_eq!(told(world.shard.job(&id).unwrap(), None), Replay::SameAnswer);
    world.hop(id, 10_000);
    let job = world.finish(id, true);
    assert_eq!(job.state.status, Status::Completing);
    assert_eq!((told(&job, None), told(&job, own)), (Replay::AlreadyUsed, Replay::SameAnswer));
    // What is free never gets onto a chain.
    let free = world.running(upto(1, 2, 1_000_000, BASE));
    assert!(!world.finish(free, false).may_be_public());
}

/// T-05: fifty permits at once over one balance of $1.
#[test]
fn t05_the_sum_of_the_maxima_counts() {
    let mut world = World::new();
    let one_dollar = Credit { funds: Funds { balance: usd(1_000_000), allowance: Some(usd(1_000_000)) }, ..RICH };
    let specs: Vec<_> = (0..50).map(|nonce| world.paid_spec(upto(1, nonce, 400_000, BASE))).collect();
    let accepted: Vec<_> = specs.iter().filter(|spec| world.submit(spec, one_dollar).is_ok()).map(|spec| spec.id).collect();
    assert_eq!(accepted, [specs[0].id, specs[1].id]);
    // Another wallet's are another sum.
    let other = world.paid_spec(upto(2, 1, 400_000, BASE));
    world.submit(&other, one_dollar).unwrap();
    // A crash forgets none of it.
    world.append();
    world.crash();
    assert!(world.submit(&specs[2], one_dollar).is_err());
    // What ended gives its room back: here for nothing, then for a part of its maximum.
    world.happen(accepted[0], job::Event::CancelRequested { at: AT });
    world.submit(&specs[2], one_dollar).unwrap();
    world.happen(accepted[1], job::Event::SlotGranted { at: AT });
    world.hop(accepted[1], 10_000);
    world.finish(accepted[1], true);
    assert!(world.submit(&specs[3], one_dollar).is_err(), "what is owed is counted by its maximum until it is paid (C6)");
    world.heard(due_key(specs[1].payment.as_ref().unwrap()), MINED);
    world.submit(&specs[3], one_dollar).unwrap();
    sound(&mut world);
}

/// D-5: newcomers are capped each and together, until a settlement of theirs went well.
#[test]
fn d5_newcomers_are_capped() {
    let mut world = World::new();
    let caps = Caps { each: usd(5_000_000), unproven: usd(1_000_000), unproven_total: usd(3_000_000) };
    let credit = Credit { caps, ..RICH };
    let limit = |answer: Result<Reply, Refusal>| match answer {
        Err(Refusal::NoCredit(NoCredit::Beyond { which, .. })) => Some(which),
        Ok(_) => None,
        Err(other) => panic!("{other:?}"),
    };
    let spec = world.paid_spec(upto(1, 1, 1_000_001, BASE));
    assert_eq!(limit(world.submit(&spec, credit)), Some(Limit::Unproven));
    let spec = world.paid_spec(upto(1, 2, 1_000_000, BASE));
    assert_eq!(limit(world.submit(&spec, Credit { unproven_total: usd(2_000_001), ..credit })), Some(Limit::UnprovenTotal));
    assert_eq!(limit(world.submit(&spec, credit)), None);
    world.happen(spec.id, job::Event::SlotGranted { at: AT });
    world.hop(spec.id, 1);
    world.finish(spec.id, true);
    let key = due_key(spec.payment.as_ref().unwrap());
    world.heard(key, MINED);
    let next = world.paid_spec(upto(1, 3, 1_000_001, BASE));
    assert_eq!(limit(world.submit(&next, credit)), Some(Limit::Unproven), "mined is not yet for good");
    world.heard(key, SETTLED);
    assert_eq!(limit(world.submit(&next, credit)), None);
    let beyond = world.paid_spec(upto(1, 4, 4_000_000, BASE));
    assert_eq!(limit(world.submit(&beyond, credit)), Some(Limit::Each));
}

/// T-07: allowances that come along carry numbers one after the other and replace each other, so each goes alone.
#[test]
fn t07_a_sponsored_payment_goes_alone() {
    let mut world = World::new();
    let alone = |answer: Result<Reply, Refusal>| match answer {
        Err(Refusal::NoCredit(NoCredit::Alone { unsettled })) => Some(unsettled),
        Ok(_) => None,
        Err(other) => panic!("{other:?}"),
    };
    let newcomer = world.paid_spec(sponsored(1, 1, 1_000_000));
    let refused = world.submit(&newcomer, RICH).unwrap_err();
    assert!(matches!(refused, Refusal::NoCredit(NoCredit::Beyond { which: Limit::Allowance, .. })), "{refused:?}");
    let settle = |world: &mut World, id: JobId, payment: &Payment| {
        world.hop(id, 1);
        world.finish(id, true);
        world.heard(due_key(payment), MINED);
        world.heard(due_key(payment), SETTLED);
    };
    let id = world.running(upto(1, 2, 1_000_000, BASE));
    assert_eq!(world.shard.sponsored(&wallet(1)), 0);
    settle(&mut world, id, &upto(1, 2, 1_000_000, BASE));
    // Beside one that counts on the allowance that is there.
    let id = world.running(upto(1, 3, 1_000_000, BASE));
    assert_eq!(alone(world.submit(&newcomer, RICH)), Some(usd(1_000_000)));
    settle(&mut world, id, &upto(1, 3, 1_000_000, BASE));
    let id = world.running(sponsored(1, 1, 1_000_000));
    assert_eq!(world.shard.sponsored(&wallet(1)), 1);
    for other in [sponsored(1, 4, 2_000_000), upto(1, 5, 1, BASE)] {
        let other = world.paid_spec(other);
        assert_eq!(alone(world.submit(&other, RICH)), Some(usd(1_000_000)));
    }
    // What needs no allowance doesn't mind, and another wallet's is another.
    let exact = world.paid_spec(exact(1, 6, 1));
    assert_eq!(alone(world.submit(&exact, Credit { funds: Funds { allowance: None, ..RICH.funds }, ..RICH })), None);
    world.running(upto(2, 1, 1_000_000, BASE));
    world.append();
    world.crash();
    assert_eq!(world.shard.sponsored(&wallet(1)), 1);
    sound(&mut world);
    settle(&mut world, id, &sponsored(1, 1, 1_000_000));
    assert_eq!(world.shard.sponsored(&wallet(1)), 0);
    sound(&mut world);
}

/// CP-20, C7: nothing is owed for no match, so no due is made and the job is over in the same commit.
#[test]
fn cp20_nothing_is_due_for_nothing() {
    let mut world = World::new();
    let ends: [fn(&mut World, JobId) -> Arc<Job>; 5] = [
        |world, id| world.finish(id, false),
        |world, id| world.happen(id, job::Event::PayerInsolvent { at: AT }),
        |world, id| world.happen(id, job::Event::VendorFailed { at: AT, message: "down".into() }),
        |world, id| world.happen(id, job::Event::OperatorFailed { at: AT, message: "stuck".into() }),
        |world, id| world.happen(id, job::Event::DeadlineReached { at: AT, matched: false, result: "{}".into() }),
    ];
    for (nonce, end) in (1..).zip(ends) {
        let id = world.running(upto(1, nonce, 1_000_000, BASE));
        world.hop(id, 10_000);
        let job = end(&mut world, id);
        assert!(job.state.status.is_ended() && job.state.bill.unwrap().charged.is_zero());
        assert!(world.shard.job(&id).is_none());
    }
    let queued = world.paid_spec(upto(1, 9, 1_000_000, BASE));
    world.submit(&queued, RICH).unwrap();
    assert_eq!(
        world.happen(queued.id, job::Event::CancelRequested { at: AT }).state.failure.as_ref().unwrap().code,
        FailureCode::Cancelled
    );
    assert_eq!(world.shard.dues().count(), 0);
    assert_eq!((books(&world), world.shard.unsettled(&wallet(1))), ([0; 4], Usd::ZERO));
    sound(&mut world);
}

/// D-1: a charge is a due and a claim, and the job waits for them with its result.
#[test]
fn d1_a_charge_is_owed_then_paid() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    let key = due_key(&payment);
    let id = world.owing(payment, 30_000);
    let job = world.shard.job(&id).unwrap();
    assert_eq!((job.state.status, job.state.ended_at), (Status::Completing, None));
    let due = world.shard.due(&key).unwrap();
    assert_eq!((due.amount, due.claimant, due.outcome), (usd(30_000), Claimant::Job(id), Outcome::Pending));
    assert_eq!(due.intent().unwrap().amount, usd(30_000));
    assert_eq!(books(&world), [-30_000, 0, 30_000, 0]);

    let job = world.heard(key, MINED).unwrap();
    assert_eq!((job.state.status, job.state.settled_in), (Status::Completed, Some(TX)));
    assert!(world.shard.wallet(&wallet(1)).is_none() && world.shard.due(&key).is_some(), "not booked before it is for good");
    assert!(world.heard(key, SETTLED).is_none());
    assert_eq!(books(&world), [0, -30_000, 30_000, 0]);
    assert_eq!(world.shard.wallet(&wallet(1)).unwrap().settled, 1);
    assert!(world.shard.due(&key).is_none());
    sound(&mut world);
}

#[test]
fn settled_at_once_ends_the_job_too() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    world.owing(payment.clone(), 30_000);
    let job = world.heard(due_key(&payment), SETTLED).unwrap();
    assert_eq!((job.state.status, books(&world)), (Status::Completed, [0, -30_000, 30_000, 0]));
    sound(&mut world);
}

/// T-16: who doesn't pay gets no result and no more credit.
#[test]
fn t16_a_debt() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    world.owing(payment.clone(), 30_000);
    let job = world.heard(due_key(&payment), DEAD).unwrap();
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::SettlementFailed);
    assert!(job.state.result.is_none(), "the work is not given away");
    assert_eq!(books(&world), [0, 0, 30_000, -30_000]);
    let book = world.shard.wallet(&wallet(1)).unwrap();
    assert_eq!((book.owed(), book.debts[0].job, book.settled), (usd(30_000), job.spec.id, 0));
    assert_eq!(world.shard.unsettled(&wallet(1)), Usd::ZERO);
    let next = world.paid_spec(upto(1, 2, 1, BASE));
    assert_eq!(world.submit(&next, RICH).unwrap_err(), Refusal::NoCredit(NoCredit::InDebt { owed: usd(30_000) }));
    sound(&mut world);
}

/// CP-15..17, CP-21, F-X3, F-X4: whatever is heard, how often and in which order, the last word is booked once.
#[test]
fn every_order_of_outcomes_ends_right() {
    const OTHER_TX: Outcome = Outcome::Mined(TxHash([8; 32]));
    for (heard, status, books_after) in [
        (vec![MINED, MINED, SETTLED, SETTLED, MINED, DEAD, Outcome::Pending], Status::Completed, [0, -30_000, 30_000, 0]),
        (vec![Outcome::Pending, SETTLED, DEAD], Status::Completed, [0, -30_000, 30_000, 0]),
        (vec![DEAD, DEAD, MINED, SETTLED], Status::Failed, [0, 0, 30_000, -30_000]),
        (vec![MINED, Outcome::Pending, Outcome::Pending, OTHER_TX, SETTLED], Status::Completed, [0, -30_000, 30_000, 0]),
        (vec![MINED, Outcome::Pending, MINED, MINED, SETTLED], Status::Completed, [0, -30_000, 30_000, 0]),
        (vec![MINED, Outcome::Pending, DEAD, SETTLED], Status::Completed, [0, 0, 30_000, -30_000]),
        (vec![MINED, DEAD], Status::Completed, [0, 0, 30_000, -30_000]),
    ] {
        for crash_at in 0..=heard.len() {
            let mut world = World::new();
            let payment = upto(1, 1, 1_000_000, BASE);
            world.owing(payment.clone(), 30_000);
            let mut ended = None;
            for (number, outcome) in heard.iter().enumerate() {
                world.append();
                if number == crash_at {
                    // Heard, and not durable: told again.
                    world.heard(due_key(&payment), *outcome);
                    world.crash();
                }
                if let Some(job) = world.heard(due_key(&payment), *outcome) {
                    assert!(ended.is_none(), "I-11: {heard:?} ends it twice");
                    ended = Some(job.state.status);
                }
            }
            assert_eq!((ended, books(&world)), (Some(status), books_after), "{heard:?}");
            assert!(world.shard.dues().next().is_none() && world.shard.exposures().next().is_none());
            let owes = world.shard.wallet(&wallet(1)).unwrap().owed();
            assert_eq!(owes.micros(), -books_after[3], "{heard:?}");
            sound(&mut world);
        }
    }
}

#[test]
fn a_cancelled_run_pays_for_what_it_cost() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    let id = world.running(payment.clone());
    world.hop(id, 30_000);
    world.happen(id, job::Event::CancelRequested { at: AT });
    let job = world.happen(id, job::Event::Cancelled { at: AT, partial: Some("{}".into()) });
    assert_eq!((job.state.status, job.state.bill.unwrap().charged), (Status::Completing, usd(30_000)));
    let job = world.heard(due_key(&payment), MINED).unwrap();
    assert_eq!((job.state.status, job.state.failure.as_ref().unwrap().code), (Status::Failed, FailureCode::Cancelled));
    assert!(job.state.result.is_some(), "paid for, so it is shown");
    sound(&mut world);
}

/// T-15: what is too small to be settled is earned and given up in one commit; nobody owes it, and nothing goes to a chain.
#[test]
fn t15_small_charges_are_waived() {
    let waived = |waive_below: i64, cost: i64| {
        let mut world = World::new();
        let id = world.running(Payment { waive_below: usd(waive_below), ..upto(1, 1, 1_000_000, BASE) });
        world.hop(id, cost);
        let job = world.finish(id, true);
        sound(&mut world);
        (job, world)
    };
    for (waive_below, cost, is_waived) in [(0, 1, false), (10_000, 9_999, true), (10_000, 10_000, false), (10_000, 0, false)] {
        let (job, world) = waived(waive_below, cost);
        let owes = cost > 0 && !is_waived;
        assert_eq!((job.state.status.is_ended(), world.shard.dues().count()), (!owes, usize::from(owes)), "{waive_below} {cost}");
        let charged = if is_waived { 0 } else { cost };
        assert_eq!(job.state.bill.unwrap().charged, usd(charged));
        let lost = if is_waived { -cost } else { 0 };
        assert_eq!(books(&world), [if owes { -cost } else { 0 }, 0, cost, lost], "{waive_below} {cost}");
        assert!(job.state.result.is_some() && world.shard.wallet(&wallet(1)).is_none(), "no debt, and no good settlement either");
        assert_eq!((job.may_be_public(), job.is_settled()), (owes, !owes));
    }
    let mut world = World::new();
    let id = world.running(Payment { waive_below: usd(2_000_000), ..exact(1, 1, 1_000_000) });
    assert_eq!(world.finish(id, true).state.bill.unwrap().charged, usd(1_000_000), "an exact payment is charged whole");
    sound(&mut world);
}

/// A lane is chosen once: two would sign for one authorization.
#[test]
fn a_lane_is_chosen_once() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    let key = due_key(&payment);
    let lane = |operator| LaneId { network: BASE, operator: wallet(operator) };
    let assign = |operator| Command::AssignLane { key, lane: lane(operator) };
    assert_eq!(world.run(assign(1)).unwrap_err(), Refusal::NoDue);
    world.owing(payment, 30_000);
    world.run(assign(1)).unwrap();
    world.append();
    world.run(assign(2)).unwrap();
    assert!(world.group.is_empty());
    world.heard(key, MINED);
    assert_eq!(world.shard.due(&key).unwrap().lane, Some(lane(1)), "for good");
}

/// Dues of one wallet on two chains are two.
#[test]
fn each_network_has_its_own_books() {
    let mut world = World::new();
    let (here, there) = (upto(1, 1, 1_000_000, BASE), upto(1, 2, 1_000_000, OTHER));
    world.owing(here, 30_000);
    world.owing(there.clone(), 20_000);
    world.heard(due_key(&there), SETTLED);
    assert_eq!(world.shard.account(&Account::Claims(BASE)), usd(-30_000));
    assert_eq!([Account::Claims(OTHER), Account::Chain(OTHER)].map(|account| world.shard.account(&account).micros()), [0, -20_000]);
    sound(&mut world);
}

type End = fn(&mut World, JobId) -> Arc<Job>;

/// A fixed amount is charged whole or not at all: no other can be settled, and a job that owed one would never end.
#[test]
fn an_exact_job_pays_all_or_nothing() {
    let cancelled = |world: &mut World, id| {
        world.happen(id, job::Event::CancelRequested { at: AT });
        world.happen(id, job::Event::Cancelled { at: AT, partial: Some("{}".into()) })
    };
    let deadline = |world: &mut World, id| world.happen(id, job::Event::DeadlineReached { at: AT, matched: true, result: "{}".into() });
    let ends: [(End, i64); 4] =
        [(|world, id| world.finish(id, true), 1_000_000), (deadline, 1_000_000), (|world, id| world.finish(id, false), 0), (cancelled, 0)];
    for (end, charged) in ends {
        let mut world = World::new();
        let payment = exact(1, 1, 1_000_000);
        let id = world.running(payment.clone());
        world.hop(id, 30_000);
        let job = end(&mut world, id);
        assert_eq!(job.state.bill.unwrap().charged, usd(charged));
        assert_eq!(job.state.status.is_ended(), charged == 0);
        assert!(world.shard.dues().all(|due| due.intent().is_ok()), "what is due can be settled");
        if charged > 0 {
            world.heard(due_key(&payment), SETTLED);
        }
        assert_eq!(books(&world), [0, -charged, charged, 0]);
        sound(&mut world);
    }
}

/// I-7, I-8: a settlement is named by its payer and nonce alone, so one nonce on two chains is still one payment. Were it two,
/// what one chain paid for the cheap job would be booked for the dear one.
#[test]
fn i7_a_nonce_is_claimed_once_over_all_chains() {
    let mut world = World::new();
    let (dear, cheap) = (upto(1, 1, 10_000_000, BASE), upto(1, 1, 10_000, OTHER));
    assert_eq!(due_key(&dear), due_key(&cheap));
    let (dear, cheap) = (world.paid_spec(dear), world.paid_spec(cheap));
    world.submit(&dear, RICH).unwrap();
    assert!(matches!(world.submit(&cheap, RICH), Ok(Reply::Replayed(Made::Job(id))) if id == dear.id));
    assert_eq!(world.shard.live_jobs(), 1);
}

/// F-X3, F-X4, I-9: what a reorg made unpaid again counts again, although its job has ended.
#[test]
fn fx3_a_reorg_takes_the_room_back() {
    let mut world = World::new();
    let one_dollar = Credit { funds: Funds { balance: usd(1_000_000), allowance: Some(usd(1_000_000)) }, ..RICH };
    let payment = upto(1, 1, 600_000, BASE);
    let key = due_key(&payment);
    world.owing(payment, 500_000);
    let next = world.paid_spec(upto(1, 2, 600_000, BASE));
    assert!(world.submit(&next, one_dollar).is_err());
    world.heard(key, MINED);
    assert_eq!(world.shard.unsettled(&wallet(1)), Usd::ZERO);
    world.heard(key, Outcome::Pending);
    assert_eq!(world.shard.unsettled(&wallet(1)), usd(600_000));
    assert!(world.submit(&next, one_dollar).is_err(), "the balance is back where it was, and would pay one of the two");
    world.append();
    world.crash();
    assert!(world.submit(&next, one_dollar).is_err());
    world.heard(key, MINED);
    world.submit(&next, one_dollar).unwrap();
    sound(&mut world);
}
