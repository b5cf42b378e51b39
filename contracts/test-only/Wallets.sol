// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title For tests only: payers with code. Permit2 asks such an account whether a signature is its own (ERC-1271).
abstract contract Wallet {
    bytes4 internal constant YES = 0x1626ba7e;
    bytes4 internal constant NO = 0xffffffff;

    /// @notice Lets the test act as the wallet, for example to approve Permit2.
    function execute(address to, bytes calldata data) external {
        (bool done,) = to.call(data);
        require(done, "the call failed");
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view virtual returns (bytes4);
}

/// @notice Signs everything until it is told otherwise: a wallet may change its mind after an offer was accepted.
contract FickleWallet is Wallet {
    bool public willing = true;

    function setWilling(bool value) external {
        willing = value;
    }

    function isValidSignature(bytes32, bytes calldata) external view override returns (bytes4) {
        return willing ? YES : NO;
    }
}

/// @notice Never answers: it takes all gas there is.
contract GasBurningWallet is Wallet {
    function isValidSignature(bytes32, bytes calldata) external pure override returns (bytes4) {
        while (true) {}
        return YES;
    }
}

/// @notice Signs everything, after work that takes most of what a payment may cost.
contract DearWallet is Wallet {
    function isValidSignature(bytes32, bytes calldata) external view override returns (bytes4) {
        uint256 left = gasleft();
        while (left - gasleft() < 100_000) {}
        return YES;
    }
}

/// @notice Reverts with as much as its gas can make, starting with bytes that look like Permit2's `InvalidNonce()`.
contract LoudWallet is Wallet {
    function isValidSignature(bytes32, bytes calldata) external pure override returns (bytes4) {
        assembly ("memory-safe") {
            mstore(0x80, shl(224, 0x756688fe))
            revert(0x80, 30000)
        }
    }
}

/// @notice What an ordinary account can delegate to by EIP-7702. It takes ETH and answers for no signature, so that what the
/// account has signed before no longer counts.
contract SilentDelegate {
    receive() external payable {}
}
