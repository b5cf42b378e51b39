//! Payers: what they order, what they order again, and how they cheat.

use std::sync::Arc;

use enrich_jobs::billing::Price;
use enrich_jobs::billing::lane::Claimant;
use enrich_jobs::billing::x402::exposure::Funds;
use enrich_jobs::job::{Billing, Payment, Spec};
use enrich_jobs::shard::Command;
use enrich_jobs::types::{JobId, Route, Usd};

use crate::chain::{Act, Permit};
use crate::payments::{item_key, payment, usd};
use crate::world::{CAPS, Mail, PAYERS, World, is_undone};

impl World {
    fn permit(&mut self, max: i64, is_exact: bool) -> Permit {
        let payer = *self.luck.choice(&PAYERS);
        let deadline = u64::try_from(self.now.seconds()).unwrap() + 40 + self.luck.below(400);
        Permit { payer, max: usd(max), deadline, is_exact }
    }

    fn sign(&mut self, permit: Permit) -> Arc<Payment> {
        let payment = Arc::new(payment(self.count(), permit));
        self.chain.permits.insert(item_key(&payment), permit);
        self.payments.push(Arc::clone(&payment));
        payment
    }

    /// As read now; the commit comes when it comes.
    fn funds(&self, payment: &Payment) -> Funds {
        let payer = payment.verified.payer;
        let allowance = (!payment.is_exact()).then(|| self.chain.allowance(payer));
        Funds { balance: self.chain.balance(payer), allowance }
    }

    pub(crate) fn order(&mut self) {
        let max = 10_000 * (1 + i64::try_from(self.luck.below(60)).unwrap());
        let is_exact = self.luck.one_in(5);
        let mut permit = self.permit(max, is_exact);
        // A payer whose last charge a reorg undid has its money back, and orders for all of it.
        let shards = self.keepers.iter().map(|keeper| &keeper.shard);
        let undone = shards.flat_map(|shard| shard.dues().filter(|due| is_undone(shard, due))).map(|due| due.payment.verified.payer).next();
        if let Some(payer) = undone.filter(|_| self.luck.one_in(2)) {
            let is_proven = self.keeper(payer.slot()).shard.wallet(&payer).is_some_and(|book| book.settled > 0);
            let cap = if is_proven { CAPS.each } else { CAPS.unproven };
            permit = Permit { payer, max: self.chain.balance(payer).min(cap), ..permit };
        }
        let payment = self.sign(permit);
        self.submit(&payment);
    }

    /// The same payment again: whoever has seen it.
    pub(crate) fn order_again(&mut self) {
        if !self.payments.is_empty() {
            let payment = Arc::clone(self.luck.choice::<Arc<Payment>>(&self.payments));
            self.submit(&payment);
        }
    }

    fn submit(&mut self, payment: &Arc<Payment>) {
        if !self.chain.is_good(&item_key(payment)) {
            return;
        }
        let number = self.count();
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&number.to_be_bytes());
        let verified = &payment.verified;
        let spec = Spec {
            id: JobId::new(verified.payer.slot(), uuid),
            billing: Billing::Upto { network: verified.network, payer: verified.payer },
            route: Route::Websearch,
            payload: "{}".into(),
            ceiling: verified.max,
            price: Price { catalogue: Usd::ZERO, minimum: usd(1), markup_bps: 1_000 },
            callback_url: None,
            metadata: Box::default(),
            created_at: self.now,
            run_ms: 60_000,
            payment: Some(Arc::clone(payment)),
            buyer: None,
            session: None,
        };
        // Now and then with a key of the buyer's, which may be an old one.
        let key = self.luck.one_in(3).then(|| (1 << 120) | u128::from(self.luck.below(12)));
        self.mail.push(Mail::Submit(Arc::new(spec), key, self.funds(payment)));
    }

    /// A payment for somebody's benefit: a debtor's debt, or else an agent's balance.
    pub(crate) fn benefit(&mut self) {
        let permit = self.permit(50_000, true);
        let books = self.keepers.iter().flat_map(|keeper| keeper.shard.wallets());
        let debtors: Vec<_> = books.filter(|book| !book.debts.is_empty()).map(|book| (book.wallet, book.owed())).collect();
        let (permit, claimant) = if debtors.is_empty() || self.luck.one_in(4) {
            (permit, Claimant::Agent(self.agent))
        } else {
            let (payer, max) = *self.luck.choice(&debtors);
            self.chain.act(Act::Receive(payer, max.micros()));
            (Permit { payer, max, ..permit }, Claimant::Debtor(payer))
        };
        let payment = self.sign(permit);
        if self.chain.is_good(&item_key(&payment)) {
            let funds = self.funds(&payment);
            self.mail.push(Mail::Claim(payment, claimant, funds));
        }
    }

    /// What a signed maximum is worth: moved away, revoked, used up elsewhere (T-01..T-03), or there again.
    pub(crate) fn cheat(&mut self) {
        let owing: Vec<_> = self.keepers.iter().flat_map(|keeper| keeper.shard.dues()).map(|due| due.payment.verified.payer).collect();
        // Best of all while a charge is on its way.
        let payers = if owing.is_empty() || self.luck.one_in(2) { &PAYERS[..] } else { &owing };
        let payer = *self.luck.choice(payers);
        let amount = i64::try_from(self.luck.below(2_000_000)).unwrap();
        let act = match self.luck.below(6) {
            0 => Act::Spend(payer, amount),
            1 | 2 => Act::Receive(payer, amount),
            3 => Act::Allow(payer, amount),
            4 => Act::Allow(payer, 1 << 40),
            _ if self.payments.is_empty() => return,
            _ => Act::Burn(item_key(self.luck.choice::<Arc<Payment>>(&self.payments))),
        };
        self.chain.act(act);
    }

    pub(crate) fn forgive(&mut self) {
        let (wallet, at) = (*self.luck.choice(&PAYERS), self.now);
        // Who owes nothing is not forgiven.
        self.keeper(wallet.slot()).execute(Command::Forgive { wallet, reason: "enough".into(), at }, |_| None).ok();
    }
}
