// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IUptoProxy, PermitTransferFrom, Witness} from "./IUptoProxy.sol";

/// @notice One payment: what the payer signed, and how much of it is charged.
struct Item {
    PermitTransferFrom permit;
    /// The charge, from 1 to what is permitted.
    uint256 amount;
    /// The payer.
    address owner;
    /// Its `facilitator` is the settler.
    Witness witness;
    bytes signature;
}

/// @notice What became of one payment, for whoever simulates a batch: a call shows no logs.
struct Outcome {
    bool settled;
    /// The first 4 bytes that the proxy reverted with; 0 where it said less, or settled.
    bytes4 reason;
}

/// @title Settles many x402 `upto` payments in one transaction, and lets none of them harm another.
///
/// @notice Payers name this contract as `witness.facilitator`. The operators are the accounts that send its transactions:
/// each is a lane with nonces of its own, so as many batches can be on their way at once as there are operators.
///
/// All that it can do is call `settle` of one proxy. The proxy and Permit2 hold it to what a payer has signed: the token,
/// the most it may cost, the recipient, the time. So the key of an operator, stolen, can charge a payer up to the signed
/// maximum, to the signed recipient, and nothing else. There is no owner, no upgrade, no storage, no way to name another
/// target, and nothing here can hold or move a token or ETH. To change an operator is to deploy another settler.
///
/// @dev Without storage there is nothing that a reentrant call could find half done, and none gets far: what the proxy calls
/// (the token, a payer's code) is no operator.
contract Settler {
    /// @notice Gas for each call of the proxy; what is spent beyond it is that payment's failure alone.
    ///
    /// @dev An ordinary payment takes about 80,000. What payers with code ask for varies, and one that loops for ever costs
    /// us this much. A constant rather than an argument: a payment's outcome can't depend on what an operator grants it.
    uint256 public constant ITEM_GAS = 200_000;

    /// @notice Gas that must be left before each call. A callee gets at most 63/64 of it (EIP-150), silently less than
    /// `ITEM_GAS` where that isn't enough; the rest is for reaching a cold account and for the log.
    uint256 public constant ITEM_GAS_NEEDED = (ITEM_GAS * 64) / 63 + 10_000;

    /// @notice The only contract that is ever called.
    address public immutable proxy;

    address private immutable operator0;
    address private immutable operator1;
    address private immutable operator2;
    address private immutable operator3;

    /// @notice `amount` of the payment under `key` was moved, as the token's own log before this one says.
    /// @param key `keccak256(abi.encode(owner, nonce))`: the proxy and Permit2 log no nonce, so this alone finds a payment.
    event ItemSettled(bytes32 indexed key, uint256 amount);

    /// @notice The payment under `key` was refused, and nothing of it moved.
    /// @param reason The first 4 bytes of the revert; 0 where there were fewer, as when the gas ran out. A hint, not a proof:
    /// the token and a payer's own code can revert with any bytes they like.
    event ItemFailed(bytes32 indexed key, bytes4 reason);

    error NotOperator(address caller);
    error OperatorCount(uint256 count);
    error ZeroOperator();
    error NoCode(address proxy);

    /// @notice The transaction has too little gas left for the payment at `index`, so all of it is undone.
    error TooLittleGas(uint256 index, uint256 left, uint256 needed);

    /// @param proxy_ Must have code: a call of an account without any succeeds, and would look like a payment.
    /// @param operators 1 to 4 accounts.
    constructor(address proxy_, address[] memory operators) {
        uint256 count = operators.length;
        if (count == 0 || count > 4) revert OperatorCount(count);
        if (proxy_.code.length == 0) revert NoCode(proxy_);
        for (uint256 i = 0; i < count; ++i) {
            if (operators[i] == address(0)) revert ZeroOperator();
        }
        proxy = proxy_;
        // A place that isn't taken repeats the first operator: the zero address, which an `eth_call` can claim to be, is none.
        operator0 = operators[0];
        operator1 = operators[count > 1 ? 1 : 0];
        operator2 = operators[count > 2 ? 2 : 0];
        operator3 = operators[count > 3 ? 3 : 0];
    }

    /// @notice Settles each item by itself: one that is refused is logged, and the next one follows.
    /// @return outcomes In the order of the items.
    function settle(Item[] calldata items) external returns (Outcome[] memory outcomes) {
        if (!isOperator(msg.sender)) revert NotOperator(msg.sender);
        outcomes = new Outcome[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            Item calldata item = items[i];
            bytes memory call_ = abi.encodeCall(
                IUptoProxy.settle, (item.permit, item.amount, item.owner, item.witness, item.signature)
            );
            // Before the call: after it, a payment that was starved looks like one that was refused.
            uint256 left = gasleft();
            if (left < ITEM_GAS_NEEDED) revert TooLittleGas(i, left, ITEM_GAS_NEEDED);
            (bool settled, bytes4 reason) = callProxy(call_);
            outcomes[i] = Outcome(settled, reason);
            bytes32 key = keccak256(abi.encode(item.owner, item.permit.nonce));
            if (settled) emit ItemSettled(key, item.amount);
            else emit ItemFailed(key, reason);
        }
    }

    /// @notice Whether `account` may call `settle`.
    function isOperator(address account) public view returns (bool) {
        return account == operator0 || account == operator1 || account == operator2 || account == operator3;
    }

    /// @dev Copies at most 4 bytes of what comes back: a `catch` would copy all of it, at our cost, outside `ITEM_GAS`.
    function callProxy(bytes memory call_) private returns (bool settled, bytes4 reason) {
        address target = proxy;
        assembly ("memory-safe") {
            mstore(0, 0)
            settled := call(ITEM_GAS, target, 0, add(call_, 32), mload(call_), 0, 4)
            if iszero(settled) {
                // Fewer than 4 bytes are no selector.
                if gt(returndatasize(), 3) { reason := mload(0) }
            }
        }
    }
}
