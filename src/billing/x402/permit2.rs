//! What an `upto` payer signs: a Permit2 transfer with the proxy's terms as its witness (x402.md 4.1).

use std::borrow::Cow;

use alloy_primitives::{B256, U256};
use alloy_sol_types::{Eip712Domain, SolStruct};

use super::abi;
use super::messages::{Permit2Authorization, TokenPermissions, Witness};
use super::offer::Terms;

/// Permit2's domain. It has no version.
pub fn domain(terms: &Terms) -> Eip712Domain {
    let chain = U256::from(terms.network.chain_id());
    Eip712Domain::new(Some(Cow::Borrowed("Permit2")), None, Some(chain), Some(terms.permit2.address()), None)
}

/// The hash that is signed.
pub fn digest(permit: &Permit2Authorization, terms: &Terms) -> B256 {
    abi::PermitWitnessTransferFrom {
        permitted: permit.permitted.into(),
        spender: permit.spender.address(),
        nonce: permit.nonce.0,
        deadline: permit.deadline.0,
        witness: permit.witness.into(),
    }
    .eip712_signing_hash(&domain(terms))
}

impl From<TokenPermissions> for abi::TokenPermissions {
    fn from(permitted: TokenPermissions) -> Self {
        Self { token: permitted.token.address(), amount: permitted.amount.0 }
    }
}

impl From<Witness> for abi::Witness {
    fn from(witness: Witness) -> Self {
        Self { to: witness.to.address(), facilitator: witness.facilitator.address(), validAfter: witness.valid_after.0 }
    }
}

/// Where a nonce is in Permit2's bitmap: the word to ask for, and the bit in it (x402.md 4.4).
pub fn place(nonce: U256) -> (U256, usize) {
    (nonce.wrapping_shr(8), usize::from(nonce.byte(0)))
}

/// Whether a nonce is spent, from the word that [`place`] names.
pub fn is_spent(nonce: U256, bitmap: U256) -> bool {
    bitmap.bit(place(nonce).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nonce_is_a_word_and_a_bit() {
        assert_eq!(place(U256::from(0x1_02_ff)), (U256::from(0x102), 255));
        assert_eq!(place(U256::MAX), (U256::MAX >> 8_usize, 255));
        assert!(is_spent(U256::from(0x300), U256::ONE));
        assert!(!is_spent(U256::from(0x301), U256::ONE));
    }

    proptest! {
        #[test]
        fn only_its_own_bit_counts(limbs: [u64; 4]) {
            let nonce = U256::from_limbs(limbs);
            let mut bitmap = U256::ZERO;
            bitmap.set_bit(place(nonce).1, true);
            prop_assert!(is_spent(nonce, bitmap));
            prop_assert!(!is_spent(nonce, !bitmap));
        }
    }
}
