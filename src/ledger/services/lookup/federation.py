"""Cross-region lookup: ask every region at once, believe none, verify each answer.

A peer's answer is hostile input. It is passed on only after its evidence was verified against our
own trust root and found to claim exactly what was asked. A region that does not answer in time is
``unavailable``; the others stand.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from ledger.core.evidence import COMPLETE, Claim
from ledger.core.trust import TrustRoot
from ledger.core.verify import Outcome, Policy, verify_against
from ledger.errors import LedgerError, UnavailableError
from ledger.services.lookup.answers import PROVED, REGION_CODES, Answer, Question, Result
from ledger.services.lookup.region import RegionLookup, refusal
from ledger.services.ports import Clock

REGION_DEADLINE_S: Final = 10.0
"""Seconds a region has to answer one lookup."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What a peer said about one question, before anything of it is believed."""

    result: str
    code: str
    evidence: bytes | None


class Peers(Protocol):
    """The other regions' nodes."""

    async def ask(
        self, endpoint: str, questions: Sequence[Question]
    ) -> Mapping[Question, PeerAnswer]:
        """Ask a region's node about its own records.

        Raises:
            RegionUnavailableError: No answer, or not in time.
            InputError: An answer that breaks the format or a limit.
        """
        ...


class Directory(Protocol):
    """Endpoints of the regions as the on-chain registry names them, read in the background."""

    def endpoint(self, region: str) -> str | None:
        """The endpoint of a region, or None while it is not known."""
        ...


class FederatedLookup:
    """Asks the regions of each question and verifies what they answer.

    Args:
        region: The node's own region, answered without a network call.
        trust_root: What answers are verified against.
        own: Answers for the own region.
        peers: The other regions.
        directory: Where they are.
        clock: The node's clock.
        deadline_s: Seconds a region has to answer.
    """

    def __init__(
        self,
        *,
        region: str,
        trust_root: TrustRoot,
        own: RegionLookup,
        peers: Peers,
        directory: Directory,
        clock: Clock,
        deadline_s: float = REGION_DEADLINE_S,
    ) -> None:
        self._region = region
        self._trust_root = trust_root
        self._own = own
        self._peers = peers
        self._directory = directory
        self._clock = clock
        self._deadline_s = deadline_s

    async def lookup(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question, in order; every proved answer has been verified."""
        answers: dict[Question, Answer] = {}
        by_region: dict[str, list[Question]] = {}
        for question in dict.fromkeys(questions):
            refused = refusal(question, self._trust_root)
            if refused is None:
                by_region.setdefault(question.region, []).append(question)
            else:
                answers[question] = refused
        parts = await asyncio.gather(
            *(self._ask_region(region, asked) for region, asked in by_region.items())
        )
        answers |= {answer.question: answer for part in parts for answer in part}
        return [answers[question] for question in questions]

    async def _ask_region(self, region: str, questions: list[Question]) -> list[Answer]:
        claimed = await self._collect(region, questions)
        now = self._clock.now()
        return await asyncio.to_thread(
            lambda: [check_answer(answer, self._trust_root, now) for answer in claimed]
        )

    async def _collect(self, region: str, questions: list[Question]) -> list[Answer]:
        if region == self._region:
            return await asyncio.to_thread(self._own.answer, questions)
        endpoint = self._directory.endpoint(region)
        if endpoint is None:
            return _all(questions, Result.UNAVAILABLE, "endpoint-unknown")
        try:
            async with asyncio.timeout(self._deadline_s):
                said = await self._peers.ask(endpoint, questions)
        except TimeoutError:
            log.warning("region %s: no answer within %g s", region, self._deadline_s)
            return _all(questions, Result.UNAVAILABLE, "deadline")
        except UnavailableError as error:
            log.warning("region %s: %s", region, error)
            return _all(questions, Result.UNAVAILABLE, error.code)
        except LedgerError as error:
            log.warning("region %s: malformed answer: %s", region, error)
            return _all(questions, Result.INVALID, "malformed-answer")
        except Exception as error:
            # Whatever a peer provokes, the other regions' answers stand.
            log.error("region %s: bug: %s", region, type(error).__name__)
            return _all(questions, Result.UNAVAILABLE, "internal")
        return [_from_peer(question, said.get(question)) for question in questions]


def _all(questions: Sequence[Question], result: Result, code: str) -> list[Answer]:
    return [Answer(question, result, code) for question in questions]


def _from_peer(question: Question, said: PeerAnswer | None) -> Answer:
    if said is None:
        return Answer(question, Result.INVALID, "answer-missing")
    try:
        result = Result(said.result)
    except ValueError:
        return Answer(question, Result.INVALID, "malformed-answer")
    if result in PROVED:
        if said.evidence is None:
            return Answer(question, Result.INVALID, "evidence-missing")
        return Answer(question, result, "not-verified", evidence=said.evidence)
    if said.evidence is not None:
        return Answer(question, Result.INVALID, "unexpected-evidence")
    # Free text of a peer goes no further.
    code = said.code if said.code in REGION_CODES else "unspecified"
    return Answer(question, result, code)


def check_answer(answer: Answer, trust_root: TrustRoot, now: datetime) -> Answer:
    """Verify a proved answer; the result then follows from the verified claim alone.

    Evidence that is wrong, or proves something else, makes the answer ``invalid``; evidence that is
    too old, or that this trust root cannot judge, makes it ``unavailable``.

    Args:
        answer: As a region gave it. One without evidence is returned as it is.
        trust_root: What it is verified against.
        now: The node's clock.
    """
    if answer.evidence is None:
        return answer
    verdict = verify_against(answer.evidence, trust_root, now=now, policy=Policy())
    if verdict.outcome is Outcome.INVALID:
        return Answer(answer.question, Result.INVALID, verdict.reason)
    if verdict.claim is not None and not _answers(answer.question, verdict.claim):
        return Answer(answer.question, Result.INVALID, "other-claim")
    if verdict.claim is None or not verdict:
        return Answer(answer.question, Result.UNAVAILABLE, verdict.reason)
    result = Result.NONE if verdict.claim.is_absence else Result.RECORDS
    return Answer(answer.question, result, "ok", evidence=answer.evidence, verdict=verdict)


def _answers(question: Question, claim: Claim) -> bool:
    """Whether the claim is a complete answer to exactly this question."""
    asked = (question.subject, question.region, question.record_type)
    return claim.kind == COMPLETE and asked == (claim.subject, claim.region, claim.record_type)
