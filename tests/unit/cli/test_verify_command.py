import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from files import Files, run
from typer.testing import Result
from worlds.node import World, uscc

from ledger.core.trust import encode_trust_root
from ledger.core.verify import STEPS


def verify(files: Files, *arguments: object, **more: object) -> Result:
    return run("verify", "--trust", files.trust, "--now", files.now, *arguments, **more)  # type: ignore[arg-type]


def judged(result: Result) -> list[tuple[str, str]]:
    content = json.loads(result.stdout)
    assert content["exit_code"] == result.exit_code
    return [(one["outcome"], one["reason"]) for one in content["results"]]


def test_verify_valid_evidence_of_records_names_the_record_and_ends_with_0(files: Files) -> None:
    result = verify(files, files.records, "--json")
    assert judged(result) == [("VALID", "ok")]
    (one,) = json.loads(result.stdout)["results"]
    assert one["file"] == str(files.records)
    assert one["claim"]["subject"] == uscc(5)
    assert one["development"] is True
    assert [step["id"] for step in one["steps"]] == list(STEPS)
    assert [step["number"] for step in one["steps"]] == list(range(1, 15))
    (record,) = one["records"]
    assert record["fields"]["document_number"] == "31罚〔2026〕00005号"
    assert record["fields"]["fine_fen"] == 1_000_000
    assert set(one["basis"]) == {
        *("block_number", "block_hash", "block_time", "epoch", "anchored_at", "log_size"),
        *("confirmed_by", "contradicting_mirrors"),
    }


def test_verify_valid_evidence_of_absence_ends_with_0(files: Files) -> None:
    result = verify(files, files.none, "--json")
    assert judged(result) == [("VALID", "ok")]
    assert json.loads(result.stdout)["results"][0]["records"] == []


def test_verify_forged_evidence_ends_with_1_and_shows_no_record(files: Files) -> None:
    result = verify(files, files.forged, "--json")
    assert result.exit_code == 1
    ((outcome, _reason),) = judged(result)
    assert outcome == "INVALID"
    assert json.loads(result.stdout)["results"][0]["records"] == []
    assert "00005号" not in verify(files, files.forged).stdout


def test_verify_many_files_in_one_process_ends_with_the_worst(files: Files) -> None:
    many = [files.records, files.none] * 10
    result = verify(files, *many, "--json")
    assert judged(result) == [("VALID", "ok")] * 20
    assert verify(files, *many, files.forged).exit_code == 1
    stale = ("--now", "2026-10-31T23:00:00Z")
    assert verify(files, *stale, files.records, files.forged).exit_code == 1
    assert verify(files, *stale, files.records, files.none).exit_code == 3


def test_verify_old_evidence_is_stale_and_ends_with_3(files: Files) -> None:
    later = ("--now", "2026-10-31T23:00:00+08:00")
    assert judged(verify(files, files.records, *later, "--json")) == [("STALE", "stale")]
    for age in ("any", "86400", "999999999"):
        assert verify(files, files.records, *later, "--max-age", age).exit_code == 0
    assert verify(files, files.records, *later, "--max-age", "0").exit_code == 3


def test_verify_evidence_from_the_future_ends_with_1(files: Files) -> None:
    earlier = ("--now", "2026-10-31T03:00:00Z")
    for age in ("600", "any"):
        assert verify(files, files.records, *earlier, "--max-age", age).exit_code == 1


def test_verify_another_day_than_proved_is_incomplete_and_ends_with_3(files: Files) -> None:
    result = verify(files, files.records, "--as-of", "2026-10-30", "--json")
    assert judged(result) == [("INCOMPLETE", "as-of-not-proved")]
    assert result.exit_code == 3
    assert verify(files, files.records, "--as-of", "2026-10-31").exit_code == 0


def test_verify_newer_version_is_unsupported_and_ends_with_3(
    files: Files, tmp_path: Path, world: World
) -> None:
    newer = tmp_path / "newer.json"
    newer.write_bytes(files.records.read_bytes().replace(b',"v":1,', b',"v":2,'))
    result = verify(files, newer, "--json")
    assert (judged(result)[0][0], result.exit_code) == ("UNSUPPORTED", 3)
    root = tmp_path / "root.json"
    root.write_bytes(files.trust.read_bytes().replace(b'"v":1,', b'"v":2,'))
    result = run("verify", files.records, "--trust", root, "--now", files.now, "--json")
    assert (judged(result)[0][0], result.exit_code) == ("UNSUPPORTED", 3)


def test_verify_expired_trust_root_is_incomplete(
    files: Files, tmp_path: Path, world: World
) -> None:
    expired = replace(world.trust_root, expires_at=datetime(2026, 2, 1, tzinfo=UTC))
    root = tmp_path / "root.json"
    root.write_bytes(encode_trust_root(expired))
    result = run("verify", files.records, "--trust", root, "--now", files.now, "--json")
    assert (judged(result)[0][0], result.exit_code) == ("INCOMPLETE", 3)


def test_verify_own_id_is_taken(files: Files) -> None:
    assert verify(files, files.records, "--verifier", "bank-1").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--now", "yesterday"),
        ("--now", "2026-10-31"),
        ("--now", "2026-10-31T12:00:00"),
        ("--now", "20261031T120000Z"),
        ("--now", "2026-10-31T12:00Z"),
        ("--now", "2026-13-31T12:00:00Z"),
        ("--now", "2026-10-31T25:00:00Z"),
        ("--now", "２０２６-10-31T12:00:00Z"),
        ("--now", "0001-01-01T00:00:00+08:00"),
        ("--now", ""),
        ("--as-of", "20261031"),
        ("--as-of", "2026-W44-6"),
        ("--as-of", "2026-02-30"),
        ("--as-of", "2026-10-31 "),
        ("--as-of", "today"),
        ("--max-age", "-1"),
        ("--max-age", "1.5"),
        ("--max-age", "ANY"),
        ("--max-age", "10000000000"),
        ("--max-age", "٦٠٠"),
        ("--max-age", ""),
        ("--colour",),
    ],
)
def test_verify_option_that_means_nothing_ends_with_2(
    files: Files, arguments: tuple[str, ...]
) -> None:
    result = verify(files, files.records, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert arguments[0] in result.stderr


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59Z", "0001-01-02T00:00:00Z"])
def test_verify_at_the_ends_of_time_does_not_fail(files: Files, now: str) -> None:
    assert verify(files, files.records, "--now", now).exit_code in (1, 3)


def test_verify_time_in_any_spelling_of_rfc_3339_is_taken(files: Files) -> None:
    for now in ("2026-10-31T12:00:30.5+08:00", "2026-10-31t04:00:30z", "2026-10-31 04:00:30Z"):
        assert verify(files, files.records, "--now", now).exit_code == 0


def test_verify_without_files_or_trust_root_ends_with_2(files: Files) -> None:
    assert run("verify", files.records).exit_code == 2
    assert run("verify", "--trust", files.trust).exit_code == 2


def test_verify_file_that_cannot_be_read_ends_with_2(files: Files, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        result = verify(files, files.records, path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert str(path) in result.stderr
        assert run("verify", files.records, "--trust", path).exit_code == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"\xff", b"null", b"1" * 20_000_000])
def test_verify_trust_root_that_is_none_ends_with_2(
    files: Files, tmp_path: Path, content: bytes
) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(content)
    assert run("verify", files.records, "--trust", root, "--now", files.now).exit_code == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b"1" * 17_000_000])
def test_verify_file_that_is_no_evidence_is_invalid(
    files: Files, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(content)
    result = verify(files, path, "--json")
    assert (judged(result)[0][0], result.exit_code) == ("INVALID", 1)


def test_verify_reads_standard_input_once(files: Files) -> None:
    evidence = files.records.read_bytes()
    result = verify(files, "-", files.none, "--json", stdin=evidence)
    assert judged(result) == [("VALID", "ok")] * 2
    assert json.loads(result.stdout)["results"][0]["file"] == "-"
    assert verify(files, "-", "-", stdin=evidence).exit_code == 2
    assert run("verify", "-", "--trust", "-", stdin=evidence).exit_code == 2
    trust = files.trust.read_bytes()
    result = run("verify", files.none, "--trust", "-", "--now", files.now, stdin=trust)
    assert result.exit_code == 0


def test_verify_text_shows_claim_steps_record_and_limits_in_chinese(files: Files) -> None:
    shown = verify(files, files.records, lang="zh").stdout
    for text in (
        "上海市",
        "行政处罚",
        "有效记录共 1 条",
        "31罚〔2026〕00005号",
        "罚款 10000.00 元",
    ):
        assert text in shown
    for text in ("有效 VALID", "测试链", "本结论不证明", "✓  1 格式", "2026-10-31 12:00"):
        assert text in shown


def test_verify_text_shows_the_same_in_english(files: Files) -> None:
    shown = verify(files, files.records).stdout
    for text in ("Shanghai", "penalties", "all 1 records in force", "fine 10000.00 yuan"):
        assert text in shown
    for text in ("valid VALID", "测试链", "Not proved", "✓  1 format"):
        assert text in shown
    assert "no record in force" in verify(files, files.none).stdout


def test_verify_text_of_a_failure_names_the_step(files: Files) -> None:
    shown = verify(files, files.forged).stdout
    assert "✗  7 subject key" in shown
    assert "INVALID" in shown
    assert "Not proved" not in shown


def test_verify_quiet_is_one_line_a_file(files: Files) -> None:
    result = verify(files, files.records, files.forged, "--quiet")
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert "VALID" in lines[0]
    assert "INVALID" in lines[1]
    assert all("测试链" in line for line in lines)


def test_verify_name_of_a_file_cannot_steer_the_terminal(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2J\u202egpj.json"
    path.write_bytes(files.records.read_bytes())
    for arguments in ((), ("--quiet",), ("--json",)):
        shown = verify(files, path, *arguments).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
