//! The contracts' own declarations: typed data that wallets sign, functions that are called, events that prove a payment.
//!
//! Names, order and types are the contracts' (x402.md 1, 4 and 5): the hashes that wallets sign and the selectors follow from
//! them, and tests compare both with the published ones.
#![allow(missing_docs, unreachable_pub, reason = "generated; the contracts document it")]
#![allow(clippy::pedantic, clippy::too_many_arguments, reason = "generated")]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "generated: offsets of fixed sizes")]

use alloy_sol_types::sol;

sol! {
    #[derive(Debug, PartialEq, Eq)]
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    /// Of the upto proxy. The exact proxy's has no facilitator.
    #[derive(Debug, PartialEq, Eq)]
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    /// What a payer signs for Permit2.
    #[derive(Debug, PartialEq, Eq)]
    struct PermitWitnessTransferFrom {
        TokenPermissions permitted;
        address spender;
        uint256 nonce;
        uint256 deadline;
        Witness witness;
    }

    /// What the proxy is given of it: the spender is its own address.
    #[derive(Debug, PartialEq, Eq)]
    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    /// EIP-3009.
    #[derive(Debug, PartialEq, Eq)]
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// EIP-2612.
    #[derive(Debug, PartialEq, Eq)]
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    /// A signed EIP-2612 permit, as the proxy takes it.
    #[derive(Debug, PartialEq, Eq)]
    struct Eip2612Permit {
        uint256 value;
        uint256 deadline;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    #[derive(Debug, PartialEq, Eq)]
    interface IPermit2 {
        function nonceBitmap(address owner, uint256 word) external view returns (uint256);
        function invalidateUnorderedNonces(uint256 word, uint256 mask) external;
        function DOMAIN_SEPARATOR() external view returns (bytes32);

        event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);
    }

    #[derive(Debug, PartialEq, Eq)]
    interface IUptoProxy {
        function settle(
            PermitTransferFrom calldata permit,
            uint256 amount,
            address owner,
            Witness calldata witness,
            bytes calldata signature
        ) external;
        function settleWithPermit(
            Eip2612Permit calldata permit2612,
            PermitTransferFrom calldata permit,
            uint256 amount,
            address owner,
            Witness calldata witness,
            bytes calldata signature
        ) external;

        event Settled();
        event SettledWithPermit();
    }

    #[derive(Debug, PartialEq, Eq)]
    interface IToken {
        function name() external view returns (string);
        function version() external view returns (string);
        function decimals() external view returns (uint8);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
        function transferWithAuthorization(
            address from,
            address to,
            uint256 value,
            uint256 validAfter,
            uint256 validBefore,
            bytes32 nonce,
            uint8 v,
            bytes32 r,
            bytes32 s
        ) external;

        event Transfer(address indexed from, address indexed to, uint256 value);
        event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::{SolCall, SolEvent, SolStruct};

    /// x402.md 4.1; EIP-3009 and EIP-2612 print their own.
    #[test]
    fn type_hashes_are_the_published_ones() {
        let hash = |bytes: alloy_primitives::B256| bytes.to_string();
        let zero = Default::default();
        let witness = Witness { to: zero, facilitator: zero, validAfter: Default::default() };
        assert_eq!(hash(witness.eip712_type_hash()), "0xd4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75");
        assert_eq!(
            PermitWitnessTransferFrom::eip712_encode_type(),
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)\
             TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)"
        );
        let whole = alloy_primitives::keccak256(PermitWitnessTransferFrom::eip712_encode_type().as_bytes());
        assert_eq!(hash(whole), "0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee");
        let transfer = alloy_primitives::keccak256(TransferWithAuthorization::eip712_encode_type().as_bytes());
        assert_eq!(hash(transfer), "0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");
        let permit = alloy_primitives::keccak256(Permit::eip712_encode_type().as_bytes());
        assert_eq!(hash(permit), "0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");
    }

    /// x402.md 1.
    #[test]
    fn selectors_and_topics_are_the_published_ones() {
        assert_eq!(IUptoProxy::settleCall::SELECTOR, [0xff, 0x11, 0xe7, 0xb4]);
        assert_eq!(IUptoProxy::settleWithPermitCall::SELECTOR, [0x01, 0x6c, 0x17, 0x48]);
        assert_eq!(IPermit2::nonceBitmapCall::SELECTOR, [0x4f, 0xe0, 0x2b, 0x44]);
        assert_eq!(IPermit2::invalidateUnorderedNoncesCall::SELECTOR, [0x3f, 0xf9, 0xdc, 0xb1]);
        assert_eq!(IToken::transferWithAuthorizationCall::SELECTOR, [0xe3, 0xee, 0x16, 0x0e]);
        for (topic, wanted) in [
            (IUptoProxy::Settled::SIGNATURE_HASH, [0x97, 0x08, 0x8e, 0xc3]),
            (IUptoProxy::SettledWithPermit::SIGNATURE_HASH, [0xde, 0x5b, 0x89, 0xd1]),
            (IPermit2::UnorderedNonceInvalidation::SIGNATURE_HASH, [0x37, 0x04, 0x90, 0x2f]),
            (IToken::Transfer::SIGNATURE_HASH, [0xdd, 0xf2, 0x52, 0xad]),
            (IToken::AuthorizationUsed::SIGNATURE_HASH, [0x98, 0xde, 0x50, 0x35]),
        ] {
            assert_eq!(topic[..4], wanted);
        }
    }
}
