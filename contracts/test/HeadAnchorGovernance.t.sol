// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeadAnchor} from "../src/HeadAnchor.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {HeadAnchorCase} from "./HeadAnchorCase.sol";

contract HeadAnchorGovernanceTest is HeadAnchorCase {
    function test_constructor_setsRunningWithoutSuccessor() public view {
        (address successor, IHeadAnchor.State state) = anchors.status();
        assertEq(successor, address(0));
        assertTrue(state == IHeadAnchor.State.Running, "running");
        assertEq(anchors.owner(), GOVERNANCE);
        assertEq(anchors.chainId(), block.chainid);
    }

    function test_constructor_otherChain_givesOtherRuntimeCode() public {
        vm.chainId(block.chainid + 1);
        HeadAnchor elsewhere = new HeadAnchor(GOVERNANCE);
        assertTrue(address(elsewhere).codehash != address(anchors).codehash, "the code binds to the chain");
    }

    function test_approve_firstTime_succeeds() public {
        bytes32 queries = StreamIds.derive(JIANGSU, "queries");
        vm.expectEmit();
        emit IHeadAnchor.StreamApproved(queries, JIANGSU, OTHER_NODE, 7, 2);
        vm.prank(GOVERNANCE);
        anchors.approve(queries, JIANGSU, OTHER_NODE, 7, 2);

        (address anchorKey, uint32 region) = anchors.streamOf(queries);
        assertEq(anchorKey, OTHER_NODE);
        assertEq(region, JIANGSU);
        _assertApproval(queries, OTHER_NODE, 7, 2, true);
    }

    function test_approve_nextGeneration_keepsTheKeyUntilOpened() public {
        _open(3);
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, OTHER_NODE, 2, 1);
        (address anchorKey,) = anchors.streamOf(records);
        assertEq(anchorKey, NODE);
        _assertApproval(records, OTHER_NODE, 2, 1, true);
        _anchor(3, 4, MAP);
    }

    function test_approve_beforeOpen_replacesTheApproval() public {
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, OTHER_NODE, 2, 1);
        (address anchorKey,) = anchors.streamOf(records);
        assertEq(anchorKey, OTHER_NODE);
        _assertApproval(records, OTHER_NODE, 2, 1, true);
    }

    function test_approve_vrfKeyNotAbove_revertsWithVrfKeyNotIncreased() public {
        for (uint32 vrfKey = 0; vrfKey <= 1; ++vrfKey) {
            _expect(IHeadAnchor.HeadAnchorVrfKeyNotIncreased.selector, abi.encode(records, 1, vrfKey));
            vm.prank(GOVERNANCE);
            anchors.approve(records, SHANGHAI, NODE, vrfKey, 1);
        }
    }

    function test_approve_vrfKeyZeroOnFirst_revertsWithVrfKeyNotIncreased() public {
        bytes32 queries = StreamIds.derive(JIANGSU, "queries");
        _expect(IHeadAnchor.HeadAnchorVrfKeyNotIncreased.selector, abi.encode(queries, 0, 0));
        vm.prank(GOVERNANCE);
        anchors.approve(queries, JIANGSU, NODE, 0, 1);
    }

    function test_approve_streamOfOtherRegion_revertsWithStreamNotOfRegion() public {
        uint32[4] memory regions = [uint32(320000), 0, 99999, 1_310_000];
        for (uint256 i = 0; i < regions.length; ++i) {
            _expect(IHeadAnchor.HeadAnchorStreamNotOfRegion.selector, abi.encode(records, regions[i]));
            vm.prank(GOVERNANCE);
            anchors.approve(records, regions[i], NODE, 2, 1);
        }
    }

    function test_approve_zeroKey_revertsWithKeyMissing() public {
        _expect(IHeadAnchor.HeadAnchorKeyMissing.selector, "");
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, address(0), 2, 1);
    }

    function test_approve_mapFunctionZero_revertsWithMapFunctionMissing() public {
        _expect(IHeadAnchor.HeadAnchorMapFunctionMissing.selector, "");
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 2, 0);
    }

    function test_approve_superseded_revertsWithSuperseded() public {
        _supersede();
        _expectSuperseded();
        vm.prank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 2, 1);
    }

    function test_replaceAnchorKey_movesStreamAndOpenApproval() public {
        _open(3);
        vm.startPrank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 2, 1);
        vm.expectEmit();
        emit IHeadAnchor.AnchorKeyReplaced(records, NODE, OTHER_NODE);
        anchors.replaceAnchorKey(records, OTHER_NODE);
        vm.stopPrank();

        (address anchorKey,) = anchors.streamOf(records);
        assertEq(anchorKey, OTHER_NODE);
        _assertApproval(records, OTHER_NODE, 2, 1, true);
    }

    function test_replaceAnchorKey_oldKeyAnchors_revertsWithNotAnchorKey() public {
        _open(3);
        vm.prank(GOVERNANCE);
        anchors.replaceAnchorKey(records, OTHER_NODE);
        _expect(IHeadAnchor.HeadAnchorNotAnchorKey.selector, abi.encode(records, OTHER_NODE, NODE));
        vm.prank(NODE);
        anchors.anchor(records, 3, 4, "root", MAP, new bytes32[](0));
    }

    function test_replaceAnchorKey_unknownStream_revertsWithStreamNotApproved() public {
        _expect(IHeadAnchor.HeadAnchorStreamNotApproved.selector, abi.encode(bytes32("unknown")));
        vm.prank(GOVERNANCE);
        anchors.replaceAnchorKey("unknown", OTHER_NODE);
    }

    function test_replaceAnchorKey_zeroKey_revertsWithKeyMissing() public {
        _expect(IHeadAnchor.HeadAnchorKeyMissing.selector, "");
        vm.prank(GOVERNANCE);
        anchors.replaceAnchorKey(records, address(0));
    }

    function test_addMirror_succeeds() public {
        vm.expectEmit();
        emit IHeadAnchor.MirrorAdded(type(uint32).max, STRANGER, JIANGSU);
        vm.prank(GOVERNANCE);
        anchors.addMirror(type(uint32).max, STRANGER, JIANGSU);
        (address key, uint32 region) = anchors.mirror(type(uint32).max);
        assertEq(key, STRANGER);
        assertEq(region, JIANGSU);
    }

    function test_addMirror_usedNumber_revertsWithMirrorNumberTaken() public {
        _expect(IHeadAnchor.HeadAnchorMirrorNumberTaken.selector, abi.encode(0, REGULATOR));
        vm.prank(GOVERNANCE);
        anchors.addMirror(0, STRANGER, JIANGSU);
    }

    function test_addMirror_usedKey_revertsWithMirrorKeyTaken() public {
        _expect(IHeadAnchor.HeadAnchorMirrorKeyTaken.selector, abi.encode(REGULATOR, 0));
        vm.prank(GOVERNANCE);
        anchors.addMirror(9, REGULATOR, JIANGSU);
    }

    function test_addMirror_zeroKey_revertsWithKeyMissing() public {
        _expect(IHeadAnchor.HeadAnchorKeyMissing.selector, "");
        vm.prank(GOVERNANCE);
        anchors.addMirror(9, address(0), JIANGSU);
    }

    function test_addMirror_noRegionCode_revertsWithMirrorRegionInvalid() public {
        _expect(IHeadAnchor.HeadAnchorMirrorRegionInvalid.selector, abi.encode(99_999));
        vm.prank(GOVERNANCE);
        anchors.addMirror(9, STRANGER, 99_999);
    }

    function test_setSuccessor_succeedsOnce() public {
        vm.expectEmit();
        emit IHeadAnchor.SuccessorSet(address(0xBEEF));
        _supersede();
        (address successor, IHeadAnchor.State state) = anchors.status();
        assertEq(successor, address(0xBEEF));
        assertTrue(state == IHeadAnchor.State.Running, "the state stays");
        _assertApproval(records, NODE, 1, 1, false);

        _expectSuperseded();
        vm.prank(GOVERNANCE);
        anchors.setSuccessor(address(0xCAFE));
    }

    function test_setSuccessor_zeroOrSelf_revertsWithSuccessorInvalid() public {
        address[2] memory invalid = [address(0), address(anchors)];
        for (uint256 i = 0; i < invalid.length; ++i) {
            _expect(IHeadAnchor.HeadAnchorSuccessorInvalid.selector, abi.encode(invalid[i]));
            vm.prank(GOVERNANCE);
            anchors.setSuccessor(invalid[i]);
        }
    }

    function test_pause_thenUnpause_succeeds() public {
        vm.startPrank(GOVERNANCE);
        vm.expectEmit();
        emit IHeadAnchor.StateChanged(IHeadAnchor.State.Paused);
        anchors.pause();
        (, IHeadAnchor.State state) = anchors.status();
        assertTrue(state == IHeadAnchor.State.Paused, "paused");
        anchors.unpause();
        (, state) = anchors.status();
        assertTrue(state == IHeadAnchor.State.Running, "running");
        vm.stopPrank();
    }

    function test_pause_paused_revertsWithStateUnchanged() public {
        vm.startPrank(GOVERNANCE);
        anchors.pause();
        _expect(IHeadAnchor.HeadAnchorStateUnchanged.selector, abi.encode(2));
        anchors.pause();
    }

    function test_unpause_running_revertsWithStateUnchanged() public {
        _expect(IHeadAnchor.HeadAnchorStateUnchanged.selector, abi.encode(1));
        vm.prank(GOVERNANCE);
        anchors.unpause();
    }

    function test_renounceOwnership_revertsWithOwnerRequired() public {
        _expect(IHeadAnchor.HeadAnchorOwnerRequired.selector, "");
        vm.prank(GOVERNANCE);
        anchors.renounceOwnership();
    }

    function test_transferOwnership_takesTwoSteps() public {
        vm.prank(GOVERNANCE);
        anchors.transferOwnership(STRANGER);
        assertEq(anchors.owner(), GOVERNANCE);
        vm.prank(STRANGER);
        anchors.acceptOwnership();
        assertEq(anchors.owner(), STRANGER);
    }

    function test_fuzz_governance_byAnyoneElse_reverts(address caller) public {
        if (caller == GOVERNANCE) return;
        bytes[8] memory calls = [
            abi.encodeCall(IHeadAnchor.approve, (records, SHANGHAI, caller, 2, 1)),
            abi.encodeCall(IHeadAnchor.replaceAnchorKey, (records, caller)),
            abi.encodeCall(IHeadAnchor.addMirror, (9, caller, JIANGSU)),
            abi.encodeCall(IHeadAnchor.setSuccessor, (caller)),
            abi.encodeCall(IHeadAnchor.pause, ()),
            abi.encodeCall(IHeadAnchor.unpause, ()),
            abi.encodeWithSignature("renounceOwnership()"),
            abi.encodeWithSignature("transferOwnership(address)", caller)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(caller);
            (bool done, bytes memory reason) = address(anchors).call(calls[i]);
            assertTrue(!done, "refused");
            assertEq(
                keccak256(reason), keccak256(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller))
            );
        }
    }

    function _assertApproval(bytes32 streamId, address key, uint32 vrfKey, uint32 mapFunction, bool usable)
        private
        view
    {
        (address foundKey, uint32 foundVrfKey, uint32 foundFunction, bool foundUsable) = anchors.approval(streamId);
        assertEq(foundKey, key);
        assertEq(foundVrfKey, vrfKey);
        assertEq(foundFunction, mapFunction);
        assertTrue(foundUsable == usable, "usable");
    }
}
