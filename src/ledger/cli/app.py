"""The root of the command line: one language option, one command each."""

import io
import sys
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from ledger.cli import config, devnet, generation, keys, language, mirror, trust_root
from ledger.cli.doctor import doctor
from ledger.cli.fsck import fsck
from ledger.cli.governance import contracts, council
from ledger.cli.lookup import lookup
from ledger.cli.node import init, registration, serve
from ledger.cli.publish import publish
from ledger.cli.verify import verify

app = typer.Typer(
    name="credit-ledger",
    help="长三角跨区域信用账本 / Yangtze Delta cross-region credit ledger",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    lang: Annotated[str | None, typer.Option(help="zh 或 en / zh or en; default LANG")] = None,
) -> None:
    """长三角跨区域信用账本 / Yangtze Delta cross-region credit ledger."""
    if lang is not None and lang not in language.LANGUAGES:
        raise typer.BadParameter("expected zh or en", param_hint="--lang")
    language.choose(lang)


@app.command()
def version() -> None:
    """版本 / Version."""
    typer.echo(version_of("yangtze-credit-ledger"))


app.command()(init)
app.command()(registration)
app.command()(serve)
app.command()(publish)
app.command()(lookup)
app.command()(verify)
app.command()(doctor)
app.command()(fsck)
app.add_typer(config.app, name="config")
app.add_typer(contracts.app, name="contracts")
app.add_typer(council.app, name="council")
app.add_typer(devnet.app, name="devnet")
app.add_typer(generation.app, name="generation")
app.add_typer(keys.app, name="keys")
app.add_typer(mirror.app, name="mirror")
app.add_typer(trust_root.app, name="trust-root")


def main() -> None:
    """Run the command line; a character the terminal lacks is replaced and ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
