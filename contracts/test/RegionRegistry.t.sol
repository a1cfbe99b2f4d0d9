// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeadAnchor} from "../src/HeadAnchor.sol";
import {RegionRegistry} from "../src/RegionRegistry.sol";
import {StreamIds} from "../src/StreamIds.sol";
import {IHeadAnchor} from "../src/interfaces/IHeadAnchor.sol";
import {IRegionRegistry} from "../src/interfaces/IRegionRegistry.sol";
import {Cheats} from "./Cheats.sol";

contract RegionRegistryTest is Cheats {
    uint32 private constant SHANGHAI = 310000;
    uint32 private constant ANHUI = 340000;
    string private constant ENDPOINT = "https://ledger.sh.example/v1";
    address private constant GOVERNANCE = address(0xB001);
    address private constant OPERATOR = address(0xB002);
    address private constant STRANGER = address(0xB003);

    HeadAnchor private _anchors;
    RegionRegistry private _registry;
    bytes32 private _records;

    function setUp() public {
        _anchors = new HeadAnchor(GOVERNANCE);
        _registry = new RegionRegistry(_anchors, GOVERNANCE);
        _records = StreamIds.derive(SHANGHAI, "records");
        vm.prank(GOVERNANCE);
        _registry.setRegion(SHANGHAI, OPERATOR, ENDPOINT);
    }

    function test_constructor_keepsTheHeadAnchor() public view {
        assertEq(address(_registry.headAnchor()), address(_anchors));
        assertEq(_registry.owner(), GOVERNANCE);
    }

    function test_constructor_zeroHeadAnchor_revertsWithAddressMissing() public {
        _expect(IRegionRegistry.RegionRegistryAddressMissing.selector, "");
        new RegionRegistry(IHeadAnchor(address(0)), GOVERNANCE);
    }

    // ---- regions ----

    function test_setRegion_new_succeeds() public {
        vm.expectEmit();
        emit IRegionRegistry.RegionSet(ANHUI, STRANGER, "http://127.0.0.1:8000");
        vm.prank(GOVERNANCE);
        _registry.setRegion(ANHUI, STRANGER, "http://127.0.0.1:8000");
        _assertRegion(_registry.region(ANHUI), ANHUI, STRANGER, "http://127.0.0.1:8000");
        IRegionRegistry.Region[] memory all = _registry.regions();
        assertEq(all.length, 2);
        _assertRegion(all[0], SHANGHAI, OPERATOR, ENDPOINT);
        _assertRegion(all[1], ANHUI, STRANGER, "http://127.0.0.1:8000");
    }

    function test_setRegion_known_changesItInPlace() public {
        vm.prank(GOVERNANCE);
        _registry.setRegion(SHANGHAI, STRANGER, "https://other.example");
        assertEq(_registry.regions().length, 1);
        _assertRegion(_registry.regions()[0], SHANGHAI, STRANGER, "https://other.example");
    }

    function test_setRegion_codeNotSixDigits_revertsWithCodeInvalid() public {
        uint32[3] memory codes = [uint32(0), 99_999, 1_000_000];
        for (uint256 i = 0; i < codes.length; ++i) {
            _expect(IRegionRegistry.RegionRegistryCodeInvalid.selector, abi.encode(codes[i]));
            vm.prank(GOVERNANCE);
            _registry.setRegion(codes[i], OPERATOR, ENDPOINT);
        }
    }

    function test_setRegion_zeroOperator_revertsWithAddressMissing() public {
        _expect(IRegionRegistry.RegionRegistryAddressMissing.selector, "");
        vm.prank(GOVERNANCE);
        _registry.setRegion(ANHUI, address(0), ENDPOINT);
    }

    function test_setRegion_endpointLength_isOneToTheLimit() public {
        vm.startPrank(GOVERNANCE);
        _registry.setRegion(ANHUI, OPERATOR, _text(256));
        assertEq(_registry.region(ANHUI).endpoint, _text(256));
        _registry.setRegion(ANHUI, OPERATOR, "x");
        _expect(IRegionRegistry.RegionRegistryEndpointLengthInvalid.selector, abi.encode(257, 256));
        _registry.setRegion(ANHUI, OPERATOR, _text(257));
        _expect(IRegionRegistry.RegionRegistryEndpointLengthInvalid.selector, abi.encode(0, 256));
        _registry.setRegion(ANHUI, OPERATOR, "");
    }

    function test_setEndpoint_everyByte_isPrintableAsciiOrRefused() public {
        for (uint256 byte_ = 0; byte_ < 256; ++byte_) {
            bytes1 one = bytes1(uint8(byte_));
            bool printable = byte_ > 32 && byte_ < 127;
            if (!printable) {
                _expect(IRegionRegistry.RegionRegistryEndpointByteInvalid.selector, abi.encode(7, one));
            }
            vm.prank(OPERATOR);
            _registry.setEndpoint(SHANGHAI, string.concat("http://", string(bytes.concat(one))));
        }
    }

    function test_setEndpoint_operator_succeeds() public {
        vm.expectEmit();
        emit IRegionRegistry.EndpointSet(SHANGHAI, "https://moved.example");
        vm.prank(OPERATOR);
        _registry.setEndpoint(SHANGHAI, "https://moved.example");
        _assertRegion(_registry.region(SHANGHAI), SHANGHAI, OPERATOR, "https://moved.example");
    }

    function test_setEndpoint_tooLong_revertsWithEndpointLengthInvalid() public {
        _expect(IRegionRegistry.RegionRegistryEndpointLengthInvalid.selector, abi.encode(257, 256));
        vm.prank(OPERATOR);
        _registry.setEndpoint(SHANGHAI, _text(257));
    }

    function test_fuzz_setEndpoint_notOperator_revertsWithNotOperator(address caller) public {
        if (caller == OPERATOR) return;
        _expect(IRegionRegistry.RegionRegistryNotOperator.selector, abi.encode(SHANGHAI, OPERATOR, caller));
        vm.prank(caller);
        _registry.setEndpoint(SHANGHAI, ENDPOINT);
    }

    function test_setEndpoint_formerOperator_revertsWithNotOperator() public {
        vm.prank(GOVERNANCE);
        _registry.setRegion(SHANGHAI, STRANGER, ENDPOINT);
        _expect(IRegionRegistry.RegionRegistryNotOperator.selector, abi.encode(SHANGHAI, STRANGER, OPERATOR));
        vm.prank(OPERATOR);
        _registry.setEndpoint(SHANGHAI, ENDPOINT);
    }

    function test_setEndpoint_unknownRegion_revertsWithRegionUnknown() public {
        _expect(IRegionRegistry.RegionRegistryRegionUnknown.selector, abi.encode(ANHUI));
        vm.prank(OPERATOR);
        _registry.setEndpoint(ANHUI, ENDPOINT);
    }

    function test_region_unknown_revertsWithRegionUnknown() public {
        _expect(IRegionRegistry.RegionRegistryRegionUnknown.selector, abi.encode(ANHUI));
        _registry.region(ANHUI);
    }

    // ---- keys ----

    function test_setVrfKey_once_succeedsAndStays() public {
        vm.startPrank(GOVERNANCE);
        vm.expectEmit();
        emit IRegionRegistry.VrfKeySet(SHANGHAI, _records, 1, "key");
        _registry.setVrfKey(SHANGHAI, _records, 1, "key");
        assertEq(_registry.vrfPublicKey(SHANGHAI, _records, 1), "key");

        vm.recordLogs();
        _registry.setVrfKey(SHANGHAI, _records, 1, "key");
        assertEq(vm.getRecordedLogs().length, 0);
        _expect(
            IRegionRegistry.RegionRegistryVrfKeyFixed.selector,
            abi.encode(_records, 1, bytes32("key"), bytes32("other"))
        );
        _registry.setVrfKey(SHANGHAI, _records, 1, "other");
        _registry.setVrfKey(SHANGHAI, _records, 2, "other");
        assertEq(_registry.vrfPublicKey(SHANGHAI, _records, 1), "key");
        assertEq(_registry.vrfPublicKey(SHANGHAI, _records, 2), "other");
    }

    function test_setCheckpointKey_again_replacesIt() public {
        vm.startPrank(GOVERNANCE);
        _registry.setCheckpointKey(SHANGHAI, _records, 1, "key");
        vm.expectEmit();
        emit IRegionRegistry.CheckpointKeySet(SHANGHAI, _records, 1, "other");
        _registry.setCheckpointKey(SHANGHAI, _records, 1, "other");
        assertEq(_registry.checkpointPublicKey(SHANGHAI, _records, 1), "other");
        assertEq(_registry.vrfPublicKey(SHANGHAI, _records, 1), 0);
    }

    function test_setKeys_unknownRegion_revertWithRegionUnknown() public {
        _expectBoth(ANHUI, _records, 1, "key", IRegionRegistry.RegionRegistryRegionUnknown.selector, abi.encode(ANHUI));
    }

    function test_setKeys_streamOfOtherRegion_revertWithStreamNotOfRegion() public {
        bytes32 foreign = StreamIds.derive(ANHUI, "records");
        _expectBoth(
            SHANGHAI,
            foreign,
            1,
            "key",
            IRegionRegistry.RegionRegistryStreamNotOfRegion.selector,
            abi.encode(foreign, SHANGHAI)
        );
    }

    function test_setKeys_generationZero_revertWithVrfKeyNumberMissing() public {
        _expectBoth(SHANGHAI, _records, 0, "key", IRegionRegistry.RegionRegistryVrfKeyNumberMissing.selector, "");
    }

    function test_setKeys_zeroKey_revertWithPublicKeyMissing() public {
        _expectBoth(SHANGHAI, _records, 1, 0, IRegionRegistry.RegionRegistryPublicKeyMissing.selector, "");
    }

    // ---- governance ----

    function test_fuzz_governance_byAnyoneElse_reverts(address caller) public {
        if (caller == GOVERNANCE) return;
        bytes[5] memory calls = [
            abi.encodeCall(IRegionRegistry.setRegion, (ANHUI, caller, ENDPOINT)),
            abi.encodeCall(IRegionRegistry.setVrfKey, (SHANGHAI, _records, 1, "key")),
            abi.encodeCall(IRegionRegistry.setCheckpointKey, (SHANGHAI, _records, 1, "key")),
            abi.encodeWithSignature("renounceOwnership()"),
            abi.encodeWithSignature("transferOwnership(address)", caller)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(caller);
            (bool done, bytes memory reason) = address(_registry).call(calls[i]);
            assertTrue(!done, "refused");
            assertEq(
                keccak256(reason), keccak256(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller))
            );
        }
    }

    function test_renounceOwnership_revertsWithOwnerRequired() public {
        _expect(IRegionRegistry.RegionRegistryOwnerRequired.selector, "");
        vm.prank(GOVERNANCE);
        _registry.renounceOwnership();
    }

    function test_transferOwnership_takesTwoSteps() public {
        vm.prank(GOVERNANCE);
        _registry.transferOwnership(STRANGER);
        assertEq(_registry.owner(), GOVERNANCE);
        vm.prank(STRANGER);
        _registry.acceptOwnership();
        assertEq(_registry.owner(), STRANGER);
    }

    function _expectBoth(
        uint32 code,
        bytes32 streamId,
        uint32 vrfKey,
        bytes32 publicKey,
        bytes4 selector,
        bytes memory values
    ) private {
        vm.startPrank(GOVERNANCE);
        _expect(selector, values);
        _registry.setVrfKey(code, streamId, vrfKey, publicKey);
        _expect(selector, values);
        _registry.setCheckpointKey(code, streamId, vrfKey, publicKey);
        vm.stopPrank();
    }

    function _assertRegion(IRegionRegistry.Region memory found, uint32 code, address operator, string memory endpoint)
        private
        pure
    {
        assertEq(found.code, code);
        assertEq(found.operator, operator);
        assertEq(found.endpoint, endpoint);
    }

    function _text(uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "x";
        }
        return string(text);
    }

    function _expect(bytes4 selector, bytes memory values) private {
        vm.expectRevert(bytes.concat(selector, values));
    }
}
