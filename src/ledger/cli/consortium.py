"""``credit-ledger devnet`` with ``--engine qbft``: what only a consortium of validators has."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli.devnet_texts import FOLDER, Folder, fail
from ledger.cli.language import TEST_CONSORTIUM, pick
from ledger.errors import LedgerError

_Validator = Annotated[str, typer.Argument(help="验证节点,如 anhui / a validator, such as anhui")]


def is_consortium(folder: Path) -> bool:
    """Whether a folder holds a consortium and not the embedded chain."""
    from ledger.adapters.devnet.qbft.directory import MARKER

    return (folder / MARKER).exists()


def up(folder: Path, size: int | None, chain_id: int | None) -> list[str]:
    """Start a consortium and deploy the contracts; returns what to say."""
    from ledger.adapters.devnet.qbft import control
    from ledger.adapters.devnet.qbft.directory import ConsortiumDirectory
    from ledger.adapters.governance.creation import create_contracts

    now = control.up(folder, size=size, chain_id=chain_id, say=_say)
    assert now.config is not None  # noqa: S101 - a running consortium has one
    addresses = [bytes.fromhex(one.address[2:]) for one in now.config.validators]
    directory = ConsortiumDirectory(folder.resolve())
    deployment = create_contracts(
        directory.deployment_file,
        chain_id=now.config.chain_id,
        rpc_urls=[one.rpc_url for one in now.config.validators],
        founder=directory.owner_key(),
        validators=addresses,
    )
    directory.regulator_key()
    count = len(addresses)
    lines = [
        pick(
            f"{TEST_CONSORTIUM[0]}运行中:{count} 个验证节点,链标识 {now.config.chain_id},"
            f"块高 {now.height}",
            f"{TEST_CONSORTIUM[1]} runs: {count} validators, chain id {now.config.chain_id},"
            f" block {now.height}",
        )
    ]
    lines += [f"  {one.name:<15} {one.rpc_url}" for one in now.config.validators]
    lines += [f"  {name:<15} 0x{one.address.hex()}" for name, one in deployment.contracts.items()]
    return lines


def status_content(folder: Path) -> dict[str, Any]:
    """What ``devnet status`` says of a consortium, for programs."""
    from ledger.adapters.devnet.qbft import control

    now = control.status(folder)
    config = now.config
    running = [one for one in now.validators if one.height is not None]
    quorate = config is not None and len(running) >= config.quorum and not now.groups
    return {
        "engine": "qbft",
        "running": now.running,
        "healthy": now.state == "healthy" and quorate and (now.height or 0) >= 1,
        "state": now.state,
        "reason": now.reason or None,
        "chain_id": config.chain_id if config else None,
        "quorum": config.quorum if config else None,
        "block": now.height,
        "stall_restarts": now.stall_restarts,
        "groups": [list(group) for group in now.groups],
        "supervisor_pid": now.supervisor_pid,
        "validators": [
            {
                "name": one.name,
                "rpc_url": config.validator(one.name).rpc_url if config else None,
                "address": config.validator(one.name).address if config else None,
                "pid": one.pid,
                "block": one.height,
                "peers": one.peers,
                "restarts": one.restarts,
                "stopped": one.is_stopped,
            }
            for one in now.validators
        ],
    }


def print_status(content: dict[str, Any]) -> None:
    """The same for people."""
    state = pick("正常", "healthy") if content["healthy"] else content["state"]
    typer.echo(f"{pick(*TEST_CONSORTIUM)}  {state}")
    for name, value in (
        (pick("原因", "reason"), content["reason"]),
        (pick("链标识", "chain id"), content["chain_id"]),
        (pick("块高", "block"), content["block"]),
        (pick("法定数", "quorum"), content["quorum"]),
        (pick("停滞后全部重启", "restarted after a stall"), content["stall_restarts"] or None),
        (pick("网络分区", "parts"), json.dumps(content["groups"]) if content["groups"] else None),
    ):
        if value is not None:
            typer.echo(f"{name}  {value}")
    for one in content["validators"]:
        what = pick("已停止", "stopped") if one["stopped"] else pick("未响应", "silent")
        if one["block"] is not None:
            what = pick(
                f"块高 {one['block']},相连 {one['peers']}",
                f"block {one['block']}, {one['peers']} peers",
            )
        typer.echo(f"  {one['name']:<12} {what}")


def stop(validator: _Validator, folder: Folder = FOLDER) -> None:
    """停止一个验证节点 / Stop one validator."""
    from ledger.adapters.devnet.qbft import control

    _act("stop", lambda: control.stop(folder, validator))


def start(validator: _Validator, folder: Folder = FOLDER) -> None:
    """启动一个已停止的验证节点 / Start a validator that was stopped."""
    from ledger.adapters.devnet.qbft import control

    _act("start", lambda: control.start(folder, validator))


def wipe(validator: _Validator, folder: Folder = FOLDER) -> None:
    """清空一个验证节点的链数据并重新同步 / Delete one validator's chain; it learns all anew."""
    from ledger.adapters.devnet.qbft import control

    _act("wipe", lambda: control.wipe(folder, validator))


def partition(
    groups: Annotated[
        list[str], typer.Argument(help="各部分,如 shanghai,jiangsu anhui / the parts")
    ],
    folder: Folder = FOLDER,
) -> None:
    """切断各部分之间的网络 / Cut the wires between parts; who is in none is alone."""
    from ledger.adapters.devnet.qbft import control

    _act("partition", lambda: control.partition(folder, [group.split(",") for group in groups]))


def heal(folder: Folder = FOLDER) -> None:
    """恢复全部网络连接 / Join all wires again."""
    from ledger.adapters.devnet.qbft import control

    _act("heal", lambda: control.heal(folder))


def register(app: typer.Typer) -> None:
    """Add the commands to ``devnet``."""
    for command in (stop, start, wipe, partition, heal):
        app.command()(command)


def _act(command: str, action: Callable[[], None]) -> None:
    try:
        action()
    except (LedgerError, OSError) as error:
        fail(command, error)
    typer.echo(f"devnet {command}: {pick('完成', 'done')}")


def _say(line: str) -> None:
    typer.echo(f"devnet up: {line}", err=True)
