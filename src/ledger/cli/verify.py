"""``credit-ledger verify``: evidence against a trust root, offline, many files in one process."""

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.cli.output import fail, print_json, printable
from ledger.cli.verdicts import exit_code_of, outcome_line, verdict_json, verdict_lines
from ledger.core.evidence.parse import MAX_BYTES
from ledger.core.trust.parse import MAX_BYTES as MAX_TRUST_ROOT_BYTES
from ledger.core.verify import Policy, Verdict, verify_evidence
from ledger.errors import LedgerError

STDIN: Final = Path("-")

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_SECONDS: Final = re.compile(r"\d{1,9}", re.ASCII)


def _moment(text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter("expected an RFC 3339 time with a zone, 2026-10-31T12:00:00+08:00")


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter("expected a date YYYY-MM-DD")


def _age(text: str) -> str:
    if text != "any" and not _SECONDS.fullmatch(text):
        raise typer.BadParameter("expected seconds, or any")
    return text


def verify(
    evidence: Annotated[
        list[Path], typer.Argument(help="证据文件 / evidence files; - reads standard input")
    ],
    trust: Annotated[Path, typer.Option(help="信任根文件 / trust root file")],
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=_moment,
            metavar="TIME",
            help="以此刻为准 / the present, RFC 3339; default the clock",
        ),
    ] = None,
    as_of: Annotated[
        date | None,
        typer.Option(parser=_date, metavar="DATE", help="以此日为准 / the day wanted, +08:00"),
    ] = None,
    max_age: Annotated[
        str, typer.Option(callback=_age, help="区块最大秒龄或 any / greatest age of the block")
    ] = "600",
    verifier: Annotated[str | None, typer.Option(help="本机构标识 / own id")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="每份一行 / a line a file")] = False,
) -> None:
    """离线核验证据 / Verify evidence offline: no node, no network.

    Exit codes: 0 VALID, 1 INVALID, 2 usage, 3 STALE, INCOMPLETE or UNSUPPORTED; the worst of all.
    """
    if [*evidence, trust].count(STDIN) > 1:
        raise typer.BadParameter("standard input can be read once", param_hint="-")
    seconds = None if max_age == "any" else int(max_age)
    policy = Policy(max_age_s=seconds, as_of=as_of, verifier=verifier)
    moment = now or datetime.now(UTC)
    try:
        root = _read(trust, MAX_TRUST_ROOT_BYTES)
        results = [
            (str(path), verify_evidence(_read(path, MAX_BYTES), root, now=moment, policy=policy))
            for path in evidence
        ]
    except (LedgerError, OSError) as error:
        fail("verify", error)
    exit_code = exit_code_of([verdict.outcome for _, verdict in results])
    if as_json:
        listed = [verdict_json(name, verdict) for name, verdict in results]
        print_json({"exit_code": exit_code, "results": listed})
    else:
        _print(results, quiet)
    raise typer.Exit(exit_code)


def _print(results: list[tuple[str, Verdict]], quiet: bool) -> None:
    for position, (name, verdict) in enumerate(results):
        if quiet:
            typer.echo(f"{printable(name)}  {outcome_line(verdict)}")
            continue
        if position:
            typer.echo()
        for line in verdict_lines(name, verdict):
            typer.echo(line)


def _read(path: Path, most: int) -> bytes:
    """The file's bytes, or one more than may be read, so that the parser refuses them by size."""
    if path == STDIN:
        return sys.stdin.buffer.read(most + 1)
    with path.open("rb") as file:
        return file.read(most + 1)
