import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ledger.adapters.account_key import OPERATOR_FILE, load_account_key
from ledger.adapters.clock import SystemClock
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import FILE_NAME as KEYS_NAME
from ledger.adapters.keystore import load_keys
from ledger.bootstrap import founding, server
from ledger.bootstrap.founding import make_node
from ledger.bootstrap.node import build_node
from ledger.bootstrap.server import run_node
from ledger.core import vrf
from ledger.core.trust import (
    Contract,
    Coverage,
    TrustRoot,
    ValidatorRange,
    VrfKey,
    encode_trust_root,
)
from ledger.errors import FatalStateError, InputError, LedgerError
from ledger.services import crash_points
from ledger.settings import FILE_NAME, NodeSettings, load_settings, make_settings

REGION = "340000"


@pytest.fixture
def settings() -> NodeSettings:
    return make_settings(region=REGION, port=8399, rpc_url="http://127.0.0.1:9")


@pytest.fixture
def folder(tmp_path: Path, settings: NodeSettings) -> Path:
    folder = tmp_path / "node"
    make_node(folder, settings)
    return folder


def trust_root_of(folder: Path) -> TrustRoot:
    registration = json.loads((folder / "registration.json").read_text())
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
            VrfKey(REGION, one["stream"], 1, bytes.fromhex(one["vrf_public_key"]))
            for one in sorted(registration["streams"], key=lambda one: str(one["stream"]))
        ),
        mirrors=(),
        confirmations=(),
        coverage=(Coverage(REGION, "cf", "public", date(2026, 1, 1)),),
        authority_required=False,
    )


def sealed(root: TrustRoot) -> TrustRoot:
    validators = frozenset(bytes([n]) * 20 for n in range(1, 5))
    return replace(
        root, consensus="qbft", validators=(ValidatorRange(0, None, None, None, validators),)
    )


def give(folder: Path, root: TrustRoot) -> None:
    (folder / "trust-root.json").write_bytes(encode_trust_root(root))


def test_make_node_folder_holds_keys_settings_and_registration(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        *(KEYS_NAME, FILE_NAME, OPERATOR_FILE, "registration.json")
    }
    assert folder.stat().st_mode & 0o077 == 0
    assert load_settings(folder).port == 8399


def test_make_node_registration_holds_public_material_only(folder: Path) -> None:
    text = (folder / "registration.json").read_text()
    keys = load_keys(folder)
    secrets = [*keys.anchor_keys, *keys.mirror_keys, keys.natural_key_secret]
    secrets.append(load_account_key(folder / OPERATOR_FILE))
    for kind in (keys.vrf_seeds, keys.checkpoint_seeds):
        secrets += [seed for known in kind.values() for seed in known.values()]
    assert not any(secret.hex() in text for secret in secrets)
    assert keys.operator_token not in text
    assert json.loads(text)["endpoint"] == "http://127.0.0.1:8399"


def test_make_node_second_time_is_refused_and_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="found one"):
        make_node(folder, make_settings(region="310000"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_make_node_nobody_could_reach_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="endpoint"):
        make_node(tmp_path / "node", make_settings(region=REGION, host="0.0.0.0"))
    assert list(tmp_path.iterdir()) == []


def test_make_node_that_was_interrupted_can_be_made_again(
    tmp_path: Path, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(founding, "save_keys", full)
        make_node(tmp_path, settings)
    make_node(tmp_path, settings)
    registration = json.loads((tmp_path / "registration.json").read_text())
    operator = address_of(load_account_key(tmp_path / OPERATOR_FILE))
    assert registration["operator"] == f"0x{operator.hex()}" != load_keys(tmp_path).anchor_address


async def test_build_node_puts_an_application_together(
    folder: Path, settings: NodeSettings
) -> None:
    give(folder, trust_root_of(folder))
    node = build_node(folder, settings)
    await node.app.state.context.stop()
    assert (folder / "node.db").exists()


def test_build_node_without_trust_root_says_so(folder: Path, settings: NodeSettings) -> None:
    with pytest.raises(InputError, match="put the trust root into the folder"):
        build_node(folder, settings)


@pytest.mark.parametrize("offset_s", [1, -86_400])
def test_build_node_shifted_clock_off_development_is_refused(
    folder: Path, settings: NodeSettings, offset_s: int
) -> None:
    give(folder, sealed(trust_root_of(folder)))
    shifted = settings.model_copy(update={"clock_offset_s": offset_s})
    with pytest.raises(FatalStateError, match="clock_offset_s: expected 0"):
        build_node(folder, shifted)
    assert not (folder / "node.db").exists()


async def test_build_node_shifted_clock_on_a_development_chain_is_used(
    folder: Path, settings: NodeSettings
) -> None:
    give(folder, trust_root_of(folder))
    node = build_node(folder, settings.model_copy(update={"clock_offset_s": 86_400}))
    await node.app.state.context.stop()


def test_build_node_crash_point_off_development_is_refused(
    folder: Path, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_CRASH_POINT", "publication.received")
    give(folder, sealed(trust_root_of(folder)))
    with pytest.raises(FatalStateError, match="CREDIT_LEDGER_CRASH_POINT: expected none"):
        build_node(folder, settings)
    assert crash_points._watcher is None
    assert not (folder / "node.db").exists()


def test_build_node_crash_point_that_is_none_is_refused(
    folder: Path, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_CRASH_POINT", "publication.nowhere")
    give(folder, trust_root_of(folder))
    with pytest.raises(FatalStateError, match="crash point: expected a name of the list"):
        build_node(folder, settings)
    assert not (folder / "node.db").exists()


async def test_build_node_crash_point_on_a_development_chain_is_armed(
    folder: Path, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_LEDGER_CRASH_POINT", "publication.received:7")
    give(folder, trust_root_of(folder))
    try:
        await build_node(folder, settings).app.state.context.stop()
        assert crash_points._watcher is not None
    finally:
        crash_points.watch(None)


def test_clock_shift_is_added_to_the_machines_time() -> None:
    for offset_s in (0, 3600, -3600):
        ahead = SystemClock(offset_s).now() - datetime.now(UTC)
        assert abs(ahead - timedelta(seconds=offset_s)) < timedelta(seconds=2)
    assert SystemClock().now().tzinfo is UTC


def test_build_node_keys_of_another_node_are_refused(folder: Path, settings: NodeSettings) -> None:
    root = trust_root_of(folder)
    keys = tuple(
        replace(key, public_key=vrf.public_key(bytes([number]) * 32))
        for number, key in enumerate(root.vrf_keys)
    )
    give(folder, replace(root, vrf_keys=keys))
    with pytest.raises(FatalStateError, match="another VRF key"):
        build_node(folder, settings)
    assert not (folder / "node.db").exists()


def _no_registry(root: TrustRoot) -> TrustRoot:
    return replace(root, region_registry=None)


def _other_region(root: TrustRoot) -> TrustRoot:
    return replace(root, coverage=(Coverage("310000", "cf", "public", date(2026, 1, 1)),))


def _no_vrf_key(root: TrustRoot) -> TrustRoot:
    return replace(root, vrf_keys=tuple(one for one in root.vrf_keys if one.stream != "records"))


@pytest.mark.parametrize("change", [_no_registry, _other_region, _no_vrf_key])
def test_build_node_trust_root_that_does_not_serve_the_region_is_refused(
    folder: Path, settings: NodeSettings, change: object
) -> None:
    give(folder, change(trust_root_of(folder)))  # type: ignore[operator]
    with pytest.raises(LedgerError, match="trust root: expected"):
        build_node(folder, settings)


async def test_build_node_database_of_another_chain_is_refused(
    folder: Path, settings: NodeSettings
) -> None:
    root = trust_root_of(folder)
    give(folder, root)
    await build_node(folder, settings).app.state.context.stop()
    give(folder, replace(root, genesis_hash=b"\x08" * 32))
    with pytest.raises(LedgerError, match="genesis"):
        build_node(folder, settings)


def test_run_node_server_that_does_not_start_ends_with_an_error(
    folder: Path, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(folder, trust_root_of(folder))
    monkeypatch.setattr(server, "configure_logging", lambda: None)
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda server: None)
    with pytest.raises(FatalStateError, match="did not start"):
        run_node(folder)
