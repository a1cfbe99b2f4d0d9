"""``credit-ledger generation statement|compare``: all that was in force, and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ledger.cli.language import name_of, pick
from ledger.cli.output import fail, print_json
from ledger.cli.progress import bar
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.core.generations import Comparison

DIFFERENT: Final = 1
"""Exit code: the logs do not say the same."""

CODES: Final = {
    "event-elsewhere": ("事件属于别的地区或流", "the event is of another region or stream"),
    "event-form": ("事件的格式不符", "the event breaks its format"),
    "following-kind": ("不是列入事项的事件", "the event puts nothing in force"),
    "following-missing": ("新日志到此为止", "the new log ends here"),
    "following-not-a-put": ("新日志此条不是列入", "the new log's entry is no first put"),
    "following-opening": ("新日志此条是另一事件", "the new log's entry is another event"),
    "former-opening": ("旧日志此条是另一事件", "the former log's entry is another event"),
    "former-size": ("旧日志的条数与声明不符", "the former log has another size than stated"),
    "item-missing": ("有效事项未转入新日志", "an item in force was not put again"),
    "item-not-in-force": ("转入的事项并非有效", "an item put again was not in force"),
    "items-count": ("有效事项数与声明不符", "another number of items in force than stated"),
    "key-again": ("键未更换", "the key is the same as before"),
    "keys-mixed": ("主体的事项被拆分或合并", "items of one subject were split, or of two joined"),
    "map-key": ("键不是该主体的", "the key is not the subject's"),
    "opening-entry": ("首条不是应有的开篇条目", "the log does not begin as it must"),
    "salt-again": ("盐值未更换", "the salt is the same as before"),
    "tail-differs": ("声明的旧日志与已锚定的不同", "another former log is stated than anchored"),
    "tail-opening": ("末尾条目是另一事件", "an entry at the end is another event"),
    "vrf-proof": ("VRF 证明不成立", "the VRF proof does not verify"),
}

app = typer.Typer(help="流的换代 / Generations of streams", no_args_is_help=True)


@app.callback()
def room() -> None:
    """流的换代 / Generations of streams."""


@app.command()
def statement(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="写到何处 / where to")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    stream: Annotated[str, typer.Option(help="哪个流 / which stream")] = "records",
    number: Annotated[
        int | None, typer.Option(min=2, help="第几代,默认最新 / which, default the newest")
    ] = None,
) -> None:
    """写出换代声明 / State a change of generation; for the regulator alone, it opens events.

    Exit codes: 0 written, 2 refused, 3 not yet.
    """
    from ledger.bootstrap.generations import state_generation

    try:
        with bar() as progress:
            log = state_generation(
                target, folder, stream=stream, generation=number, progress=progress
            )
    except (LedgerError, OSError) as error:
        fail("generation statement", error)
    typer.echo(
        pick(
            f"已写出 {log} 的声明:{target};内含明文,只交监管方。",
            f"stated {log}: {target}; it opens events: for the regulator alone",
        )
    )


@app.command()
def compare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="地区的声明 / the statement")],
    folder: Annotated[Path, typer.Option("--dir", help="镜像节点目录 / the mirror's folder")],
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """比对新旧两代日志 / Compare both logs with a statement, entry by entry.

    Exit codes: 0 the same, 1 not the same, 2 no statement, 3 the copies do not go so far yet.
    """
    from ledger.bootstrap.generations import compare_generations

    try:
        with bar() as progress:
            comparison = compare_generations(file, folder, progress=progress)
    except (LedgerError, OSError) as error:
        fail("generation compare", error)
    exit_code = 0 if comparison.is_same else DIFFERENT
    if as_json:
        print_json({"exit_code": exit_code, **_json(comparison)})
    else:
        _print(comparison)
    raise typer.Exit(exit_code)


def _json(comparison: "Comparison") -> dict[str, Any]:
    said = comparison.statement
    return {
        "region": said.region,
        "stream": said.stream,
        "is_same": comparison.is_same,
        "items": said.items,
        "logs": [
            {"generation": generation, "size": end.size, "root_hash": end.root.hex()}
            for generation, end in (
                (said.former, comparison.confirmed),
                (said.former, comparison.former),
                (said.following, comparison.following),
            )
        ],
        "tail_size": comparison.tail_size,
        "tail": [{"index": one.index, "op": one.op, "kind": one.kind} for one in comparison.tail],
        "count": comparison.count,
        "findings": [
            {"code": one.code, "generation": one.log, "index": one.index}
            for one in comparison.findings
        ],
    }


def _print(comparison: "Comparison") -> None:
    said, name = (
        comparison.statement,
        f"{comparison.statement.region}/{comparison.statement.stream}",
    )
    for generation, end in (
        (said.former, comparison.former),
        (said.following, comparison.following),
    ):
        root = end.root.hex()
        typer.echo(
            pick(
                f"{name}/{generation}:{end.size} 条,根 {root}",
                f"{name}/{generation}: {end.size} entries, root {root}",
            )
        )
    if comparison.tail_size:
        typer.echo(
            pick(
                f"旧日志末尾 {comparison.tail_size} 条未经锚定,仅凭该地区所述:",
                f"{comparison.tail_size} entries at the end of the former log were never anchored;"
                " the region's word alone:",
            )
        )
    for entry in comparison.tail:
        typer.echo(f"  {entry.index}  {entry.op or '-'}  {entry.kind or '-'}")
    for finding in comparison.findings:
        typer.echo(f"{finding.code}  {finding.log}/{finding.index}  {name_of(CODES, finding.code)}")
    if comparison.count > len(comparison.findings):
        more = comparison.count - len(comparison.findings)
        typer.echo(pick(f"另有 {more} 个问题", f"and {more} more findings"))
    if comparison.is_same:
        typer.echo(
            pick(
                f"结论:一致,{said.items} 项有效事项全部转入,别无其他",
                f"outcome: the same; all {said.items} items in force, and no other",
            )
        )
    else:
        typer.echo(
            pick(
                f"结论:不一致,{comparison.count} 个问题",
                f"outcome: not the same; {comparison.count} findings",
            )
        )
