"""Bringing heads to the chain: signed once, sent until known, compared with what the chain says."""

from ledger.services.anchoring.anchoring import Anchoring, AnchorKey

__all__ = ["AnchorKey", "Anchoring"]
