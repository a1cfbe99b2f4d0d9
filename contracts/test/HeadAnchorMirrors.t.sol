// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {HeadAnchorCase} from "./HeadAnchorCase.sol";

contract HeadAnchorMirrorsTest is HeadAnchorCase {
    uint64 private constant CONTRADICTS = 1 << 63;

    function setUp() public override {
        super.setUp();
        _open(3);
        _anchor(3, 5, MAP);
    }

    function test_confirm_sameRoot_setsLaneToEpoch() public {
        vm.expectEmit();
        emit IHeadAnchor.MapConfirmed(records, 2, 5);
        _confirm(JIANGSU_MIRROR, 2, MAP);
        assertEq(anchors.lane(records, 5), 2);
    }

    function test_confirm_otherRoot_setsLaneToContradictionAndAlarms() public {
        vm.expectEmit();
        emit IHeadAnchor.MapContradicted(records, 2, 5, MAP, "other");
        _confirm(JIANGSU_MIRROR, 2, "other");
        assertEq(anchors.lane(records, 5), 2 + CONTRADICTS);
    }

    function test_confirm_agreeingAfterContradiction_clearsIt() public {
        _confirm(JIANGSU_MIRROR, 2, "other");
        _confirm(JIANGSU_MIRROR, 2, MAP);
        assertEq(anchors.lane(records, 5), 2);
    }

    function test_confirm_contradictingAfterAgreement_counts() public {
        _confirm(JIANGSU_MIRROR, 2, MAP);
        _confirm(JIANGSU_MIRROR, 2, "other");
        assertEq(anchors.lane(records, 5), 2 + CONTRADICTS);
    }

    function test_confirm_newHead_leavesTheLaneAtItsEpoch() public {
        _confirm(JIANGSU_MIRROR, 2, MAP);
        _anchor(5, 6, "next map");
        assertEq(anchors.lane(records, 5), 2);
        _confirm(JIANGSU_MIRROR, 3, "next map");
        assertEq(anchors.lane(records, 5), 3);
    }

    function test_confirm_pastEpoch_returnsQuietly() public {
        _confirm(JIANGSU_MIRROR, 2, MAP);
        _anchor(5, 6, "next map");
        vm.recordLogs();
        _confirm(JIANGSU_MIRROR, 2, "other");
        _confirm(JIANGSU_MIRROR, 0, MAP);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(anchors.lane(records, 5), 2);
    }

    function test_confirm_futureEpoch_revertsWithEpochAhead() public {
        _expect(IHeadAnchor.HeadAnchorEpochAhead.selector, abi.encode(records, 2, 3));
        _confirm(JIANGSU_MIRROR, 3, MAP);
    }

    function test_confirm_emptyMap_succeeds() public {
        _anchor(5, 6, 0);
        _confirm(JIANGSU_MIRROR, 3, 0);
        assertEq(anchors.lane(records, 5), 3);
    }

    function test_confirm_pausedOrSuperseded_succeeds() public {
        vm.prank(GOVERNANCE);
        anchors.pause();
        _supersede();
        _confirm(JIANGSU_MIRROR, 2, MAP);
        assertEq(anchors.lane(records, 5), 2);
    }

    function test_fuzz_confirm_stranger_revertsWithNotMirror(address caller) public {
        if (caller == REGULATOR || caller == JIANGSU_MIRROR || caller == SHANGHAI_MIRROR) return;
        _expect(IHeadAnchor.HeadAnchorNotMirror.selector, abi.encode(caller));
        _confirm(caller, 2, MAP);
    }

    function test_confirm_ownRegion_revertsWithOwnRegion() public {
        _expect(IHeadAnchor.HeadAnchorOwnRegion.selector, abi.encode(records, SHANGHAI, SHANGHAI_MIRROR));
        _confirm(SHANGHAI_MIRROR, 2, MAP);
    }

    function test_confirm_anchorKeyAsForeignMirror_revertsWithOwnRegion() public {
        vm.prank(GOVERNANCE);
        anchors.addMirror(9, NODE, JIANGSU);
        _expect(IHeadAnchor.HeadAnchorOwnRegion.selector, abi.encode(records, SHANGHAI, NODE));
        _confirm(NODE, 2, MAP);
    }

    function test_confirm_streamNotOpen_revertsWithStreamNotOpen() public {
        bytes32 queries = StreamIds.derive(SHANGHAI, "queries");
        vm.prank(GOVERNANCE);
        anchors.approve(queries, SHANGHAI, NODE, 1, 1);
        _expect(IHeadAnchor.HeadAnchorStreamNotOpen.selector, abi.encode(queries));
        vm.prank(JIANGSU_MIRROR);
        anchors.confirm(queries, 0, 0);
    }

    function test_confirm_streamNobodyApproved_reverts() public {
        _expect(IHeadAnchor.HeadAnchorStreamNotOpen.selector, abi.encode(bytes32("unknown")));
        vm.prank(JIANGSU_MIRROR);
        anchors.confirm("unknown", 0, 0);
        _expect(IHeadAnchor.HeadAnchorOwnRegion.selector, abi.encode(bytes32("unknown"), 0, REGULATOR));
        vm.prank(REGULATOR);
        anchors.confirm("unknown", 0, 0);
    }

    /// @dev Mirror n has lane n mod 4, low to high, of word n / 4; nobody's lane moves with another's.
    function test_fuzz_confirm_anyNumber_movesItsOwnLaneOnly(uint32 number, bool agrees) public {
        if (number == 0 || number == 5 || number == 6) return;
        vm.prank(GOVERNANCE);
        anchors.addMirror(number, STRANGER, JIANGSU);
        bytes32 outer = keccak256(abi.encode(records, uint256(3)));
        bytes32 slot = keccak256(abi.encode(uint256(number / 4), outer));
        _confirm(REGULATOR, 2, MAP);
        _confirm(JIANGSU_MIRROR, 2, "other");
        bytes32 before = vm.load(address(anchors), slot);

        _confirm(STRANGER, 2, agrees ? MAP : bytes32("other"));
        uint64 value = agrees ? 2 : 2 + CONTRADICTS;
        assertEq(anchors.lane(records, number), value);
        assertEq(vm.load(address(anchors), slot), before | bytes32(uint256(value) << (64 * uint256(number % 4))));
        assertEq(anchors.lane(records, 0), 2);
        assertEq(anchors.lane(records, 5), 2 + CONTRADICTS);
    }

    function _confirm(address caller, uint64 epoch, bytes32 mapRoot) private {
        vm.prank(caller);
        anchors.confirm(records, epoch, mapRoot);
    }
}
