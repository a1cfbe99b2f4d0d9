// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StreamIds} from "../src/StreamIds.sol";
import {Cheats} from "./Cheats.sol";

contract StreamIdsTest is Cheats {
    /// @dev The vectors of tests/vectors/stream-id.
    function test_derive_vectors_areThoseOfTheFormat() public pure {
        assertEq(
            StreamIds.derive(310000, "records"), 0xbce497234d52a809e9c725eba194dd64b7532158c181b19bd7c1d04c12d2ae63
        );
        assertEq(
            StreamIds.derive(320000, "restricted"), 0xb333ad5733a2f4f5f6f9d74cfc9c560218b04b90c1858624afb6876288a57d1f
        );
        assertEq(
            StreamIds.derive(340000, "queries"), 0x6402ecfbe72c5d930224ef814f210dea09b370805bfe8b58ec46b068816d07ab
        );
    }

    function test_belongsTo_closedListOnly_succeeds() public pure {
        string[3] memory streams = ["records", "restricted", "queries"];
        for (uint256 i = 0; i < streams.length; ++i) {
            assertTrue(StreamIds.belongsTo(StreamIds.derive(310105, streams[i]), 310105), streams[i]);
            assertTrue(!StreamIds.belongsTo(StreamIds.derive(310105, streams[i]), 310104), "another region's");
        }
        assertTrue(!StreamIds.belongsTo(StreamIds.derive(310105, "orders"), 310105), "not in the list");
        assertTrue(!StreamIds.belongsTo(0, 310105), "no stream");
    }

    function test_isRegionCode_sixDigitsOnly_succeeds() public pure {
        uint32[4] memory codes = [uint32(100_000), 999_999, 310_000, 310_105];
        for (uint256 i = 0; i < codes.length; ++i) {
            assertTrue(StreamIds.isRegionCode(codes[i]), "six digits");
        }
        uint32[4] memory others = [uint32(0), 99_999, 1_000_000, type(uint32).max];
        for (uint256 i = 0; i < others.length; ++i) {
            assertTrue(!StreamIds.isRegionCode(others[i]), "not six digits");
        }
    }
}
