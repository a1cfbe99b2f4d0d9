"""``credit-ledger publish``: send files to the region's own node, wait until they are anchored."""

import json
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ledger.cli.client import call
from ledger.cli.language import name_of, pick
from ledger.cli.node import operator_token
from ledger.errors import LedgerError, UnavailableError

USAGE = 2
UNAVAILABLE = 3
STATES = {
    "accepted": ("已受理", "accepted"),
    "sequenced": ("已编号", "sequenced"),
    "integrated": ("已入账", "integrated"),
    "anchored": ("已上链", "anchored"),
}
POLL_S = 0.3


def publish(
    files: Annotated[list[Path], typer.Argument(help="双公示或变更 CSV / CSV files")],
    region: Annotated[str, typer.Option(help="本地区代码 / the node's region")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    report: Annotated[
        Path | None, typer.Option(help="把报告写入此文件 / write the report to this file")
    ] = None,
    wait_s: Annotated[
        float, typer.Option(help="等待上链的秒数,0 不等 / seconds to wait until anchored")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """发布文件 / Publish files in the order given.

    Good rows are taken, bad ones are named. Exit codes: 0 all files taken, 2 a file or the call was
    refused, 3 the node is not available or the files were not anchored in time.
    """
    from ledger.settings import load_settings

    try:
        settings = load_settings(folder)
        if settings.region != region:
            raise UnavailableError(f"node of region {settings.region}, expected {region}")
        node, token = f"http://{settings.host}:{settings.port}", operator_token(folder)
        batches = _send_all(files, node, token, wait_s)
    except (LedgerError, OSError) as error:
        code = error.code if isinstance(error, LedgerError) else "file"
        typer.echo(f"publish: {code}: {error}", err=True)
        raise typer.Exit(UNAVAILABLE if isinstance(error, UnavailableError) else USAGE) from None
    content = {name: _summary(batch) for name, batch in batches.items()}
    if report is not None:
        report.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps({"exit_code": 0, "files": content}, ensure_ascii=False))
    else:
        for name, batch in batches.items():
            _print(name, batch)


def _send_all(files: list[Path], node: str, token: str, wait_s: float) -> dict[str, dict[str, Any]]:
    """Send each file and wait for all of them; a bar on a terminal, nothing elsewhere."""
    headers = {"Authorization": f"Bearer {token}"}
    batches: dict[str, dict[str, Any]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        sending = progress.add_task(pick("发布", "publish"), total=len(files))
        for path in files:
            name = {"X-Source-Name": quote(path.name), "Content-Type": "text/csv"}
            batches[path.name] = call(
                "POST", node, "/v1/batches", content=path.read_bytes(), headers=headers | name
            )
            progress.advance(sending)
        anchoring = progress.add_task(pick("上链", "anchor"), total=len(files))
        deadline = time.monotonic() + wait_s
        while wait_s > 0:
            for name_of_file, batch in batches.items():
                if batch["state"] != "anchored":
                    path_of_batch = f"/v1/batches/{batch['id']}"
                    batches[name_of_file] = call("GET", node, path_of_batch, headers=headers)
            done = sum(batch["state"] == "anchored" for batch in batches.values())
            progress.update(anchoring, completed=done)
            if done == len(batches):
                break
            if time.monotonic() > deadline:
                raise UnavailableError(f"{len(batches) - done} files not anchored in {wait_s:g} s")
            time.sleep(POLL_S)
    return batches


def _summary(batch: dict[str, Any]) -> dict[str, Any]:
    names = ("accepted", "unchanged", "skipped", "rejected", "state")
    return {name: batch[name] for name in names}


def _print(name: str, batch: dict[str, Any]) -> None:
    state = name_of(STATES, batch["state"])
    rejected = {problem["row"] for problem in batch["rejected"]}
    typer.echo(
        pick(
            f"{name}:接受 {batch['accepted']} 行,未变 {batch['unchanged']} 行,"
            f"跳过 {batch['skipped']} 行,拒绝 {len(rejected)} 行;{state}",
            f"{name}: {batch['accepted']} rows accepted, {batch['unchanged']} unchanged,"
            f" {batch['skipped']} skipped, {len(rejected)} rejected; {state}",
        )
    )
    for problem in batch["rejected"]:
        message = pick(problem["message"], problem["message_en"])
        field = problem["field"] or "-"
        row = pick(f"第 {problem['row']} 行", f"row {problem['row']}")
        typer.echo(f"  {row}  {field}  {problem['code']}  {message}")
