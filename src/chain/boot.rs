//! Is a network what the configuration claims? Asked of every node at start; until it is, nothing is offered there, and
//! `/readyz` says why (architecture.md 7).

use std::fmt;

use alloy_primitives::keccak256;

use super::abi::Artifact;
use super::rpc::Node;
use super::rpc::reads::separator;
use super::{Error, Rpc};
use crate::billing::x402::offer::Terms;
use crate::billing::x402::permit2;
use crate::types::Wallet;

/// The proxy's runtime code on public chains: keccak256 (x402.md 1).
pub const UPTO_PROXY_CODE_HASH: [u8; 32] = alloy_primitives::hex!("4662dc27323421a3698be49ac95f7b0dba141c238d31ef543248d1a11f8d8eec");

/// The settler contract that payments name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settler {
    /// Where it is.
    pub address: Wallet,
    /// Who may send to it, in the order of its deployment.
    pub operators: Vec<Wallet>,
}

/// What has to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Chain, token, Permit2, proxy.
    pub terms: Terms,
    /// [`UPTO_PROXY_CODE_HASH`], unless the operator says otherwise.
    pub proxy_code_hash: [u8; 32],
    /// `None` where the operator account itself is the facilitator.
    pub settler: Option<Settler>,
}

/// Which contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// Permit2.
    Permit2,
    /// The upto proxy.
    Proxy,
    /// Our settler.
    Settler,
    /// The token.
    Token,
}

impl Contract {
    /// Its name in a message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit2 => "Permit2",
            Self::Proxy => "the upto proxy",
            Self::Settler => "the settler",
            Self::Token => "the token",
        }
    }
}

/// Why a network isn't offered, and by which node's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The node's host.
    pub node: String,
    /// What is wrong.
    pub what: Wrong,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The list of nodes is empty.
    NoNode,
    /// The node didn't say. Ask again.
    Unanswered(Error),
    /// Another chain.
    Chain {
        /// Ours.
        expected: u64,
        /// Its.
        got: u64,
    },
    /// No code where a contract has to be.
    Missing(Contract),
    /// Other code than expected.
    OtherCode {
        /// Whose.
        contract: Contract,
        /// keccak256 of the code that is there.
        got: [u8; 32],
    },
    /// The settler has another number of operators than 1 to 4.
    OperatorCount(usize),
    /// The token's domain isn't of the configured name and version, or Permit2's isn't the one that wallets sign for, so every
    /// signature would be refused.
    Domain(Contract),
    /// The token counts otherwise than in millionths of a dollar.
    Decimals(u8),
    /// This build's own copy of a contract can't be read.
    Artifact,
}

impl Wrong {
    /// Whether asking again may help: not where something else stands on the chain.
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Unanswered(_))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        match &self.what {
            Wrong::NoNode => write!(f, "no node is configured"),
            Wrong::Unanswered(error) => write!(f, "{node}: {error}"),
            Wrong::Chain { expected, got } => write!(f, "{node}: the node is on chain {got}, not {expected}"),
            Wrong::Missing(contract) => write!(f, "{node}: there is no code where {} should be", contract.as_str()),
            Wrong::OtherCode { contract, got } => {
                write!(f, "{node}: {} has other code than expected, of hash 0x{}", contract.as_str(), hex::encode(got))
            }
            Wrong::OperatorCount(count) => write!(f, "a settler has 1 to 4 operators, not {count}"),
            Wrong::Domain(contract) => {
                write!(f, "{node}: the EIP-712 domain of {} is not the one that wallets sign for", contract.as_str())
            }
            Wrong::Decimals(decimals) => write!(f, "{node}: the token has {decimals} decimals, not 6"),
            Wrong::Artifact => write!(f, "the settler's compiled bytes can't be read"),
        }
    }
}

/// The settler's code as it has to stand on the chain: the compiler's, with its immutables in place.
///
/// # Errors
/// [`Wrong::OperatorCount`], [`Wrong::Artifact`]
pub fn settler_code(proxy: Wallet, operators: &[Wallet]) -> Result<Vec<u8>, Wrong> {
    let first = match operators.len() {
        1..=4 => operators.first().copied(),
        _ => None,
    };
    let first = first.ok_or(Wrong::OperatorCount(operators.len()))?;
    let artifact = Artifact::settler().map_err(|_| Wrong::Artifact)?;
    let mut code = artifact.deployed_bytecode.to_vec();
    // A place that isn't taken repeats the first operator.
    let operator = |at: usize| operators.get(at).copied().unwrap_or(first);
    let immutables =
        [("proxy", proxy), ("operator0", first), ("operator1", operator(1)), ("operator2", operator(2)), ("operator3", operator(3))];
    for (name, wallet) in immutables {
        let places = artifact.immutables.get(name).ok_or(Wrong::Artifact)?;
        for at in places {
            let end = at.checked_add(32).ok_or(Wrong::Artifact)?;
            let place = code.get_mut(*at..end).ok_or(Wrong::Artifact)?;
            place.copy_from_slice(&wallet.address().into_word().0);
        }
    }
    Ok(code)
}

/// Everything that is wrong, by every node's word. Empty: the network may be offered.
pub async fn doubts(rpc: &Rpc, expected: &Expected) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for node in rpc.nodes() {
        let wrong = look(&node, expected).await;
        doubts.extend(wrong.into_iter().map(|what| Doubt { node: node.host(), what }));
    }
    if rpc.nodes().next().is_none() {
        doubts.push(Doubt { node: String::new(), what: Wrong::NoNode });
    }
    doubts
}

async fn look(node: &Node, expected: &Expected) -> Vec<Wrong> {
    let Expected { terms, proxy_code_hash, settler } = expected;
    let chain = terms.network.chain_id();
    match node.chain_id().await {
        Ok(got) if got != chain => return vec![Wrong::Chain { expected: chain, got }],
        // Silence about the first question means silence about all.
        Err(error) => return vec![Wrong::Unanswered(error)],
        Ok(_) => {}
    }
    let mut wrong = Vec::new();
    wrong.extend(permit2(node, terms).await);
    wrong.extend(code(node, Contract::Proxy, terms.proxy, Some(*proxy_code_hash)).await);
    if let Some(settler) = settler {
        match settler_code(terms.proxy, &settler.operators) {
            Ok(runtime) => wrong.extend(code(node, Contract::Settler, settler.address, Some(keccak256(runtime).0)).await),
            Err(what) => wrong.push(what),
        }
    }
    wrong.extend(token(node, terms).await);
    wrong
}

async fn code(node: &Node, contract: Contract, address: Wallet, hash: Option<[u8; 32]>) -> Option<Wrong> {
    match node.code_hash(address).await {
        Ok(None) => Some(Wrong::Missing(contract)),
        Ok(Some(got)) => hash.filter(|hash| *hash != got).map(|_| Wrong::OtherCode { contract, got }),
        Err(error) => Some(Wrong::Unanswered(error)),
    }
}

/// Its code has the chain's id in it, so no hash is good for all chains. Its domain tells as much: of this name, chain and address.
async fn permit2(node: &Node, terms: &Terms) -> Option<Wrong> {
    if let Some(wrong) = code(node, Contract::Permit2, terms.permit2, None).await {
        return Some(wrong);
    }
    domain(node, Contract::Permit2, terms.permit2, permit2::domain(terms).separator().0).await
}

async fn domain(node: &Node, contract: Contract, address: Wallet, wanted: [u8; 32]) -> Option<Wrong> {
    match node.domain_separator(address).await {
        Ok(got) if got == wanted => None,
        // It reverts, or answers something else than a word: there is none.
        Ok(_) | Err(Error::Refused { .. } | Error::Unanswered("no_such_function")) => Some(Wrong::Domain(contract)),
        Err(error) => Some(Wrong::Unanswered(error)),
    }
}

async fn token(node: &Node, terms: &Terms) -> Option<Wrong> {
    match node.code_hash(terms.asset).await {
        Ok(Some(_)) => {}
        Ok(None) => return Some(Wrong::Missing(Contract::Token)),
        Err(error) => return Some(Wrong::Unanswered(error)),
    }
    match node.decimals(terms.asset).await {
        Ok(6) => {}
        Ok(decimals) => return Some(Wrong::Decimals(decimals)),
        Err(error) => return Some(Wrong::Unanswered(error)),
    }
    let wanted = separator(&terms.asset_name, &terms.asset_version, terms.network.chain_id(), terms.asset);
    domain(node, Contract::Token, terms.asset, wanted).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settlers_code_has_its_immutables() {
        let wallet = |byte| Wallet::from_bytes([byte; 20]);
        let code = settler_code(wallet(0xaa), &[wallet(0xb1), wallet(0xb2)]).unwrap();
        let count = |byte: u8| code.windows(20).filter(|window| window.iter().all(|found| *found == byte)).count();
        assert_eq!((count(0xaa), count(0xb1), count(0xb2)), (2, 3, 1), "a place that isn't taken repeats the first");
        assert_ne!(code, settler_code(wallet(0xaa), &[wallet(0xb2), wallet(0xb1)]).unwrap());
        assert_eq!(settler_code(wallet(1), &[]), Err(Wrong::OperatorCount(0)));
        assert_eq!(settler_code(wallet(1), &[wallet(2); 5]), Err(Wrong::OperatorCount(5)));
    }
}
