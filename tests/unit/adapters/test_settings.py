import json
from pathlib import Path

import pytest

from ledger.errors import InputError
from ledger.settings import (
    FILE_NAME,
    NodeSettings,
    load_settings,
    make_settings,
    masked,
    save_settings,
    show_settings,
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NodeSettings.model_fields:
        monkeypatch.delenv(f"CREDIT_LEDGER_{name.upper()}", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).write_text('{"region": "340000", "port": 8001}')
    return tmp_path


def test_settings_flag_goes_before_environment_before_file_before_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(folder).host == "127.0.0.1"
    assert load_settings(folder).port == 8001
    monkeypatch.setenv("CREDIT_LEDGER_PORT", "8002")
    assert load_settings(folder).port == 8002
    assert load_settings(folder, port=8003, host=None).port == 8003


def test_settings_of_a_new_node_flag_goes_before_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_REGION", "310000")
    monkeypatch.setenv("CREDIT_LEDGER_PORT", "8002")
    settings = make_settings(region="340000", port=None)
    assert (settings.region, settings.port) == ("340000", 8002)


WRONG = [
    *(
        ("region", "34000"),
        ("region", "３４００００"),
        ("region", "340000\n"),
        ("region", "040000"),
    ),
    *(("port", 0), ("port", 65536), ("port", "x"), ("host", ""), ("endpoint", "node.cn")),
    *(("rpc_url", "file:///x"), ("clock_offset_s", "soon"), ("trust_root", "")),
]


@pytest.mark.parametrize(("name", "value"), [*WRONG, ("colour", 1)])
def test_settings_value_in_the_file_that_breaks_its_rule_is_named(
    folder: Path, name: str, value: object
) -> None:
    (folder / FILE_NAME).write_text(json.dumps({"region": "340000", name: value}))
    with pytest.raises(InputError, match=f"settings: {name}: not of the expected form"):
        load_settings(folder)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_settings_value_in_the_environment_that_breaks_its_rule_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setenv(f"CREDIT_LEDGER_{name.upper()}", str(value))
    with pytest.raises(InputError, match=f"settings: {name}: not of the expected form"):
        load_settings(folder)


@pytest.mark.parametrize(("name", "value"), [*WRONG, ("colour", 1)])
def test_settings_flag_that_breaks_its_rule_is_named(
    folder: Path, name: str, value: object
) -> None:
    with pytest.raises(InputError, match=f"settings: {name}: not of the expected form"):
        load_settings(folder, **{name: value})


def test_settings_error_does_not_repeat_a_password(folder: Path) -> None:
    content = {"region": "340000", "database_url": ["postgresql://u:secret@h/d"]}
    (folder / FILE_NAME).write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        load_settings(folder)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_settings_without_a_file_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run init first"):
        load_settings(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "3", "null", '"x"', "\ufeff{}"])
def test_settings_file_that_is_no_object_is_named(folder: Path, text: str) -> None:
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_settings(folder)


def test_settings_saved_and_loaded_are_the_same(tmp_path: Path) -> None:
    settings = make_settings(region="340000", port=9000, clock_offset_s=-5)
    save_settings(tmp_path, settings)
    assert load_settings(tmp_path).model_dump() == settings.model_dump()
    content = json.loads((tmp_path / FILE_NAME).read_text())
    assert content == {"region": "340000", "port": 9000, "clock_offset_s": -5}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:8310"),
        ("0.0.0.0", "http://127.0.0.1:8310"),
        ("::", "http://127.0.0.1:8310"),
        ("::1", "http://[::1]:8310"),
        ("node.local", "http://node.local:8310"),
    ],
)
def test_settings_local_url_reaches_the_node_from_this_machine(host: str, local: str) -> None:
    assert make_settings(region="340000", host=host).local_url == local


def test_settings_public_endpoint_of_a_node_on_every_interface_must_be_given() -> None:
    with pytest.raises(InputError, match="endpoint"):
        _ = make_settings(region="340000", host="0.0.0.0").public_endpoint
    settings = make_settings(region="340000", host="0.0.0.0", endpoint="https://node.cn")
    assert settings.public_endpoint == "https://node.cn"


# --- What is shown of them


def test_show_settings_names_the_source_of_each_value(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_RPC_URL", "http://127.0.0.1:9545")
    shown = {one.name: one for one in show_settings(folder, host="::1", port=None)}
    assert set(shown) == set(NodeSettings.model_fields)
    assert (shown["host"].value, shown["host"].source) == ("::1", "flag")
    assert (shown["rpc_url"].value, shown["rpc_url"].source) == (
        "http://127.0.0.1:9545",
        "environment",
    )
    assert (shown["port"].value, shown["port"].source) == (8001, "file")
    assert (shown["trust_root"].source, shown["trust_root"].variable) == (
        "default",
        "CREDIT_LEDGER_TRUST_ROOT",
    )
    assert shown["endpoint"].value == "http://[::1]:8001"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://ledger:s3cret@db:5432/node", "postgresql://ledger:***@db:5432/node"),
        ("postgresql://ledger:s3:c@ret@db/node", "postgresql://ledger:***@db/node"),
        ("postgresql://db/node?password=s3cret&sslmode=require", "***"),
        ("http://rpc.example/?key=s3cret", "***"),
        ("https://user:s3cret@rpc.example", "https://user:***@rpc.example"),
        ("s3cret", "***"),
        (
            "http://a:s3cret@one:8545,http://b:s3@two:8545",
            "http://a:***@one:8545,http://b:***@two:8545",
        ),
        ("http://one/?key=s3,https://b:s3cret@two/?key=s3", "***"),
        ("sqlite:////var/lib/node.db", "sqlite:////var/lib/node.db"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
    ],
)
def test_masked_url_never_shows_a_password(url: str, seen: str) -> None:
    found = masked(url)
    assert found is not None
    assert "s3" not in found
    assert found == seen or (seen == "***" and "***" in found)


def test_settings_secret_url_may_stand_in_a_file_of_its_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://ledger:s3cret@db/node\n")
    monkeypatch.setenv("CREDIT_LEDGER_DATABASE_URL_FILE", str(secret))
    assert load_settings(folder).database_url == "postgresql://ledger:s3cret@db/node"
    shown = {one.name: one for one in show_settings(folder)}
    assert (shown["database_url"].source, shown["database_url"].value) == (
        "environment",
        "postgresql://ledger:***@db/node",
    )


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 5000])
def test_settings_secret_file_that_cannot_be_read_is_refused_without_its_content(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    secret = tmp_path / "url"
    if content is not None:
        secret.write_bytes(content)
    monkeypatch.setenv("CREDIT_LEDGER_DATABASE_URL_FILE", str(secret))
    with pytest.raises(InputError, match="CREDIT_LEDGER_DATABASE_URL_FILE: expected"):
        load_settings(folder)


def test_settings_secret_given_twice_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_RPC_URL", "http://a")
    monkeypatch.setenv("CREDIT_LEDGER_RPC_URL_FILE", "/nowhere")
    with pytest.raises(InputError, match="found both"):
        load_settings(folder)


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "proxy.example", "10.0.0.1;10.0.0.2", "*"])
def test_settings_trusted_proxies_that_are_no_networks_are_refused(
    folder: Path, networks: str
) -> None:
    with pytest.raises(InputError, match="trusted_proxies"):
        load_settings(folder, trusted_proxies=networks)


def test_settings_trusted_proxies_are_addresses_or_networks(folder: Path) -> None:
    networks = "127.0.0.1, 10.1.0.0/16,fd00::/8"
    assert load_settings(folder, trusted_proxies=networks).trusted_proxies == networks
