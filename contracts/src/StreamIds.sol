// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The names of streams, as every party derives them
/// @notice stream id = keccak256("credit-ledger/stream/v1" || 0x00 || region || 0x00 || stream), where region is the six
/// ASCII digits of a GB/T 2260 code and stream one of the closed list `records`, `restricted`, `queries`.
library StreamIds {
    /// @notice Whether a number has the six digits of a GB/T 2260 code.
    function isRegionCode(uint32 region) internal pure returns (bool) {
        return region >= 100_000 && region <= 999_999;
    }

    /// @notice Whether a stream id is that of one of the three streams of a region.
    function belongsTo(bytes32 streamId, uint32 region) internal pure returns (bool) {
        return isRegionCode(region)
            && (streamId == derive(region, "records")
                || streamId == derive(region, "restricted")
                || streamId == derive(region, "queries"));
    }

    /// @notice The id of one stream of a region; `region` must have six digits.
    function derive(uint32 region, string memory stream) internal pure returns (bytes32) {
        bytes memory digits = new bytes(6);
        for (uint256 place = 6; place > 0; --place) {
            digits[place - 1] = bytes1(uint8(48 + (region % 10)));
            region /= 10;
        }
        return keccak256(abi.encodePacked("credit-ledger/stream/v1", bytes1(0), digits, bytes1(0), stream));
    }
}
