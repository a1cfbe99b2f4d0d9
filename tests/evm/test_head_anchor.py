"""The deployed HeadAnchor: its storage is read as the core reads it, and attacks are refused."""

from dataclasses import replace

import pytest
from live_chain import CHAIN_ID, LiveChain, LiveContract, address
from sample_logs import Claim, claim_of

from ledger.adapters.evm.artifacts import load_artifact
from ledger.core.chain.head_slots import (
    CONTRADICTION,
    PAUSED,
    RUNNING,
    Head,
    Status,
    confirmation_slot,
    head_slots,
    lane_position,
    lanes,
    stream_id,
    unpack_head,
    unpack_status,
)
from ledger.core.merkle import hash_leaf
from ledger.core.stream.log import MerkleLog

pytestmark = pytest.mark.devnet

SHANGHAI, JIANGSU = 310_000, 320_000
RECORDS = stream_id("310000", "records")
MAP, NEXT_MAP = b"\x11" * 32, b"\x22" * 32
EMPTY_MAP = b"\x00" * 32


def log_of(label: bytes) -> MerkleLog:
    log = MerkleLog()
    log.extend(hash_leaf(label + b"%d" % index) for index in range(40))
    return log


LOG, OTHER_LOG = log_of(b"ours"), log_of(b"another")


class Stream:
    """One approved stream on a contract of its own, and who acts on it."""

    def __init__(self, chain: LiveChain) -> None:
        self.chain = chain
        self.governance, self.node, self.stranger, self.mirror, self.own_mirror = chain.accounts[:5]
        self.anchors = LiveContract(chain, "HeadAnchor", [address(self.governance)])
        self.govern("approve", RECORDS, SHANGHAI, address(self.node), 3, 1)
        self.govern("addMirror", 6, address(self.mirror), JIANGSU)
        self.govern("addMirror", 7, address(self.own_mirror), SHANGHAI)

    def govern(self, function: str, *arguments: object) -> None:
        self.anchors.send(self.governance, function, *arguments)

    def open(self, size: int) -> int:
        """Returns the block's time."""
        arguments = (RECORDS, 0, 3, 1, size, LOG.root(size), MAP)
        return self.anchors.send(self.node, "open", *arguments).block_time

    def anchor(self, old_size: int, new_size: int, map_root: bytes = NEXT_MAP) -> int:
        arguments = self.arguments(claim_of(LOG, old_size, new_size), map_root)
        return self.anchors.send(self.node, "anchor", *arguments).block_time

    def arguments(self, claim: Claim, map_root: bytes = NEXT_MAP) -> tuple[object, ...]:
        sizes = (claim.old_size, claim.new_size)
        return (RECORDS, *sizes, claim.new_root, map_root, list(claim.path))

    def refusal(
        self, claim: Claim, map_root: bytes = NEXT_MAP, sender: bytes | None = None
    ) -> tuple[str, list[object]]:
        arguments = self.arguments(claim, map_root)
        return self.anchors.refusal(sender or self.node, "anchor", *arguments)

    def words(self) -> list[int]:
        slots = head_slots(self.anchors.slots["heads"], RECORDS)
        return [self.chain.storage(self.anchors.address, slot) for slot in slots]

    def confirmations(self, mirror: int) -> int:
        index, _ = lane_position(mirror)
        slot = confirmation_slot(self.anchors.slots["confirmations"], RECORDS, index)
        return self.chain.storage(self.anchors.address, slot)

    def status(self) -> Status:
        slot = self.anchors.slots["status"].to_bytes(32, "big")
        return unpack_status(self.chain.storage(self.anchors.address, slot))


@pytest.fixture
def stream(chain: LiveChain) -> Stream:
    return Stream(chain)


def test_storage_head_words_are_what_the_core_unpacks(stream: Stream) -> None:
    assert stream.words() == [0, 0, 0]
    time = stream.open(5)
    assert unpack_head(*stream.words()) == Head(5, 1, time, 1, 3, LOG.root(5), MAP)
    time = stream.anchor(5, 12)
    expected = Head(12, 2, time, 1, 3, LOG.root(12), NEXT_MAP)
    assert unpack_head(*stream.words()) == expected
    assert Head(*stream.anchors.view("head", RECORDS)) == expected


def test_storage_empty_map_leaves_word_two_unset(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 6, EMPTY_MAP)
    assert stream.words()[2] == 0
    assert unpack_head(*stream.words()).map_root == EMPTY_MAP


def test_storage_confirmation_lane_is_where_the_core_looks(stream: Stream) -> None:
    stream.open(5)
    stream.anchors.send(stream.mirror, "confirm", RECORDS, 1, MAP)
    assert lanes(stream.confirmations(6)) == (0, 0, 1, 0)
    stream.anchors.send(stream.mirror, "confirm", RECORDS, 1, NEXT_MAP)
    assert lanes(stream.confirmations(6)) == (0, 0, 1 + CONTRADICTION, 0)
    assert stream.anchors.view("lane", RECORDS, 6) == (1 + CONTRADICTION,)
    stream.anchors.send(stream.mirror, "confirm", RECORDS, 1, MAP)
    assert lanes(stream.confirmations(6)) == (0, 0, 1, 0)


def test_storage_status_word_is_set_from_the_first_block(stream: Stream) -> None:
    assert stream.status() == Status(successor=b"\x00" * 20, state=RUNNING)
    stream.govern("pause")
    assert stream.status() == Status(successor=b"\x00" * 20, state=PAUSED)
    stream.govern("setSuccessor", address(b"\xbe" * 20))
    assert stream.status() == Status(successor=b"\xbe" * 20, state=PAUSED)


def test_runtime_code_holds_the_chain_id_and_nothing_else_changes(stream: Stream) -> None:
    artifact = load_artifact("HeadAnchor")
    assert stream.anchors.view("chainId") == (CHAIN_ID,)
    code = stream.chain.code(stream.anchors.address)
    assert code.count(CHAIN_ID.to_bytes(32, "big")) >= 1
    # The creation code ends with the runtime code whose immutables are still zero.
    assert code.replace(CHAIN_ID.to_bytes(32, "big"), bytes(32)) in artifact.bytecode


def test_anchor_rollback_is_refused(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 12)
    refused = stream.refusal(claim_of(LOG, 5, 9))
    assert refused == ("HeadAnchorSizeMismatch", [shown(RECORDS), 12, 5])


def test_anchor_fork_at_the_same_size_is_refused(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 12)
    fork = replace(claim_of(LOG, 5, 12), new_root=OTHER_LOG.root(12))
    roots = [shown(LOG.root(12)), shown(OTHER_LOG.root(12)), shown(NEXT_MAP), shown(NEXT_MAP)]
    assert stream.refusal(fork) == ("HeadAnchorFork", [shown(RECORDS), 12, *roots])


def test_anchor_fork_of_the_map_is_refused(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 12)
    roots = [shown(LOG.root(12)), shown(LOG.root(12)), shown(NEXT_MAP), shown(MAP)]
    refused = stream.refusal(claim_of(LOG, 5, 12), MAP)
    assert refused == ("HeadAnchorFork", [shown(RECORDS), 12, *roots])


def test_anchor_another_history_is_refused(stream: Stream) -> None:
    stream.open(5)
    refused = stream.refusal(claim_of(OTHER_LOG, 5, 12))
    roots = [shown(LOG.root(5)), shown(OTHER_LOG.root(5))]
    assert refused == ("ConsistencyProofOldRootMismatch", roots)


def test_anchor_gap_is_refused(stream: Stream) -> None:
    stream.open(5)
    refused = stream.refusal(claim_of(LOG, 8, 12))
    assert refused == ("HeadAnchorSizeMismatch", [shown(RECORDS), 5, 8])


def test_anchor_strangers_key_is_refused(stream: Stream) -> None:
    stream.open(5)
    for sender in (stream.stranger, stream.governance, stream.mirror):
        name, values = stream.refusal(claim_of(LOG, 5, 12), sender=sender)
        assert name == "HeadAnchorNotAnchorKey"
        assert values == [shown(RECORDS), shown(stream.node), shown(sender)]


@pytest.mark.parametrize("old_size", [1, 5, 8, 31])
def test_anchor_proof_of_every_wrong_length_is_refused(stream: Stream, old_size: int) -> None:
    stream.open(old_size)
    claim = claim_of(LOG, old_size, 37)
    right = len(claim.path)
    longest = (*claim.path, *[b"\x33" * 32] * 8)
    for length in set(range(len(longest) + 1)) - {right}:
        refused = stream.refusal(replace(claim, path=longest[:length]))
        assert refused == ("ConsistencyProofLengthMismatch", [right, length])
    stream.anchor(old_size, 37)


def test_anchor_identical_repeat_changes_nothing(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 12)
    words = stream.words()
    stream.anchor(5, 12)
    assert stream.words() == words


def test_anchor_paused_or_superseded_is_refused(stream: Stream) -> None:
    stream.open(5)
    stream.govern("pause")
    assert stream.refusal(claim_of(LOG, 5, 12)) == ("HeadAnchorPaused", [])
    stream.govern("setSuccessor", address(b"\xbe" * 20))
    refused = stream.refusal(claim_of(LOG, 5, 12))
    assert refused == ("HeadAnchorSuperseded", ["0x" + "be" * 20])


def test_confirm_own_region_is_refused(stream: Stream) -> None:
    stream.open(5)
    refused = stream.anchors.refusal(stream.own_mirror, "confirm", RECORDS, 1, MAP)
    values = [shown(RECORDS), SHANGHAI, shown(stream.own_mirror)]
    assert refused == ("HeadAnchorOwnRegion", values)


def test_confirm_future_epoch_or_stranger_is_refused(stream: Stream) -> None:
    stream.open(5)
    refused = stream.anchors.refusal(stream.mirror, "confirm", RECORDS, 2, MAP)
    assert refused == ("HeadAnchorEpochAhead", [shown(RECORDS), 1, 2])
    refused = stream.anchors.refusal(stream.stranger, "confirm", RECORDS, 1, MAP)
    assert refused == ("HeadAnchorNotMirror", [shown(stream.stranger)])


def test_open_new_generation_counts_on_and_replaces_the_log(stream: Stream) -> None:
    stream.open(5)
    stream.anchor(5, 12)
    stream.govern("approve", RECORDS, SHANGHAI, address(stream.stranger), 4, 1)
    arguments = (RECORDS, 2, 4, 1, 2, OTHER_LOG.root(2), EMPTY_MAP)
    receipt = stream.anchors.send(stream.stranger, "open", *arguments)
    expected = Head(2, 3, receipt.block_time, 1, 4, OTHER_LOG.root(2), EMPTY_MAP)
    assert unpack_head(*stream.words()) == expected
    refused = stream.anchors.refusal(stream.stranger, "open", *arguments)
    assert refused == ("HeadAnchorApprovalUsed", [shown(RECORDS), 4])


def shown(value: bytes) -> str:
    """As refusals show bytes."""
    return "0x" + value.hex()
