"""What the writers pay for, whole transactions on a Berlin chain."""

from random import Random

import pytest
from eth_abi.abi import decode, encode
from live_chain import LiveChain, LiveContract, address
from sample_logs import Claim, invent_claim

from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.keccak import keccak256

pytestmark = pytest.mark.devnet

RECORDS = stream_id("310000", "records")
ANCHOR_LIMIT = 76_000
"""Most gas of ``anchor`` with a proof of 20 nodes over a map that was not empty."""
OPEN_LIMIT = 150_000


def open_stream(chain: LiveChain, claim: Claim, map_root: bytes) -> tuple[LiveContract, int]:
    governance, node = chain.accounts[:2]
    anchors = LiveContract(chain, "HeadAnchor", [address(governance)])
    anchors.send(governance, "approve", RECORDS, 310_000, address(node), 1, 1)
    arguments = (RECORDS, 0, 1, 1, claim.old_size, claim.old_root, map_root)
    return anchors, anchors.send(node, "open", *arguments).gas_used


def test_gas_of_open_and_anchor_with_twenty_nodes_is_within_limits(
    chain: LiveChain, capsys: pytest.CaptureFixture[str]
) -> None:
    random, node = Random(20), chain.accounts[1]
    shown = []
    # The last pair is the dearest of this length: each node stands left of both trees.
    for sizes in ((65_537, 500_000), (200_001, 300_000), (2**19 - 1, 2**19)):
        claim = invent_claim(random, *sizes)
        assert len(claim.path) == 20
        anchors, opened = open_stream(chain, claim, random.randbytes(32))
        arguments = (RECORDS, *sizes, claim.new_root, random.randbytes(32), list(claim.path))
        anchored = anchors.send(node, "anchor", *arguments).gas_used
        assert opened <= OPEN_LIMIT
        assert anchored <= ANCHOR_LIMIT
        shown.append(f"{sizes[0]} -> {sizes[1]}: open {opened}, anchor with 20 nodes {anchored}")
    with capsys.disabled():
        print("\n" + "\n".join(shown))


def test_gas_of_confirm_is_shown(chain: LiveChain, capsys: pytest.CaptureFixture[str]) -> None:
    claim = invent_claim(Random(1), 1, 2)
    anchors, _ = open_stream(chain, claim, b"\x01" * 32)
    for number in (0, 1):
        anchors.send(chain.accounts[0], "addMirror", number, address(chain.accounts[2 + number]), 0)
    used = [
        anchors.send(chain.accounts[2 + number], "confirm", RECORDS, 1, b"\x01" * 32).gas_used
        for number in (0, 1)
    ]
    assert used[0] > used[1], "the second lane shares the word of the first"
    with capsys.disabled():
        print(f"\nconfirm: first lane of a word {used[0]}, next lanes {used[1]}")


def test_gas_of_the_check_is_well_below_that_of_its_plain_twin(
    chain: LiveChain, harness_code: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    harness = chain.create(harness_code)
    kind = "(uint64,uint64,bytes32,bytes32,bytes32[])"
    selector = keccak256(f"gasUsed({kind})".encode())[:4]
    shown = []
    for sizes in ((65_537, 500_000), (2**19 - 1, 2**19)):
        claim = invent_claim(Random(2), *sizes)
        values = (*sizes, claim.old_root, claim.new_root, claim.path)
        answer = chain.view(harness, selector + encode([kind], [values]))
        checked, plain = decode(["uint256", "uint256"], answer)
        assert checked * 2 < plain
        shown.append(f"{sizes[0]} -> {sizes[1]}: check {checked}, plain twin {plain}")
    with capsys.disabled():
        print("\n" + "\n".join(shown))
