"""A region's own answers: evidence made from the served snapshot, never from the chain.

No chain call happens here. The snapshot was taken in the background, so a lookup costs one VRF
proof, one map proof and a read of the opened items.
"""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from ledger.core.evidence import COMPLETE, ChainProof, Claim
from ledger.core.evidence.encode import EncodedItem, SnapshotEncoder
from ledger.core.evidence.parse import MAX_BYTES
from ledger.core.trust import STREAM_OF_CLASS, TrustRoot
from ledger.errors import StateError, UnavailableError
from ledger.services.lookup.answers import Answer, Question, Result
from ledger.services.lookup.material import Material, Pending, Unavailable
from ledger.services.stored import Snapshot

OPEN_CLASSES: Final = ("public", "market")
"""Classes of record types anyone may ask about."""

STREAM: Final = STREAM_OF_CLASS["public"]
"""The stream of the open classes."""

log = logging.getLogger(__name__)


class MaterialSource(Protocol):
    """Where the parts of an evidence come from: the node's served state."""

    def material(
        self, stream: str, record_type: str, subject: str
    ) -> Material | Pending | Unavailable:
        """Everything an evidence about this subject needs, or why there is none."""
        ...


def refusal(question: Question, trust_root: TrustRoot) -> Answer | None:
    """The answer to a question nobody needs to be asked, or None.

    The same whether or not there are records: nothing is looked up.
    """
    covered = trust_root.covered(question.region, question.record_type)
    if covered is None:
        return Answer(question, Result.REFUSED, "not-covered")
    if covered.klass not in OPEN_CLASSES:
        return Answer(question, Result.REFUSED, "consent-required")
    return None


class RegionLookup:
    """Answers questions about this node's own region.

    Args:
        region: GB/T 2260 code of the node's region.
        trust_root: Says which record types the region covers and what evidence must carry.
        source: The node's served state.
        is_near: Whether answering costs less than the way to a thread and back: everything is in
            memory or in a file of this machine.
    """

    def __init__(
        self,
        *,
        region: str,
        trust_root: TrustRoot,
        source: MaterialSource,
        is_near: bool = False,
    ) -> None:
        self.is_near = is_near
        self._region = region
        self._trust_root = trust_root
        self._source = source
        self._encoder: tuple[Snapshot, SnapshotEncoder] | None = None

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question, in order.

        Args:
            questions: About this region only; one about another region is refused.
        """
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        if question.region != self._region:
            return Answer(question, Result.REFUSED, "other-region")
        refused = refusal(question, self._trust_root)
        if refused is not None:
            return refused
        try:
            material = self._source.material(STREAM, question.record_type, question.subject)
        except (UnavailableError, StateError) as error:
            # One question without an answer; the others stand.
            log.error("lookup: %s: %s", error.code, error)
            return Answer(question, Result.UNAVAILABLE, error.code)
        if isinstance(material, Pending):
            return Answer(question, Result.PENDING, "change-not-anchored")
        if isinstance(material, Unavailable):
            return Answer(question, Result.UNAVAILABLE, material.code)
        evidence = self._evidence(question, material)
        if len(evidence) > MAX_BYTES:
            # Every verifier would refuse it, and the region would look like a liar.
            return Answer(question, Result.UNAVAILABLE, "too-many-items")
        result = Result.RECORDS if material.items else Result.NONE
        return Answer(question, result, "ok", evidence=evidence)

    def _evidence(self, question: Question, material: Material) -> bytes:
        items = material.items
        return self._encoder_of(material.snapshot).encode(
            claim=Claim(
                kind=COMPLETE,
                region=question.region,
                stream=STREAM,
                record_type=question.record_type,
                subject=question.subject,
                count=len(items),
            ),
            vrf_proof=material.vrf_proof,
            map_proof=material.map_proof,
            pairs=[(one.index, one.leaf_hash) for one in items],
            opened=[
                EncodedItem(
                    index=one.index,
                    entry=one.entry,
                    event=one.event,
                    salt=one.salt,
                    disclosures=one.disclosures,
                    path=one.path,
                )
                for one in items
            ],
        )

    def _encoder_of(self, snapshot: Snapshot) -> SnapshotEncoder:
        """The encoder of the newest snapshot, made once; threads may make it twice without harm."""
        known = self._encoder
        if known is not None and known[0] is snapshot:
            return known[1]
        chain = ChainProof(
            chain_id=self._trust_root.chain_id,
            block_hash=snapshot.block_hash,
            header=snapshot.header,
            nodes=snapshot.nodes,
        )
        encoder = SnapshotEncoder(chain, snapshot.words)
        self._encoder = (snapshot, encoder)
        return encoder
