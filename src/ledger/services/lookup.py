"""A region's own answers: evidence made from the served snapshot, never from the chain.

No chain call happens here. The snapshot was taken in the background, so a lookup costs one VRF
proof, one map proof and a read of the opened items.
"""

from collections.abc import Sequence
from typing import Protocol

from ledger.core.evidence import COMPLETE, ChainProof, Claim, Evidence, OpenedItem, WholeList
from ledger.core.evidence.encode import encode_evidence
from ledger.core.trust import STREAM_OF_CLASS, TrustRoot
from ledger.errors import StoreUnavailableError
from ledger.services.answers import Answer, Question, Result
from ledger.services.material import Material, Pending, Unavailable


class MaterialSource(Protocol):
    """Where the parts of an evidence come from: the node's served state."""

    def material(
        self, stream: str, record_type: str, subject: str
    ) -> Material | Pending | Unavailable:
        """Everything an evidence about this subject needs, or why there is none."""
        ...


class RegionLookup:
    """Answers questions about this node's own region.

    Args:
        region: GB/T 2260 code of the node's region.
        trust_root: Says which record types the region covers and what evidence must carry.
        source: The node's served state.
    """

    def __init__(self, *, region: str, trust_root: TrustRoot, source: MaterialSource) -> None:
        self._region = region
        self._trust_root = trust_root
        self._source = source

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question, in order.

        Args:
            questions: About this region only; one about another region is refused.
        """
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        covered = self._trust_root.covered(question.region, question.record_type)
        if question.region != self._region:
            return Answer(question, Result.REFUSED, "other-region")
        if covered is None:
            return Answer(question, Result.REFUSED, "not-covered")
        if covered.klass not in ("public", "market"):
            # The same answer whether or not records exist: nothing was looked up.
            return Answer(question, Result.REFUSED, "consent-required")
        stream = STREAM_OF_CLASS[covered.klass]
        try:
            material = self._source.material(stream, question.record_type, question.subject)
        except StoreUnavailableError as error:
            return Answer(question, Result.UNAVAILABLE, error.code)
        if isinstance(material, Pending):
            return Answer(question, Result.PENDING, "change-not-anchored")
        if isinstance(material, Unavailable):
            return Answer(question, Result.UNAVAILABLE, material.code)
        evidence = encode_evidence(self._evidence(question, stream, material))
        result = Result.RECORDS if material.items else Result.NONE
        return Answer(question, result, "ok", evidence=evidence)

    def _evidence(self, question: Question, stream: str, material: Material) -> Evidence:
        items, snapshot = material.items, material.snapshot
        return Evidence(
            claim=Claim(
                kind=COMPLETE,
                region=question.region,
                stream=stream,
                record_type=question.record_type,
                subject=question.subject,
                count=len(items),
            ),
            vrf_proof=material.vrf_proof,
            map_proof=material.map_proof,
            items=WholeList(tuple((one.index, one.leaf_hash) for one in items)) if items else None,
            opened=tuple(
                OpenedItem(
                    index=one.index,
                    entry=one.entry,
                    event=one.event,
                    salt=one.salt,
                    disclosures=one.disclosures,
                    path=one.path,
                )
                for one in items
            ),
            chain=ChainProof(
                chain_id=self._trust_root.chain_id,
                block_hash=snapshot.block_hash,
                header=snapshot.header,
                nodes=snapshot.nodes,
            ),
            confirmation_words=snapshot.words,
        )
