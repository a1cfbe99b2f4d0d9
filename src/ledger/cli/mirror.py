"""``credit-ledger mirror export``: a log as files that stock tools read."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail, print_json
from ledger.cli.progress import bar
from ledger.errors import LedgerError

app = typer.Typer(
    help="日志的副本 / Copies of logs", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def mirror() -> None:
    """日志的副本 / Copies of logs."""


@app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="写到何处 / where to")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    region: Annotated[
        str | None, typer.Option(help="哪个地区,默认本地区 / whose log, default the node's own")
    ] = None,
    stream: Annotated[str, typer.Option(help="哪个流 / which stream")] = "records",
    url: Annotated[
        str | None,
        typer.Option(help="向该地区节点索取,不用副本 / ask the region's node, not the copy"),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="不与链比对 / do not ask the chain")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """导出日志 / Write a log as C2SP tlog-tiles with its vkey.

    All of it is checked against checkpoint and chain. Run again, it goes on from what is there.
    Exit codes: 0 written and checked, 2 refused or wrong, 3 a node or the chain does not answer.
    """
    from ledger.bootstrap.exporting import export_mirror

    try:
        with bar() as progress:
            exported = export_mirror(
                target,
                folder,
                region=region,
                stream=stream,
                url=url,
                is_offline=offline,
                progress=progress,
            )
    except (LedgerError, OSError) as error:
        fail("mirror export", error)
    found = exported.checkpoint
    if as_json:
        print_json(
            {
                "origin": found.origin,
                "size": found.size,
                "root_hash": found.root_hash.hex(),
                "bundles": exported.bundles,
                "reused": exported.reused,
                "compared_with_chain": not offline,
            }
        )
        return
    root = found.root_hash.hex()
    compared = pick("未与链比对", "the chain was not asked")
    if not offline:
        compared = pick("与链一致", "the same as on chain")
    typer.echo(
        pick(
            f"已导出 {found.origin}:{found.size} 条,根 {root};{compared}。",
            f"exported {found.origin}: {found.size} entries, root {root}; {compared}",
        )
    )
