"""The workshop port on helper processes: great files are worked on by every processor.

Python works on one processor at a time; reading rows, salting and hashing fields and finding map
keys are most of the work on a file and need nothing but the node's secrets. Helpers are started
when the first great file comes, hold those secrets in memory as the node does and belong to it: the
same trust domain, one operator, one machine. They get them through a pipe, never by arguments or
environment.

Order is kept: a slice is given out when those before it are. A helper that is killed, hangs or
cannot be started ends the file with an error before anything of it is committed.
"""

import fcntl
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from queue import SimpleQueue
from threading import Lock
from typing import IO, Any, Final, TypeVar

from ledger.adapters.processes.frames import (
    PREPARE,
    READ,
    Tools,
    pack,
    pack_rows,
    read_frame,
    unpack,
    unpack_puts,
    unpack_records,
    write_frame,
)
from ledger.errors import UnavailableError
from ledger.services.publication.slices import (
    OwnWorkshop,
    ReadSlice,
    SliceToPrepare,
    SliceToRead,
)
from ledger.services.stored import Put

FEWEST_ROWS: Final = 500
"""Smaller files are worked on in the caller's thread: handing them over would take longer."""

MOST_PROCESSES: Final = 8

SLICES_AHEAD: Final = 4
"""For each helper, slices that are given out before their turn."""

SLICE_TIMEOUT_S: Final = 120.0
"""A slice takes a tenth of a second; a helper that does not answer for this long is given up."""

PIPE_BYTES: Final = 1 << 20
"""What Linux allows everybody; the puts of a slice are a little more."""

STOP_WITHIN_S: Final = 5.0

T = TypeVar("T")
S = TypeVar("S")


class ProcessWorkshop:
    """Implements ``services.publication.slices.Workshop``.

    Args:
        tools: What helpers work with.
        own: Does what is too small to be handed over, and what a helper fails at.
        processes: How many helpers; by default one for each processor.
        fewest_rows: Files with fewer rows are not handed over.
    """

    def __init__(
        self,
        tools: Tools,
        own: OwnWorkshop,
        *,
        processes: int | None = None,
        fewest_rows: int = FEWEST_ROWS,
    ) -> None:
        self._tools = tools
        self._own = own
        processors = min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
        self._processes = processors if processes is None else processes
        self._fewest_rows = fewest_rows
        self._helpers: _Helpers | None = None
        self._is_closed = False
        self._lock = Lock()

    def read(self, slices: Iterable[SliceToRead], rows: int | None) -> Iterator[ReadSlice]:
        """See ``Workshop``."""
        is_small = rows is not None and rows < self._fewest_rows
        if is_small or self._processes < 2:
            return self._own.read(slices, rows)
        return self._hand_over(
            slices,
            lambda todo: (READ, pack_rows(todo)),
            lambda result: ReadSlice(*result),
            self._own.read_slice,
        )

    def prepare(self, slices: Iterable[SliceToPrepare], rows: int) -> Iterator[Sequence[Put]]:
        """See ``Workshop``; where a file was read, its puts are prepared."""
        rest = iter(slices)
        for first in islice(rest, 1):
            if not isinstance(first.records, bytes):
                yield from self._own.prepare([first], rows)
                yield from self._own.prepare(rest, rows)
                return
            yield from self._hand_over(
                chain((first,), rest),
                lambda todo: (PREPARE, todo),
                unpack_puts,
                lambda todo: self._own.prepare_slice(_unpacked(todo)),
            )

    def helper_ids(self) -> tuple[int, ...]:
        """Process numbers of the helpers; none before the first great file."""
        with self._lock:
            return () if self._helpers is None else self._helpers.ids

    def close(self) -> None:
        """End the helpers; what they work on is lost, and nothing is handed over any more."""
        with self._lock:
            self._is_closed = True
        self._give_up()

    def _hand_over(
        self,
        slices: Iterable[S],
        make: Callable[[S], object],
        finish: Callable[[Any], T],
        do_here: Callable[[S], T],
    ) -> Iterator[T]:
        """Give slices out as helpers become free and their results in order."""
        helpers = self._started()
        waiting: deque[tuple[S, Future[bytes]]] = deque()
        rest = iter(slices)
        try:
            while True:
                for todo in islice(rest, self._processes * SLICES_AHEAD - len(waiting)):
                    waiting.append((todo, helpers.submit(make(todo))))
                if not waiting:
                    return
                todo, future = waiting.popleft()
                is_done, result = unpack(_result(future))
                yield finish(result) if is_done else do_here(todo)
        except _LostError as error:
            self._give_up()
            raise UnavailableError(
                f"helper process: expected its answer, {error}; nothing was stored"
            ) from error
        finally:
            for _, future in waiting:
                future.cancel()

    def _started(self) -> "_Helpers":
        with self._lock:
            if self._is_closed:
                raise UnavailableError("helper processes: the node is being stopped")
            if self._helpers is None:
                self._helpers = _Helpers(self._tools, self._processes)
            return self._helpers

    def _give_up(self) -> None:
        with self._lock:
            helpers, self._helpers = self._helpers, None
        if helpers is not None:
            helpers.close()


class _LostError(Exception):
    """A helper did not answer."""


class _Helpers:
    """Running helper processes and a thread for each that waits for it."""

    def __init__(self, tools: Tools, count: int) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        command = [sys.executable, "-P", "-m", "ledger.adapters.processes.child"]
        try:
            for _ in range(count):
                process = subprocess.Popen(  # noqa: S603 - our own module
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
                self._processes.append(process)
                _widen(process)
                self._idle.put(process)
                write_frame(_pipe(process.stdin), pack(tools))
        except OSError as error:
            self._kill()
            self._close_pipes()
            raise UnavailableError(f"helper process: not started: {error}") from error
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="helper")

    @property
    def ids(self) -> tuple[int, ...]:
        """Their process numbers."""
        return tuple(process.pid for process in self._processes)

    def submit(self, todo: object) -> "Future[bytes]":
        """Have the next free helper work on something; its answer is still packed."""
        return self._threads.submit(self._work, todo)

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._close_pipes()

    def _work(self, todo: object) -> bytes:
        process = self._idle.get()
        try:
            write_frame(_pipe(process.stdin), pack(todo))
            answer = read_frame(_pipe(process.stdout))
        except (OSError, EOFError, ValueError) as error:
            raise _LostError(f"found its pipe broken ({type(error).__name__})") from error
        finally:
            self._idle.put(process)
        if answer is None:
            raise _LostError("found it gone")
        return answer

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()  # it holds nothing that could be lost
        for process in self._processes:
            process.wait(STOP_WITHIN_S)

    def _close_pipes(self) -> None:
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was not read any more is still to be flushed
                    _pipe(pipe).close()


def _widen(process: "subprocess.Popen[bytes]") -> None:
    """Make room for a whole slice: else it is passed on in parts, and each waits for its turn."""
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # the system may allow less
            fcntl.fcntl(_pipe(pipe), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("helper process: expected a pipe")
    return pipe


def _result(future: "Future[bytes]") -> bytes:
    try:
        return future.result(SLICE_TIMEOUT_S)
    except TimeoutError:
        raise _LostError(f"waited {SLICE_TIMEOUT_S:.0f} s") from None


def _unpacked(todo: SliceToPrepare) -> SliceToPrepare:
    records = todo.records
    return replace(todo, records=unpack_records(records)) if isinstance(records, bytes) else todo
