"""Logs of other regions on paper, anchored on a chain in memory, and a mirror of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from worlds.chain import CODE, HEAD_ANCHOR, SLOTS, ChainTwin, address_of
from worlds.clock import StandingClock

from ledger.adapters.sql import open_store
from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.chain.keccak import keccak256
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.prefix_tree import root as map_root_of
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.core.stream.map_function import MapState
from ledger.core.stream.tiles import Bundle, Tile
from ledger.core.trust import Confirmation, Contract, Mirror, TrustRoot
from ledger.errors import RegionUnavailableError
from ledger.services.mirror import ChainKey, Mirroring
from ledger.services.mirror.status import SourceStatus
from ledger.services.onchain import MirrorEntry
from ledger.services.ports.mirroring import LogName

OWN, NEXT, OTHER = "310000", "320000", "330000"
SECRET = b"\x51" * 32
SEAT = 5


class PaperRegion:
    """One region's log and what its node hands out of it."""

    def __init__(self, region: str, chain: ChainTwin, generation: int = 1) -> None:
        self.region = region
        self.chain = chain
        self.chance = random.Random(region)
        self.is_down = False
        self.served: Callable[[int, bytes], bytes] = lambda index, entry: entry
        """What it hands out in place of an entry."""
        self.asked = 0
        """Bundles handed out."""
        self.epoch = 0
        self.begin(generation)

    def begin(self, generation: int) -> None:
        """A new generation: the log starts anew."""
        self.generation = generation
        self.entries = [opening_entry(self.region, "records", generation)]

    def put(self, count: int = 1, key: bytes | None = None) -> None:
        """Append entries of fresh keys, or of one key."""
        for _ in range(count):
            event = self.chance.randbytes(32)
            self.add(Entry(event, key or self.chance.randbytes(32), "put", None))

    def add(self, entry: Entry | bytes) -> None:
        self.entries.append(entry if isinstance(entry, bytes) else encode_entry(entry))

    def log_root(self) -> bytes:
        return root_hash([hash_leaf(entry) for entry in self.entries])

    def map_root(self, leave_out: bytes | None = None) -> bytes:
        """The map's root by its definition, not by the tree that mirrors keep."""
        state, keys = MapState(), set()
        for index, entry in enumerate(self.entries):
            key = state.apply(index, entry)
            if key is not None:
                keys.add(key)
        values = {key: value for key in keys if (value := state.value(key)) is not None}
        values.pop(leave_out or b"", None)
        return map_root_of(values)

    def anchor(self, **changes: object) -> Head:
        """Write the head of everything so far on chain and seal a block."""
        self.epoch += 1
        head = Head(
            size=len(self.entries),
            epoch=self.epoch,
            anchored_at=1,
            map_function=1,
            vrf_key=self.generation,
            log_root=self.log_root(),
            map_root=self.map_root(),
        )
        head = replace(head, **changes)  # type: ignore[arg-type]
        self.chain.set_head(stream_id(self.region, "records"), head)
        self.chain.mine()
        return head

    def lane(self, number: int = SEAT) -> int:
        return self.chain.fetch_lane(stream_id(self.region, "records"), number)


class PaperSource:
    """Hands out what the regions' nodes would, or what ``in_place_of`` makes of it."""

    def __init__(self, regions: Sequence[PaperRegion]) -> None:
        self.regions = {one.region: one for one in regions}

    def fetch_bundle(self, log: LogName, bundle: Bundle, *, seat: int) -> tuple[bytes, ...]:
        assert seat == SEAT
        region = self._region(log)
        region.asked += 1
        start = bundle.index * 256
        entries = region.entries[start : start + bundle.width]
        assert len(entries) == bundle.width
        return tuple(region.served(start + i, entry) for i, entry in enumerate(entries))

    def fetch_tile(self, log: LogName, tile: Tile) -> tuple[bytes, ...]:
        region = self._region(log)
        assert tile.level == 1
        hashes = []
        for place in range(tile.index * 256, tile.index * 256 + tile.width):
            entries = region.entries[place * 256 : (place + 1) * 256]
            assert len(entries) == 256
            served = [region.served(place * 256 + i, entry) for i, entry in enumerate(entries)]
            hashes.append(root_hash([hash_leaf(entry) for entry in served]))
        return tuple(hashes)

    def _region(self, log: LogName) -> PaperRegion:
        region = self.regions[log.region]
        if region.is_down:
            raise RegionUnavailableError(log.region, "down")
        return region


class MirrorWorld:
    """A mirror of two regions that can be killed and started again over its database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StandingClock()
        self.key = ChainKey(address_of(SECRET), SECRET)
        self.chain = ChainTwin(lambda: self.clock.now().timestamp())
        self.chain.mirrors[SEAT] = MirrorEntry(address_of(SECRET), OWN)
        self.chain.mine()
        self.near, self.far = PaperRegion(NEXT, self.chain), PaperRegion(OTHER, self.chain)
        self.source = PaperSource([self.near, self.far])
        self.start()

    def trust_root(self) -> TrustRoot:
        numbers = {"999999": 0, OWN: SEAT, NEXT: 2, OTHER: 3}
        return TrustRoot(
            sequence=1,
            previous=None,
            signers=(b"\x01" * 20,),
            threshold=1,
            issued_at=datetime(2026, 1, 1, tzinfo=UTC),
            expires_at=datetime(2028, 1, 1, tzinfo=UTC),
            chain_id=1,
            genesis_hash=self.chain.genesis_hash(),
            consensus="development",
            validators=(),
            head_anchor=Contract(HEAD_ANCHOR, keccak256(CODE), SLOTS),
            region_registry=None,
            consent_registry=None,
            vrf_keys=(),
            mirrors=tuple(Mirror(n, operator, "region") for operator, n in numbers.items()),
            confirmations=(
                Confirmation(OWN, "records", (2, 3), 2),
                Confirmation(NEXT, "records", (SEAT, 3), 2),
                Confirmation(OTHER, "records", (SEAT, 2), 2),
                # Of this one, other mirrors count.
                Confirmation("340000", "records", (2, 3), 2),
            ),
            coverage=(),
            authority_required=False,
        )

    def start(self) -> None:
        self.store = open_store(f"sqlite:///{self.folder}/node.db")
        self.mirroring = self.new_mirroring()

    def new_mirroring(self) -> Mirroring:
        return Mirroring(
            region=OWN,
            trust_root=self.trust_root(),
            store=self.store,
            source=self.source,
            chain=self.chain,
            clock=self.clock,
            keys=[self.key],
        )

    def restart(self) -> None:
        self.store.close()
        self.start()

    def tick(self, seconds: float = 1) -> bool:
        """One round of the mirror, one block, one second."""
        going = self.mirroring.run_once()
        self.clock.advance(seconds)
        self.chain.mine()
        return going

    def settle(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            self.tick()

    def of(self, region: PaperRegion) -> SourceStatus:
        (found,) = [one for one in self.mirroring.status().sources if one.region == region.region]
        return found

    def stored(self, region: PaperRegion) -> list[bytes]:
        name = LogName(region.region, "records", region.generation)
        return [entry for _, entry in self.store.mirrored_entries(name, 0, 10**6)]
