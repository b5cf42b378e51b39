//! What decides whether payers can pay, read at one block in one call.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use serde_json::json;

use super::{Node, Rpc};
use crate::billing::lane::Nonce;
use crate::billing::x402::PayerState;
use crate::billing::x402::offer::Terms;
use crate::billing::x402::permit2::{is_spent, place};
use crate::chain::Error;
use crate::chain::abi::{Artifact, Lens};
use crate::types::Wallet;

/// What is asked about one payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayerQuery {
    /// Who.
    pub payer: Wallet,
    /// Which of his authorizations.
    pub nonce: Nonce,
}

/// An answer counts as code, and may be 24,576 bytes long; one payer takes 320.
const QUERIES_MAX: usize = 60;

impl Rpc {
    /// Answers in the order of the queries, of one block for each sixty of them; `None` for a payer of whom the token or Permit2
    /// couldn't say enough. Nothing has to be deployed for it.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn payer_states(&self, terms: &Terms, queries: &[PayerQuery]) -> Result<Vec<Option<PayerState>>, Error> {
        let mut states = Vec::with_capacity(queries.len());
        for some in queries.chunks(QUERIES_MAX) {
            states.extend(self.any(|node| async move { node.look(terms, some).await }).await?);
        }
        Ok(states)
    }
}

impl Node {
    async fn look(&self, terms: &Terms, queries: &[PayerQuery]) -> Result<Vec<Option<PayerState>>, Error> {
        let lens = Artifact::lens().map_err(|_| Error::Unanswered("no_lens"))?;
        let asked: Vec<Lens::Query> = queries.iter().map(asked).collect();
        let arguments = (terms.asset.address(), terms.permit2.address(), asked).abi_encode_params();
        let data = Bytes::from([lens.bytecode.as_ref(), &arguments].concat());
        let answer = self.eth_call(json!({"data": data}), json!("latest")).await?;
        let found = Lens::lookCall::abi_decode_returns_validate(&answer).map_err(|_| Error::Unanswered("garbage"))?;
        if found.answers.len() != queries.len() {
            return Err(Error::Unanswered("garbage"));
        }
        let expected = terms.network.chain_id();
        if found.at.chainId != U256::from(expected) {
            return Err(Error::Lying { expected, got: found.at.chainId.saturating_to() });
        }
        Ok(queries.iter().zip(&found.answers).map(|(query, answer)| state(query, &found.at, answer)).collect())
    }
}

fn asked(query: &PayerQuery) -> Lens::Query {
    let (words, authorizations) = match query.nonce {
        Nonce::Permit2(nonce) => (vec![place(U256::from_be_bytes(nonce)).0], Vec::new()),
        Nonce::Token(nonce) => (Vec::new(), vec![B256::from(nonce)]),
    };
    Lens::Query { payer: query.payer.address(), words, authorizations }
}

fn state(query: &PayerQuery, at: &Lens::ReadAt, answer: &Lens::Answer) -> Option<PayerState> {
    let nonce_used = match query.nonce {
        Nonce::Permit2(nonce) => is_spent(U256::from_be_bytes(nonce), *answer.bitmaps.first()?),
        // 2: the token doesn't say.
        Nonce::Token(_) => match answer.authorizations.first()? {
            0 => false,
            1 => true,
            _ => return None,
        },
    };
    answer.ok.then(|| PayerState {
        block_number: at.number.saturating_to(),
        block_time: at.timestamp.saturating_to(),
        balance: answer.balance,
        allowance: answer.allowance,
        nonce_used,
        code_size: answer.codeSize.saturating_to(),
    })
}
