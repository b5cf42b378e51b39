//! Our own contracts, as their sources declare them, and their compiled bytes.
#![allow(missing_docs, unreachable_pub, reason = "generated; the contracts document it")]
#![allow(clippy::pedantic, clippy::too_many_arguments, reason = "generated")]

use alloy_primitives::Bytes;
use alloy_sol_types::sol;
use serde::Deserialize;

pub use contracts::{ISettler, Lens};

/// Apart, for their `Item` and `Query` are nobody else's words.
mod contracts {
    use super::sol;

    sol! {
        #[derive(Debug)]
        struct TokenPermissions { address token; uint256 amount; }
        #[derive(Debug)]
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        #[derive(Debug)]
        struct Witness { address to; address facilitator; uint256 validAfter; }

        #[derive(Debug)]
        interface ISettler {
            struct Item {
                PermitTransferFrom permit;
                uint256 amount;
                address owner;
                Witness witness;
                bytes signature;
            }

            struct Outcome {
                bool settled;
                bytes4 reason;
            }

            function settle(Item[] calldata items) external returns (Outcome[] memory outcomes);
            function proxy() external view returns (address);
            function isOperator(address account) external view returns (bool);

            event ItemSettled(bytes32 indexed key, uint256 amount);
            event ItemFailed(bytes32 indexed key, bytes4 reason);
        }

        /// As [`ISettler::Item`], one at a time: what the proxy is called with.
        interface IProxy {
            function settle(
                PermitTransferFrom calldata permit,
                uint256 amount,
                address owner,
                Witness calldata witness,
                bytes calldata signature
            ) external;
        }

        #[derive(Debug)]
        contract Lens {
            struct Query {
                address payer;
                uint256[] words;
                bytes32[] authorizations;
            }

            struct ReadAt {
                uint256 number;
                uint256 timestamp;
                uint256 chainId;
            }

            struct Answer {
                bool ok;
                uint256 balance;
                uint256 allowance;
                uint256 codeSize;
                uint256[] bitmaps;
                uint8[] authorizations;
            }

            constructor(address token, address permit2, Query[] memory queries);
            /// Never called: its arguments are the constructor's, and its results what that returns in place of code.
            function look(address token, address permit2, Query[] memory queries) external returns (ReadAt memory at, Answer[] memory answers);
        }
    }
}

pub use contracts::{IProxy, PermitTransferFrom, TokenPermissions, Witness};

/// One contract as the compiler left it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// What deploys it, before the arguments of its constructor.
    pub bytecode: Bytes,
    /// What stands at its address then, with zeros where the immutables go.
    pub deployed_bytecode: Bytes,
    /// Where each immutable goes, 32 bytes from there.
    #[serde(default)]
    pub immutables: std::collections::BTreeMap<Box<str>, Vec<usize>>,
}

impl Artifact {
    /// The settler's.
    ///
    /// # Errors
    /// Where the file isn't what the build made.
    pub fn settler() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../../contracts/artifacts/Settler.json"))
    }

    /// The lens's.
    ///
    /// # Errors
    /// As [`Self::settler`].
    pub fn lens() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../../contracts/artifacts/PayerLens.json"))
    }
}
