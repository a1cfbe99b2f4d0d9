// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title The Council: the regions govern together, and the regulator may object
/// @notice Owns HeadAnchor and RegionRegistry. A region's operator proposes calls that belong together; when enough
/// operators have approved, the regulator has a window in which to veto them; then any operator carries them out, all
/// of them or none. One thing is not made to wait: pausing HeadAnchor, which only stops new heads. The Council changes
/// itself in no other way.
interface ICouncil {
    /// @notice A region's place.
    /// @param operator Account that proposes and approves for the region.
    /// @param region GB/T 2260 code, six digits.
    struct Seat {
        address operator;
        uint32 region;
    }

    /// @notice What has become of a proposal.
    enum State {
        Unknown,
        Open,
        Executed,
        Vetoed
    }

    /// @notice One call.
    /// @param target Contract to be called.
    /// @param data Selector and arguments.
    struct Call {
        address target;
        bytes data;
    }

    /// @notice Calls that the regions decide on together.
    /// @param proposedAt When they were proposed, seconds.
    /// @param approvedAt When the approvals last became enough, seconds; 0 while they are not.
    /// @param state What has become of them.
    /// @param calls What is called, in order.
    struct Proposal {
        uint64 proposedAt;
        uint64 approvedAt;
        State state;
        Call[] calls;
    }

    /// @notice The caller holds no seat.
    error CouncilNotSeated(address caller);

    /// @notice The caller is not the regulator.
    error CouncilNotRegulator(address regulator, address caller);

    /// @notice Only the Council itself changes this, by a proposal.
    error CouncilNotItself(address caller);

    /// @notice An address is zero where one is needed.
    error CouncilAddressMissing();

    /// @notice The operator, or the region, has a seat already, or the regulator would have one.
    error CouncilSeatTaken(address operator, uint32 region);

    /// @notice Nobody of this address has a seat.
    error CouncilSeatUnknown(address operator);

    /// @notice More seats than can be counted in one call.
    error CouncilSeatsTooMany(uint256 seats, uint256 most);

    /// @notice A threshold is more than half of the seats and at most all of them.
    error CouncilThresholdInvalid(uint256 threshold, uint256 seats);

    /// @notice A veto window is not longer than `longest`, or no proposal would live long enough.
    error CouncilWindowInvalid(uint64 window, uint64 longest);

    /// @notice Not the six digits of a GB/T 2260 code.
    error CouncilRegionInvalid(uint32 region);

    /// @notice The proposal is not open.
    error CouncilProposalNotOpen(uint256 number, State state);

    /// @notice The proposal is older than it may become.
    error CouncilProposalExpired(uint256 number, uint64 expiredAt);

    /// @notice Fewer seats than needed approve.
    error CouncilApprovalsMissing(uint256 number, uint256 approvals, uint256 threshold);

    /// @notice The regulator may still object.
    error CouncilWindowOpen(uint256 number, uint64 until);

    /// @notice A call of the proposal failed, and with it all of them; `answer` is what the target said.
    error CouncilCallFailed(uint256 number, uint256 position, bytes answer);

    /// @notice A proposal has 1 to `most` calls.
    error CouncilCallsInvalid(uint256 calls, uint256 most);

    /// @notice The target of a proposal has no code: the call would do nothing and look done.
    error CouncilTargetEmpty(address target);

    /// @notice A region's operator took a seat.
    event SeatAdded(uint32 indexed region, address indexed operator);

    /// @notice A seat was given up.
    event SeatRemoved(uint32 indexed region, address indexed operator);

    /// @notice So many seats must approve from now on.
    event ThresholdSet(uint256 threshold);

    /// @notice Somebody else may object from now on.
    event RegulatorSet(address indexed regulator);

    /// @notice The regulator has so many seconds from now on.
    event VetoWindowSet(uint64 window);

    /// @notice Calls were proposed.
    event Proposed(uint256 indexed number, address indexed operator, Call[] calls);

    /// @notice A seat approved.
    event Approved(uint256 indexed number, address indexed operator);

    /// @notice A seat took its approval back.
    event ApprovalWithdrawn(uint256 indexed number, address indexed operator);

    /// @notice The regulator objected, for good.
    event Vetoed(uint256 indexed number);

    /// @notice The calls were made.
    event Executed(uint256 indexed number, address indexed operator);

    /// @notice Proposes calls that are made together or not at all, and approves them.
    /// @return number By which the proposal is known from now on.
    function propose(Call[] calldata calls) external returns (uint256 number);

    /// @notice Approves a proposal; a repeat changes nothing.
    function approve(uint256 number) external;

    /// @notice Takes an approval back; if too few are left, the window begins anew with the next.
    function withdraw(uint256 number) external;

    /// @notice The regulator ends a proposal that was not carried out yet.
    function veto(uint256 number) external;

    /// @notice Makes the calls of a proposal that enough of today's seats approve and whose window is over.
    function execute(uint256 number) external;

    /// @notice Gives a region a seat.
    function addSeat(uint32 region, address operator) external;

    /// @notice Takes a seat away; the threshold must still be one.
    function removeSeat(address operator) external;

    /// @notice Sets how many seats must approve.
    function setThreshold(uint256 threshold_) external;

    /// @notice Sets who may object.
    function setRegulator(address regulator_) external;

    /// @notice Sets how long the regulator has, seconds.
    function setVetoWindow(uint64 window) external;

    /// @notice Every seat.
    function seats() external view returns (Seat[] memory);

    /// @notice How many seats must approve.
    function threshold() external view returns (uint256);

    /// @notice Who may object.
    function regulator() external view returns (address);

    /// @notice How long the regulator has, seconds.
    function vetoWindow() external view returns (uint64);

    /// @notice How many proposals there were; they are numbered from 0.
    function proposalCount() external view returns (uint256);

    /// @notice A proposal by its number.
    function proposal(uint256 number) external view returns (Proposal memory);

    /// @notice How many of today's seats approve a proposal.
    function approvals(uint256 number) external view returns (uint256);

    /// @notice Whether an account has approved a proposal.
    function hasApproved(uint256 number, address operator) external view returns (bool);
}
