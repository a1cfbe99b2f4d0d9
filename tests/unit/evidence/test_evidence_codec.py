"""Evidence and its bytes are each other's inverse, and limits are exact."""

import json

import pytest
from worlds.trials import TRIALS, Trial, edited, honest, honest_absence, honest_current
from worlds.trials_valid import mirrored

from ledger.core.evidence import encode_evidence, parse_evidence
from ledger.core.evidence.encode import claim_json
from ledger.core.evidence.model import Claim
from ledger.errors import MalformedEvidenceError, UnsupportedFormatError

VALID = [trial for trial in TRIALS if trial.name.startswith("valid-")]


@pytest.mark.parametrize("trial", VALID, ids=lambda trial: trial.name)
def test_evidence_round_trips(trial: Trial) -> None:
    content = trial.build().evidence_bytes
    evidence = parse_evidence(content)
    assert encode_evidence(evidence) == content
    assert parse_evidence(encode_evidence(evidence)) == evidence


def test_evidence_with_every_member_round_trips() -> None:
    world = mirrored()
    evidence = world.complete("340000", "cf", honest(1)[1].claim.subject)
    content = edited(edited(evidence, ("authority",), {"a": [1]}), ("consent",), {"b": "二"})
    assert encode_evidence(parse_evidence(content)) == content
    assert parse_evidence(content).confirmation_words == (0, 1)


def test_claim_is_absence_for_complete_with_count_zero_alone() -> None:
    assert honest_absence()[1].claim.is_absence
    assert not honest(1)[1].claim.is_absence
    assert not honest_current()[1].claim.is_absence
    assert not Claim("current", "340000", "records", "cf", "x", count=0).is_absence


def test_claim_json_names_what_is_claimed() -> None:
    assert claim_json(honest(3)[1].claim)["count"] == 3
    assert "record_id" in claim_json(honest_current()[1].claim)


def test_parse_evidence_of_another_version_says_unsupported() -> None:
    with pytest.raises(UnsupportedFormatError):
        parse_evidence(b'{"v":0}')


LIMITS = [
    (("map", "siblings"), "00" * 32, 256),
    (("opened", 0, "disclosures"), "AAAA", 128),
    (("opened", 0, "path"), "00" * 32, 63),
    (("list", "path"), "00" * 32, 32),
]


@pytest.mark.parametrize(("path", "item", "most"), LIMITS, ids=lambda one: str(one))
def test_parse_evidence_takes_the_limit_and_not_one_more(
    path: tuple[str | int, ...], item: str, most: int
) -> None:
    base = honest_current()[1]
    parse_evidence(edited(base, path, [item] * most))
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(edited(base, path, [item] * (most + 1)))


def test_parse_evidence_takes_as_many_pairs_as_its_limit() -> None:
    pairs = [[index, "00" * 32] for index in range(65_536)]
    parse_evidence(edited(honest(1)[1], ("list", "pairs"), pairs))
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(edited(honest(1)[1], ("list", "pairs"), [*pairs, [9, "00" * 32]]))


def test_parse_evidence_takes_as_many_nodes_as_its_limit() -> None:
    nodes = [number.to_bytes(2, "big").hex() for number in range(4_097)]
    parse_evidence(edited(honest(1)[1], ("chain", "nodes"), nodes[:4_096]))
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(edited(honest(1)[1], ("chain", "nodes"), nodes))


def test_parse_evidence_takes_the_longest_disclosure_and_not_one_character_more() -> None:
    path = ("opened", 0, "disclosures", 0)
    parse_evidence(edited(honest(1)[1], path, "A" * 262_144))
    with pytest.raises(MalformedEvidenceError):
        parse_evidence(edited(honest(1)[1], path, "A" * 262_145))


def test_refusals_never_name_the_subject() -> None:
    subject = honest_absence()[1].claim.subject
    tree = json.loads(encode_evidence(honest_absence()[1]))
    for name in tree["claim"]:
        with pytest.raises(MalformedEvidenceError) as caught:
            parse_evidence(edited(honest_absence()[1], ("claim", name), f"x{subject}"))
        assert subject not in str(caught.value)
