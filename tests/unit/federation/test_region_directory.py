import logging
import time
from collections.abc import Callable, Sequence

import pytest

from ledger.errors import ChainUnavailableError, FatalStateError, WrongChainError
from ledger.services.background.genesis import GenesisCheck
from ledger.services.lookup import directory as module
from ledger.services.lookup.directory import RegionDirectory
from ledger.services.onchain import RegionEntry


class Registry:
    """A chain as far as the directory and the genesis check look at it; answers are used up."""

    def __init__(self, *said: object) -> None:
        self._said = list(said)
        self.asked = 0

    def _next(self) -> object:
        self.asked += 1
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, Exception):
            raise said
        return said

    fetch_regions = genesis_hash = _next


def entries(*endpoints: str) -> Sequence[RegionEntry]:
    return [
        RegionEntry(code=f"{3 + n}10000", operator=b"\x01" * 20, endpoint=endpoint)
        for n, endpoint in enumerate(endpoints)
    ]


def until(condition: Callable[[], bool], within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_directory_before_the_first_read_knows_nobody() -> None:
    assert RegionDirectory(Registry(entries("a"))).endpoint("310000") is None  # type: ignore[arg-type]


def test_directory_failed_read_keeps_the_last_one() -> None:
    directory = RegionDirectory(Registry(entries("a"), ChainUnavailableError("down")))  # type: ignore[arg-type]
    directory.refresh()
    with pytest.raises(ChainUnavailableError):
        directory.refresh()
    assert directory.endpoint("310000") == "a"


def test_directory_thread_survives_errors_and_bugs_and_tells_each_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.005)
    down = ChainUnavailableError("down")
    registry = Registry(down, down, down, KeyError("secret"), entries("a"), entries("b"))
    directory = RegionDirectory(registry)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        directory.start()
        assert until(lambda: directory.endpoint("310000") == "b")
        directory.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "region registry: chain-unavailable: down",
        "region registry: bug: KeyError",
        "region registry: answers again",
    ]


def checked(chain: Registry) -> tuple[GenesisCheck, list[str]]:
    started: list[str] = []
    check = GenesisCheck(
        chain=chain,  # type: ignore[arg-type]
        expected=b"\x01" * 32,
        then=lambda: started.append("worker"),
        retry_s=0.005,
    )
    return check, started


def test_genesis_check_right_chain_starts_the_work_once() -> None:
    check, started = checked(Registry(b"\x01" * 32))
    check.start()
    assert until(lambda: started == ["worker"])
    check.stop()
    assert started == ["worker"]


def test_genesis_check_chain_that_comes_back_later_is_checked_then() -> None:
    down = ChainUnavailableError("down")
    check, started = checked(Registry(down, ValueError("bug"), down, b"\x01" * 32))
    assert not check.check()
    check.start()
    assert until(lambda: started == ["worker"])
    check.stop()


def test_genesis_check_other_genesis_refuses_to_start() -> None:
    check, _ = checked(Registry(b"\x02" * 32))
    with pytest.raises(FatalStateError, match="not that of the trust root"):
        check.check()


def test_genesis_check_other_genesis_found_later_never_starts_the_work() -> None:
    registry = Registry(ChainUnavailableError("down"), b"\x02" * 32)
    check, started = checked(registry)
    check.start()
    assert until(lambda: registry.asked == 2)
    check.stop()
    assert started == []


def test_genesis_check_other_chain_id_refuses_to_start() -> None:
    check, started = checked(Registry(WrongChainError(expected=1, found=2)))
    with pytest.raises(WrongChainError):
        check.check()
    check.start()
    check.stop()
    assert started == []
