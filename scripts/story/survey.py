"""The survey: publish a folder of files, ask everything about everybody, verify it all offline."""

import argparse
import csv
import io
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ledger.cli.client import call
from ledger.cli.language import pick
from ledger.cli.lookup import keep_evidence
from ledger.core.intake.decode import decode_text
from ledger.core.records.subject import normalize_uscc
from ledger.errors import LedgerError
from story.network import REGIONS, Network
from story.offline import offline_command
from story.telling import StoryError

TYPES = ("cf", "xk")
ASKED = "310000"
SUBJECTS_A_CALL = 25
REFUSED = 2
"""Exit code of `publish` when a file is refused as a whole."""
CODE_COLUMNS = ("CF_XDR_SHXYM", "XK_XDR_SHXYM")


def run_survey(network: Network, options: argparse.Namespace) -> None:
    """Publish, ask every subject x region x type through one node, verify, write the answers.

    Raises:
        StoryError: A publication or the verifier failed.
    """
    started = time.monotonic()
    report = publish_folder(network, options.data)
    options.report.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    _say("发布并上链", "published and anchored", started)
    subjects = subjects_of(options.data)
    started = time.monotonic()
    answers = ask_all(network, subjects, options.evidence)
    _say(f"查询 {len(answers)} 个问题", f"{len(answers)} questions answered", started)
    trust = options.evidence / "trust-root.json"
    trust.write_bytes((network.nodes[ASKED].folder / "trust-root.json").read_bytes())
    started = time.monotonic()
    verdicts = verify_all(network, options, answers)
    _say(f"离线核验 {len(verdicts)} 份证据", f"{len(verdicts)} evidences verified", started)
    with options.answers.open("w", encoding="utf-8") as file:
        for answer in answers:
            file.write(json.dumps(_line(answer, verdicts), ensure_ascii=False) + "\n")
    valid = sum(verdict["outcome"] == "VALID" for verdict in verdicts.values())
    print(pick(f"有效 {valid} / {len(answers)}", f"{valid} of {len(answers)} VALID"))


def _say(zh: str, en: str, started: float) -> None:
    print(f"{pick(zh, en)} ({time.monotonic() - started:.1f} s)", flush=True)


def publish_folder(network: Network, folder: Path) -> dict[str, Any]:
    """Publish each region's files, then the changes; gives the report by file name."""
    changes = [folder / "changes.csv"] if (folder / "changes.csv").exists() else []

    def publish(region: str) -> dict[str, Any]:
        own = [folder / f"{region}-{kind}.csv" for kind in TYPES]
        files = [str(path) for path in own if path.exists()] + [str(path) for path in changes]
        return _publish(network, region, files)

    report: dict[str, Any] = {}
    with ThreadPoolExecutor() as pool:
        for region, files in zip(REGIONS, pool.map(publish, REGIONS), strict=True):
            for name, batch in files.items():
                shown = f"{region} {name}" if name == "changes.csv" else name
                report[shown] = batch
                rejected = len({problem["row"] for problem in batch["rejected"]})
                print(
                    f"  {shown}: "
                    + pick(
                        f"接受 {batch['accepted']},拒绝 {rejected}",
                        f"{batch['accepted']} accepted, {rejected} rejected",
                    )
                )
    return report


def _publish(network: Network, region: str, files: list[str]) -> dict[str, Any]:
    """Publish files in order; one that cannot be read at all is reported and passed over."""
    node = str(network.nodes[region].folder)
    report: dict[str, Any] = {}
    while files:
        options = ("--region", region, "--dir", node, "--json")
        done = network.ledger("publish", *files, *options, check=False)
        if done.returncode not in (0, REFUSED) or not done.stdout:
            raise StoryError(f"publish: exit {done.returncode}: {done.stderr}")
        said = json.loads(done.stdout)
        taken = len(said["files"])
        report |= said["files"]
        if taken < len(files):
            refused = {"accepted": 0, "rejected": [], "error": said["error"]}
            report[Path(files[taken]).name] = refused
        files = files[taken + 1 :]
    return report


def subjects_of(folder: Path) -> list[str]:
    """Every valid subject code that stands in the files, in one spelling, sorted."""
    csv.field_size_limit(sys.maxsize)
    found = set()
    for path in sorted(folder.glob("*.csv")):
        rows = csv.reader(io.StringIO(decode_text(path.read_bytes()), newline=""))
        header = [name.strip() for name in next(rows, [])]
        for column in CODE_COLUMNS:
            if column in header:
                place = header.index(column)
                texts = [row[place] for row in rows if len(row) > place]
                found |= {code for code in map(_code, texts) if code is not None}
    return sorted(found)


def _code(text: str) -> str | None:
    try:
        return normalize_uscc(text)
    except LedgerError:
        return None


def ask_all(network: Network, subjects: list[str], evidence: Path) -> list[dict[str, Any]]:
    """Ask one node about all subjects, regions and types; the evidence is kept."""
    answers: list[dict[str, Any]] = []
    for start in range(0, len(subjects), SUBJECTS_A_CALL):
        request = {
            "subjects": subjects[start : start + SUBJECTS_A_CALL],
            "regions": list(REGIONS),
            "record_types": list(TYPES),
        }
        answers += call("POST", network.nodes[ASKED].url, "/v1/lookups", json=request)["answers"]
    keep_evidence(answers, evidence)
    return answers


def verify_all(
    network: Network, options: argparse.Namespace, answers: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Verify every evidence in one process without network; verdicts by file name."""
    files = [str(options.evidence / _file(one)) for one in answers if one["evidence"] is not None]
    if not files:
        raise StoryError("no answer carries evidence")
    arguments = ["verify", "--json", "--trust", str(options.evidence / "trust-root.json")]
    arguments += ["--now", network.now().isoformat(timespec="seconds")]
    if options.as_of is not None:
        arguments += ["--as-of", options.as_of.isoformat()]
    command = offline_command(*arguments, *files)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise StoryError(f"verify: exit {done.returncode}: {done.stderr}")
    results = json.loads(done.stdout)["results"]
    return {Path(one["file"]).name: one for one in results}


def _file(answer: dict[str, Any]) -> str:
    return f"{answer['subject']}-{answer['region']}-{answer['record_type']}.json"


def _line(answer: dict[str, Any], verdicts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One line of the answers: what was asked, the result, and what the verifier proved."""
    verdict = verdicts.get(_file(answer))
    records = [] if verdict is None else verdict["records"]
    return {
        "subject": answer["subject"],
        "region": answer["region"],
        "record_type": answer["record_type"],
        "answer": answer["result"],
        "verdict": None if verdict is None else verdict["outcome"],
        "records": [
            {
                "document_number": record["fields"]["document_number"],
                "fine_fen": record["fields"].get("fine_fen"),
            }
            for record in records
            if record["kind"] != "dispute"
        ],
    }
