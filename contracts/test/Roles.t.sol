// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Council} from "../src/Council.sol";
import {HeadAnchor} from "../src/HeadAnchor.sol";
import {RegionRegistry} from "../src/RegionRegistry.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {ICouncil} from "../src/interfaces/ICouncil.sol";
import {Cheats} from "./Cheats.sol";
import {SampleTrees} from "./SampleTrees.sol";

/// @notice Every function that changes anything, called by every role, under the Council: each call is one that would
/// take effect, so that a refusal can only be because of who calls.
contract RolesTest is Cheats {
    uint32 private constant SHANGHAI = 310000;
    uint32 private constant JIANGSU = 320000;

    // Roles, as bits of what a function allows.
    uint256 private constant STRANGER = 1;
    uint256 private constant REGULATOR = 2;
    uint256 private constant SEAT = 4;
    uint256 private constant OTHER_SEAT = 8;
    uint256 private constant ANCHOR_KEY = 16;
    uint256 private constant MIRROR = 32;
    uint256 private constant OWN_MIRROR = 64;
    uint256 private constant COUNCIL = 128;
    uint256 private constant FOUNDER = 256;
    uint256 private constant NOBODY = 0;
    uint256 private constant ROLES = 9;

    Council private _council;
    HeadAnchor private _anchors;
    RegionRegistry private _registry;
    bytes32 private _records;
    uint256 private _checked;

    /// @dev At its end: one stream is open, one is approved, one proposal can be carried out and one be approved.
    function setUp() public {
        vm.warp(1_800_000_000);
        _records = StreamIds.derive(SHANGHAI, "records");
        ICouncil.Seat[] memory seats = new ICouncil.Seat[](2);
        seats[0] = ICouncil.Seat(_holder(SEAT), SHANGHAI);
        seats[1] = ICouncil.Seat(_holder(OTHER_SEAT), JIANGSU);
        _council = new Council(seats, 2, _holder(REGULATOR), 1 days);
        _anchors = new HeadAnchor(address(this));
        _registry = new RegionRegistry(_anchors, address(this));
        _registry.setRegion(SHANGHAI, _holder(SEAT), "https://sh.example");
        _anchors.approve(_records, SHANGHAI, _holder(ANCHOR_KEY), 1, 1);
        _anchors.addMirror(0, _holder(MIRROR), JIANGSU);
        _anchors.addMirror(1, _holder(OWN_MIRROR), SHANGHAI);
        // Before the prank: SHA-256 is a call too, and would take it.
        bytes32 root = SampleTrees.root(_seed(), 0, 5);
        vm.prank(_holder(ANCHOR_KEY));
        _anchors.open(_records, 0, 1, 1, 5, root, 0);
        _anchors.approve(_records, SHANGHAI, _holder(ANCHOR_KEY), 2, 1);
        _handOver();
        _propose();
        uint256 decided = _propose();
        vm.prank(_holder(OTHER_SEAT));
        _council.approve(decided);
        vm.warp(block.timestamp + 1 days);
    }

    function test_headAnchor_everyFunctionByEveryRole() public {
        HeadAnchor a = _anchors;
        _only(address(a), abi.encodeCall(a.approve, (_records, SHANGHAI, address(9), 3, 1)), COUNCIL);
        _only(address(a), abi.encodeCall(a.replaceAnchorKey, (_records, address(9))), COUNCIL);
        _only(address(a), abi.encodeCall(a.addMirror, (7, address(9), 0)), COUNCIL);
        _only(address(a), abi.encodeCall(a.setSuccessor, (address(9))), COUNCIL);
        _only(address(a), abi.encodeCall(a.transferOwnership, (address(9))), COUNCIL);
        _only(address(a), abi.encodeCall(a.renounceOwnership, ()), NOBODY);
        _only(address(a), abi.encodeCall(a.acceptOwnership, ()), NOBODY);
        _only(address(a), abi.encodeCall(a.pause, ()), COUNCIL);
        bytes32 root = SampleTrees.root(_seed(), 0, 3);
        _only(address(a), abi.encodeCall(a.open, (_records, 1, 2, 1, 3, root, 0)), ANCHOR_KEY);
        SampleTrees.Pair memory pair = SampleTrees.pair(_seed(), 5, 9);
        bytes memory call_ = abi.encodeCall(a.anchor, (_records, 5, 9, pair.newRoot, bytes32(0), pair.proof));
        _only(address(a), call_, ANCHOR_KEY);
        _only(address(a), abi.encodeCall(a.confirm, (_records, 1, bytes32(0))), MIRROR);
        vm.prank(address(_council));
        a.pause();
        _only(address(a), abi.encodeCall(a.unpause, ()), COUNCIL);
        _only(address(a), call_, NOBODY);
        _only(address(a), abi.encodeCall(a.open, (_records, 1, 2, 1, 3, root, 0)), ANCHOR_KEY);
        _only(address(a), abi.encodeCall(a.confirm, (_records, 1, bytes32(0))), MIRROR);
        assertEq(_checked, 15 * ROLES);
    }

    function test_regionRegistry_everyFunctionByEveryRole() public {
        RegionRegistry r = _registry;
        _only(address(r), abi.encodeCall(r.setRegion, (JIANGSU, address(9), "https://js.example")), COUNCIL);
        _only(address(r), abi.encodeCall(r.setEndpoint, (SHANGHAI, "https://new.example")), SEAT);
        _only(address(r), abi.encodeCall(r.setVrfKey, (SHANGHAI, _records, 2, bytes32("k"))), COUNCIL);
        _only(address(r), abi.encodeCall(r.setCheckpointKey, (SHANGHAI, _records, 1, bytes32("k"))), COUNCIL);
        _only(address(r), abi.encodeCall(r.transferOwnership, (address(9))), COUNCIL);
        _only(address(r), abi.encodeCall(r.renounceOwnership, ()), NOBODY);
        _only(address(r), abi.encodeCall(r.acceptOwnership, ()), NOBODY);
        assertEq(_checked, 7 * ROLES);
    }

    function test_council_everyFunctionByEveryRole() public {
        Council c = _council;
        uint256 seats = SEAT | OTHER_SEAT;
        _only(address(c), abi.encodeCall(c.propose, (_pause())), seats);
        _only(address(c), abi.encodeCall(c.approve, (0)), seats);
        _only(address(c), abi.encodeCall(c.withdraw, (0)), seats);
        _only(address(c), abi.encodeCall(c.execute, (1)), seats);
        _only(address(c), abi.encodeCall(c.veto, (0)), REGULATOR);
        _only(address(c), abi.encodeCall(c.addSeat, (330000, address(9))), COUNCIL);
        _only(address(c), abi.encodeCall(c.setRegulator, (address(9))), COUNCIL);
        _only(address(c), abi.encodeCall(c.setVetoWindow, (3 days)), COUNCIL);
        _only(address(c), abi.encodeCall(c.setThreshold, (2)), COUNCIL);
        vm.prank(address(c));
        c.addSeat(330000, address(0xA9));
        _only(address(c), abi.encodeCall(c.removeSeat, (_holder(SEAT))), COUNCIL);
        assertEq(_checked, 10 * ROLES);
    }

    /// @dev Each role tries it on the same state; exactly those named succeed.
    function _only(address target, bytes memory call_, uint256 allowed) private {
        for (uint256 i = 0; i < ROLES; ++i) {
            uint256 before = vm.snapshotState();
            vm.prank(_holder(1 << i));
            (bool done,) = target.call(call_);
            vm.revertToState(before);
            assertTrue(done == (allowed & (1 << i) != 0), done ? "this role may not" : "this role may");
        }
        _checked += ROLES;
    }

    function _handOver() private {
        _anchors.transferOwnership(address(_council));
        _registry.transferOwnership(address(_council));
        vm.startPrank(address(_council));
        _anchors.acceptOwnership();
        _registry.acceptOwnership();
        vm.stopPrank();
    }

    function _propose() private returns (uint256) {
        vm.prank(_holder(SEAT));
        return _council.propose(_pause());
    }

    function _pause() private view returns (ICouncil.Call[] memory calls) {
        calls = new ICouncil.Call[](1);
        calls[0] = ICouncil.Call(address(_anchors), abi.encodeCall(_anchors.pause, ()));
    }

    function _holder(uint256 role) private view returns (address) {
        if (role == COUNCIL) return address(_council);
        if (role == FOUNDER) return address(this);
        return address(uint160(0xA000 + role));
    }

    function _seed() private pure returns (bytes32) {
        return keccak256("roles");
    }
}
