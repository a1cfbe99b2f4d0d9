"""``credit-ledger fsck``: derive everything a node's database holds anew, and compare."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ledger.cli.fsck_words import CODES, TABLES, UNKNOWN
from ledger.cli.language import name_of, pick
from ledger.cli.output import NOT_PROVED, fail, print_json, printable
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.services.audit import AuditReport, Finding

FOUND: Final = 1
"""Exit code: something is wrong."""

EXIT_CODES: Final = {"clean": 0, "findings": FOUND, "incomplete": NOT_PROVED}

MOST_SHOWN: Final = 50
"""Findings shown one by one; ``--json`` has more."""

OUTCOMES: Final = {
    "clean": ("未发现问题", "clean"),
    "findings": ("发现问题", "findings"),
    "incomplete": ("未能全部检查", "not everything could be checked"),
}


def fsck(
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="不与链比对 / do not ask the chain")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="略去最慢的检查 / leave out the slowest checks"),
    ] = False,
) -> None:
    """检查节点数据库 / Check a node's database; reads only, the node may run.

    Log, map, records and heads are derived anew and compared with what is stored and with the
    chain. Exit codes: 0 clean, 1 findings, 2 usage, 3 not everything could be checked.
    """
    from ledger.bootstrap.auditing import audit_node

    try:
        with _progress(is_shown=not as_json) as progress:
            report = audit_node(folder, is_offline=offline, is_quick=quick, progress=progress)
    except (LedgerError, OSError) as error:
        fail("fsck", error)
    exit_code = EXIT_CODES[report.outcome]
    if as_json:
        print_json({"exit_code": exit_code, **_json(report)})
    else:
        _print(report)
    raise typer.Exit(exit_code)


@contextmanager
def _progress(*, is_shown: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar for each table on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not (is_shown and console.is_terminal):
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as bars:

        def show(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(name_of(TABLES, table), total=total)
            bars.update(tasks[table], completed=done, total=total)

        yield show


def _json(report: "AuditReport") -> dict[str, Any]:
    return {
        "outcome": report.outcome.value,
        "findings": [asdict(finding) for finding in report.findings],
        "counts": report.counts,
        "unknown": [asdict(one) for one in report.unknown],
        "rows": report.rows,
        "logs": [
            {
                "stream": one.stream,
                "generation": one.generation,
                "size": one.size,
                "log_root": one.log_root.hex(),
                "map_root": one.map_root.hex(),
            }
            for one in report.streams
        ],
        "quick": report.is_quick,
        "offline": report.is_offline,
    }


def _print(report: "AuditReport") -> None:
    for table, rows in report.rows.items():
        typer.echo(pick(f"{name_of(TABLES, table)}:{rows} 行", f"{name_of(TABLES, table)}: {rows}"))
    for one in report.streams:
        roots = pick(
            f"日志根 {one.log_root.hex()},映射根 {one.map_root.hex()}",
            f"log root {one.log_root.hex()}, map root {one.map_root.hex()}",
        )
        name = f"{one.stream}/{one.generation}"
        typer.echo(
            pick(f"流 {name}:{one.size} 条,{roots}", f"stream {name}: {one.size} entries, {roots}")
        )
    for finding in report.findings[:MOST_SHOWN]:
        typer.echo(_line(finding))
    hidden = sum(report.counts.values()) - min(len(report.findings), MOST_SHOWN)
    if hidden:
        typer.echo(pick(f"另有 {hidden} 个问题", f"and {hidden} more findings"))
    for unknown in report.unknown:
        words = name_of(UNKNOWN, unknown.code)
        typer.echo(printable(f"{unknown.code}  {words}  {unknown.reason}"))
    typer.echo(_last_line(report))


def _line(finding: "Finding") -> str:
    where = [finding.place, finding.table, finding.row, finding.column]
    place = " ".join(str(one) for one in where if one is not None)
    expected, found = (
        pick(f"应为 {finding.expected}", f"expected {finding.expected}"),
        pick(f"实为 {finding.found}", f"found {finding.found}"),
    )
    meaning = name_of(CODES, finding.code)
    return printable(f"{finding.code}  {place}  {meaning}  {expected}  {found}")


def _last_line(report: "AuditReport") -> str:
    left = []
    if report.is_offline:
        left.append(pick("未与链比对", "not compared with the chain"))
    if report.is_quick:
        left.append(pick("略去了最慢的检查", "the slowest checks left out"))
    outcome = name_of(OUTCOMES, report.outcome.value)
    return pick(
        f"结论:{outcome}" + (f"({','.join(left)})" if left else ""),
        f"outcome: {outcome}" + (f" ({', '.join(left)})" if left else ""),
    )
