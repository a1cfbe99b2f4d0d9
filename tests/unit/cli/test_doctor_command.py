"""``doctor`` and ``config show`` on folders with one thing wrong at a time."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from files import run

from ledger.adapters.keystore import load_keys
from ledger.adapters.sql import open_store
from ledger.bootstrap.diagnosis import Level, local, outside
from ledger.bootstrap.founding import make_node
from ledger.cli import doctor as doctor_module
from ledger.core import vrf
from ledger.core.trust import Contract, Coverage, TrustRoot, VrfKey, encode_trust_root
from ledger.services.onchain import RegionEntry
from ledger.settings import NodeSettings, make_settings

REGION = "340000"
SECRET = "s3cret-word"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    make_node(folder, settings_of())
    (folder / "trust-root.json").write_bytes(encode_trust_root(root_of(folder)))
    return folder


def settings_of(**flags: Any) -> NodeSettings:
    given = {"region": REGION, "port": 8399, "rpc_url": "http://127.0.0.1:9"} | flags
    return make_settings(**given)


def root_of(folder: Path) -> TrustRoot:
    return TrustRoot(
        sequence=1,
        previous=None,
        signers=(b"\x01" * 20,),
        threshold=1,
        issued_at=datetime(2026, 1, 1, tzinfo=UTC),
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        chain_id=7,
        genesis_hash=b"\x02" * 32,
        consensus="development",
        validators=(),
        head_anchor=Contract(
            b"\x03" * 20, b"\x04" * 32, {"status": 1, "heads": 2, "confirmations": 3}
        ),
        region_registry=Contract(b"\x05" * 20, b"\x06" * 32, {}),
        consent_registry=None,
        vrf_keys=tuple(
            VrfKey(REGION, stream, 1, vrf.public_key(seeds[1]))
            for stream, seeds in load_keys(folder).vrf_seeds.items()
        ),
        mirrors=(),
        confirmations=(),
        coverage=(Coverage(REGION, "cf", "public", date(2026, 1, 1)),),
        authority_required=False,
    )


def examine(folder: Path) -> dict[str, tuple[str, str]]:
    """(level, code) by check."""
    result = run("doctor", "--dir", str(folder), "--json")
    content = json.loads(result.stdout)
    found = {one["check"]: (one["level"], one["code"]) for one in content["checks"]}
    failed = sum(level == "failed" for level, _code in found.values())
    assert content["failed"] == failed
    assert result.exit_code == (1 if failed else 0)
    for one in content["checks"]:
        assert (one["fix"] is not None) == (one["level"] in ("warning", "failed"))
        assert one["code"] in {"ok", "skipped", *doctor_module.FIXES}
    return found


def test_doctor_node_without_its_chain_names_the_chain_and_skips_what_needs_it(
    folder: Path,
) -> None:
    found = examine(folder)
    assert found == {
        "software": ("ok", "ok"),
        "settings": ("ok", "ok"),
        "keys": ("ok", "ok"),
        "trust-root": ("ok", "ok"),
        "database": ("warning", "database-new"),
        "disk": found["disk"],
        "chain": ("failed", "chain-unavailable"),
        **dict.fromkeys(
            ("contracts", "clock", "registration", "endpoint", "peers"), ("skipped", "skipped")
        ),
        "node": ("failed", "node-not-running"),
    }


def _without_keys(folder: Path) -> None:
    (folder / "keys.json").unlink()


def _with_open_keys(folder: Path) -> None:
    (folder / "keys.json").chmod(0o644)


def _with_cut_keys(folder: Path) -> None:
    (folder / "keys.json").write_text("{}")


def _without_trust_root(folder: Path) -> None:
    (folder / "trust-root.json").unlink()


def _with_broken_trust_root(folder: Path) -> None:
    (folder / "trust-root.json").write_text("{}")


def _rooted(**changes: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        root = replace(root_of(folder), **changes)  # type: ignore[arg-type]
        (folder / "trust-root.json").write_bytes(encode_trust_root(root))

    return write


def _with_other_vrf_key(folder: Path) -> None:
    keys = tuple(
        replace(key, public_key=vrf.public_key(bytes([number]) * 32))
        for number, key in enumerate(root_of(folder).vrf_keys, 9)
    )
    _rooted(vrf_keys=keys)(folder)


def _with_database(region: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        store = open_store(f"sqlite:///{folder}/node.db")
        store.bind("region", region)
        store.close()

    return write


def _with_broken_database(folder: Path) -> None:
    (folder / "node.db").write_bytes(b"not a database at all" * 100)


def _with_newer_schema(folder: Path) -> None:
    _with_database(REGION)(folder)
    import pysqlite3  # type: ignore[import-untyped]

    connection = pysqlite3.connect(str(folder / "node.db"))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("harm", "check", "level", "code"),
    [
        (_without_keys, "keys", "failed", "keys-missing"),
        (_with_open_keys, "keys", "failed", "keys-readable"),
        (_with_cut_keys, "keys", "failed", "keys-broken"),
        (_without_trust_root, "trust-root", "failed", "trust-root-missing"),
        (_with_broken_trust_root, "trust-root", "failed", "trust-root-broken"),
        (
            _rooted(expires_at=datetime(2026, 2, 1, tzinfo=UTC)),
            "trust-root",
            "failed",
            "trust-root-expired",
        ),
        (
            _rooted(expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)),
            "trust-root",
            "warning",
            "trust-root-expires-soon",
        ),
        (
            _rooted(coverage=(Coverage("310000", "cf", "public", date(2026, 1, 1)),)),
            "trust-root",
            "failed",
            "region-not-covered",
        ),
        (_with_other_vrf_key, "trust-root", "failed", "vrf-key-differs"),
        (_with_database(REGION), "database", "ok", "ok"),
        (_with_database("310000"), "database", "failed", "database-of-another-region"),
        (_with_broken_database, "database", "failed", "store-damaged"),
        (_with_newer_schema, "database", "failed", "schema-unknown"),
    ],
)
def test_doctor_names_the_one_thing_that_is_wrong(
    folder: Path, harm: Callable[[Path], None], check: str, level: str, code: str
) -> None:
    harm(folder)
    found = examine(folder)
    assert found[check] == (level, code)
    others = {"chain", "node", "database", check}
    assert {one for one, (how, _code) in found.items() if how == "failed"} <= others


def test_doctor_folder_without_a_node_says_so(tmp_path: Path) -> None:
    assert examine(tmp_path)["settings"] == ("failed", "settings")


def test_doctor_changes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    examine(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("free", "level"), [(1 << 40, Level.OK), (1 << 30, Level.WARNING), (1 << 20, Level.FAILED)]
)
def test_check_disk_follows_the_space_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(local.shutil, "disk_usage", lambda _: usage)
    assert local.check_disk(tmp_path).level is level


@pytest.mark.parametrize(
    ("regions", "code"),
    [
        ((), "not-admitted"),
        ((RegionEntry("310000", b"\x01" * 20, "http://127.0.0.1:8399"),), "not-admitted"),
        ((RegionEntry(REGION, b"\x01" * 20, "http://127.0.0.1:8400"),), "endpoint-differs"),
        ((RegionEntry(REGION, b"\x01" * 20, "http://127.0.0.1:8399/"),), "ok"),
    ],
)
def test_check_registration_compares_the_endpoint(
    regions: tuple[RegionEntry, ...], code: str
) -> None:
    assert outside.check_registration(regions, settings_of()).code == code


def test_check_endpoint_that_nobody_serves_is_unreachable() -> None:
    found = outside.check_endpoint("endpoint", REGION, "http://127.0.0.1:9", is_development=True)
    assert (found.level, found.code) == (Level.FAILED, "endpoint-unreachable")
    found = outside.check_endpoint("endpoint", REGION, "http://127.0.0.1:9", is_development=False)
    assert "region-unavailable" in found.found


def test_doctor_speaks_the_language_asked_for_and_names_the_fix(folder: Path) -> None:
    chinese = run("--lang", "zh", "doctor", "--dir", str(folder)).stdout
    english = run("--lang", "en", "doctor", "--dir", str(folder)).stdout
    assert "✗ 链" in chinese
    assert "检查 rpc_url" in chinese
    assert "✗ chain" in english
    assert "look at rpc_url" in english


def test_config_show_names_sources_and_hides_passwords(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_DATABASE_URL", f"postgresql://ledger:{SECRET}@db/node")
    result = run("config", "show", "--dir", str(folder), "--port", "8500", "--json")
    shown = json.loads(result.stdout)["settings"]
    assert (shown["port"]["value"], shown["port"]["source"]) == (8500, "flag")
    assert shown["region"]["source"] == "file"
    assert shown["database_url"]["source"] == "environment"
    assert shown["graceful_stop_s"]["source"] == "default"
    text = run("--lang", "en", "config", "show", "--dir", str(folder)).stdout
    for printed in (result.stdout, text):
        assert SECRET not in printed
        assert "postgresql://ledger:***@db/node" in printed
    assert "(environment)" in text


def test_config_show_without_a_node_ends_with_usage(tmp_path: Path) -> None:
    result = run("config", "show", "--dir", str(tmp_path))
    assert result.exit_code == 2
    assert "run init first" in result.stderr
