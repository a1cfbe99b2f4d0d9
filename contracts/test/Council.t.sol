// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Council} from "../src/Council.sol";
import {HeadAnchor} from "../src/HeadAnchor.sol";
import {RegionRegistry} from "../src/RegionRegistry.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {ICouncil} from "../src/interfaces/ICouncil.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {Cheats} from "./Cheats.sol";

/// @notice A target that fails in its own words, or calls back.
contract Fickle {
    error FickleRefused(uint256 value);

    Council private _council;
    uint256 public calls;

    function refuse(uint256 value) external pure {
        revert FickleRefused(value);
    }

    function comeBack(Council council, uint256 number) external {
        ++calls;
        council.execute(number);
    }
}

contract CouncilTest is Cheats {
    uint64 internal constant WINDOW = 2 days;
    uint64 internal constant LIFETIME = 30 days;
    address internal constant REGULATOR = address(0xC0FF);
    address internal constant STRANGER = address(0xBAD);
    uint32[4] internal codes = [uint32(310000), 320000, 330000, 340000];

    Council internal council;
    HeadAnchor internal anchors;
    RegionRegistry internal registry;
    bytes32 internal records;

    function setUp() public virtual {
        council = new Council(_seats(4), 3, REGULATOR, WINDOW);
        anchors = new HeadAnchor(address(this));
        registry = new RegionRegistry(anchors, address(this));
        records = StreamIds.derive(310000, "records");
        anchors.transferOwnership(address(council));
        registry.transferOwnership(address(council));
        _decide(address(anchors), abi.encodeCall(anchors.acceptOwnership, ()));
        _decide(address(registry), abi.encodeCall(registry.acceptOwnership, ()));
    }

    // ---- construction ----

    function test_constructor_keepsSeatsThresholdRegulatorAndWindow() public view {
        ICouncil.Seat[] memory found = council.seats();
        assertEq(found.length, 4);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(found[i].operator, _operator(i));
            assertEq(found[i].region, codes[i]);
        }
        assertEq(council.threshold(), 3);
        assertEq(council.regulator(), REGULATOR);
        assertEq(council.vetoWindow(), WINDOW);
        assertEq(anchors.owner(), address(council));
        assertEq(registry.owner(), address(council));
    }

    function test_constructor_thresholdOfHalfOrMoreThanAll_revertsWithThresholdInvalid() public {
        uint256[4] memory wrong = [uint256(0), 1, 2, 5];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilThresholdInvalid.selector, wrong[i], 4));
            new Council(_seats(4), wrong[i], REGULATOR, WINDOW);
        }
    }

    function test_constructor_badSeats_areRefused() public {
        ICouncil.Seat[] memory seats = _seats(4);
        seats[3].operator = seats[0].operator;
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilSeatTaken.selector, seats[0].operator, codes[3]));
        new Council(seats, 3, REGULATOR, WINDOW);
        seats = _seats(4);
        seats[3].region = codes[0];
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilSeatTaken.selector, seats[0].operator, codes[0]));
        new Council(seats, 3, REGULATOR, WINDOW);
        seats = _seats(4);
        seats[3].region = 34000;
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilRegionInvalid.selector, 34000));
        new Council(seats, 3, REGULATOR, WINDOW);
        seats = _seats(4);
        seats[3].operator = address(0);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilAddressMissing.selector));
        new Council(seats, 3, REGULATOR, WINDOW);
        seats = _seats(4);
        seats[3].operator = REGULATOR;
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilSeatTaken.selector, REGULATOR, codes[3]));
        new Council(seats, 3, REGULATOR, WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilAddressMissing.selector));
        new Council(_seats(4), 3, address(0), WINDOW);
        vm.expectRevert(
            abi.encodeWithSelector(ICouncil.CouncilWindowInvalid.selector, 15 days + 1, 15 days)
        );
        new Council(_seats(4), 3, REGULATOR, 15 days + 1);
    }

    // ---- deciding ----

    function test_decide_threeOfFourAndTheWindow_governsBothContracts() public {
        _decide(address(registry), abi.encodeCall(registry.setRegion, (310000, _operator(0), "https://sh.example")));
        assertEq(registry.region(310000).operator, _operator(0));
        _decide(address(anchors), abi.encodeCall(anchors.approve, (records, 310000, _operator(0), 1, 1)));
        _decide(address(anchors), abi.encodeCall(anchors.replaceAnchorKey, (records, _operator(1))));
        _decide(address(anchors), abi.encodeCall(anchors.addMirror, (0, _operator(2), 320000)));
        _decide(address(anchors), abi.encodeCall(anchors.pause, ()));
        _decide(address(anchors), abi.encodeCall(anchors.unpause, ()));
        _decide(address(registry), abi.encodeCall(registry.setVrfKey, (310000, records, 1, bytes32(uint256(1)))));
        _decide(address(registry), abi.encodeCall(registry.setCheckpointKey, (310000, records, 1, bytes32(uint256(2)))));
        _decide(address(anchors), abi.encodeCall(anchors.setSuccessor, (address(0x5))));
    }

    function test_execute_twoOfFour_revertsWithApprovalsMissing() public {
        uint256 number = _propose(0, address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        _approve(1, number);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilApprovalsMissing.selector, number, 2, 3));
        council.execute(number);
    }

    function test_approve_twiceByOneSeat_countsOnce() public {
        uint256 number = _propose(0, address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        for (uint256 i = 0; i < 5; ++i) {
            _approve(0, number);
        }
        assertEq(council.approvals(number), 1);
        assertEq(council.proposal(number).approvedAt, 0);
    }

    function test_execute_withinTheWindow_revertsWithWindowOpen() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        uint64 until = uint64(block.timestamp) + WINDOW;
        vm.warp(until - 1);
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilWindowOpen.selector, number, until));
        council.execute(number);
        vm.warp(until);
        vm.prank(_operator(0));
        council.execute(number);
    }

    function test_execute_pause_doesNotWait() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.pause, ()));
        vm.prank(_operator(3));
        council.execute(number);
    }

    function test_execute_callThatBeginsLikePause_waits() public {
        uint256 number =
            _approved(address(anchors), abi.encodePacked(IHeadAnchor.pause.selector, bytes32(uint256(1))));
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(ICouncil.CouncilWindowOpen.selector, number, uint64(block.timestamp) + WINDOW)
        );
        council.execute(number);
    }

    function test_withdraw_belowTheThreshold_beginsTheWindowAnew() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(2));
        council.withdraw(number);
        assertEq(council.proposal(number).approvedAt, 0);
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilApprovalsMissing.selector, number, 2, 3));
        council.execute(number);
        _approve(3, number);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(ICouncil.CouncilWindowOpen.selector, number, uint64(block.timestamp) + WINDOW)
        );
        council.execute(number);
    }

    function test_withdraw_withoutApproval_changesNothing() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        uint64 before = council.proposal(number).approvedAt;
        vm.prank(_operator(3));
        council.withdraw(number);
        assertEq(council.proposal(number).approvedAt, before);
        assertEq(council.approvals(number), 3);
    }

    function test_veto_beforeAndAfterTheWindow_endsTheProposalForGood() public {
        for (uint64 wait = 0; wait <= WINDOW; wait += WINDOW) {
            uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
            vm.warp(block.timestamp + wait);
            vm.prank(REGULATOR);
            council.veto(number);
            vm.warp(block.timestamp + WINDOW);
            bytes memory refusal = abi.encodeWithSelector(
                ICouncil.CouncilProposalNotOpen.selector, number, ICouncil.State.Vetoed
            );
            vm.prank(_operator(0));
            vm.expectRevert(refusal);
            council.execute(number);
            vm.prank(_operator(3));
            vm.expectRevert(refusal);
            council.approve(number);
        }
    }

    function test_execute_twice_revertsWithProposalNotOpen() public {
        uint256 number = _decide(address(anchors), abi.encodeCall(anchors.addMirror, (7, _operator(2), 320000)));
        bytes memory refusal =
            abi.encodeWithSelector(ICouncil.CouncilProposalNotOpen.selector, number, ICouncil.State.Executed);
        vm.prank(_operator(0));
        vm.expectRevert(refusal);
        council.execute(number);
        vm.prank(REGULATOR);
        vm.expectRevert(refusal);
        council.veto(number);
    }

    function test_proposal_afterItsLife_revertsWithProposalExpired() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        uint64 expiredAt = council.proposal(number).proposedAt + LIFETIME;
        vm.warp(expiredAt + 1);
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilProposalExpired.selector, number, expiredAt));
        council.execute(number);
        vm.warp(expiredAt);
        vm.prank(_operator(0));
        council.execute(number);
    }

    function test_anyFunction_unknownProposal_revertsWithProposalNotOpen() public {
        bytes memory refusal =
            abi.encodeWithSelector(ICouncil.CouncilProposalNotOpen.selector, 99, ICouncil.State.Unknown);
        vm.startPrank(_operator(0));
        vm.expectRevert(refusal);
        council.approve(99);
        vm.expectRevert(refusal);
        council.withdraw(99);
        vm.expectRevert(refusal);
        council.execute(99);
        vm.stopPrank();
        assertEq(uint256(council.proposal(99).state), uint256(ICouncil.State.Unknown));
    }

    function test_propose_targetWithoutCode_revertsWithTargetEmpty() public {
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTargetEmpty.selector, STRANGER));
        council.propose(_one(STRANGER, ""));
    }

    function test_execute_targetRefuses_carriesItsWordsAndStaysOpen() public {
        Fickle fickle = new Fickle();
        uint256 number = _approved(address(fickle), abi.encodeCall(fickle.refuse, (7)));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICouncil.CouncilCallFailed.selector, number, 0, abi.encodeWithSelector(Fickle.FickleRefused.selector, 7)
            )
        );
        council.execute(number);
        assertEq(uint256(council.proposal(number).state), uint256(ICouncil.State.Open));
    }

    function test_propose_noneOrTooManyCalls_revertsWithCallsInvalid() public {
        for (uint256 count = 0; count <= 65; count += 65) {
            vm.prank(_operator(0));
            vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilCallsInvalid.selector, count, 64));
            council.propose(new ICouncil.Call[](count));
        }
    }

    function test_execute_manyCalls_makesAllInOrderOrNone() public {
        ICouncil.Call[] memory calls = new ICouncil.Call[](3);
        calls[0] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.approve, (records, 310000, STRANGER, 1, 1)));
        calls[1] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.replaceAnchorKey, (records, _operator(1))));
        calls[2] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.addMirror, (3, _operator(2), 320000)));
        uint256 number = _carriedOut(calls);
        assertEq(uint256(council.proposal(number).state), uint256(ICouncil.State.Executed));
        assertEq(council.proposal(number).calls.length, 3);
        (address anchorKey,) = anchors.streamOf(records);
        assertEq(anchorKey, _operator(1));

        // The same again: the first of them fails, and nothing of the rest is done.
        calls[2] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.addMirror, (4, _operator(3), 340000)));
        (calls[0], calls[2]) = (calls[2], calls[0]);
        number = _approvedAll(calls);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICouncil.CouncilCallFailed.selector,
                number,
                2,
                abi.encodeWithSelector(IHeadAnchor.HeadAnchorVrfKeyNotIncreased.selector, records, 1, 1)
            )
        );
        council.execute(number);
        (address mirrorKey,) = anchors.mirror(4);
        assertEq(mirrorKey, address(0));
    }

    function test_execute_pauseAndMore_waits() public {
        ICouncil.Call[] memory calls = new ICouncil.Call[](2);
        calls[0] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.pause, ()));
        calls[1] = ICouncil.Call(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        uint256 number = _approvedAll(calls);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(ICouncil.CouncilWindowOpen.selector, number, uint64(block.timestamp) + WINDOW)
        );
        council.execute(number);
    }

    function test_replaceOperator_byRemovingAndAddingInOneProposal_keepsTheThreshold() public {
        ICouncil.Call[] memory calls = new ICouncil.Call[](2);
        calls[0] = ICouncil.Call(address(council), abi.encodeCall(council.removeSeat, (_operator(3))));
        calls[1] = ICouncil.Call(address(council), abi.encodeCall(council.addSeat, (340000, _operator(9))));
        _carriedOut(calls);
        assertEq(council.seats().length, 4);
        assertEq(council.threshold(), 3);
        _refused(_operator(3), abi.encodeCall(council.propose, (_one(address(anchors), ""))));
        vm.prank(_operator(9));
        council.propose(_one(address(anchors), ""));
    }

    function test_execute_targetThatComesBack_isNotCarriedOutTwice() public {
        Fickle fickle = new Fickle();
        uint256 number = council.proposalCount();
        _approved(address(fickle), abi.encodeCall(fickle.comeBack, (council, number)));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        (bool done,) = address(council).call(abi.encodeCall(council.execute, (number)));
        assertTrue(!done, "the call that comes back fails, and with it the whole");
        assertEq(fickle.calls(), 0);
    }

    // ---- roles ----

    function test_everyFunction_byEveryOtherRole_isRefused() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        vm.warp(block.timestamp + WINDOW);
        bytes[10] memory calls = [
            abi.encodeCall(council.propose, (_one(address(anchors), ""))),
            abi.encodeCall(council.approve, (number)),
            abi.encodeCall(council.withdraw, (number)),
            abi.encodeCall(council.execute, (number)),
            abi.encodeCall(council.veto, (number)),
            abi.encodeCall(council.addSeat, (350000, STRANGER)),
            abi.encodeCall(council.removeSeat, (_operator(0))),
            abi.encodeCall(council.setThreshold, (4)),
            abi.encodeCall(council.setRegulator, (STRANGER)),
            abi.encodeCall(council.setVetoWindow, (0))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            _refused(STRANGER, calls[i]);
            _refused(address(anchors), calls[i]);
            if (i != 4) _refused(REGULATOR, calls[i]);
            if (i >= 4) _refused(_operator(1), calls[i]);
        }
    }

    function test_ownerFunctions_ofBothContracts_areRefusedToEverySingleSeat() public {
        bytes[6] memory calls = [
            abi.encodeCall(anchors.approve, (records, 310000, STRANGER, 1, 1)),
            abi.encodeCall(anchors.addMirror, (0, STRANGER, 0)),
            abi.encodeCall(anchors.setSuccessor, (STRANGER)),
            abi.encodeCall(anchors.pause, ()),
            abi.encodeCall(anchors.unpause, ()),
            abi.encodeCall(anchors.transferOwnership, (STRANGER))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 seat = 0; seat < 4; ++seat) {
                vm.prank(_operator(seat));
                (bool done,) = address(anchors).call(calls[i]);
                assertTrue(!done, "a single seat governs nothing");
            }
        }
    }

    // ---- the Council itself ----

    function test_addSeat_fifthRegion_countsFromThenOn() public {
        _decide(address(council), abi.encodeCall(council.addSeat, (350000, _operator(4))));
        assertEq(council.seats().length, 5);
        uint256 number = _propose(4, address(anchors), abi.encodeCall(anchors.pause, ()));
        _approve(0, number);
        _approve(1, number);
        assertEq(council.approvals(number), 3);
    }

    function test_removeSeat_itsApprovalsCountNoMore() public {
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        _decideBut(2, address(council), abi.encodeCall(council.removeSeat, (_operator(0))));
        assertEq(council.approvals(number), 2);
        vm.prank(_operator(1));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilApprovalsMissing.selector, number, 2, 3));
        council.execute(number);
        _refused(_operator(0), abi.encodeCall(council.approve, (number)));
        assertEq(council.seats().length, 3);
        assertEq(council.seats()[0].operator, _operator(3));
    }

    function test_removeSeat_belowTheThreshold_isRefused() public {
        _decide(address(council), abi.encodeCall(council.removeSeat, (_operator(3))));
        uint256 number = _approved(address(council), abi.encodeCall(council.removeSeat, (_operator(2))));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICouncil.CouncilCallFailed.selector,
                number,
                0,
                abi.encodeWithSelector(ICouncil.CouncilThresholdInvalid.selector, 3, 2)
            )
        );
        council.execute(number);
    }

    function test_addSeat_thatMakesTheThresholdAHalf_isRefused() public {
        _decide(address(council), abi.encodeCall(council.addSeat, (350000, _operator(4))));
        uint256 number = _approved(address(council), abi.encodeCall(council.addSeat, (360000, _operator(5))));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICouncil.CouncilCallFailed.selector,
                number,
                0,
                abi.encodeWithSelector(ICouncil.CouncilThresholdInvalid.selector, 3, 6)
            )
        );
        council.execute(number);
    }

    function test_removeSeat_unknownOperator_isRefused() public {
        uint256 number = _approved(address(council), abi.encodeCall(council.removeSeat, (STRANGER)));
        vm.warp(block.timestamp + WINDOW);
        vm.prank(_operator(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICouncil.CouncilCallFailed.selector,
                number,
                0,
                abi.encodeWithSelector(ICouncil.CouncilSeatUnknown.selector, STRANGER)
            )
        );
        council.execute(number);
    }

    function test_setThresholdRegulatorAndWindow_byProposal_succeed() public {
        _decide(address(council), abi.encodeCall(council.setThreshold, (4)));
        assertEq(council.threshold(), 4);
        _decide(address(council), abi.encodeCall(council.setRegulator, (STRANGER)));
        assertEq(council.regulator(), STRANGER);
        _refused(REGULATOR, abi.encodeCall(council.veto, (0)));
        _decide(address(council), abi.encodeCall(council.setVetoWindow, (0)));
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.addMirror, (9, _operator(2), 320000)));
        _approve(3, number);
        vm.prank(_operator(0));
        council.execute(number);
    }

    function test_setThreshold_loweredLater_doesNotPassWhatWasNotEnough() public {
        _decide(address(council), abi.encodeCall(council.setThreshold, (4)));
        uint256 number = _approved(address(anchors), abi.encodeCall(anchors.setSuccessor, (STRANGER)));
        _decide(address(council), abi.encodeCall(council.setThreshold, (3)));
        vm.prank(_operator(0));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilApprovalsMissing.selector, number, 3, 3));
        council.execute(number);
    }

    // ---- inside ----

    function _seats(uint256 count) internal view returns (ICouncil.Seat[] memory made) {
        made = new ICouncil.Seat[](count);
        for (uint256 i = 0; i < count; ++i) {
            made[i] = ICouncil.Seat({operator: _operator(i), region: codes[i]});
        }
    }

    function _operator(uint256 seat) internal pure returns (address) {
        return address(uint160(0xA000 + seat));
    }

    function _propose(uint256 seat, address target, bytes memory data) internal returns (uint256) {
        vm.prank(_operator(seat));
        return council.propose(_one(target, data));
    }

    function _one(address target, bytes memory data) internal pure returns (ICouncil.Call[] memory calls) {
        calls = new ICouncil.Call[](1);
        calls[0] = ICouncil.Call({target: target, data: data});
    }

    function _approve(uint256 seat, uint256 number) internal {
        vm.prank(_operator(seat));
        council.approve(number);
    }

    function _approved(address target, bytes memory data) internal returns (uint256 number) {
        number = _propose(0, target, data);
        _approve(1, number);
        _approve(2, number);
    }

    function _approvedAll(ICouncil.Call[] memory calls) internal returns (uint256 number) {
        vm.prank(_operator(0));
        number = council.propose(calls);
        _approve(1, number);
        _approve(2, number);
    }

    function _carriedOut(ICouncil.Call[] memory calls) internal returns (uint256 number) {
        number = _approvedAll(calls);
        _carryOut(1, number);
    }

    /// @dev By all seats, so that it holds under every threshold.
    function _decide(address target, bytes memory data) internal returns (uint256 number) {
        number = _approved(target, data);
        if (council.seats().length > 3) _approve(3, number);
        _carryOut(1, number);
    }

    function _decideBut(uint256 first, address target, bytes memory data) internal {
        uint256 number = _propose(first, target, data);
        _approve(1, number);
        _approve(3, number);
        _carryOut(first, number);
    }

    function _carryOut(uint256 seat, uint256 number) internal {
        vm.warp(block.timestamp + council.vetoWindow());
        vm.prank(_operator(seat));
        council.execute(number);
    }

    function _refused(address caller, bytes memory call_) internal {
        vm.prank(caller);
        (bool done,) = address(council).call(call_);
        assertTrue(!done, "this role may not");
    }
}
