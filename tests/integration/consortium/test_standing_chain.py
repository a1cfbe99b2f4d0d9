"""Two of five validators away: nodes say that the chain stands, answer lookups, and recover."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from worlds.four_nodes import REGIONS, FourNodes, Node
from worlds.node import penalties, penalty, uscc
from worlds.shared_consortium import NEEDS_CONSORTIUM

from ledger.adapters.devnet.qbft import control
from ledger.core import canonical
from ledger.core.headers import parse_header
from ledger.core.verify import Outcome, verify_evidence

pytestmark = NEEDS_CONSORTIUM

LIMIT_S = 12
"""Short of what is set in production, far above the pauses of a chain that goes on."""

LOOK_S = 10
"""Between the limit and the word: a look each second, on a busy machine."""

AWAY = ("anhui", "regulator")
"""Not among the three validators that nodes ask: those go on answering."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FourNodes]:
    with FourNodes(tmp_path_factory.mktemp("standing"), "qbft") as net:
        for node in net.nodes.values():
            node.start(CREDIT_LEDGER_STALLED_AFTER_S=str(LIMIT_S))
        for node in net.nodes.values():
            net.wait(node.is_ready, node)
        yield net


def chain_check(node: Node) -> dict[str, Any]:
    """What the node says of the chain; it must be ready."""
    answer = httpx.get(f"{node.url}/readyz?verbose", trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    (found,) = [one for one in answer.json()["checks"] if one["name"] == "chain"]
    return dict(found)


def doctor(node: Node) -> dict[str, tuple[str, str, str]]:
    """(level, code, what was found) by check."""
    words = ["--lang", "en", "doctor", "--dir", str(node.folder), "--json"]
    variables = {"CREDIT_LEDGER_STALLED_AFTER_S": str(LIMIT_S)}
    done = subprocess.run(
        [sys.executable, "-m", "ledger", *words],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        check=False,
    )
    checks = json.loads(done.stdout)["checks"]
    return {one["check"]: (one["level"], one["code"], one["found"]) for one in checks}


def is_proved(net: FourNodes, node: Node, subject: str) -> bool:
    (answer,) = node.ask(subject, [node.region])
    if answer["result"] != "records":
        return False
    evidence = canonical.encode(answer["evidence"])
    verdict = verify_evidence(evidence, net.trust_root, now=datetime.now(UTC))
    return verdict.outcome is Outcome.VALID


def test_nodes_name_a_chain_that_stands_and_answer_until_it_goes_on(net: FourNodes) -> None:
    node = net.nodes[REGIONS[0]]
    place = node.publish(penalties(penalty(1), penalty(2)))
    net.wait(lambda: node.state_of(place) == "confirmed", node)
    assert chain_check(node)["code"] == "ok"

    for name in AWAY:
        control.stop(net.devnet, name)
    net.wait(lambda: chain_check(node)["code"] != "ok", node)
    found = chain_check(node)
    seen_at = time.time()
    since = datetime.fromisoformat(found["since"]).timestamp()
    assert (found["state"], found["code"]) == ("warning", "chain-stalled")
    assert LIMIT_S < found["lasted_s"] <= LIMIT_S + LOOK_S
    assert LIMIT_S <= seen_at - since <= LIMIT_S + LOOK_S
    newest = net.chain.fetch_header(net.chain.latest_block())[1]
    assert since == parse_header(newest).timestamp

    # What is sealed is proved as before; what comes now is taken and goes no further.
    assert is_proved(net, node, uscc(2))
    waiting = node.publish(penalties(penalty(3)))
    (pending,) = node.ask(uscc(3), [node.region])
    assert (pending["result"], pending["evidence"]) == ("pending", None)
    diagnosed = doctor(node)
    assert diagnosed["chain"][:2] == ("ok", "ok"), "it answers"
    assert diagnosed["clock"][:2] == ("warning", "chain-stalled")
    assert found["since"] in diagnosed["clock"][2]
    assert diagnosed["node:chain"][:2] == ("warning", "chain-stalled")
    assert node.state_of(waiting) in ("accepted", "sequenced", "integrated")

    for name in AWAY:
        control.start(net.devnet, name)
    net.wait(lambda: chain_check(node)["code"] == "ok", node)
    net.wait(lambda: node.state_of(waiting) == "confirmed", node)
    assert node.is_ready()
    assert is_proved(net, node, uscc(3))
    assert doctor(node)["clock"][:2] == ("ok", "ok")
