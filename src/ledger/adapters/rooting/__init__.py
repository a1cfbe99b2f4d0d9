"""Reads from a chain what a trust root says of it: agreed by a majority, sealed, and proved."""

from ledger.adapters.rooting.entered import read_entered
from ledger.adapters.rooting.sealers import Sealers, read_sealers
from ledger.adapters.rooting.standing import Standing, read_standing, show_addresses

__all__ = ["Sealers", "Standing", "read_entered", "read_sealers", "read_standing", "show_addresses"]
