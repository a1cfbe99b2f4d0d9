"""The embedded chain is started anew as planned only when every block of it is saved."""

import logging
from pathlib import Path

import pytest

from ledger.adapters.devnet import supervisor as module
from ledger.adapters.devnet.directory import DevnetConfig, DevnetDirectory
from ledger.adapters.devnet.supervisor import Supervisor


class EndlessAnvil:
    """Never ends; seals a block whenever somebody looks, as long as it is told to."""

    def __init__(self) -> None:
        self.number = 0
        self.seals = True
        self.process = self
        self.pid = 1

    def poll(self) -> int | None:
        return None

    def head(self, number: int | None = None) -> tuple[int, int, str, str]:
        self.number += self.seals
        return self.number, 2**40, hex(self.number), "0x00"

    def begin_mining(self, now: int) -> None:
        self.seals = True

    def end_mining(self) -> None:
        self.seals = False

    def set_time(self, timestamp: int) -> None:
        """Nothing."""


class Keeper:
    """Saves what stands still, as the true one does."""

    saved_root = ""

    def __init__(self) -> None:
        self.saved_block = 0

    def save(self, anvil: EndlessAnvil) -> bool:
        before, after = anvil.head(), anvil.head()
        if before == after:
            self.saved_block = after[0]
        return before == after


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(module, "TICK_S", 0.0)
    monkeypatch.setattr(module, "RECYCLE_BLOCKS", 200)
    monkeypatch.setattr(module, "start_ticks", lambda _pid: 1)
    config = DevnetConfig(chain_id=20_261, port=1, genesis_timestamp=0, clock_offset_s=0)
    made = Supervisor(DevnetDirectory(tmp_path), config, tmp_path / "anvil")
    monkeypatch.setattr(made, "_keeper", Keeper())
    return made


def test_chain_is_saved_to_its_last_block_before_it_is_started_anew(
    supervisor: Supervisor,
) -> None:
    anvil = EndlessAnvil()
    assert supervisor._watch(anvil) == module._RECYCLE  # type: ignore[arg-type]
    assert supervisor._keeper.saved_block == anvil.number >= module.RECYCLE_BLOCKS


def test_chain_whose_blocks_cross_every_save_is_saved_all_the_same(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAVE_SHARE", 0)
    anvil, unsaved = EndlessAnvil(), []

    def look(_anvil: EndlessAnvil) -> tuple[int, str]:
        unsaved.append(anvil.number - supervisor._keeper.saved_block)
        return anvil.head()[0], "0x01"

    monkeypatch.setattr(supervisor, "_look", look)
    monkeypatch.setattr(module, "RECYCLE_BLOCKS", 1_000)
    supervisor._watch(anvil)  # type: ignore[arg-type]
    assert max(unsaved) <= 100


def test_chain_that_somebody_else_seals_is_not_started_anew_unsaved(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    anvil = EndlessAnvil()
    # Blocks go on although the supervisor lets none be sealed, until much later.
    patient = module.RECYCLE_BLOCKS + 300
    ended: list[int] = []

    def end_mining() -> None:
        ended.append(anvil.number)
        anvil.seals = anvil.number < patient

    monkeypatch.setattr(anvil, "end_mining", end_mining)
    with caplog.at_level(logging.ERROR):
        assert supervisor._watch(anvil) == module._RECYCLE  # type: ignore[arg-type]
    assert len(ended) > 1 and ended[0] < patient <= ended[-1]
    assert supervisor._keeper.saved_block == anvil.number
    assert "somebody else seals blocks" in caplog.text
