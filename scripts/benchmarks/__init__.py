"""Measurements of the ledger, one module a topic; see ``scripts/bench``."""
