// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IHeadAnchor} from "./IHeadAnchor.sol";

/// @title The regions of the ledger: who runs them, where they answer, with which public keys
/// @notice A directory. A verifier takes keys from its trust root, never from here; nodes find each other here.
/// Governance (the owner) writes; the operator of a region may change that region's endpoint.
interface IRegionRegistry {
    /// @notice What is kept of a region.
    /// @param code GB/T 2260 code, six digits.
    /// @param operator Account that may change the endpoint.
    /// @param endpoint Address of the node's API, 1 to 256 printable ASCII characters without space.
    struct Region {
        uint32 code;
        address operator;
        string endpoint;
    }

    /// @notice An address is zero where one is needed.
    error RegionRegistryAddressMissing();

    /// @notice Not the six digits of a GB/T 2260 code.
    error RegionRegistryCodeInvalid(uint32 code);

    /// @notice No such region.
    error RegionRegistryRegionUnknown(uint32 code);

    /// @notice The caller does not operate this region.
    error RegionRegistryNotOperator(uint32 code, address operator, address caller);

    /// @notice An endpoint has 1 to `longest` bytes.
    error RegionRegistryEndpointLengthInvalid(uint256 length, uint256 longest);

    /// @notice An endpoint is printable ASCII without space.
    error RegionRegistryEndpointByteInvalid(uint256 position, bytes1 found);

    /// @notice The stream is not one of this region's.
    error RegionRegistryStreamNotOfRegion(bytes32 streamId, uint32 code);

    /// @notice Generations count from 1.
    error RegionRegistryVrfKeyNumberMissing();

    /// @notice A public key is zero.
    error RegionRegistryPublicKeyMissing();

    /// @notice The VRF key of a generation is fixed: what was derived with it cannot be derived again.
    error RegionRegistryVrfKeyFixed(bytes32 streamId, uint32 vrfKey, bytes32 stored, bytes32 given);

    /// @notice A registry without governance could not be corrected.
    error RegionRegistryOwnerRequired();

    /// @notice Governance added a region or changed its operator or endpoint.
    event RegionSet(uint32 indexed code, address indexed operator, string endpoint);

    /// @notice The operator changed its region's endpoint.
    event EndpointSet(uint32 indexed code, string endpoint);

    /// @notice Governance entered the VRF public key of a generation.
    event VrfKeySet(uint32 indexed code, bytes32 indexed streamId, uint32 indexed vrfKey, bytes32 publicKey);

    /// @notice Governance entered or replaced the checkpoint public key of a generation.
    event CheckpointKeySet(uint32 indexed code, bytes32 indexed streamId, uint32 indexed vrfKey, bytes32 publicKey);

    /// @notice Add a region, or change its operator and endpoint. Governance only.
    function setRegion(uint32 code, address operator, string calldata endpoint) external;

    /// @notice Change the endpoint of a region. Its operator only.
    function setEndpoint(uint32 code, string calldata endpoint) external;

    /// @notice Enter the VRF public key of a generation: once; the same again is accepted. Governance only.
    /// @param code The region.
    /// @param streamId One of the region's streams.
    /// @param vrfKey Number of the generation; at least 1.
    /// @param publicKey ECVRF-EDWARDS25519-SHA512-TAI public key (RFC 9381).
    function setVrfKey(uint32 code, bytes32 streamId, uint32 vrfKey, bytes32 publicKey) external;

    /// @notice Enter or replace the public key of a generation's checkpoints. Governance only.
    /// @dev Replaceable, unlike the VRF key: checkpoints are signed online and no evidence depends on them, so a leaked
    /// key must not cost a new generation. Events keep what was.
    /// @param code The region.
    /// @param streamId One of the region's streams.
    /// @param vrfKey Number of the generation; at least 1.
    /// @param publicKey Ed25519 public key (C2SP signed-note).
    function setCheckpointKey(uint32 code, bytes32 streamId, uint32 vrfKey, bytes32 publicKey) external;

    /// @notice The contract that holds the heads of these regions.
    function headAnchor() external view returns (IHeadAnchor);

    /// @notice Every region, in the order of entry.
    function regions() external view returns (Region[] memory);

    /// @notice One region; reverts when there is none.
    function region(uint32 code) external view returns (Region memory);

    /// @notice The VRF public key of a generation; zero when there is none.
    function vrfPublicKey(uint32 code, bytes32 streamId, uint32 vrfKey) external view returns (bytes32);

    /// @notice The checkpoint public key of a generation; zero when there is none.
    function checkpointPublicKey(uint32 code, bytes32 streamId, uint32 vrfKey) external view returns (bytes32);
}
