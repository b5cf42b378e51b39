// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IUptoProxy, PermitTransferFrom, TokenPermissions, Witness} from "../src/IUptoProxy.sol";

/// @notice An EIP-2612 permit for Permit2, sent along by a payer who has not approved it yet.
struct EIP2612Permit {
    uint256 value;
    uint256 deadline;
    bytes32 r;
    bytes32 s;
    uint8 v;
}

struct SignatureTransferDetails {
    address to;
    uint256 requestedAmount;
}

interface IPermit2 {
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}

interface IERC20Permit {
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// @title For tests only: behaves as the x402 `upto` proxy does.
///
/// @notice Written from a description of the proxy's interface, errors and order of checks; no package holds the original's
/// code. Tests put the runtime code at the original's address, where payers' signatures name it as the spender.
contract UptoProxyStandIn is IUptoProxy {
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    bytes32 private constant WITNESS_TYPEHASH =
        keccak256("Witness(address to,address facilitator,uint256 validAfter)");
    string private constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";

    /// @dev 0 at first, since no constructor runs; then 1 outside a call and 2 inside, so that a guarded call costs the same
    /// as the original's.
    uint256 private entered;

    event Settled();
    event SettledWithPermit();
    /// @notice The permit could not be used; an older allowance may still do.
    event PermitRefused(address indexed token, address indexed owner);

    error AmountExceedsPermitted();
    error UnauthorizedFacilitator();
    error Permit2612AmountMismatch();
    error InvalidAmount();
    error InvalidOwner();
    error InvalidDestination();
    error PaymentTooEarly();
    error ReentrancyGuardReentrantCall();

    modifier nonReentrant() {
        if (entered == 2) revert ReentrancyGuardReentrantCall();
        entered = 2;
        _;
        entered = 1;
    }

    /// @inheritdoc IUptoProxy
    function settle(
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external nonReentrant {
        checkCaller(permit.permitted, amount, witness);
        transfer(permit, amount, owner, witness, signature);
        emit Settled();
    }

    /// @notice The same, after trying `permit2612` on the token. That it fails is not an error.
    function settleWithPermit(
        EIP2612Permit calldata permit2612,
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external nonReentrant {
        checkCaller(permit.permitted, amount, witness);
        if (permit2612.value != permit.permitted.amount) revert Permit2612AmountMismatch();
        tryPermit(permit2612, permit.permitted.token, owner);
        transfer(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }

    function checkCaller(TokenPermissions calldata permitted, uint256 amount, Witness calldata witness) private view {
        if (amount > permitted.amount) revert AmountExceedsPermitted();
        if (msg.sender != witness.facilitator) revert UnauthorizedFacilitator();
    }

    function tryPermit(EIP2612Permit calldata p, address token, address owner) private {
        try IERC20Permit(token).permit(owner, address(PERMIT2), p.value, p.deadline, p.v, p.r, p.s) {}
        catch {
            emit PermitRefused(token, owner);
        }
    }

    function transfer(
        PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) private {
        if (amount == 0) revert InvalidAmount();
        if (owner == address(0)) revert InvalidOwner();
        if (witness.to == address(0)) revert InvalidDestination();
        if (block.timestamp < witness.validAfter) revert PaymentTooEarly();
        PERMIT2.permitWitnessTransferFrom(
            permit,
            SignatureTransferDetails(witness.to, amount),
            owner,
            keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter)),
            WITNESS_TYPE_STRING,
            signature
        );
    }
}
