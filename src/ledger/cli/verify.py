"""``credit-ledger verify``: evidence against a trust root, offline, many files in one process."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.verdicts import exit_code_of, outcome_line, verdict_json, verdict_lines
from ledger.core.evidence.parse import MAX_BYTES
from ledger.core.trust.parse import MAX_BYTES as MAX_TRUST_ROOT_BYTES
from ledger.core.verify import Policy, Verdict, verify_evidence
from ledger.errors import LedgerError

USAGE = 2


def verify(
    evidence: Annotated[
        list[Path], typer.Argument(help="证据文件 / evidence files; - reads standard input")
    ],
    trust: Annotated[Path, typer.Option(help="信任根文件 / trust root file")],
    now: Annotated[
        str | None, typer.Option(help="以此刻为准 / the present, RFC 3339; default the clock")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="YYYY-MM-DD, +08:00")] = None,
    max_age: Annotated[str, typer.Option(help="秒数或 any / seconds, or any")] = "600",
    verifier: Annotated[str | None, typer.Option(help="本机构标识 / own id")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="每份一行 / a line a file")] = False,
) -> None:
    """离线核验证据 / Verify evidence offline: no node, no network.

    Exit codes: 0 VALID, 1 INVALID, 2 usage, 3 STALE, INCOMPLETE or UNSUPPORTED; the worst of all.
    """
    try:
        policy = Policy(max_age_s=_age(max_age), as_of=_date(as_of), verifier=verifier)
        moment = _moment(now)
        root = _read(trust, MAX_TRUST_ROOT_BYTES)
        results = [
            (str(path), verify_evidence(_read(path, MAX_BYTES), root, now=moment, policy=policy))
            for path in evidence
        ]
    except (LedgerError, OSError, ValueError) as error:
        typer.echo(f"verify: {_reason(error)}", err=True)
        raise typer.Exit(USAGE) from None
    exit_code = exit_code_of([verdict.outcome for _, verdict in results])
    if as_json:
        listed = [verdict_json(name, verdict) for name, verdict in results]
        typer.echo(json.dumps({"exit_code": exit_code, "results": listed}, ensure_ascii=False))
    else:
        _print(results, quiet)
    raise typer.Exit(exit_code)


def _print(results: list[tuple[str, Verdict]], quiet: bool) -> None:
    for position, (name, verdict) in enumerate(results):
        if quiet:
            typer.echo(f"{name}  {outcome_line(verdict)}")
            continue
        if position:
            typer.echo()
        for line in verdict_lines(name, verdict):
            typer.echo(line)


def _read(path: Path, most: int) -> bytes:
    """The file's bytes, or one more than may be read, so that the parser refuses them by size."""
    if str(path) == "-":
        return sys.stdin.buffer.read(most + 1)
    with path.open("rb") as file:
        return file.read(most + 1)


def _age(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("--max-age: expected seconds or any")
    return int(text)


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ValueError("--as-of: expected YYYY-MM-DD") from None


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("--now: expected an RFC 3339 time") from None
    if moment.tzinfo is None:
        raise ValueError("--now: expected a time with a zone")
    return moment


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, LedgerError):
        return f"{error.code}: {error}"
    return str(error)
