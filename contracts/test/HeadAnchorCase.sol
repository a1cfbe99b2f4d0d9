// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeadAnchor} from "../src/HeadAnchor.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {Cheats} from "./Cheats.sol";
import {SampleTrees} from "./SampleTrees.sol";

/// @notice A HeadAnchor with one approved stream and three mirrors, and the calls on it in short.
abstract contract HeadAnchorCase is Cheats {
    struct StoredHead {
        uint64 size;
        uint64 epoch;
        uint64 anchoredAt;
        uint32 mapFunction;
        uint32 vrfKey;
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    uint32 internal constant SHANGHAI = 310000;
    uint32 internal constant JIANGSU = 320000;
    bytes32 internal constant LOG = "log of generation 1";
    bytes32 internal constant MAP = "map root";

    address internal constant GOVERNANCE = address(0xA001);
    address internal constant NODE = address(0xA002);
    address internal constant OTHER_NODE = address(0xA003);
    address internal constant STRANGER = address(0xA004);
    address internal constant REGULATOR = address(0xA005); // mirror 0, no region
    address internal constant JIANGSU_MIRROR = address(0xA006); // mirror 5
    address internal constant SHANGHAI_MIRROR = address(0xA007); // mirror 6

    HeadAnchor internal anchors;
    bytes32 internal records;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        anchors = new HeadAnchor(GOVERNANCE);
        records = StreamIds.derive(SHANGHAI, "records");
        vm.startPrank(GOVERNANCE);
        anchors.approve(records, SHANGHAI, NODE, 1, 1);
        anchors.addMirror(0, REGULATOR, 0);
        anchors.addMirror(5, JIANGSU_MIRROR, JIANGSU);
        anchors.addMirror(6, SHANGHAI_MIRROR, SHANGHAI);
        vm.stopPrank();
    }

    /// @dev Hashes before the prank: SHA-256 is a call too, and the machine takes the next call for the one meant.
    function _open(uint64 size) internal {
        bytes32 root = SampleTrees.root(LOG, 0, size);
        vm.prank(NODE);
        anchors.open(records, 0, 1, 1, size, root, MAP);
    }

    function _anchor(uint64 oldSize, uint64 newSize, bytes32 mapRoot) internal {
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, oldSize, newSize);
        vm.prank(NODE);
        anchors.anchor(records, oldSize, newSize, pair.newRoot, mapRoot, pair.proof);
    }

    function _anchorReverts(uint64 oldSize, uint64 newSize, bytes32 mapRoot, bytes4 selector, bytes memory values)
        internal
    {
        SampleTrees.Pair memory pair = SampleTrees.pair(LOG, oldSize, newSize);
        _expect(selector, values);
        vm.prank(NODE);
        anchors.anchor(records, oldSize, newSize, pair.newRoot, mapRoot, pair.proof);
    }

    function _head() internal view returns (StoredHead memory found) {
        (found.size, found.epoch, found.anchoredAt, found.mapFunction, found.vrfKey, found.logRoot, found.mapRoot) =
            anchors.head(records);
    }

    function _expect(bytes4 selector, bytes memory values) internal {
        vm.expectRevert(bytes.concat(selector, values));
    }

    function _expectSuperseded() internal {
        _expect(IHeadAnchor.HeadAnchorSuperseded.selector, abi.encode(address(0xBEEF)));
    }

    function _supersede() internal {
        vm.prank(GOVERNANCE);
        anchors.setSuccessor(address(0xBEEF));
    }
}
