// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {StreamIds} from "./StreamIds.sol";
import {IHeadAnchor} from "./interfaces/IHeadAnchor.sol";
import {IRegionRegistry} from "./interfaces/IRegionRegistry.sol";

/// @title RegionRegistry
/// @notice See {IRegionRegistry}.
contract RegionRegistry is IRegionRegistry, Ownable2Step {
    /// @dev Longest endpoint, in bytes: a name of 253 characters would not fit with its scheme, and nobody has one.
    uint256 private constant _LONGEST_ENDPOINT = 256;

    IHeadAnchor private immutable _HEAD_ANCHOR;

    uint32[] private _codes;
    mapping(uint32 code => Region) private _regions;
    mapping(uint32 code => mapping(bytes32 streamId => mapping(uint32 vrfKey => bytes32 publicKey))) private _vrfKeys;
    mapping(uint32 code => mapping(bytes32 streamId => mapping(uint32 vrfKey => bytes32 publicKey))) private
        _checkpointKeys;

    /// @param headAnchor_ The contract that holds the heads of these regions.
    /// @param owner_ Governance: the Council's address, or an account until there is a Council.
    constructor(IHeadAnchor headAnchor_, address owner_) Ownable(owner_) {
        if (address(headAnchor_) == address(0)) revert RegionRegistryAddressMissing();
        _HEAD_ANCHOR = headAnchor_;
    }

    /// @inheritdoc IRegionRegistry
    function setRegion(uint32 code, address operator, string calldata endpoint) external onlyOwner {
        if (!StreamIds.isRegionCode(code)) revert RegionRegistryCodeInvalid(code);
        if (operator == address(0)) revert RegionRegistryAddressMissing();
        _checkEndpoint(endpoint);
        if (_regions[code].code == 0) _codes.push(code);
        _regions[code] = Region({code: code, operator: operator, endpoint: endpoint});
        emit RegionSet(code, operator, endpoint);
    }

    /// @inheritdoc IRegionRegistry
    function setEndpoint(uint32 code, string calldata endpoint) external {
        address operator = _known(code).operator;
        if (msg.sender != operator) revert RegionRegistryNotOperator(code, operator, msg.sender);
        _checkEndpoint(endpoint);
        _regions[code].endpoint = endpoint;
        emit EndpointSet(code, endpoint);
    }

    /// @inheritdoc IRegionRegistry
    function setVrfKey(uint32 code, bytes32 streamId, uint32 vrfKey, bytes32 publicKey) external onlyOwner {
        _checkKey(code, streamId, vrfKey, publicKey);
        bytes32 stored = _vrfKeys[code][streamId][vrfKey];
        if (stored == publicKey) return;
        if (stored != 0) revert RegionRegistryVrfKeyFixed(streamId, vrfKey, stored, publicKey);
        _vrfKeys[code][streamId][vrfKey] = publicKey;
        emit VrfKeySet(code, streamId, vrfKey, publicKey);
    }

    /// @inheritdoc IRegionRegistry
    function setCheckpointKey(uint32 code, bytes32 streamId, uint32 vrfKey, bytes32 publicKey) external onlyOwner {
        _checkKey(code, streamId, vrfKey, publicKey);
        _checkpointKeys[code][streamId][vrfKey] = publicKey;
        emit CheckpointKeySet(code, streamId, vrfKey, publicKey);
    }

    /// @notice Governance cannot be given up, only handed over.
    function renounceOwnership() public view override onlyOwner {
        revert RegionRegistryOwnerRequired();
    }

    /// @inheritdoc IRegionRegistry
    function headAnchor() external view returns (IHeadAnchor) {
        return _HEAD_ANCHOR;
    }

    /// @inheritdoc IRegionRegistry
    function regions() external view returns (Region[] memory all) {
        uint256 count = _codes.length;
        all = new Region[](count);
        for (uint256 i = 0; i < count; ++i) {
            all[i] = _regions[_codes[i]];
        }
    }

    /// @inheritdoc IRegionRegistry
    function region(uint32 code) external view returns (Region memory) {
        return _known(code);
    }

    /// @inheritdoc IRegionRegistry
    function vrfPublicKey(uint32 code, bytes32 streamId, uint32 vrfKey) external view returns (bytes32) {
        return _vrfKeys[code][streamId][vrfKey];
    }

    /// @inheritdoc IRegionRegistry
    function checkpointPublicKey(uint32 code, bytes32 streamId, uint32 vrfKey) external view returns (bytes32) {
        return _checkpointKeys[code][streamId][vrfKey];
    }

    function _known(uint32 code) internal view returns (Region storage found) {
        found = _regions[code];
        if (found.code == 0) revert RegionRegistryRegionUnknown(code);
    }

    function _checkKey(uint32 code, bytes32 streamId, uint32 vrfKey, bytes32 publicKey) internal view {
        _known(code);
        if (!StreamIds.belongsTo(streamId, code)) revert RegionRegistryStreamNotOfRegion(streamId, code);
        if (vrfKey == 0) revert RegionRegistryVrfKeyNumberMissing();
        if (publicKey == 0) revert RegionRegistryPublicKeyMissing();
    }

    /// @dev Other nodes connect to what stands here: no control characters, no second line, nothing invisible.
    function _checkEndpoint(string calldata endpoint) internal pure {
        bytes calldata text = bytes(endpoint);
        if (text.length == 0 || text.length > _LONGEST_ENDPOINT) {
            revert RegionRegistryEndpointLengthInvalid(text.length, _LONGEST_ENDPOINT);
        }
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] < 0x21 || text[i] > 0x7e) revert RegionRegistryEndpointByteInvalid(i, text[i]);
        }
    }
}
