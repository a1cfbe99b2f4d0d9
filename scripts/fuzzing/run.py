"""Rounds of schemathesis over one node until enough requests were sent."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from worlds.node import uscc
from worlds.node_app import TOKEN

from fuzzing.bodies import FILES
from fuzzing.node import FuzzedNode
from ledger.api.file_types import MEDIA_TYPES

CHECKS: Final = {
    "not_a_server_error": {"enabled": False},  # a documented 503 is none; the node counts them
    # A request that breaks a rule of one field may rightly be refused for another one first.
    "negative_data_rejection": {"enabled": False},
    "positive_data_acceptance": {"enabled": False},
    "missing_required_header": {"enabled": False},
}
"""All checks of schemathesis, except these."""

CODES: Final = [uscc(number) for number in range(1, 60)] + [uscc(5)[:-1] + "?", uscc(6).lower()]
"""Codes of subjects with and without records, and some that are none."""

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
"""Ways of schemathesis to make requests: those of the description, one for each rule and its
breach, random ones, and chains that follow links."""


@dataclass
class Found:
    """What a run found."""

    seed: int
    rounds: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


def run(
    node: FuzzedNode,
    *,
    requests: int,
    seed: int,
    say: Callable[[str], None],
    phases: Collection[str] = PHASES,
) -> Found:
    """Send at least so many requests.

    Args:
        node: What is fuzzed.
        requests: How many at least.
        seed: Of the first round; each further round takes the next number.
        say: Told how far it is.
        phases: Of schemathesis: its ways to make requests.
    """
    for media_type in MEDIA_TYPES:
        schemathesis.openapi.media_type(media_type, FILES)
    found = Found(seed)
    examples = max(5, min(100, requests // 150))
    while node.total < requests:
        before = node.total
        for token in (TOKEN, None):
            made = _schema(node, seed + found.rounds, token, examples, phases)
            _round(made, found)
        found.rounds += 1
        say(f"round {found.rounds}: {node.total} requests")
        if node.total == before:
            raise RuntimeError("a round sent nothing")
    return found


def _schema(
    node: FuzzedNode, seed: int, token: str | None, examples: int, phases: Collection[str]
) -> Any:
    """The description as schemathesis takes it, and how it is to be used."""
    enabled: dict[str, Any] = {name: {"enabled": name in phases} for name in PHASES}
    enabled["stateful"]["max-steps"] = 6
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "headers": {} if token is None else {"Authorization": f"Bearer {token}"},
            "workers": 1,
            "checks": CHECKS | {"ignored_auth": {"enabled": token is not None}},
            "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
            "phases": enabled,
            "continue-on-failure": True,
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", node, config=config)
    schema.hook("map_body")(_with_subjects)
    return schema


def _round(schema: Any, found: Found) -> None:
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
            _note(event, found)
        elif isinstance(event, events.NonFatalError):
            found.errors[f"{event.label}: {event.value}"] += 1
        elif isinstance(event, events.FatalError):
            raise event.exception


def _with_subjects(_context: Any, body: Any) -> Any:
    """Put codes that exist, or nearly, in the place of generated words."""
    if isinstance(body, dict):
        for name in ("subjects", "questions"):
            items = body.get(name)
            if isinstance(items, list) and len(repr(items)) % 4:
                body[name] = [_subject(item, place) for place, item in enumerate(items)]
    return body


def _subject(item: Any, place: int) -> Any:
    code = CODES[(place + len(repr(item))) % len(CODES)]
    if isinstance(item, str):
        return code
    if isinstance(item, dict) and isinstance(item.get("subject"), str):
        return item | {"subject": code}
    return item


def _note(event: Any, found: Found) -> None:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            failure = check.failure_info
            if failure is None:
                continue
            case = event.recorder.cases[case_id].value
            title = failure.failure.title
            found.failures[f"{case.method} {case.path}: {check.name}: {title}"] += 1
