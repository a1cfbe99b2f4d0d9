"""``credit-ledger trust-root make``: what verifiers pin."""

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
