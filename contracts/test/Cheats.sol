// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The commands of forge's test machine that these tests use.
interface Vm {
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectRevert(bytes calldata data) external;
    function expectEmit() external;
    function recordLogs() external;
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
    function mockCallRevert(address callee, bytes calldata data, bytes calldata answer) external;
    function clearMockedCalls() external;
    function snapshotState() external returns (uint256);
    function revertToState(uint256 snapshot) external returns (bool);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function getRecordedLogs() external returns (Log[] memory);

    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }
}

/// @notice Base of the tests: the machine's address and assertions that say both values.
abstract contract Cheats {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NumbersDiffer(uint256 expected, uint256 found);
    error WordsDiffer(bytes32 expected, bytes32 found);
    error AddressesDiffer(address expected, address found);
    error StringsDiffer(string expected, string found);
    error ConditionFalse(string what);

    function assertEq(uint256 found, uint256 expected) internal pure {
        if (found != expected) revert NumbersDiffer(expected, found);
    }

    function assertEq(bytes32 found, bytes32 expected) internal pure {
        if (found != expected) revert WordsDiffer(expected, found);
    }

    function assertEq(address found, address expected) internal pure {
        if (found != expected) revert AddressesDiffer(expected, found);
    }

    function assertEq(string memory found, string memory expected) internal pure {
        if (keccak256(bytes(found)) != keccak256(bytes(expected))) revert StringsDiffer(expected, found);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert ConditionFalse(what);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
