import hashlib

import httpx
import pytest
from worlds.node import REGION, World, penalties, penalty, uscc
from worlds.node_app import app_of, client_of

from ledger.core import canonical
from ledger.core.evidence import parse_evidence
from ledger.core.trust import encode_trust_root
from ledger.core.verify import Outcome, verify_evidence


def one_of(answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 200
    (found,) = answer.json()["answers"]
    return dict(found)


async def test_lookup_defaults_to_everything_the_trust_root_covers(
    anyone: httpx.AsyncClient,
) -> None:
    answer = await anyone.post("/v1/lookups", json={"subjects": [uscc(5), uscc(6)]})
    asked = [
        (one["subject"], one["record_type"], one["result"]) for one in answer.json()["answers"]
    ]
    assert asked == [
        (uscc(5), "cf", "records"),
        (uscc(5), "xk", "none"),
        (uscc(6), "cf", "none"),
        (uscc(6), "xk", "none"),
    ]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_lookup_evidence_verifies_and_the_body_is_its_own_canonical_json(
    anyone: httpx.AsyncClient, world: World
) -> None:
    answer = await anyone.post("/v1/lookups", json={"subjects": [uscc(5)]})
    root = encode_trust_root(world.trust_root)
    assert canonical.encode(canonical.decode(answer.content, max_depth=20)) == answer.content
    for one in answer.json()["answers"]:
        evidence = canonical.encode(one["evidence"])
        assert evidence in answer.content
        verdict = verify_evidence(evidence, root, now=world.clock.now())
        assert verdict.outcome is Outcome.VALID
        assert one["verdict"]["outcome"] == "VALID"
        assert one["verdict"]["development"] is True
        assert one["verdict"]["block_number"] == verdict.basis.block_number  # type: ignore[union-attr]
        assert one["code"] == "ok"


async def test_lookup_subject_in_another_spelling_is_the_same_subject(
    anyone: httpx.AsyncClient,
) -> None:
    spellings = [uscc(5).lower(), " " + uscc(5)[:8] + "-" + uscc(5)[8:], uscc(5)]
    body = {"subjects": spellings, "record_types": ["cf"]}
    found = one_of(await anyone.post("/v1/lookups", json=body))
    assert (found["subject"], found["result"]) == (uscc(5), "records")


async def test_lookup_wrong_code_is_named_by_its_place_only(anyone: httpx.AsyncClient) -> None:
    wrong = uscc(5)[:-1] + ("0" if uscc(5)[-1] != "0" else "1")
    answer = await anyone.post("/v1/lookups", json={"subjects": [uscc(6), wrong]})
    assert (answer.status_code, answer.json()["code"]) == (422, "uscc")
    assert answer.json()["errors"] == [{"field": "subjects.1", "code": "uscc-check"}]
    body = {"questions": [{"subject": wrong, "record_type": "cf"}]}
    answer = await anyone.post("/v1/answers", json=body)
    assert answer.json()["errors"] == [{"field": "questions.0.subject", "code": "uscc-check"}]
    assert wrong not in answer.text


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"regions": ["990000"], "record_types": ["cf"]}, "not-covered"),
        ({"regions": [REGION], "record_types": ["tax"]}, "not-covered"),
    ],
)
async def test_lookup_outside_the_coverage_is_refused(
    anyone: httpx.AsyncClient, members: dict[str, object], code: str
) -> None:
    found = one_of(await anyone.post("/v1/lookups", json={"subjects": [uscc(5)], **members}))
    assert (found["result"], found["code"]) == ("refused", code)
    assert (found["evidence"], found["verdict"]) == (None, None)


async def test_lookup_of_a_changed_subject_is_pending_without_evidence(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    world = World(tmp_path_factory.mktemp("changed"))
    body = {"subjects": [uscc(1)], "record_types": ["cf"]}
    async with client_of(app_of(world)) as client:
        found = one_of(await client.post("/v1/lookups", json=body))
        assert (found["result"], found["code"]) == ("unavailable", "no-snapshot")
        world.settle()
        assert one_of(await client.post("/v1/lookups", json=body))["result"] == "none"
        world.publish(penalties(penalty(1)))
        found = one_of(await client.post("/v1/lookups", json=body))
        assert (found["result"], found["code"]) == ("pending", "change-not-anchored")
        assert found["evidence"] is None
        world.settle()
        assert one_of(await client.post("/v1/lookups", json=body))["result"] == "records"
        world.clock.advance(3600)
        found = one_of(await client.post("/v1/lookups", json=body))
        assert (found["result"], found["code"]) == ("unavailable", "snapshot-too-old")
        assert found["evidence"] is None
    world.kill()


async def test_answers_gives_this_regions_evidence_once_for_each_question(
    anyone: httpx.AsyncClient,
) -> None:
    question = {"subject": uscc(5), "record_type": "cf"}
    answer = await anyone.post("/v1/answers", json={"questions": [question, question]})
    body = answer.json()
    assert body["region"] == REGION
    (found,) = body["answers"]
    assert found["result"] == "records"
    evidence = parse_evidence(canonical.encode(found["evidence"]))
    assert (evidence.claim.subject, evidence.claim.count) == (uscc(5), 1)
    assert found["verdict"] is None


async def test_trust_root_is_the_exact_file_with_its_digest(
    anyone: httpx.AsyncClient, world: World
) -> None:
    answer = await anyone.get("/v1/trust-root")
    expected = encode_trust_root(world.trust_root)
    assert answer.content == expected
    assert answer.headers["etag"] == f'"{hashlib.sha256(expected).hexdigest()}"'
    again = await anyone.get("/v1/trust-root", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_status_is_told_to_the_operator(operator: httpx.AsyncClient) -> None:
    body = (await operator.get("/v1/status")).json()
    (stream,) = body["worker"]["streams"]
    assert (body["region"], stream["stream"]) == (REGION, "records")


async def test_version_names_the_formats(anyone: httpx.AsyncClient) -> None:
    body = (await anyone.get("/version")).json()
    assert (body["evidence"], body["trust_root"]) == (1, 1)
