"""What a real node calls anchored is compared with the chain itself."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pysqlite3
import pytest
from faulting.checks import Acknowledged
from faulting.network import Place
from worlds.node import penalties, penalty, uscc
from worlds.processes import ServedNode

pytestmark = pytest.mark.devnet


@pytest.fixture(scope="module")
def proved(place: Place) -> int:
    """The number of a batch that a node has proved; then the node was stopped."""
    with ServedNode(place.folder) as node:
        node.wait_ready()
        batch_id = int(node.publish(penalties(penalty(71), penalty(72))).json()["id"])
        node.wait_for_answer(uscc(72), "records")
        node.stop()
    return batch_id


@pytest.fixture
def copied(place: Place, proved: int, tmp_path: Path) -> tuple[Place, int]:
    shutil.copytree(place.folder, tmp_path / "node")
    return Place(place.region, tmp_path / "node", place.url), proved


def judge(place: Place, batch_id: int, state: str) -> bool | None:
    judging = Acknowledged(place)
    try:
        return judging.is_true(batch_id, state)
    finally:
        judging.close()


def damage(place: Place, statement: str) -> None:
    with closing(pysqlite3.connect(place.database)) as connection:
        assert connection.execute(statement).rowcount >= 1
        connection.commit()


def test_true_acknowledgement_is_judged_true(copied: tuple[Place, int]) -> None:
    assert judge(*copied, "anchored") is True
    assert judge(*copied, "confirmed") is True


@pytest.mark.parametrize(
    "statement",
    [
        # Called anchored without an index, beyond the chain's head, and under no head.
        "UPDATE events SET log_index = NULL WHERE seq = (SELECT max(seq) FROM events)",
        "UPDATE events SET log_index = log_index + 1000",
        "UPDATE outbox SET live_epoch = NULL",
    ],
)
def test_acknowledgement_that_the_chain_does_not_show_is_false(
    copied: tuple[Place, int], statement: str
) -> None:
    damage(copied[0], statement)
    assert judge(*copied, "anchored") is False


def test_silent_chain_leaves_an_acknowledgement_open(copied: tuple[Place, int]) -> None:
    path = copied[0].folder / "node.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(settings | {"rpc_url": "http://127.0.0.1:9"}), encoding="utf-8")
    assert judge(*copied, "anchored") is None
