"""``publish`` and ``lookup`` against a node behind a real socket; ``init`` and ``trust-root``."""

import hashlib
import io
import json
import logging
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn
from files import Files, run
from worlds.node import CF_COLUMNS, RECORDS, REGION, World, changes, penalties, penalty, uscc
from worlds.node_app import app_of
from worlds.workbooks import sheet, workbook

from ledger.adapters.keystore import generate_keys, load_keys, save_keys
from ledger.adapters.log_lines import configure_logging
from ledger.bootstrap.server import server_config
from ledger.cli.lookup import keep_evidence
from ledger.cli.output import printable
from ledger.core.trust import encode_trust_root
from ledger.core.verify import Outcome, verify_evidence
from ledger.errors import InputError

TEXTS = ("subject", "region", "record_type", "result", "code")
VERDICT = {"outcome": "VALID", "block_number": 1, "development": True}


@dataclass
class Running:
    """A node's folder, its URL, and its world, whose worker runs while ``works`` is set."""

    world: World
    folder: Path
    url: str
    works: threading.Event


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    configure_logging(io.StringIO())
    folder = tmp_path_factory.mktemp("running")
    save_keys(folder, replace(generate_keys(), operator_token="t" * 40))
    world = World(folder)
    world.publish(penalties(penalty(5)))
    world.settle()
    digest = hashlib.sha256(b"t" * 40).digest()
    works, ends = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (folder / "node.json").write_text(json.dumps({"region": REGION, "port": port}))
        config = server_config(app_of(world, operator_token_digest=digest), "127.0.0.1", port)
        server = uvicorn.Server(config)

        def work() -> None:
            while not ends.wait(0.02):
                if works.is_set():
                    world.tick(0)

        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True),
            threading.Thread(target=work, daemon=True),
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        works.set()
        yield Running(world, folder, f"http://127.0.0.1:{port}", works)
        server.should_exit = True
        ends.set()
        for thread in threads:
            thread.join(10)
    world.kill()
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def publish(node: Running, *arguments: object) -> Any:
    return run("publish", "--region", REGION, "--dir", node.folder, *arguments)


def test_publish_waits_until_confirmed_and_reports_each_file(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    bad = penalty(102).replace(uscc(102), uscc(102)[:-1] + "?")
    one = csv("一号.csv", penalties(penalty(101), bad))
    two = csv("changes.csv", changes())
    report = tmp_path / "report.json"
    result = publish(node, one, two, "--report", report, "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert (content["exit_code"], content["error"]) == (0, None)
    assert content["files"] == json.loads(report.read_text(encoding="utf-8"))
    first = content["files"]["一号.csv"]
    assert (first["accepted"], first["state"]) == (1, "confirmed")
    (problem,) = first["rejected"]
    assert set(problem) >= {"row", "field", "code", "expected", "found", "message"}
    assert (problem["row"], problem["field"]) == (3, "CF_XDR_SHXYM")


def test_publish_text_names_bad_rows_and_columns_without_meaning(node: Running, csv: Any) -> None:
    header, row, _ = penalties(penalty(103)).decode().split("\n")
    path = csv("a.csv", f"{header},CF_WSHH\n{row},x\n{row[:40]}\n".encode())
    result = publish(node, path)
    assert result.exit_code == 0
    assert "a.csv: 1 rows accepted, 0 unchanged, 0 skipped, 1 rejected; confirmed" in result.stdout
    assert "columns without meaning here: CF_WSHH" in result.stdout
    assert "row 3" in result.stdout


def test_publish_two_files_of_one_name_are_both_reported(node: Running, csv: Any) -> None:
    one = csv("x/cf.csv", penalties(penalty(104)))
    two = csv("y/cf.csv", penalties(penalty(105)))
    content = json.loads(publish(node, one, two, "--json").stdout)
    assert set(content["files"]) == {str(one), str(two)}


def test_publish_file_that_is_refused_ends_with_2_and_reports_those_before(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    good, bad = csv("good.csv", penalties(penalty(106))), csv("bad.csv", b"a,b\n1,2\n")
    last = csv("last.csv", penalties(penalty(107)))
    report = tmp_path / "report.json"
    result = publish(node, good, bad, last, "--report", report, "--json")
    assert result.exit_code == 2
    assert "unknown-columns" in result.stderr
    content = json.loads(result.stdout)
    assert content["exit_code"] == 2
    assert "unknown-columns" in content["error"]
    assert set(content["files"]) == {"good.csv"} == set(json.loads(report.read_text()))


def test_publish_file_that_does_not_exist_ends_with_2_before_anything_is_sent(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    before = node.world.store.pending_count(RECORDS, 0)
    result = publish(node, csv("one.csv", penalties(penalty(108))), tmp_path / "missing.csv")
    assert result.exit_code == 2
    assert "missing.csv" in result.stderr
    assert node.world.store.pending_count(RECORDS, 0) == before


def test_publish_not_confirmed_in_time_ends_with_3_and_still_reports(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    node.works.clear()
    time.sleep(0.1)
    try:
        path = csv("late.csv", penalties(penalty(109)))
        result = publish(node, path, "--wait-s", "0.1", "--report", report)
        assert result.exit_code == 3
        assert "not confirmed in 0.1 s" in result.stderr
        assert json.loads(report.read_text())["late.csv"]["state"] == "accepted"
        assert publish(node, path, "--wait-s", "0").exit_code == 0
    finally:
        node.works.set()


def test_publish_other_content_is_refused_and_with_amend_taken(node: Running, csv: Any) -> None:
    publish(node, csv("first.csv", penalties(penalty(120))))
    path = csv("second.csv", penalties(penalty(120, fine="2.000000"), penalty(121)))
    refused = json.loads(publish(node, path, "--json", "--wait-s", "0").stdout)["files"]
    assert [one["code"] for one in refused["second.csv"]["rejected"]] == ["conflict"]
    path = csv("third.csv", penalties(penalty(120, fine="3.000000"), penalty(122)))
    result = publish(node, path, "--amend")
    assert result.exit_code == 0
    assert "third.csv: 1 rows accepted (1 amended), 0 unchanged" in result.stdout
    assert "nothing-to-amend" in result.stdout
    (record,) = node.world.verdict(120).records
    assert (record.version, record.values["fine_fen"]) == (2, 3_000_000)


def test_publish_folder_takes_its_files_by_name_and_workbooks_by_content(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    rows = [CF_COLUMNS.split(","), penalty(123).split(",")]
    csv("files/b.xlsx", workbook(sheet(rows)))
    csv("files/a.csv", workbook(sheet([rows[0], penalty(124).split(",")])))
    csv("files/~$b.xlsx", b"lock")
    csv("files/.hidden.csv", b"")
    csv("files/readme.md", b"no table")
    csv("files/inner/c.csv", penalties(penalty(125)))
    content = json.loads(publish(node, tmp_path / "files", "--json").stdout)
    assert list(content["files"]) == ["a.csv", "b.xlsx"]
    assert {one["accepted"] for one in content["files"].values()} == {1}


def test_publish_text_in_a_named_encoding_is_read_in_that_one(node: Running, csv: Any) -> None:
    path = csv("gbk.csv", penalties(penalty(126)).decode().encode("gbk"))
    assert publish(node, path, "--encoding", "gbk").exit_code == 0
    refused = publish(node, path, "--encoding", "utf-8")
    assert (refused.exit_code, "encoding-mismatch" in refused.stderr) == (2, True)
    unknown = publish(node, path, "--encoding", "big5")
    assert (unknown.exit_code, "big5" in unknown.stderr) == (2, True)


def test_publish_workbook_does_not_mind_the_encoding_of_texts(node: Running, csv: Any) -> None:
    book = workbook(sheet([CF_COLUMNS.split(","), penalty(127).split(",")]))
    result = publish(node, csv("b.xlsx", book), "--encoding", "gbk", "--wait-s", "0")
    assert result.exit_code == 0, result.output


def test_publish_folder_without_files_ends_with_2(node: Running, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    result = publish(node, tmp_path / "nothing")
    assert (result.exit_code, ".xlsx" in result.stderr) == (2, True)


def test_publish_file_that_is_too_large_ends_with_2_before_it_is_read(
    node: Running, csv: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.cli.files.MAX_FILE_BYTES", 10)
    result = publish(node, csv("small.csv", b"1"), csv("large.csv", penalties(penalty(128))))
    assert (result.exit_code, "too-large" in result.stderr) == (2, True)


def test_publish_for_another_region_or_folder_ends_with_2(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    path = csv("one.csv", penalties(penalty(110)))
    result = run("publish", path, "--region", "320000", "--dir", node.folder)
    assert (result.exit_code, "expected the node of region 320000" in result.stderr) == (2, True)
    result = run("publish", path, "--region", REGION, "--dir", tmp_path)
    assert (result.exit_code, "run init first" in result.stderr) == (2, True)


def test_publish_node_that_does_not_run_ends_with_3(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    save_keys(tmp_path, generate_keys())
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    (tmp_path / "node.json").write_text(json.dumps({"region": REGION, "port": port}))
    path = csv("one.csv", penalties(penalty(111)))
    result = run("publish", path, "--region", REGION, "--dir", tmp_path)
    assert (result.exit_code, "ConnectError" in result.stderr) == (3, True)


def test_publish_with_the_token_of_another_node_ends_with_2(
    node: Running, csv: Any, tmp_path: Path
) -> None:
    save_keys(tmp_path, generate_keys())
    (tmp_path / "node.json").write_bytes((node.folder / "node.json").read_bytes())
    path = csv("one.csv", penalties(penalty(112)))
    result = run("publish", path, "--region", REGION, "--dir", tmp_path)
    assert (result.exit_code, "401 unauthorized" in result.stderr) == (2, True)
    assert load_keys(tmp_path).operator_token not in result.output


def test_lookup_prints_each_answer_and_what_it_does_not_prove(node: Running) -> None:
    result = run("lookup", uscc(5), uscc(6), "--type", "cf", "--node", node.url)
    assert result.exit_code == 0, result.output
    with_records, without, limits = result.stdout.splitlines()
    assert f"{uscc(5)}  310000 Shanghai  cf penalties  records  all 1  VALID" in with_records
    assert "none (proved)  VALID" in without
    assert "测试链" in with_records
    assert limits.startswith("Not proved")


def test_lookup_keeps_evidence_that_verifies_beside_the_trust_root(
    node: Running, tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    arguments = ("lookup", uscc(5), "--node", node.url, "--evidence", folder, "--json")
    result = run(*arguments, "--region", REGION)
    assert result.exit_code == 0, result.output
    trust = (folder / "trust-root.json").read_bytes()
    assert trust == encode_trust_root(node.world.trust_root)
    assert hashlib.sha256(trust).hexdigest() in result.stderr
    names = {f"{uscc(5)}-{REGION}-{one}.json" for one in ("cf", "xk")}
    assert {path.name for path in folder.iterdir()} == {*names, "trust-root.json"}
    for name in names:
        evidence = (folder / name).read_bytes()
        verdict = verify_evidence(evidence, trust, now=node.world.clock.now())
        assert verdict.outcome is Outcome.VALID
    assert json.loads(result.stdout)["exit_code"] == 0


def test_lookup_never_replaces_a_trust_root_that_is_there(node: Running, tmp_path: Path) -> None:
    (tmp_path / "trust-root.json").write_text("pinned")
    run("lookup", uscc(5), "--node", node.url, "--evidence", tmp_path)
    assert (tmp_path / "trust-root.json").read_text() == "pinned"


def test_lookup_reads_codes_from_standard_input_in_any_spelling(node: Running) -> None:
    codes = f"{uscc(5).lower()}\n\n {uscc(6)} \n{uscc(5)}\n"
    result = run("lookup", "-", "--type", "cf", "--node", node.url, stdin=codes)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3


def test_lookup_more_companies_than_one_request_takes(node: Running) -> None:
    codes = "\n".join(uscc(number) for number in range(1000, 1120))
    result = run("lookup", "-", "--node", node.url, "--json", stdin=codes)
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["answers"]) == 240


def test_lookup_answer_that_is_not_proved_ends_with_3(node: Running) -> None:
    result = run("lookup", uscc(5), "--region", "990000", "--node", node.url)
    assert (result.exit_code, "refused" in result.stdout) == (3, True)
    assert "not-covered" in result.stdout


def test_lookup_wrong_code_ends_with_2_and_is_named_by_its_place(node: Running) -> None:
    result = run("lookup", uscc(5), uscc(6)[:-1] + "?", "--node", node.url)
    assert result.exit_code == 2
    assert "code 2" in result.stderr
    assert uscc(6)[:-1] not in result.stderr
    assert run("lookup", "-", "--node", node.url, stdin="\n").exit_code == 2


@pytest.mark.parametrize("url", ["node", "ftp://node", "http://127.0.0.1:port"])
def test_lookup_node_that_is_no_url_ends_with_2(url: str) -> None:
    assert run("lookup", uscc(5), "--node", url).exit_code == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answers": {}},
        {"answers": [None]},
        {"answers": [{"subject": "x"}]},
        {"answers": [{**dict.fromkeys(TEXTS, "x")}]},
        {"answers": [{**dict.fromkeys(TEXTS, "x"), "evidence": None, "verdict": {}}]},
        {"answers": [{**dict.fromkeys(TEXTS, "x"), "evidence": {}, "verdict": VERDICT}]},
    ],
)
def test_lookup_what_answers_is_no_node_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    monkeypatch.setattr("ledger.cli.lookup.call", lambda *_, **__: body)
    result = run("lookup", uscc(5), "--node", "http://127.0.0.1:9")
    assert (result.exit_code, "another form" in result.stderr) == (3, True)


def answer(**members: object) -> dict[str, Any]:
    base = {"subject": uscc(5), "region": REGION, "record_type": "cf", "evidence": {"v": 1}}
    return {**base, **members}


@pytest.mark.parametrize(
    "members",
    [
        {"subject": "../../evil"},
        {"subject": f"{uscc(5)}/../x"},
        {"region": "../310000"},
        {"region": "310000/"},
        {"record_type": "../cf"},
        {"record_type": "cf\n"},
        {"subject": ""},
    ],
)
def test_keep_evidence_answer_that_would_name_another_file_is_refused(
    tmp_path: Path, members: dict[str, object]
) -> None:
    with pytest.raises(InputError):
        keep_evidence([answer(**members)], tmp_path / "evidence")
    assert list((tmp_path / "evidence").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]


def test_init_makes_a_node_once(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    arguments = ("init", "--region", "340000", "--dir", folder, "--port", "8314")
    result = run(*arguments)
    assert result.exit_code == 0
    assert "registration.json" in result.stdout
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    assert load_keys(folder).operator_token not in result.output
    again = run(*arguments)
    assert (again.exit_code, "found one" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--region", "34"), "region"),
        (("--region", "340000", "--port", "70000"), "port"),
        (("--region", "340000", "--host", "0.0.0.0"), "endpoint"),
        (("--region", "340000", "--rpc-url", "x"), "rpc_url"),
    ],
)
def test_init_value_that_breaks_its_rule_ends_with_2_and_is_named(
    tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    result = run("init", "--dir", tmp_path / "node", *arguments)
    assert (result.exit_code, named in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_registration_is_written_anew_after_a_key_was_changed(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    assert run("init", "--region", "340000", "--dir", folder).exit_code == 0
    before = json.loads((folder / "registration.json").read_text())
    keys = json.loads((folder / "keys.json").read_text())
    del keys["mirror_keys"]
    (folder / "keys.json").write_text(json.dumps(keys))
    refused = run("registration", "--dir", folder)
    assert (refused.exit_code, "openssl rand -hex 32" in refused.stderr) == (2, True)
    (folder / "keys.json").write_text(json.dumps(keys | {"mirror_keys": ["51" * 32]}))
    assert run("registration", "--dir", folder).exit_code == 0
    after = json.loads((folder / "registration.json").read_text())
    assert after.pop("mirror_key") != before.pop("mirror_key")
    assert after == before
    assert run("registration", "--dir", tmp_path).exit_code == 2


def test_serve_folder_without_a_node_ends_with_an_error(tmp_path: Path) -> None:
    result = run("serve", "--dir", tmp_path)
    assert result.exit_code != 0
    assert "run init first" in result.stderr


def test_trust_root_make_asks_for_what_it_needs(tmp_path: Path) -> None:
    node = tmp_path / "node"
    assert run("init", "--region", "310000", "--dir", node).exit_code == 0
    for arguments, said in (
        ((node, "--deployment", tmp_path / "missing.json"), "missing.json"),
        ((node, "--deployment", node / "registration.json"), "deployment"),
        ((node, "--since", "soon"), "--since: expected a date"),
        ((node, "--previous", node / "node.json"), "an update is signed first"),
        ((), "expected folders of nodes, or a file"),
    ):
        result = run("trust-root", "make", *arguments)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.replace("\u2502", "").split()), result.stderr


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "zh_CN"}, "zh"),
    ],
)
def test_language_is_that_of_the_locale_else_chinese(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    from ledger.cli import language as module

    for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    module.choose(None)
    assert module.current() == language


def test_language_that_is_unknown_ends_with_2(files: Files) -> None:
    assert run("version", lang="fr").exit_code == 2


def test_printable_leaves_words_and_replaces_what_steers() -> None:
    assert printable("企业 A-1 ✓ 𠮷") == "企业 A-1 ✓ 𠮷"
    assert printable("\x1b[31m\n\u202e\ud800\x00") == "\ufffd[31m\ufffd\ufffd\ufffd\ufffd"
