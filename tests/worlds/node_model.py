"""What a node must say, kept as a plain dictionary: records in force and why an answer may wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from worlds.node import CF_COLUMNS, CHANGE_COLUMNS, REGION, penalty, uscc

from ledger.services.publication import Effect, Outcome, RowReport

SUBJECTS = 3
ASKED = range(100, 100 + SUBJECTS + 1)
"""Subjects that are asked about; nothing is ever published about the last."""

SPELLINGS = ("31罚〔2026〕{:05d}号", "３１罚[２０２６]{:05d} 号", "31罚（2026）{:05d}号")


@dataclass(frozen=True)
class Row:
    """A row of a penalty file."""

    number: int
    until: date | None
    fine: str
    issuer: str
    spelling: int = 0

    @property
    def subject(self) -> int:
        return 100 + self.number % SUBJECTS

    @property
    def name(self) -> tuple[int, str]:
        return self.number, self.issuer

    def is_over(self, today: date) -> bool:
        return self.until is not None and self.until < today

    def text(self) -> str:
        row = penalty(
            self.number,
            subject=uscc(self.subject),
            fine=self.fine,
            until="" if self.until is None else self.until.isoformat(),
            issuer=self.issuer,
        )
        return row.replace(
            SPELLINGS[0].format(self.number), SPELLINGS[self.spelling].format(self.number)
        )


@dataclass(frozen=True)
class ChangeRow:
    """A row of a change file."""

    number: int
    kind: str
    issuer: str = ""

    @property
    def subject(self) -> int:
        return 100 + self.number % SUBJECTS

    def text(self) -> str:
        number = SPELLINGS[0].format(self.number)
        return f"{REGION},{number},{uscc(self.subject)},{self.kind},2026-10-20,{self.issuer}"


def file_of(rows: Sequence[Row] | Sequence[ChangeRow]) -> bytes:
    is_change = isinstance(rows[0], ChangeRow)
    columns = f"{CHANGE_COLUMNS},issuer" if is_change else CF_COLUMNS
    return "\n".join((columns, *(row.text() for row in rows), "")).encode()


@dataclass
class Kept:
    """A record the node acknowledged."""

    row: Row
    published_on: date
    ended_by: str | None = None

    def is_over(self, today: date) -> bool:
        return self.row.is_over(today)


@dataclass(frozen=True)
class Days:
    """What day it is."""

    today: date
    """By the node's clock."""
    proved: date
    """By the chain, as far as the node can know."""
    latest: date
    """By whichever is further on."""


class Model:
    """Every acknowledged record by its name."""

    def __init__(self) -> None:
        self.records: dict[tuple[int, str], Kept] = {}
        self._in_file: set[tuple[int, str]] = set()
        self.amendments = 0
        """Acknowledged amendments."""
        self.due: dict[int, int] = {}
        """Log size from which on the last acknowledged change of a subject is served."""

    # --- What the node reports

    def begin_file(self) -> None:
        """Rows of one file are compared with each other as they stand, ended at once or not."""
        self._in_file.clear()

    def put(self, row: Row, report: RowReport, *, days: Days, is_retry: bool) -> None:
        """Check and take in what became of a row of a penalty file."""
        known = self.records.get(row.name)
        found = _word(report)
        if known is None:
            allowed = {"accepted", "unchanged", "already-ended"} if is_retry else {"accepted"}
            assert found in allowed, (row, report)
            kept = self.records[row.name] = Kept(row, days.today)
            if found == "accepted":
                self._in_file.add(row.name)
            if report.effect is Effect.PUT_AND_ENDED or found == "already-ended":
                # Never by the clock alone: an end cannot be taken back.
                assert kept.is_over(min(days.today, days.proved)), (row, report, days)
                kept.ended_by = "expire"
            return
        expected = {"unchanged" if _content(known.row) == _content(row) else "conflict"}
        if row.name in self._in_file:
            assert found in expected, (row, report)
        else:
            self._meet(known, found, expected, days.latest)

    def amend(self, row: Row, report: RowReport, *, days: Days, is_retry: bool) -> None:
        """Check and take in what became of a row of a penalty file sent as an amendment."""
        known = self.records.get(row.name)
        found = _word(report)
        if known is None:
            assert found == "nothing-to-amend", (row, report)
            return
        is_same = _content(known.row) == _content(row)
        if row.name in self._in_file:
            assert found == ("unchanged" if is_same else "conflict"), (row, report)
            return
        by_all = min(days.today, days.proved)
        expected = {"unchanged" if is_same else "accepted"}
        if is_retry:
            # The first try may have got through, and may have ended the record at once.
            expected |= {"unchanged"} | ({"already-ended"} if row.is_over(by_all) else set())
        if known.ended_by is not None or known.is_over(by_all):
            expected = {"already-ended"}
        elif known.is_over(days.latest):
            expected |= {"already-ended"}
        assert found in expected, (known, row, report, days)
        if found == "already-ended":
            self._note_end(known, row, by_all)
            return
        self._in_file.add(row.name)
        if not is_same:
            self.amendments += 1
            known.row, known.published_on = row, days.today
            if report.effect is Effect.AMENDED_AND_ENDED:
                assert row.is_over(by_all), (row, report, days)
                known.ended_by = "expire"

    def _note_end(self, known: Kept, row: Row, by_all: date) -> None:
        """Of a record that is over but not swept the same is said: that is no end yet."""
        if known.ended_by is not None or known.is_over(by_all):
            return
        known.ended_by = "expire"
        if row.is_over(by_all) and _content(known.row) != _content(row):
            self.amendments += 1

    def change(self, row: ChangeRow, report: RowReport, *, latest: date, is_retry: bool) -> None:
        """Check and take in what became of a row of a change file."""
        matching = [
            kept
            for (number, issuer), kept in self.records.items()
            if number == row.number and row.issuer in ("", issuer)
        ]
        found = _word(report)
        if len(matching) != 1:
            assert found == ("ambiguous" if matching else "unknown-record"), (row, report)
            return
        (known,) = matching
        if known.ended_by == row.kind:
            assert found == "unchanged", (row, report)
            return
        expected = {"accepted", "unchanged"} if is_retry else {"accepted"}
        self._meet(known, found, expected, latest)
        if found in expected:
            known.ended_by = row.kind

    def _meet(self, known: Kept, found: str, expected: set[str], latest: date) -> None:
        if known.ended_by is not None:
            expected = {"already-ended"}
        elif known.is_over(latest):
            # Whether the sweep was here is not known from outside.
            expected = expected | {"already-ended"}
        assert found in expected, (known, found, expected)
        if found == "already-ended" and known.ended_by is None:
            known.ended_by = "expire"

    # --- What the node must say

    def days(self) -> set[date]:
        """Days on which, by the node's clock, something was published."""
        return {kept.published_on for kept in self.records.values()}

    def in_force(self, subject: int, today: date) -> list[str]:
        """Document numbers of a subject that are in force on a day."""
        return sorted(
            SPELLINGS[kept.row.spelling].format(kept.row.number)
            for kept in self.records.values()
            if kept.row.subject == subject and kept.ended_by is None and not kept.is_over(today)
        )

    def may_wait(self, subject: int, served_size: int, today: date, block_day: date) -> bool:
        """Whether there is a reason to answer ``pending``."""
        open_records = [
            kept
            for kept in self.records.values()
            if kept.row.subject == subject and kept.ended_by != "repair"
        ]
        return self.due.get(subject, 0) > served_size or any(
            kept.is_over(today) or kept.published_on > block_day for kept in open_records
        )


def _word(report: RowReport) -> str:
    if report.outcome is Outcome.REJECTED:
        (error,) = report.errors
        return error.code
    return str(report.outcome)


def _content(row: Row) -> tuple[date | None, str]:
    return row.until, row.fine
