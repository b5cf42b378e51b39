//! Calls to the contracts as bytes, and what they answer.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;

use super::abi::{Eip2612Permit, IPermit2, IToken, IUptoProxy, PermitTransferFrom};
use super::messages::{Eip3009Authorization, Permit2Authorization};
use super::offer::Terms;
use super::permit2;
use super::signature::{Form, Signature, SignatureFault};
use super::verify::{Authorization, Verified};
use crate::types::Wallet;

/// The contract to call, and what with, to move `units` of a verified payment.
///
/// # Errors
/// Where a signature doesn't fit into the call.
pub fn of(payment: &Verified, terms: &Terms, units: U256) -> Result<(Wallet, Vec<u8>), SignatureFault> {
    let signature = &payment.signature;
    Ok(match (&payment.authorization, &payment.sponsored) {
        (Authorization::Upto(permit), None) => (terms.proxy, settle(permit, signature, units)),
        (Authorization::Upto(permit), Some(sponsored)) => {
            let sponsored = sponsored.permit(permit.permitted.amount.0)?;
            (terms.proxy, settle_with_permit(sponsored, permit, signature, units))
        }
        (Authorization::Exact(transfer), _) => (terms.asset, transfer_with_authorization(transfer, signature)?),
    })
}

/// `settle` at the proxy. The facilitator that the payer named must send it. `units` from 1 to the maximum: nothing is never
/// sent, and more is refused there.
pub fn settle(permit: &Permit2Authorization, signature: &Signature, units: U256) -> Vec<u8> {
    IUptoProxy::settleCall {
        permit: transfer_from(permit),
        amount: units,
        owner: permit.from.address(),
        witness: permit.witness.into(),
        signature: Bytes::copy_from_slice(signature.as_bytes()),
    }
    .abi_encode()
}

/// As [`settle`], with a sponsored allowance before it. The proxy goes on where that fails, so balance and allowance decide.
pub fn settle_with_permit(sponsored: Eip2612Permit, permit: &Permit2Authorization, signature: &Signature, units: U256) -> Vec<u8> {
    IUptoProxy::settleWithPermitCall {
        permit2612: sponsored,
        permit: transfer_from(permit),
        amount: units,
        owner: permit.from.address(),
        witness: permit.witness.into(),
        signature: Bytes::copy_from_slice(signature.as_bytes()),
    }
    .abi_encode()
}

fn transfer_from(permit: &Permit2Authorization) -> PermitTransferFrom {
    PermitTransferFrom { permitted: permit.permitted.into(), nonce: permit.nonce.0, deadline: permit.deadline.0 }
}

/// `transferWithAuthorization` at the token. Anybody may send it; the money goes where the payer signed.
///
/// # Errors
/// Where the signature has no three parts.
pub fn transfer_with_authorization(transfer: &Eip3009Authorization, signature: &Signature) -> Result<Vec<u8>, SignatureFault> {
    let parts = signature.parts(Form::Plain)?;
    Ok(IToken::transferWithAuthorizationCall {
        from: transfer.from.address(),
        to: transfer.to.address(),
        value: transfer.value.0,
        validAfter: transfer.valid_after.0,
        validBefore: transfer.valid_before.0,
        nonce: transfer.nonce,
        v: parts.v(),
        r: B256::from(parts.r),
        s: B256::from(parts.s),
    }
    .abi_encode())
}

/// `nonceBitmap` at Permit2, for the word that holds a nonce; see [`permit2::is_spent`] for its answer.
pub fn nonce_bitmap(owner: Wallet, nonce: U256) -> Vec<u8> {
    IPermit2::nonceBitmapCall { owner: owner.address(), word: permit2::place(nonce).0 }.abi_encode()
}

/// `authorizationState` at the token; see [`flag`] for its answer.
pub fn authorization_state(owner: Wallet, nonce: B256) -> Vec<u8> {
    IToken::authorizationStateCall { authorizer: owner.address(), nonce }.abi_encode()
}

/// `balanceOf` at the token.
pub fn balance_of(owner: Wallet) -> Vec<u8> {
    IToken::balanceOfCall { account: owner.address() }.abi_encode()
}

/// `allowance` at the token.
pub fn allowance(owner: Wallet, spender: Wallet) -> Vec<u8> {
    IToken::allowanceCall { owner: owner.address(), spender: spender.address() }.abi_encode()
}

/// The number that a call answered: one word, or more behind it. An address without code answers nothing.
pub fn number(answer: &[u8]) -> Option<U256> {
    answer.first_chunk::<32>().map(|word| U256::from_be_bytes(*word))
}

/// The yes or no that a call answered.
pub fn flag(answer: &[u8]) -> Option<bool> {
    match number(answer)? {
        U256::ZERO => Some(false),
        U256::ONE => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{samples, sponsoring, verify};
    use super::*;

    #[test]
    fn a_settle_has_its_published_length_and_order() {
        let (permit, signature) = (samples::permit(1), samples::signature(1));
        let call = settle(&permit, &signature, U256::from(300_000));
        assert_eq!(call.len(), 452, "x402.md 4.5");
        let read = IUptoProxy::settleCall::abi_decode_validate(&call).unwrap();
        assert_eq!(read.permit, transfer_from(&permit));
        assert_eq!((read.amount, read.owner), (U256::from(300_000), permit.from.address()));
        assert_eq!(read.signature.as_ref(), signature.as_bytes());
        assert_eq!(read.witness.facilitator, permit.witness.facilitator.address());
    }

    #[test]
    fn a_sponsored_settle_has_the_allowance_of_the_maximum_in_front() {
        let terms = samples::terms();
        let golden = samples::golden();
        let payment = golden.payment("python upto with a sponsored approval").payload;
        let permit = payment.payload.permit2_authorization.unwrap();
        let now = permit.deadline.seconds().unwrap() - samples::offer(&terms).timeout_seconds;
        let mut verified = verify::verify(&payment, &samples::offer(&terms), now).unwrap();
        let (_, plain) = of(&verified, &terms, U256::from(7)).unwrap();
        assert_eq!(plain, settle(&permit, &verified.signature, U256::from(7)));
        let info = sponsoring::read(&payment).unwrap().unwrap();
        verified.sponsored = Some(sponsoring::check(&info, &permit, &terms).unwrap());
        let (target, call) = of(&verified, &terms, U256::from(7)).unwrap();
        let read = IUptoProxy::settleWithPermitCall::abi_decode_validate(&call).unwrap();
        assert_eq!((target, read.amount, read.permit2612.value), (terms.proxy, U256::from(7), permit.permitted.amount.0));
        assert_eq!((read.permit, read.owner), (transfer_from(&permit), permit.from.address()));
    }

    #[test]
    fn an_exact_transfer_takes_its_signature_apart() {
        let transfer = samples::transfer(1);
        let signature = samples::exact_signature(1);
        let call = transfer_with_authorization(&transfer, &signature).unwrap();
        let read = IToken::transferWithAuthorizationCall::abi_decode_validate(&call).unwrap();
        assert_eq!([read.r.as_slice(), read.s.as_slice(), &[read.v]].concat(), signature.as_bytes());
        assert_eq!((read.value, read.nonce), (transfer.value.0, transfer.nonce));
        assert_eq!(transfer_with_authorization(&transfer, &samples::twin(&signature)), Err(SignatureFault::HighS));
    }

    #[test]
    fn reads_and_their_answers() {
        let owner = samples::wallet(1);
        assert_eq!(hex::encode(&balance_of(owner)[..4]), "70a08231");
        assert_eq!(hex::encode(&allowance(owner, owner)[..4]), "dd62ed3e");
        assert_eq!(hex::encode(&authorization_state(owner, B256::ZERO)[..4]), "e94a0102");
        let word = nonce_bitmap(owner, U256::from(0x1234_u64));
        assert_eq!(number(&word[36..]), Some(U256::from(0x12)));
        assert_eq!(number(&[0; 31]), None);
        assert_eq!(number(&[]), None);
        let word = |number: u64| U256::from(number).to_be_bytes::<32>();
        assert_eq!([word(0), word(1), word(2)].map(|word| flag(&word)), [Some(false), Some(true), None]);
    }
}
