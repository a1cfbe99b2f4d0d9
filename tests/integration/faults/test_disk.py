"""A real node whose disk is full, whose files may not grow, or whose database is damaged."""

import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from faulting.network import Network, Place
from worlds.node import penalties, penalty, uscc
from worlds.processes import ServedNode, wait_for
from worlds.soundness import assert_sound

pytestmark = pytest.mark.devnet

GREAT = 1_000
"""Rows that need more room than a small disk has."""

DISK_BYTES = 64 << 20
ROOM_BYTES = 256 << 10


def great_file(first: int) -> bytes:
    return penalties(*(penalty(number) for number in range(first, first + GREAT)))


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert int(answer.headers["Retry-After"]) >= 1


@contextmanager
def small_disk(folder: Path, source: Path) -> Iterator[tuple[list[str], Path]]:
    """A disk of its own at ``folder``, in a namespace: how to enter it, and its path from here."""
    tools = [shutil.which(name) for name in ("unshare", "nsenter")]
    isolated = ["unshare", "--user", "--map-root-user", "--mount"]
    probe = [*isolated, "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if None in tools or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount in a namespace of its own")
    script = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "$0" && cp -a "$1"/. "$0" && echo && cat'
    holder = subprocess.Popen(
        [*isolated, "sh", "-c", script, str(folder), str(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"\n"
        enter = ["nsenter", "--target", str(holder.pid), "--user", "--mount"]
        yield [*enter, "--preserve-credentials"], Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        # With its last process the namespace goes, and the disk with it.
        holder.communicate(timeout=30)


@pytest.mark.slow
def test_node_on_a_full_disk_refuses_files_serves_lookups_and_heals(
    net: Network, tmp_path: Path
) -> None:
    (place,) = net.found("320000")
    shutil.copytree(place.folder, tmp_path / "source")
    with small_disk(place.folder, tmp_path / "source") as (enter, disk):
        with ServedNode(place.folder, around=enter) as node:
            node.wait_ready()
            assert node.publish(penalties(penalty(1))).status_code == 202
            node.wait_for_answer(uscc(1), "records")
            fill(disk / "ballast")
            for _ in range(2):
                assert_refused(node.publish(great_file(100), "great"), 507, "store-full")
            answer = node.answer(uscc(1))
            assert answer["result"] == "records" and answer["evidence"] is not None
            assert node.answer(uscc(100))["result"] == "none"
            assert node.process.poll() is None

            (disk / "ballast").unlink()
            # By itself: nobody starts anything again.
            accepted = node.publish(great_file(100), "great")
            assert accepted.status_code == 202, accepted.text
            assert accepted.json()["accepted"] == GREAT
            node.wait_for_answer(uscc(100 + GREAT - 1), "records")
            wait_for(lambda: node.ready() == "ready", node.words)
            node.stop()
            assert "Traceback" not in node.log.read_text(encoding="utf-8")
        shutil.copytree(disk, tmp_path / "after")
    assert_sound(replace(place, folder=tmp_path / "after"))


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 << 10))
        except OSError:
            return


def test_node_whose_files_may_not_grow_refuses_and_heals(place: Place) -> None:
    with ServedNode(place.folder) as node:
        node.wait_ready()
        assert node.publish(penalties(penalty(31))).status_code == 202
        node.wait_for_answer(uscc(31), "records")
        limit(node, largest_file(place.folder) + ROOM_BYTES)
        assert_refused(node.publish(great_file(5_000), "large"), 503, "store-unavailable")
        assert node.answer(uscc(31))["result"] == "records"
        assert node.answer(uscc(5_000))["result"] == "none"
        limit(node, resource.RLIM_INFINITY)
        accepted = node.publish(great_file(5_000), "large")
        assert accepted.status_code == 202, accepted.text
        node.wait_for_answer(uscc(5_000), "records")
        node.stop()
    assert_sound(place)


def limit(node: ServedNode, size: int) -> None:
    """How large the node's files may become from now on."""
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def largest_file(folder: Path) -> int:
    return max(path.stat().st_size for path in (*folder.iterdir(), *folder.parent.glob("*.log")))


def test_node_over_a_damaged_database_does_not_start_and_says_why(
    place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    shutil.copytree(place.folder, folder)
    path = folder / "node.db"
    for name in ("node.db-wal", "node.db-shm"):
        (folder / name).unlink(missing_ok=True)
    path.write_bytes(b"\xff" * 8_192)
    with ServedNode(folder) as node:
        assert node.process.wait(60) == 1
        assert "store-damaged" in node.words()
        assert "Traceback" not in node.words()
