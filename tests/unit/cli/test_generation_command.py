"""``generation statement|compare``: a region's file, compared with the copies of a mirror."""

import json
from pathlib import Path

import pytest
from files import run
from worlds.auditing import AuditedWorld
from worlds.lived_in_folder import write_settings
from worlds.node import REGION

from ledger.adapters.sql import open_store
from ledger.cli.generation import CODES
from ledger.core.generations import comparison
from ledger.services.ports.mirroring import LogName
from ledger.services.stored import StreamLog


def write_mirror(folder: Path, lived: AuditedWorld, *, less: int = 0) -> Path:
    """Another region's node that has copied both logs."""
    folder.mkdir()
    write_settings(folder, "320000", (lived.folder / "trust-root.json").read_bytes())
    own, copies = open_store(f"sqlite:///{lived.path}"), open_store(f"sqlite:///{folder}/node.db")
    fence = copies.acquire_fence("mirror")
    for generation in (1, 2):
        entries = [one.entry for one in own.entries(StreamLog("records", generation), 0, 1000)]
        kept = entries[: len(entries) - less]
        copies.append_mirrored(fence, LogName(REGION, "records", generation), 0, kept)
    own.close()
    copies.close()
    return folder


@pytest.fixture
def file(lived: AuditedWorld, tmp_path: Path) -> Path:
    file = tmp_path / "statement.jsonl"
    result = run("generation", "statement", file, "--dir", lived.folder)
    assert result.exit_code == 0, result.output
    assert "for the regulator alone" in result.output
    return file


def test_statement_is_its_owners_alone_and_compares_as_the_same(
    file: Path, lived: AuditedWorld, tmp_path: Path
) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    mirror = write_mirror(tmp_path / "mirror", lived)
    result = run("generation", "compare", file, "--dir", mirror)
    assert result.exit_code == 0, result.output
    items = json.loads(file.read_text().splitlines()[0])["items"]
    assert items > 5
    assert f"outcome: the same; all {items} items in force, and no other" in result.output
    chinese = run("generation", "compare", file, "--dir", mirror, lang="zh")
    assert f"结论:一致,{items} 项有效事项全部转入,别无其他" in chinese.output


def test_item_left_out_of_the_statement_is_named_and_ends_with_one(
    file: Path, lived: AuditedWorld, tmp_path: Path
) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    said = json.loads(lines[0])
    left_out = json.loads(lines.pop())["former"]
    file.write_bytes(b"".join(lines))
    mirror = write_mirror(tmp_path / "mirror", lived)
    result = run("generation", "compare", file, "--dir", mirror)
    assert result.exit_code == 1
    assert f"item-missing  1/{left_out}  an item in force was not put again" in result.output
    assert result.output.splitlines()[-1] == "outcome: not the same; 1 findings"
    told = json.loads(run("generation", "compare", file, "--dir", mirror, "--json").output)
    assert (told["exit_code"], told["is_same"], told["items"]) == (1, False, said["items"])
    assert told["findings"] == [{"code": "item-missing", "generation": 1, "index": left_out}]
    assert "91310118" not in json.dumps(told), "a code of a subject"


def test_mirror_that_is_behind_ends_with_three_and_no_verdict(
    file: Path, lived: AuditedWorld, tmp_path: Path
) -> None:
    mirror = write_mirror(tmp_path / "mirror", lived, less=4)
    result = run("generation", "compare", file, "--dir", mirror)
    assert result.exit_code == 3
    assert "outcome" not in result.output


def test_other_files_and_folders_end_with_two(
    file: Path, lived: AuditedWorld, tmp_path: Path
) -> None:
    mirror = write_mirror(tmp_path / "mirror", lived)
    other = tmp_path / "other"
    other.write_text("{}\n")
    for arguments in (
        ("compare", other, "--dir", mirror),
        ("compare", tmp_path / "none", "--dir", mirror),
        ("compare", file, "--dir", tmp_path),
        ("statement", other, "--dir", lived.folder, "--stream", "queries"),
        ("statement", other, "--dir", lived.folder, "--stream", "restricted"),
        ("statement", other, "--dir", lived.folder, "--number", "3"),
    ):
        result = run("generation", *arguments)
        assert result.exit_code == 2, (arguments, result.output)
    assert other.read_text() == "{}\n", "a refused statement replaced a file"


def test_every_code_has_words(lived: AuditedWorld) -> None:
    source = Path(comparison.__file__).read_text()
    assert all(f'"{code}"' in source for code in CODES)
    for word in source.split('tell("')[1:]:
        assert word.split('"')[0] in CODES
