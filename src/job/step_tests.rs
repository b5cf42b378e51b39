use super::*;
use crate::billing::lane::TxHash;
use crate::billing::{Account, Price};
use crate::job::{HopOutcome, Spec};
use crate::types::Network;
use crate::types::{AgentId, JobId, Route, Slot, Wallet};
use proptest::prelude::*;

const AT: Timestamp = Timestamp::from_millis(1_000);
const NETWORK: Network = Network::Eip155(8453);

fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}

fn accepted(upto: bool) -> Job {
    let agent = AgentId::new([1; 16]);
    Job::accepted(Arc::new(Spec {
        id: JobId::new(Slot(3), [2; 16]),
        billing: if upto {
            Billing::Upto { network: NETWORK, payer: Wallet::from_bytes([9; 20]) }
        } else {
            Billing::Virtual { agent, key: None }
        },
        route: Route::Websearch,
        payload: "{}".into(),
        ceiling: usd(1_500_000),
        price: Price { catalogue: usd(1_000_000), minimum: Usd::ZERO, markup_bps: 0 },
        callback_url: None,
        metadata: Box::default(),
        created_at: AT,
        run_ms: 900_000,
        payment: None,
        buyer: None,
        session: None,
    }))
}

fn hop(cost: i64) -> Event {
    let hop = Hop { tool: "directory".into(), fingerprint: 7, cost: usd(cost), outcome: HopOutcome::Found, answer: "1".into(), at: AT };
    Event::HopRecorded { hop: Arc::new(hop) }
}

/// By the names that the table uses.
fn event(name: &str) -> Event {
    let result: Arc<str> = "{}".into();
    match name {
        "slot_granted" => Event::SlotGranted { at: AT },
        "hop" => hop(10_000),
        "matched" => Event::Finished { at: AT, matched: true, result },
        "no_match" => Event::Finished { at: AT, matched: false, result },
        "deadline_match" => Event::DeadlineReached { at: AT, matched: true, result },
        "deadline_none" => Event::DeadlineReached { at: AT, matched: false, result },
        "vendor_failed" => Event::VendorFailed { at: AT, message: "down".into() },
        "crashed" => Event::Crashed { at: AT },
        "operator_failed" => Event::OperatorFailed { at: AT, message: "stuck".into() },
        "queue_timed_out" => Event::QueueTimedOut { at: AT },
        "insolvent" => Event::PayerInsolvent { at: AT },
        "cancel_asked" => Event::CancelRequested { at: AT },
        "cancelled" => Event::Cancelled { at: AT, partial: Some(result) },
        "billed" => Event::Billed { at: AT, tx: None },
        "given_up" => Event::SettleGivenUp { at: AT },
        _ => panic!("no event {name}"),
    }
}

fn taken(mut job: Job, events: &[&str]) -> Job {
    for name in events {
        job = applied(&job, &event(name)).unwrap_or_else(|rejection| panic!("{name}: {rejection}")).0;
    }
    job
}

fn applied(job: &Job, event: &Event) -> Result<(Job, Step), Rejection> {
    let step = step(job, event)?;
    let mut next = Job { state: step.state.clone(), ..job.clone() };
    next.hops.extend(step.hop.clone());
    Ok((next, step))
}

/// A cell is the status after the event, `fails` for completing with a failure, `.` for out of order, `-` for the other
/// way of paying, and `x` for a job that has ended.
fn check(upto: bool, table: &str) {
    let mut rows = table.lines().map(str::split_whitespace).filter(|row| row.clone().next().is_some());
    let columns: Vec<&str> = rows.next().unwrap().collect();
    let mut seen = 0;
    for mut row in rows {
        let name = row.next().unwrap();
        for column in &columns {
            let job = match *column {
                "queued" => accepted(upto),
                "running" => taken(accepted(upto), &["slot_granted", "hop"]),
                "completing" => taken(accepted(upto), &["slot_granted", "hop", "matched"]),
                "completed" => taken(accepted(upto), &["slot_granted", "hop", "matched", "billed"]),
                "failed" => taken(accepted(upto), &["slot_granted", "vendor_failed", "billed"]),
                other => panic!("no status {other}"),
            };
            let cell = match step(&job, &event(name)) {
                Ok(step) if step.state.status == Status::Completing && step.state.failure.is_some() => "fails",
                Ok(step) => step.state.status.as_str(),
                Err(Rejection::OutOfOrder(status)) => {
                    assert_eq!(status, job.state.status);
                    "."
                }
                Err(Rejection::OtherBilling) => "-",
                Err(Rejection::Ended) => "x",
                Err(Rejection::Amount(error)) => panic!("{error}"),
            };
            assert_eq!(Some(cell), row.next(), "{name} while {column}, upto: {upto}");
            seen += 1;
        }
    }
    assert_eq!(seen, 15 * 5, "every event in every status");
}

#[test]
fn every_event_in_every_status_on_virtual_balance() {
    check(
        false,
        "                  queued   running     completing  completed  failed
         slot_granted      running  .           .           x          x
         hop               .        running     .           x          x
         matched           .        completing  .           x          x
         no_match          .        completing  .           x          x
         deadline_match    .        completing  .           x          x
         deadline_none     .        fails       .           x          x
         vendor_failed     .        fails       .           x          x
         crashed           .        running     .           x          x
         operator_failed   fails    fails       .           x          x
         queue_timed_out   -        .           .           x          x
         insolvent         -        -           .           x          x
         cancel_asked      fails    running     .           x          x
         cancelled         fails    fails       .           x          x
         billed            .        .           completed   x          x
         given_up          .        .           -           x          x",
    );
}

#[test]
fn every_event_in_every_status_on_upto() {
    check(
        true,
        "                  queued   running     completing  completed  failed
         slot_granted      running  .           .           x          x
         hop               .        running     .           x          x
         matched           .        completing  .           x          x
         no_match          .        completing  .           x          x
         deadline_match    .        completing  .           x          x
         deadline_none     .        fails       .           x          x
         vendor_failed     .        fails       .           x          x
         crashed           .        running     .           x          x
         operator_failed   fails    fails       .           x          x
         queue_timed_out   fails    .           .           x          x
         insolvent         fails    fails       .           x          x
         cancel_asked      fails    running     .           x          x
         cancelled         fails    fails       .           x          x
         billed            .        .           completed   x          x
         given_up          .        .           failed      x          x",
    );
}

#[test]
fn a_match_is_charged_its_cost_and_the_rest_goes_back() {
    let job = taken(accepted(false), &["slot_granted", "hop", "hop"]);
    let (done, step) = applied(&job, &event("matched")).unwrap();
    let agent = job.spec.agent().unwrap();
    assert_eq!(
        step.transfers,
        [Transfer::capture(job.spec.id, usd(20_000), AT), Transfer::release(job.spec.id, agent, usd(1_480_000), AT)]
    );
    assert_eq!(done.state.bill, Some(Bill { charged: usd(20_000), refunded: Some(usd(1_480_000)) }));
    assert_eq!(done.state.held, Usd::ZERO);
}

#[test]
fn no_match_failure_and_queued_cancel_cost_nothing() {
    for end in ["no_match", "vendor_failed", "operator_failed", "deadline_none"] {
        let job = taken(accepted(false), &["slot_granted", "hop"]);
        let (done, step) = applied(&job, &event(end)).unwrap();
        assert_eq!(done.state.bill.unwrap().charged, Usd::ZERO, "{end}");
        assert_eq!(step.transfers.len(), 1, "{end}: only the release");
    }
    let (done, _) = applied(&accepted(false), &event("cancel_asked")).unwrap();
    assert_eq!(done.state.bill, Some(Bill { charged: Usd::ZERO, refunded: Some(usd(1_500_000)) }));
}

#[test]
fn a_running_job_that_is_cancelled_costs_what_it_cost_so_far() {
    let job = taken(accepted(false), &["slot_granted", "hop", "cancel_asked", "cancelled"]);
    assert_eq!(job.state.bill.unwrap().charged, usd(10_000));
    assert!(job.state.result.is_some(), "what was found is kept as the partial result");
}

#[test]
fn the_third_crash_fails_it_and_refunds() {
    let job = taken(accepted(false), &["slot_granted", "hop", "crashed", "crashed"]);
    assert_eq!(job.state.status, Status::Running);
    let job = taken(job, &["crashed"]);
    assert_eq!(job.state.failure.as_ref().unwrap().code, FailureCode::Internal);
    assert_eq!(job.state.bill.unwrap().charged, Usd::ZERO);
}

#[test]
fn upto_owes_then_settles_or_is_written_off() {
    let job = taken(accepted(true), &["slot_granted", "hop"]);
    let (owing, step) = applied(&job, &event("matched")).unwrap();
    assert_eq!(step.transfers, [Transfer::claim(job.spec.id, NETWORK, usd(10_000), AT)]);
    let (done, settled) = applied(&owing, &Event::Billed { at: AT, tx: Some(TxHash([7; 32])) }).unwrap();
    assert_eq!((done.state.settled_in, settled.transfers), (Some(TxHash([7; 32])), Vec::new()), "the shard books what the chain says");
    let (lost, _) = applied(&owing, &event("given_up")).unwrap();
    assert_eq!(lost.state.failure.unwrap().code, FailureCode::SettlementFailed);
    assert_eq!(lost.state.result, None, "what was not paid for is not kept");
    let (free, step) = applied(&job, &event("no_match")).unwrap();
    assert!(step.transfers.is_empty());
    assert!(applied(&free, &event("billed")).unwrap().1.transfers.is_empty(), "$0 never reaches the chain");
}

proptest! {
    /// I-2, I-3: whatever happens, the hold is empty at the end, and each transfer happened once at most.
    #[test]
    fn any_history_balances(names in proptest::collection::vec(0_usize..15, 0..40), costs in proptest::collection::vec(0_i64..900_000, 40)) {
        const NAMES: [&str; 15] = ["slot_granted", "hop", "matched", "no_match", "deadline_match", "deadline_none", "vendor_failed", "crashed",
            "operator_failed", "queue_timed_out", "insolvent", "cancel_asked", "cancelled", "billed", "given_up"];
        let mut job = accepted(false);
        let mut transfers = vec![Transfer::hold(job.spec.id, job.spec.agent().unwrap(), job.spec.ceiling, AT)];
        for (index, name) in names.iter().enumerate() {
            let event = if NAMES[*name] == "hop" { hop(costs[index]) } else { event(NAMES[*name]) };
            let before = job.state.status;
            if let Ok((next, step)) = applied(&job, &event) {
                prop_assert!(next.state.status >= before, "I-11");
                transfers.extend(step.transfers);
                job = next;
            }
        }
        let hold = Account::Hold(job.spec.id);
        let balance = transfers.iter().fold(0_i64, |sum, transfer| {
            sum + if transfer.credit == hold { transfer.amount.micros() } else { 0 } - if transfer.debit == hold { transfer.amount.micros() } else { 0 }
        });
        prop_assert_eq!(balance, job.state.held.micros());
        let mut ids: Vec<_> = transfers.iter().map(|transfer| transfer.id).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), transfers.len());
        if let Some(bill) = job.state.bill {
            prop_assert_eq!(bill.charged.plus(bill.refunded.unwrap()), Ok(job.spec.ceiling));
            prop_assert!(job.state.held.is_zero() && !bill.charged.is_negative());
        } else {
            prop_assert_eq!(job.state.held, job.spec.ceiling);
        }
    }
}
