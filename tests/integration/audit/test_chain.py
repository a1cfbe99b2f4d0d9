"""The chain beside the database: what it has, what it lacks, and when it does not answer."""

from dataclasses import replace

import pytest
from worlds.auditing import AuditedWorld
from worlds.damage import Damaged
from worlds.node import REGION

from ledger.core import prefix_tree
from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.stream.map_function import replay
from ledger.core.trust import Mirror
from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError, WrongChainError
from ledger.services.audit import Outcome
from ledger.services.audit.report import Finding
from ledger.services.onchain import Receipt

RECORDS = stream_id(REGION, "records")
OTHER = stream_id("320000", "records")
ROOT = b"\x05" * 32


class ToldChain:
    """The chain of a world, with other answers than its own."""

    def __init__(self, world: AuditedWorld) -> None:
        self._real = world.chain
        self.heads: dict[bytes, Head | None] = {}
        self.later: dict[bytes, Head | None] = {}
        """Heads from the second time on that they are asked for."""
        self.statuses: dict[bytes, int] = {}
        self.error: Exception | None = None
        self.asked = 0
        self.lane: int | Exception = 0

    def genesis_hash(self) -> Hash32:
        if self.error is not None:
            raise self.error
        return self._real.genesis_hash()

    def fetch_head(self, stream: Hash32, number: int | None = None) -> Head | None:
        self.asked += stream == RECORDS
        if self.asked > 1 and stream in self.later:
            return self.later[stream]
        if stream in self.heads:
            return self.heads[stream]
        return self._real.fetch_head(stream, number)

    def fetch_lane(self, stream: Hash32, mirror: int, number: int | None = None) -> int:
        assert (stream, mirror) == (OTHER, 4)
        if isinstance(self.lane, int):
            return self.lane
        raise self.lane

    def receipt(self, tx_hash: Hash32) -> Receipt | None:
        found = self._real.receipt(tx_hash)
        if found is not None and tx_hash in self.statuses:
            return replace(found, status=self.statuses[tx_hash])
        return found


@pytest.fixture
def chain(damaged: Damaged) -> ToldChain:
    return ToldChain(damaged.world)


@pytest.fixture
def head(chain: ToldChain) -> Head:
    found = chain.fetch_head(RECORDS)
    assert found is not None
    chain.asked = 0
    return found


def codes(damaged: Damaged, chain: ToldChain) -> dict[str, int]:
    report = damaged.audit(chain)  # type: ignore[arg-type]
    assert (report.outcome is Outcome.FINDINGS) == bool(report.counts)
    return report.counts


def test_audit_beside_a_head_of_another_generation_finds_it(
    damaged: Damaged, chain: ToldChain, head: Head
) -> None:
    for generation in (1, 3):
        chain.heads[RECORDS] = replace(head, vrf_key=generation)
        assert set(codes(damaged, chain)) == {"chain-generation"}


def test_audit_beside_a_head_that_nobody_signed_here_finds_it(
    damaged: Damaged, chain: ToldChain, head: Head
) -> None:
    chain.heads[RECORDS] = replace(head, map_root=ROOT)
    assert set(codes(damaged, chain)) == {"chain-head", "chain-root"}


def test_audit_beside_a_larger_log_finds_it(damaged: Damaged, chain: ToldChain, head: Head) -> None:
    chain.heads[RECORDS] = replace(head, size=head.size + 100)
    assert set(codes(damaged, chain)) == {"chain-head", "chain-size"}


@pytest.mark.parametrize("is_gone", [True, False])
def test_audit_beside_a_chain_that_was_rolled_back_finds_it(
    is_gone: bool, damaged: Damaged, chain: ToldChain, head: Head
) -> None:
    earlier = None if is_gone else replace(head, epoch=head.epoch - 1)
    chain.later[RECORDS] = earlier
    assert set(codes(damaged, chain)) == {"chain-behind"}


def test_audit_beside_a_chain_that_went_on_meanwhile_is_clean(
    damaged: Damaged, chain: ToldChain, head: Head
) -> None:
    chain.later[RECORDS] = replace(head, epoch=head.epoch + 1, size=head.size + 1, log_root=ROOT)
    assert codes(damaged, chain) == {}


def test_audit_beside_a_reverted_transaction_finds_it(damaged: Damaged, chain: ToldChain) -> None:
    chain.statuses[damaged.one("SELECT tx_hash FROM outbox WHERE id = 1")] = 0
    assert set(codes(damaged, chain)) == {"chain-receipt"}


def test_audit_of_another_chain_finds_it(damaged: Damaged) -> None:
    node = damaged.world.identity()
    trust_root = replace(node.trust_root, genesis_hash=ROOT)
    report = damaged.audit(damaged.world.chain, replace(node, trust_root=trust_root))
    assert set(report.counts) == {"chain-genesis", "fact-value"}


@pytest.mark.parametrize(
    "error", [ChainUnavailableError("down"), WrongChainError(expected=1, found=2)]
)
def test_audit_beside_a_chain_that_does_not_answer_is_incomplete(
    error: Exception, damaged: Damaged, chain: ToldChain
) -> None:
    chain.error = error
    report = damaged.audit(chain)  # type: ignore[arg-type]
    assert report.outcome is Outcome.INCOMPLETE
    assert not report.is_clean
    assert [one.code for one in report.unknown] == ["chain-unavailable"]


def test_audit_beside_a_silent_chain_still_finds_what_is_wrong(
    damaged: Damaged, chain: ToldChain
) -> None:
    chain.error = ChainUnavailableError("down")
    fifth = "(SELECT record_id FROM events WHERE seq = 5)"
    damaged.run(f"UPDATE records SET status = 'ended' WHERE record_id = {fifth}")
    report = damaged.audit(chain)  # type: ignore[arg-type]
    assert report.outcome is Outcome.FINDINGS
    assert [one.code for one in report.unknown] == ["chain-unavailable"]


def mirrored_head(damaged: Damaged) -> Head:
    import pysqlite3

    connection = pysqlite3.connect(damaged.path)
    rows = connection.execute("SELECT entry FROM mirrored_entries ORDER BY log_index").fetchall()
    connection.close()
    entries = [entry for (entry,) in rows]
    state = replay(entries)
    values = {key: value for key in state.lists if (value := state.value(key)) is not None}
    return Head(
        size=len(entries),
        epoch=3,
        anchored_at=1,
        map_function=1,
        vrf_key=1,
        log_root=root_hash([hash_leaf(entry) for entry in entries]),
        map_root=prefix_tree.root(values),
    )


def test_audit_of_a_mirrored_log_that_the_chain_vouches_for_is_clean(
    damaged: Damaged, chain: ToldChain
) -> None:
    chain.heads[OTHER] = mirrored_head(damaged)
    assert codes(damaged, chain) == {}


def test_audit_of_a_mirrored_log_that_is_not_the_anchored_one_finds_it(
    damaged: Damaged, chain: ToldChain
) -> None:
    head = mirrored_head(damaged)
    chain.heads[OTHER] = replace(head, log_root=ROOT)
    (finding,) = damaged.audit(chain).findings  # type: ignore[arg-type]
    assert finding == Finding(
        "mirrored-root",
        "mirrored_entries",
        None,
        ROOT.hex(),
        head.log_root.hex(),
        place="320000/records/1",
    )


def test_audit_of_a_mirrored_log_of_a_later_head_waits_for_the_mirror(
    damaged: Damaged, chain: ToldChain
) -> None:
    head = mirrored_head(damaged)
    chain.heads[OTHER] = replace(head, size=head.size + 5, log_root=ROOT)
    assert codes(damaged, chain) == {}


@pytest.mark.parametrize(
    ("lane", "found", "unknown"),
    [
        (3, ["mirrored-map"], []),
        (3 + 2**63, [], []),
        (2, [], []),
        (ChainUnavailableError("down"), [], ["mirrored-unchecked"]),
    ],
)
def test_audit_of_a_map_that_does_not_follow_asks_what_this_mirror_said(
    lane: int | Exception,
    found: list[str],
    unknown: list[str],
    damaged: Damaged,
    chain: ToldChain,
) -> None:
    chain.heads[OTHER] = replace(mirrored_head(damaged), map_root=ROOT)
    chain.lane = lane
    mirror = Mirror(4, REGION, "region")
    node = replace(damaged.node, trust_root=replace(damaged.node.trust_root, mirrors=(mirror,)))
    report = damaged.audit(chain, node)  # type: ignore[arg-type]
    assert list(report.counts) == found
    assert [one.code for one in report.unknown] == unknown
