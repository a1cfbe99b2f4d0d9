"""While the chain stands nothing may be acknowledged as final, however long it takes.

What a node takes in meanwhile must stay below ``anchored``, and every question about its subjects
must be answered ``pending``: never from a head that is not sealed, and never ``none``.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from faulting.book import Sending
from faulting.checks import FALSE, STUCK, WRONG, Finding
from faulting.sender import Life, Sender, today

FINAL = ("anchored", "confirmed")
PROVED = ("records", "none")
SEND_S = 20.0


def check_state(region: str, batch: Mapping[str, Any]) -> Iterator[Finding]:
    """A batch of fresh records, taken while the chain stands, is on its way."""
    if batch["state"] in FINAL:
        yield Finding(FALSE, f"{region}: batch {batch['id']} is called {batch['state']}")
    for state in FINAL:
        if batch["events"][state]:
            text = f"{batch['events'][state]} events are counted as {state}"
            yield Finding(FALSE, f"{region}: batch {batch['id']}: {text}")


def check_answer(region: str, answer: Mapping[str, Any]) -> Iterator[Finding]:
    """A subject of such a batch is pending, without evidence."""
    if answer["result"] in PROVED or answer["evidence"] is not None:
        yield Finding(FALSE, f"{region}: a pending subject is answered {answer['result']}")
    elif answer["result"] != "pending":
        text = f"{answer['result']} ({answer['code']})"
        yield Finding(WRONG, f"{region}: a pending subject is answered {text}")


class Standing:
    """What was published to one node since the chain stands.

    Args:
        sender: The region's sender; nobody else publishes meanwhile.
        node: The node's process.
        report: Told what must not be.
    """

    def __init__(self, sender: Sender, node: Life, report: Callable[[Finding], None]) -> None:
        self._sender = sender
        self._node = node
        self._report = report
        self._batches: list[int] = []
        self._subjects: set[str] = set()
        self.looks = 0
        """States and answers that were judged."""

    @property
    def accepted(self) -> int:
        """Files taken in meanwhile."""
        return len(self._batches)

    def publish(self) -> None:
        """Send one file of fresh records; it must be taken although the chain stands."""
        sending = self._sender.book.fresh_file(today())
        self._sender.take(sending)
        with self._sender.client() as client:
            taken = self._sender.send(client, self._node, time.monotonic() + SEND_S)
        for one, answer in taken:
            # What was sent before it stood may have been taken before, too.
            if one is sending:
                self._batches.append(answer["id"])
                self._subjects |= self._subjects_of(sending)
        if sending.batch_id is None:
            text = "a file is not taken while the chain stands"
            self._report(Finding(STUCK, f"{self._sender.place.region}: {text}"))

    def look(self) -> None:
        """Judge every state and every answer once."""
        region = self._sender.place.region
        with self._sender.client() as client:
            for batch_id in self._batches:
                batch = _get(client, f"/v1/batches/{batch_id}")
                self._report_all(check_state(region, batch))
            for answer in self._ask(client):
                self._report_all(check_answer(region, answer))

    def _ask(self, client: httpx.Client) -> list[dict[str, Any]]:
        questions = [{"subject": one, "record_type": "cf"} for one in sorted(self._subjects)]
        if not questions:
            return []
        response = client.post("/v1/answers", json={"questions": questions})
        response.raise_for_status()
        answers: list[dict[str, Any]] = response.json()["answers"]
        return answers

    def _subjects_of(self, sending: Sending) -> set[str]:
        return {self._sender.book.records[number].subject for number in sending.numbers}

    def _report_all(self, found: Iterator[Finding]) -> None:
        self.looks += 1
        for one in found:
            self._report(one)


def _get(client: httpx.Client, path: str) -> dict[str, Any]:
    response = client.get(path)
    response.raise_for_status()
    body: dict[str, Any] = response.json()
    return body
