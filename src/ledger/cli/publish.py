"""``credit-ledger publish``: send files to the region's own node, wait until they are confirmed."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from ledger.cli.client import call
from ledger.cli.files import chosen_files, content_type
from ledger.cli.language import name_of, pick
from ledger.cli.node import operator_token
from ledger.cli.output import exit_code_for, fail, print_json, printable, reason
from ledger.core.intake import Encoding
from ledger.errors import InputError, LedgerError, UnavailableError

if TYPE_CHECKING:
    from rich.progress import Progress

STATES: Final = {
    "accepted": ("已受理", "accepted"),
    "sequenced": ("已编号", "sequenced"),
    "integrated": ("已入账", "integrated"),
    "anchored": ("已上链", "anchored"),
    "confirmed": ("已确认", "confirmed"),
}
POLL_S: Final = 0.3
TAKING_TIMEOUT_S: Final = 1800.0
"""A node says nothing until a whole file is stored: some minutes for the largest."""


def publish(
    files: Annotated[
        list[Path],
        typer.Argument(help="双公示或变更文件(XLSX、CSV)或其目录 / XLSX or CSV files, or folders"),
    ],
    region: Annotated[str, typer.Option(help="本地区代码 / the node's region")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    amend: Annotated[
        bool,
        typer.Option("--amend", help="以更正方式提交 / rows that differ amend their records"),
    ] = False,
    encoding: Annotated[
        Encoding | None,
        typer.Option(help="文本文件的编码,默认自动识别 / of text files; found out if not given"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="把报告写入此文件 / write the report to this file")
    ] = None,
    wait_s: Annotated[
        float, typer.Option(min=0, help="等待确认的秒数,0 不等 / seconds to wait until confirmed")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """发布文件 / Publish files in the order given; those of a folder in the order of their names.

    Good rows are taken, bad ones are named. The first file that cannot be taken at all ends the
    sending; what was sent before stands and is reported. Exit codes: 0 all files taken, 2 a file or
    the call was refused, 3 the node is not available or the files were not confirmed in time.
    """
    sending = _Sending("amend" if amend else "publish", encoding)
    failed: LedgerError | OSError | None = None
    try:
        paths = chosen_files(files)
        node, token = _node_of(folder, region)
        _send_and_wait(sending, paths, node, token, wait_s)
    except (LedgerError, OSError) as error:
        failed = error
    content = {name: _summary(batch) for name, batch in sending.batches.items()}
    if report is not None and content:
        report.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    if as_json:
        exit_code = 0 if failed is None else exit_code_for(failed)
        problem = None if failed is None else reason(failed)
        print_json({"exit_code": exit_code, "files": content, "error": problem})
    else:
        for name, batch in sending.batches.items():
            _print(name, batch)
    if failed is not None:
        fail("publish", failed)


@dataclass
class _Sending:
    """How files are sent, and what the node said about each so far, by the file's name."""

    mode: str
    encoding: Encoding | None
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def confirmed(self) -> int:
        return sum(batch["state"] == "confirmed" for batch in self.batches.values())


def _node_of(folder: Path, region: str) -> tuple[str, str]:
    """Address and operator's token of the node in a folder."""
    from ledger.settings import load_settings

    settings = load_settings(folder)
    if settings.region != region:
        raise InputError(f"expected the node of region {region}, found that of {settings.region}")
    return settings.local_url, operator_token(folder)


def _send_and_wait(
    sending: _Sending, paths: list[Path], node: str, token: str, wait_s: float
) -> None:
    """Send each file and wait for all of them; a bar on a terminal, nothing elsewhere."""
    headers = {"Authorization": f"Bearer {token}"}
    with _progress() as progress:
        task = progress.add_task(pick("发布", "publish"), total=len(paths))
        for path in paths:
            content = path.read_bytes()
            own = {
                "X-Source-Name": quote(path.name),
                "Content-Type": content_type(content, sending.encoding),
            }
            sending.batches[_name(path, paths)] = call(
                "POST",
                node,
                f"/v1/batches?mode={sending.mode}",
                content=content,
                headers=headers | own,
                timeout_s=TAKING_TIMEOUT_S,
            )
            progress.advance(task)
        if wait_s > 0:
            _wait(sending, node, headers, wait_s, progress)


def _wait(
    sending: _Sending, node: str, headers: Mapping[str, str], wait_s: float, progress: "Progress"
) -> None:
    total = len(sending.batches)
    task = progress.add_task(pick("上链确认", "confirm"), total=total)
    deadline = time.monotonic() + wait_s
    while True:
        for name, batch in sending.batches.items():
            if batch["state"] != "confirmed":
                sending.batches[name] = call(
                    "GET", node, f"/v1/batches/{batch['id']}", headers=headers
                )
        progress.update(task, completed=sending.confirmed)
        if sending.confirmed == total:
            return
        if time.monotonic() > deadline:
            left = total - sending.confirmed
            raise UnavailableError(f"{left} files not confirmed in {wait_s:g} s")
        time.sleep(POLL_S)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _name(path: Path, among: list[Path]) -> str:
    """A file's name, or its whole path where two files have the same name."""
    same = sum(other.name == path.name for other in among)
    return path.name if same == 1 else str(path)


def _summary(batch: dict[str, Any]) -> dict[str, Any]:
    names = ("accepted", "amended", "unchanged", "skipped", "rejected_rows", "rejected", "state")
    return {name: batch[name] for name in names}


def _print(name: str, batch: dict[str, Any]) -> None:
    state = name_of(STATES, batch["state"])
    rejected, told = batch["rejected_rows"], {problem["row"] for problem in batch["rejected"]}
    shown = printable(name)
    zh = f"(更正 {batch['amended']} 行)" if batch["amended"] else ""
    en = f" ({batch['amended']} amended)" if batch["amended"] else ""
    typer.echo(
        pick(
            f"{shown}:接受 {batch['accepted']} 行{zh},未变 {batch['unchanged']} 行,"
            f"跳过 {batch['skipped']} 行,拒绝 {rejected} 行;{state}",
            f"{shown}: {batch['accepted']} rows accepted{en}, {batch['unchanged']} unchanged,"
            f" {batch['skipped']} skipped, {rejected} rejected; {state}",
        )
    )
    ignored = batch.get("ignored_columns")
    if ignored:
        columns = printable(", ".join(ignored))
        typer.echo(pick(f"  未用的列:{columns}", f"  columns without meaning here: {columns}"))
    for problem in batch["rejected"]:
        message = pick(problem["message"], problem["message_en"])
        field_name = problem["field"] or "-"
        row = pick(f"第 {problem['row']} 行", f"row {problem['row']}")
        typer.echo(printable(f"  {row}  {field_name}  {problem['code']}  {message}"))
    if rejected > len(told):
        rest = f"/v1/batches/{batch['id']}/rows?outcome=rejected"
        left = rejected - len(told)
        typer.echo(
            pick(f"  另有 {left} 行被拒绝,见 {rest}", f"  {left} more rejected rows: {rest}")
        )
