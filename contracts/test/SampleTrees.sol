// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PlainConsistency} from "./PlainConsistency.sol";

/// @title Logs to test with, by the recursions of RFC 9162, sections 2.1.1 and 2.1.4.1
library SampleTrees {
    /// @notice Both roots and the proof between two sizes of one log.
    struct Pair {
        bytes32 oldRoot;
        bytes32 newRoot;
        bytes32[] proof;
    }

    /// @notice Leaf hash number `index` of the log that a seed names.
    function leafHash(bytes32 seed, uint256 index) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), seed, index));
    }

    /// @notice MTH over the leaves from `start` on.
    function root(bytes32 seed, uint256 start, uint256 size) internal pure returns (bytes32) {
        if (size == 1) return leafHash(seed, start);
        uint256 split = largestPowerBelow(size);
        return PlainConsistency.hashChildren(root(seed, start, split), root(seed, start + split, size - split));
    }

    /// @notice PROOF(m, D[n]) of the log that a seed names, every hash computed.
    function pair(bytes32 seed, uint256 oldSize, uint256 newSize) internal pure returns (Pair memory made) {
        made.oldRoot = root(seed, 0, oldSize);
        made.newRoot = root(seed, 0, newSize);
        made.proof = _subproof(seed, oldSize, 0, newSize, true);
    }

    function _subproof(bytes32 seed, uint256 oldSize, uint256 start, uint256 size, bool whole)
        private
        pure
        returns (bytes32[] memory)
    {
        if (oldSize == size) return whole ? new bytes32[](0) : append(new bytes32[](0), root(seed, start, size));
        uint256 split = largestPowerBelow(size);
        if (oldSize <= split) {
            return append(_subproof(seed, oldSize, start, split, whole), root(seed, start + split, size - split));
        }
        bytes32[] memory right = _subproof(seed, oldSize - split, start + split, size - split, false);
        return append(right, root(seed, start, split));
    }

    /// @notice A pair of any sizes, by inventing the hash of every subtree that the proof does not enter.
    function invented(bytes32 seed, uint256 oldSize, uint256 newSize) internal pure returns (Pair memory) {
        return _invent(seed, oldSize, newSize, true);
    }

    function _invent(bytes32 seed, uint256 oldSize, uint256 size, bool whole) private pure returns (Pair memory made) {
        bytes32 subtree = keccak256(abi.encode(seed, size));
        if (oldSize == size) {
            made.proof = whole ? new bytes32[](0) : append(new bytes32[](0), subtree);
            made.oldRoot = subtree;
            made.newRoot = subtree;
            return made;
        }
        uint256 split = largestPowerBelow(size);
        if (oldSize <= split) {
            made = _invent(keccak256(abi.encode(seed)), oldSize, split, whole);
            made.newRoot = PlainConsistency.hashChildren(made.newRoot, subtree);
        } else {
            made = _invent(keccak256(abi.encode(seed)), oldSize - split, size - split, false);
            made.oldRoot = PlainConsistency.hashChildren(subtree, made.oldRoot);
            made.newRoot = PlainConsistency.hashChildren(subtree, made.newRoot);
        }
        made.proof = append(made.proof, subtree);
    }

    /// @notice The largest power of two below a size of at least 2.
    function largestPowerBelow(uint256 size) internal pure returns (uint256 power) {
        power = 1;
        while (power << 1 < size) power <<= 1;
    }

    /// @notice A proof with one node more at its end.
    function append(bytes32[] memory proof, bytes32 node) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](proof.length + 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
        }
        longer[proof.length] = node;
    }

    /// @notice The first nodes of a proof.
    function cut(bytes32[] memory proof, uint256 length) internal pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            shorter[i] = proof[i];
        }
    }
}
