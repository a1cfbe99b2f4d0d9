"""``verify`` in a process of its own: no network, no heavy library, any terminal."""

import json
import sys
from pathlib import Path

import pytest
from files import LEDGER, ROOT, Files, run_apart

OFFLINE = [sys.executable, str(ROOT / "scripts" / "story" / "offline.py")]

REPORT_MODULES = """
import json, sys
sys.argv = ["credit-ledger", *sys.argv[1:]]
from ledger.cli import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

TRY_SOCKETS = """
import runpy, sys
deny = runpy.run_path(sys.argv[1])["deny_network"]
import socket
deny()
attempts = {
    "socket": lambda: socket.socket(),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "names": lambda: socket.getaddrinfo("example.org", 443),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": lambda: socket.socketpair(),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except PermissionError as error:
        assert "denied" in str(error)
        print(name)
"""


def arguments(files: Files, *paths: Path) -> list[str]:
    return ["verify", "--trust", str(files.trust), "--now", files.now, *map(str, paths)]


def test_offline_every_use_of_a_socket_is_really_refused() -> None:
    command = [sys.executable, "-c", TRY_SOCKETS, str(ROOT / "scripts" / "story" / "offline.py")]
    done = run_apart(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [b"socket", b"connect", b"names", b"unix", b"pair"]


def test_offline_a_command_that_needs_the_network_fails(files: Files) -> None:
    done = run_apart([*OFFLINE, "lookup", "91310118MA00000051", "--node", "http://127.0.0.1:9"])
    assert done.returncode != 0


def test_offline_verify_passes(files: Files) -> None:
    done = run_apart([*OFFLINE, *arguments(files, files.records, files.none), "--json"])
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["exit_code"] == 0
    assert [one["outcome"] for one in content["results"]] == ["VALID", "VALID"]


def test_offline_verify_refuses_forged_evidence_with_1(files: Files) -> None:
    done = run_apart([*OFFLINE, *arguments(files, files.records, files.forged)])
    assert done.returncode == 1


@pytest.mark.parametrize(
    "command", ["verify", "verify --help", "--help", "version", "lookup --help"]
)
def test_command_that_needs_no_heavy_library_imports_none(files: Files, command: str) -> None:
    words = command.split()
    if words == ["verify"]:
        words = arguments(files, files.records)
    done = run_apart([sys.executable, "-c", REPORT_MODULES, *words])
    modules = json.loads(done.stderr.splitlines()[-1])
    heavy = {"web3", "fastapi", "sqlalchemy", "httpx", "uvicorn", "alembic", "eth_account"}
    assert heavy & set(modules) == set()
    assert "ledger.bootstrap" not in modules


@pytest.mark.parametrize("encoding", ["ascii", "gb18030", "gbk", "utf-8"])
def test_verify_on_a_terminal_of_any_encoding_prints_its_verdict(
    files: Files, encoding: str
) -> None:
    command = [*LEDGER, "--lang", "zh", *arguments(files, files.records)]
    done = run_apart(command, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"VALID" in done.stdout
    if encoding != "ascii":
        assert "行政处罚" in done.stdout.decode(encoding)
    done = run_apart([*command, "--json"], PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout)["exit_code"] == 0


def test_verify_file_whose_name_is_no_text_is_verified(files: Files, tmp_path: Path) -> None:
    path = bytes(tmp_path) + b"/\xff\xfe.json"
    with open(path, "wb") as file:
        file.write(files.records.read_bytes())
    for option in ("--quiet", "--json"):
        done = run_apart([*LEDGER, *arguments(files), option, path])  # type: ignore[list-item]
        assert done.returncode == 0, done.stderr


def test_verify_reads_evidence_from_a_pipe(files: Files) -> None:
    done = run_apart([*LEDGER, *arguments(files), "-"], stdin=files.records.read_bytes())
    assert done.returncode == 0, done.stderr
