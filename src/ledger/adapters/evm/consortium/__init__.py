"""Reading a sealed chain through several validators, none of which is believed."""

from ledger.adapters.evm.consortium.chain import ConsortiumChain
from ledger.adapters.evm.consortium.sealed import Fork

__all__ = ["ConsortiumChain", "Fork"]
