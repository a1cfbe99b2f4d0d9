// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsistencyProof} from "../src/ConsistencyProof.sol";
import {PlainConsistency} from "./PlainConsistency.sol";

/// @title Many checks in one call, for tests from outside
contract ConsistencyHarness {
    struct Claim {
        uint64 oldSize;
        uint64 newSize;
        bytes32 oldRoot;
        bytes32 newRoot;
        bytes32[] proof;
    }

    /// @notice What the library says about one claim; reverts as it does.
    function check(Claim calldata claim) external view {
        ConsistencyProof.verify(claim.oldSize, claim.newSize, claim.oldRoot, claim.newRoot, claim.proof);
    }

    /// @notice What the oracle says about one claim.
    function isConsistent(Claim calldata claim) external pure returns (bool) {
        return PlainConsistency.isConsistent(claim.oldSize, claim.newSize, claim.oldRoot, claim.newRoot, claim.proof);
    }

    /// @notice What the library says about each claim: zero for consistent, else the selector of its error.
    function verdicts(Claim[] calldata claims) external view returns (bytes4[] memory found) {
        found = new bytes4[](claims.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            try this.check(claims[i]) {}
            catch (bytes memory reason) {
                found[i] = bytes4(reason);
            }
        }
    }

    /// @notice Gas of one check by the library and by the oracle, calls not counted.
    function gasUsed(Claim calldata claim) external view returns (uint256 library_, uint256 oracle) {
        uint256 before = gasleft();
        ConsistencyProof.verify(claim.oldSize, claim.newSize, claim.oldRoot, claim.newRoot, claim.proof);
        uint256 between = gasleft();
        PlainConsistency.isConsistent(claim.oldSize, claim.newSize, claim.oldRoot, claim.newRoot, claim.proof);
        return (before - between, between - gasleft());
    }
}
