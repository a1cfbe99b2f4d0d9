"""What a consortium of five QBFT validators costs: gas, waiting, disk and memory.

Four regions' nodes and five validators, all real, on this machine. One record at a time is sent to
one region and asked for until it is confirmed; gas is read from the receipts of the transactions
that came of it. Then the chain is left alone for a while, and given a batch every second for as
long; what the validators' folders grow meanwhile is taken for a whole day. Disk is what the file
system has given to the files, memory what a process alone would free (PSS).
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from story.network import Network

from benchmarks.chain import REGION, TRANSACTION, block_of, measure_waits, rpc_url_of, wait_figures
from benchmarks.figure import Figure, Say, make_cost
from benchmarks.files import make_penalties
from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import ConsortiumDirectory
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.keystore import load_keys
from ledger.cli.client import call
from ledger.errors import InputError

DAY_S: Final = 86_400
MEBIBYTE: Final = 2**20
DISK_BLOCK: Final = 512
"""Unit of ``st_blocks``."""

BYTES_OF_HEADER: Final = 1_000
"""About what an empty sealed header of five validators takes as RLP."""


@dataclass(frozen=True, slots=True)
class Look:
    """The validators at one moment."""

    at: float
    """Seconds of a clock that only goes on."""
    block: int
    disk: tuple[int, ...]
    """Bytes of each validator's folder."""
    memory: tuple[int, ...]
    """PSS of each validator, bytes."""


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure a network from its first record on."""
    records, idle_s = (8, 20) if quick else (100, 90)
    say("starting five validators and four nodes")
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        with Network(Path(folder), engine="qbft") as network:
            rpc = JsonRpc(rpc_url_of(network), timeout_s=10.0)
            first = block_of(rpc)
            waits, blocks_s = measure_waits(network, records, say)
            gas = gas_by_function(rpc, network, first, block_of(rpc))
            say("leaving the chain alone")
            idle = _watch(network, rpc, idle_s)
            say("a batch every second")
            with _a_batch_every_second(network):
                busy = _watch(network, rpc, idle_s)
            rpc.close()
    return [
        *_gas_figures(gas),
        *wait_figures(waits, blocks_s),
        *_anchor_figure(waits, blocks_s),
        *_growth_figures("idle", *idle),
        *_growth_figures("a batch a second", *busy),
    ]


def growth_per_day(before: Sequence[int], after: Sequence[int], seconds: float) -> float:
    """Bytes that one folder grows in a day, the mean of all.

    Args:
        before: Bytes of each folder.
        after: The same, later.
        seconds: How much later.
    """
    return mean(b - a for a, b in zip(before, after, strict=True)) * DAY_S / seconds


def gas_by_function(
    rpc: JsonRpc, network: Network, first: int, last: int
) -> dict[str, list[tuple[int, int]]]:
    """Gas and bytes of the call of each transaction to HeadAnchor, by function."""
    contract = load_contract("HeadAnchor")
    anchor = _address_of_anchor(network)
    found: dict[str, list[tuple[int, int]]] = {}
    for number in range(first, last + 1):
        block: Any = rpc.call("eth_getBlockByNumber", [hex(number), True])
        for one in block["transactions"]:
            if (one["to"] or "").lower() != anchor:
                continue
            data = bytes.fromhex(one["input"][2:])
            try:
                name, _ = contract.decode_call(data)
            except InputError:
                continue
            receipt: Any = rpc.call("eth_getTransactionReceipt", [one["hash"]])
            found.setdefault(name, []).append((int(receipt["gasUsed"], 16), len(data)))
    return found


def _address_of_anchor(network: Network) -> str:
    deployment = json.loads((network.devnet / "deployment.json").read_text(encoding="utf-8"))
    return str(deployment["contracts"]["HeadAnchor"]["address"]).lower()


def _gas_figures(gas: dict[str, list[tuple[int, int]]]) -> list[Figure]:
    figures = []
    for name in ("anchor", "confirm"):
        used = [one for one, _ in gas.get(name, [])]
        if used:
            figures.append(
                make_cost(
                    f"gas of `{name}`, median",
                    median(used),
                    "gas",
                    floor_name="any transaction",
                    floor=TRANSACTION,
                    note=f"{len(used)} transactions, at most {max(used):,}",
                )
            )
    return figures


def _anchor_figure(waits: dict[str, list[float]], blocks_s: float) -> list[Figure]:
    """How long a head is on its way."""
    spent = [b - a for a, b in zip(waits["integrated"], waits["anchored"], strict=True)]
    note = f"{len(spent)} heads; half a block until the next one, its seals and proof"
    return [
        make_cost(
            "integrated -> anchored, median",
            median(spent),
            "s",
            floor_name="half a block",
            floor=blocks_s / 2,
            note=note,
        )
    ]


def _growth_figures(name: str, before: Look, after: Look) -> list[Figure]:
    seconds, blocks = after.at - before.at, after.block - before.block
    growth = growth_per_day(before.disk, after.disk, seconds)
    of_headers = BYTES_OF_HEADER * blocks * DAY_S / seconds
    return [
        make_cost(
            f"disk of a validator, {name}",
            growth / MEBIBYTE,
            "MiB/day",
            floor_name="its headers alone, a kilobyte each",
            floor=of_headers / MEBIBYTE,
            note=f"{blocks} blocks in {seconds:.0f} s, {growth * seconds / DAY_S / blocks:,.0f}"
            " bytes a block",
        ),
        make_cost(
            f"memory of a validator, {name}",
            mean(after.memory) / MEBIBYTE,
            "MiB",
            note=f"at most {max(after.memory) / MEBIBYTE:.0f} of {len(after.memory)} validators",
        ),
    ]


def _watch(network: Network, rpc: JsonRpc, seconds: float) -> tuple[Look, Look]:
    before = _look(network, rpc)
    time.sleep(seconds)
    return before, _look(network, rpc)


def _look(network: Network, rpc: JsonRpc) -> Look:
    directory = ConsortiumDirectory(network.devnet)
    validators = control.status(network.devnet).validators
    return Look(
        at=time.monotonic(),
        block=block_of(rpc),
        disk=tuple(disk_of(directory.folder(one.name)) for one in validators),
        memory=tuple(pss_of(one.pid) for one in validators if one.pid is not None),
    )


def disk_of(folder: Path) -> int:
    """Bytes that the file system has given to the files of a folder."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(place) / name).lstat().st_blocks * DISK_BLOCK
            except FileNotFoundError:  # a table that was merged just now
                continue
    return found


def pss_of(pid: int) -> int:
    """Proportional set size of a process, bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1_024
    raise RuntimeError(f"process {pid}: no Pss")


@contextmanager
def _a_batch_every_second(network: Network) -> Iterator[None]:
    node = network.nodes[REGION]
    token = load_keys(node.folder).operator_token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    over = threading.Event()

    def publish() -> None:
        number, due = 10**6, time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            content = make_penalties(number, 1, companies=10**7)
            call("POST", node.url, "/v1/batches", content=content, headers=headers)
            number, due = number + 1, due + 1.0

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
