// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeadAnchor} from "../src/HeadAnchor.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {Cheats} from "./Cheats.sol";
import {SampleTrees} from "./SampleTrees.sol";

/// @notice Plays governance, the node, the mirrors and strangers, honest and not, and keeps a plain copy of what the
/// contract should hold. A call that should be refused and is not makes the handler revert, and with it the run.
contract HeadAnchorHandler is Cheats {
    uint32 internal constant REGION = 330000;
    uint32 internal constant MIRRORS = 6;
    uint64 internal constant LONGEST = 48;
    uint64 internal constant CONTRADICTS = 1 << 63;

    HeadAnchor public immutable anchors;
    bytes32 public immutable streamId;

    // What the contract should hold.
    uint64 public size;
    uint64 public epoch;
    uint64 public anchoredAt;
    uint32 public vrfKey;
    uint32 public approvedVrfKey;
    bytes32 public mapRoot;
    address public anchorKey;
    address public approvedKey;
    bool public paused;
    mapping(uint32 number => uint64) public lanes;

    // How often each thing was done, so that a run that tests nothing is seen.
    uint256 public opened;
    uint256 public anchored;
    uint256 public confirmed;
    uint256 public refused;

    constructor() {
        anchors = new HeadAnchor(address(this));
        streamId = StreamIds.derive(REGION, "records");
        for (uint32 number = 0; number < MIRRORS; ++number) {
            anchors.addMirror(number, mirrorKey(number), 310000 + 10000 * (number % 2));
        }
        anchors.addMirror(MIRRORS, mirrorKey(MIRRORS), REGION);
    }

    // ---- governance ----

    function approve(uint32 step, uint8 key) external {
        approvedVrfKey += 1 + step % 3;
        approvedKey = _nodeKey(key);
        if (epoch == 0) anchorKey = approvedKey;
        anchors.approve(streamId, REGION, approvedKey, approvedVrfKey, 1);
    }

    function replaceAnchorKey(uint8 key) external {
        if (approvedVrfKey == 0) return;
        anchorKey = approvedKey = _nodeKey(key);
        anchors.replaceAnchorKey(streamId, anchorKey);
    }

    function switchState(uint8 dice) external {
        // Mostly running, or little would be anchored.
        if (paused) anchors.unpause();
        else if (dice % 8 == 0) anchors.pause();
        else return;
        paused = !paused;
    }

    // ---- the node ----

    function open(uint64 newSize, bytes32 newMapRoot) external {
        newSize = uint64(bound(newSize, 1, LONGEST / 2));
        bytes32 root = SampleTrees.root(_seed(approvedVrfKey), 0, newSize);
        vm.prank(approvedKey);
        try anchors.open(streamId, epoch, approvedVrfKey, 1, newSize, root, newMapRoot) {
            assertTrue(approvedVrfKey > vrfKey, "opened once per approval");
            (size, vrfKey, mapRoot, anchorKey) = (newSize, approvedVrfKey, newMapRoot, approvedKey);
            _count();
            ++opened;
        } catch {
            assertTrue(approvedVrfKey == vrfKey, "an open approval can be used");
            ++refused;
        }
    }

    /// @dev Honest: the next head of the log that is stored.
    function anchor(uint64 step, bytes32 newMapRoot) external {
        if (size == 0 || size >= LONGEST) return;
        uint64 newSize = uint64(bound(step, size + 1, LONGEST));
        SampleTrees.Pair memory pair = SampleTrees.pair(_seed(vrfKey), size, newSize);
        vm.warp(block.timestamp + step % 100);
        vm.prank(anchorKey);
        try anchors.anchor(streamId, size, newSize, pair.newRoot, newMapRoot, pair.proof) {
            assertTrue(!paused, "nothing is anchored while paused");
            (size, mapRoot) = (newSize, newMapRoot);
            _count();
            ++anchored;
        } catch {
            assertTrue(paused, "an honest head is taken while running");
            ++refused;
        }
    }

    /// @dev Dishonest, in one way or several: sizes from anywhere, another log, a bent proof. Never taken, unless it is
    /// exactly the honest call.
    function anchorWrongly(uint64 oldSize, uint64 newSize, uint8 seed, uint256 bend, bytes32 newMapRoot) external {
        if (size == 0) return;
        newSize = uint64(bound(newSize, 2, LONGEST));
        oldSize = uint64(bound(oldSize, 1, newSize - 1));
        uint32 generation = seed % 2 == 0 ? vrfKey : seed;
        SampleTrees.Pair memory pair = SampleTrees.pair(_seed(generation), oldSize, newSize);
        if (bend % 3 == 0) pair.proof[bend % pair.proof.length] ^= bytes32(1 << (bend % 256));
        bool honest = generation == vrfKey && oldSize == size && bend % 3 != 0;
        bool repeated = generation == vrfKey && newSize == size && newMapRoot == mapRoot;
        if (honest || repeated) return;
        vm.prank(anchorKey);
        try anchors.anchor(streamId, oldSize, newSize, pair.newRoot, newMapRoot, pair.proof) {
            assertTrue(false, "a dishonest head is refused");
        } catch {
            ++refused;
        }
    }

    /// @dev The stored head again: quiet, and nothing moves.
    function repeat(uint64 oldSize) external {
        if (size < 2 || paused) return;
        oldSize = uint64(bound(oldSize, 1, size - 1));
        bytes32 root = SampleTrees.root(_seed(vrfKey), 0, size);
        vm.prank(anchorKey);
        anchors.anchor(streamId, oldSize, size, root, mapRoot, new bytes32[](0));
    }

    // ---- the mirrors ----

    /// @dev About the newest epoch, one before or one ahead.
    function confirm(uint32 number, uint64 which, bool agrees, bytes32 other) external {
        number = number % (MIRRORS + 1);
        uint64 when = epoch + which % 3;
        when = when == 0 ? 0 : when - 1;
        bytes32 root = agrees ? mapRoot : other;
        vm.prank(mirrorKey(number));
        try anchors.confirm(streamId, when, root) {
            assertTrue(number != MIRRORS, "never the own region");
            assertTrue(epoch > 0 && when <= epoch, "never ahead");
            if (when < epoch) return;
            lanes[number] = root == mapRoot ? when : when + CONTRADICTS;
            ++confirmed;
        } catch {
            assertTrue(number == MIRRORS || epoch == 0 || when > epoch, "a mirror is heard");
            ++refused;
        }
    }

    // ---- strangers ----

    /// @dev Anyone without a role, with calls that would do something for those who have one.
    function stranger(address caller, uint8 which, uint64 number, bytes32 word) external {
        if (_hasRole(caller)) return;
        bytes memory call_;
        which = which % 10;
        if (which == 0) call_ = abi.encodeCall(anchors.approve, (streamId, REGION, caller, approvedVrfKey + 1, 1));
        if (which == 1) call_ = abi.encodeCall(anchors.replaceAnchorKey, (streamId, caller));
        if (which == 2) call_ = abi.encodeCall(anchors.addMirror, (uint32(number), caller, 0));
        if (which == 3) call_ = abi.encodeCall(anchors.setSuccessor, (caller));
        if (which == 4) call_ = paused ? abi.encodeCall(anchors.unpause, ()) : abi.encodeCall(anchors.pause, ());
        if (which == 5) call_ = abi.encodeCall(anchors.open, (streamId, epoch, approvedVrfKey, 1, number, word, word));
        if (which == 6) {
            if (size == 0) return;
            SampleTrees.Pair memory pair = SampleTrees.pair(_seed(vrfKey), size, size + 1);
            call_ = abi.encodeCall(anchors.anchor, (streamId, size, size + 1, pair.newRoot, word, pair.proof));
        }
        if (which == 7) call_ = abi.encodeCall(anchors.confirm, (streamId, epoch, mapRoot));
        if (which == 8) call_ = abi.encodeCall(anchors.transferOwnership, (caller));
        if (which == 9) call_ = abi.encodeCall(anchors.acceptOwnership, ());
        vm.prank(caller);
        (bool done,) = address(anchors).call(call_);
        assertTrue(!done, "a stranger is refused");
        ++refused;
    }

    function mirrorKey(uint32 number) public pure returns (address) {
        return address(uint160(0xE000 + number));
    }

    function logRoot() external view returns (bytes32) {
        return size == 0 ? bytes32(0) : SampleTrees.root(_seed(vrfKey), 0, size);
    }

    function mirrorCount() external pure returns (uint32) {
        return MIRRORS + 1;
    }

    function _count() private {
        ++epoch;
        anchoredAt = uint64(block.timestamp);
    }

    function _nodeKey(uint8 key) private pure returns (address) {
        return address(uint160(0xD000 + key % 3));
    }

    function _hasRole(address caller) private view returns (bool) {
        uint160 number = uint160(caller);
        return caller == address(this) || (number >= 0xD000 && number < 0xD003)
            || (number >= 0xE000 && number <= 0xE000 + MIRRORS);
    }

    function _seed(uint32 generation) private pure returns (bytes32) {
        return keccak256(abi.encode("log", generation));
    }
}

contract HeadAnchorInvariantsTest is Cheats {
    HeadAnchorHandler private _handler;
    HeadAnchor private _anchors;
    bytes32 private _streamId;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new HeadAnchorHandler();
        _anchors = _handler.anchors();
        _streamId = _handler.streamId();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev The copy changes by the rules only: within a generation the size rises, and each head adds one to the epoch.
    /// So whatever the contract did otherwise shows as a difference. One function, because forge plays all runs again
    /// for each.
    function invariant_stateIsTheOneTheRulesGive() public view {
        _assertHead();
        _assertLanes();
        _assertRoles();
    }

    function _assertHead() private view {
        (
            uint64 size,
            uint64 epoch,
            uint64 anchoredAt,
            uint32 mapFunction,
            uint32 vrfKey,
            bytes32 logRoot,
            bytes32 mapRoot
        ) = _anchors.head(_streamId);
        assertEq(size, _handler.size());
        assertEq(epoch, _handler.epoch());
        assertEq(epoch, _handler.opened() + _handler.anchored());
        assertEq(anchoredAt, _handler.anchoredAt());
        assertEq(mapFunction, epoch == 0 ? 0 : 1);
        assertEq(vrfKey, _handler.vrfKey());
        assertEq(logRoot, _handler.logRoot());
        assertEq(mapRoot, _handler.mapRoot());
    }

    function _assertLanes() private view {
        for (uint32 number = 0; number < _handler.mirrorCount(); ++number) {
            uint64 lane = _anchors.lane(_streamId, number);
            assertEq(lane, _handler.lanes(number));
            assertTrue(lane & ~uint64(1 << 63) <= _handler.epoch(), "never ahead of the head");
        }
        assertEq(_anchors.lane(_streamId, _handler.mirrorCount() - 1), 0);
        assertEq(_anchors.lane(_streamId, _handler.mirrorCount()), 0);
    }

    function _assertRoles() private view {
        (address anchorKey,) = _anchors.streamOf(_streamId);
        assertEq(anchorKey, _handler.anchorKey());
        (address approvedKey, uint32 vrfKey,, bool usable) = _anchors.approval(_streamId);
        assertEq(approvedKey, _handler.approvedKey());
        assertEq(vrfKey, _handler.approvedVrfKey());
        assertTrue(usable == (vrfKey > _handler.vrfKey()), "usable until opened");
        (address successor, IHeadAnchor.State state) = _anchors.status();
        assertEq(successor, address(0));
        assertTrue((state == IHeadAnchor.State.Paused) == _handler.paused(), "state");
        assertEq(_anchors.owner(), address(_handler));
        for (uint32 number = 0; number < _handler.mirrorCount(); ++number) {
            (address key,) = _anchors.mirror(number);
            assertEq(key, _handler.mirrorKey(number));
        }
    }
}
