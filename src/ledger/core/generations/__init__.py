"""A stream's change of generation, as somebody else checks it: statement and comparison."""

from ledger.core.generations.comparison import Comparison, Finding, LogEnd, TailEntry, compare
from ledger.core.generations.statement import (
    ItemOpening,
    Statement,
    TailOpening,
    encode_item,
    encode_statement,
    encode_tail,
    parse_item,
    parse_statement,
    parse_tail,
)

__all__ = [
    "Comparison",
    "Finding",
    "ItemOpening",
    "LogEnd",
    "Statement",
    "TailEntry",
    "TailOpening",
    "compare",
    "encode_item",
    "encode_statement",
    "encode_tail",
    "parse_item",
    "parse_statement",
    "parse_tail",
]
