"""Companies, authorities and records for worlds on paper; no code is a real organisation's."""

from collections.abc import Callable
from datetime import date
from typing import Any

from ledger.core.records.catalogue import CATALOGUE_VERSION, LICENCE, PENALTY, RULE_AS_PUBLISHED
from ledger.core.records.event import EventHead, PreparedEvent, prepare_event
from ledger.core.records.record import FieldValue, Record
from ledger.core.records.subject import check_character

RandomBytes = Callable[[int], bytes]


def code(body: str) -> str:
    """Complete 17 characters to a code."""
    return body + check_character(body)


COMPANIES = tuple(code(f"91310118MA0PAP{number:03d}") for number in range(1, 10))
"""Companies the worlds write about; the first few have records."""

CLEAN = COMPANIES[8]
"""A company without any record."""

AUTHORITIES = {"310000": code("11310000MB0PAP001"), "340000": code("11340000MB0PAP002")}
OTHER_AUTHORITY = code("11340000MB0PAP003")


def penalty(subject: str, number: int = 1, *, region: str = "340000", **changed: Any) -> Record:
    """A penalty against a company; ``changed`` replaces fields of the table."""
    fields: dict[str, FieldValue] = {
        **dict.fromkeys(PENALTY.field_names),
        "party_name": "纸上示例物流有限公司",
        "party_category": "法人及非法人组织",
        "party_code": subject,
        "document_number": f"皖交罚〔2026〕{number:05d}号",
        "violation_type": "超限运输",
        "facts": "车货总质量超过限定标准",
        "content": "罚款贰万元整",
        "fine_fen": 2_000_000,
        "decided_on": "2026-03-05",
        "publicity_until": "2027-03-05",
        "authority_name": "示例市交通运输局",
        "authority_code": AUTHORITIES[region],
        **changed,
    }
    return _record(PENALTY.code, PENALTY.schema, fields, fields["publicity_until"])


def licence(subject: str, number: int = 1, *, region: str = "310000", **changed: Any) -> Record:
    """A licence of a company, without end."""
    fields: dict[str, FieldValue] = {
        **dict.fromkeys(LICENCE.field_names),
        "party_name": "纸上示例物流有限公司",
        "party_category": "法人及非法人组织",
        "party_code": subject,
        "document_number": f"沪交许〔2026〕{number:05d}号",
        "content": "道路货物运输经营",
        "decided_on": "2026-02-01",
        "valid_until": "2099-12-31",
        "authority_name": "示例区交通委员会",
        "authority_code": AUTHORITIES[region],
        **changed,
    }
    return _record(LICENCE.code, LICENCE.schema, fields, None)


def _record(
    record_type: str, schema: str, fields: dict[str, FieldValue], until: FieldValue
) -> Record:
    return Record(
        record_type=record_type,
        subject=str(fields["party_code"]),
        issuer=str(fields["authority_code"]),
        document_number=str(fields["document_number"]),
        decided_on=date.fromisoformat(str(fields["decided_on"])),
        in_force_until=None if until is None else date.fromisoformat(str(until)),
        fields=fields,
        schema=schema,
        catalogue=CATALOGUE_VERSION,
        rule=RULE_AS_PUBLISHED,
    )


def plain_event(
    random: RandomBytes, fields: dict[str, FieldValue] | None = None, **changed: Any
) -> PreparedEvent:
    """An event of any kind from its members: disputes, queries, types outside the catalogue."""
    members: dict[str, Any] = {
        "kind": "publish",
        "region": "340000",
        "stream": "records",
        "record_type": "cf",
        "record_id": random(16).hex(),
        "version": 1,
        "about": None,
        "catalogue": CATALOGUE_VERSION,
        "schema": "note/1",
        "rule": None,
        "issuer": AUTHORITIES["340000"],
        "decided_on": "2026-10-01",
        "published_on": "2026-10-02",
        "in_force_until": None,
        **changed,
    }
    head = EventHead(**members)  # type: ignore[typeddict-item]
    return prepare_event(head, fields or {"note": "一"}, random=random)
