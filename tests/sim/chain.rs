//! A chain that fits into a test: wallets with money, permits, two operator accounts; it can reorg, forget, and be dear. Simple
//! enough to be the oracle of what was paid.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use enrich_jobs::billing::lane::{Block, Check, Deep, Fees, Intent, ItemKey, Observation, Receipt, Sent, Sight, SignedTx, TxHash};
use enrich_jobs::billing::x402::RevertReason;
use enrich_jobs::billing::x402::logs::Moved;
use enrich_jobs::types::{Timestamp, Usd, Wallet};
use serde::{Deserialize, Serialize};

use crate::luck::Luck;
use crate::payments::{ASSET, PAY_TO};

/// What signed bytes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bytes {
    operator: Wallet,
    nonce: u64,
    items: Vec<(ItemKey, Usd)>,
    fees: Fees,
    /// Tells apart what differs in nothing else.
    salt: u64,
}

impl Bytes {
    pub(crate) fn new(operator: Wallet, nonce: u64, intents: &[std::sync::Arc<Intent>], fees: Fees, salt: u64) -> Self {
        Self { operator, nonce, items: intents.iter().map(|intent| (intent.key, intent.amount)).collect(), fees, salt }
    }

    fn hash(&self) -> TxHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.salt.to_be_bytes());
        TxHash(hash)
    }

    pub(crate) fn signed(&self, at: Timestamp) -> SignedTx {
        let raw = postcard::to_stdvec(self).unwrap().into();
        SignedTx { hash: self.hash(), raw, is_cancel: self.items.is_empty(), fees: self.fees, at }
    }
}

/// What a payer signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permit {
    pub(crate) payer: Wallet,
    pub(crate) max: Usd,
    pub(crate) deadline: u64,
    pub(crate) is_exact: bool,
}

/// What a payer does behind our back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Spend(Wallet, i64),
    Receive(Wallet, i64),
    Allow(Wallet, i64),
    Burn(ItemKey),
}

/// Everything after some block.
#[derive(Debug, Default, Clone)]
pub(crate) struct State {
    nonces: BTreeMap<Wallet, u64>,
    used: BTreeSet<ItemKey>,
    balances: BTreeMap<Wallet, i64>,
    allowances: BTreeMap<Wallet, i64>,
    receipts: BTreeMap<TxHash, Rc<Receipt>>,
    /// What moved for a key, in which transaction.
    pub(crate) moved: BTreeMap<ItemKey, (TxHash, Usd)>,
}

struct Mined {
    hash: [u8; 32],
    time: u64,
    txs: Vec<Bytes>,
    acts: Vec<Act>,
    after: Rc<State>,
}

pub(crate) struct Chain {
    blocks: Vec<Mined>,
    pool: BTreeMap<(Wallet, u64), Bytes>,
    pub(crate) base_fee: u128,
    acts: Vec<Act>,
    pub(crate) permits: BTreeMap<ItemKey, Permit>,
    /// A settler says what became of each item; an operator alone doesn't.
    pub(crate) has_settler: bool,
    /// Every movement that ever stood in a block, on whichever branch.
    pub(crate) ever_moved: BTreeSet<(ItemKey, TxHash)>,
    salt: u64,
}

pub(crate) const CONFIRMATIONS: u64 = 3;

impl Chain {
    pub(crate) fn new(time: u64, has_settler: bool, money: &[(Wallet, i64)]) -> Self {
        let mut state = State::default();
        state.balances.extend(money.iter().copied());
        state.allowances.extend(money.iter().copied());
        let genesis = Mined { hash: [0; 32], time, txs: vec![], acts: vec![], after: Rc::new(state) };
        let (permits, ever_moved) = (BTreeMap::new(), BTreeSet::new());
        Self { blocks: vec![genesis], pool: BTreeMap::new(), base_fee: 100, acts: vec![], permits, has_settler, ever_moved, salt: 0 }
    }

    pub(crate) fn head(&self) -> &State {
        &self.blocks.last().unwrap().after
    }

    pub(crate) fn time(&self) -> u64 {
        self.blocks.last().unwrap().time
    }

    fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn balance(&self, wallet: Wallet) -> Usd {
        Usd::from_micros(self.head().balances.get(&wallet).copied().unwrap_or(0))
    }

    pub(crate) fn allowance(&self, wallet: Wallet) -> Usd {
        Usd::from_micros(self.head().allowances.get(&wallet).copied().unwrap_or(0))
    }

    /// Whether the whole maximum could be taken now.
    pub(crate) fn is_good(&self, key: &ItemKey) -> bool {
        self.fails(self.head(), key, self.permits[key].max, self.time()).is_none()
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    fn fails(&self, state: &State, key: &ItemKey, amount: Usd, time: u64) -> Option<RevertReason> {
        let permit = self.permits[key];
        let has = |of: &BTreeMap<Wallet, i64>| of.get(&permit.payer).copied().unwrap_or(0) >= amount.micros();
        let is_amount = if permit.is_exact { amount == permit.max } else { amount > Usd::ZERO && amount <= permit.max };
        if state.used.contains(key) {
            Some(RevertReason::InvalidNonce)
        } else if time > permit.deadline {
            Some(RevertReason::SignatureExpired)
        } else if !is_amount {
            Some(RevertReason::AmountAbovePermitted)
        } else if !has(&state.balances) || (!permit.is_exact && !has(&state.allowances)) {
            Some(RevertReason::TransferFailed)
        } else {
            None
        }
    }

    fn push(&mut self, time: u64, txs: Vec<Bytes>, acts: Vec<Act>) {
        self.salt += 1;
        let mut hash = [1; 32];
        hash[..8].copy_from_slice(&self.salt.to_be_bytes());
        let block = Block { number: self.height() + 1, hash };
        let mut state = self.head().clone();
        for act in &acts {
            match *act {
                Act::Spend(wallet, amount) => {
                    let balance = state.balances.entry(wallet).or_default();
                    *balance -= amount.min(*balance);
                }
                Act::Receive(wallet, amount) => *state.balances.entry(wallet).or_default() += amount,
                Act::Allow(wallet, amount) => drop(state.allowances.insert(wallet, amount)),
                Act::Burn(key) => drop(state.used.insert(key)),
            }
        }
        for tx in &txs {
            let nonce = state.nonces.entry(tx.operator).or_default();
            assert_eq!(tx.nonce, *nonce, "the chain itself has no gaps");
            *nonce += 1;
            let (mut moved, mut items) = (Vec::new(), Vec::new());
            for &(key, amount) in &tx.items {
                let failed = self.fails(&state, &key, amount, time);
                items.push((key, failed.map(|_| [1, 2, 3, 4])));
                if failed.is_none() {
                    let permit = self.permits[&key];
                    state.used.insert(key);
                    *state.balances.entry(permit.payer).or_default() -= amount.micros();
                    state.moved.insert(key, (tx.hash(), amount));
                    self.ever_moved.insert((key, tx.hash()));
                    moved.push(Moved { asset: ASSET, from: permit.payer, to: PAY_TO, amount });
                }
            }
            // Without a settler one that fails reverts as a whole.
            let ok = self.has_settler || items.iter().all(|(_, failed)| failed.is_none());
            let items = self.has_settler.then_some(items);
            state.receipts.insert(tx.hash(), Rc::new(Receipt { tx: tx.hash(), block, ok, moved, items }));
        }
        self.blocks.push(Mined { hash, time, txs, acts, after: Rc::new(state) });
    }

    /// A block of all that can go in. What payers did comes first: they watch us.
    pub(crate) fn mine(&mut self, now: u64) {
        let mut nonces = self.head().nonces.clone();
        let base_fee = self.base_fee;
        let mut txs = Vec::new();
        self.pool.retain(|(operator, nonce), tx| {
            let next = nonces.entry(*operator).or_default();
            if nonce == next && tx.fees.max >= base_fee {
                *next += 1;
                txs.push(tx.clone());
            }
            *nonce >= *next
        });
        let acts = std::mem::take(&mut self.acts);
        self.push(now.max(self.time() + 1), txs, acts);
    }

    /// The last blocks come to nothing; others, without our transactions, stand in their place. Never so deep that it was final.
    pub(crate) fn reorg(&mut self, luck: &mut Luck) {
        let depth = usize::try_from(1 + luck.below(CONFIRMATIONS - 1)).unwrap().min(self.blocks.len() - 1);
        let (keeps_pool, keeps_acts) = (luck.one_in(2), luck.one_in(2));
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        for block in gone {
            self.push(block.time, Vec::new(), if keeps_acts { block.acts } else { Vec::new() });
            for tx in block.txs.into_iter().filter(|_| keeps_pool) {
                self.pool.entry((tx.operator, tx.nonce)).or_insert(tx);
            }
        }
    }

    pub(crate) fn forget_pool(&mut self) {
        self.pool.clear();
    }

    pub(crate) fn send(&mut self, raw: &[u8]) -> Sent {
        let tx: Bytes = postcard::from_bytes(raw).unwrap();
        let place = (tx.operator, tx.nonce);
        if tx.nonce < self.nonce(&tx.operator, self.height()) {
            return Sent::NonceTooLow;
        }
        match self.pool.get(&place) {
            Some(known) if *known == tx => Sent::AlreadyKnown,
            Some(known) if !tx.fees.replaces(known.fees) => Sent::Underpriced,
            Some(_) | None => {
                self.pool.insert(place, tx);
                Sent::Sent
            }
        }
    }

    fn at(&self, height: u64) -> &Mined {
        &self.blocks[usize::try_from(height).unwrap()]
    }

    fn nonce(&self, operator: &Wallet, height: u64) -> u64 {
        self.at(height).after.nonces.get(operator).copied().unwrap_or(0)
    }

    fn deep(&self) -> u64 {
        self.height().saturating_sub(CONFIRMATIONS - 1)
    }

    /// Some receipts may go unanswered, or be said not to be there.
    pub(crate) fn observe(&self, operator: &Wallet, txs: &[(u64, TxHash)], at: Timestamp, luck: &mut Luck) -> Observation {
        let last = self.blocks.last().unwrap();
        let sight = Sight {
            head: Block { number: self.height(), hash: last.hash },
            head_time: last.time,
            nonce: self.nonce(operator, self.height()),
            deep_nonce: self.nonce(operator, self.deep()),
            at,
        };
        let (is_silent, hides) = (luck.one_in(4), luck.one_in(8));
        let answered: Vec<_> = txs.iter().filter(|_| !is_silent && !luck.one_in(20)).collect();
        let seen = |hash| self.head().receipts.get(hash).filter(|_| !hides).map(|receipt| (**receipt).clone());
        let receipts = answered.iter().map(|(_, hash)| (*hash, seen(hash))).collect();
        let is_ours = |nonce: u64| txs.iter().any(|(of, hash)| *of == nonce && self.at(self.deep()).after.receipts.contains_key(hash));
        let used = txs.iter().map(|(nonce, _)| *nonce).filter(|nonce| *nonce < sight.deep_nonce);
        let foreign = used.filter(|nonce| !luck.one_in(4) && !is_ours(*nonce)).collect();
        Observation { sight, receipts, foreign }
    }

    pub(crate) fn check(&self, intent: &Intent, at: Timestamp) -> Check {
        let failed = self.fails(self.head(), &intent.key, intent.amount, self.time());
        let deep = self.at(self.deep());
        let nonce_used = deep.after.used.contains(&intent.key);
        Check { at, simulated: Some(failed.map_or(Ok(()), Err)), deep: Some(Deep { nonce_used, block_time: deep.time }) }
    }

    pub(crate) fn is_mined(&self, tx: &TxHash) -> bool {
        self.head().receipts.contains_key(tx)
    }

    pub(crate) fn is_pooled(&self, tx: &TxHash) -> bool {
        self.pool.values().any(|pooled| pooled.hash() == *tx)
    }
}
