// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Council} from "../src/Council.sol";
import {ICouncil} from "../src/interfaces/ICouncil.sol";
import {Cheats} from "./Cheats.sol";

/// @notice A contract the Council governs: counts what it was told, per proposal.
contract Governed {
    address private immutable _OWNER;
    mapping(uint256 tag => uint256) public done;

    constructor(address owner) {
        _OWNER = owner;
    }

    function act(uint256 tag) external {
        require(msg.sender == _OWNER, "not the owner");
        ++done[tag];
    }
}

/// @notice Plays seats, regulator and strangers, and keeps a plain copy of who approved what. A call that takes effect
/// although the copy says that it may not, or the other way round, makes the handler revert, and with it the run.
contract CouncilHandler is Cheats {
    uint256 internal constant PEOPLE = 7; // 0 to 5 may hold seats, 6 is the regulator
    uint256 internal constant REGULATOR = 6;
    uint64 internal constant WINDOW = 1 days;
    uint64 internal constant LIFETIME = 30 days;

    /// @dev The copy of a proposal.
    struct Copy {
        uint64 proposedAt;
        uint64 enoughSince; // 0 while approvals were not enough
        bool ended;
        uint256 kind; // 0 acts, 1 adds a seat, 2 removes one, 3 sets the threshold
        uint256 value;
    }

    Council public immutable council;
    Governed public immutable governed;

    Copy[] private _copies;
    mapping(uint256 number => mapping(uint256 person => bool)) private _approved;
    bool[PEOPLE] private _seated;
    uint256 private _seats = 4;
    uint256 private _threshold = 3;

    // How often each thing was done, so that a run that tests nothing is seen.
    uint256 public executed;
    uint256 public vetoed;
    uint256 public refused;

    constructor() {
        ICouncil.Seat[] memory seats = new ICouncil.Seat[](4);
        for (uint256 i = 0; i < 4; ++i) {
            seats[i] = ICouncil.Seat({operator: person(i), region: _region(i)});
            _seated[i] = true;
        }
        council = new Council(seats, 3, person(REGULATOR), WINDOW);
        governed = new Governed(address(council));
    }

    function propose(uint256 who, uint256 kind, uint256 value) external {
        who = who % PEOPLE;
        kind = kind % 8 > 3 ? 0 : kind % 8;
        value = kind == 3 ? 1 + value % 6 : value % 6;
        ICouncil.Call[] memory calls = new ICouncil.Call[](1);
        calls[0] = _call(kind, value);
        vm.prank(person(who));
        try council.propose(calls) returns (uint256 number) {
            assertTrue(_seated[who], "only a seat proposes");
            assertEq(number, _copies.length);
            _copies.push(Copy(uint64(block.timestamp), 0, false, kind, value));
            _approve(number, who);
        } catch {
            assertTrue(!_seated[who], "a seat may propose");
            ++refused;
        }
    }

    function approve(uint256 who, uint256 which) external {
        if (_copies.length == 0) return;
        (who, which) = (who % PEOPLE, _recent(which));
        bool may = _seated[who] && _isOpen(which);
        vm.prank(person(who));
        try council.approve(which) {
            assertTrue(may, "only a seat approves, and only what is open");
            if (!_approved[which][who]) _approve(which, who);
        } catch {
            assertTrue(!may, "a seat may approve what is open");
            ++refused;
        }
    }

    function withdraw(uint256 who, uint256 which) external {
        if (_copies.length == 0) return;
        (who, which) = (who % PEOPLE, _recent(which));
        bool may = _seated[who] && _isOpen(which);
        vm.prank(person(who));
        try council.withdraw(which) {
            assertTrue(may, "only a seat withdraws, and only from what is open");
            if (!_approved[which][who]) return;
            _approved[which][who] = false;
            if (_approvals(which) < _threshold) _copies[which].enoughSince = 0;
        } catch {
            assertTrue(!may, "a seat may withdraw from what is open");
            ++refused;
        }
    }

    function veto(uint256 who, uint256 which) external {
        if (_copies.length == 0 || who % 8 > 1) return;
        (who, which) = (who % 2 == 0 ? REGULATOR : who % PEOPLE, _recent(which));
        bool may = who == REGULATOR && _isOpen(which);
        vm.prank(person(who));
        try council.veto(which) {
            assertTrue(may, "only the regulator vetoes, and only what is open");
            _copies[which].ended = true;
            ++vetoed;
        } catch {
            assertTrue(!may, "the regulator may veto what is open");
            ++refused;
        }
    }

    function execute(uint256 who, uint256 which) external {
        if (_copies.length == 0) return;
        (who, which) = (who % PEOPLE, _recent(which));
        Copy storage one = _copies[which];
        bool may = _seated[who] && _isOpen(which) && _approvals(which) >= _threshold && one.enoughSince != 0
            && block.timestamp >= one.enoughSince + WINDOW && _takesEffect(one.kind, one.value);
        vm.prank(person(who));
        try council.execute(which) {
            assertTrue(may, "only what enough approve, after the window");
            one.ended = true;
            _takeEffect(one.kind, one.value);
            ++executed;
        } catch {
            assertTrue(!may, "what enough approve can be carried out");
            ++refused;
        }
    }

    /// @dev Straight through, so that runs reach changed seats and thresholds often.
    function decide(uint256 kind, uint256 value) external {
        uint256 first = _firstSeat(0);
        this.propose(first, kind, value);
        uint256 number = _copies.length - 1;
        for (uint256 i = first + 1; i < REGULATOR; ++i) {
            if (_seated[i]) this.approve(i, 0);
        }
        vm.warp(block.timestamp + WINDOW);
        this.execute(first, 0);
        assertTrue(_copies.length == number + 1, "one proposal");
    }

    function wait(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % (WINDOW / 2));
    }

    function person(uint256 number) public pure returns (address) {
        return address(uint160(0xA000 + number));
    }

    function check() external view {
        assertEq(council.threshold(), _threshold);
        assertEq(council.regulator(), person(REGULATOR));
        assertEq(council.proposalCount(), _copies.length);
        ICouncil.Seat[] memory found = council.seats();
        assertEq(found.length, _seats);
        assertTrue(2 * _threshold > _seats && _threshold <= _seats, "a threshold is a majority");
        for (uint256 i = 0; i < found.length; ++i) {
            uint256 number = uint160(found[i].operator) - 0xA000;
            assertTrue(number < REGULATOR && _seated[number], "a seat of the copy");
            assertEq(found[i].region, _region(number));
        }
        uint256 acted;
        for (uint256 i = 0; i < _copies.length; ++i) {
            assertTrue(governed.done(i) <= 1, "carried out once at most");
            acted += governed.done(i);
            assertEq(council.approvals(i), _approvals(i));
        }
        assertTrue(acted <= executed, "nothing acts that was not carried out");
    }

    function _call(uint256 kind, uint256 value) private view returns (ICouncil.Call memory) {
        if (kind == 1) {
            return ICouncil.Call(address(council), abi.encodeCall(council.addSeat, (_region(value), person(value))));
        }
        if (kind == 2) return ICouncil.Call(address(council), abi.encodeCall(council.removeSeat, (person(value))));
        if (kind == 3) return ICouncil.Call(address(council), abi.encodeCall(council.setThreshold, (value)));
        return ICouncil.Call(address(governed), abi.encodeCall(governed.act, (_copies.length)));
    }

    function _approve(uint256 number, uint256 who) private {
        _approved[number][who] = true;
        Copy storage one = _copies[number];
        if (one.enoughSince == 0 && _approvals(number) >= _threshold) one.enoughSince = uint64(block.timestamp);
    }

    function _takesEffect(uint256 kind, uint256 value) private view returns (bool) {
        if (kind == 1) return !_seated[value] && 2 * _threshold > _seats + 1;
        if (kind == 2) return _seated[value] && _threshold <= _seats - 1;
        if (kind == 3) return 2 * value > _seats && value <= _seats;
        return true;
    }

    function _takeEffect(uint256 kind, uint256 value) private {
        if (kind == 1) (_seated[value], _seats) = (true, _seats + 1);
        if (kind == 2) (_seated[value], _seats) = (false, _seats - 1);
        if (kind == 3) _threshold = value;
    }

    /// @dev By today's seats, as the rules say.
    function _approvals(uint256 number) private view returns (uint256 count) {
        for (uint256 i = 0; i < REGULATOR; ++i) {
            if (_seated[i] && _approved[number][i]) ++count;
        }
    }

    function _isOpen(uint256 number) private view returns (bool) {
        Copy storage one = _copies[number];
        return !one.ended && block.timestamp <= one.proposedAt + LIFETIME;
    }

    /// @dev One of the last four.
    function _recent(uint256 which) private view returns (uint256) {
        uint256 back = which % 4;
        return back < _copies.length ? _copies.length - 1 - back : 0;
    }

    function _firstSeat(uint256 from) private view returns (uint256) {
        while (!_seated[from]) ++from;
        return from;
    }

    function _region(uint256 number) private pure returns (uint32) {
        return uint32(310000 + 10000 * number);
    }
}

contract CouncilInvariantsTest is Cheats {
    CouncilHandler private _handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new CouncilHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_seatsThresholdAndProposalsAreThoseTheRulesGive() public view {
        _handler.check();
    }
}
