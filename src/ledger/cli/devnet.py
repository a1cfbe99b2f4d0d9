"""``credit-ledger devnet``: the embedded development chain."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli import consortium
from ledger.cli.devnet_texts import FOLDER, NOT_RUNNING, Folder, fail
from ledger.cli.language import TEST_CHAIN, pick
from ledger.errors import DevnetError, LedgerError

app = typer.Typer(help="内置测试链 / The embedded development chain", no_args_is_help=True)

ANVIL = "anvil"
QBFT = "qbft"
_Json = Annotated[bool, typer.Option("--json", help="机器可读 / for programs")]


@app.command()
def up(
    folder: Folder = FOLDER,
    port: Annotated[
        int | None, typer.Option(help="端口,0 为任选空闲端口 / port, 0 takes a free one")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(help="链标识 / chain id")] = None,
    clock_offset_s: Annotated[
        int | None, typer.Option(help="链时间与系统时间之差(秒)/ chain time minus system time")
    ] = None,
    start_time: Annotated[
        int | None, typer.Option(help="链的起始时间(Unix 秒)/ chain starts at this Unix time")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="anvil(默认)或 qbft / anvil, the default, or qbft")
    ] = None,
    validators: Annotated[
        int | None, typer.Option(help="qbft 的验证节点数:4、5(默认)或 7 / 4, 5 or 7")
    ] = None,
    as_json: _Json = False,
) -> None:
    """启动测试链并部署合约 / Start the chain, deploy the contracts; safe to repeat."""
    if _engine(engine, folder) == QBFT:
        anvil_only = (port, clock_offset_s, start_time)
        _up_consortium(folder, validators, chain_id, anvil_only, as_json)
        return
    from ledger.adapters.devnet import control
    from ledger.adapters.devnet.directory import DevnetDirectory
    from ledger.adapters.governance.creation import create_contracts, is_current

    begun = time.monotonic()
    try:
        now = control.up(
            folder,
            port=port,
            chain_id=chain_id,
            clock_offset_s=clock_offset_s,
            start_time=start_time,
        )
        assert now.config is not None  # noqa: S101 - a healthy devnet has one
        directory = DevnetDirectory(folder.resolve())
        deployment = create_contracts(
            directory.deployment_file,
            chain_id=now.config.chain_id,
            rpc_urls=[now.config.rpc_url],
            founder=directory.owner_key(),
        )
        directory.regulator_key()
        control.wait_until_saved(folder, max(one.block for one in deployment.contracts.values()))
    except (LedgerError, OSError) as error:
        fail("up", error)
    if not is_current(deployment):
        _note(
            "链上合约与本版本不同;如需更新请先 devnet reset",
            "the contracts on the chain are of another build; run devnet reset to renew them",
        )
    if as_json:
        _print_json(_status_json(folder), 0)
        return
    seconds = time.monotonic() - begun
    addresses = {name: "0x" + one.address.hex() for name, one in deployment.contracts.items()}
    typer.echo(
        pick(
            f"{TEST_CHAIN[0]}运行中:{now.config.rpc_url}  链标识 {now.config.chain_id}"
            f"  块高 {now.block}  ({seconds:.1f} 秒)",
            f"{TEST_CHAIN[1]} runs: {now.config.rpc_url}  chain id {now.config.chain_id}"
            f"  block {now.block}  ({seconds:.1f} s)",
        )
    )
    for name, address in addresses.items():
        typer.echo(f"  {name:<15} {address}")


def _engine(wanted: str | None, folder: Path) -> str:
    """The engine that was asked for, which must be that of an existing folder."""
    existing = QBFT if consortium.is_consortium(folder) else None
    if existing is None and (folder / "devnet.json").exists():
        existing = ANVIL
    if wanted not in (None, ANVIL, QBFT):
        fail("up", DevnetError("usage", f"--engine: expected {ANVIL} or {QBFT}, found another"))
    if wanted is not None and existing is not None and wanted != existing:
        fail("up", DevnetError("other-chain", f"engine: the folder holds {existing}"))
    return wanted or existing or ANVIL


def _up_consortium(
    folder: Path,
    validators: int | None,
    chain_id: int | None,
    anvil_only: tuple[int | None, ...],
    as_json: bool,
) -> None:
    begun = time.monotonic()
    try:
        if any(one is not None for one in anvil_only):
            raise DevnetError("usage", "--port and times are for anvil; a consortium keeps its own")
        lines = consortium.up(folder, validators, chain_id)
    except (LedgerError, OSError) as error:
        fail("up", error)
    if as_json:
        _print_json(consortium.status_content(folder), 0)
        return
    typer.echo(f"{lines[0]}  ({time.monotonic() - begun:.1f} s)")
    for line in lines[1:]:
        typer.echo(line)


@app.command()
def status(folder: Folder = FOLDER, as_json: _Json = False) -> None:
    """查看测试链状态 / Show the chain's state; exit code 3 when it is not healthy."""
    try:
        is_consortium = consortium.is_consortium(folder)
        content = consortium.status_content(folder) if is_consortium else _status_json(folder)
    except (LedgerError, OSError) as error:
        fail("status", error)
    exit_code = 0 if content["healthy"] else NOT_RUNNING
    if as_json:
        _print_json(content, exit_code)
    elif is_consortium:
        consortium.print_status(content)
    else:
        _print_status(content)
    raise typer.Exit(exit_code)


@app.command()
def logs(
    folder: Folder = FOLDER,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="行数 / lines")] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="持续显示 / follow")] = False,
) -> None:
    """查看日志 / Show the log."""
    from ledger.adapters.devnet.directory import DevnetDirectory
    from ledger.adapters.devnet.log import follow_log, log_lines

    directory = DevnetDirectory(folder.resolve())
    for line in log_lines(directory, lines):
        typer.echo(line)
    if follow:
        try:
            for line in follow_log(directory):
                typer.echo(line)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


@app.command()
def down(folder: Folder = FOLDER) -> None:
    """停止测试链,保留数据 / Stop the chain and keep it."""
    try:
        stopped = _control(folder).down(folder)
    except (LedgerError, OSError) as error:
        fail("down", error)
    if stopped:
        typer.echo(pick("测试链已停止", "the chain is stopped"))
    else:
        typer.echo(pick("测试链未在运行", "the chain was not running"))


@app.command()
def reset(folder: Folder = FOLDER) -> None:
    """停止测试链并删除其全部数据 / Stop the chain and delete its folder."""
    try:
        _control(folder).reset(folder)
    except (LedgerError, OSError) as error:
        fail("reset", error)
    typer.echo(pick("测试链数据已删除", "the chain's folder is deleted"))


@app.command()
def admit(
    nodes: Annotated[list[Path], typer.Argument(help="节点目录 / folders of the nodes")],
    folder: Folder = FOLDER,
) -> None:
    """以治理方身份接入地区节点 / Admit regions' nodes as governance; safe to repeat."""
    from ledger.adapters.devnet.control import wait_until_saved
    from ledger.adapters.devnet.directory import DevnetDirectory
    from ledger.adapters.governance.admission import admit as admit_all
    from ledger.adapters.governance.registration import load_registration

    directory = DevnetDirectory(folder.resolve())
    is_sealed = consortium.is_consortium(folder)
    try:
        registrations = [load_registration(node) for node in nodes]
        if not directory.deployment_file.exists():
            raise DevnetError("not-deployed", "no contracts here yet; run devnet up first")
        sent = admit_all(
            directory.deployment_file,
            directory.owner_key(),
            registrations,
            # Nobody may rely on an admission that a kill of anvil would take back. What validators
            # have sealed stays.
            settle=None if is_sealed else lambda block: wait_until_saved(directory.root, block),
        )
    except (LedgerError, OSError) as error:
        fail("admit", error)
    for registration in registrations:
        count = sent[registration.region]
        done = pick(f"已接入({count} 笔交易)", f"admitted ({count} transactions)")
        typer.echo(f"{registration.region}  {done if count else pick('无变化', 'no change')}")


def _control(folder: Path) -> Any:
    """The commands of the engine whose folder it is."""
    from ledger.adapters.devnet import control
    from ledger.adapters.devnet.qbft import control as qbft_control

    return qbft_control if consortium.is_consortium(folder) else control


def _status_json(folder: Path) -> dict[str, Any]:
    from ledger.adapters.devnet import control
    from ledger.adapters.devnet.directory import DevnetDirectory

    now = control.status(folder)
    directory = DevnetDirectory(folder.resolve())
    deployment: Any = None
    if directory.deployment_file.exists():
        deployment = json.loads(directory.deployment_file.read_bytes())
    config = now.config
    return {
        "running": now.running,
        "healthy": now.healthy,
        "state": now.state,
        "reason": now.reason or None,
        "development_chain": True,
        "directory": str(directory.root),
        "rpc_url": config.rpc_url if config else None,
        "chain_id": config.chain_id if config else None,
        "clock_offset_s": config.clock_offset_s if config else None,
        "genesis_hash": now.genesis_hash,
        "block": now.block,
        "block_time": now.block_time,
        "saved_block": now.saved_block,
        "restarts": now.restarts,
        "supervisor_pid": now.supervisor_pid,
        "anvil_pid": now.anvil_pid,
        "contracts": {
            name: one["address"] for name, one in (deployment or {}).get("contracts", {}).items()
        },
    }


def _print_status(content: dict[str, Any]) -> None:
    states = {
        "absent": pick("尚未建立", "not made yet"),
        "starting": pick("启动中", "starting"),
        "healthy": pick("正常", "healthy"),
        "failed": pick("失败", "failed"),
        "stopped": pick("已停止", "stopped"),
        "lost": pick("已中断(被终止)", "ended (killed)"),
    }
    state = states.get(content["state"], content["state"])
    rows = [
        (pick(*TEST_CHAIN), state),
        (pick("原因", "reason"), content["reason"]),
        ("RPC", content["rpc_url"] if content["running"] else None),
        (pick("链标识", "chain id"), content["chain_id"]),
        (pick("块高", "block"), content["block"]),
        (pick("重启次数", "restarts"), content["restarts"] or None),
        (pick("时钟偏移(秒)", "clock offset (s)"), content["clock_offset_s"] or None),
        *content["contracts"].items(),
    ]
    for name, value in rows:
        if value is not None:
            typer.echo(f"{name}  {value}")


def _print_json(content: dict[str, Any], exit_code: int) -> None:
    typer.echo(json.dumps({"exit_code": exit_code, **content}, ensure_ascii=False))


def _note(zh: str, en: str) -> None:
    typer.echo(pick(zh, en), err=True)


consortium.register(app)
