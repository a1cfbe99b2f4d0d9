"""Publications to all nodes at a steady pace, and how long each took until it was confirmed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, Thread

import httpx

from faulting.checks import FALSE, Acknowledged, Finding
from faulting.sender import Life, Sender

LOOK_S = 0.2
"""How often the state of the oldest batch on its way is asked for: the others follow it."""

LOOK_AT_ALL_S = 2.0
"""How often that of all is, for those that only say again what was confirmed before."""

SEND_S = 5.0
"""How long a file is tried in one go."""

PATIENCE_S = 3.0
"""How long an acknowledgement may be ahead of what the endpoints say: they are asked later."""


@dataclass
class Publication:
    """One acknowledged file on its way."""

    region: str
    batch_id: int
    phase: str
    accepted_at: float
    confirmed_at: float | None = None
    state: str = "accepted"

    @property
    def took_s(self) -> float | None:
        """Seconds from acceptance until it was seen confirmed."""
        return None if self.confirmed_at is None else self.confirmed_at - self.accepted_at


class Publisher:
    """Publishes to one node, in a thread of its own.

    Args:
        sender: The region's sender.
        node: The node's process; another life may take its place.
        every_s: Seconds between two files.
    """

    def __init__(self, sender: Sender, node: Life, every_s: float) -> None:
        self.sender = sender
        self.node = node
        self.phase = "normal"
        self.publications: list[Publication] = []
        self._every_s = every_s
        self.judged = 0
        """Acknowledgements that the chain has shown to be true."""
        self._look_at_all = 0.0
        self._known: set[int] = set()
        self._doubted: dict[tuple[int, str], float] = {}
        """Acknowledgements that the chain has not shown yet, and since when."""
        self._judge = Acknowledged(sender.place)
        self._is_open = Event()
        self._is_idle = Event()
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin; nothing is published before ``resume``."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(60)

    def resume(self) -> None:
        """Publish from now on."""
        self._is_idle.clear()
        self._is_open.set()

    def pause(self) -> None:
        """Publish nothing more; returns when what was being sent is sent or given up for now."""
        self._is_open.clear()
        self._is_idle.wait(60)

    def outstanding(self) -> list[Publication]:
        """What is not confirmed yet."""
        return [one for one in self.publications if one.confirmed_at is None]

    def _run(self) -> None:
        due = time.monotonic()
        with self.sender.client() as client:
            while not self._stop.wait(LOOK_S):
                if not self._is_open.is_set():
                    self._is_idle.set()
                elif time.monotonic() >= due:
                    due = max(due + self._every_s, time.monotonic())
                    self._publish(client)
                self._look(client)
                self._judge_doubted()
        self._judge.close()

    def _publish(self, client: httpx.Client) -> None:
        self.sender.take_next()
        phase = self.phase
        for _, answer in self.sender.send(client, self.node, time.monotonic() + SEND_S):
            # The same file under the same key is the same batch: its way was measured already.
            if answer["id"] not in self._known:
                self._known.add(answer["id"])
                region = self.sender.place.region
                self.publications.append(Publication(region, answer["id"], phase, time.monotonic()))

    def _look(self, client: httpx.Client) -> None:
        at_all = time.monotonic() >= self._look_at_all
        if at_all:
            self._look_at_all = time.monotonic() + LOOK_AT_ALL_S
        for one in self.outstanding():
            try:
                answer = client.get(f"/v1/batches/{one.batch_id}")
            except httpx.HTTPError:
                return
            if answer.is_success and answer.json()["state"] != one.state:
                self._take_state(one, answer.json()["state"])
            if one.confirmed_at is None and not at_all:
                return

    def _take_state(self, one: Publication, state: str) -> None:
        now = time.monotonic()
        one.state = state
        if state in ("anchored", "confirmed"):
            self._doubted[one.batch_id, state] = now
        if state == "confirmed":
            one.confirmed_at = now

    def _judge_doubted(self) -> None:
        for (batch_id, state), since in list(self._doubted.items()):
            verdict = self._judge.is_true(batch_id, state)
            if verdict is None or (not verdict and time.monotonic() < since + PATIENCE_S):
                continue
            del self._doubted[batch_id, state]
            self.judged += verdict
            if not verdict:
                text = f"batch {batch_id} is called {state}, and the chain does not say so"
                self.sender.report(Finding(FALSE, f"{self.sender.place.region}: {text}"))


class Traffic:
    """All publishers together."""

    def __init__(self, publishers: Sequence[Publisher]) -> None:
        self.publishers = tuple(publishers)

    def start(self) -> None:
        """Begin to publish."""
        for one in self.publishers:
            one.start()
            one.resume()

    def stop(self) -> None:
        """End all threads."""
        for one in self.publishers:
            one.stop()

    def pause(self) -> None:
        """Publish nothing more for now."""
        for one in self.publishers:
            one.pause()

    def resume(self) -> None:
        """Publish again."""
        for one in self.publishers:
            one.resume()

    def begin(self, phase: str) -> None:
        """Name what is published from now on."""
        for one in self.publishers:
            one.phase = phase

    def wait_confirmed(self, within_s: float) -> float | None:
        """Wait until everything taken is confirmed; when the last was, None where it is not."""
        deadline = time.monotonic() + within_s
        while any(one.outstanding() for one in self.publishers):
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_S)
        found = [one.confirmed_at for p in self.publishers for one in p.publications]
        return max((at for at in found if at is not None), default=deadline - within_s)

    @property
    def judged(self) -> int:
        """Acknowledgements that the chain has shown to be true."""
        return sum(one.judged for one in self.publishers)

    def took(self, phase: str) -> list[float]:
        """Seconds to confirmed of everything that was published in a phase."""
        every = (one for p in self.publishers for one in p.publications if one.phase == phase)
        return [one.took_s for one in every if one.took_s is not None]


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which a share of all lie; the nearest of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
