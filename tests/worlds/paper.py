"""A world on paper: two regions, their streams, a block and the trust root, without chain or node.

Everything is deterministic. Evidence made here is complete and valid; whatever an attacker would
change can be changed before the roots are computed (streams, words, block) or after (the evidence
itself), so that a forgery breaks exactly the one link it is meant to break.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from worlds.clock import NOON
from worlds.paper_block import (
    CHAIN_ID,
    CODE_HASH,
    HEAD_ANCHOR,
    RUNNING,
    SLOTS,
    PaperBlock,
    StreamName,
    head_words,
    lane_words,
)
from worlds.paper_stream import PaperStream

from ledger.core.chain.head_slots import CONTRADICTION, Head, head_slots, status_slot, stream_id
from ledger.core.evidence import (
    ChainProof,
    Claim,
    Evidence,
    OneOfList,
    WholeList,
    encode_evidence,
)
from ledger.core.stream.item_list import list_path
from ledger.core.trust import (
    Confirmation,
    Contract,
    Coverage,
    Mirror,
    TrustRoot,
    VrfKey,
    encode_trust_root,
)
from ledger.core.verify import Policy, Verdict, verify_evidence

NOW = NOON
BLOCK_TIME = int(NOON.timestamp()) - 5
ANCHORED_AT = BLOCK_TIME - 60
REGIONS = ("310000", "340000")
COVERAGE = {"cf": "public", "xk": "market", "tax": "restricted", "queries": "queries"}


@dataclass
class PaperWorld:
    """Two regions with their streams; add records, then ask for evidence."""

    streams: dict[StreamName, PaperStream] = field(default_factory=dict)
    epoch: int = 7
    lanes: dict[tuple[StreamName, int], int] = field(default_factory=dict)
    mirrors: tuple[Mirror, ...] = ()
    rules: tuple[Confirmation, ...] = ()
    heads: dict[StreamName, Head] = field(default_factory=dict)
    """Heads other than the streams' own."""
    words: dict[bytes, int] = field(default_factory=dict)
    """Words of storage other than the heads, status and lanes say."""

    def __post_init__(self) -> None:
        for region in REGIONS:
            self.stream(region)

    def stream(self, region: str, stream: str = "records") -> PaperStream:
        """A stream; one other than records is opened when it is first asked for."""
        if (region, stream) not in self.streams:
            self.streams[region, stream] = PaperStream(region, stream)
        return self.streams[region, stream]

    # --- The chain

    def head(self, name: StreamName) -> Head:
        own = self.streams[name].head(epoch=self.epoch, anchored_at=ANCHORED_AT)
        return self.heads.get(name, own)

    def storage(self) -> dict[bytes, int]:
        """HeadAnchor's words: status, heads and confirmations of every stream."""
        words = {status_slot(SLOTS["status"]): RUNNING}
        for name in self.streams:
            words |= head_words(name, self.head(name))
        return words | lane_words(self.lanes) | self.words

    def block(self, **changed: Any) -> PaperBlock:
        return PaperBlock(**{"words": self.storage(), "timestamp": BLOCK_TIME, **changed})

    def set_status(self, word: int) -> None:
        self.words[status_slot(SLOTS["status"])] = word

    def set_head_word(self, name: StreamName, number: int, word: int) -> None:
        self.words[head_slots(SLOTS["heads"], stream_id(*name))[number]] = word

    def confirm(self, name: StreamName, mirror: int, *, epoch: int | None = None) -> None:
        self.lanes[name, mirror] = self.epoch if epoch is None else epoch

    def contradict(self, name: StreamName, mirror: int) -> None:
        self.lanes[name, mirror] = self.epoch + CONTRADICTION

    # --- The trust root

    def trust_root(self, **changed: Any) -> TrustRoot:
        root = TrustRoot(
            sequence=1,
            previous=None,
            signers=(b"\x51" * 20,),
            threshold=1,
            issued_at=datetime(2026, 10, 20, tzinfo=UTC),
            expires_at=datetime(2026, 11, 20, tzinfo=UTC),
            chain_id=CHAIN_ID,
            genesis_hash=hashlib.sha256(b"genesis").digest(),
            consensus="development",
            validators=(),
            head_anchor=Contract(HEAD_ANCHOR, CODE_HASH, dict(SLOTS)),
            region_registry=None,
            consent_registry=None,
            vrf_keys=tuple(
                VrfKey(one.region, one.stream, one.generation, one.public_key)
                for one in self.streams.values()
            ),
            mirrors=self.mirrors,
            confirmations=self.rules,
            coverage=tuple(
                Coverage(region, record_type, klass, date(2026, 1, 1))
                for region in REGIONS
                for record_type, klass in COVERAGE.items()
            ),
            authority_required=False,
        )
        return replace(root, **changed)

    # --- Evidence

    def complete(
        self,
        region: str,
        record_type: str,
        subject: str,
        *,
        stream: str = "records",
        opened: Sequence[int] | None = None,
        block: PaperBlock | None = None,
    ) -> Evidence:
        """Evidence of all items in force, or of none; ``opened`` are log indices, or all."""
        source = self.stream(region, stream)
        pairs = source.pairs(record_type, subject)
        indices = [index for index, _ in pairs] if opened is None else opened
        base = self._base(source, record_type, subject, block)
        return replace(
            base,
            claim=Claim("complete", region, stream, record_type, subject, count=len(pairs)),
            items=WholeList(pairs) if pairs else None,
            opened=tuple(source.opened(index) for index in indices),
        )

    def current(
        self,
        region: str,
        record_type: str,
        subject: str,
        index: int,
        *,
        stream: str = "records",
        block: PaperBlock | None = None,
    ) -> Evidence:
        """Evidence that the item at a log index is in force."""
        source = self.stream(region, stream)
        pairs = source.pairs(record_type, subject)
        position = [pair[0] for pair in pairs].index(index)
        record_id = source.events[index].event["record_id"]
        base = self._base(source, record_type, subject, block)
        return replace(
            base,
            claim=Claim("current", region, stream, record_type, subject, record_id=record_id),
            items=OneOfList(len(pairs), position, pairs[position], list_path(pairs, position)),
            opened=(source.opened(index),),
        )

    def chain_proof(
        self, name: StreamName, block: PaperBlock | None = None, words: Sequence[int] = ()
    ) -> ChainProof:
        block = block or self.block()
        return ChainProof(CHAIN_ID, block.block_hash, block.header, block.nodes(name, words))

    def counting_words(self, name: StreamName) -> tuple[int, ...]:
        """The confirmation words of the stream's counting mirrors."""
        return tuple(
            sorted({n // 4 for r in self.rules if (r.region, r.stream) == name for n in r.mirrors})
        )

    def _base(
        self, source: PaperStream, record_type: str, subject: str, block: PaperBlock | None
    ) -> Evidence:
        words = self.counting_words(source.name)
        return Evidence(
            claim=Claim("complete", source.region, source.stream, record_type, subject, count=0),
            vrf_proof=source.vrf_proof(record_type, subject),
            map_proof=source.map_proof(source.key(record_type, subject)),
            items=None,
            opened=(),
            chain=self.chain_proof(source.name, block, words),
            confirmation_words=words or None,
        )

    def verify(
        self,
        evidence: Evidence | bytes,
        *,
        root: TrustRoot | None = None,
        now: datetime = NOW,
        **policy: Any,
    ) -> Verdict:
        """Verify under this world's trust root, or another."""
        content = evidence if isinstance(evidence, bytes) else encode_evidence(evidence)
        trust = encode_trust_root(self.trust_root() if root is None else root)
        return verify_evidence(content, trust, now=now, policy=Policy(**policy))


def re_rooted(evidence: Evidence, world: PaperWorld, block: PaperBlock | None = None) -> Evidence:
    """The same evidence over the world's chain as it is now: header, hash and nodes made anew."""
    name = (evidence.claim.region, evidence.claim.stream)
    words = evidence.confirmation_words or ()
    return replace(evidence, chain=world.chain_proof(name, block, words))


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
