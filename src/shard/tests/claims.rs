//! Payments for somebody's benefit: deposits and debts.

use super::payments::{BASE, RICH, books, due_key, exact, sound, upto, usd, wallet};
use super::*;
use crate::billing::lane::{Claimant, DeadReason, ItemKey, Outcome, TxHash};
use crate::billing::x402::RevertReason;
use crate::job::Payment;

const MINED: Outcome = Outcome::Mined(TxHash([7; 32]));
const SETTLED: Outcome = Outcome::Settled(TxHash([7; 32]));
const DEAD: Outcome = Outcome::Dead(DeadReason::Burned);

fn deposit(world: &mut World, payment: &Payment, agent: AgentId) -> i64 {
    world.credit_deposit(agent, payment).unwrap();
    world.shard.agent(&agent).unwrap().available.micros()
}

/// A deposit is credited once, before its due is gone.
#[test]
fn a_deposit_is_credited_once() {
    let mut world = World::new();
    let agent = world.agents[0];
    let payment = exact(1, 1, 2_000_000);
    assert!(matches!(world.claim(&payment, Claimant::Agent(agent)), Ok(Reply::Claimed)));
    assert!(
        matches!(world.claim(&payment, Claimant::Agent(agent)), Ok(Reply::Replayed(Made::Payment(used))) if used.claimant == Claimant::Agent(agent))
    );
    assert_eq!(world.shard.unsettled(&wallet(1)), usd(2_000_000));
    assert!(world.heard(due_key(&payment), MINED).is_none());
    assert_eq!(books(&world), [0; 4], "nothing is booked that may come to nothing");
    assert_eq!(deposit(&mut world, &payment, agent), 7_000_000);
    world.append();
    world.crash();
    assert!(matches!(world.credit_deposit(agent, &payment), Ok(Reply::Replayed(_))));
    world.heard(due_key(&payment), SETTLED);
    world.heard(due_key(&payment), SETTLED);
    assert_eq!(books(&world), [0, -2_000_000, 0, 0]);
    assert_eq!(world.shard.agent(&agent).unwrap().available, usd(7_000_000));
    assert_eq!((world.shard.unsettled(&wallet(1)), world.shard.wallet(&wallet(1)).unwrap().settled), (Usd::ZERO, 1));
    sound(&mut world);
}

/// T-19: one log, one payment; told again it is the same, also after a crash.
#[test]
fn t19_a_log_proves_one_payment() {
    let mut world = World::new();
    let payments = [upto(1, 1, 1_000_000, BASE), upto(1, 2, 1_000_000, BASE)];
    for payment in &payments {
        world.owing(payment.clone(), 30_000);
    }
    let proven = |world: &mut World, payment: &Payment, log: u128| {
        let key = due_key(payment);
        let request = u128::from_be_bytes(*key.0.first_chunk().unwrap());
        let log = RequestKey { key: ScopedKey(log), request, looked_up_at: world.shard.generation() };
        world.run(Command::Proven { key, tx: TxHash([7; 32]), log, at: AT }).map(|_| ())
    };
    assert_eq!(proven(&mut world, &payments[0], 1), Ok(()));
    assert_eq!(proven(&mut world, &payments[0], 1), Ok(()));
    assert_eq!(proven(&mut world, &payments[1], 1), Err(Refusal::KeyReused));
    world.append();
    world.crash();
    assert_eq!(proven(&mut world, &payments[1], 1), Err(Refusal::KeyReused));
    assert_eq!(world.shard.due(&due_key(&payments[1])).unwrap().outcome, Outcome::Pending);
    assert_eq!(proven(&mut world, &payments[1], 2), Ok(()));
    for payment in &payments {
        assert_eq!(world.shard.due(&due_key(payment)).unwrap().outcome, MINED);
        world.heard(due_key(payment), SETTLED);
    }
    assert_eq!(books(&world)[1], -60_000);
    sound(&mut world);
}

/// Names are kept, the newest, and each once.
#[test]
fn what_a_facilitator_names_is_stored() {
    let mut world = World::new();
    let payment = upto(1, 1, 1_000_000, BASE);
    world.owing(payment.clone(), 30_000);
    let key = due_key(&payment);
    for byte in [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9] {
        world.run(Command::Named { key, tx: TxHash([byte; 32]) }).unwrap();
    }
    world.append();
    world.crash();
    let due = world.shard.due(&key).unwrap();
    assert_eq!((due.named.len(), due.named[0], due.outcome), (8, TxHash([2; 32]), Outcome::Pending));
    world.heard(key, SETTLED);
    assert!(matches!(world.run(Command::Named { key, tx: TxHash([1; 32]) }), Err(Refusal::NoDue)));
    sound(&mut world);
}

#[test]
fn a_deposit_that_dies_owes_nothing() {
    let mut world = World::new();
    let payment = exact(1, 1, 2_000_000);
    world.claim(&payment, Claimant::Agent(world.agents[0])).unwrap();
    world.heard(due_key(&payment), DEAD);
    assert_eq!((books(&world), world.shard.unsettled(&wallet(1))), ([0; 4], Usd::ZERO));
    assert!(world.shard.wallet(&wallet(1)).is_none());
    sound(&mut world);
}

/// A wallet that owes for jobs of these costs.
fn debtor(world: &mut World, costs: &[i64]) {
    let payments: Vec<_> = (100..).zip(costs).map(|(nonce, cost)| (upto(1, nonce, 1_000_000, BASE), *cost)).collect();
    for (payment, cost) in &payments {
        world.owing(payment.clone(), *cost);
    }
    for (payment, _) in &payments {
        world.heard(due_key(payment), Outcome::Dead(DeadReason::Refused(RevertReason::Empty)));
    }
}

fn pay_debt(world: &mut World, nonce: u8, amount: i64) -> Result<ItemKey, Refusal> {
    let payment = exact(1, nonce, amount);
    world.claim(&payment, Claimant::Debtor(wallet(1))).map(|_| due_key(&payment))
}

/// T-16: a debt is paid whole, and then the wallet is as good as any.
#[test]
fn t16_a_debt_is_paid() {
    let mut world = World::new();
    assert_eq!(pay_debt(&mut world, 1, 30_000).unwrap_err(), Refusal::NoDebt);
    debtor(&mut world, &[30_000, 20_000]);
    for amount in [49_999, 50_001, 30_000] {
        let refused = pay_debt(&mut world, 2, amount).unwrap_err();
        assert_eq!(refused, Refusal::OtherDebt { owed: usd(50_000), offered: usd(amount) });
    }
    let key = pay_debt(&mut world, 3, 50_000).unwrap();
    assert_eq!(world.shard.wallet(&wallet(1)).unwrap().owed(), usd(50_000), "owed until it is paid");
    world.heard(key, MINED);
    world.heard(key, SETTLED);
    world.heard(key, SETTLED);
    assert_eq!(books(&world), [0, -50_000, 50_000, 0]);
    assert!(world.shard.wallet(&wallet(1)).unwrap().debts.is_empty());
    let next = world.paid_spec(upto(1, 4, 1_000_000, BASE));
    world.submit(&next, RICH).unwrap();
    sound(&mut world);
}

#[test]
fn a_debt_s_payment_that_dies_leaves_the_debt() {
    let mut world = World::new();
    debtor(&mut world, &[30_000]);
    let key = pay_debt(&mut world, 1, 30_000).unwrap();
    world.heard(key, DEAD);
    assert_eq!(world.shard.wallet(&wallet(1)).unwrap().owed(), usd(30_000));
    assert_eq!(books(&world), [0, 0, 30_000, -30_000]);
    pay_debt(&mut world, 2, 30_000).unwrap();
    sound(&mut world);
}

/// What is forgiven stays written off, and somebody said why.
#[test]
fn forgiving_is_logged() {
    let mut world = World::new();
    let forgive = Command::Forgive { wallet: wallet(1), reason: "our fault".into(), at: AT };
    assert_eq!(world.run(forgive.clone()).unwrap_err(), Refusal::NoDebt);
    debtor(&mut world, &[30_000]);
    world.append();
    world.run(forgive.clone()).unwrap();
    let logged = world.group.events.iter().any(|event| {
        matches!(event, Event::OperatorActed(act)
            if &*act.act == "debtor_forgiven" && &*act.reason == "our fault" && *act.subject == *wallet(1).to_string())
    });
    assert!(logged);
    assert_eq!((books(&world), world.shard.wallet(&wallet(1)).unwrap().owed()), ([0, 0, 30_000, -30_000], Usd::ZERO));
    assert_eq!(world.run(forgive).unwrap_err(), Refusal::NoDebt);
    let next = world.paid_spec(upto(1, 1, 1_000_000, BASE));
    world.submit(&next, RICH).unwrap();
    sound(&mut world);
}

/// Who pays a debt twice at once would pay too much: what is on its way counts.
#[test]
fn a_debt_is_not_paid_twice() {
    let mut world = World::new();
    debtor(&mut world, &[30_000]);
    let first = pay_debt(&mut world, 1, 30_000).unwrap();
    assert_eq!(pay_debt(&mut world, 2, 30_000).unwrap_err(), Refusal::NoDebt);
    world.append();
    world.crash();
    assert_eq!(pay_debt(&mut world, 2, 30_000).unwrap_err(), Refusal::NoDebt);
    world.heard(first, MINED);
    assert_eq!(pay_debt(&mut world, 2, 30_000).unwrap_err(), Refusal::NoDebt, "not booked, but on its way");
    world.heard(first, DEAD);
    let second = pay_debt(&mut world, 2, 30_000).unwrap();
    world.heard(second, SETTLED);
    assert_eq!(pay_debt(&mut world, 3, 30_000).unwrap_err(), Refusal::NoDebt);
    assert_eq!(books(&world), [0, -30_000, 30_000, 0]);
    sound(&mut world);
}

/// A job claims its payment with its order. Claimed for it by itself, a payment would be booked against a charge that isn't.
#[test]
fn a_job_is_not_paid_from_outside() {
    let mut world = World::new();
    let id = world.running(upto(1, 1, 1_000_000, BASE));
    let refused = world.claim(&exact(1, 2, 1_000_000), Claimant::Job(id)).unwrap_err();
    assert_eq!(refused, Refusal::Job(job::Rejection::OtherBilling));
    assert_eq!(world.shard.dues().count(), 0);
}

/// A repeat is told how its payment ended and what it was, whatever is owed by then.
#[test]
fn a_claim_s_end_is_kept() {
    let mut world = World::new();
    let used = |world: &World, payment: &Payment| {
        let made = &world.shard.key(&ScopedKey(payment.verified.id().key().0)).unwrap().made;
        let Made::Payment(used) = made else { panic!("{made:?}") };
        *used
    };
    debtor(&mut world, &[30_000]);
    let (dead, paid) = (exact(1, 1, 30_000), exact(1, 2, 30_000));
    let claimant = Claimant::Debtor(wallet(1));
    world.claim(&dead, claimant).unwrap();
    assert_eq!(used(&world, &dead), PaymentUse { claimant, network: BASE, amount: usd(30_000), end: None });
    world.heard(due_key(&dead), DEAD);
    world.claim(&paid, claimant).unwrap();
    // Its entry was let go, as of a payment that is long under way.
    world.checkpoint(usize::MAX);
    world.heard(due_key(&paid), MINED);
    world.heard(due_key(&paid), SETTLED);
    let settled = Some(ClaimEnd::Settled { tx: TxHash([7; 32]), owed: Usd::ZERO });
    assert_eq!(used(&world, &paid).end, settled);
    // Later debts, paid and forgiven ones, are other stories.
    let later = upto(1, 50, 1_000_000, BASE);
    world.owing(later.clone(), 20_000);
    world.heard(due_key(&later), DEAD);
    world.run(Command::Forgive { wallet: wallet(1), reason: "agreed".into(), at: AT }).unwrap();
    assert_eq!(used(&world, &paid).end, settled);
    world.checkpoint(usize::MAX);
    let row = |payment: &Payment| {
        let key = payment.verified.id().key().0.to_be_bytes().to_vec();
        codec::decode::<KeyEntry>(&world.kept.rows[&(Table::Key, key)]).unwrap()
    };
    assert_eq!(row(&paid).made, Made::Payment(PaymentUse { claimant, network: BASE, amount: usd(30_000), end: settled }));
    assert_eq!(row(&paid).request, paid.request.0, "the same request is still the same");
    assert!(matches!(row(&dead).made, Made::Payment(PaymentUse { end: Some(ClaimEnd::Dead), .. })));
    sound(&mut world);
}
