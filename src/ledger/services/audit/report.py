"""What an audit found: numbered rows and stable codes, never a value that names anybody."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ledger.services.inspected import StorageFault

MOST_FINDINGS: Final = 1_000
"""Findings that are kept; all are counted."""


class Outcome(StrEnum):
    """The one word of an audit."""

    CLEAN = "clean"
    """Everything was checked and nothing was found."""
    FINDINGS = "findings"
    """Something is wrong."""
    INCOMPLETE = "incomplete"
    """Nothing was found, and something could not be checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: A stable word.
        table: Where it is.
        row: The row's number: seq of an event, index of an entry, put of a record, id elsewhere;
            None where it is no single row's.
        place: The stream, or region and stream, where there is one.
        column: The column, where it is one's.
        expected: What should be there.
        found: What is there instead.
    """

    code: str
    table: str | None
    row: int | None
    expected: str
    found: str
    column: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be checked, and why; ``code`` is stable."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class StreamRoots:
    """What was re-derived of a log: the roots over all of its entries."""

    stream: str
    generation: int
    size: int
    log_root: bytes
    map_root: bytes


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes:
        findings: The first ``MOST_FINDINGS``, in the order of the checks.
        counts: How many there are of each code.
        unknown: What could not be checked.
        rows: Rows read, by table.
        streams: What was re-derived.
        is_quick: Whether the slow checks were left out.
        is_offline: Whether the chain was left out.
    """

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    unknown: tuple[Unknown, ...]
    rows: dict[str, int]
    streams: tuple[StreamRoots, ...]
    is_quick: bool
    is_offline: bool

    @property
    def outcome(self) -> Outcome:
        """What the findings come to; something unknown is never clean."""
        if self.findings:
            return Outcome.FINDINGS
        return Outcome.INCOMPLETE if self.unknown else Outcome.CLEAN

    @property
    def is_clean(self) -> bool:
        """Whether everything was checked and nothing was found."""
        return self.outcome is Outcome.CLEAN


@dataclass(slots=True)
class Findings:
    """Collects findings while an audit goes on; keeps the first and counts all."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[Unknown] = field(default_factory=list)

    def add(
        self,
        code: str,
        table: str | None,
        row: int | None,
        expected: object,
        found: object,
        *,
        column: str | None = None,
        place: str | None = None,
    ) -> None:
        """Note something that is wrong."""
        self.counts[code] += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(code, table, row, str(expected), str(found), column, place))

    def fault(self, fault: StorageFault) -> None:
        """Note a fault of the database itself."""
        self.add(
            fault.code, fault.table, fault.row, fault.expected, fault.found, column=fault.column
        )

    def leave(self, code: str, reason: str) -> None:
        """Note something that could not be checked, once a code."""
        if all(one.code != code for one in self.unknown):
            self.unknown.append(Unknown(code, reason))
