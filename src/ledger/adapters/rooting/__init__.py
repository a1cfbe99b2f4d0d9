"""Reads from a chain what a trust root says of it: agreed by a majority, sealed, and proved."""

from ledger.adapters.rooting.entered import read_entered

__all__ = ["read_entered"]
