// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @notice What a payer has permitted by a signature: at most `amount` of `token`.
struct TokenPermissions {
    address token;
    uint256 amount;
}

/// @notice Permit2's signed permit, without the spender: Permit2 puts its caller there.
struct PermitTransferFrom {
    TokenPermissions permitted;
    uint256 nonce;
    uint256 deadline;
}

/// @notice What else the payer signed: who is paid, and who alone may ask for it.
struct Witness {
    address to;
    address facilitator;
    uint256 validAfter;
}

/// @title The x402 `upto` proxy, as far as a settler calls it.
interface IUptoProxy {
    /// @notice Moves `amount` of what `owner` has permitted to `witness.to`, or reverts. Only for `witness.facilitator`.
    function settle(
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external;
}
