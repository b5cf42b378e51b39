//! Plain questions.

use std::borrow::Cow;

use alloy_primitives::{B256, Bytes, U64, U128, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolCall, SolEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Node, Rpc};
use crate::billing::lane::{Block, FeeQuote, ItemKey, TxHash};
use crate::billing::x402::abi::IToken;
use crate::billing::x402::logs::Log;
use crate::chain::Error;
use crate::chain::abi::ISettler;
use crate::types::Wallet;

/// The newest block, or another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Height and hash.
    pub block: Block,
    /// Its time, in seconds.
    pub time: u64,
}

/// An account's next nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonces {
    /// By blocks.
    pub latest: u64,
    /// By what waits, as far as this node knows.
    pub pending: u64,
}

/// A mined transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullReceipt {
    /// Which.
    pub tx: TxHash,
    /// Where.
    pub block: Block,
    /// It didn't revert.
    pub ok: bool,
    /// What it used.
    pub gas_used: u64,
    /// Where it deployed a contract.
    pub contract: Option<Wallet>,
    /// Its events, in order.
    pub logs: Vec<Log>,
}

#[derive(Deserialize)]
struct PendingBlock {
    timestamp: U64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlock {
    number: U64,
    hash: B256,
    timestamp: U64,
}

/// A block with the names of what is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    pub(super) hash: B256,
    pub(super) parent_hash: B256,
    pub(super) transactions: Vec<B256>,
}

impl From<RawBlock> for Head {
    fn from(raw: RawBlock) -> Self {
        Self { block: Block { number: raw.number.to(), hash: raw.hash.0 }, time: raw.timestamp.to() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    transaction_hash: B256,
    block_number: U64,
    block_hash: B256,
    status: U64,
    gas_used: U64,
    #[serde(default)]
    contract_address: Option<alloy_primitives::Address>,
    logs: Vec<RawLog>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawLog {
    address: alloy_primitives::Address,
    topics: Vec<B256>,
    data: Bytes,
    #[serde(default)]
    pub(super) transaction_hash: Option<B256>,
    #[serde(default)]
    pub(super) removed: bool,
}

impl From<RawLog> for Log {
    fn from(raw: RawLog) -> Self {
        Self { address: raw.address.into(), topics: raw.topics, data: raw.data.to_vec() }
    }
}

impl From<RawReceipt> for FullReceipt {
    fn from(raw: RawReceipt) -> Self {
        Self {
            tx: TxHash(raw.transaction_hash.0),
            block: Block { number: raw.block_number.to(), hash: raw.block_hash.0 },
            ok: raw.status == U64::ONE,
            gas_used: raw.gas_used.to(),
            contract: raw.contract_address.map(Wallet::from),
            logs: raw.logs.into_iter().map(Log::from).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFeeHistory {
    base_fee_per_gas: Vec<U128>,
    #[serde(default)]
    reward: Option<Vec<Vec<U128>>>,
}

/// A height, as a parameter.
pub(super) fn at(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

fn latest() -> Value {
    Value::String("latest".to_owned())
}

impl Node {
    /// The newest block.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn head(&self) -> Result<Head, Error> {
        self.block(latest()).await
    }

    /// The time of the block that would hold a transaction sent now, in seconds. Where the node has no such block, that of the newest.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pending_time(&self) -> Result<u64, Error> {
        let pending: Option<PendingBlock> = self.call("eth_getBlockByNumber", json!(["pending", false])).await?;
        match pending {
            Some(block) => Ok(block.timestamp.to()),
            None => Ok(self.head().await?.time),
        }
    }

    /// The block at a height.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn block_at(&self, number: u64) -> Result<Head, Error> {
        self.block(at(number)).await
    }

    async fn block(&self, which: Value) -> Result<Head, Error> {
        let block: Option<RawBlock> = self.call("eth_getBlockByNumber", json!([which, false])).await?;
        block.map(Head::from).ok_or(Error::Unanswered("no_block"))
    }

    pub(super) async fn eth_call(&self, call: Value, block: Value) -> Result<Bytes, Error> {
        self.call("eth_call", json!([call, block])).await
    }

    async fn view<C: SolCall>(&self, to: Wallet, call: &C) -> Result<C::Return, Error> {
        let data = Bytes::from(call.abi_encode());
        let answer = self.eth_call(json!({"to": to, "data": data}), latest()).await?;
        C::abi_decode_returns_validate(&answer).map_err(|_| Error::Unanswered("no_such_function"))
    }

    /// The keccak256 of an account's code; `None` where it has none.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn code_hash(&self, account: Wallet) -> Result<Option<[u8; 32]>, Error> {
        Ok(self.code(account).await?.map(|code| keccak256(code).0))
    }

    /// An account's code; `None` where it has none.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn code(&self, account: Wallet) -> Result<Option<Bytes>, Error> {
        let code: Bytes = self.call("eth_getCode", json!([account, latest()])).await?;
        Ok(Some(code).filter(|code| !code.is_empty()))
    }

    /// A token's own EIP-712 domain separator, or Permit2's.
    ///
    /// # Errors
    /// [`Error`]; a token that has none is one that can't be used.
    pub async fn domain_separator(&self, token: Wallet) -> Result<[u8; 32], Error> {
        Ok(self.view(token, &IToken::DOMAIN_SEPARATORCall {}).await?.0)
    }

    /// A token's decimals.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn decimals(&self, token: Wallet) -> Result<u8, Error> {
        self.view(token, &IToken::decimalsCall {}).await
    }

    /// A token's balance, in atomic units.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn token_balance(&self, token: Wallet, account: Wallet) -> Result<U256, Error> {
        self.view(token, &IToken::balanceOfCall { account: account.address() }).await
    }

    /// The number that an account's next EIP-2612 permit of a token must have.
    ///
    /// # Errors
    /// [`Error`]; a token that has none is one that takes no such permits.
    pub async fn permit_number(&self, token: Wallet, owner: Wallet) -> Result<U256, Error> {
        self.view(token, &IToken::noncesCall { owner: owner.address() }).await
    }

    /// An account's next nonces.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn nonces(&self, account: Wallet) -> Result<Nonces, Error> {
        let latest: U64 = self.call("eth_getTransactionCount", json!([account, "latest"])).await?;
        let pending: U64 = self.call("eth_getTransactionCount", json!([account, "pending"])).await?;
        Ok(Nonces { latest: latest.to(), pending: pending.to() })
    }

    pub(super) async fn nonce_at(&self, account: Wallet, number: u64) -> Result<u64, Error> {
        let nonce: U64 = self.call("eth_getTransactionCount", json!([account, at(number)])).await?;
        Ok(nonce.to())
    }

    /// The same in the state after one block, by its name (EIP-1898).
    pub(super) async fn nonce_in(&self, account: Wallet, block: B256) -> Result<u64, Error> {
        let nonce: U64 = self.call("eth_getTransactionCount", json!([account, {"blockHash": block}])).await?;
        Ok(nonce.to())
    }

    pub(super) async fn body_at(&self, number: u64) -> Result<Body, Error> {
        let block: Option<Body> = self.call("eth_getBlockByNumber", json!([at(number), false])).await?;
        block.ok_or(Error::Unanswered("no_block"))
    }

    /// An account's balance in wei.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn balance(&self, account: Wallet) -> Result<U256, Error> {
        self.call("eth_getBalance", json!([account, "latest"])).await
    }

    /// The next block's base fee, and the median tip of the last five.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fees(&self) -> Result<FeeQuote, Error> {
        let history: RawFeeHistory = self.call("eth_feeHistory", json!(["0x5", "latest", [50]])).await?;
        let base = history.base_fee_per_gas.last().ok_or(Error::Unanswered("no_fees"))?.to();
        let mut tips: Vec<u128> = history.reward.unwrap_or_default().into_iter().filter_map(|block| block.first().map(U128::to)).collect();
        tips.sort_unstable();
        Ok(FeeQuote { base, tip: tips.get(tips.len() / 2).copied().unwrap_or(0) })
    }

    /// A mined transaction; `None` where this node knows of none.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn receipt(&self, tx: TxHash) -> Result<Option<FullReceipt>, Error> {
        let receipt: Option<RawReceipt> = self.call("eth_getTransactionReceipt", json!([tx.to_string()])).await?;
        Ok(receipt.map(FullReceipt::from))
    }

    /// Whether this node knows of a transaction, mined or not.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn knows(&self, tx: TxHash) -> Result<bool, Error> {
        let found: Option<serde::de::IgnoredAny> = self.call("eth_getTransactionByHash", json!([tx.to_string()])).await?;
        Ok(found.is_some())
    }

    /// The transaction in which our settler settled a payment, from block `from` on.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn settled_in(&self, settler: Wallet, key: ItemKey, from: u64) -> Result<Option<TxHash>, Error> {
        let topics = json!([ISettler::ItemSettled::SIGNATURE_HASH, B256::from(key.0)]);
        let filter = json!([{"address": settler, "topics": topics, "fromBlock": at(from), "toBlock": "latest"}]);
        let logs: Vec<RawLog> = self.call("eth_getLogs", filter).await?;
        Ok(logs.into_iter().filter(|log| !log.removed).find_map(|log| log.transaction_hash).map(|hash| TxHash(hash.0)))
    }
}

/// The separator that a token with this domain has.
pub(crate) fn separator(name: &str, version: &str, chain_id: u64, token: Wallet) -> [u8; 32] {
    let (name, version) = (Cow::Owned(name.to_owned()), Cow::Owned(version.to_owned()));
    Eip712Domain::new(Some(name), Some(version), Some(U256::from(chain_id)), Some(token.address()), None).separator().0
}

/// The same questions, to whichever node answers.
impl Rpc {
    /// As [`Node::head`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn head(&self) -> Result<Head, Error> {
        self.any(|node| async move { node.head().await }).await
    }

    /// As [`Node::pending_time`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pending_time(&self) -> Result<u64, Error> {
        self.any(|node| async move { node.pending_time().await }).await
    }

    /// As [`Node::permit_number`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn permit_number(&self, token: Wallet, owner: Wallet) -> Result<U256, Error> {
        self.any(|node| async move { node.permit_number(token, owner).await }).await
    }

    /// As [`Node::nonces`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn nonces(&self, account: Wallet) -> Result<Nonces, Error> {
        self.any(|node| async move { node.nonces(account).await }).await
    }

    /// As [`Node::balance`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn balance(&self, account: Wallet) -> Result<U256, Error> {
        self.any(|node| async move { node.balance(account).await }).await
    }

    /// As [`Node::fees`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fees(&self) -> Result<FeeQuote, Error> {
        self.any(|node| async move { node.fees().await }).await
    }

    /// As [`Node::receipt`], from the first node that has one: one that lags must not hide it.
    ///
    /// # Errors
    /// [`Error`], where no node answered.
    pub async fn receipt(&self, tx: TxHash) -> Result<Option<FullReceipt>, Error> {
        let mut answer = Err(Error::Unanswered("no_node"));
        for node in self.nodes() {
            match node.receipt(tx).await {
                Ok(Some(receipt)) => return Ok(Some(receipt)),
                Ok(None) => answer = Ok(None),
                Err(error) => answer = answer.or(Err(error)),
            }
        }
        answer
    }

    /// As [`Node::settled_in`], agreed on by two nodes where there are two.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn settled_in(&self, settler: Wallet, key: ItemKey, from: u64) -> Result<Option<TxHash>, Error> {
        self.agreeing(|node| async move { node.settled_in(settler, key, from).await }).await
    }
}
