//! Whether somebody else's transaction paid by a certain authorization: what a settlement by a facilitator is proven with.
//!
//! A transfer of the right amount between the right accounts is not enough: an older payment of the same price looks just like it
//! (T-19). So the transaction has to have used this very authorization up, and names one log, which proves one payment and no other.

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolCall;

use super::abi::{IToken, IUptoProxy, PermitTransferFrom};
use super::logs::{Log, Moved, decode, settled_in};
use super::messages::Permit2Authorization;
use super::verify::{Authorization, Verified};
use super::{Terms, amount};
use crate::types::Wallet;

/// A mined transaction, as far as it can prove something.
#[derive(Debug, Clone, Copy)]
pub struct Mined<'a> {
    /// It didn't revert.
    pub ok: bool,
    /// Whom it called; nobody where it made a contract.
    pub to: Option<Wallet>,
    /// What with.
    pub input: &'a [u8],
    /// Its events, in order.
    pub logs: &'a [Log],
}

/// What a transaction proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// It paid by this authorization, with its log of this number.
    Log(usize),
    /// With one of these, provided that the authorization was used in its block and not before: it carries the signature, but in
    /// a call to another contract, and such a contract may go on where one of its settlements fails.
    IfUsedInBlock(Vec<usize>),
}

/// Judges whether `tx` moved `moved` by `payment`.
pub fn proof(payment: &Verified, terms: &Terms, moved: &Moved, tx: &Mined<'_>) -> Proof {
    if !tx.ok {
        return Proof::None;
    }
    match &payment.authorization {
        Authorization::Exact(transfer) => exact(payment.payer, transfer.nonce, moved, tx.logs),
        Authorization::Upto(permit) => upto(payment, permit, terms, moved, tx),
    }
}

/// EIP-3009 has the token say which authorization it uses, and then move the money.
fn exact(payer: Wallet, nonce: B256, moved: &Moved, logs: &[Log]) -> Proof {
    let wanted = IToken::AuthorizationUsed { authorizer: payer.address(), nonce };
    let used = logs.iter().position(|log| log.address == moved.asset && decode(log).as_ref() == Some(&wanted));
    let next = used.and_then(|used| {
        let mut later = logs.iter().enumerate().skip(used.saturating_add(1));
        later.find(|(_, log)| log.address == moved.asset && decode::<IToken::Transfer>(log).is_some())
    });
    next.filter(|(_, log)| is_transfer(log, moved)).map_or(Proof::None, |(at, _)| Proof::Log(at))
}

/// Neither Permit2 nor the proxy logs a nonce (C3), so what was sent to the proxy has to say it.
fn upto(payment: &Verified, permit: &Permit2Authorization, terms: &Terms, moved: &Moved, tx: &Mined<'_>) -> Proof {
    let transfers = || tx.logs.iter().enumerate().filter(|(_, log)| is_transfer(log, moved)).map(|(at, _)| at);
    if !settled_in(tx.logs, terms.proxy) {
        return Proof::None;
    }
    if let Some((said, owner, units)) = called(tx.input).filter(|_| tx.to == Some(terms.proxy)) {
        // One call, one permit: it didn't revert, so it used this one.
        let is_ours = said.nonce == permit.nonce.0 && owner == payment.payer && units == amount::units(moved.amount);
        return transfers().next().filter(|_| is_ours).map_or(Proof::None, Proof::Log);
    }
    let signature = payment.signature.as_bytes();
    let carried: [&[u8]; 3] = [payment.payer.as_bytes(), &permit.nonce.0.to_be_bytes::<32>(), signature.get(..32).unwrap_or(signature)];
    let some: Vec<usize> = transfers().collect();
    if some.is_empty() || !carried.iter().all(|part| holds(tx.input, part)) {
        return Proof::None;
    }
    Proof::IfUsedInBlock(some)
}

/// What the proxy was asked to settle, of whose, and how much.
fn called(input: &[u8]) -> Option<(PermitTransferFrom, Wallet, U256)> {
    if let Ok(call) = IUptoProxy::settleCall::abi_decode(input) {
        return Some((call.permit, call.owner.into(), call.amount));
    }
    let call = IUptoProxy::settleWithPermitCall::abi_decode(input).ok()?;
    Some((call.permit, call.owner.into(), call.amount))
}

fn is_transfer(log: &Log, moved: &Moved) -> bool {
    let wanted = IToken::Transfer { from: moved.from.address(), to: moved.to.address(), value: amount::units(moved.amount) };
    log.address == moved.asset && decode(log).as_ref() == Some(&wanted)
}

fn holds(input: &[u8], part: &[u8]) -> bool {
    input.windows(part.len().max(1)).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolEvent;

    use super::super::messages::{Eip3009Authorization, TokenPermissions, Witness};
    use super::super::{Signature, amount::Uint, calldata, samples};
    use super::*;
    use crate::types::{Network, Timestamp, Usd};

    const PRICE: Usd = Usd::from_micros(300_000);

    fn log<E: SolEvent>(address: Wallet, event: &E) -> Log {
        let data = event.encode_log_data();
        Log { address, topics: data.topics().to_vec(), data: data.data.to_vec() }
    }

    fn payment(nonce: u64, is_exact: bool) -> Verified {
        let terms = samples::terms();
        let payer = samples::wallet(1);
        let authorization = if is_exact {
            Authorization::Exact(Eip3009Authorization {
                from: payer,
                to: terms.pay_to,
                value: Uint(amount::units(PRICE)),
                valid_after: Uint::new(0),
                valid_before: Uint::new(1),
                nonce: B256::from(U256::from(nonce)),
            })
        } else {
            Authorization::Upto(Permit2Authorization {
                permitted: TokenPermissions { token: terms.asset, amount: Uint(amount::units(PRICE)) },
                from: payer,
                spender: terms.proxy,
                nonce: Uint::new(nonce),
                deadline: Uint::new(1),
                witness: Witness { to: terms.pay_to, facilitator: terms.facilitator, valid_after: Uint::new(0) },
            })
        };
        let mut signature = [0x5a; 65];
        signature[..8].copy_from_slice(&nonce.to_be_bytes());
        signature[64] = 27;
        let (deadline, signature) = (Timestamp::from_millis(1), Signature::from_bytes(&signature));
        Verified { network: Network::Eip155(8453), payer, max: PRICE, deadline, authorization, signature, sponsored: None }
    }

    fn moved(amount: Usd) -> Moved {
        let terms = samples::terms();
        Moved { asset: terms.asset, from: samples::wallet(1), to: terms.pay_to, amount }
    }

    fn transfer(moved: &Moved) -> Log {
        let value = amount::units(moved.amount);
        log(moved.asset, &IToken::Transfer { from: moved.from.address(), to: moved.to.address(), value })
    }

    fn used(nonce: u64) -> Log {
        let nonce = B256::from(U256::from(nonce));
        log(samples::terms().asset, &IToken::AuthorizationUsed { authorizer: samples::wallet(1).address(), nonce })
    }

    fn settled() -> Log {
        log(samples::terms().proxy, &IUptoProxy::Settled {})
    }

    fn judge(payment: &Verified, to: Wallet, input: &[u8], logs: &[Log]) -> Proof {
        proof(payment, &samples::terms(), &moved(PRICE), &Mined { ok: true, to: Some(to), input, logs })
    }

    /// T-19: the same payer, the same price, another payment.
    #[test]
    fn t19_another_payment_of_the_same_price_proves_nothing() {
        let terms = samples::terms();
        let (ours, older) = (payment(7, false), payment(6, false));
        let call = |payment: &Verified| calldata::of(payment, &terms, amount::units(PRICE)).unwrap().1;
        let logs = [transfer(&moved(PRICE)), settled()];
        assert_eq!(judge(&ours, terms.proxy, &call(&ours), &logs), Proof::Log(0));
        let marked = [&call(&ours)[..], b"whose it was"].concat();
        assert_eq!(judge(&ours, terms.proxy, &marked, &logs), Proof::Log(0), "senders may sign their calls at the end");
        assert_eq!(judge(&ours, terms.proxy, &call(&older), &logs), Proof::None);
        assert_eq!(judge(&ours, terms.proxy, &[], &logs), Proof::None);
        let less = calldata::of(&ours, &terms, amount::units(PRICE) - U256::ONE).unwrap().1;
        assert_eq!(judge(&ours, terms.proxy, &less, &logs), Proof::None);
        assert_eq!(judge(&ours, terms.proxy, &call(&ours), &logs[..1]), Proof::None, "the proxy did nothing");
        assert_eq!(judge(&ours, terms.proxy, &call(&ours), &logs[1..]), Proof::None, "nothing moved");
        let failed = Mined { ok: false, to: Some(terms.proxy), input: &call(&ours), logs: &logs };
        assert_eq!(proof(&ours, &terms, &moved(PRICE), &failed), Proof::None);
    }

    /// A contract between may swallow a failure, so its calldata alone proves nothing.
    #[test]
    fn through_another_contract_the_block_decides() {
        let terms = samples::terms();
        let (ours, older, between) = (payment(7, false), payment(6, false), samples::wallet(9));
        let call = |payment: &Verified| calldata::of(payment, &terms, amount::units(PRICE)).unwrap().1;
        let both = [&[1; 5], &call(&older)[..], &[2; 31], &call(&ours)[..]].concat();
        let logs = [settled(), transfer(&moved(PRICE)), transfer(&moved(Usd::from_micros(1))), transfer(&moved(PRICE))];
        assert_eq!(judge(&ours, between, &both, &logs), Proof::IfUsedInBlock(vec![1, 3]));
        assert_eq!(judge(&ours, between, &call(&older), &logs), Proof::None);
        assert_eq!(judge(&ours, between, &both, &logs[1..]), Proof::None);
        assert_eq!(judge(&ours, between, &both, &logs[..1]), Proof::None);
    }

    /// The token itself says which authorization moves the money that moves next.
    #[test]
    fn exact_goes_by_the_tokens_own_word() {
        let (ours, asset) = (payment(7, true), samples::terms().asset);
        let right = transfer(&moved(PRICE));
        let elsewhere = transfer(&Moved { to: samples::wallet(9), ..moved(PRICE) });
        let judge = |logs: &[Log]| judge(&ours, asset, &[], logs);
        assert_eq!(judge(&[used(7), right.clone()]), Proof::Log(1));
        assert_eq!(judge(&[used(6), right.clone(), used(7), right.clone()]), Proof::Log(3));
        assert_eq!(judge(&[used(7), settled(), right.clone()]), Proof::Log(2), "what others log in between is nobody's business");
        assert_eq!(judge(std::slice::from_ref(&right)), Proof::None);
        assert_eq!(judge(&[used(6), right.clone()]), Proof::None);
        assert_eq!(judge(&[used(7), elsewhere, used(6), right.clone()]), Proof::None, "it went elsewhere");
        assert_eq!(judge(&[used(6), right, used(7)]), Proof::None);
    }
}
