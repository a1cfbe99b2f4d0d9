"""``fsck`` over a node's folder: its outcome, its exit codes, what it prints and what it leaves."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from files import run
from worlds.auditing import AuditedWorld
from worlds.node import uscc

from ledger.cli.fsck_words import CODES, TABLES, UNKNOWN

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "operations" / "fsck.md"
STREAMS = ("records", "restricted")


@pytest.fixture
def folder(lived: AuditedWorld, tmp_path: Path) -> Path:
    own = tmp_path / "node"
    shutil.copytree(lived.folder, own)
    return own


def change(folder: Path, statement: str) -> None:
    connection = pysqlite3.connect(folder / "node.db", isolation_level=None)
    assert connection.execute(statement).rowcount == 1
    connection.close()


def fsck(folder: Path, *options: str) -> tuple[int, str]:
    result = run("--lang", "en", "fsck", "--dir", str(folder), *options)
    return result.exit_code, result.output


def test_fsck_of_a_sound_folder_offline_is_clean(folder: Path) -> None:
    code, output = fsck(folder, "--offline")
    assert code == 0, output
    assert output.splitlines()[-1] == "outcome: clean (not compared with the chain)"
    assert "events: 34" in output


def test_fsck_without_an_answer_of_the_chain_is_not_clean(folder: Path) -> None:
    code, output = fsck(folder)
    assert code == 3
    assert "chain-unavailable" in output
    assert output.splitlines()[-1] == "outcome: not everything could be checked"


def test_fsck_of_a_changed_row_names_it_and_no_value(folder: Path) -> None:
    change(folder, f"UPDATE events SET subject = '{uscc(77)}' WHERE seq = 5")
    code, output = fsck(folder, "--offline")
    assert code == 1
    assert "event-column  records/1 events 5 subject" in output
    assert output.splitlines()[-1].startswith("outcome: findings")
    assert uscc(77) not in output
    assert uscc(5) not in output


def test_fsck_as_json_has_findings_rows_and_roots(folder: Path) -> None:
    change(folder, "UPDATE records SET status = 'ended' WHERE put_seq = 27")
    code, output = fsck(folder, "--offline", "--quick", "--json")
    assert code == 1
    content: dict[str, Any] = json.loads(output)
    assert content["exit_code"] == 1
    assert content["outcome"] == "findings"
    assert content["counts"] == {"record-fold": 1}
    assert content["findings"] == [
        {
            "code": "record-fold",
            "table": "records",
            "row": 27,
            "expected": "what its events say",
            "found": "another",
            "column": "status",
            "place": None,
        }
    ]
    assert content["rows"]["records"] == 18
    assert [(one["stream"], one["generation"], one["size"]) for one in content["logs"]] == [
        ("records", 1, 21),
        ("records", 2, 13),
        ("restricted", 1, 1),
    ]
    assert {len(one["log_root"]) for one in content["logs"]} == {64}
    assert (content["quick"], content["offline"]) == (True, True)


def test_fsck_in_chinese_says_the_same(folder: Path) -> None:
    result = run("--lang", "zh", "fsck", "--dir", str(folder), "--offline")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "结论:未发现问题(未与链比对)"


def test_fsck_with_a_thousand_findings_shows_the_first(folder: Path) -> None:
    connection = pysqlite3.connect(folder / "node.db", isolation_level=None)
    connection.execute("UPDATE events SET accepted_at = 'x'")
    connection.close()
    code, output = fsck(folder, "--offline")
    assert code == 1
    assert re.search(r"^and \d+ more findings$", output, re.MULTILINE)


@pytest.mark.parametrize("name", ["node.json", "keys.json", "trust-root.json", "node.db"])
def test_fsck_of_a_folder_that_lacks_a_file_is_a_wrong_use(name: str, folder: Path) -> None:
    (folder / name).unlink()
    code, output = fsck(folder, "--offline")
    assert code == 2
    assert name in output
    assert not (folder / "node.db").exists() or name != "node.db"


def test_fsck_of_a_file_of_noise_is_a_finding(folder: Path) -> None:
    (folder / "node.db").write_bytes(b"noise" * 10_000)
    code, output = fsck(folder, "--offline")
    assert code == 1
    assert "database-unreadable" in output


def test_fsck_changes_nothing(folder: Path) -> None:
    before = (folder / "node.db").read_bytes()
    assert fsck(folder, "--offline")[0] == 0
    assert (folder / "node.db").read_bytes() == before


# --- The words


def test_words_of_fsck_are_those_that_an_audit_uses() -> None:
    audit = ROOT / "src" / "ledger" / "services" / "audit"
    sources = [*audit.glob("*.py"), *(ROOT / "src" / "ledger" / "adapters" / "sql").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    quoted = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', text))
    known = CODES.keys() | UNKNOWN.keys()
    assert known <= quoted
    families = {code.split("-")[0] for code in known if "-" in code}
    used = {word for word in quoted if "-" in word and word.split("-")[0] in families}
    assert used <= known


def test_document_of_fsck_explains_every_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    assert told == CODES.keys() | UNKNOWN.keys()


def test_words_of_fsck_name_every_table_that_is_read(lived: AuditedWorld) -> None:
    assert set(lived.audit(is_offline=True).rows) == set(TABLES)
