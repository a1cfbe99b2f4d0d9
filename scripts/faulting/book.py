"""What a region was sent, what of it was acknowledged, and how every record must stand.

The book knows nothing of logs, maps and chains: it is the sender's view, against which the node's
database and answers are compared.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ledger.core.records.subject import check_character

IN_FORCE = "in_force"
ENDED = "ended"

RECORDS = "records"
CHANGES = "changes"
AMENDMENTS = "amendments"

SUBJECTS = 40
"""So few that many records share a subject."""

COLUMNS = (
    "CF_XDR_MC,CF_XDR_LB,CF_XDR_SHXYM,CF_WSH,CF_WFXW,CF_SY,CF_YJ,CF_CFLB,CF_NR,CF_NR_FK,"
    "CF_JDRQ,CF_GSJZQ,CF_CFJG,CF_CFJGDM"
)
CHANGE_COLUMNS = "region,CF_WSH,CF_XDR_SHXYM,change,decided_on"


@dataclass
class Record:
    """One record as its sender knows it."""

    number: int
    subject: str
    until: date | None
    is_acknowledged: bool = False
    status: str = IN_FORCE
    """How it must stand once everything acknowledged has taken effect."""
    is_ending: bool = False
    """A change was sent that may or may not have been taken."""
    version: int = 1
    """The version that was acknowledged last."""
    is_amending: bool = False
    """An amendment was sent that may or may not have been taken."""

    def is_over(self, today: date) -> bool:
        """Whether its last day lies in the past."""
        return self.until is not None and self.until < today


@dataclass
class Sending:
    """One file and what became of it."""

    content: bytes
    key: str | None
    numbers: tuple[int, ...]
    kind: str
    batch_id: int | None = None
    """Number under which it was acknowledged."""

    @property
    def mode(self) -> str:
        """How it is sent."""
        return "amend" if self.kind == AMENDMENTS else "publish"


@dataclass
class Book:
    """The sender of one region.

    Args:
        region: GB/T 2260 code.
        chance: Decides what is sent.
    """

    region: str
    chance: random.Random
    records: dict[int, Record] = field(default_factory=dict)
    sent: list[Sending] = field(default_factory=list)
    keys: int = 0

    def next_file(self, today: date, *, until: date | None = None) -> Sending:
        """Something new to send: records mostly, sometimes changes, sometimes what was sent before.

        Args:
            today: The day of the node.
            until: Last day in force of all records of the file; then it holds records only.
        """
        choice = self.chance.random()
        standing = self._standing(today)
        first_versions = [record for record in standing if record.version == 1]
        if until is None and choice < 0.15 and standing:
            sending = self._changes(standing, today)
        elif until is None and choice < 0.25 and first_versions:
            sending = self._amendments(first_versions)
        elif until is None and choice < 0.4 and self.sent:
            return self._again()
        else:
            sending = self._new_records(today, until)
        self.sent.append(sending)
        return sending

    def fresh_file(self, today: date) -> Sending:
        """Records that were never sent before and are in force."""
        standing = today + timedelta(days=365)
        sending = self._new_records(today, standing)
        self.sent.append(sending)
        return sending

    def note(self, sending: Sending, answer: dict[str, Any], today: date) -> list[str]:
        """Take an acknowledgement in; returns what is wrong with it."""
        wrong = []
        if sending.batch_id is not None and sending.key is not None:
            if sending.batch_id != answer["id"]:
                wrong.append(f"key answered as batch {answer['id']}, was {sending.batch_id}")
        sending.batch_id = answer["id"]
        for number in sending.numbers:
            record = self.records[number]
            record.is_acknowledged = True
            if sending.kind == CHANGES:
                record.status, record.is_ending = ENDED, False
            elif sending.kind == AMENDMENTS:
                record.version, record.is_amending = 2, False
        refused = {problem["row"] for problem in answer["rejected"]}
        if answer["accepted"] + answer["unchanged"] + len(refused) != answer["rows"]:
            wrong.append(f"batch {answer['id']}: its counts do not add up")
        for problem in answer["rejected"]:
            record = self.records[sending.numbers[problem["row"] - 2]]
            if problem["code"] not in self._rightly_refused(record, sending, today):
                wrong.append(f"batch {answer['id']}: row refused: {problem['code']}")
        return wrong

    def expected(self, record: Record, today: date) -> str:
        """How an acknowledged record must stand once nothing is on its way any more."""
        return ENDED if record.is_over(today) else record.status

    def in_force(self, subject: str, today: date) -> list[str]:
        """Document numbers of a subject's records that must be proved; all are acknowledged."""
        return sorted(
            self.document(record.number)
            for record in self.records.values()
            if record.subject == subject and self.expected(record, today) == IN_FORCE
        )

    def document(self, number: int) -> str:
        """The document number of a record."""
        return f"{self.region[:2]}罚〔2026〕{number:06d}号"

    def _rightly_refused(self, record: Record, sending: Sending, today: date) -> set[str]:
        """The codes with which a row may be refused that was sent before."""
        codes = set()
        if record.is_ending or self.expected(record, today) == ENDED:
            codes.add("already-ended")  # What ended since, or at once, is not taken again.
        if sending.kind == RECORDS and (record.version > 1 or record.is_amending):
            codes.add("conflict")  # The row as it was before the amendment.
        return codes

    def _standing(self, today: date) -> list[Record]:
        return [
            record
            for record in self.records.values()
            if record.is_acknowledged
            and record.status == IN_FORCE
            and not record.is_ending
            and not record.is_over(today + timedelta(days=1))
        ]

    def _again(self) -> Sending:
        """A file that was sent before: the same bytes, under the same key or none."""
        earlier = self.chance.choice(self.sent)
        if earlier.key is not None and self.chance.random() < 0.5:
            return earlier
        return Sending(earlier.content, None, earlier.numbers, earlier.kind)

    def _new_records(self, today: date, until: date | None) -> Sending:
        rows, numbers = [], []
        known = list(self.records.values())
        for _ in range(self.chance.choice((1, 1, 2, 5, 20))):
            if known and until is None and self.chance.random() < 0.1:
                record = self.chance.choice(known)  # A row that was sent before, among new ones.
            else:
                record = self._record(today, until)
            if record.number not in numbers:
                numbers.append(record.number)
                rows.append(self._row(record))
        content = "\n".join((COLUMNS, *rows, "")).encode()
        return Sending(content, self._key(), tuple(numbers), RECORDS)

    def _record(self, today: date, until: date | None) -> Record:
        if until is None and self.chance.random() < 0.1:
            until = today - timedelta(days=self.chance.randint(1, 30))
        number = len(self.records) + 1
        record = Record(number, _uscc(self.chance.randrange(SUBJECTS)), until)
        self.records[number] = record
        return record

    def _changes(self, standing: list[Record], today: date) -> Sending:
        chosen = self.chance.sample(standing, min(len(standing), self.chance.choice((1, 2, 5))))
        rows = []
        for record in chosen:
            record.is_ending = True
            kind = self.chance.choice(("repair", "revoke"))
            code, document = record.subject, self.document(record.number)
            rows.append(f"{self.region},{document},{code},{kind},{today - timedelta(days=9)}")
        content = "\n".join((CHANGE_COLUMNS, *rows, "")).encode()
        return Sending(content, self._key(), tuple(one.number for one in chosen), CHANGES)

    def _amendments(self, known: list[Record]) -> Sending:
        chosen = self.chance.sample(known, min(len(known), self.chance.choice((1, 2, 5))))
        for record in chosen:
            record.is_amending = True
        rows = [self._row(record, fine="2.500000") for record in chosen]
        content = "\n".join((COLUMNS, *rows, "")).encode()
        return Sending(content, self._key(), tuple(one.number for one in chosen), AMENDMENTS)

    def _row(self, record: Record, fine: str = "1.000000") -> str:
        until = "" if record.until is None else record.until.isoformat()
        return (
            f"某某有限公司,法人及非法人组织,{record.subject},{self.document(record.number)},"
            f"超标排放,事实,依据,罚款,处以罚款,{fine},2026-02-21,{until},"
            f"某某卫生健康委员会,{_uscc(1, '11310151MA')}"
        )

    def _key(self) -> str | None:
        if self.chance.random() < 0.5:
            return None
        self.keys += 1
        return f"{self.region}-{self.keys}"


def _uscc(number: int, prefix: str = "91310118MA") -> str:
    body = f"{prefix}{number:07d}"
    return body + check_character(body)
