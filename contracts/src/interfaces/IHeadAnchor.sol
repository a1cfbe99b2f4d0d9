// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Heads of the regions' streams, and who has confirmed them
/// @notice A stream is an append-only log (RFC 9162) and a verifiable map built from it. Per stream the contract keeps
/// the newest head of both, forbids rollbacks, forks and gaps, and keeps which mirrors rebuilt the same map. Evidence
/// consists of Merkle proofs of three storage words per stream, the confirmation words and the status word.
///
/// Who may do what: governance (the owner) approves streams, replaces anchor keys, adds mirrors, pauses, names the
/// successor. The anchor key of a stream opens generations and anchors heads. Mirrors confirm.
///
/// While paused: no `anchor`; `open` stays possible, because a new generation is the cure of a poisoned log. With a
/// successor: no `approve`, no `open`, no `anchor`, for good. `confirm` writes about heads that stand and is never
/// closed.
interface IHeadAnchor {
    /// @notice The two values of the status word's `state`.
    /// @param Unset Never stored: the word is written in the constructor and an absent word must not read as running.
    /// @param Running Heads can be anchored.
    /// @param Paused Heads cannot be anchored.
    enum State {
        Unset,
        Running,
        Paused
    }

    /// @notice The chain of the immutable is not the chain of this block: a copy of the state runs elsewhere.
    error HeadAnchorWrongChain(uint256 expected, uint256 actual);

    /// @notice Another contract has taken over; this one keeps what it has and takes no more heads.
    error HeadAnchorSuperseded(address successor);

    /// @notice Governance has paused anchoring.
    error HeadAnchorPaused();

    /// @notice The state is already the one asked for.
    error HeadAnchorStateUnchanged(State state);

    /// @notice The successor is none: zero or this contract.
    error HeadAnchorSuccessorInvalid(address successor);

    /// @notice A stream id is not that of one of the three streams of this region.
    error HeadAnchorStreamNotOfRegion(bytes32 streamId, uint32 region);

    /// @notice A key is the zero address.
    error HeadAnchorKeyMissing();

    /// @notice A generation's number only rises: `vrfKey` must be above `approvedVrfKey`.
    error HeadAnchorVrfKeyNotIncreased(bytes32 streamId, uint32 approvedVrfKey, uint32 vrfKey);

    /// @notice Map functions count from 1; 0 is that of a stream without a head.
    error HeadAnchorMapFunctionMissing();

    /// @notice Governance has approved nothing for this stream.
    error HeadAnchorStreamNotApproved(bytes32 streamId);

    /// @notice The caller is not the key that may write to this stream.
    error HeadAnchorNotAnchorKey(bytes32 streamId, address anchorKey, address caller);

    /// @notice What is opened is not what was approved.
    error HeadAnchorApprovalMismatch(
        bytes32 streamId, uint32 approvedVrfKey, uint32 vrfKey, uint32 approvedMapFunction, uint32 mapFunction
    );

    /// @notice The approval has been used: one approval, one opening.
    error HeadAnchorApprovalUsed(bytes32 streamId, uint32 vrfKey);

    /// @notice Compare-and-swap on the epoch failed.
    error HeadAnchorEpochMismatch(bytes32 streamId, uint64 storedEpoch, uint64 expectedEpoch);

    /// @notice A log has at least its opening entry.
    error HeadAnchorSizeMissing();

    /// @notice No log has the zero hash for a root.
    error HeadAnchorLogRootMissing();

    /// @notice The stream has no head yet.
    error HeadAnchorStreamNotOpen(bytes32 streamId);

    /// @notice A log only grows: `newSize` must be above `oldSize`, and that at least 1.
    error HeadAnchorSizeNotIncreased(bytes32 streamId, uint64 oldSize, uint64 newSize);

    /// @notice Compare-and-swap on the size failed: a rollback, a gap or a head that another call has overtaken.
    error HeadAnchorSizeMismatch(bytes32 streamId, uint64 storedSize, uint64 oldSize);

    /// @notice Another head of the size that is stored: a fork.
    error HeadAnchorFork(
        bytes32 streamId, uint64 size, bytes32 storedLogRoot, bytes32 logRoot, bytes32 storedMapRoot, bytes32 mapRoot
    );

    /// @notice A mirror's number is given once and never again.
    error HeadAnchorMirrorNumberTaken(uint32 number, address key);

    /// @notice A key is one mirror only.
    error HeadAnchorMirrorKeyTaken(address key, uint32 number);

    /// @notice A mirror's region is neither a GB/T 2260 code nor 0 (the regulator: no region).
    error HeadAnchorMirrorRegionInvalid(uint32 region);

    /// @notice The caller is no mirror.
    error HeadAnchorNotMirror(address caller);

    /// @notice Nobody confirms its own region's streams.
    error HeadAnchorOwnRegion(bytes32 streamId, uint32 region, address caller);

    /// @notice The epoch has not been reached.
    error HeadAnchorEpochAhead(bytes32 streamId, uint64 storedEpoch, uint64 epoch);

    /// @notice A ledger without governance could not be paused, cured or succeeded.
    error HeadAnchorOwnerRequired();

    /// @notice Governance approved a stream or a new generation of it.
    event StreamApproved(
        bytes32 indexed streamId, uint32 indexed region, address anchorKey, uint32 vrfKey, uint32 mapFunction
    );

    /// @notice Governance replaced the key that may write to a stream.
    event AnchorKeyReplaced(bytes32 indexed streamId, address oldKey, address newKey);

    /// @notice Governance added a mirror.
    event MirrorAdded(uint32 indexed number, address indexed key, uint32 indexed region);

    /// @notice The first head of a stream or of a new generation of it is stored.
    event HeadOpened(
        bytes32 indexed streamId,
        uint64 indexed epoch,
        uint32 vrfKey,
        uint32 mapFunction,
        uint64 size,
        bytes32 logRoot,
        bytes32 mapRoot
    );

    /// @notice A head is stored that extends the one before.
    event HeadAnchored(bytes32 indexed streamId, uint64 indexed epoch, uint64 size, bytes32 logRoot, bytes32 mapRoot);

    /// @notice A mirror rebuilt the map of the newest head and found the same root.
    event MapConfirmed(bytes32 indexed streamId, uint64 indexed epoch, uint32 indexed mirrorNumber);

    /// @notice Alarm: a mirror rebuilt the map of the newest head and found another root.
    event MapContradicted(
        bytes32 indexed streamId,
        uint64 indexed epoch,
        uint32 indexed mirrorNumber,
        bytes32 anchoredMapRoot,
        bytes32 rebuiltMapRoot
    );

    /// @notice Governance named the contract that takes over.
    event SuccessorSet(address indexed successor);

    /// @notice Governance paused or resumed anchoring.
    event StateChanged(State state);

    /// @notice Approve a stream, or a new generation of it. Governance only.
    /// @dev The anchor key may open once. A first approval makes it the stream's key at once; a later one only when it
    /// opens, so that the present generation is never without a key. An approval that was not used is replaced by the
    /// next one.
    /// @param streamId keccak256("credit-ledger/stream/v1" || 0x00 || region || 0x00 || stream), of this region.
    /// @param region GB/T 2260 code, six digits.
    /// @param anchorKey Account of the region's node.
    /// @param vrfKey Number of the generation and of its VRF key; above every one approved before, so at least 1.
    /// @param mapFunction Number of the map function and hash suite; at least 1.
    function approve(bytes32 streamId, uint32 region, address anchorKey, uint32 vrfKey, uint32 mapFunction) external;

    /// @notice Replace a lost or stolen anchor key; from here on only the new key writes, also for an approval that is
    /// still open. Governance only.
    function replaceAnchorKey(bytes32 streamId, address anchorKey) external;

    /// @notice Add a mirror. Governance only.
    /// @param number Fixes the lane of its confirmations; never used before.
    /// @param key Account of the mirror; no other mirror's.
    /// @param region GB/T 2260 code, or 0 for the regulator, who belongs to no region.
    function addMirror(uint32 number, address key, uint32 region) external;

    /// @notice Name the contract that takes over. Once, and for good. Governance only.
    /// @dev WARNING: there is no way back, and the address is not examined beyond being neither zero nor this contract.
    function setSuccessor(address successor) external;

    /// @notice Stop anchoring. Governance only.
    function pause() external;

    /// @notice Resume anchoring. Governance only.
    function unpause() external;

    /// @notice Store the first head of a stream or of a new generation of it; once per approval, by the approved key.
    /// @dev All or nothing: the old generation's head stands until this call replaces it.
    /// @param streamId The stream.
    /// @param expectedEpoch The epoch of the head that stands, 0 when there is none.
    /// @param vrfKey As approved.
    /// @param mapFunction As approved.
    /// @param size Number of entries of the new log; at least 1.
    /// @param logRoot Merkle tree hash of the new log (RFC 9162, section 2.1.1); not zero.
    /// @param mapRoot Root of its map; zero for an empty one.
    function open(
        bytes32 streamId,
        uint64 expectedEpoch,
        uint32 vrfKey,
        uint32 mapFunction,
        uint64 size,
        bytes32 logRoot,
        bytes32 mapRoot
    ) external;

    /// @notice Store a head that extends the stored one; by the anchor key.
    /// @dev A call that would store what is stored returns quietly and changes nothing, anchoredAt and epoch included.
    /// @param streamId The stream.
    /// @param oldSize The stored size; at least 1.
    /// @param newSize Number of entries of the log now; above oldSize.
    /// @param logRoot Merkle tree hash of the log now.
    /// @param mapRoot Root of its map; zero for an empty one.
    /// @param proof Consistency proof from oldSize to newSize (RFC 9162, section 2.1.4), of exactly the length the sizes
    /// call for.
    function anchor(
        bytes32 streamId,
        uint64 oldSize,
        uint64 newSize,
        bytes32 logRoot,
        bytes32 mapRoot,
        bytes32[] calldata proof
    ) external;

    /// @notice Say which map root the caller's own replay of the log gives at an epoch; by a mirror of another region.
    /// @dev Newest epoch: the same root sets the mirror's lane to the epoch, another sets epoch + 2^63 and raises the
    /// alarm; a later call with the same root clears it. A past epoch returns quietly: a head was anchored meanwhile. A
    /// future one reverts.
    function confirm(bytes32 streamId, uint64 epoch, bytes32 mapRoot) external;

    /// @notice The newest head of a stream; all zero when it has none.
    /// @return size Number of entries of the log.
    /// @return epoch Counts the heads of the stream from 1, over all generations.
    /// @return anchoredAt Time of the block that stored it, Unix seconds.
    /// @return mapFunction Number of the map function and hash suite.
    /// @return vrfKey Number of the generation and of its VRF key.
    /// @return logRoot Merkle tree hash of the log.
    /// @return mapRoot Root of the map; zero for an empty one.
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
        );

    /// @notice Who may anchor heads of a stream, and whose it is; zero when it was never approved.
    function streamOf(bytes32 streamId) external view returns (address anchorKey, uint32 region);

    /// @notice The last approval of a stream, and whether it can still be used.
    function approval(bytes32 streamId)
        external
        view
        returns (address anchorKey, uint32 vrfKey, uint32 mapFunction, bool usable);

    /// @notice A mirror by its number; the zero key when there is none.
    function mirror(uint32 number) external view returns (address key, uint32 region);

    /// @notice The lane of a mirror: the epoch it confirmed last, or that plus 2^63 where it contradicts.
    function lane(bytes32 streamId, uint32 mirrorNumber) external view returns (uint64);

    /// @notice The status word.
    function status() external view returns (address successor, State state);

    /// @notice The chain that this code serves.
    function chainId() external view returns (uint256);
}
