// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {ConsistencyProof} from "./ConsistencyProof.sol";
import {StreamIds} from "./StreamIds.sol";
import {IHeadAnchor} from "./interfaces/IHeadAnchor.sol";

/// @title HeadAnchor
/// @notice See {IHeadAnchor}.
/// @dev Evidence is proofs of storage, so the layout of `_heads`, `_confirmations` and `_status` is a format: changing
/// it changes what verifiers read. There is no proxy: evidence must not change under an address.
contract HeadAnchor is IHeadAnchor, Ownable2Step {
    /// @dev Three words: the numbers packed low to high, the log's root, the map's root.
    struct Head {
        uint64 size; // entries in the log; at least 1 once open
        uint64 epoch; // heads so far, over all generations
        uint64 anchoredAt; // block time in seconds
        uint32 mapFunction; // map function and hash suite
        uint32 vrfKey; // generation
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    /// @dev One word, low to high.
    struct Status {
        address successor;
        State state;
    }

    /// @dev One word.
    struct Stream {
        address anchorKey;
        uint32 region; // GB/T 2260
    }

    /// @dev One word. Usable while its vrfKey is above that of the head.
    struct Approval {
        address anchorKey;
        uint32 vrfKey;
        uint32 mapFunction;
    }

    /// @dev One word.
    struct Mirror {
        address key;
        uint32 region; // GB/T 2260, or 0
    }

    /// @dev One word. `known` tells mirror number 0 from no mirror.
    struct MirrorSeat {
        uint32 number;
        uint32 region;
        bool known;
    }

    /// @dev Added to the epoch in the lane of a mirror that contradicts.
    uint64 private constant _CONTRADICTS = 1 << 63;

    /// @dev Part of the runtime code, so that a proof of the code hash is a proof of the chain.
    uint256 private immutable _CHAIN_ID = block.chainid;

    mapping(bytes32 streamId => Head) private _heads;
    /// @dev Mirror n has lane n mod 4, low to high, of word n / 4.
    mapping(bytes32 streamId => mapping(uint256 wordIndex => uint256 lanes)) private _confirmations;
    Status private _status;
    mapping(bytes32 streamId => Stream) private _streams;
    mapping(bytes32 streamId => Approval) private _approvals;
    mapping(uint32 number => Mirror) private _mirrors;
    mapping(address key => MirrorSeat) private _mirrorSeats;

    /// @dev The same signed call must not count on a chain that copied this one's state.
    modifier onOwnChain() {
        if (block.chainid != _CHAIN_ID) revert HeadAnchorWrongChain(_CHAIN_ID, block.chainid);
        _;
    }

    modifier notSuperseded() {
        address successor = _status.successor;
        if (successor != address(0)) revert HeadAnchorSuperseded(successor);
        _;
    }

    /// @param owner_ Governance: the Council's address, or an account until there is a Council.
    constructor(address owner_) Ownable(owner_) {
        _status = Status({successor: address(0), state: State.Running});
    }

    // ---- governance ----

    /// @inheritdoc IHeadAnchor
    function approve(bytes32 streamId, uint32 region, address anchorKey, uint32 vrfKey, uint32 mapFunction)
        external
        onlyOwner
        notSuperseded
    {
        // The region decides which mirrors count as others, so it is proved, not believed.
        if (!StreamIds.belongsTo(streamId, region)) revert HeadAnchorStreamNotOfRegion(streamId, region);
        if (anchorKey == address(0)) revert HeadAnchorKeyMissing();
        if (mapFunction == 0) revert HeadAnchorMapFunctionMissing();
        uint32 approved = _approvals[streamId].vrfKey;
        if (vrfKey <= approved) revert HeadAnchorVrfKeyNotIncreased(streamId, approved, vrfKey);

        _approvals[streamId] = Approval({anchorKey: anchorKey, vrfKey: vrfKey, mapFunction: mapFunction});
        if (_heads[streamId].epoch == 0) _streams[streamId] = Stream({anchorKey: anchorKey, region: region});
        emit StreamApproved(streamId, region, anchorKey, vrfKey, mapFunction);
    }

    /// @inheritdoc IHeadAnchor
    function replaceAnchorKey(bytes32 streamId, address anchorKey) external onlyOwner {
        if (anchorKey == address(0)) revert HeadAnchorKeyMissing();
        address oldKey = _streams[streamId].anchorKey;
        if (oldKey == address(0)) revert HeadAnchorStreamNotApproved(streamId);
        _streams[streamId].anchorKey = anchorKey;
        _approvals[streamId].anchorKey = anchorKey;
        emit AnchorKeyReplaced(streamId, oldKey, anchorKey);
    }

    /// @inheritdoc IHeadAnchor
    function addMirror(uint32 number, address key, uint32 region) external onlyOwner {
        if (key == address(0)) revert HeadAnchorKeyMissing();
        if (region != 0 && !StreamIds.isRegionCode(region)) revert HeadAnchorMirrorRegionInvalid(region);
        address holder = _mirrors[number].key;
        if (holder != address(0)) revert HeadAnchorMirrorNumberTaken(number, holder);
        MirrorSeat storage seat = _mirrorSeats[key];
        if (seat.known) revert HeadAnchorMirrorKeyTaken(key, seat.number);

        _mirrors[number] = Mirror({key: key, region: region});
        _mirrorSeats[key] = MirrorSeat({number: number, region: region, known: true});
        emit MirrorAdded(number, key, region);
    }

    /// @inheritdoc IHeadAnchor
    function setSuccessor(address successor) external onlyOwner notSuperseded {
        if (successor == address(0) || successor == address(this)) revert HeadAnchorSuccessorInvalid(successor);
        _status.successor = successor;
        emit SuccessorSet(successor);
    }

    /// @inheritdoc IHeadAnchor
    function pause() external onlyOwner {
        _changeState(State.Paused);
    }

    /// @inheritdoc IHeadAnchor
    function unpause() external onlyOwner {
        _changeState(State.Running);
    }

    /// @notice Governance cannot be given up, only handed over.
    function renounceOwnership() public view override onlyOwner {
        revert HeadAnchorOwnerRequired();
    }

    // ---- the region's node ----

    /// @inheritdoc IHeadAnchor
    function open(
        bytes32 streamId,
        uint64 expectedEpoch,
        uint32 vrfKey,
        uint32 mapFunction,
        uint64 size,
        bytes32 logRoot,
        bytes32 mapRoot
    ) external onOwnChain notSuperseded {
        Head storage stored = _heads[streamId];
        uint64 epoch = stored.epoch;
        _takeApproval(streamId, stored.vrfKey, vrfKey, mapFunction);
        if (epoch != expectedEpoch) revert HeadAnchorEpochMismatch(streamId, epoch, expectedEpoch);
        if (size == 0) revert HeadAnchorSizeMissing();
        if (logRoot == 0) revert HeadAnchorLogRootMissing();

        // At this point: the caller may open this generation and has seen the head that it replaces.
        ++epoch;
        _heads[streamId] = Head({
            size: size,
            epoch: epoch,
            anchoredAt: uint64(block.timestamp),
            mapFunction: mapFunction,
            vrfKey: vrfKey,
            logRoot: logRoot,
            mapRoot: mapRoot
        });
        emit HeadOpened(streamId, epoch, vrfKey, mapFunction, size, logRoot, mapRoot);
    }

    /// @inheritdoc IHeadAnchor
    function anchor(
        bytes32 streamId,
        uint64 oldSize,
        uint64 newSize,
        bytes32 logRoot,
        bytes32 mapRoot,
        bytes32[] calldata proof
    ) external onOwnChain notSuperseded {
        if (_status.state != State.Running) revert HeadAnchorPaused();
        address anchorKey = _streams[streamId].anchorKey;
        if (msg.sender != anchorKey) revert HeadAnchorNotAnchorKey(streamId, anchorKey, msg.sender);
        if (oldSize == 0 || newSize <= oldSize) revert HeadAnchorSizeNotIncreased(streamId, oldSize, newSize);

        Head storage stored = _heads[streamId];
        uint64 size = stored.size;
        if (size == 0) revert HeadAnchorStreamNotOpen(streamId);
        bytes32 storedLogRoot = stored.logRoot;
        if (newSize == size) {
            bytes32 storedMapRoot = stored.mapRoot;
            // The reply to an earlier call was lost: the caller may ask again.
            if (logRoot == storedLogRoot && mapRoot == storedMapRoot) return;
            revert HeadAnchorFork(streamId, size, storedLogRoot, logRoot, storedMapRoot, mapRoot);
        }
        if (oldSize != size) revert HeadAnchorSizeMismatch(streamId, size, oldSize);
        ConsistencyProof.verify(oldSize, newSize, storedLogRoot, logRoot, proof);

        // At this point: the new log begins with every entry of the stored one.
        uint64 epoch = stored.epoch + 1;
        stored.size = newSize;
        stored.epoch = epoch;
        stored.anchoredAt = uint64(block.timestamp);
        stored.logRoot = logRoot;
        stored.mapRoot = mapRoot;
        emit HeadAnchored(streamId, epoch, newSize, logRoot, mapRoot);
    }

    // ---- mirrors ----

    /// @inheritdoc IHeadAnchor
    function confirm(bytes32 streamId, uint64 epoch, bytes32 mapRoot) external onOwnChain {
        MirrorSeat memory seat = _mirrorSeats[msg.sender];
        if (!seat.known) revert HeadAnchorNotMirror(msg.sender);
        Stream memory stream = _streams[streamId];
        // An account that is both a mirror and this stream's anchor key would agree with itself, whatever its region.
        if (seat.region == stream.region || msg.sender == stream.anchorKey) {
            revert HeadAnchorOwnRegion(streamId, stream.region, msg.sender);
        }
        uint64 current = _heads[streamId].epoch;
        if (current == 0) revert HeadAnchorStreamNotOpen(streamId);
        if (epoch > current) revert HeadAnchorEpochAhead(streamId, current, epoch);
        if (epoch < current) return;

        bytes32 anchored = _heads[streamId].mapRoot;
        if (mapRoot == anchored) {
            _setLane(streamId, seat.number, epoch);
            emit MapConfirmed(streamId, epoch, seat.number);
        } else {
            _setLane(streamId, seat.number, epoch + _CONTRADICTS);
            emit MapContradicted(streamId, epoch, seat.number, anchored, mapRoot);
        }
    }

    // ---- views ----

    /// @inheritdoc IHeadAnchor
    function head(bytes32 streamId)
        external
        view
        returns (
            uint64 size,
            uint64 epoch,
            uint64 anchoredAt,
            uint32 mapFunction,
            uint32 vrfKey,
            bytes32 logRoot,
            bytes32 mapRoot
        )
    {
        Head memory stored = _heads[streamId];
        return (
            stored.size,
            stored.epoch,
            stored.anchoredAt,
            stored.mapFunction,
            stored.vrfKey,
            stored.logRoot,
            stored.mapRoot
        );
    }

    /// @inheritdoc IHeadAnchor
    function streamOf(bytes32 streamId) external view returns (address anchorKey, uint32 region) {
        Stream memory stream = _streams[streamId];
        return (stream.anchorKey, stream.region);
    }

    /// @inheritdoc IHeadAnchor
    function approval(bytes32 streamId)
        external
        view
        returns (address anchorKey, uint32 vrfKey, uint32 mapFunction, bool usable)
    {
        Approval memory approved = _approvals[streamId];
        usable = approved.vrfKey > _heads[streamId].vrfKey && _status.successor == address(0);
        return (approved.anchorKey, approved.vrfKey, approved.mapFunction, usable);
    }

    /// @inheritdoc IHeadAnchor
    function mirror(uint32 number) external view returns (address key, uint32 region) {
        Mirror memory found = _mirrors[number];
        return (found.key, found.region);
    }

    /// @inheritdoc IHeadAnchor
    function lane(bytes32 streamId, uint32 mirrorNumber) external view returns (uint64) {
        return uint64(_confirmations[streamId][mirrorNumber / 4] >> _laneShift(mirrorNumber));
    }

    /// @inheritdoc IHeadAnchor
    function status() external view returns (address successor, State state) {
        return (_status.successor, _status.state);
    }

    /// @inheritdoc IHeadAnchor
    function chainId() external view returns (uint256) {
        return _CHAIN_ID;
    }

    // ---- internal ----

    function _changeState(State state) internal {
        if (_status.state == state) revert HeadAnchorStateUnchanged(state);
        _status.state = state;
        emit StateChanged(state);
    }

    /// @dev Checks that the caller may open this generation now, and makes it the stream's anchor key. The approval is
    /// used up by the head, whose vrfKey is not below it any more.
    function _takeApproval(bytes32 streamId, uint32 currentVrfKey, uint32 vrfKey, uint32 mapFunction) internal {
        Approval memory approved = _approvals[streamId];
        if (approved.vrfKey == 0) revert HeadAnchorStreamNotApproved(streamId);
        if (msg.sender != approved.anchorKey) {
            revert HeadAnchorNotAnchorKey(streamId, approved.anchorKey, msg.sender);
        }
        if (approved.vrfKey == currentVrfKey) revert HeadAnchorApprovalUsed(streamId, currentVrfKey);
        if (vrfKey != approved.vrfKey || mapFunction != approved.mapFunction) {
            revert HeadAnchorApprovalMismatch(streamId, approved.vrfKey, vrfKey, approved.mapFunction, mapFunction);
        }
        address oldKey = _streams[streamId].anchorKey;
        if (oldKey == approved.anchorKey) return;
        _streams[streamId].anchorKey = approved.anchorKey;
        emit AnchorKeyReplaced(streamId, oldKey, approved.anchorKey);
    }

    function _setLane(bytes32 streamId, uint32 mirrorNumber, uint64 value) internal {
        uint256 shift = _laneShift(mirrorNumber);
        uint256 lanes = _confirmations[streamId][mirrorNumber / 4];
        uint256 others = lanes & ~(uint256(type(uint64).max) << shift);
        _confirmations[streamId][mirrorNumber / 4] = others | (uint256(value) << shift);
    }

    function _laneShift(uint32 mirrorNumber) internal pure returns (uint256) {
        return 64 * uint256(mirrorNumber % 4);
    }
}
