"""A stream on paper: entries, log, lists and map, with everything that opens its items."""

import hashlib
from dataclasses import dataclass, field

from worlds.clock import entropy
from worlds.people import RandomBytes

from ledger.core import vrf
from ledger.core.chain.head_slots import Head
from ledger.core.evidence import OpenedItem
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import MapProof, prove, root
from ledger.core.records.event import PreparedEvent, prepare_drop, prepare_put
from ledger.core.records.record import Record
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.map_function import MapState
from ledger.core.stream.map_key import alpha, map_key

PUBLISHED_ON = "2026-10-15"


@dataclass
class PaperStream:
    """One region's stream of one generation.

    It does what a region may do, and what it may not: any entry can be appended, and
    ``forced`` puts any value under any key of the map.
    """

    region: str
    stream: str
    generation: int = 1
    entries: list[bytes] = field(default_factory=list)
    log: MerkleLog = field(default_factory=MerkleLog)
    state: MapState = field(default_factory=MapState)
    events: dict[int, PreparedEvent] = field(default_factory=dict)
    forced: dict[bytes, bytes | None] = field(default_factory=dict)
    random: RandomBytes = field(init=False)

    def __post_init__(self) -> None:
        seed = f"{self.region}/{self.stream}/{self.generation}".encode()
        self.secret = hashlib.sha256(b"vrf/" + seed).digest()
        self.random = entropy(int.from_bytes(hashlib.sha256(b"salts/" + seed).digest()[:8], "big"))
        self.append(opening_entry(self.region, self.stream, self.generation))

    @property
    def name(self) -> tuple[str, str]:
        return self.region, self.stream

    @property
    def public_key(self) -> bytes:
        return vrf.public_key(self.secret)

    # --- Keys

    def vrf_proof(self, record_type: str, subject: str) -> bytes:
        return vrf.prove(self.secret, alpha(self.region, self.stream, record_type, subject))

    def key(self, record_type: str, subject: str) -> bytes:
        return map_key(vrf.output(self.vrf_proof(record_type, subject)))

    # --- Entries

    def append(self, entry: bytes) -> int:
        index = self.log.append(hash_leaf(entry))
        self.entries.append(entry)
        self.state.apply(index, entry)
        return index

    def put(
        self, prepared: PreparedEvent, *, key: bytes | None = None, replaces: int | None = None
    ) -> int:
        """Put an event under its own key, or under any other."""
        if key is None:
            key = self.key(prepared.event["record_type"], prepared.event["subject"])
        index = self.append(encode_entry(Entry(prepared.commitment, key, "put", replaces)))
        self.events[index] = prepared
        return index

    def publish(self, record: Record, *, published_on: str = PUBLISHED_ON) -> int:
        return self.put(
            prepare_put(
                record,
                region=self.region,
                stream=self.stream,
                record_id=self.random(16).hex(),
                version=1,
                published_on=published_on,
                random=self.random,
            )
        )

    def amend(self, record: Record, index: int) -> int:
        before = self.events[index].event
        prepared = prepare_put(
            record,
            kind="amend",
            region=self.region,
            stream=self.stream,
            record_id=before["record_id"],
            version=before["version"] + 1,
            published_on=PUBLISHED_ON,
            random=self.random,
        )
        return self.put(prepared, replaces=index)

    def repair(self, index: int) -> int:
        before = self.events[index].event
        prepared = prepare_drop(
            "repair",
            region=self.region,
            stream=self.stream,
            record_type=before["record_type"],
            subject=before["subject"],
            record_id=before["record_id"],
            version=before["version"],
            issuer=before["issuer"],
            decided_on=PUBLISHED_ON,
            published_on=PUBLISHED_ON,
            basis=None,
            random=self.random,
        )
        key = self.key(before["record_type"], before["subject"])
        return self.append(encode_entry(Entry(prepared.commitment, key, "drop", index)))

    def drop(self, index: int) -> int:
        """Take an item out of its list, whatever the reason."""
        event = self.events[index].event
        key = self.key(event["record_type"], event["subject"])
        return self.append(encode_entry(Entry(self.random(32), key, "drop", index)))

    def fill(self, count: int) -> None:
        """Append entries of others: puts under keys nobody asks for."""
        for _ in range(count):
            self.append(encode_entry(Entry(self.random(32), self.random(32), "put", None)))

    def put_near(self, key: bytes, shared: int) -> bytes:
        """Put an item under a key that shares exactly the first ``shared`` bits with another."""
        flipped = int.from_bytes(key, "big") ^ 1 << (255 - shared)
        below = (1 << (255 - shared)) - 1
        value = flipped & ~below | int.from_bytes(self.random(32), "big") & below
        near = value.to_bytes(32, "big")
        self.append(encode_entry(Entry(self.random(32), near, "put", None)))
        return near

    # --- What it proves

    def items(self) -> dict[bytes, bytes]:
        """Key to value as the map has them."""
        honest = {key: self.state.value(key) for key in self.state.lists}
        return {key: value for key, value in (honest | self.forced).items() if value is not None}

    def pairs(self, record_type: str, subject: str) -> tuple[tuple[int, bytes], ...]:
        return tuple(self.state.lists.get(self.key(record_type, subject), ()))

    def map_proof(self, key: bytes) -> MapProof:
        return prove(self.items(), key)

    def opened(self, index: int) -> OpenedItem:
        """An item laid open with all its fields."""
        prepared = self.events[index]
        return OpenedItem(
            index=index,
            entry=self.entries[index],
            event=dict(prepared.event),
            salt=prepared.salt,
            disclosures=prepared.disclosures,
            path=self.log.inclusion_path(index, self.log.size),
        )

    def head(self, *, epoch: int, anchored_at: int) -> Head:
        return Head(
            size=self.log.size,
            epoch=epoch,
            anchored_at=anchored_at,
            map_function=1,
            vrf_key=self.generation,
            log_root=self.log.root(),
            map_root=root(self.items()),
        )
