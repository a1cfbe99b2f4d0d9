"""``mirror export`` between real nodes on a real chain, judged by Tessera's fsck."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tessera_fsck import flip, is_right

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from story.network import Network  # noqa: E402

pytestmark = [pytest.mark.devnet, pytest.mark.slow]

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with Network(tmp_path_factory.mktemp("network")) as network:
        region = network.nodes["310000"]
        file = ROOT / "examples" / "310000-cf.csv"
        network.ledger("publish", str(file), "--region", "310000", "--dir", str(region.folder))
        yield network


def export(network: Network, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Export until a log with the published rows is there; the mirror may need a moment."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        done = network.ledger("mirror", "export", str(target), "--json", *options, check=False)
        if done.returncode == 0 and json.loads(done.stdout)["size"] > 1:
            return done
        assert done.returncode in (0, 3), done.stderr
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.5)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_exports_of_the_own_log_a_copy_and_a_distant_log_are_one_and_right(
    fsck: Path, network: Network, tmp_path: Path
) -> None:
    region, mirror = network.nodes["310000"], network.nodes["320000"]
    export(network, tmp_path / "own", "--dir", str(region.folder))
    of_region = ("--dir", str(mirror.folder), "--region", "310000")
    export(network, tmp_path / "copy", *of_region)
    export(network, tmp_path / "distant", *of_region, "--url", region.url)
    own = files_in(tmp_path / "own")
    assert own["checkpoint"].startswith(b"credit-ledger/")
    for name in ("own", "copy", "distant"):
        assert is_right(fsck, tmp_path / name)
        assert files_in(tmp_path / name) == own
    # While the region's node is away, nobody can sign its checkpoint for it.
    network.stop_node("310000")
    silent = network.ledger("mirror", "export", str(tmp_path / "x"), *of_region, check=False)
    assert silent.returncode == 3
    export(network, tmp_path / "own", "--dir", str(region.folder))
    assert is_right(fsck, tmp_path / "own")
    bundle = next((tmp_path / "own" / "tile" / "entries").rglob("*.p/*"), None)
    assert bundle is not None
    shutil.copytree(tmp_path / "own", tmp_path / "tampered")
    flip(tmp_path / "tampered" / bundle.relative_to(tmp_path / "own"), 1_000)
    assert not is_right(fsck, tmp_path / "tampered")
