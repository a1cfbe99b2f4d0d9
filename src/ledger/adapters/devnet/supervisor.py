"""The daemon: starts anvil, saves the chain, starts anvil again when it dies, ends it cleanly.

    python -m ledger.adapters.devnet.supervisor DIRECTORY

Everything it does goes to the log; what it thinks now goes to the status file. It gives up when
anvil dies too often, and says why.
"""

import json
import logging
import signal
import sys
import threading
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from ledger.adapters.devnet.anvil import Anvil
from ledger.adapters.devnet.binary import find_anvil
from ledger.adapters.devnet.chain_state import ChainKeeper
from ledger.adapters.devnet.directory import DevnetConfig, DevnetDirectory
from ledger.adapters.devnet.process import detach, start_ticks, take_lock
from ledger.adapters.files import write_whole
from ledger.errors import ChainUnavailableError, DevnetError, LedgerError

TICK_S: Final = 0.25
SAVE_EVERY_S: Final = 2.0
SAVE_SHARE: Final = 20
"""A save that took t seconds is not repeated within 20 t, so saving takes 5 % at most."""

MOST_MISSED: Final = 20
"""Tries to save between two blocks after which no block is sealed for as long as it takes."""

MAX_RESTARTS: Final = 5
RESTART_WINDOW_S: Final = 60.0
MAX_PAUSE_S: Final = 1.0
"""Longest pause before anvil is started again."""

SILENT_S: Final = 15.0
"""anvil is ended and started again when no new block was seen this long."""

RECYCLE_BLOCKS: Final = 1_800
"""anvil is started anew after this many blocks: each state it holds has all hashes of its run."""

RECYCLE_AGAIN_BLOCKS: Final = 100
"""Blocks until that is tried again when the chain could not be saved: nothing may be lost by it."""

FINAL_TRIES: Final = 10
START_DEADLINE_S: Final = 30.0
DRIFT_S: Final = 3
LOG_BYTES: Final = 2 * 1024 * 1024

_RECYCLE: Final = f"starting anvil anew after {RECYCLE_BLOCKS} blocks, as planned"
_log = logging.getLogger("ledger.devnet")


class _GiveUpError(Exception):
    """The chain cannot be kept alive."""


class Supervisor:
    """Keeps one chain alive until it is told to stop."""

    def __init__(self, directory: DevnetDirectory, config: DevnetConfig, binary: Path) -> None:
        """Supervise a chain; nothing is started yet."""
        self._directory = directory
        self._config = config
        self._binary = binary
        self._keeper = ChainKeeper(directory)
        self._stopping = threading.Event()
        self._starts: deque[float] = deque()
        self._restarts = 0
        self._last_words: deque[str] = deque(maxlen=5)
        self._highest = 0
        self._saved_at = 0.0
        self._save_took_s = 0.0
        self._missed = 0
        """Tries to save since the last that was not crossed by a block."""
        self._clock_set_at = -SILENT_S
        self._said: dict[str, object] = {}

    def stop(self) -> None:
        """Ask it to end; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> int:
        """Keep the chain alive; returns the exit code."""
        try:
            while not self._stopping.is_set():
                self._run_once()
        except (_GiveUpError, LedgerError, OSError) as error:
            _log.error("giving up: %s", error)
            self._report("failed", reason=str(error))
            return 1
        self._report("stopped")
        _log.info("stopped")
        return 0

    def _run_once(self) -> None:
        """One life of anvil."""
        self._note_start()
        anvil = self._start()
        try:
            cause = self._watch(anvil)
            # One that seals nothing may still tell its state.
            if cause != _RECYCLE and anvil.process.poll() is None:
                self._save_finally(anvil)
        finally:
            anvil.stop()
        if cause == _RECYCLE:
            self._starts.clear()
            _log.info("%s", cause)
        elif cause is not None:
            self._restarts += 1
            _log.warning("%s; starting anvil again (restart %d)", cause, self._restarts)

    def _note_start(self) -> None:
        now = time.monotonic()
        self._starts.append(now)
        while now - self._starts[0] > RESTART_WINDOW_S:
            self._starts.popleft()
        if len(self._starts) > MAX_RESTARTS + 1:
            raise _GiveUpError(
                f"anvil ended {MAX_RESTARTS + 1} times within {RESTART_WINDOW_S:.0f} seconds;"
                f" its last words: {' | '.join(self._last_words) or 'none'}"
            )
        if len(self._starts) > 1:
            self._stopping.wait(min(0.1 * 2 ** len(self._starts), MAX_PAUSE_S))

    def _start(self) -> Anvil:
        self._report("starting")
        state = self._keeper.prepare()
        anvil = Anvil.start(
            self._binary, self._directory, self._config, state=state, say=self._hear
        )
        try:
            if not anvil.wait_for_rpc(START_DEADLINE_S):
                code = anvil.process.poll()
                time.sleep(0.1)  # let its last words arrive
                words = " | ".join(self._last_words)
                raise _GiveUpError(f"anvil does not start (exit code {code}): {words or 'silent'}")
            anvil.begin_mining(self._now())
            number = anvil.head()[0]
        except BaseException:
            anvil.stop()
            raise
        if number < self._highest:
            _log.warning("the chain went back from block %d to %d", self._highest, number)
        self._highest = number
        _log.info("anvil %d seals block %d", anvil.process.pid, number)
        return anvil

    def _watch(self, anvil: Anvil) -> str | None:
        """Save and look until anvil must be started again (says why) or we must stop (None)."""
        first = newest = anvil.head()[0]
        sealed = time.monotonic()
        while not self._stopping.is_set():
            if (code := anvil.process.poll()) is not None:
                return f"anvil ended with code {code}"
            problem = "it seals nothing"
            try:
                number, root = self._look(anvil)
                if number != newest:
                    newest, sealed = number, time.monotonic()
                begun = time.monotonic()
                self._save_if_due(anvil, root)
                sealed += time.monotonic() - begun  # No block comes while sealing waits for it.
            except ChainUnavailableError as error:
                problem = str(error)
            if time.monotonic() - sealed > SILENT_S:
                return f"no new block for {SILENT_S:.0f} seconds: {problem}"
            if newest - first >= RECYCLE_BLOCKS:
                if self._is_saved_for_good(anvil):
                    return _RECYCLE
                first += RECYCLE_AGAIN_BLOCKS
            self._stopping.wait(TICK_S)
        return None

    def _look(self, anvil: Anvil) -> tuple[int, str]:
        number, timestamp, _, root = anvil.head()
        self._highest = max(self._highest, number)
        behind = self._now() - timestamp
        if behind > DRIFT_S and time.monotonic() - self._clock_set_at > SILENT_S:
            _log.warning("the chain's clock is %d seconds behind; set", behind)
            anvil.set_time(self._now())
            self._clock_set_at = time.monotonic()
        self._report("healthy", anvil=anvil, number=number, timestamp=timestamp)
        return number, root

    def _save_if_due(self, anvil: Anvil, root: str) -> None:
        """Save at once after transactions, now and then after empty blocks."""
        begun = time.monotonic()
        pause = SAVE_SHARE * self._save_took_s
        if root == self._keeper.saved_root:
            pause = max(SAVE_EVERY_S, pause)
        if begun - self._saved_at < pause:
            return
        try:
            if not self._keeper.save(anvil):
                self._missed += 1
                if self._missed < MOST_MISSED:
                    return
                # A long chain takes longer to save than a block to come: sealing waits for it.
                self._save_finally(anvil)
                anvil.begin_mining(self._now())
        except OSError as error:
            _log.error("cannot save the chain: %s", error.strerror)
        self._missed = 0
        self._saved_at = time.monotonic()
        self._save_took_s = self._saved_at - begun

    def _is_saved_for_good(self, anvil: Anvil) -> bool:
        """Save before anvil is started anew; it goes on where it cannot be saved."""
        if self._save_finally(anvil):
            return True
        try:
            anvil.begin_mining(self._now())
        except ChainUnavailableError as error:
            _log.warning("blocks are not sealed again: %s", error)  # The watch will see it.
        return False

    def _save_finally(self, anvil: Anvil) -> bool:
        """Seal no more blocks and save; returns whether everything was."""
        try:
            anvil.end_mining()
            for _ in range(FINAL_TRIES):
                if self._keeper.save(anvil):
                    _log.info("saved the chain up to block %d", self._keeper.saved_block)
                    return True
            _log.error("cannot save the chain: somebody else seals blocks all the while")
        except (ChainUnavailableError, OSError) as error:
            _log.error("cannot save the chain before stopping: %s", error)
        return False

    def _hear(self, line: str) -> None:
        self._last_words.append(line)
        _log.info("anvil: %s", line)

    def _now(self) -> int:
        return int(time.time()) + self._config.clock_offset_s

    def _report(
        self,
        state: str,
        *,
        reason: str = "",
        anvil: Anvil | None = None,
        number: int | None = None,
        timestamp: int | None = None,
    ) -> None:
        pid = None if anvil is None else anvil.process.pid
        content: dict[str, object] = {
            "state": state,
            "reason": reason,
            "restarts": self._restarts,
            "anvil_pid": pid,
            "anvil_ticks": None if pid is None else start_ticks(pid),
            "block": number,
            "block_time": timestamp,
            "saved_block": self._keeper.saved_block,
        }
        if content == self._said:
            return
        self._said = content
        try:
            said = json.dumps(content).encode()
            write_whole(self._directory.status_file, said, durable=False)
        except OSError as error:
            _log.error("cannot write the status: %s", error.strerror)


def main(arguments: list[str]) -> int:
    """Supervise the devnet of a directory until SIGTERM; returns the exit code."""
    directory = DevnetDirectory(Path(arguments[0]))
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
        config = directory.load_config()
        if config is None:
            raise DevnetError("broken-directory", "no devnet here; run devnet up")
        supervisor = Supervisor(directory, config, find_anvil())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
