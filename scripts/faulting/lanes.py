"""One region's node through its share of the table: published to, killed, started again, checked.

A lane is a process of its own with one thread, because it forks the node's processes. It tells the
run what happened through a pipe. A lane that is done goes on publishing until every lane is: the
others' mirrors need something to follow, and their heads its confirmations.
"""

import random
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import httpx

from faulting import checks
from faulting.answers import check_answers
from faulting.book import Book, Sending
from faulting.checks import STUCK, WRONG, Finding
from faulting.network import Place
from faulting.process import NodeProcess, end_with_parent
from faulting.table import Step
from ledger.adapters.keystore import load_keys
from ledger.core.verify.verdict import day_of

LIFE_S = 90.0
"""Longest life until a point is reached, and longest way of everything accepted to its proof."""

REST_EVERY = 8
"""Kills between two rests with full checks."""

PROOF_S = 10.0
"""How long a proof is waited for before the next file is sent."""

ANY_MOMENT_S = 3.0
"""A process without a point is killed within this time."""

PAUSE_S = 0.05


class Lane:
    """One region's share of the table.

    Args:
        place: Where the node lives.
        steps: What it goes through.
        seed: Decides what is published and when.
        pipe: Where it tells what happened, as ``(word, value)``.
    """

    def __init__(self, place: Place, steps: Sequence[Step], seed: str, pipe: Connection) -> None:
        self._place = place
        self._steps = steps
        self._chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self._book = Book(place.region, self._chance)
        self._pipe = pipe
        self._unheard: list[Sending] = []
        """Files whose outcome is unknown; sent again until it is known."""
        self._key = {"Authorization": f"Bearer {load_keys(place.folder).operator_token}"}

    def run(self) -> None:
        """Go through the table, then serve the others until they are through too."""
        for number, step in enumerate(self._steps, 1):
            self._one(step)
            if number % REST_EVERY == 0:
                self._stop(self._rest(NodeProcess(self._place)))
        node = NodeProcess(self._place)
        self._tell("done", self._place.region)
        self._keep_busy(node, self._is_called)
        self._pipe.recv()
        self._rest(node)
        self._tell("through", len(self._book.records))
        self._pipe.recv()
        self._stop(node)

    def _is_called(self) -> bool:
        return self._pipe.poll()

    def _stop(self, node: NodeProcess) -> None:
        if not node.stop():
            self._report(Finding(STUCK, f"{self._place.region}: does not stop when asked"))

    # --- One kill

    def _one(self, step: Step) -> None:
        if step.is_expiry:
            self._publish_what_ends_today()
        begun = time.monotonic()
        node = NodeProcess(self._place, step.armed)
        if step.armed is None:
            node.kill_after(self._chance.uniform(0.0, ANY_MOMENT_S))
        self._keep_busy(node, lambda: time.monotonic() > begun + LIFE_S)
        if node.is_alive:
            text = f"{step.point} not reached within {LIFE_S:.0f} s: {self._excuse()}"
            self._report(Finding(STUCK, f"{self._place.region}: {text}"))
            node.kill()
        elif not node.was_killed:
            text = f"{step.point}: ended with code {node.code}: {self._excuse()}"
            self._report(Finding(WRONG, f"{self._place.region}: {text}"))
        else:
            self._tell("kill", (step.point, time.monotonic() - begun))
        self._report(*checks.after_kill(self._place, self._book))

    def _keep_busy(self, node: NodeProcess, is_over: Callable[[], bool]) -> None:
        """Publish one file after the other until the process is dead or the time is over."""
        if not node.wait_up(time.monotonic() + LIFE_S):
            return
        with httpx.Client(base_url=self._place.url, trust_env=False, timeout=30) as client:
            while node.is_alive and not is_over():
                if not self._unheard:
                    self._unheard.append(self._book.next_file(_today()))
                self._send_unheard(client, node)
                self._wait_for_proof(node, time.monotonic() + PROOF_S)

    def _send_unheard(self, client: httpx.Client, node: NodeProcess) -> None:
        """Send what was not acknowledged, oldest first; what is not answered stays in the list."""
        deadline = time.monotonic() + LIFE_S
        while self._unheard and node.is_alive and time.monotonic() < deadline:
            answer = self._send(client, self._unheard[0])
            if answer is None:
                time.sleep(PAUSE_S)
                continue
            sending = self._unheard.pop(0)
            wrong = self._book.note(sending, answer, _today())
            self._report(*(Finding(WRONG, f"{self._place.region}: {text}") for text in wrong))

    def _send(self, client: httpx.Client, sending: Sending) -> dict[str, Any] | None:
        headers = self._key | {"Content-Type": "text/csv"}
        if sending.key is not None:
            headers["Idempotency-Key"] = sending.key
        try:
            response = client.post(
                "/v1/batches",
                params={"mode": sending.mode},
                content=sending.content,
                headers=headers,
            )
        except httpx.HTTPError:
            return None
        if response.status_code == httpx.codes.ACCEPTED:
            body: dict[str, Any] = response.json()
            return body
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            text = f"publishing was answered {response.status_code}: {response.text[:300]}"
            self._report(Finding(WRONG, f"{self._place.region}: {text}"))
        return None

    def _wait_for_proof(self, node: NodeProcess, deadline: float) -> bool:
        """Wait until everything accepted is under a stored snapshot; False at death or deadline."""
        while node.is_alive and time.monotonic() < deadline:
            if checks.pending(self._place.database) == 0:
                return True
            time.sleep(PAUSE_S)
        return False

    def _publish_what_ends_today(self) -> None:
        """A node whose clock is a day late takes records that are over by the right time."""
        node = NodeProcess(self._place, yesterday=True)
        yesterday = _today() - timedelta(days=1)
        if node.wait_up(time.monotonic() + LIFE_S):
            sending = self._book.next_file(yesterday, until=yesterday)
            self._unheard.append(sending)
            with httpx.Client(base_url=self._place.url, trust_env=False, timeout=30) as client:
                self._send_unheard(client, node)
        node.kill()
        self._report(*checks.after_kill(self._place, self._book))

    # --- Rest

    def _rest(self, node: NodeProcess) -> NodeProcess:
        """Let everything reach its proof, then check everything; the node goes on running."""
        deadline = time.monotonic() + LIFE_S
        if node.wait_up(deadline):
            with httpx.Client(base_url=self._place.url, trust_env=False, timeout=30) as client:
                self._send_unheard(client, node)
        while not self._has_settled(node, deadline):
            if not node.is_alive or time.monotonic() > deadline:
                text = f"does not come to rest: {self._excuse()}"
                self._report(Finding(STUCK, f"{self._place.region}: {text}"))
                break
        self._report(*checks.at_rest(self._place, self._book, _today()))
        with httpx.Client(base_url=self._place.url, trust_env=False, timeout=30) as client:
            self._report(*self._answers(client))
        self._tell("rest", self._place.region)
        return node

    def _answers(self, client: httpx.Client) -> list[Finding]:
        try:
            found = check_answers(self._place, self._book, _today(), self._chance, client)
            return list(found)
        except httpx.HTTPError as error:
            return [Finding(WRONG, f"{self._place.region}: answers: {type(error).__name__}")]

    def _has_settled(self, node: NodeProcess, deadline: float) -> bool:
        # Twice: what is over is swept only after the first snapshot is served.
        if not self._wait_for_proof(node, deadline):
            return False
        late = checks.overdue(self._place.database, _today())
        if late:
            time.sleep(PAUSE_S)
        return not late

    def _excuse(self) -> str:
        """The last words of the node's log."""
        try:
            text = self._place.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "no log"
        return " | ".join(text.splitlines()[-3:])

    # --- Telling

    def _report(self, *found: Finding) -> None:
        for one in found:
            self._tell("finding", one)

    def _tell(self, word: str, value: object) -> None:
        self._pipe.send((word, value))


def run_lane(place: Place, steps: Sequence[Step], seed: str, pipe: Connection) -> None:
    """The main function of a lane's process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    try:
        Lane(place, steps, seed, pipe).run()
    except EOFError:
        return  # The run is over.
    except Exception:
        pipe.send(("broken", f"{place.region}: {traceback.format_exc()}"))


def _today() -> date:
    return day_of(datetime.now(UTC))
