"""A node as an operator runs it: a process of its own, spoken to through HTTP alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.keystore import load_keys

DEADLINE_S = 60.0


def wait_for(reached: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


class ServedNode:
    """One process over a node's folder; several may stand over the same one.

    Args:
        folder: The node's folder.
        around: A command that runs the node inside something else.
        prepare: Called in the process before the node starts.
        environment: Further variables.
        port: Where it listens; a free one by default.
        log: Where its words go; beside its folder by default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        around: Sequence[str] = (),
        prepare: Callable[[], None] | None = None,
        environment: dict[str, str] | None = None,
        port: int | None = None,
        log: Path | None = None,
    ) -> None:
        self.folder = folder
        port = find_free_port() if port is None else port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log or folder.parent / f"{folder.name}-{port}.log"
        command = [sys.executable, "-m", "ledger", "serve", "--dir", str(folder)]
        with self.log.open("ab") as words:
            self.process = subprocess.Popen(
                [*around, *command, "--port", str(port)],
                stdout=words,
                stderr=words,
                env=os.environ | (environment or {}),
                preexec_fn=prepare,
            )
        token = load_keys(folder).operator_token
        self.client = httpx.Client(
            base_url=self.url,
            trust_env=False,
            timeout=DEADLINE_S,
            headers={"Authorization": f"Bearer {token}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.client.close()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def wait_up(self, deadline: float) -> bool:
        """Wait until it answers; False when it ended or the time is over."""
        while self.is_alive and time.monotonic() < deadline:
            if self.ready():
                return True
            time.sleep(0.1)
        return False

    def wait_ready(self) -> Self:
        wait_for(lambda: self.ready() == "ready", self.words)
        return self

    def ready(self) -> str:
        """``ready``, or why not; empty while nobody answers."""
        try:
            body: dict[str, Any] = self.client.get("/readyz").json()
        except httpx.HTTPError:
            return ""
        return str(body.get("detail", body["status"]))

    def publish(self, content: bytes, key: str | None = None) -> httpx.Response:
        headers = {"Content-Type": "text/csv"} | ({} if key is None else {"Idempotency-Key": key})
        return self.client.post("/v1/batches", content=content, headers=headers)

    def answer(self, subject: str) -> dict[str, Any]:
        question = {"subject": subject, "record_type": "cf"}
        response = self.client.post("/v1/answers", json={"questions": [question]})
        assert response.status_code == 200, response.text
        (answer,) = response.json()["answers"]
        found: dict[str, Any] = answer
        return found

    def wait_for_answer(self, subject: str, result: str) -> None:
        wait_for(lambda: str(self.answer(subject)["result"]) == result, self.words)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
