//! Values with every field and every variant in use. Each change of one is a change of a recorded file.

use std::sync::Arc;

use enrich_jobs::billing::lane::{
    Block, Change, Claimant, DeadReason, Family, Fees, Item, ItemKey, ItemState, LaneId, MinedTx, Outcome, SignedTx, TxHash,
};
use enrich_jobs::billing::x402::amount::Uint;
use enrich_jobs::billing::x402::messages::{Permit2Authorization, TokenPermissions, Witness};
use enrich_jobs::billing::x402::sponsoring::Sponsored;
use enrich_jobs::billing::x402::{Authorization, ClientKey, RequestHash, RevertReason, Signature, Terms, Verified};
use enrich_jobs::billing::{Account, CreditKey, Price, Source, Transfer};
use enrich_jobs::job::{Bill, Billing, Buyer, Failure, FailureCode, Hop, HopOutcome, Hosted, Job, Payment, Spec, State, Status};
use enrich_jobs::shard::history::JobByOwner;
use enrich_jobs::shard::{
    Agent, Attempt, AttemptOutcome, ClaimEnd, Debt, Delivery, Due, Event, Grant, Introduction, KeyEntry, Made, OperatorAct, PaymentUse,
    ScopedKey, Session, UsageKey, WalletBook,
};
use enrich_jobs::types::{
    AgentId, DeliveryId, JobId, Network, Route, SessionCall, SessionId, Slot, Timestamp, TokenHash, UsageKeyId, Usd, Wallet,
};

const AT: Timestamp = Timestamp::from_millis(1_767_225_600_123);

const fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}

fn agent_id() -> AgentId {
    AgentId::in_slot(Slot(0x0102), [0x11; 16])
}

fn usage_key_id() -> UsageKeyId {
    UsageKeyId::from_bytes([0x22; 16])
}

fn job_id(number: u8) -> JobId {
    JobId::new(Slot(0x0102), [number; 16])
}

fn delivery_id() -> DeliveryId {
    DeliveryId::new(&job_id(0x34), 1)
}

pub(crate) fn agent() -> Agent {
    let key = UsageKey {
        id: usage_key_id(),
        label: "nightly import".into(),
        token: TokenHash([0x55; 32]),
        spend_cap: Some(usd(5_000_000)),
        spent: usd(120_000),
        held: usd(1_500_000),
        expires_at: Some(AT.plus_millis(86_400_000)),
        created_at: AT,
    };
    let bare = UsageKey { label: "".into(), spend_cap: None, expires_at: None, ..key.clone() };
    Agent {
        id: agent_id(),
        label: "Acme, Tampa".into(),
        created_at: AT,
        disabled: false,
        available: usd(98_380_001),
        held: usd(1_500_000),
        token: TokenHash([0x44; 32]),
        keys: vec![key, bare],
    }
}

pub(crate) fn grant() -> Grant {
    Grant { agent: agent_id(), key: Some(usage_key_id()), expires_at: Some(AT.plus_millis(1)) }
}

pub(crate) fn balance() -> (AgentId, Usd, Usd) {
    (agent_id(), usd(8_500_000), usd(1_500_000))
}

pub(crate) fn account() -> (Account, Usd) {
    (Account::Deposits(Source::Operator), usd(-100_000_000))
}

pub(crate) fn every_account() -> Vec<(Account, Usd)> {
    let base = Network::Eip155(8453);
    [
        Account::Agent(agent_id()),
        Account::Hold(job_id(0x34)),
        Account::Revenue,
        Account::Deposits(Source::Operator),
        Account::Claims(base),
        Account::Chain(base),
        Account::WriteOff,
    ]
    .map(|account| (account, usd(9_007_199_254_740_991)))
    .into()
}

fn spec(number: u8) -> Spec {
    Spec {
        id: job_id(number),
        billing: Billing::Virtual { agent: agent_id(), key: Some(usage_key_id()) },
        route: Route::Websearch,
        payload: r#"{"business_name":"Café Zoë","city":"Tampa"}"#.into(),
        ceiling: usd(1_500_000),
        price: Price { catalogue: usd(1_000_000), minimum: usd(10_000), markup_bps: 1_250 },
        callback_url: Some("https://example.com/hook?for=me".into()),
        metadata: [("order".into(), "17".into()), ("note".into(), "".into())].into(),
        created_at: AT,
        run_ms: 900_000,
        payment: None,
        buyer: None,
        session: Some(session_call()),
    }
}

/// One call has ended and one is live.
pub(crate) fn session() -> Session {
    let id = session_call().id;
    let (spent, held, used_at) = (usd(120_000), usd(1_500_000), Timestamp::from_millis(1_790_000_000_500));
    Session { agent: agent_id(), id, budget: usd(5_000_000), spent, held, live: 1, began_at: AT, used_at }
}

fn session_call() -> SessionCall {
    SessionCall { id: SessionId::parse("Batch_7-b").unwrap(), budget: Some(usd(5_000_000)) }
}

fn upto_spec(number: u8) -> Spec {
    Spec {
        billing: Billing::Upto { network: Network::Eip155(8453), payer: wallet(0x77) },
        payment: Some(Arc::new(payment())),
        buyer: Some(Buyer { agent: agent_id(), key: Some(usage_key_id()) }),
        session: None,
        route: Route::LeadSession,
        callback_url: None,
        metadata: Box::default(),
        ..spec(number)
    }
}

const fn wallet(byte: u8) -> Wallet {
    Wallet::from_bytes([byte; 20])
}

fn item_key() -> ItemKey {
    ItemKey::of(wallet(0x77), [0x88; 32])
}

fn terms() -> Terms {
    Terms {
        network: Network::Eip155(8453),
        asset: wallet(0xa1),
        asset_name: "USD Coin".into(),
        asset_version: "2".into(),
        pay_to: wallet(0xa2),
        facilitator: wallet(0xa3),
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    }
}

fn verified() -> Verified {
    let permit = Permit2Authorization {
        permitted: TokenPermissions { token: wallet(0xa1), amount: Uint::new(1_500_000) },
        from: wallet(0x77),
        spender: Terms::UPTO_PROXY,
        nonce: Uint(alloy_primitives::U256::from_be_bytes([0x88; 32])),
        deadline: Uint::new(1_767_226_800),
        witness: Witness { to: wallet(0xa2), facilitator: wallet(0xa3), valid_after: Uint::new(0) },
    };
    Verified {
        network: Network::Eip155(8453),
        payer: wallet(0x77),
        max: usd(1_500_000),
        deadline: Timestamp::from_millis(1_767_226_800_000),
        authorization: Authorization::Upto(permit),
        signature: Signature::from_bytes(&[0x1b; 65]),
        sponsored: Some(Sponsored {
            nonce: Uint::new(7),
            deadline: Uint::new(1_767_226_800),
            signature: Signature::from_bytes(&[0x1b; 65]),
        }),
    }
}

pub(crate) fn payment() -> Payment {
    Payment {
        verified: verified(),
        terms: terms(),
        request: RequestHash(1 << 99),
        client_key: Some(ClientKey::of_idempotency_key("order-17")),
        hosted: Some(Box::new(Hosted { original: "{}".into(), host: "facilitator.example".into(), unused_at: 41_000_000 })),
        payer_has_code: false,
        waive_below: usd(1_000),
    }
}

pub(crate) fn due() -> Due {
    Due {
        key: item_key(),
        payment: Arc::new(payment()),
        claimant: Claimant::Job(job_id(0x35)),
        amount: usd(22_500),
        since: AT,
        outcome: Outcome::Mined(TxHash([0xdd; 32])),
        lane: Some(lane_id()),
        named: vec![TxHash([0xdd; 32])],
    }
}

pub(crate) fn wallet_book() -> WalletBook {
    let reasons = [DeadReason::Burned, DeadReason::Expired, DeadReason::Refused(RevertReason::Empty)];
    let debt = |reason| Debt { job: job_id(0x35), network: Network::Eip155(8453), amount: usd(22_500), reason, at: AT };
    WalletBook { wallet: wallet(0x77), settled: 3, debts: reasons.map(debt).into() }
}

fn lane_id() -> LaneId {
    LaneId { network: Network::Eip155(8453), operator: wallet(0xa4) }
}

/// A row of a lane.
pub(crate) fn lane_row() -> (LaneId, Change) {
    (lane_id(), Change::Next(300))
}

pub(crate) fn lane_changes() -> Vec<Change> {
    let intent = Arc::new(due().intent().unwrap());
    let block = Block { number: 7, hash: [0xbb; 32] };
    let states = [
        ItemState::Waiting { since: AT, failing_since: Some(AT), passed_at: None },
        ItemState::Riding { account_nonce: 299 },
        ItemState::Mined { account_nonce: 299, tx: TxHash([0xdd; 32]), block, is_final: true },
        ItemState::Dead(DeadReason::Expired),
    ];
    let items = (0_u8..).zip(states).map(|(number, state)| {
        let item = Item { intent: Arc::clone(&intent), state, tries: 1, acknowledged: Some(Outcome::Pending) };
        Change::Item(ItemKey([number; 32]), Some(Box::new(item)))
    });
    let tx = SignedTx { hash: TxHash([0xdd; 32]), raw: [2, 0xf8].into(), is_cancel: false, fees: Fees { max: 9, tip: 1 }, at: AT };
    let mined = Some(MinedTx { tx: TxHash([0xdd; 32]), block, is_final: false });
    let family = Family { items: vec![item_key()], txs: vec![tx], mined, reorged: None };
    let families = [Change::Family(299, Some(Box::new(family))), Change::Family(298, None), Change::Item(ItemKey([9; 32]), None)];
    [Change::Next(300)].into_iter().chain(items).chain(families).collect()
}

fn hop(tool: &str, outcome: HopOutcome) -> Arc<Hop> {
    let answer = if outcome == HopOutcome::Failed { "" } else { r#"{"listings":[]}"# };
    Arc::new(Hop { tool: tool.into(), fingerprint: 7 << 100, cost: usd(10_000), outcome, answer: answer.into(), at: AT })
}

fn hops() -> Vec<Arc<Hop>> {
    vec![
        hop("directory", HopOutcome::Found),
        hop("website", HopOutcome::Nothing),
        hop("website", HopOutcome::Failed),
        hop("search", HopOutcome::Cached),
    ]
}

fn state(status: Status) -> State {
    State {
        status,
        version: 300,
        crashes: 1,
        cancel_requested: false,
        matched: false,
        cost: usd(20_000),
        held: usd(1_500_000),
        started_at: Some(AT.plus_millis(1_000)),
        finished_at: None,
        ended_at: None,
        bill: None,
        settled_in: None,
        failure: None,
        result: None,
    }
}

fn ended_state() -> State {
    State {
        matched: true,
        held: Usd::ZERO,
        finished_at: Some(AT.plus_millis(4_000)),
        ended_at: Some(AT.plus_millis(4_001)),
        bill: Some(Bill { charged: usd(22_500), refunded: Some(usd(1_477_500)) }),
        settled_in: Some(TxHash([0xdd; 32])),
        result: Some(r#"{"matched":true}"#.into()),
        ..state(Status::Completed)
    }
}

fn failed_state(code: FailureCode) -> State {
    let failure = Failure { code, message: "nothing was charged".into() };
    State { failure: Some(failure), result: None, cancel_requested: true, status: Status::Failed, ..ended_state() }
}

fn job(spec: Spec, state: State) -> Job {
    Job { spec: Arc::new(spec), state, hops: hops() }
}

pub(crate) fn live_job() -> Job {
    job(spec(0x33), state(Status::Running))
}

pub(crate) fn ended_job() -> Job {
    job(spec(0x34), ended_state())
}

pub(crate) fn failed_job() -> Job {
    job(upto_spec(0x35), failed_state(FailureCode::SettlementFailed))
}

pub(crate) fn every_state() -> Vec<State> {
    use FailureCode as F;
    let states = Status::ALL.map(state).into_iter();
    let failures = [F::VendorUnavailable, F::TimedOut, F::Cancelled, F::PayerInsolvent, F::SettlementFailed, F::Internal];
    states.chain(failures.map(failed_state)).collect()
}

pub(crate) fn delivery() -> Delivery {
    Delivery { id: delivery_id(), created_at: AT, attempts: 300, failures: 2, next_at: AT.plus_millis(5_000) }
}

pub(crate) fn key_entry() -> KeyEntry {
    KeyEntry { request: u128::MAX - 1, made: Made::Job(job_id(0x34)), at: AT }
}

pub(crate) fn every_key_entry() -> Vec<KeyEntry> {
    [
        Made::Job(job_id(0x34)),
        Made::Credit { agent: agent_id(), amount: usd(100_000_000), available: usd(100_000_001) },
        Made::Agent(agent_id()),
        Made::UsageKey(agent_id(), usage_key_id()),
        Made::Payment(PaymentUse {
            claimant: Claimant::Agent(agent_id()),
            network: Network::Eip155(8453),
            amount: Usd::from_micros(4),
            end: None,
        }),
        Made::Payment(PaymentUse {
            claimant: Claimant::Debtor(wallet(0x77)),
            network: Network::Eip155(8453),
            amount: Usd::from_micros(5),
            end: Some(ClaimEnd::Settled { tx: TxHash([9; 32]), owed: Usd::from_micros(6) }),
        }),
        Made::Payment(PaymentUse {
            claimant: Claimant::Debtor(wallet(0x77)),
            network: Network::Eip155(8453),
            amount: Usd::from_micros(5),
            end: Some(ClaimEnd::Dead),
        }),
    ]
    .map(|made| KeyEntry { made, ..key_entry() })
    .into()
}

pub(crate) fn transfer() -> Transfer {
    Transfer::credit(agent_id(), CreditKey(1 << 127), usd(100_000_000), "welcome", AT)
}

pub(crate) fn every_transfer() -> Vec<Transfer> {
    let (job, agent, network) = (job_id(0x34), agent_id(), Network::Eip155(84_532));
    vec![
        transfer(),
        Transfer::hold(job, agent, usd(1_500_000), AT),
        Transfer::capture(job, usd(22_500), AT),
        Transfer::release(job, agent, usd(1_477_500), AT),
        Transfer::claim(job, network, usd(22_500), AT),
        Transfer::settle(job, network, usd(22_500), AT),
        Transfer::write_off(job, network, Usd::ZERO, AT),
        Transfer::waive(job, network, usd(999), AT),
        Transfer::deposit(agent, item_key(), network, usd(5_000_000), AT),
        Transfer::recovery(item_key(), network, usd(22_500), AT),
        Transfer::welcome(agent, usd(250_000), AT),
    ]
}

pub(crate) fn job_by_owner() -> JobByOwner {
    (job_id(0x34), Some(ScopedKey(1 << 126)))
}

pub(crate) fn attempt() -> (DeliveryId, u16, Attempt) {
    let attempt = Attempt { at: AT, outcome: AttemptOutcome::Failed, status: Some(503), class: "status".into(), duration_ms: 15_000 };
    (delivery_id(), 300, attempt)
}

pub(crate) fn every_attempt() -> Vec<Attempt> {
    use AttemptOutcome as A;
    [A::Delivered, A::Failed, A::GivenUp, A::Gone].map(|outcome| Attempt { outcome, status: None, ..attempt().2 }).into()
}

pub(crate) fn operator_act() -> OperatorAct {
    OperatorAct { at: AT, act: "credited".into(), subject: agent_id().to_string().into(), reason: "welcome".into() }
}

pub(crate) fn introduction(number: u8) -> Introduction {
    Introduction { job: job_id(number), agent: agent_id(), key: Some((ScopedKey(1 << 125), 17)), at: AT }
}

pub(crate) fn record() -> Vec<Event> {
    let gone = [
        Event::TokenPut(TokenHash([0x66; 32]), None),
        Event::OutboxGone(delivery_id()),
        Event::DueGone(item_key()),
        Event::IntroductionGone(job_id(0x35)),
        Event::SessionGone(session().key()),
    ];
    history().into_iter().flatten().chain(gone).collect()
}

/// A shard's life in three groups: an agent, its jobs, and what came of them. It ends with a live job and an owed callback.
pub(crate) fn history() -> Vec<Vec<Event>> {
    let (agent_id, key) = (agent_id(), ScopedKey(1 << 126));
    let (account, balance) = account();
    let made = vec![
        Event::AgentPut(Box::new(agent())),
        Event::TokenPut(TokenHash([0x44; 32]), Some(Grant { key: None, expires_at: None, ..grant() })),
        Event::TokenPut(TokenHash([0x55; 32]), Some(grant())),
        Event::Posted(transfer()),
        Event::AccountPut(account, balance),
        Event::OperatorActed(operator_act()),
    ];
    let mut opened = Vec::new();
    for (spec, key) in [(spec(0x33), None), (spec(0x34), Some(key)), (upto_spec(0x35), None)] {
        opened.push(Event::Posted(Transfer::hold(spec.id, agent_id, spec.ceiling, AT)));
        opened.push(Event::JobOpened(Arc::new(spec), key));
    }
    opened.extend([
        Event::KeyUsed { agent: agent_id, key: usage_key_id(), spent: usd(120_000), held: usd(3_000_000) },
        Event::Balance { agent: agent_id, available: usd(97_000_000), held: usd(3_000_000) },
        Event::KeyPut(key, key_entry()),
        Event::IntroductionPut(introduction(0x35)),
        Event::IntroductionPut(introduction(0x36)),
        Event::JobListed(agent_id, job_id(0x35), Some(ScopedKey(1 << 125))),
    ]);
    let (delivery_id, number, attempt) = attempt();
    let mut over = vec![Event::JobMoved(job_id(0x33), Box::new(state(Status::Running)))];
    over.extend((0..).zip(hops()).map(|(number, hop)| Event::HopAdded(job_id(0x33), number, hop)));
    over.extend(every_transfer().into_iter().skip(2).map(Event::Posted));
    over.extend([
        Event::DuePut(Box::new(due())),
        Event::WalletPut(Box::new(wallet_book())),
        Event::SessionPut(Box::new(session())),
        Event::LaneMoved(lane_id(), lane_changes()),
        Event::OutboxPut(delivery()),
        Event::JobMoved(job_id(0x34), Box::new(ended_state())),
        Event::PrecedentPut(Arc::new(crate::precedents::precedent())),
        Event::JobMoved(job_id(0x35), Box::new(failed_state(FailureCode::Cancelled))),
        Event::Attempted(delivery_id, number, attempt),
    ]);
    vec![made, opened, over]
}
