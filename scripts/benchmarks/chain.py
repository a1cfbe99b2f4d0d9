"""What the chain costs: gas of the calls, and how long a record waits until it is confirmed.

Gas is that of whole transactions on the development chain, which runs the Berlin EVM, beside the
limits of the design; the proof of ``anchor`` has 20 nodes, as long as one over a million entries.

The wait is measured on four nodes and their chain, each with its mirror, all on this machine: one
record at a time is sent to one region over HTTP and asked for until its batch is confirmed, that
is, until lookups answer with it. Its peer is the pace of the chain: the blocks it has to wait for.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

from story.network import Network

from benchmarks.chain_watch import height
from benchmarks.figure import SEED, Figure, Say, make_cost
from benchmarks.files import make_penalties
from benchmarks.waits import STATES, Waits, make_wait_figures, wait_for
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.keystore import load_keys
from ledger.core.chain.head_slots import stream_id

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "evm"))

from live_chain import LiveContract, address, start_chain
from sample_logs import invent_claim

OPEN_LIMIT: Final = 150_000
ANCHOR_LIMIT: Final = 76_000
"""Most gas of a 20-node proof over a map that was not empty."""

TRANSACTION: Final = 21_000
NEW_WORD: Final = 22_100
"""Gas of a storage word that was zero, EIP-2929."""
CHANGED_WORD: Final = 5_000
"""Gas of a storage word that was not."""

REGION: Final = "310000"
RECORDS: Final = stream_id(REGION, "records")
SIZES: Final = (2**19 - 1, 2**19)
"""The dearest pair whose proof has 20 nodes: each stands left of both trees."""

PEERS: Final = {
    ("confirmed", 50): (1.5, "half a block until the one with the head, one for confirmations"),
    ("confirmed", 99): (2.0, "a block until the one with the head, one for confirmations"),
}
"""Blocks that a record has to wait for, by state and percentile."""


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure gas, then a network."""
    say("gas")
    figures = _gas()
    say("starting a chain and four nodes")
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        with Network(Path(folder)) as network:
            waits, blocks_s = _waits(network, 8 if quick else 40, say)
    note = f"{len(waits['confirmed'])} records, one at a time; a block every {blocks_s:.2f} s"
    return figures + make_wait_figures(waits, PEERS, block_s=blocks_s, note=note)


def _gas() -> list[Figure]:
    random = Random(SEED)  # noqa: S311 - a measurement
    claim = invent_claim(random, *SIZES)
    map_root = random.randbytes(32)
    head = (RECORDS, 0, 1, 1, claim.old_size, claim.old_root, random.randbytes(32))
    next_head = (RECORDS, *SIZES, claim.new_root, map_root, list(claim.path))
    confirmed = (RECORDS, 2, map_root)
    figures = []
    with start_chain() as chain:
        governance, node, *mirrors = chain.accounts
        anchors = LiveContract(chain, "HeadAnchor", [address(governance)])
        anchors.send(governance, "approve", RECORDS, int(REGION), address(node), 1, 1)
        for number in (0, 1):
            anchors.send(governance, "addMirror", number, address(mirrors[number]), 0)
        for name, sender, function, arguments, words, aim in (
            ("open", node, "open", head, 3 * NEW_WORD, OPEN_LIMIT),
            ("anchor, 20 nodes", node, "anchor", next_head, 3 * CHANGED_WORD, ANCHOR_LIMIT),
            ("confirm, new word", mirrors[0], "confirm", confirmed, NEW_WORD, None),
            ("confirm, next lane", mirrors[1], "confirm", confirmed, CHANGED_WORD, None),
        ):
            call_data = load_contract("HeadAnchor").encode(function, arguments)
            figures.append(
                make_cost(
                    name,
                    anchors.send(sender, function, *arguments).gas_used,
                    "gas",
                    floor_name="any transaction, its bytes, and the storage words it has to write",
                    floor=TRANSACTION + _gas_of_bytes(call_data) + words,
                    aim=aim,
                )
            )
    return figures


def _gas_of_bytes(call_data: bytes) -> int:
    """EIP-2028."""
    zeros = call_data.count(0)
    return 4 * zeros + 16 * (len(call_data) - zeros)


def _waits(network: Network, records: int, say: Say) -> tuple[Waits, float]:
    """Seconds from the answer to each state, record by record, and seconds of a block."""
    node = network.nodes[REGION]
    headers = {"Authorization": f"Bearer {load_keys(node.folder).operator_token}"}
    waits: Waits = {state: [] for state in STATES}
    rpc = JsonRpc(_rpc_url(network), timeout_s=10.0)
    started, first = time.monotonic(), height(rpc)
    for number in range(records + 1):
        say(f"record {number} of {records}")
        reached = wait_for(node.url, headers, make_penalties(number, 1, companies=10**7))
        if number:  # the first one opens the stream
            for state, seconds in reached.waited_s.items():
                waits[state].append(seconds)
    blocks_s = (time.monotonic() - started) / max(height(rpc) - first, 1)
    rpc.close()
    return waits, blocks_s


def _rpc_url(network: Network) -> str:
    deployment = (network.devnet / "deployment.json").read_text(encoding="utf-8")
    return str(json.loads(deployment)["rpc_url"])
