//! What a receipt proves: events of a transaction, as values.
//!
//! A settlement is proven by the token's own `Transfer` and by nothing else: Permit2 and the proxy log no nonce, and a token
//! may succeed and move nothing (safety.md C3, I-12).

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;

use super::abi::{IPermit2, IToken, IUptoProxy};
use super::permit2;
use crate::types::{Usd, Wallet};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Who logged it.
    pub address: Wallet,
    /// The event's hash, and its indexed parameters.
    pub topics: Vec<B256>,
    /// Its other parameters.
    pub data: Vec<u8>,
}

/// Money that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Moved {
    /// The token.
    pub asset: Wallet,
    /// Who paid.
    pub from: Wallet,
    /// Who was paid.
    pub to: Wallet,
    /// How much: exactly.
    pub amount: Usd,
}

/// Whether `logs` hold that very transfer.
pub fn transfer_in(logs: &[Log], moved: &Moved) -> bool {
    transfers_in(logs, moved) > 0
}

/// How often `logs` hold it: one batch may settle two jobs of one payer at one price, and each needs a transfer of its own.
pub fn transfers_in(logs: &[Log], moved: &Moved) -> usize {
    let wanted = IToken::Transfer { from: moved.from.address(), to: moved.to.address(), value: super::amount::units(moved.amount) };
    logs.iter().filter(|log| log.address == moved.asset && decode(log).as_ref() == Some(&wanted)).count()
}

/// Whether `logs` tell that an EIP-3009 nonce was spent. Beside the transfer, that is a settled `exact` payment, whoever sent it.
pub fn authorization_used_in(logs: &[Log], asset: Wallet, payer: Wallet, nonce: B256) -> bool {
    let wanted = IToken::AuthorizationUsed { authorizer: payer.address(), nonce };
    logs.iter().any(|log| log.address == asset && decode(log).as_ref() == Some(&wanted))
}

/// Every EIP-3009 authorization that `logs` tell of, by its holder and nonce.
pub fn authorizations_in(logs: &[Log], asset: Wallet) -> Vec<(Wallet, B256)> {
    let of_asset = logs.iter().filter(|log| log.address == asset).filter_map(decode::<IToken::AuthorizationUsed>);
    of_asset.map(|event| (event.authorizer.into(), event.nonce)).collect()
}

/// Whether `logs` tell that the upto proxy settled something: it doesn't say what (C3).
pub fn settled_in(logs: &[Log], proxy: Wallet) -> bool {
    let said = |log: &Log| decode::<IUptoProxy::Settled>(log).is_some() || decode::<IUptoProxy::SettledWithPermit>(log).is_some();
    logs.iter().any(|log| log.address == proxy && said(log))
}

/// Whether `logs` tell that the payer spent a Permit2 nonce without paying (x402.md 13.2).
pub fn cancelled_in(logs: &[Log], permit2: Wallet, payer: Wallet, nonce: U256) -> bool {
    let (word, _) = permit2::place(nonce);
    logs.iter()
        .filter(|log| log.address == permit2)
        .filter_map(decode::<IPermit2::UnorderedNonceInvalidation>)
        .any(|event| Wallet::from(event.owner) == payer && event.word == word && permit2::is_spent(nonce, event.mask))
}

/// Strictly: other topics, fewer or more of them, or other data is another event.
pub(super) fn decode<E: SolEvent>(log: &Log) -> Option<E> {
    E::decode_raw_log_validate(log.topics.iter().copied(), &log.data).ok()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn log<E: SolEvent>(address: Wallet, event: &E) -> Log {
        let data = event.encode_log_data();
        Log { address, topics: data.topics().to_vec(), data: data.data.to_vec() }
    }

    fn moved() -> Moved {
        Moved { asset: samples::wallet(1), from: samples::wallet(2), to: samples::wallet(3), amount: Usd::from_micros(300_000) }
    }

    fn transfer(moved: &Moved) -> Log {
        let value = super::super::amount::units(moved.amount);
        log(moved.asset, &IToken::Transfer { from: moved.from.address(), to: moved.to.address(), value })
    }

    /// C3, T-19: each part counts.
    #[test]
    fn t19_only_the_very_transfer_proves_a_payment() {
        let right = moved();
        let [one, two] = [right, right].map(|moved| transfer(&moved));
        assert_eq!(transfers_in(&[one.clone(), two], &right), 2);
        let other = samples::wallet(9);
        for wrong in [
            Moved { asset: other, ..right },
            Moved { from: other, ..right },
            Moved { to: other, ..right },
            Moved { from: right.to, to: right.from, ..right },
            Moved { amount: Usd::from_micros(300_001), ..right },
            Moved { amount: Usd::ZERO, ..right },
        ] {
            assert!(!transfer_in(&[transfer(&wrong)], &right), "{wrong:?}");
        }
        let mut twisted = vec![one.clone(); 4];
        twisted[0].topics.pop();
        twisted[1].topics[0] = B256::ZERO;
        twisted[2].data.pop();
        twisted[3].topics[1].0[0] = 1;
        assert!(!transfer_in(&twisted, &right));
        assert!(transfer_in(&[twisted, vec![one]].concat(), &right));
    }

    /// The event as a chain has it, written by hand.
    #[test]
    fn a_transfer_of_usdc() {
        let topic = |text: &str| text.parse::<B256>().unwrap();
        let log = Log {
            address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap(),
            topics: vec![
                topic("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
                topic("0x0000000000000000000000007e5f4552091a69125d5dfcb7b8c2659029395bdf"),
                topic("0x00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c8"),
            ],
            data: topic("0x00000000000000000000000000000000000000000000000000000000000493e0").to_vec(),
        };
        let terms = samples::terms();
        let moved = Moved { asset: terms.asset, from: samples::wallet(1), to: terms.pay_to, amount: Usd::from_micros(300_000) };
        assert!(transfer_in(&[log], &moved));
    }

    #[test]
    fn a_spent_nonce_is_told_by_the_one_contract_or_the_other() {
        let (asset, payer) = (samples::wallet(1), samples::wallet(2));
        let nonce = B256::repeat_byte(7);
        let used = log(asset, &IToken::AuthorizationUsed { authorizer: payer.address(), nonce });
        assert!(authorization_used_in(std::slice::from_ref(&used), asset, payer, nonce));
        assert!(!authorization_used_in(std::slice::from_ref(&used), asset, payer, B256::ZERO));
        assert!(!authorization_used_in(&[used], samples::wallet(3), payer, nonce));

        let nonce = U256::from(0x1234_u64);
        let event = |mask| IPermit2::UnorderedNonceInvalidation { owner: payer.address(), word: U256::from(0x12), mask };
        let cancelled = |mask, nonce| cancelled_in(&[log(asset, &event(mask))], asset, payer, nonce);
        assert!(cancelled(U256::ONE << 0x34_usize, nonce));
        assert!(cancelled(U256::MAX, nonce));
        assert!(!cancelled(U256::ONE << 0x35_usize, nonce));
        assert!(!cancelled(U256::MAX, U256::from(0x1334_u64)));
    }
}
