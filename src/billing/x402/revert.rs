//! Why a contract refused, from the first four bytes of what it returned.
//!
//! Selectors only: two different errors are both called `InvalidAmount`, and texts change (x402.md 1).

use alloy_primitives::hex;

/// A reason that a settlement, or its simulation, reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum RevertReason {
    /// Permit2: the nonce is spent, by us or by the payer. Never by itself a success or a failure (x402.md 13.2).
    InvalidNonce,
    /// Permit2: past the deadline. For good.
    SignatureExpired,
    /// Permit2: the signature is somebody else's. For good.
    InvalidSigner,
    /// Permit2: no signature, or of a wrong length.
    InvalidSignature,
    /// Permit2: the payer's own code refused; a wallet with code may change its mind.
    InvalidContractSignature,
    /// Permit2: more was asked for than permitted.
    AmountAbovePermitted,
    /// Proxy: nothing was asked for.
    AmountZero,
    /// Proxy: more was asked for than permitted. Ours to prevent.
    AmountExceedsPermitted,
    /// Proxy: the sender is not the one that the payer named.
    UnauthorizedFacilitator,
    /// Proxy: before the first second.
    PaymentTooEarly,
    /// Proxy: a zero address is to be paid.
    InvalidDestination,
    /// Proxy: a zero address is to pay.
    InvalidOwner,
    /// Proxy: the sponsored allowance is not the maximum.
    Permit2612AmountMismatch,
    /// Proxy: called from within itself.
    Reentrancy,
    /// Token: balance, allowance, a blacklist or a pause; the text is the same for all, so the chain must be asked which.
    TransferFailed,
    /// Some other text.
    Text,
    /// Nothing was returned: out of gas, or a payer's code blew up.
    Empty,
    /// An error that we don't know.
    Unknown([u8; 4]),
}

/// `Error(string)`.
const ERROR_STRING: [u8; 4] = hex!("08c379a0");

const SELECTORS: [([u8; 4], RevertReason); 16] = [
    (hex!("756688fe"), RevertReason::InvalidNonce),
    (hex!("cd21db4f"), RevertReason::SignatureExpired),
    (hex!("815e1d64"), RevertReason::InvalidSigner),
    (hex!("8baa579f"), RevertReason::InvalidSignature),
    (hex!("4be6321b"), RevertReason::InvalidSignature),
    (hex!("b0669cbc"), RevertReason::InvalidContractSignature),
    (hex!("3728b83d"), RevertReason::AmountAbovePermitted),
    (hex!("2c5211c6"), RevertReason::AmountZero),
    (hex!("fe64b4c7"), RevertReason::AmountExceedsPermitted),
    (hex!("0f6fae87"), RevertReason::UnauthorizedFacilitator),
    (hex!("a65539fa"), RevertReason::PaymentTooEarly),
    (hex!("ac6b05f5"), RevertReason::InvalidDestination),
    (hex!("49e27cff"), RevertReason::InvalidOwner),
    (hex!("050cda49"), RevertReason::Permit2612AmountMismatch),
    (hex!("3ee5aeb5"), RevertReason::Reentrancy),
    (ERROR_STRING, RevertReason::Text),
];

impl RevertReason {
    /// Reads what a call returned, or the four bytes of it that a settler's log keeps.
    pub fn decode(data: &[u8]) -> Self {
        let Some((selector, rest)) = data.split_first_chunk::<4>() else { return Self::Empty };
        let known = SELECTORS.iter().find(|(known, _)| known == selector).map(|(_, reason)| *reason);
        match known {
            // An offset, a length, and then the text itself.
            Some(Self::Text) if rest.get(64..).is_some_and(|text| text.starts_with(b"TRANSFER_FROM_FAILED")) => Self::TransferFailed,
            Some(reason) => reason,
            None => Self::Unknown(*selector),
        }
    }

    /// Whether no later try of the same authorization can succeed, whatever the payer does. [`Self::InvalidNonce`] is not:
    /// it may mean that it has.
    pub const fn is_final(self) -> bool {
        match self {
            Self::SignatureExpired
            | Self::InvalidSigner
            | Self::InvalidSignature
            | Self::AmountAbovePermitted
            | Self::InvalidDestination
            | Self::InvalidOwner => true,
            Self::InvalidNonce
            | Self::InvalidContractSignature
            | Self::AmountZero
            | Self::AmountExceedsPermitted
            | Self::UnauthorizedFacilitator
            | Self::PaymentTooEarly
            | Self::Permit2612AmountMismatch
            | Self::Reentrancy
            | Self::TransferFailed
            | Self::Text
            | Self::Empty
            | Self::Unknown(_) => false,
        }
    }

    /// Its name for operators, who tell more apart than the protocol does.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidNonce => "invalid_nonce",
            Self::SignatureExpired => "signature_expired",
            Self::InvalidSigner => "invalid_signer",
            Self::InvalidSignature => "invalid_signature",
            Self::InvalidContractSignature => "invalid_contract_signature",
            Self::AmountAbovePermitted => "amount_above_permitted",
            Self::AmountZero => "amount_zero",
            Self::AmountExceedsPermitted => "amount_exceeds_permitted",
            Self::UnauthorizedFacilitator => "unauthorized_facilitator",
            Self::PaymentTooEarly => "payment_too_early",
            Self::InvalidDestination => "invalid_destination",
            Self::InvalidOwner => "invalid_owner",
            Self::Permit2612AmountMismatch => "permit2612_amount_mismatch",
            Self::Reentrancy => "reentrancy",
            Self::TransferFailed => "transfer_failed",
            Self::Text => "text",
            Self::Empty => "empty",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The protocol's word for it at a settle of `upto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidNonce => "permit2_invalid_nonce",
            Self::SignatureExpired => "permit2_deadline_expired",
            Self::InvalidSigner | Self::InvalidSignature | Self::InvalidContractSignature => "invalid_permit2_signature",
            Self::AmountAbovePermitted | Self::AmountZero => "permit2_invalid_amount",
            Self::AmountExceedsPermitted => "upto_amount_exceeds_permitted",
            Self::UnauthorizedFacilitator => "upto_unauthorized_facilitator",
            Self::PaymentTooEarly => "permit2_payment_too_early",
            Self::InvalidDestination => "permit2_invalid_destination",
            Self::InvalidOwner => "permit2_invalid_owner",
            Self::Permit2612AmountMismatch => "permit2_2612_amount_mismatch",
            Self::Reentrancy | Self::TransferFailed | Self::Text | Self::Empty | Self::Unknown(_) => "permit2_simulation_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    /// Each selector is made anew from the error's declaration.
    #[test]
    fn selectors_follow_from_declarations() {
        for (declaration, wanted) in [
            ("InvalidNonce()", RevertReason::InvalidNonce),
            ("SignatureExpired(uint256)", RevertReason::SignatureExpired),
            ("InvalidSigner()", RevertReason::InvalidSigner),
            ("InvalidSignature()", RevertReason::InvalidSignature),
            ("InvalidSignatureLength()", RevertReason::InvalidSignature),
            ("InvalidContractSignature()", RevertReason::InvalidContractSignature),
            ("InvalidAmount(uint256)", RevertReason::AmountAbovePermitted),
            ("InvalidAmount()", RevertReason::AmountZero),
            ("AmountExceedsPermitted()", RevertReason::AmountExceedsPermitted),
            ("UnauthorizedFacilitator()", RevertReason::UnauthorizedFacilitator),
            ("PaymentTooEarly()", RevertReason::PaymentTooEarly),
            ("InvalidDestination()", RevertReason::InvalidDestination),
            ("InvalidOwner()", RevertReason::InvalidOwner),
            ("Permit2612AmountMismatch()", RevertReason::Permit2612AmountMismatch),
            ("ReentrancyGuardReentrantCall()", RevertReason::Reentrancy),
            ("Error(string)", RevertReason::Text),
        ] {
            assert_eq!(RevertReason::decode(&keccak256(declaration)[..4]), wanted, "{declaration}");
        }
    }

    #[test]
    fn texts_and_the_unknown() {
        use alloy_sol_types::{Revert, SolError};
        let text = |reason: &str| RevertReason::decode(&Revert::from(reason).abi_encode());
        assert_eq!(text("TRANSFER_FROM_FAILED"), RevertReason::TransferFailed);
        assert_eq!(text("FiatToken: paused"), RevertReason::Text);
        assert_eq!(text(""), RevertReason::Text);
        for short in [&[][..], &[0x75], &[0x75, 0x66, 0x88]] {
            assert_eq!(RevertReason::decode(short), RevertReason::Empty);
        }
        assert_eq!(RevertReason::decode(&[1, 2, 3, 4, 5]), RevertReason::Unknown([1, 2, 3, 4]));
        assert!(!RevertReason::InvalidNonce.is_final(), "it may be our own settlement");
    }
}
