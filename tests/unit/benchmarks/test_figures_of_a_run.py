import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from benchmarks.chain_watch import Sealed  # noqa: E402
from benchmarks.consortium import known_after_s  # noqa: E402
from benchmarks.footprint import folder_bytes, parse_pss, per_day, resident_bytes  # noqa: E402
from benchmarks.waits import SHOWN, Followed, make_wait_figures, percentile  # noqa: E402

HUNDRED = [float(number) for number in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        (HUNDRED, 50, 50.0),
        (HUNDRED, 99, 99.0),
        (HUNDRED, 100, 100.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([3.0, 1.0, 2.0], 99, 3.0),
        ([7.0], 1, 7.0),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: int, expected: float) -> None:
    assert percentile(values, share) == expected


def test_make_wait_figures_stand_beside_the_blocks_of_their_peer() -> None:
    waits = {state: HUNDRED for state in SHOWN}
    figures = make_wait_figures(
        waits, {("confirmed", 99): (2.0, "two blocks")}, block_s=1.5, note=""
    )
    by_name = {figure.name: figure for figure in figures}
    assert by_name["accepted -> confirmed, p99"].value == 99.0
    assert by_name["accepted -> confirmed, p99"].ratio == 33.0
    assert by_name["accepted -> integrated, p50"].floor is None


def test_known_after_takes_the_head_sealed_while_its_batch_was_followed() -> None:
    sealed = [
        Sealed("anchor", "0x01", 9.0, 9.5),
        Sealed("anchor", "0x02", 10.25, 11.0),
        Sealed("confirm", "0x03", 11.25, 12.0),
        Sealed("anchor", "0x04", 20.5, 21.5),
    ]
    followed = [
        Followed(10.0, {"anchored": 1.25, "confirmed": 2.5}),
        Followed(20.0, {"anchored": 2.0, "confirmed": 3.0}),
    ]
    assert known_after_s(sealed, followed) == [1.0, 1.5]


def test_known_after_leaves_out_a_batch_whose_head_was_not_seen() -> None:
    followed = [Followed(10.0, {"anchored": 1.25, "confirmed": 2.5})]
    assert known_after_s([Sealed("anchor", "0x01", 9.0, 9.5)], followed) == []


def test_sealed_waits_from_the_pool_to_the_block() -> None:
    assert Sealed("anchor", "0x01", 9.0, 9.5).waited_s == 0.5


def test_per_day_extrapolates_the_pace() -> None:
    assert per_day(60.0, 60.0) == 86_400.0
    assert per_day(0, 90.0) == 0.0


def test_folder_bytes_counts_files_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "one").write_bytes(b"123")
    (tmp_path / "inner" / "two").write_bytes(b"12345")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    assert folder_bytes(tmp_path) == 8


def test_parse_pss_gives_bytes() -> None:
    assert parse_pss("a-b ---p [rollup]\nRss: 20 kB\nPss:     12 kB\nPss_Anon: 3 kB\n") == 12_288


def test_parse_pss_without_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a line Pss"):
        parse_pss("Rss: 20 kB\n")


def test_resident_bytes_of_this_process_are_more_than_a_mebibyte() -> None:
    assert resident_bytes(os.getpid()) > 2**20
