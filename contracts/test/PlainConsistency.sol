// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The consistency check as the standard words it
/// @notice Oracle of `src/ConsistencyProof.sol`; never deployed. The step numbers are those of the standard.
/// Source: RFC 9162, section 2.1.4.2.
library PlainConsistency {
    function isConsistent(
        uint256 first,
        uint256 second,
        bytes32 firstHash,
        bytes32 secondHash,
        bytes32[] memory consistencyPath
    ) internal pure returns (bool) {
        if (first == 0 || second <= first) return false;
        // 1. An empty path fails.
        if (consistencyPath.length == 0) return false;
        // 2. A first size that is a power of 2 has its root before the path.
        bytes32[] memory path = _isPowerOfTwo(first) ? _prepend(firstHash, consistencyPath) : consistencyPath;
        // 3. and 4.
        uint256 fn = first - 1;
        uint256 sn = second - 1;
        while (fn & 1 == 1) {
            fn >>= 1;
            sn >>= 1;
        }
        // 5.
        bytes32 fr = path[0];
        bytes32 sr = path[0];
        // 6.
        for (uint256 i = 1; i < path.length; ++i) {
            bytes32 c = path[i];
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                fr = hashChildren(c, fr);
                sr = hashChildren(c, sr);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                sr = hashChildren(sr, c);
            }
            fn >>= 1;
            sn >>= 1;
        }
        // 7.
        return fr == firstHash && sr == secondHash && sn == 0;
    }

    function hashChildren(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    function _isPowerOfTwo(uint256 number) private pure returns (bool) {
        return number & (number - 1) == 0;
    }

    function _prepend(bytes32 node, bytes32[] memory path) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](path.length + 1);
        longer[0] = node;
        for (uint256 i = 0; i < path.length; ++i) {
            longer[i + 1] = path[i];
        }
    }
}
