"""The embedded development chain: anvil, kept alive and in order by a small supervisor.

One unsealed node on the loopback interface. It behaves like the QBFT chain towards a client
(Berlin EVM, gas price 0, a block a second, ``eth_getProof``) but proves nothing about consensus.
"""
