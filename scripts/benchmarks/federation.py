"""Lookups across four regions: four nodes, each with its mirrors, and their chain on this machine.

Every lookup asks one node about one company in all regions. The node asks the other three over
HTTP, verifies all four answers against its own trust root and gives them back with their evidence.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx
from story.network import Network

from benchmarks.figure import Figure, Say, make_cost, make_rate
from benchmarks.files import make_code
from benchmarks.load import generate, post

REGION: Final = "310000"
CONNECTIONS: Final = 8
_READY_S: Final = 180.0
_MARK: Final = b'"outcome":"VALID"'


def measure(*, quick: bool, say: Say) -> list[Figure]:
    """Measure lookups across four nodes; fewer than an address may ask in a minute."""
    say("starting a chain and four nodes")
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        with Network(Path(folder)) as network:
            node = network.nodes[REGION].url
            regions = _await_all(node, say)
            requests = 60 if quick else 250
            say(f"lookups across {regions} regions")
            url = httpx.URL(node)
            content = [post("/v1/lookups", _body(number)) for number in range(1, requests + 1)]
            address = (url.host, url.port or 80)
            load = generate(address, content, mark=_MARK, connections=CONNECTIONS)
            alone = generate(address, content[:20], mark=_MARK, connections=1)
            own = [post("/v1/answers", _question(number)) for number in range(1, requests + 1)]
            local = generate(address, own, mark=b'"none"', connections=CONNECTIONS)
    note = f"{regions} verified answers each, {load.answer_bytes:,} bytes; one machine for all"
    return [
        make_rate(
            "lookups across four nodes, subjects never asked before",
            load.requests / load.seconds,
            "lookups/s",
            floor_name="the same node asked about its own region only, subjects asked before",
            floor=local.requests / local.seconds,
            note=note,
        ),
        make_cost(
            "a lookup across four nodes, nothing else under way, p50",
            alone.latency(0.5),
            "ms",
            note=f"p99 {alone.latency(0.99):.0f} ms, asked before",
        ),
    ]


def _body(number: int) -> bytes:
    return json.dumps({"subjects": [make_code(number)], "record_types": ["cf"]}).encode()


def _question(number: int) -> bytes:
    return json.dumps({"questions": [{"subject": make_code(number), "record_type": "cf"}]}).encode()


def _await_all(node: str, say: Say) -> int:
    """Wait until every region proves an absence; gives the number of regions."""
    say("waiting for every region's first confirmed snapshot")
    deadline = time.monotonic() + _READY_S
    headers = {"Content-Type": "application/json"}
    results: list[str] = []
    while time.monotonic() < deadline:
        answer = httpx.post(f"{node}/v1/lookups", content=_body(0), headers=headers, timeout=30)
        if answer.status_code == 200:
            results = [one["result"] for one in answer.json()["answers"]]
            if results and set(results) == {"none"}:
                return len(results)
        time.sleep(1)
    raise TimeoutError(f"expected absence from every region, found {results}")
