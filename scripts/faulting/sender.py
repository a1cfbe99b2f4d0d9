"""One region's sender: publishes, sends again what was not answered, and checks what came of it.

It keeps the book of everything it ever sent, so one sender stays with a node for all its lives.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

import httpx

from faulting import checks
from faulting.book import Book, Sending
from faulting.checks import STUCK, WRONG, Finding
from faulting.checks.answers import check_answers
from faulting.network import Place
from ledger.adapters.keystore import load_keys
from ledger.core.verify.verdict import day_of

REST_S = 90.0
"""Longest way of everything accepted to its proof."""

PAUSE_S = 0.05

Acknowledged = tuple[Sending, dict[str, Any]]
"""A file and the answer it was taken with."""


class Life(Protocol):
    """One life of a node's process."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    def wait_up(self, deadline: float) -> bool:
        """Wait until it answers; False when it ended or the time is over."""
        ...


class Sender:
    """The sender of one region.

    Args:
        place: Where the node lives.
        seed: Decides what is published.
        report: Told what must not be.
    """

    def __init__(self, place: Place, seed: str, report: Callable[[Finding], None]) -> None:
        self.place = place
        self.chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self.book = Book(place.region, self.chance)
        self.report = report
        self._unheard: list[Sending] = []
        """Files whose outcome is unknown; sent again until it is known."""
        self._key = {"Authorization": f"Bearer {load_keys(place.folder).operator_token}"}

    def client(self) -> httpx.Client:
        """A connection to the node as its operator."""
        return httpx.Client(base_url=self.place.url, trust_env=False, timeout=30, headers=self._key)

    # --- Sending

    def take(self, sending: Sending) -> None:
        """A file that is to be sent next."""
        self._unheard.append(sending)

    def take_next(self) -> None:
        """Something new to send, unless something is still to be sent again."""
        if not self._unheard:
            self.take(self.book.next_file(today()))

    def send(self, client: httpx.Client, node: Life, deadline: float) -> list[Acknowledged]:
        """Send what was not acknowledged, oldest first; what is not answered stays in the list."""
        taken: list[Acknowledged] = []
        while self._unheard and node.is_alive and time.monotonic() < deadline:
            answer = self._send_once(client, self._unheard[0])
            if answer is None:
                time.sleep(PAUSE_S)
                continue
            sending = self._unheard.pop(0)
            taken.append((sending, answer))
            self._report_all(WRONG, self.book.note(sending, answer, today()))
        return taken

    def _send_once(self, client: httpx.Client, sending: Sending) -> dict[str, Any] | None:
        headers = {"Content-Type": "text/csv"}
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
            self._report_all(WRONG, [text])
        return None

    # --- Rest

    def wait_for_proof(self, node: Life, deadline: float) -> bool:
        """Wait until everything accepted is under a stored snapshot; False at death or deadline."""
        while node.is_alive and time.monotonic() < deadline:
            if checks.pending(self.place.database) == 0:
                return True
            time.sleep(PAUSE_S)
        return False

    def rest(self, node: Life, *, rest_s: float = REST_S, idle: int | None = 0) -> None:
        """Let everything reach its proof, then check everything; the node goes on running.

        Args:
            node: The life that is to come to rest.
            rest_s: Longest way to rest.
            idle: As for ``checks.at_rest``.
        """
        deadline = time.monotonic() + rest_s
        with self.client() as client:
            if node.wait_up(deadline):
                self.send(client, node, deadline)
            while not self._has_settled(node, deadline):
                if not node.is_alive or time.monotonic() > deadline:
                    self._report_all(STUCK, [f"does not come to rest: {self.last_words()}"])
                    break
            for one in checks.at_rest(self.place, self.book, today(), idle=idle):
                self.report(one)
            for one in self._answers(client):
                self.report(one)

    def standing(self) -> list[Finding]:
        """What must hold at every moment."""
        return checks.after_kill(self.place, self.book)

    def last_words(self) -> str:
        """The end of the node's log."""
        try:
            text = self.place.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "no log"
        return " | ".join(text.splitlines()[-3:])

    def _has_settled(self, node: Life, deadline: float) -> bool:
        # Twice: what is over is swept only after the first snapshot is served.
        if not self.wait_for_proof(node, deadline):
            return False
        late = checks.overdue(self.place.database, today())
        if late:
            time.sleep(PAUSE_S)
        return not late

    def _answers(self, client: httpx.Client) -> list[Finding]:
        try:
            return list(check_answers(self.place, self.book, today(), self.chance, client))
        except httpx.HTTPError as error:
            return [Finding(WRONG, f"{self.place.region}: answers: {type(error).__name__}")]

    def _report_all(self, kind: str, texts: Sequence[str]) -> None:
        for text in texts:
            self.report(Finding(kind, f"{self.place.region}: {text}"))


def today() -> date:
    """The present day of a node with the machine's clock."""
    return day_of(datetime.now(UTC))
