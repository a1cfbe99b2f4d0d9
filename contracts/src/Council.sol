// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StreamIds} from "./StreamIds.sol";
import {ICouncil} from "./interfaces/ICouncil.sol";
import {IHeadAnchor} from "./interfaces/IHeadAnchor.sol";

/// @title Council
/// @notice See {ICouncil}.
contract Council is ICouncil {
    /// @dev Counting approvals reads one word a seat.
    uint256 private constant _MOST_SEATS = 64;

    /// @dev Admitting a region takes eleven.
    uint256 private constant _MOST_CALLS = 64;

    /// @dev A proposal that was not carried out by then must be made again: who approves should know the day.
    uint64 private constant _LIFETIME = 30 days;

    /// @dev Leaves at least half of a proposal's life for carrying it out.
    uint64 private constant _LONGEST_WINDOW = 15 days;

    Seat[] private _seats;
    mapping(address operator => uint256 position) private _positions; // from 1; 0 has no seat

    uint256 private _threshold;
    address private _regulator;
    uint64 private _vetoWindow;

    Proposal[] private _proposals;
    mapping(uint256 number => mapping(address operator => bool)) private _approved;

    modifier onlySeated() {
        if (_positions[msg.sender] == 0) revert CouncilNotSeated(msg.sender);
        _;
    }

    modifier onlyItself() {
        if (msg.sender != address(this)) revert CouncilNotItself(msg.sender);
        _;
    }

    /// @param seats_ The first seats, one a region.
    /// @param threshold_ How many of them must approve.
    /// @param regulator_ Who may object.
    /// @param window How long the regulator has, seconds.
    constructor(Seat[] memory seats_, uint256 threshold_, address regulator_, uint64 window) {
        _setRegulator(regulator_);
        for (uint256 i = 0; i < seats_.length; ++i) {
            _addSeat(seats_[i].region, seats_[i].operator);
        }
        _setThreshold(threshold_);
        _setVetoWindow(window);
    }

    // ---- proposals ----

    /// @inheritdoc ICouncil
    function propose(Call[] calldata calls) external onlySeated returns (uint256 number) {
        if (calls.length == 0 || calls.length > _MOST_CALLS) revert CouncilCallsInvalid(calls.length, _MOST_CALLS);
        number = _proposals.length;
        Proposal storage one = _proposals.push();
        one.proposedAt = uint64(block.timestamp);
        one.state = State.Open;
        for (uint256 i = 0; i < calls.length; ++i) {
            if (calls[i].target.code.length == 0) revert CouncilTargetEmpty(calls[i].target);
            Call storage added = one.calls.push();
            added.target = calls[i].target;
            added.data = calls[i].data;
        }
        emit Proposed(number, msg.sender, calls);
        _approve(number, one);
    }

    /// @inheritdoc ICouncil
    function approve(uint256 number) external onlySeated {
        Proposal storage one = _open(number);
        if (!_approved[number][msg.sender]) _approve(number, one);
    }

    /// @inheritdoc ICouncil
    function withdraw(uint256 number) external onlySeated {
        Proposal storage one = _open(number);
        if (!_approved[number][msg.sender]) return;
        _approved[number][msg.sender] = false;
        if (approvals(number) < _threshold) one.approvedAt = 0;
        emit ApprovalWithdrawn(number, msg.sender);
    }

    /// @inheritdoc ICouncil
    function veto(uint256 number) external {
        if (msg.sender != _regulator) revert CouncilNotRegulator(_regulator, msg.sender);
        _open(number).state = State.Vetoed;
        emit Vetoed(number);
    }

    /// @inheritdoc ICouncil
    function execute(uint256 number) external onlySeated {
        Proposal storage one = _open(number);
        // Seats that were given up since do not count, and a threshold that was raised since does.
        uint256 count = approvals(number);
        if (count < _threshold || one.approvedAt == 0) revert CouncilApprovalsMissing(number, count, _threshold);
        if (!_isUrgent(one.calls)) {
            uint64 until = one.approvedAt + _vetoWindow;
            if (block.timestamp < until) revert CouncilWindowOpen(number, until);
        }
        // First: a call that comes back here finds it done.
        one.state = State.Executed;
        emit Executed(number, msg.sender);
        for (uint256 i = 0; i < one.calls.length; ++i) {
            (bool done, bytes memory answer) = one.calls[i].target.call(one.calls[i].data);
            if (!done) revert CouncilCallFailed(number, i, answer);
        }
    }

    // ---- the Council itself ----

    /// @inheritdoc ICouncil
    function addSeat(uint32 region, address operator) external onlyItself {
        _addSeat(region, operator);
        _checkThreshold(_threshold);
    }

    /// @inheritdoc ICouncil
    function removeSeat(address operator) external onlyItself {
        uint256 position = _positions[operator];
        if (position == 0) revert CouncilSeatUnknown(operator);
        Seat memory given = _seats[position - 1];
        Seat memory last = _seats[_seats.length - 1];
        _seats[position - 1] = last;
        _positions[last.operator] = position;
        delete _positions[operator];
        _seats.pop();
        _checkThreshold(_threshold);
        emit SeatRemoved(given.region, operator);
    }

    /// @inheritdoc ICouncil
    function setThreshold(uint256 threshold_) external onlyItself {
        _setThreshold(threshold_);
    }

    /// @inheritdoc ICouncil
    function setRegulator(address regulator_) external onlyItself {
        _setRegulator(regulator_);
    }

    /// @inheritdoc ICouncil
    function setVetoWindow(uint64 window) external onlyItself {
        _setVetoWindow(window);
    }

    // ---- views ----

    /// @inheritdoc ICouncil
    function seats() external view returns (Seat[] memory) {
        return _seats;
    }

    /// @inheritdoc ICouncil
    function threshold() external view returns (uint256) {
        return _threshold;
    }

    /// @inheritdoc ICouncil
    function regulator() external view returns (address) {
        return _regulator;
    }

    /// @inheritdoc ICouncil
    function vetoWindow() external view returns (uint64) {
        return _vetoWindow;
    }

    /// @inheritdoc ICouncil
    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    /// @inheritdoc ICouncil
    function proposal(uint256 number) external view returns (Proposal memory found) {
        if (number < _proposals.length) found = _proposals[number];
    }

    /// @inheritdoc ICouncil
    function approvals(uint256 number) public view returns (uint256 count) {
        for (uint256 i = 0; i < _seats.length; ++i) {
            if (_approved[number][_seats[i].operator]) ++count;
        }
    }

    /// @inheritdoc ICouncil
    function hasApproved(uint256 number, address operator) external view returns (bool) {
        return _approved[number][operator];
    }

    // ---- inside ----

    function _approve(uint256 number, Proposal storage one) internal {
        _approved[number][msg.sender] = true;
        emit Approved(number, msg.sender);
        if (one.approvedAt == 0 && approvals(number) >= _threshold) one.approvedAt = uint64(block.timestamp);
    }

    function _open(uint256 number) internal view returns (Proposal storage one) {
        if (number >= _proposals.length) revert CouncilProposalNotOpen(number, State.Unknown);
        one = _proposals[number];
        if (one.state != State.Open) revert CouncilProposalNotOpen(number, one.state);
        uint64 expiredAt = one.proposedAt + _LIFETIME;
        if (block.timestamp > expiredAt) revert CouncilProposalExpired(number, expiredAt);
    }

    function _isUrgent(Call[] storage calls) internal view returns (bool) {
        if (calls.length != 1) return false;
        bytes storage data = calls[0].data;
        return data.length == 4 && bytes4(data) == IHeadAnchor.pause.selector;
    }

    function _addSeat(uint32 region, address operator) internal {
        if (!StreamIds.isRegionCode(region)) revert CouncilRegionInvalid(region);
        if (operator == address(0)) revert CouncilAddressMissing();
        if (_positions[operator] != 0 || operator == _regulator) revert CouncilSeatTaken(operator, region);
        for (uint256 i = 0; i < _seats.length; ++i) {
            if (_seats[i].region == region) revert CouncilSeatTaken(_seats[i].operator, region);
        }
        if (_seats.length == _MOST_SEATS) revert CouncilSeatsTooMany(_seats.length + 1, _MOST_SEATS);
        _seats.push(Seat({operator: operator, region: region}));
        _positions[operator] = _seats.length;
        emit SeatAdded(region, operator);
    }

    function _setThreshold(uint256 threshold_) internal {
        _checkThreshold(threshold_);
        _threshold = threshold_;
        emit ThresholdSet(threshold_);
    }

    function _checkThreshold(uint256 threshold_) internal view {
        if (2 * threshold_ <= _seats.length || threshold_ > _seats.length) {
            revert CouncilThresholdInvalid(threshold_, _seats.length);
        }
    }

    function _setRegulator(address regulator_) internal {
        if (regulator_ == address(0)) revert CouncilAddressMissing();
        if (_positions[regulator_] != 0) revert CouncilSeatTaken(regulator_, 0);
        _regulator = regulator_;
        emit RegulatorSet(regulator_);
    }

    function _setVetoWindow(uint64 window) internal {
        if (window > _LONGEST_WINDOW) revert CouncilWindowInvalid(window, _LONGEST_WINDOW);
        _vetoWindow = window;
        emit VetoWindowSet(window);
    }
}
