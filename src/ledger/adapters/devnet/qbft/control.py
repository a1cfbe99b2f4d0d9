"""What an operator does with a consortium: up, status, stop, start, wipe, partition, heal, down."""

import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ledger.adapters.devnet.process import end_process, is_process, lock_holder
from ledger.adapters.devnet.qbft.binary import find_quorum
from ledger.adapters.devnet.qbft.directory import (
    MARKER,
    ConsortiumConfig,
    ConsortiumDirectory,
    Wishes,
)
from ledger.adapters.devnet.qbft.genesis import found
from ledger.adapters.devnet.qbft.validator import wipe as wipe_chain
from ledger.adapters.devnet.supervision import failure, hold_up_lock, launch, said
from ledger.adapters.evm.signing import address_of
from ledger.errors import DevnetError

UP_DEADLINE_S: Final = 90.0
DOWN_DEADLINE_S: Final = 30.0
STOP_DEADLINE_S: Final = 15.0
_KILL_DEADLINE_S: Final = 5.0
_POLL_S: Final = 0.1
_SHOWN_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class ValidatorStatus:
    """One validator as the supervisor last saw it."""

    name: str
    pid: int | None
    height: int | None
    peers: int | None
    restarts: int
    is_stopped: bool
    """Whether the operator stopped it."""


@dataclass(frozen=True, slots=True)
class ConsortiumStatus:
    """A consortium as it is now."""

    running: bool
    """Whether its supervisor lives."""
    state: str
    """``absent``, ``starting``, ``healthy``, ``failed``, ``stopped`` or ``lost`` (killed)."""
    reason: str
    config: ConsortiumConfig | None
    supervisor_pid: int | None
    validators: tuple[ValidatorStatus, ...]
    groups: tuple[tuple[str, ...], ...]
    """Parts that cannot reach each other; empty where there is no partition."""
    stall_restarts: int
    """How often all validators were started again because the chain stood still."""

    @property
    def height(self) -> int | None:
        """The highest block."""
        return max((one.height for one in self.validators if one.height is not None), default=None)


def up(
    root: Path,
    *,
    size: int | None = None,
    chain_id: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    deadline_s: float = UP_DEADLINE_S,
) -> ConsortiumStatus:
    """Start the consortium of a directory and wait for a sealed block with all peers.

    Args:
        root: Its directory, made if absent.
        size: Validators of a new one, default 5; must agree with an existing one.
        chain_id: For a new one; must agree with an existing one.
        say: Told what takes long.
        deadline_s: Longest wait once the validator program is there.

    Raises:
        DevnetError: It does not run; the message holds the cause.
    """
    directory = ConsortiumDirectory(root.resolve())
    directory.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    find_quorum(say)
    deadline = time.monotonic() + deadline_s
    with hold_up_lock(directory.root, deadline):
        config = directory.load_consortium()
        if config is None:
            owner = address_of(directory.owner_key())
            config = found(directory, 5 if size is None else size, chain_id, [owner])
        _require_same("validators", len(config.validators), size)
        _require_same("chain id", config.chain_id, chain_id)
        if lock_holder(directory.lock_file) is None:
            launch(directory, "ledger.adapters.devnet.qbft.supervisor")
        return _wait_until(directory, deadline, lambda now: _is_whole(now, config))


def status(root: Path) -> ConsortiumStatus:
    """Look at the consortium of a directory."""
    directory = ConsortiumDirectory(root.resolve())
    config = directory.load_consortium()
    holder = lock_holder(directory.lock_file)
    words = said(directory)
    state = "absent" if config is None else str(words.get("state", "starting"))
    if holder is None and state in ("starting", "healthy"):
        state = "lost"
    stopped = set(words.get("stopped", ()))
    return ConsortiumStatus(
        running=holder is not None,
        state=state,
        reason=str(words.get("reason", "")),
        config=config,
        supervisor_pid=None if holder is None else holder[0],
        validators=tuple(
            ValidatorStatus(
                name=str(one["name"]),
                pid=one["pid"] if holder else None,
                height=one["height"] if holder else None,
                peers=one["peers"] if holder else None,
                restarts=int(one["restarts"]),
                is_stopped=one["name"] in stopped,
            )
            for one in words.get("validators", ())
        ),
        groups=tuple(tuple(group) for group in words.get("groups", ())),
        stall_restarts=int(words.get("stall_restarts", 0)),
    )


def stop(root: Path, name: str) -> None:
    """Stop one validator and wait until it is gone.

    Raises:
        DevnetError: There is none of that name, or it does not end.
    """
    _change(root, lambda wishes: replace(wishes, stopped=(*wishes.stopped, name)), name)
    _wait_for(root, name, lambda one: one.pid is None)


def start(root: Path, name: str) -> None:
    """Start one validator again and wait until it answers.

    Raises:
        DevnetError: There is none of that name, or it does not answer.
    """
    _change(
        root,
        lambda wishes: replace(wishes, stopped=tuple(x for x in wishes.stopped if x != name)),
        name,
    )
    _wait_for(root, name, lambda one: one.height is not None)


def wipe(root: Path, name: str) -> None:
    """Stop one validator, delete its chain and start it with its key: it learns all anew.

    Raises:
        DevnetError: As ``stop`` and ``start``.
    """
    stop(root, name)
    wipe_chain(ConsortiumDirectory(root.resolve()), name)
    start(root, name)


def partition(root: Path, groups: Sequence[Sequence[str]]) -> None:
    """Cut the wires between groups; validators in no group are alone.

    Raises:
        DevnetError: A name is unknown or stands twice.
    """
    config = _config(root)
    named = [name for group in groups for name in group]
    for name in named:
        config.validator(name)
    if len(set(named)) != len(named):
        raise DevnetError("usage", "partition: a validator stands in two parts")
    alone = [(name,) for name in config.names if name not in named]
    parts = (*(tuple(group) for group in groups), *alone)
    _change(root, lambda wishes: replace(wishes, groups=parts))


def heal(root: Path) -> None:
    """Join all wires again."""
    _change(root, lambda wishes: replace(wishes, groups=()))


def down(root: Path, *, deadline_s: float = DOWN_DEADLINE_S) -> bool:
    """Stop the consortium and wait until it is gone; returns whether it was running.

    Raises:
        DevnetError: A process survives even a kill.
    """
    directory = ConsortiumDirectory(root.resolve())
    holder = lock_holder(directory.lock_file)
    if holder is None:
        return False
    words = said(directory)
    if not end_process(*holder, deadline_s=deadline_s):
        end_process(*holder, deadline_s=_KILL_DEADLINE_S, number=signal.SIGKILL)
        for one in words.get("validators", ()):
            if one["pid"] and one["ticks"]:
                end_process(
                    one["pid"], one["ticks"], deadline_s=_KILL_DEADLINE_S, number=signal.SIGKILL
                )
    if is_process(*holder):
        raise DevnetError("does-not-stop", f"the supervisor (process {holder[0]}) does not end")
    return True


def reset(root: Path) -> None:
    """Stop the consortium and delete its directory.

    Raises:
        DevnetError: The directory holds something else.
    """
    root = root.resolve()
    if not root.exists():
        return
    if not (root / MARKER).exists() and any(one.name != "up.lock" for one in root.iterdir()):
        raise DevnetError("not-a-devnet", f"{root} is no consortium (no {MARKER}); not deleted")
    down(root)
    shutil.rmtree(root)


def _is_whole(now: ConsortiumStatus, config: ConsortiumConfig) -> bool:
    running = [one for one in now.validators if not one.is_stopped]
    if now.groups or len(running) < len(config.validators):
        return now.state == "healthy" and now.height is not None and now.height >= 1
    peers = len(config.validators) - 1
    return bool(running) and all(
        one.height is not None and one.height >= 1 and one.peers == peers for one in running
    )


def _config(root: Path) -> ConsortiumConfig:
    config = ConsortiumDirectory(root.resolve()).load_consortium()
    if config is None:
        raise DevnetError("not-a-devnet", f"{root}: no consortium here; run devnet up first")
    return config


def _change(root: Path, change: Callable[[Wishes], Wishes], name: str | None = None) -> None:
    config = _config(root)
    if name is not None:
        config.validator(name)
    directory = ConsortiumDirectory(root.resolve())
    wishes = change(directory.load_wishes())
    directory.save_wishes(replace(wishes, stopped=tuple(dict.fromkeys(wishes.stopped))))


def _wait_for(root: Path, name: str, is_so: Callable[[ValidatorStatus], bool]) -> None:
    deadline = time.monotonic() + STOP_DEADLINE_S
    while True:
        now = status(root)
        if not now.running:
            return  # The wish is followed when the supervisor is started.
        seat = next((one for one in now.validators if one.name == name), None)
        if seat is not None and is_so(seat):
            return
        if time.monotonic() > deadline:
            raise DevnetError("does-not-start", f"{name} does not follow in time; see the log")
        time.sleep(_POLL_S)


def _wait_until(
    directory: ConsortiumDirectory, deadline: float, is_so: Callable[[ConsortiumStatus], bool]
) -> ConsortiumStatus:
    while True:
        now = status(directory.root)
        if is_so(now):
            return now
        if now.state == "failed" or not now.running:
            raise failure(directory, now.reason)
        if time.monotonic() > deadline:
            raise failure(directory, "no sealed block with all peers in time")
        time.sleep(_POLL_S)


def _require_same(what: str, existing: int, wanted: int | None) -> None:
    if wanted is not None and wanted != existing:
        raise DevnetError(
            "other-chain",
            f"{what}: the chain here has {existing}, {wanted} was asked for; reset the devnet or"
            " choose another directory",
        )
