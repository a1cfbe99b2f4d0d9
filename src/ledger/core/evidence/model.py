"""Evidence as values, member by member the JSON of docs/formats.md, "Evidence"."""

from dataclasses import dataclass

from ledger.core.prefix_tree import MapProof

COMPLETE = "complete"
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the evidence says it proves.

    ``count`` is set for ``complete`` (0 is absence), ``record_id`` for ``current``.
    """

    kind: str
    region: str
    stream: str
    record_type: str
    subject: str
    count: int | None = None
    record_id: str | None = None

    @property
    def is_absence(self) -> bool:
        """True for ``complete`` with no items: only the key's absence from the map proves it."""
        return self.kind == COMPLETE and self.count == 0


@dataclass(frozen=True, slots=True)
class WholeList:
    """Every (log index, leaf hash) of the key's list, ascending."""

    pairs: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class OneOfList:
    """One pair of the key's list with its place and RFC 9162 inclusion path."""

    count: int
    position: int
    pair: tuple[int, bytes]
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OpenedItem:
    """An item of the list laid open: its entry, event, salt and disclosures, and its log path."""

    index: int
    entry: bytes
    event: dict[str, object]
    salt: bytes
    disclosures: tuple[str, ...]
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChainProof:
    """Block M: its header and every trie node the proofs at M need, each once, ascending."""

    chain_id: int
    block_hash: bytes
    header: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One self-contained proof; ``confirmation_words`` is None where the member is null.

    ``authority`` and ``consent`` hold whatever object stands there; their formats are not part of
    version 1 of this module, so anything but None makes the verdict UNSUPPORTED.
    """

    claim: Claim
    vrf_proof: bytes
    map_proof: MapProof
    items: WholeList | OneOfList | None
    opened: tuple[OpenedItem, ...]
    chain: ChainProof
    confirmation_words: tuple[int, ...] | None = None
    authority: dict[str, object] | None = None
    consent: dict[str, object] | None = None
