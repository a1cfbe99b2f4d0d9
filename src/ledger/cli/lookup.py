"""``credit-ledger lookup``: ask one node about companies in all regions, keep the evidence."""

import hashlib
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final

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
from ledger.cli.output import NOT_PROVED, fail, print_json, printable
from ledger.core import canonical
from ledger.core.records.subject import normalize_uscc
from ledger.core.trust.parse import RECORD_TYPE_PATTERN, REGION_PATTERN
from ledger.errors import InputError, LedgerError, UnavailableError

SUBJECTS_A_CALL: Final = 50
"""Companies in one request; the node's limit counts companies x regions x types."""

TRUST_ROOT_NAME: Final = "trust-root.json"


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
    try:
        answers = _ask(node, _distinct(asked), region, record_type)
        if evidence is not None:
            keep_evidence(answers, evidence)
            _keep_trust_root(node, evidence)
    except (LedgerError, OSError) as error:
        fail("lookup", error)
    proved = all(answer["result"] in ("records", "none") for answer in answers)
    exit_code = 0 if proved else NOT_PROVED
    if as_json:
        print_json({"exit_code": exit_code, "answers": answers})
    else:
        for answer in answers:
            typer.echo(answer_line(answer))
        typer.echo(pick(*LIMITS))
    raise typer.Exit(exit_code)


def _distinct(texts: list[str]) -> list[str]:
    subjects = []
    for place, text in enumerate(texts, 1):
        try:
            subjects.append(normalize_uscc(text))
        except InputError as error:
            raise InputError(f"code {place}: {error}") from None
    if not subjects:
        raise InputError("expected at least one code, found none")
    return list(dict.fromkeys(subjects))


def _ask(
    node: str, subjects: list[str], regions: list[str] | None, types: list[str] | None
) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    for start in range(0, len(subjects), SUBJECTS_A_CALL):
        request: dict[str, object] = {"subjects": subjects[start : start + SUBJECTS_A_CALL]}
        if regions:
            request["regions"] = regions
        if types:
            request["record_types"] = types
        answers += _answers_of(call("POST", node, "/v1/lookups", json=request))
    return answers


def _answers_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers in a node's body, as far as this command relies on their form."""
    answers = body.get("answers")
    if not isinstance(answers, list) or not all(map(_is_answer, answers)):
        raise UnavailableError("node: expected answers, found another form")
    return answers


def _is_answer(one: object) -> bool:
    texts = ("subject", "region", "record_type", "result", "code")
    if not isinstance(one, dict) or not all(isinstance(one.get(name), str) for name in texts):
        return False
    if one.get("verdict") is None:
        return {"verdict", "evidence"} <= one.keys()
    verdict, evidence = one["verdict"], one.get("evidence")
    return (
        isinstance(verdict, dict)
        and {"outcome", "block_number", "development"} <= verdict.keys()
        and isinstance(evidence, dict)
        and isinstance(evidence.get("claim"), dict)
        and "count" in evidence["claim"]
    )


def keep_evidence(answers: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write each answer's evidence as ``<subject>-<region>-<type>.json``; gives the paths.

    Args:
        answers: As ``POST /v1/lookups`` gives them.
        folder: Made where it does not exist.

    Raises:
        InputError: An answer names what is no subject, region or type: it would name a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for answer in answers:
        if answer["evidence"] is not None:
            path = folder / f"{_file_stem(answer)}.json"
            path.write_bytes(canonical.encode(answer["evidence"]))
            paths.append(path)
    return paths


def _file_stem(answer: dict[str, Any]) -> str:
    region, record_type = str(answer["region"]), str(answer["record_type"])
    if not re.fullmatch(REGION_PATTERN, region, re.ASCII) or not re.fullmatch(
        RECORD_TYPE_PATTERN, record_type, re.ASCII
    ):
        raise InputError("node: expected an answer about a region and a record type")
    return f"{normalize_uscc(str(answer['subject']))}-{region}-{record_type}"


def _keep_trust_root(node: str, folder: Path) -> None:
    """Put the node's trust root beside the evidence, never in place of one that is there."""
    path = folder / TRUST_ROOT_NAME
    if path.exists():
        return
    content = canonical.encode(call("GET", node, "/v1/trust-root"))
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    typer.echo(
        pick(
            f"信任根来自节点,SHA-256 {digest};请与您信任的值核对。",
            f"trust root taken from the node, SHA-256 {digest}; compare it with one you trust",
        ),
        err=True,
    )


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
        return printable(f"{line}  {answer['code']}")
    count = answer["evidence"]["claim"]["count"]
    line += f"  {pick('共', 'all')} {count}" if count else ""
    line += f"  {verdict['outcome']}  {pick('区块', 'block')} {verdict['block_number']}"
    return printable(line) + (f"  [{pick(*TEST_CHAIN)}]" if verdict["development"] else "")
