"""Every named crash point lies on the path of a publication, and none can be armed by accident."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from worlds.node import World, penalties, penalty
from worlds.node_app import TOKEN, app_of, client_of

import ledger
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.sending import send
from ledger.core.verify.verdict import day_of
from ledger.errors import FatalStateError
from ledger.services import crash_points
from ledger.services.crash_points import CRASH_POINTS, arm, parse_crash_point, reach, watch

PACKAGE = Path(ledger.__file__).parent
CALL = re.compile(r'\breach\(\s*"([^"]*)"')


@pytest.fixture
def passed() -> Iterator[list[str]]:
    names: list[str] = []
    watch(names.append)
    yield names
    watch(None)


def calls_in_code() -> set[str]:
    return {name for path in PACKAGE.rglob("*.py") for name in CALL.findall(path.read_text())}


def test_names_in_code_and_names_in_the_list_are_the_same() -> None:
    assert calls_in_code() == set(CRASH_POINTS)


def test_list_is_ordered_by_room_and_says_what_has_happened() -> None:
    rooms = [name.partition(".")[0] for name in CRASH_POINTS]
    assert len(CRASH_POINTS) >= 20
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", name) for name in CRASH_POINTS)
    assert rooms == sorted(rooms, key=rooms.index)
    assert all(CRASH_POINTS.values())


async def test_every_point_is_reached_in_one_ordinary_life(
    tmp_path: Path, passed: list[str]
) -> None:
    world = World(tmp_path)
    today = day_of(world.clock.now()).isoformat()
    world.settle(4)
    async with client_of(app_of(world), token=TOKEN) as client:
        answer = await client.post(
            "/v1/batches",
            content=penalties(penalty(1), penalty(2, until=today)),
            headers={"Content-Type": "text/csv"},
        )
    assert answer.status_code == 202
    world.settle()
    world.clock.advance(86_400)
    world.chain.mine()
    world.settle()
    world.restart()
    world.settle(2)
    # The chain of this world is in memory; what lies in the way to a real one:
    reply = {"jsonrpc": "2.0", "id": 1, "result": "0x" + "11" * 32}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(reply)))
    send(JsonRpc("http://chain.test", transport=transport), b"\x01")
    # A node that is alone mirrors nobody, and a generation is no everyday thing; tests of both come
    # by there.
    others = ("mirror.", "generation.")
    assert set(passed) == {name for name in CRASH_POINTS if not name.startswith(others)}


def test_points_of_a_publication_are_passed_in_the_order_of_the_list(
    tmp_path: Path, passed: list[str]
) -> None:
    world = World(tmp_path)
    world.settle(4)
    passed.clear()
    world.publish(penalties(penalty(1)))
    world.settle()
    own = ("publication", "sequencing", "anchoring", "snapshot")
    names = [name for name in CRASH_POINTS if name.startswith(own)]
    firsts = [name for name in dict.fromkeys(passed) if name.startswith(own)]
    # A snapshot is taken while the head is on its way: only its last points wait for it.
    steady = [name for name in firsts if not name.startswith("snapshot")]
    assert steady == [name for name in names if name in steady]
    last = len(passed) - passed[::-1].index("snapshot.served") - 1
    assert passed.index("anchoring.mined") < last


def test_point_that_nobody_armed_does_nothing() -> None:
    assert crash_points._watcher is None
    reach("publication.received")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nowhere",
        "publication",
        "publication.",
        "PUBLICATION.RECEIVED",
        "publication.received ",
        "publication.received:",
        "publication.received:0",
        "publication.received:-1",
        "publication.received:x",
        "publication.received:1.5",
        "publication.received:１",
        "publication.received:1:2",
        "publication.received:9999999999",
        ":1",
    ],
)
def test_point_that_is_none_cannot_be_armed(text: str) -> None:
    with pytest.raises(FatalStateError, match="crash point: expected"):
        arm(text)
    assert crash_points._watcher is None


def test_name_alone_means_the_first_passing() -> None:
    assert parse_crash_point("snapshot.served") == ("snapshot.served", 1)
    assert parse_crash_point("snapshot.served:12") == ("snapshot.served", 12)


def run_armed(text: str, passings: list[str]) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys\n"
        "from ledger.services.crash_points import arm, reach\n"
        "arm(sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    reach(name)\n"
        "    print(name, flush=True)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, text, *passings],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )


def test_armed_process_dies_by_sigkill_at_the_passing_it_was_told() -> None:
    names = ["publication.received", "publication.parsed"] * 3
    ended = run_armed("publication.parsed:2", names)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == names[:3]


def test_armed_process_that_never_comes_there_lives() -> None:
    ended = run_armed("publication.parsed:2", ["publication.parsed", "snapshot.served"])
    assert ended.returncode == 0
    assert ended.stdout.split() == ["publication.parsed", "snapshot.served"]


def test_operators_page_lists_the_same_points_in_the_same_order() -> None:
    page = PACKAGE.parents[1] / "docs" / "operations" / "durability.md"
    rows = re.findall(r"^\| `([a-z.-]+\.[a-z-]+)` \| (.*) \|$", page.read_text("utf-8"), re.M)
    assert rows == list(CRASH_POINTS.items())
