"""``mirror export`` on a node's folder, where no chain answers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from files import run
from worlds.node import REGION, World, penalties, penalty

from ledger.adapters.keystore import generate_keys, save_keys
from ledger.core.checkpoint.checkpoint import open_checkpoint
from ledger.core.checkpoint.note import parse_verifier_key
from ledger.core.trust import Contract, encode_trust_root

NOWHERE = "http://127.0.0.1:9"
REGISTRY = Contract(b"\x05" * 20, b"\x06" * 32, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("node")
    world = World(folder)
    world.publish(penalties(*(penalty(number) for number in range(1, 4))))
    world.settle()
    (folder / "node.json").write_text(json.dumps({"region": REGION, "rpc_url": NOWHERE}))
    trust_root = replace(world.trust_root, region_registry=REGISTRY)
    (folder / "trust-root.json").write_bytes(encode_trust_root(trust_root))
    save_keys(folder, generate_keys())
    yield folder
    world.kill()


def copy_without(folder: Path, target: Path, missing: str) -> Path:
    target.mkdir()
    for path in folder.iterdir():
        if path.name != missing:
            (target / path.name).write_bytes(path.read_bytes())
            (target / path.name).chmod(0o600)
    return target


def test_mirror_export_offline_writes_the_log_of_the_folder(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "export"
    done = run("mirror", "export", target, "--dir", folder, "--offline")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "4 entries" in done.stdout and "the chain was not asked" in done.stdout
    key = parse_verifier_key((target / "vkey").read_text().rstrip("\n"))
    found = open_checkpoint((target / "checkpoint").read_bytes(), key)
    assert (found.origin.split("/")[2:], found.size) == ([REGION, "records", "1"], 4)
    assert (target / "tile/entries/000.p/4").stat().st_size > 4 * 2
    again = run("mirror", "export", target, "--dir", folder, "--offline", "--json")
    assert json.loads(again.stdout) == {
        "origin": found.origin,
        "size": 4,
        "root_hash": found.root_hash.hex(),
        "bundles": 1,
        "reused": 0,
        "compared_with_chain": False,
    }


def test_mirror_export_in_chinese_says_that_the_chain_was_not_asked(
    folder: Path, tmp_path: Path
) -> None:
    done = run("mirror", "export", tmp_path / "x", "--dir", folder, "--offline", lang="zh")
    assert "4 条" in done.stdout and "未与链比对" in done.stdout


@pytest.mark.parametrize("more", [(), ("--region", "320000"), ("--region", REGION)])
def test_mirror_export_while_the_chain_is_silent_ends_with_3(
    folder: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    target = tmp_path / "export"
    done = run("mirror", "export", target, "--dir", folder, *more)
    assert done.exit_code == 3
    assert "chain-unavailable" in done.stderr
    assert not (target / "checkpoint").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--offline", "--region", "320000"), "another's key is on chain"),
        (("--offline", "--url", "http://127.0.0.1:1"), "none for the node's own log"),
        (("--offline", "--stream", "others"), "expected a stream of the trust root"),
        (("--offline", "--stream", "restricted"), "expected a head in a block, found none"),
    ],
)
def test_mirror_export_of_what_cannot_be_exported_ends_with_2(
    folder: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    done = run("mirror", "export", tmp_path / "x", "--dir", folder, *more)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("missing", ["node.json", "keys.json", "trust-root.json", "node.db"])
def test_mirror_export_of_a_folder_that_lacks_a_part_names_it_and_makes_nothing(
    folder: Path, tmp_path: Path, missing: str
) -> None:
    poor = copy_without(folder, tmp_path / "node", missing)
    done = run("mirror", "export", tmp_path / "x", "--dir", poor, "--offline")
    assert done.exit_code == 2
    assert "not found" in done.stderr
    assert not (poor / missing).exists()
    assert not (tmp_path / "x").exists()


def test_mirror_export_trust_root_without_a_registry_ends_with_2(
    folder: Path, tmp_path: Path
) -> None:
    poor = copy_without(folder, tmp_path / "node", "trust-root.json")
    content = (folder / "trust-root.json").read_bytes()
    tree = json.loads(content)
    tree["contracts"]["region_registry"] = None
    (poor / "trust-root.json").write_text(
        json.dumps(tree, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    )
    done = run("mirror", "export", tmp_path / "x", "--dir", poor, "--offline")
    assert (done.exit_code, "expected a region registry" in done.stderr) == (2, True)


def test_mirror_export_into_the_folder_of_another_node_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "export"
    assert run("mirror", "export", target, "--dir", folder, "--offline").exit_code == 0
    other = copy_without(folder, tmp_path / "node", "keys.json")
    save_keys(other, generate_keys())
    done = run("mirror", "export", target, "--dir", other, "--offline")
    assert done.exit_code == 2
    assert "conflict" in done.stderr


def test_mirror_export_onto_a_file_ends_with_2(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    done = run("mirror", "export", tmp_path / "file", "--dir", folder, "--offline")
    assert done.exit_code == 2
    assert (tmp_path / "file").read_text() == "here"
