"""Evidence and its bytes are each other's inverse, and limits are exact."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.trials import TRIALS, Trial, edited, honest, honest_absence, honest_current
from worlds.trials_valid import mirrored

from ledger.core import canonical
from ledger.core.evidence import (
    ChainProof,
    Claim,
    Evidence,
    OneOfList,
    OpenedItem,
    WholeList,
    encode_evidence,
    parse_evidence,
)
from ledger.core.evidence.encode import EncodedItem, SnapshotEncoder, claim_json
from ledger.core.prefix_tree import MapProof
from ledger.errors import MalformedEvidenceError, UnsupportedFormatError

COUNTS = st.integers(0, 2**32 - 1)


def whole_list(pairs: list[tuple[int, bytes]]) -> WholeList:
    return WholeList(tuple(pairs))


def spliced(encoder: SnapshotEncoder, evidence: Evidence) -> bytes:
    assert not isinstance(evidence.items, OneOfList)
    return encoder.encode(
        claim=evidence.claim,
        vrf_proof=evidence.vrf_proof,
        map_proof=evidence.map_proof,
        pairs=evidence.items.pairs if evidence.items else (),
        opened=[
            EncodedItem(
                index=one.index,
                entry=one.entry,
                event=canonical.encode(one.event),
                salt=one.salt,
                disclosures=one.disclosures,
                path=one.path,
            )
            for one in evidence.opened
        ],
    )


VALID = [trial for trial in TRIALS if trial.name.startswith("valid-")]
COMPLETE = [trial for trial in VALID if "current" not in trial.name]


@pytest.mark.parametrize("trial", VALID, ids=lambda trial: trial.name)
def test_evidence_round_trips(trial: Trial) -> None:
    content = trial.build().evidence_bytes
    evidence = parse_evidence(content)
    assert encode_evidence(evidence) == content
    assert parse_evidence(encode_evidence(evidence)) == evidence


@pytest.mark.parametrize("trial", COMPLETE, ids=lambda trial: trial.name)
def test_snapshot_encoder_writes_what_the_format_says(trial: Trial) -> None:
    evidence = parse_evidence(trial.build().evidence_bytes)
    encoder = SnapshotEncoder(evidence.chain, evidence.confirmation_words)
    for part in (evidence, replace(evidence, opened=evidence.opened[:1])):
        assert spliced(encoder, part) == encode_evidence(part)


@given(st.data())
def test_snapshot_encoder_writes_the_same_bytes_whatever_the_values(data: st.DataObject) -> None:
    hashes = st.binary(min_size=32, max_size=32)
    text = st.text(max_size=12) | st.sampled_from(['"', "\\", "\x1f", "\u2028", "二\U0001f600"])
    item = st.builds(
        OpenedItem,
        index=st.integers(0, 2**53 - 1),
        entry=st.text(max_size=30).map(str.encode),
        event=st.dictionaries(text, st.none() | st.integers(-9, 9) | text, max_size=4),
        salt=hashes,
        disclosures=st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)).map(tuple),
        path=st.lists(hashes, max_size=3).map(tuple),
    )
    claim = Claim("complete", "310000", "records", "cf", data.draw(text), count=data.draw(COUNTS))
    evidence = Evidence(
        claim=claim,
        vrf_proof=data.draw(st.binary(min_size=80, max_size=80)),
        map_proof=MapProof(
            tuple(data.draw(st.lists(hashes, max_size=4))),
            data.draw(st.none() | st.tuples(hashes, hashes)),
        ),
        items=data.draw(
            st.none() | st.lists(st.tuples(COUNTS, hashes), min_size=1, max_size=3).map(whole_list)
        ),
        opened=tuple(data.draw(st.lists(item, max_size=2))),
        chain=ChainProof(
            chain_id=data.draw(COUNTS),
            block_hash=data.draw(hashes),
            header=data.draw(st.binary(min_size=1, max_size=40)),
            nodes=tuple(data.draw(st.lists(st.binary(min_size=1, max_size=40), max_size=3))),
        ),
        confirmation_words=data.draw(st.none() | st.lists(COUNTS, max_size=3).map(tuple)),
    )
    encoder = SnapshotEncoder(evidence.chain, evidence.confirmation_words)
    assert spliced(encoder, evidence) == encode_evidence(evidence)


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
