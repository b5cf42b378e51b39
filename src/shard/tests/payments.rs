//! Payments that nobody signed: checking signatures is others' work.

use super::*;
use crate::billing::Account;
use crate::billing::lane::{Claimant, ItemKey};
use crate::billing::x402::amount::{self, Uint};
use crate::billing::x402::exposure::{Caps, Funds};
use crate::billing::x402::messages::{Eip3009Authorization, Permit2Authorization, TokenPermissions, Witness};
use crate::billing::x402::newcomers::Newcomers;
use crate::billing::x402::sponsoring::Sponsored;
use crate::billing::x402::{Authorization, ClientKey, RequestHash, Signature, Terms, Verified};
use crate::job::Payment;
use crate::types::{Network, Wallet};

pub(super) const BASE: Network = Network::Eip155(8453);
pub(super) const OTHER: Network = Network::Eip155(137);
const DEADLINE_S: u64 = 1_700_001_200;

pub(super) const fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}

pub(super) const fn wallet(number: u8) -> Wallet {
    Wallet::from_bytes([number; 20])
}

/// Of somebody with money, to whom every limit is far.
pub(super) const RICH: Credit = Credit {
    funds: Funds { balance: Usd::MAX_WIRE, allowance: Some(Usd::MAX_WIRE) },
    caps: Caps { each: Usd::MAX_WIRE, unproven: Usd::MAX_WIRE, unproven_total: Usd::MAX_WIRE },
    unproven_total: Usd::ZERO,
    newcomers: Newcomers::Welcome,
};

fn terms(network: Network) -> Terms {
    Terms {
        network,
        asset: wallet(0xa1),
        asset_name: "USD Coin".into(),
        asset_version: "2".into(),
        pay_to: wallet(0xa2),
        facilitator: wallet(0xa3),
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    }
}

fn payment(payer: Wallet, network: Network, max: Usd, authorization: Authorization) -> Payment {
    let verified = Verified {
        network,
        payer,
        max,
        deadline: Timestamp::from_millis(i64::try_from(DEADLINE_S).unwrap() * 1000),
        authorization,
        signature: Signature::from_bytes(&[0x1b; 65]),
        sponsored: None,
    };
    let request = RequestHash::of("POST", "/", b"{}");
    Payment { verified, terms: terms(network), request, client_key: None, hosted: None, payer_has_code: false, waive_below: Usd::ZERO }
}

/// At most `max`, by Permit2.
pub(super) fn upto(payer: u8, nonce: u8, max: i64, network: Network) -> Payment {
    let permit = Permit2Authorization {
        permitted: TokenPermissions { token: wallet(0xa1), amount: Uint(amount::units(usd(max))) },
        from: wallet(payer),
        spender: Terms::UPTO_PROXY,
        nonce: Uint(alloy_primitives::U256::from_be_bytes([nonce; 32])),
        deadline: Uint::new(DEADLINE_S),
        witness: Witness { to: wallet(0xa2), facilitator: wallet(0xa3), valid_after: Uint::new(0) },
    };
    payment(wallet(payer), network, usd(max), Authorization::Upto(permit))
}

/// The same, with an allowance that it brings along.
pub(super) fn sponsored(payer: u8, nonce: u8, max: i64) -> Payment {
    let mut payment = upto(payer, nonce, max, BASE);
    let signature = Signature::from_bytes(&[0x1b; 65]);
    payment.verified.sponsored = Some(Sponsored { nonce: Uint::new(0), deadline: Uint::new(DEADLINE_S), signature });
    payment
}

/// Exactly `amount`, by EIP-3009.
pub(super) fn exact(payer: u8, nonce: u8, amount: i64) -> Payment {
    let transfer = Eip3009Authorization {
        from: wallet(payer),
        to: wallet(0xa2),
        value: Uint(amount::units(usd(amount))),
        valid_after: Uint::new(0),
        valid_before: Uint::new(DEADLINE_S + 1),
        nonce: [nonce; 32].into(),
    };
    payment(wallet(payer), BASE, usd(amount), Authorization::Exact(transfer))
}

pub(super) fn keyed(payment: Payment, key: &str) -> Payment {
    Payment { client_key: Some(ClientKey::of_idempotency_key(key)), ..payment }
}

pub(super) fn due_key(payment: &Payment) -> ItemKey {
    ItemKey::of(payment.verified.payer, payment.verified.nonce().to_be_bytes())
}

/// Claims, chain, revenue and what is written off.
pub(super) fn books(world: &World) -> [i64; 4] {
    [Account::Claims(BASE), Account::Chain(BASE), Account::Revenue, Account::WriteOff].map(|account| world.shard.account(&account).micros())
}

/// Replayed it is the same, and the audit finds nothing.
pub(super) fn sound(world: &mut World) {
    world.append();
    assert_eq!(World::load(&world.kept).0.canonical(), world.shard.canonical());
    let findings = world.audit();
    assert!(findings.is_ok(), "{:?}", findings.broken);
}

impl World {
    /// A job that costs what its hops do, paid by `payment`.
    pub(super) fn paid_spec(&mut self, payment: Payment) -> Arc<Spec> {
        let verified = &payment.verified;
        let (network, payer, ceiling) = (verified.network, verified.payer, verified.max);
        let spec = self.spec(0, ceiling.micros(), None);
        let id = JobId::new(payer.slot(), spec.id.uuid());
        *self.jobs.last_mut().unwrap() = id;
        let billing = Billing::Upto { network, payer };
        Arc::new(Spec { id, billing, payment: Some(Arc::new(payment)), ..(*spec).clone() })
    }

    /// The name under which a payment is claimed, looked for just now.
    pub(super) fn claim_key(&self, payment: &Payment) -> RequestKey {
        let key = ScopedKey(payment.verified.id().key().0);
        RequestKey { key, request: payment.request.0, looked_up_at: self.shard.generation() }
    }

    pub(super) fn submit(&mut self, spec: &Arc<Spec>, credit: Credit) -> Result<Reply, Refusal> {
        let payment = self.claim_key(spec.payment.as_ref().unwrap());
        self.run(Command::SubmitPaid { spec: Arc::clone(spec), payment, key: None, credit })
    }

    /// An accepted job that has its slot.
    pub(super) fn running(&mut self, payment: Payment) -> JobId {
        let spec = self.paid_spec(payment);
        self.submit(&spec, RICH).unwrap();
        self.happen(spec.id, job::Event::SlotGranted { at: AT });
        spec.id
    }

    pub(super) fn happen(&mut self, id: JobId, event: job::Event) -> Arc<Job> {
        let Reply::Moved(job, _) = self.run(Command::Job { id, event }).unwrap() else { panic!("not moved") };
        job
    }

    pub(super) fn hop(&mut self, id: JobId, cost: i64) {
        self.counter += 1;
        let hop = Hop {
            tool: "directory".into(),
            fingerprint: u128::from(self.counter),
            cost: usd(cost),
            outcome: HopOutcome::Found,
            answer: "1".into(),
            at: AT,
        };
        self.happen(id, job::Event::HopRecorded { hop: Arc::new(hop) });
    }

    pub(super) fn finish(&mut self, id: JobId, matched: bool) -> Arc<Job> {
        self.happen(id, job::Event::Finished { at: AT, matched, result: "{}".into() })
    }

    /// A job whose charge of `cost` is owed.
    pub(super) fn owing(&mut self, payment: Payment, cost: i64) -> JobId {
        let id = self.running(payment);
        self.hop(id, cost);
        self.finish(id, true);
        id
    }

    pub(super) fn heard(&mut self, key: ItemKey, outcome: crate::billing::lane::Outcome) -> Option<Arc<Job>> {
        let Reply::Heard(job) = self.run(Command::Heard { key, outcome, at: AT }).unwrap() else { panic!("not heard") };
        job
    }

    pub(super) fn claim(&mut self, payment: &Payment, claimant: Claimant) -> Result<Reply, Refusal> {
        let claim = self.claim_key(payment);
        self.run(Command::ClaimExact { payment: Arc::new(payment.clone()), claim, claimant, credit: RICH, at: AT })
    }

    pub(super) fn credit_deposit(&mut self, agent: AgentId, payment: &Payment) -> Result<Reply, Refusal> {
        let name = due_key(payment);
        let (head, _) = name.0.split_first_chunk::<16>().unwrap();
        let key = RequestKey { key: ScopedKey(u128::from_be_bytes(*head)), request: 0, looked_up_at: self.shard.generation() };
        let (network, amount) = (payment.verified.network, payment.verified.max);
        self.run(Command::Deposit { agent, payment: name, network, amount, key, at: AT })
    }
}
