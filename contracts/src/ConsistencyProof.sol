// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Consistency of two heads of one append-only log
/// @notice Merkle trees of RFC 9162, section 2.1: node = SHA-256(0x01 || left || right), children never sorted. Not
/// the sorted Keccak pairs of OpenZeppelin's MerkleProof.
/// @dev The length of a proof follows from the two sizes alone, so it is compared first; then the proof is one walk
/// that asks the sizes nothing more. `test/PlainConsistency.sol` is the standard's own algorithm, word by word, and the
/// oracle of this one.
///
/// WARNING: a proof shows that the two roots hang together, not that a tree has exactly the leaves it claims: sizes that
/// call for the same walk (2 to 3, 2 to 4) share their proofs. Whoever replays the log sees its true size.
library ConsistencyProof {
    /// @notice A proof is between an earlier and a later tree that both have leaves: 1 <= oldSize < newSize.
    error ConsistencyProofSizesNotAscending(uint64 oldSize, uint64 newSize);

    /// @notice The two sizes call for another number of nodes.
    error ConsistencyProofLengthMismatch(uint256 expected, uint256 given);

    /// @notice The proof leads to another root for the earlier tree: the later log does not extend it.
    error ConsistencyProofOldRootMismatch(bytes32 expected, bytes32 computed);

    /// @notice The proof leads to another root for the later tree.
    error ConsistencyProofNewRootMismatch(bytes32 expected, bytes32 computed);

    /// @notice The SHA-256 precompile did not answer (out of gas).
    error ConsistencyProofHashFailed();

    /// @notice Reverts unless the tree of `newSize` leaves under `newRoot` extends that of `oldSize` under `oldRoot`.
    /// @param oldSize Number of leaves of the earlier tree; at least 1.
    /// @param newSize Number of leaves of the later tree; above oldSize.
    /// @param oldRoot Merkle tree hash of the earlier tree.
    /// @param newRoot Merkle tree hash of the later tree.
    /// @param proof Nodes as PROOF(m, D[n]) of RFC 9162, section 2.1.4.1, lists them.
    /// Source: RFC 9162, section 2.1.4.2.
    function verify(uint64 oldSize, uint64 newSize, bytes32 oldRoot, bytes32 newRoot, bytes32[] calldata proof)
        internal
        view
    {
        if (oldSize == 0 || newSize <= oldSize) revert ConsistencyProofSizesNotAscending(oldSize, newSize);
        (bool seeded, uint256 inner, uint256 border, uint256 path) = _shape(oldSize, newSize);
        uint256 expected = inner + border + (seeded ? 0 : 1);
        if (proof.length != expected) revert ConsistencyProofLengthMismatch(expected, proof.length);

        (bytes32 computedOld, bytes32 computedNew) =
            seeded ? _walk(oldRoot, proof, inner, path) : _walk(proof[0], proof[1:], inner, path);
        if (computedOld != oldRoot) revert ConsistencyProofOldRootMismatch(oldRoot, computedOld);
        if (computedNew != newRoot) revert ConsistencyProofNewRootMismatch(newRoot, computedNew);
    }

    /// @dev What the sizes say about a proof. The walk begins at the largest complete subtree that ends at the last
    /// leaf of the earlier tree.
    /// @return seeded Whether that subtree is the whole earlier tree, which the proof then leaves out.
    /// @return inner Levels from there up to where the paths of the two last leaves meet.
    /// @return border Complete subtrees left of both paths above that.
    /// @return path Bit i says on which side the earlier path stands at inner level i: 1 right, 0 left.
    function _shape(uint64 oldSize, uint64 newSize)
        private
        pure
        returns (bool seeded, uint256 inner, uint256 border, uint256 path)
    {
        unchecked {
            // oldSize >= 1 and newSize > oldSize: no difference below is negative, and the exclusive or is not zero.
            uint256 lastOld = uint256(oldSize) - 1;
            uint256 bottom = Math.log2(oldSize & (~lastOld));
            uint256 meet = Math.log2(lastOld ^ (uint256(newSize) - 1)) + 1;
            seeded = oldSize & lastOld == 0;
            inner = meet - bottom;
            border = _countOnes(lastOld >> meet);
            path = lastOld >> bottom;
        }
    }

    /// @dev Number of set bits of a number below 2^64, summed in fields of 2, 4 and 8 bits.
    function _countOnes(uint256 bits) private pure returns (uint256) {
        unchecked {
            bits -= (bits >> 1) & 0x5555555555555555;
            bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333);
            bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
            return (bits * 0x0101010101010101 >> 56) & 0xff;
        }
    }

    /// @dev Both roots in one walk from `seed` upwards: `inner` nodes on the sides that `path` tells, then nodes left of
    /// both trees. Assembly because of the price: a proof of 20 nodes takes 10,000 to 14,000 gas so, 23,000 to 39,000
    /// in the plain version. Memory from the free pointer on serves as scratch: byte 31 the prefix, then left, right.
    function _walk(bytes32 seed, bytes32[] calldata nodes, uint256 inner, uint256 path)
        private
        view
        returns (bytes32 oldHash, bytes32 newHash)
    {
        bool answered;
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            let input := add(scratch, 31)
            let left := add(scratch, 32)
            let right := add(scratch, 64)
            mstore8(input, 1)
            oldHash := seed
            newHash := seed
            answered := 1

            let meet := add(nodes.offset, shl(5, inner))
            let end := add(nodes.offset, shl(5, nodes.length))
            for { let node := nodes.offset } lt(node, end) { node := add(node, 32) } {
                switch or(and(path, 1), iszero(lt(node, meet)))
                case 0 {
                    // The node stands right of the path: only the later tree has it.
                    mstore(left, newHash)
                    calldatacopy(right, node, 32)
                }
                default {
                    // The node stands left of both paths: both trees have it.
                    calldatacopy(left, node, 32)
                    mstore(right, oldHash)
                    answered := and(answered, staticcall(gas(), 2, input, 65, 0x00, 32))
                    oldHash := mload(0x00)
                    mstore(right, newHash)
                }
                answered := and(answered, staticcall(gas(), 2, input, 65, 0x00, 32))
                newHash := mload(0x00)
                path := shr(1, path)
            }
        }
        if (!answered) revert ConsistencyProofHashFailed();
    }
}
