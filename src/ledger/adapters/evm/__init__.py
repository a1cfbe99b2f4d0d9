"""The chain: JSON-RPC, contract ABI and signing, behind the ``Chain`` port."""
