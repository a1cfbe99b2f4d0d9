from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from regions import (
    ENDPOINTS,
    OTHER,
    OWN,
    PEER,
    WITH,
    WITHOUT,
    Asker,
    Liar,
    Network,
    NothingServed,
    Raw,
    Registry,
    trust_root_of,
    truthful,
)
from worlds.node import World, penalties, penalty, uscc

from ledger.core.trust import Coverage
from ledger.errors import (
    FatalStateError,
    LedgerError,
    RegionUnavailableError,
    StoreUnavailableError,
)
from ledger.services.lookup.answers import PROVED, REGION_CODES, Answer, Question, Result
from ledger.services.lookup.federation import FederatedLookup, PeerAnswer
from ledger.services.lookup.region import RegionLookup


def found(answer: Answer) -> tuple[Result, str]:
    assert answer.is_proved == (answer.evidence is not None) == (answer.verdict is not None)
    return answer.result, answer.code


async def test_lookup_truthful_peer_with_records_answers_records(world: World) -> None:
    answer = await Asker(world, truthful(world)).ask_one(WITH)
    assert found(answer) == (Result.RECORDS, "ok")
    assert answer.verdict is not None
    assert [one.values["document_number"] for one in answer.verdict.records] == [
        "31罚〔2026〕00005号"
    ]


async def test_lookup_truthful_peer_without_records_answers_none(world: World) -> None:
    assert found(await Asker(world, truthful(world)).ask_one(WITHOUT)) == (Result.NONE, "ok")


async def test_lookup_keeps_the_order_and_answers_a_question_asked_twice(world: World) -> None:
    questions = [
        Question(WITHOUT, PEER, "cf"),
        Question(WITH, OWN, "cf"),
        Question(WITH, PEER, "xk"),
        Question(WITHOUT, PEER, "cf"),
    ]
    answers = await Asker(world, truthful(world)).ask(*questions)
    assert [answer.question for answer in answers] == questions
    assert [answer.result for answer in answers] == ["none", "unavailable", "none", "none"]


async def test_lookup_own_region_without_snapshot_is_unavailable(world: World) -> None:
    (answer,) = await Asker(world, truthful(world)).ask(Question(WITH, OWN, "cf"))
    assert found(answer) == (Result.UNAVAILABLE, "no-snapshot")


async def test_lookup_changed_subject_is_pending(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settle()
    world.publish(penalties(penalty(5)))
    answer = await Asker(world, truthful(world)).ask_one(WITH)
    assert found(answer) == (Result.PENDING, "change-not-anchored")
    world.kill()


@pytest.mark.parametrize(
    ("region", "record_type", "code"),
    [
        ("990000", "cf", "not-covered"),
        (PEER, "zz", "not-covered"),
        (PEER, "tax", "consent-required"),
        (OTHER, "xk", "not-covered"),
    ],
)
async def test_lookup_outside_the_coverage_is_refused_without_asking_anybody(
    world: World, region: str, record_type: str, code: str
) -> None:
    silent = Raw()
    asker = Asker(world, silent, endpoints={**ENDPOINTS, "990000": "http://127.0.0.1:1"})
    (answer,) = await asker.ask(Question(WITH, region, record_type))
    assert found(answer) == (Result.REFUSED, code)
    assert silent.requests == []


async def test_lookup_region_that_is_not_in_the_registry_is_unavailable(world: World) -> None:
    answer = await Asker(world, truthful(world), endpoints={}).ask_one()
    assert found(answer) == (Result.UNAVAILABLE, "endpoint-unknown")


async def test_lookup_one_region_down_leaves_the_others(world: World) -> None:
    class Down(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    asker = Asker(world, Network({8311: truthful(world), 8312: Down()}))
    down, up, own = await asker.ask(
        Question(WITH, OTHER, "cf"), Question(WITH, PEER, "cf"), Question(WITH, OWN, "cf")
    )
    assert found(down) == (Result.UNAVAILABLE, "region-unavailable")
    assert found(up) == (Result.RECORDS, "ok")
    assert found(own) == (Result.UNAVAILABLE, "no-snapshot")


async def test_lookup_peer_code_that_provokes_a_bug_leaves_the_others(world: World) -> None:
    class Buggy:
        async def ask(
            self, endpoint: str, questions: Sequence[Question]
        ) -> Mapping[Question, PeerAnswer]:
            raise RecursionError(WITH)

    root = trust_root_of(world)
    federation = FederatedLookup(
        region=OWN,
        trust_root=root,
        own=RegionLookup(region=OWN, trust_root=root, source=NothingServed()),
        peers=Buggy(),
        directory=Registry(ENDPOINTS),
        clock=world.clock,
    )
    answers = await federation.lookup([Question(WITH, PEER, "cf"), Question(WITH, OWN, "cf")])
    assert [found(answer) for answer in answers] == [
        (Result.UNAVAILABLE, "internal"),
        (Result.UNAVAILABLE, "no-snapshot"),
    ]


async def test_lookup_own_evidence_is_verified_too(world: World) -> None:
    class Wrong:
        def material(self, stream: str, record_type: str, subject: str) -> object:
            return replace(world.ask(5), vrf_proof=b"\x00" * 80)  # type: ignore[type-var]

    root = trust_root_of(world)
    own = RegionLookup(region=PEER, trust_root=root, source=Wrong())  # type: ignore[arg-type]
    federation = FederatedLookup(
        region=PEER,
        trust_root=root,
        own=own,
        peers=Asker(world, Raw()).peers,
        directory=Registry({}),
        clock=world.clock,
    )
    (answer,) = await federation.lookup([Question(WITH, PEER, "cf")])
    assert answer.result is Result.INVALID


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("locked"), FatalStateError("a served item is gone")]
)
def test_region_lookup_trouble_with_one_subject_leaves_the_others(
    world: World, error: LedgerError
) -> None:
    class Troubled:
        def material(self, stream: str, record_type: str, subject: str) -> object:
            if subject == WITH:
                raise error
            return world.material.material(stream, record_type, subject)

    lookup = RegionLookup(region=PEER, trust_root=world.trust_root, source=Troubled())  # type: ignore[arg-type]
    one, two = lookup.answer([Question(WITH, PEER, "cf"), Question(WITHOUT, PEER, "cf")])
    assert (one.result, one.code) == (Result.UNAVAILABLE, error.code)
    assert two.result is Result.NONE


def test_region_lookup_question_about_another_region_is_refused(world: World) -> None:
    (answer,) = world.lookup.answer([Question(WITH, OWN, "cf")])
    assert (answer.result, answer.code) == (Result.REFUSED, "other-region")


@pytest.mark.parametrize("record_type", ["cf", "zz"])
def test_region_lookup_restricted_type_answers_the_same_for_everybody(
    world: World, record_type: str
) -> None:
    coverage = (Coverage(PEER, "cf", "restricted", trust_root_of(world).coverage[0].since),)
    root = replace(world.trust_root, coverage=coverage)
    lookup = RegionLookup(region=PEER, trust_root=root, source=world.material)
    answers = lookup.answer([Question(one, PEER, record_type) for one in (WITH, WITHOUT)])
    assert len({(one.result, one.code, one.evidence) for one in answers}) == 1
    assert answers[0].result is Result.REFUSED


def test_region_lookup_codes_it_gives_are_known_to_those_who_ask(world: World) -> None:
    """What a truthful peer of this release says must not arrive as ``unspecified``."""
    assert {"no-snapshot", "snapshot-too-old", "snapshot-in-the-future"} <= REGION_CODES
    assert {StoreUnavailableError.code, FatalStateError.code} <= REGION_CODES
    assert RegionUnavailableError.code not in REGION_CODES


@pytest.mark.parametrize("result", list(Result))
def test_answer_proved_without_evidence_or_unproved_with_it_cannot_be_made(result: Result) -> None:
    evidence = None if result in PROVED else b"{}"
    with pytest.raises(ValueError, match="evidence exactly with a proved result"):
        Answer(Question(uscc(1), PEER, "cf"), result, "ok", evidence=evidence)


async def test_lookup_many_questions_go_out_in_one_request_for_each_region(world: World) -> None:
    counting = Liar(world, lambda body: None)
    questions = [Question(uscc(number), PEER, "cf") for number in range(20)]
    answers = await Asker(world, counting).ask(*questions)
    assert counting.asked == 1
    assert all(answer.is_proved for answer in answers)
