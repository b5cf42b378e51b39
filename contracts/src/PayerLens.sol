// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @notice What is asked about one payer.
struct Query {
    address payer;
    /// Words of Permit2's nonce bitmap, each `nonce >> 8`.
    uint256[] words;
    /// Nonces of EIP-3009 authorizations.
    bytes32[] authorizations;
}

/// @notice The block that everything was read at.
struct ReadAt {
    uint256 number;
    uint256 timestamp;
    uint256 chainId;
}

/// @notice Of an EIP-3009 nonce. `Unknown`: the token doesn't say, for example because it has no such function.
enum Authorization {
    Unused,
    Used,
    Unknown
}

/// @notice What is known of one payer.
struct Answer {
    /// Whether balance, allowance and every word could be read. Where not, what couldn't be is 0 here.
    bool ok;
    uint256 balance;
    /// What Permit2 may take of it.
    uint256 allowance;
    /// 0 for an ordinary account. Permit2 asks one with code whether it signed, also when it is only delegated (EIP-7702).
    uint256 codeSize;
    /// One for each word asked for.
    uint256[] bitmaps;
    /// One for each authorization asked for.
    Authorization[] authorizations;
}

interface IReads {
    function balanceOf(address owner) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function nonceBitmap(address owner, uint256 word) external view returns (uint256);
    function authorizationState(address owner, bytes32 nonce) external view returns (bool);
}

/// @title Reads all that decides whether payers can pay, at one block, in one `eth_call`.
///
/// @notice It is never deployed. An `eth_call` without `to`, with this code and its arguments as data, runs the constructor,
/// which returns `abi.encode(ReadAt, Answer[])` in place of code. Nothing has to exist on the chain first, and no two answers
/// can be of different blocks, as they can when a provider spreads calls over its nodes.
///
/// The answer counts as code, so it may take 24,576 bytes: some 60 payers with a word and an authorization each.
///
/// @dev `block.number` is the L1's on some rollups. Compare it with itself only, or use the timestamp.
contract PayerLens {
    /// @dev Ample for a token behind a proxy. One that spends it all makes its own answers unknown, and no others.
    ///
    /// Too little gas for the whole can't pass for an unknown: a read is starved only when less than a 63rd of this remains
    /// after it, and that doesn't pay for an answer (200 gas a byte).
    uint256 private constant READ_GAS = 100_000;
    uint256 private constant ANSWER_BYTES_MAX = 24_576;

    /// @notice Ask about fewer payers.
    error AnswerTooLong(uint256 size);

    constructor(address token, address permit2, Query[] memory queries) {
        Answer[] memory answers = new Answer[](queries.length);
        for (uint256 i = 0; i < queries.length; ++i) {
            answers[i] = look(token, permit2, queries[i]);
        }
        bytes memory encoded = abi.encode(ReadAt(block.number, block.timestamp, block.chainid), answers);
        if (encoded.length > ANSWER_BYTES_MAX) revert AnswerTooLong(encoded.length);
        assembly ("memory-safe") {
            return(add(encoded, 32), mload(encoded))
        }
    }

    function look(address token, address permit2, Query memory query) private view returns (Answer memory answer) {
        address payer = query.payer;
        answer.codeSize = payer.code.length;
        bool ok;
        (answer.ok, answer.balance) = read(token, abi.encodeCall(IReads.balanceOf, (payer)));
        (ok, answer.allowance) = read(token, abi.encodeCall(IReads.allowance, (payer, permit2)));
        answer.ok = answer.ok && ok;
        answer.bitmaps = new uint256[](query.words.length);
        for (uint256 i = 0; i < query.words.length; ++i) {
            (ok, answer.bitmaps[i]) = read(permit2, abi.encodeCall(IReads.nonceBitmap, (payer, query.words[i])));
            answer.ok = answer.ok && ok;
        }
        answer.authorizations = new Authorization[](query.authorizations.length);
        for (uint256 i = 0; i < query.authorizations.length; ++i) {
            uint256 used;
            (ok, used) = read(token, abi.encodeCall(IReads.authorizationState, (payer, query.authorizations[i])));
            answer.authorizations[i] =
                !ok || used > 1 ? Authorization.Unknown : used == 1 ? Authorization.Used : Authorization.Unused;
        }
    }

    /// @dev By hand, since Solidity's own call reverts where there is no code or no full word, and copies all that comes back.
    function read(address target, bytes memory call_) private view returns (bool ok, uint256 value) {
        assembly ("memory-safe") {
            ok := staticcall(READ_GAS, target, add(call_, 32), mload(call_), 0, 32)
            ok := and(ok, gt(returndatasize(), 31))
            if ok { value := mload(0) }
        }
    }
}
