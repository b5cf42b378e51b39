//! A chain that fits into a test: it can reorg, forget, and be used by others. Simple enough to be the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::billing::x402::RevertReason;
use crate::types::{JobId, Slot, Usd};

/// What signed bytes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bytes {
    pub(super) nonce: u64,
    pub(super) items: Vec<(ItemKey, Usd)>,
    pub(super) fees: Fees,
    /// Tells apart what differs in nothing else.
    pub(super) salt: u64,
}

impl Bytes {
    pub(super) fn hash(&self) -> TxHash {
        TxHash(alloy_primitives::keccak256(postcard::to_stdvec(self).unwrap()).0)
    }

    pub(super) fn signed(&self, at: Timestamp) -> SignedTx {
        let raw = postcard::to_stdvec(self).unwrap().into();
        SignedTx { hash: self.hash(), raw, is_cancel: self.items.is_empty(), fees: self.fees, at }
    }
}

#[derive(Debug, Clone)]
struct ToyBlock {
    hash: [u8; 32],
    time: u64,
    txs: Vec<Bytes>,
    /// Authorizations that their payers use up in it, elsewhere.
    burned: Vec<ItemKey>,
    /// Who can't pay in it.
    drained: BTreeSet<ItemKey>,
}

/// The account and the authorizations after some block.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) nonce: u64,
    pub(super) used: BTreeSet<ItemKey>,
    pub(super) receipts: BTreeMap<TxHash, Receipt>,
    /// How often money moved for a key, in which transaction.
    pub(super) moved: BTreeMap<ItemKey, Vec<(TxHash, Usd)>>,
}

pub(super) struct Toy {
    blocks: Vec<ToyBlock>,
    pool: BTreeMap<u64, Bytes>,
    pub(super) base_fee: u128,
    pub(super) drained: BTreeSet<ItemKey>,
    burning: Vec<ItemKey>,
    /// Blocks can be read, and what their transactions did can't.
    pub(super) hides: bool,
    deadlines: BTreeMap<ItemKey, u64>,
    salt: u64,
}

pub(super) const GENESIS_TIME: u64 = 1_000;

impl Toy {
    pub(super) fn new(intents: &[Arc<Intent>]) -> Self {
        let deadlines = intents.iter().map(|intent| (intent.key, intent.deadline)).collect();
        let genesis = ToyBlock { hash: [0; 32], time: GENESIS_TIME, txs: vec![], burned: vec![], drained: BTreeSet::new() };
        Self {
            blocks: vec![genesis],
            pool: BTreeMap::new(),
            base_fee: 100,
            drained: BTreeSet::new(),
            hides: false,
            burning: vec![],
            deadlines,
            salt: 0,
        }
    }

    pub(super) fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(super) fn time(&self) -> u64 {
        self.blocks.last().unwrap().time
    }

    fn push(&mut self, time: u64, txs: Vec<Bytes>) {
        self.salt += 1;
        let hash = alloy_primitives::keccak256(self.salt.to_le_bytes()).0;
        let burned = std::mem::take(&mut self.burning);
        self.blocks.push(ToyBlock { hash, time, txs, burned, drained: self.drained.clone() });
    }

    /// A block of all that can go in.
    pub(super) fn mine(&mut self, seconds: u64) {
        let mut nonce = self.state(self.height()).nonce;
        self.pool = self.pool.split_off(&nonce);
        let mut txs = Vec::new();
        while let Some(tx) = self.pool.get(&nonce).filter(|tx| tx.fees.max >= self.base_fee) {
            txs.push(tx.clone());
            nonce += 1;
        }
        self.pool.retain(|nonce, _| txs.iter().all(|tx| tx.nonce != *nonce));
        self.push(self.time() + seconds, txs);
    }

    /// A block of others'.
    pub(super) fn mine_nothing(&mut self, seconds: u64) {
        self.push(self.time() + seconds, Vec::new());
    }

    /// The last blocks come to nothing; others, without our transactions, stand in their place.
    pub(super) fn reorg(&mut self, depth: usize, keeps_pool: bool) {
        let depth = depth.min(self.blocks.len() - 1);
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        for block in gone {
            self.push(block.time, Vec::new());
            for tx in block.txs.into_iter().filter(|_| keeps_pool) {
                self.pool.entry(tx.nonce).or_insert(tx);
            }
        }
    }

    pub(super) fn forget_pool(&mut self) {
        self.pool.clear();
    }

    pub(super) fn burn(&mut self, key: ItemKey) {
        self.burning.push(key);
    }

    /// Somebody else has the key, and uses the account.
    pub(super) fn foreign(&mut self) {
        let nonce = self.state(self.height()).nonce;
        self.salt += 1;
        let tx = Bytes { nonce, items: vec![], fees: Fees { max: u128::MAX, tip: 0 }, salt: 1 << 40 | self.salt };
        self.push(self.time() + 1, vec![tx]);
    }

    pub(super) fn send(&mut self, raw: &[u8]) -> Sent {
        let tx: Bytes = postcard::from_bytes(raw).unwrap();
        if tx.nonce < self.state(self.height()).nonce {
            return Sent::NonceTooLow;
        }
        match self.pool.get(&tx.nonce) {
            Some(known) if *known == tx => Sent::AlreadyKnown,
            Some(known) if !is_tenth_more(tx.fees.max, known.fees.max) || !is_tenth_more(tx.fees.tip, known.fees.tip) => Sent::Underpriced,
            _ => {
                self.pool.insert(tx.nonce, tx);
                Sent::Sent
            }
        }
    }

    /// Everything after so many blocks, played again from the first.
    pub(super) fn state(&self, height: u64) -> State {
        let mut state = State::default();
        for (number, block) in (0_u64..).zip(&self.blocks).take_while(|(number, _)| *number <= height) {
            state.used.extend(&block.burned);
            for tx in &block.txs {
                assert_eq!(tx.nonce, state.nonce, "the chain itself has no gaps");
                state.nonce += 1;
                let (mut moved, mut items) = (Vec::new(), Vec::new());
                for &(key, amount) in &tx.items {
                    let fails = state.used.contains(&key) || block.drained.contains(&key) || block.time > self.deadlines[&key];
                    items.push((key, fails.then_some([1, 2, 3, 4])));
                    if !fails {
                        state.used.insert(key);
                        state.moved.entry(key).or_default().push((tx.hash(), amount));
                        moved.push(Intent { amount, ..intent(key.0[0], 0) }.moved());
                    }
                }
                let block = Block { number, hash: block.hash };
                let receipt = Receipt { tx: tx.hash(), block, ok: true, moved, items: Some(items) };
                state.receipts.insert(tx.hash(), receipt);
            }
        }
        state
    }

    pub(super) fn observe(&self, txs: &[(u64, TxHash)], confirmations: u64, at: Timestamp) -> Observation {
        let (head, deep) = (self.state(self.height()), self.state(self.deep(confirmations)));
        let last = self.blocks.last().unwrap();
        let sight = Sight {
            head: Block { number: self.height(), hash: last.hash },
            head_time: last.time,
            nonce: head.nonce,
            deep_nonce: deep.nonce,
            at,
        };
        let receipts = txs.iter().map(|(_, hash)| (*hash, head.receipts.get(hash).filter(|_| !self.hides).cloned())).collect();
        let is_ours = |nonce: &u64| txs.iter().any(|(of, hash)| of == nonce && deep.receipts.contains_key(hash));
        let foreign = txs.iter().map(|(nonce, _)| *nonce).filter(|nonce| *nonce < deep.nonce && !is_ours(nonce)).collect();
        Observation { sight, receipts, foreign }
    }

    pub(super) fn check(&self, key: ItemKey, confirmations: u64, at: Timestamp) -> Check {
        let head = self.state(self.height());
        let fails = head.used.contains(&key) || self.drained.contains(&key) || self.time() > self.deadlines[&key];
        let deep = self.deep(confirmations);
        let block_time = self.blocks[usize::try_from(deep).unwrap()].time;
        let deep = Deep { nonce_used: self.state(deep).used.contains(&key), block_time };
        Check { at, simulated: Some(if fails { Err(RevertReason::TransferFailed) } else { Ok(()) }), deep: Some(deep) }
    }

    fn deep(&self, confirmations: u64) -> u64 {
        self.height().saturating_sub(confirmations - 1)
    }
}

const fn is_tenth_more(new: u128, old: u128) -> bool {
    new.saturating_mul(10) >= old.saturating_mul(11)
}

/// The settlement with this number.
pub(super) fn intent(number: u8, deadline: u64) -> Intent {
    let mut key = [0; 32];
    key[0] = number;
    let wallet = |byte| Wallet::from_bytes([byte; 20]);
    Intent {
        key: ItemKey(key),
        claimant: Claimant::Job(JobId::new(Slot(0), [number; 16])),
        asset: wallet(1),
        // Some look alike in the logs.
        payer: wallet(number / 2),
        nonce: Nonce::Permit2(key),
        pay_to: wallet(2),
        amount: Usd::from_micros(100 + i64::from(number / 2)),
        deadline,
        target: wallet(3),
        call: Arc::from([number].as_slice()),
        is_sponsored: false,
        payer_has_code: false,
    }
}
