"""What became of a file, row by row, and its stored form."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ledger.core.intake.problems import RowError


class Outcome(StrEnum):
    """What a row led to."""

    ACCEPTED = "accepted"
    """Its events are stored."""
    UNCHANGED = "unchanged"
    """The ledger says the same already."""
    REJECTED = "rejected"
    """Its errors say why."""
    SKIPPED = "skipped"
    """Empty, or another region's."""


class State(StrEnum):
    """How far the events of a row have come; each includes the ones before."""

    ACCEPTED = "accepted"
    SEQUENCED = "sequenced"
    INTEGRATED = "integrated"
    ANCHORED = "anchored"
    """A block holds a head over it."""
    CONFIRMED = "confirmed"
    """Under the served snapshot: proved, and with the confirmations its map needs."""


class Mode(StrEnum):
    """What the sender of a file of records means by a row that differs from its record."""

    PUBLISH = "publish"
    """Nothing: the row contradicts the record and is refused."""
    AMEND = "amend"
    """The record is to be as the row says; a row without a record in force is refused."""


class Effect(StrEnum):
    """What an accepted row did to its record."""

    PUT = "put"
    PUT_AND_ENDED = "put-and-ended"
    AMENDED = "amended"
    AMENDED_AND_ENDED = "amended-and-ended"
    ENDED = "ended"


AMENDING: Final = frozenset({Effect.AMENDED, Effect.AMENDED_AND_ENDED})
"""Effects of rows that amend a record."""

ENDING: Final = frozenset({Effect.PUT_AND_ENDED, Effect.AMENDED_AND_ENDED, Effect.ENDED})
"""Effects of rows that end a record."""


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of one row."""

    row: int
    """Number of the record; the header is 1."""
    outcome: Outcome
    effect: Effect | None = None
    """Set for accepted rows."""
    record_id: str | None = None
    """The record it speaks of, where there is one."""
    state: State | None = None
    """Where it stands now; set for accepted and unchanged rows when a report is given out."""
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of one file."""

    batch_id: int
    source_name: str
    kind: str
    """``records`` or ``changes``."""
    record_type: str | None
    received_at: datetime
    ignored_columns: tuple[str, ...]
    dropped_columns: tuple[str, ...]
    rows: tuple[RowReport, ...]
    mode: Mode = Mode.PUBLISH
    """How the file was sent."""

    def count(self, outcome: Outcome) -> int:
        """How many rows had this outcome."""
        return sum(row.outcome is outcome for row in self.rows)

    @property
    def accepted(self) -> int:
        """Rows whose events are stored."""
        return self.count(Outcome.ACCEPTED)

    @property
    def amended(self) -> int:
        """Accepted rows that changed the content of a record."""
        return sum(row.effect in AMENDING for row in self.rows)

    @property
    def unchanged(self) -> int:
        """Rows that said what the ledger said already."""
        return self.count(Outcome.UNCHANGED)

    @property
    def rejected(self) -> int:
        """Rows with errors."""
        return self.count(Outcome.REJECTED)

    @property
    def skipped(self) -> int:
        """Empty rows and rows of other regions."""
        return self.count(Outcome.SKIPPED)


def encode_report(report: BatchReport) -> str:
    """The text kept with the batch; states are left out, they are found when it is read."""
    members = {
        "kind": report.kind,
        "record_type": report.record_type,
        "ignored_columns": report.ignored_columns,
        "dropped_columns": report.dropped_columns,
        "rows": [_row_members(row) for row in report.rows],
        "mode": report.mode,
    }
    return json.dumps(members, ensure_ascii=False)


def _row_members(row: RowReport) -> dict[str, Any]:
    return {
        "row": row.row,
        "outcome": row.outcome,
        "effect": row.effect,
        "record_id": row.record_id,
        "state": None,
        "errors": [asdict(error) for error in row.errors],
    }


def parse_report(
    text: str, *, batch_id: int, source_name: str, received_at: datetime
) -> BatchReport:
    """The reverse of ``encode_report``."""
    members: dict[str, Any] = json.loads(text)
    return BatchReport(
        batch_id=batch_id,
        source_name=source_name,
        kind=members["kind"],
        record_type=members["record_type"],
        received_at=received_at,
        ignored_columns=tuple(members["ignored_columns"]),
        dropped_columns=tuple(members["dropped_columns"]),
        rows=tuple(parse_row(row) for row in members["rows"]),
        # Reports stored before files could be sent as amendments do not say how they were sent.
        mode=Mode(members.get("mode", Mode.PUBLISH)),
    )


def parse_row(row: dict[str, Any]) -> RowReport:
    """One row of the stored form."""
    effect = row["effect"]
    return RowReport(
        row=row["row"],
        outcome=Outcome(row["outcome"]),
        effect=None if effect is None else Effect(effect),
        record_id=row["record_id"],
        errors=tuple(RowError(**error) for error in row["errors"]),
    )
