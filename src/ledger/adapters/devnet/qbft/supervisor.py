"""The daemon: starts the validators, keeps them up, carries out wishes, helps a stalled chain.

    python -m ledger.adapters.devnet.qbft.supervisor DIRECTORY

Validators end with it. What it does goes to the log; what it sees goes to the status file.
"""

import json
import logging
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from ledger.adapters.devnet.process import detach, start_ticks, take_lock
from ledger.adapters.devnet.qbft.binary import find_quorum
from ledger.adapters.devnet.qbft.directory import (
    ConsortiumConfig,
    ConsortiumDirectory,
    Validator,
    Wishes,
)
from ledger.adapters.devnet.qbft.links import Links
from ledger.adapters.devnet.qbft.validator import ValidatorProcess
from ledger.adapters.devnet.qbft.watch import STALL_S, Watch
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.quantities import parse_quantity
from ledger.adapters.files import write_whole
from ledger.errors import ChainUnavailableError, DevnetError, LedgerError

TICK_S: Final = 0.25
LOOK_EVERY_S: Final = 1.0
RPC_TIMEOUT_S: Final = 2.0
PAUSE_S: Final = (0.0, 0.5, 2.0, 5.0)
"""Before a validator that died is started again: after the first, second, ... death in a row."""

SETTLED_S: Final = 30.0
"""A validator that lived so long has died for the first time."""

LOG_BYTES: Final = 2 * 1024 * 1024

_log = logging.getLogger("ledger.devnet")


class Seat:
    """One validator's place: its process, when there is one, and its history."""

    def __init__(self, validator: Validator) -> None:
        self.validator = validator
        self.running: ValidatorProcess | None = None
        self.rpc = JsonRpc(validator.rpc_url, timeout_s=RPC_TIMEOUT_S)
        self.started_at = 0.0
        self.deaths = 0
        self.restarts = 0
        self.height: int | None = None
        self.peers: int | None = None

    def look(self) -> None:
        """Ask for height and peers; None where it does not answer."""
        try:
            self.height = parse_quantity(self.rpc.call("eth_blockNumber"), "block number")
            self.peers = parse_quantity(self.rpc.call("net_peerCount"), "peers")
        except ChainUnavailableError:
            self.height = self.peers = None

    def content(self) -> dict[str, object]:
        """What the status file says of it."""
        pid = None if self.running is None else self.running.process.pid
        return {
            "name": self.validator.name,
            "pid": pid,
            "ticks": None if pid is None else start_ticks(pid),
            "height": self.height,
            "peers": self.peers,
            "restarts": self.restarts,
        }


class Supervisor:
    """Keeps one consortium alive until it is told to stop."""

    def __init__(self, directory: ConsortiumDirectory, config: ConsortiumConfig) -> None:
        """Supervise a consortium; nothing is started yet."""
        self._directory = directory
        self._config = config
        self._binary = find_quorum(_log.info)
        self._links = Links(config)
        self._seats = {one.name: Seat(one) for one in config.validators}
        self._watch = Watch(config.quorum)
        self._wishes = Wishes()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(len(self._seats))
        self._said: dict[str, object] = {}

    def stop(self) -> None:
        """Ask it to end; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> int:
        """Keep the validators up; returns the exit code."""
        try:
            self._links.start()
            looked = 0.0
            while not self._stopping.is_set():
                self._follow_wishes()
                self._keep_up()
                if time.monotonic() - looked >= LOOK_EVERY_S:
                    looked = time.monotonic()
                    self._look()
                self._stopping.wait(TICK_S)
        except (LedgerError, OSError) as error:
            _log.error("giving up: %s", error)
            self._report("failed", str(error))
            return 1
        finally:
            self._end_all()
        self._report("stopped")
        _log.info("stopped")
        return 0

    def _follow_wishes(self) -> None:
        wishes = self._directory.load_wishes()
        if wishes == self._wishes:
            return
        _log.info("stopped by request: %s; parts: %s", wishes.stopped, wishes.groups or "one")
        if wishes.groups != self._wishes.groups:
            self._links.set_open(wishes.is_open)
        self._wishes = wishes
        for name in wishes.stopped:
            seat = self._seats[name]
            if seat.running is not None:
                seat.running.stop()
                seat.running, seat.height, seat.peers = None, None, None
        self._report("healthy")

    def _keep_up(self) -> None:
        for seat in self._seats.values():
            if seat.validator.name in self._wishes.stopped:
                continue
            now = time.monotonic()
            if seat.running is not None and not seat.running.is_running:
                code = seat.running.process.returncode
                _log.warning("%s ended with code %s", seat.validator.name, code)
                seat.deaths = 1 if now - seat.started_at > SETTLED_S else seat.deaths + 1
                seat.restarts += 1
                seat.running, seat.height, seat.peers = None, None, None
            pause = PAUSE_S[min(seat.deaths, len(PAUSE_S) - 1)]
            if seat.running is None and now - seat.started_at >= pause:
                self._start(seat)

    def _start(self, seat: Seat) -> None:
        seat.running = ValidatorProcess.start(
            self._binary, self._directory, self._config, seat.validator
        )
        seat.started_at = time.monotonic()
        _log.info("%s runs as %d", seat.validator.name, seat.running.process.pid)

    def _look(self) -> None:
        running = [seat for seat in self._seats.values() if seat.running is not None]
        list(self._pool.map(Seat.look, running))
        heights = [seat.height for seat in running if seat.height is not None]
        reachable = self._largest_part({s.validator.name for s in running if s.height is not None})
        if self._watch.see(time.monotonic(), max(heights, default=None), reachable):
            _log.warning(
                "nothing sealed for %d s although %d of %d are up: all are started again, so that"
                " their round timers begin anew (time %d)",
                STALL_S,
                reachable,
                len(self._seats),
                self._watch.restarts,
            )
            self._end_all()
        self._report("healthy")

    def _largest_part(self, up: set[str]) -> int:
        groups = self._wishes.groups or (tuple(self._seats),)
        return max((len(up & set(group)) for group in groups), default=0)

    def _end_all(self) -> None:
        running = [seat for seat in self._seats.values() if seat.running is not None]
        for seat in running:
            if seat.running is not None:
                seat.running.ask_to_end()
        for seat in running:
            if seat.running is not None:
                seat.running.stop()
            seat.running, seat.height, seat.peers, seat.deaths = None, None, None, 0
            seat.started_at = 0.0

    def _report(self, state: str, reason: str = "") -> None:
        content: dict[str, object] = {
            "state": state,
            "reason": reason,
            "stall_restarts": self._watch.restarts,
            "validators": [seat.content() for seat in self._seats.values()],
            "stopped": list(self._wishes.stopped),
            "groups": [list(group) for group in self._wishes.groups],
        }
        if content == self._said:
            return
        self._said = content
        try:
            write_whole(self._directory.status_file, json.dumps(content).encode(), durable=False)
        except OSError as error:
            _log.error("cannot write the status: %s", error.strerror)


def main(arguments: list[str]) -> int:
    """Supervise the consortium of a directory until SIGTERM; returns the exit code."""
    directory = ConsortiumDirectory(Path(arguments[0]))
    handler = RotatingFileHandler(directory.log_file, maxBytes=LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    lock = take_lock(directory.lock_file)
    if lock is None:
        _log.warning("another supervisor runs already")
        return 0
    with lock:
        if not detach(lock):
            return 0
        config = directory.load_consortium()
        if config is None:
            raise DevnetError("broken-directory", "no consortium here; run devnet up")
        supervisor = Supervisor(directory, config)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
