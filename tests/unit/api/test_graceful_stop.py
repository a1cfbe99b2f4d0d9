"""A node told to stop: requests in work end, new ones are refused, no file is half taken."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from worlds.node import penalties, penalty
from worlds.node_app import TOKEN

from ledger.adapters.sql import open_store

CSV = {"Content-Type": "text/csv"}
DEADLINE_S = 60.0
TESTS = Path(__file__).resolve().parents[2]


class Process:
    """A node in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "worlds.serve", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            text=True,
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=DEADLINE_S,
        )

    def until(self, member: str) -> None:
        """Wait until a member of ``in_work`` is not 0."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if self.client.get("/v1/status").json()["in_work"][member]:
                return
        raise AssertionError(f"no {member} in work")

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(DEADLINE_S)

    def end(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.end()


def batches_in(folder: Path) -> int:
    store = open_store(f"sqlite:///{folder}/node.db")
    try:
        return len(store.batch_heads(None, 100))
    finally:
        store.close()


def large_file() -> bytes:
    return penalties(*(penalty(number) for number in range(1, 6_000)))


def test_stop_while_rows_are_decided_gives_the_file_back_and_stores_nothing(
    node: Process,
) -> None:
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(node.client.post("/v1/batches", content=large_file(), headers=CSV))

    sending = threading.Thread(target=send)
    sending.start()
    node.until("rows_decided")
    assert node.stop() in (0, -signal.SIGTERM)
    sending.join(DEADLINE_S)
    (answer,) = answers
    acknowledged = answer.status_code == 202
    assert acknowledged or (answer.status_code, answer.json()["code"]) == (503, "stopping")
    assert batches_in(node.folder) == acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3, 1.0])
def test_stop_at_any_moment_acknowledges_exactly_what_is_stored(
    node: Process, delay_s: float
) -> None:
    acknowledged: list[int] = []
    refused: list[str] = []

    def send() -> None:
        for number in range(500):
            content = penalties(*(penalty(1000 * number + one) for one in range(20)))
            try:
                answer = node.client.post("/v1/batches", content=content, headers=CSV)
            except httpx.TransportError:
                refused.append("connection")
                return
            if answer.status_code != 202:
                refused.append(answer.json()["code"])
                return
            acknowledged.append(answer.json()["id"])

    sending = threading.Thread(target=send)
    sending.start()
    time.sleep(delay_s)
    assert node.stop() in (0, -signal.SIGTERM)
    sending.join(DEADLINE_S)
    assert not sending.is_alive()
    assert refused in (["stopping"], ["connection"])
    assert batches_in(node.folder) == len(acknowledged)
