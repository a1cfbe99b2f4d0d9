"""The consortium devnet: validators of a QBFT chain as plain processes on this machine."""
