"""``credit-ledger config show``: the settings in use and where each comes from, without secrets."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail, print_json, printable
from ledger.errors import LedgerError

app = typer.Typer(no_args_is_help=True, help="节点设置 / the node's settings")

SOURCES = {
    "flag": ("命令行", "flag"),
    "environment": ("环境变量", "environment"),
    "file": ("node.json", "node.json"),
    "default": ("默认", "default"),
}


@app.callback()
def config() -> None:
    """节点设置 / The node's settings."""


@app.command()
def show(
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    host: Annotated[str | None, typer.Option(help="如 serve / as for serve")] = None,
    port: Annotated[int | None, typer.Option(help="如 serve / as for serve")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """生效的设置及其来源 / Settings in use and the source of each; passwords are masked."""
    from ledger.settings import show_settings

    try:
        shown = show_settings(folder, host=host, port=port)
    except (LedgerError, OSError) as error:
        fail("config show", error)
    if as_json:
        print_json(
            {
                "settings": {
                    one.name: {
                        "value": one.value,
                        "source": one.source,
                        "variable": one.variable,
                    }
                    for one in shown
                }
            }
        )
        return
    width = max(len(one.name) for one in shown)
    for one in shown:
        value = "-" if one.value is None else printable(str(one.value))
        typer.echo(f"{one.name:<{width}}  {value}  ({pick(*SOURCES[one.source])})")
