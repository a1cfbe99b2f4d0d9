// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsistencyProof} from "../src/ConsistencyProof.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {Vm} from "./Cheats.sol";
import {HeadAnchorCase} from "./HeadAnchorCase.sol";
import {SampleTrees} from "./SampleTrees.sol";

contract HeadAnchorHeadsTest is HeadAnchorCase {
    using SampleTrees for bytes32[];

    bytes32 private constant NEXT_LOG = "log of generation 2";

    // ---- open ----

    function test_open_firstHead_succeeds() public {
        bytes32 root = SampleTrees.root(LOG, 0, 3);
        vm.expectEmit();
        emit IHeadAnchor.HeadOpened(records, 1, 1, 1, 3, root, MAP);
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, 3, root, MAP);
        _assertHead(StoredHead(3, 1, uint64(block.timestamp), 1, 1, root, MAP));
    }

    function test_open_emptyMap_succeeds() public {
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, 1, "root", 0);
        assertEq(_head().mapRoot, 0);
        assertEq(_head().epoch, 1);
    }

    function test_open_nextGeneration_resetsTheSizeAndCountsOn() public {
        _open(5);
        _anchor(5, 9, MAP);
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, OTHER_NODE, 4, 2);
        vm.warp(block.timestamp + 60);
        vm.expectEmit();
        emit IHeadAnchor.AnchorKeyReplaced(records, NODE, OTHER_NODE);
        vm.prank(OTHER_NODE);
        anchors.open(records, 2, 4, 2, 2, NEXT_LOG, 0);
        _assertHead(StoredHead(2, 3, uint64(block.timestamp), 2, 4, NEXT_LOG, 0));

        (address anchorKey, uint32 region) = anchors.streamOf(records);
        assertEq(anchorKey, OTHER_NODE);
        assertEq(region, SHANGHAI);
    }

    function test_open_oldGenerationAnchorsAfterwards_reverts() public {
        _open(5);
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 2, 1);
        bytes32 nextRoot = SampleTrees.root(NEXT_LOG, 0, 5);
        vm.prank(NODE);
        anchors.open(records, 1, 2, 1, 5, nextRoot, MAP);
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 5, 6);
        _expect(ConsistencyProof.ConsistencyProofOldRootMismatch.selector, abi.encode(nextRoot, pair.oldRoot));
        vm.prank(NODE);
        anchors.anchor(records, 5, 6, pair.newRoot, MAP, pair.proof);
    }

    function test_open_paused_succeeds() public {
        vm.prank(GOVERNANCE);
        anchors.pause();
        _open(3);
        assertEq(_head().size, 3);
    }

    function test_open_again_revertsWithApprovalUsed() public {
        _open(3);
        _expect(IHeadAnchor.HeadAnchorApprovalUsed.selector, abi.encode(records, 1));
        vm.prank(NODE);
        anchors.open(records, 1, 1, 1, 3, "root", MAP);
    }

    function test_open_notApproved_revertsWithStreamNotApproved() public {
        _expect(IHeadAnchor.HeadAnchorStreamNotApproved.selector, abi.encode(bytes32("unknown")));
        vm.prank(NODE);
        anchors.open("unknown", 0, 1, 1, 3, "root", MAP);
    }

    function test_fuzz_open_strangersKey_revertsWithNotAnchorKey(address caller) public {
        if (caller == NODE) return;
        _expect(IHeadAnchor.HeadAnchorNotAnchorKey.selector, abi.encode(records, NODE, caller));
        vm.prank(caller);
        anchors.open(records, 0, 1, 1, 3, "root", MAP);
    }

    function test_open_supersededKeyOfOldGeneration_revertsWithNotAnchorKey() public {
        _open(3);
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, OTHER_NODE, 2, 1);
        _expect(IHeadAnchor.HeadAnchorNotAnchorKey.selector, abi.encode(records, OTHER_NODE, NODE));
        vm.prank(NODE);
        anchors.open(records, 1, 2, 1, 3, "root", MAP);
    }

    function test_open_otherThanApproved_revertsWithApprovalMismatch() public {
        uint32[2][3] memory given = [[uint32(2), 1], [uint32(0), 1], [uint32(1), 2]];
        for (uint256 i = 0; i < given.length; ++i) {
            _expect(
                IHeadAnchor.HeadAnchorApprovalMismatch.selector, abi.encode(records, 1, given[i][0], 1, given[i][1])
            );
            vm.prank(NODE);
            anchors.open(records, 0, given[i][0], given[i][1], 3, "root", MAP);
        }
    }

    function test_open_otherEpoch_revertsWithEpochMismatch() public {
        _expect(IHeadAnchor.HeadAnchorEpochMismatch.selector, abi.encode(records, 0, 1));
        vm.prank(NODE);
        anchors.open(records, 1, 1, 1, 3, "root", MAP);
    }

    function test_open_nextGenerationOvertaken_revertsWithEpochMismatch() public {
        _open(5);
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 2, 1);
        _anchor(5, 6, MAP);
        _expect(IHeadAnchor.HeadAnchorEpochMismatch.selector, abi.encode(records, 2, 1));
        vm.prank(NODE);
        anchors.open(records, 1, 2, 1, 3, "root", MAP);
    }

    function test_open_noEntries_revertsWithSizeMissing() public {
        _expect(IHeadAnchor.HeadAnchorSizeMissing.selector, "");
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, 0, "root", MAP);
    }

    function test_open_zeroLogRoot_revertsWithLogRootMissing() public {
        _expect(IHeadAnchor.HeadAnchorLogRootMissing.selector, "");
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, 3, 0, MAP);
    }

    function test_open_superseded_revertsWithSuperseded() public {
        _supersede();
        _expectSuperseded();
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, 3, "root", MAP);
    }

    // ---- anchor ----

    function test_anchor_extension_succeeds() public {
        _open(3);
        vm.warp(block.timestamp + 10);
        bytes32 root = SampleTrees.root(LOG, 0, 7);
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 3, 7);
        vm.expectEmit();
        emit IHeadAnchor.HeadAnchored(records, 2, 7, root, "next map");
        vm.prank(NODE);
        anchors.anchor(records, 3, 7, root, "next map", pair.proof);
        _assertHead(StoredHead(7, 2, uint64(block.timestamp), 1, 1, root, "next map"));
    }

    function test_fuzz_anchor_chainOfHeads_succeeds(uint256 steps) public {
        uint64 size = 1;
        _open(size);
        for (uint64 epoch = 2; epoch < 8; ++epoch) {
            uint64 next = size + 1 + uint64(steps % 9);
            steps /= 9;
            _anchor(size, next, bytes32(steps));
            size = next;
            assertEq(_head().size, size);
            assertEq(_head().epoch, epoch);
            assertEq(_head().mapRoot, bytes32(steps));
        }
    }

    function test_anchor_identicalRepeat_returnsQuietly() public {
        _open(3);
        _anchor(3, 7, "next map");
        StoredHead memory before = _head();
        vm.warp(block.timestamp + 10);
        vm.recordLogs();
        _anchor(3, 7, "next map");
        assertEq(vm.getRecordedLogs().length, 0);
        _assertHead(before);
    }

    function test_anchor_forkOfTheLog_revertsWithFork() public {
        _open(3);
        _anchor(3, 7, MAP);
        bytes32 root = SampleTrees.root(LOG, 0, 7);
        _expect(IHeadAnchor.HeadAnchorFork.selector, abi.encode(records, 7, root, bytes32("fork"), MAP, MAP));
        vm.prank(NODE);
        anchors.anchor(records, 3, 7, "fork", MAP, new bytes32[](3));
    }

    function test_anchor_forkOfTheMap_revertsWithFork() public {
        _open(3);
        _anchor(3, 7, MAP);
        bytes32 root = SampleTrees.root(LOG, 0, 7);
        _anchorReverts(
            3,
            7,
            "other map",
            IHeadAnchor.HeadAnchorFork.selector,
            abi.encode(records, 7, root, root, MAP, bytes32("other map"))
        );
    }

    function test_anchor_rollback_revertsWithSizeMismatch() public {
        _open(3);
        _anchor(3, 7, MAP);
        _anchorReverts(3, 5, MAP, IHeadAnchor.HeadAnchorSizeMismatch.selector, abi.encode(records, 7, 3));
    }

    function test_anchor_gap_revertsWithSizeMismatch() public {
        _open(3);
        _anchorReverts(5, 7, MAP, IHeadAnchor.HeadAnchorSizeMismatch.selector, abi.encode(records, 3, 5));
    }

    function test_anchor_rewrittenHistory_revertsWithOldRootMismatch() public {
        _open(3);
        SampleTrees.Pair memory pair = SampleTrees.pair(NEXT_LOG, 3, 7);
        bytes32 storedRoot = SampleTrees.root(LOG, 0, 3);
        _expect(ConsistencyProof.ConsistencyProofOldRootMismatch.selector, abi.encode(storedRoot, pair.oldRoot));
        vm.prank(NODE);
        anchors.anchor(records, 3, 7, pair.newRoot, MAP, pair.proof);
    }

    function test_anchor_rootThatTheProofDoesNotReach_revertsWithNewRootMismatch() public {
        _open(3);
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 3, 7);
        _expect(ConsistencyProof.ConsistencyProofNewRootMismatch.selector, abi.encode(bytes32("other"), pair.newRoot));
        vm.prank(NODE);
        anchors.anchor(records, 3, 7, "other", MAP, pair.proof);
    }

    function test_anchor_proofOfWrongLength_revertsWithLengthMismatch() public {
        _open(3);
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 3, 7);
        for (uint256 length = 0; length < 9; ++length) {
            if (length == pair.proof.length) continue;
            bytes32[] memory proof = length < pair.proof.length ? pair.proof.cut(length) : pair.proof;
            while (proof.length < length) proof = proof.append(0);
            _expect(ConsistencyProof.ConsistencyProofLengthMismatch.selector, abi.encode(pair.proof.length, length));
            vm.prank(NODE);
            anchors.anchor(records, 3, 7, pair.newRoot, MAP, proof);
        }
    }

    function test_fuzz_anchor_changedProof_reverts(uint64 newSize, uint256 node, uint256 bit) public {
        _open(11);
        newSize = uint64(bound(newSize, 12, 60));
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 11, newSize);
        pair.proof[node % pair.proof.length] ^= bytes32(1 << (bit % 256));
        vm.prank(NODE);
        try anchors.anchor(records, 11, newSize, pair.newRoot, MAP, pair.proof) {
            assertTrue(false, "refused");
        } catch {}
        assertEq(_head().epoch, 1);
    }

    function test_anchor_sizeNotAbove_revertsWithSizeNotIncreased() public {
        _open(3);
        uint64[2][4] memory sizes = [[uint64(3), 3], [uint64(3), 2], [uint64(0), 4], [uint64(0), 0]];
        for (uint256 i = 0; i < sizes.length; ++i) {
            _expect(IHeadAnchor.HeadAnchorSizeNotIncreased.selector, abi.encode(records, sizes[i][0], sizes[i][1]));
            vm.prank(NODE);
            anchors.anchor(records, sizes[i][0], sizes[i][1], "root", MAP, new bytes32[](0));
        }
    }

    function test_anchor_notOpen_revertsWithStreamNotOpen() public {
        _anchorReverts(1, 2, MAP, IHeadAnchor.HeadAnchorStreamNotOpen.selector, abi.encode(records));
    }

    function test_fuzz_anchor_strangersKey_revertsWithNotAnchorKey(address caller) public {
        if (caller == NODE) return;
        _open(3);
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, 3, 4);
        _expect(IHeadAnchor.HeadAnchorNotAnchorKey.selector, abi.encode(records, NODE, caller));
        vm.prank(caller);
        anchors.anchor(records, 3, 4, pair.newRoot, MAP, pair.proof);
    }

    function test_anchor_streamNobodyWasApprovedFor_revertsForTheZeroAddressToo() public {
        bytes32 restricted = StreamIds.derive(SHANGHAI, "restricted");
        _expect(IHeadAnchor.HeadAnchorStreamNotOpen.selector, abi.encode(restricted));
        vm.prank(address(0));
        anchors.anchor(restricted, 1, 2, "root", MAP, new bytes32[](1));
    }

    function test_anchor_paused_revertsWithPaused() public {
        _open(3);
        vm.prank(GOVERNANCE);
        anchors.pause();
        _anchorReverts(3, 4, MAP, IHeadAnchor.HeadAnchorPaused.selector, "");
        vm.prank(GOVERNANCE);
        anchors.unpause();
        _anchor(3, 4, MAP);
    }

    function test_anchor_superseded_revertsWithSuperseded() public {
        _open(3);
        _supersede();
        _anchorReverts(3, 4, MAP, IHeadAnchor.HeadAnchorSuperseded.selector, abi.encode(address(0xBEEF)));
    }

    function test_writes_onACopyOfTheChain_revertWithWrongChain() public {
        _open(3);
        uint256 own = block.chainid;
        vm.chainId(own + 1);
        bytes memory values = abi.encode(own, own + 1);
        _anchorReverts(3, 4, MAP, IHeadAnchor.HeadAnchorWrongChain.selector, values);
        _expect(IHeadAnchor.HeadAnchorWrongChain.selector, values);
        vm.prank(NODE);
        anchors.open(records, 1, 1, 1, 3, "root", MAP);
        _expect(IHeadAnchor.HeadAnchorWrongChain.selector, values);
        vm.prank(REGULATOR);
        anchors.confirm(records, 1, MAP);
    }

    // ---- storage, which is a format ----

    function test_fuzz_storage_headWords_areThoseOfTheFormat(uint64 size, bytes32 logRoot, bytes32 mapRoot) public {
        if (size == 0 || logRoot == 0) return;
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, size, logRoot, mapRoot);
        uint256 base = uint256(keccak256(abi.encode(records, uint256(2))));
        uint256 word = uint256(size) | uint256(1) << 64 | block.timestamp << 128 | uint256(1) << 192 | uint256(1) << 224;
        assertEq(vm.load(address(anchors), bytes32(base)), bytes32(word));
        assertEq(vm.load(address(anchors), bytes32(base + 1)), logRoot);
        assertEq(vm.load(address(anchors), bytes32(base + 2)), mapRoot);
    }

    function test_storage_statusWord_isThatOfTheFormat() public {
        assertEq(vm.load(address(anchors), bytes32(uint256(4))), bytes32(uint256(1) << 160));
        _supersede();
        vm.prank(GOVERNANCE);
        anchors.pause();
        assertEq(vm.load(address(anchors), bytes32(uint256(4))), bytes32(uint256(2) << 160 | 0xBEEF));
    }

    function _assertHead(StoredHead memory expected) private view {
        assertEq(keccak256(abi.encode(_head())), keccak256(abi.encode(expected)));
    }
}
