// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsistencyProof} from "../src/ConsistencyProof.sol";
import {Cheats} from "./Cheats.sol";
import {ConsistencyHarness} from "./ConsistencyHarness.sol";
import {SampleTrees} from "./SampleTrees.sol";

contract ConsistencyProofTest is Cheats {
    using SampleTrees for bytes32[];

    ConsistencyHarness private _harness;

    function setUp() public {
        _harness = new ConsistencyHarness();
    }

    function test_verify_everyPairOfSmallTrees_succeeds() public view {
        for (uint64 newSize = 2; newSize <= 20; ++newSize) {
            for (uint64 oldSize = 1; oldSize < newSize; ++oldSize) {
                SampleTrees.Pair memory pair = SampleTrees.pair("small", oldSize, newSize);
                _harness.check(_claim(oldSize, newSize, pair));
            }
        }
    }

    function test_verify_largestSizes_succeeds() public view {
        uint64 most = type(uint64).max;
        _harness.check(_claim(most - 1, most, SampleTrees.invented("largest", most - 1, most)));
        _harness.check(_claim(1, most, SampleTrees.invented("largest", 1, most)));
        _harness.check(_claim(1 << 63, most, SampleTrees.invented("largest", 1 << 63, most)));
    }

    function test_fuzz_verify_honestProof_succeeds(bytes32 seed, uint64 oldSize, uint64 newSize) public view {
        (oldSize, newSize) = _ascending(oldSize, newSize);
        ConsistencyHarness.Claim memory claim = _claim(oldSize, newSize, SampleTrees.invented(seed, oldSize, newSize));
        _harness.check(claim);
        assertTrue(_harness.isConsistent(claim), "oracle accepts");
    }

    /// @dev Whatever is changed, library and oracle agree; and a change of the proof or a root is never accepted.
    function test_fuzz_verify_changedClaim_agreesWithOracle(
        bytes32 seed,
        uint64 oldSize,
        uint64 newSize,
        uint256 what,
        uint256 bit
    ) public view {
        (oldSize, newSize) = _ascending(oldSize, newSize);
        SampleTrees.Pair memory pair = SampleTrees.invented(seed, oldSize, newSize);
        ConsistencyHarness.Claim memory claim = _claim(oldSize, newSize, pair);
        bytes32 flip = bytes32(1 << (bit % 256));
        what = what % (pair.proof.length + 6);
        if (what == 0) claim.oldRoot ^= flip;
        else if (what == 1) claim.newRoot ^= flip;
        else if (what == 2) claim.proof = pair.proof.append(flip);
        else if (what == 3) claim.proof = pair.proof.cut(bit % pair.proof.length);
        else if (what == 4) claim.oldSize ^= uint64(1 << (bit % 64));
        else if (what == 5) claim.newSize ^= uint64(1 << (bit % 64));
        else claim.proof[what - 6] ^= flip;

        bool accepted = _accepts(claim);
        assertTrue(accepted == _harness.isConsistent(claim), "library and oracle agree");
        assertTrue(!accepted || what == 4 || what == 5, "a changed proof or root is refused");
    }

    function test_verify_wrongLength_revertsWithLengthMismatch() public {
        SampleTrees.Pair memory pair = SampleTrees.pair("length", 70, 130);
        uint256 right = pair.proof.length;
        for (uint256 length = 0; length <= right + 3; ++length) {
            if (length == right) continue;
            ConsistencyHarness.Claim memory claim = _claim(70, 130, pair);
            claim.proof = length < right ? pair.proof.cut(length) : pair.proof;
            while (claim.proof.length < length) claim.proof = claim.proof.append(0);
            _expect(abi.encodeWithSelector(ConsistencyProof.ConsistencyProofLengthMismatch.selector, right, length));
            _harness.check(claim);
        }
    }

    function test_verify_sizesNotAscending_revertsWithSizesNotAscending() public {
        uint64[2][3] memory sizes = [[uint64(0), 1], [uint64(7), 7], [uint64(8), 7]];
        for (uint256 i = 0; i < sizes.length; ++i) {
            _expect(
                abi.encodeWithSelector(
                    ConsistencyProof.ConsistencyProofSizesNotAscending.selector, sizes[i][0], sizes[i][1]
                )
            );
            _harness.check(ConsistencyHarness.Claim(sizes[i][0], sizes[i][1], 0, 0, new bytes32[](0)));
        }
    }

    function test_verify_otherOldRoot_revertsWithOldRootMismatch() public {
        SampleTrees.Pair memory pair = SampleTrees.pair("old", 6, 11);
        ConsistencyHarness.Claim memory claim = _claim(6, 11, pair);
        claim.oldRoot = "other";
        _expect(
            abi.encodeWithSelector(
                ConsistencyProof.ConsistencyProofOldRootMismatch.selector, bytes32("other"), pair.oldRoot
            )
        );
        _harness.check(claim);
    }

    function test_verify_otherNewRoot_revertsWithNewRootMismatch() public {
        SampleTrees.Pair memory pair = SampleTrees.pair("new", 6, 11);
        ConsistencyHarness.Claim memory claim = _claim(6, 11, pair);
        claim.newRoot = "other";
        _expect(
            abi.encodeWithSelector(
                ConsistencyProof.ConsistencyProofNewRootMismatch.selector, bytes32("other"), pair.newRoot
            )
        );
        _harness.check(claim);
    }

    /// @dev A hash that was not computed must not pass for one.
    function test_verify_precompileFails_revertsWithHashFailed() public {
        ConsistencyHarness.Claim memory claim = _claim(3, 4, SampleTrees.pair("failing", 3, 4));
        vm.mockCallRevert(address(2), "", "");
        _expect(abi.encodeWithSelector(ConsistencyProof.ConsistencyProofHashFailed.selector));
        _harness.check(claim);
        vm.clearMockedCalls();
        _harness.check(claim);
    }

    function test_verify_anyGasLimit_neverAcceptsAWrongRoot() public view {
        ConsistencyHarness.Claim memory claim = _claim(3, 4, SampleTrees.pair("gas", 3, 4));
        claim.newRoot ^= bytes32(uint256(1));
        for (uint256 limit = 1_000; limit < 12_000; limit += 37) {
            (bool accepted,) =
                address(_harness).staticcall{gas: limit}(abi.encodeCall(ConsistencyHarness.check, (claim)));
            assertTrue(!accepted, "refused at any gas limit");
        }
    }

    function _accepts(ConsistencyHarness.Claim memory claim) private view returns (bool) {
        try _harness.check(claim) {
            return true;
        } catch {
            return false;
        }
    }

    function _claim(uint64 oldSize, uint64 newSize, SampleTrees.Pair memory pair)
        private
        pure
        returns (ConsistencyHarness.Claim memory)
    {
        return ConsistencyHarness.Claim(oldSize, newSize, pair.oldRoot, pair.newRoot, pair.proof);
    }

    /// @dev Any two sizes, with a random number of low bits so that small trees are as frequent as large ones.
    function _ascending(uint64 oldSize, uint64 newSize) private pure returns (uint64, uint64) {
        newSize = uint64(bound(newSize >> (newSize % 63), 2, type(uint64).max));
        return (uint64(bound(oldSize >> (oldSize % 63), 1, newSize - 1)), newSize);
    }

    function _expect(bytes memory reason) private {
        vm.expectRevert(reason);
    }
}
