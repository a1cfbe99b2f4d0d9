"""``credit-ledger trust-root make|sign|update``: what verifiers pin."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail
from ledger.errors import InputError, LedgerError

FIRST_DAY = "2000-01-01"
"""Default of ``--since``; of a development chain only."""

app = typer.Typer(help="信任根 / The trust root", no_args_is_help=True)


@app.callback()
def room() -> None:
    """信任根 / The trust root."""


@app.command()
def make(
    nodes: Annotated[list[Path], typer.Argument(help="节点目录 / folders of the nodes")],
    deployment: Annotated[Path, typer.Option(help="合约部署文件 / deployment file")],
    since: Annotated[str, typer.Option(help="承诺发布起始日 / first day covered")] = FIRST_DAY,
    clock_offset_s: Annotated[int, typer.Option(help="时钟偏移 / clock shift")] = 0,
    required: Annotated[
        int | None,
        typer.Option(min=0, help="须有几个其他地区确认,默认 2 / confirmations required, default 2"),
    ] = None,
) -> None:
    """为测试链制作信任根 / Make a development chain's trust root and give it to each node."""
    from ledger.core.trust.development import make_development_trust_root

    try:
        registrations = [_read_json(node / "registration.json") for node in nodes]
        content = make_development_trust_root(
            _read_json(deployment),
            registrations,
            issued_at=datetime.now(UTC) + timedelta(seconds=clock_offset_s),
            since=_day(since),
            required=required,
        )
        for node in nodes:
            (node / "trust-root.json").write_bytes(content)
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    digest = hashlib.sha256(content).hexdigest()
    typer.echo(
        pick(
            f"信任根已写入 {len(nodes)} 个节点,SHA-256 {digest}(测试链)",
            f"trust root written to {len(nodes)} nodes, SHA-256 {digest} (development chain)",
        )
    )


@app.command()
def sign(
    update: Annotated[Path, typer.Argument(help="新信任根 / the update")],
    key: Annotated[Path, typer.Option(help="签署人私钥文件(十六进制)/ signer's key, hex")],
    signatures: Annotated[Path, typer.Option(help="签名文件,追加 / signatures, added to")],
) -> None:
    """签署信任根更新 / Add a signature to an update; wallets may sign its EIP-712 form instead."""
    from eth_account import Account

    from ledger.core.trust import parse_trust_root
    from ledger.core.trust.update import encode_signatures, parse_signatures, signing_digest

    try:
        content = update.read_bytes()
        digest = signing_digest(content, parse_trust_root(content))
        present: tuple[bytes, ...] = ()
        if signatures.exists():
            present = parse_signatures(signatures.read_bytes(), content)
        made = bytes(Account.unsafe_sign_hash(digest, _secret(key)).signature)
        if made not in present:
            signatures.write_bytes(encode_signatures(content, (*present, made)))
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    count = len({*present, made})
    typer.echo(pick(f"已有 {count} 份签名:{signatures}", f"{count} signatures: {signatures}"))


@app.command("update")
def update_root(
    update: Annotated[Path, typer.Argument(help="新信任根 / the update")],
    signatures: Annotated[Path, typer.Option(help="签名文件 / its signatures")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
) -> None:
    """更新节点的信任根 / Take an update as a node's trust root; read at its next start."""
    from ledger.bootstrap.trusting import install_update
    from ledger.settings import load_settings

    try:
        name = load_settings(folder).trust_root
        content = update.read_bytes()
        root = install_update(folder, name, content, signatures.read_bytes())
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    digest = hashlib.sha256(content).hexdigest()
    typer.echo(
        pick(
            f"信任根已更新为第 {root.sequence} 版,SHA-256 {digest};重启节点后生效",
            f"trust root {root.sequence} taken, SHA-256 {digest}; restart the node",
        )
    )


def _secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip().removeprefix("0x"))
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise InputError("--key: expected a file with 64 hexadecimal digits")
    return secret


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object")
    return content


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("--since: expected a date YYYY-MM-DD") from None
