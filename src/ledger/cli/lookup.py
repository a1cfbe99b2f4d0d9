"""``credit-ledger lookup``: ask one node about companies in all regions, keep the evidence."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli.client import call
from ledger.cli.language import (
    LIMITS,
    RECORD_TYPES,
    REGIONS,
    RESULTS,
    TEST_CHAIN,
    name_of,
    pick,
)
from ledger.core import canonical
from ledger.errors import LedgerError

USAGE = 2
NOT_PROVED = 3


def lookup(
    subjects: Annotated[
        list[str],
        typer.Argument(
            help="统一社会信用代码,- 从标准输入逐行读取 / codes; - reads lines of stdin"
        ),
    ],
    node: Annotated[str, typer.Option(help="节点地址 / node URL")] = "http://127.0.0.1:8310",
    region: Annotated[
        list[str] | None, typer.Option(help="地区代码,可多次 / region code, repeatable")
    ] = None,
    record_type: Annotated[
        list[str] | None, typer.Option("--type", help="记录类型 / record type: cf, xk")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="把证据存入此目录 / keep the evidence in this folder")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """跨地区查询 / Look up companies across regions.

    Exit codes: 0 every answer is proved, 2 usage, 3 at least one is not.
    """
    # Arguments show in process lists; an operator who minds that sends the codes by standard input.
    asked = [line.strip() for line in sys.stdin if line.strip()] if subjects == ["-"] else subjects
    request: dict[str, object] = {"subjects": asked}
    if region:
        request["regions"] = region
    if record_type:
        request["record_types"] = record_type
    try:
        answers = call("POST", node, "/v1/lookups", json=request)["answers"]
        if evidence is not None:
            keep_evidence(answers, evidence)
            trust_root = call("GET", node, "/v1/trust-root")
            (evidence / "trust-root.json").write_bytes(canonical.encode(trust_root))
    except LedgerError as error:
        typer.echo(f"lookup: {error.code}: {error}", err=True)
        raise typer.Exit(NOT_PROVED if error.code == "unavailable" else USAGE) from None
    proved = all(answer["result"] in ("records", "none") for answer in answers)
    exit_code = 0 if proved else NOT_PROVED
    if as_json:
        typer.echo(json.dumps({"exit_code": exit_code, "answers": answers}, ensure_ascii=False))
    else:
        for answer in answers:
            typer.echo(answer_line(answer))
        typer.echo(pick(*LIMITS))
    raise typer.Exit(exit_code)


def keep_evidence(answers: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write each answer's evidence as ``<subject>-<region>-<type>.json``; gives the paths.

    Args:
        answers: As ``POST /v1/lookups`` gives them.
        folder: Made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for answer in answers:
        if answer["evidence"] is not None:
            name = f"{answer['subject']}-{answer['region']}-{answer['record_type']}.json"
            path = folder / name
            path.write_bytes(canonical.encode(answer["evidence"]))
            paths.append(path)
    return paths


def answer_line(answer: dict[str, Any]) -> str:
    """One answer in one line; only proved answers name a block."""
    region, record_type = answer["region"], answer["record_type"]
    line = (
        f"{answer['subject']}  {region} {name_of(REGIONS, region)}"
        f"  {record_type} {name_of(RECORD_TYPES, record_type)}"
        f"  {name_of(RESULTS, answer['result'])}"
    )
    verdict = answer["verdict"]
    if verdict is None:
        return f"{line}  {answer['code']}"
    count = answer["evidence"]["claim"]["count"]
    line += f"  {pick('共', 'all')} {count}" if count else ""
    line += f"  {verdict['outcome']}  {pick('区块', 'block')} {verdict['block_number']}"
    return line + (f"  [{pick(*TEST_CHAIN)}]" if verdict["development"] else "")
