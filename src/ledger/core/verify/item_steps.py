"""Steps 10 to 14: the opened items, what they say, who said it, whether it still holds."""

from datetime import date
from itertools import pairwise

from ledger.core import canonical, merkle
from ledger.core.evidence import Claim, OpenedItem
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import PUT_KINDS, check_event, commitment
from ledger.core.stream.entry import parse_entry
from ledger.core.verify.case import Case, failed, skipped, unknown
from ledger.core.verify.verdict import ProvedRecord, day_of


def check_log(case: Case) -> None:
    """Step 10: each opened item's entry is in the log at the index the list gives it."""
    _skip_absence(case)
    opened, head = case.evidence.opened, case.head
    indices = [item.index for item in opened]
    if any(left >= right for left, right in pairwise(indices)):
        raise failed("opened-not-ascending", "expected strictly ascending indices")
    for item in opened:
        leaf_hash = merkle.hash_leaf(item.entry)
        if case.pairs.get(item.index) != leaf_hash:
            raise failed("not-in-list", f"the entry at index {item.index} is not the list's")
        merkle.verify_inclusion(
            leaf_hash=leaf_hash,
            index=item.index,
            tree_size=head.size,
            path=item.path,
            root_hash=head.log_root,
        )


def check_opening(case: Case) -> None:
    """Step 11: each opened item is a put of this key, and its event is the claim's."""
    _skip_absence(case)
    claim, opened = case.evidence.claim, case.evidence.opened
    today = day_of(case.block_time)
    case.records = [_open_item(case.key, claim, item, today) for item in opened]
    identifiers = [record.record_id for record in case.records]
    if len(set(identifiers)) != len(identifiers):
        raise failed("record-twice", "two opened items carry one record_id")
    if len(opened) < len(case.pairs):
        raise unknown("partly-opened", f"{len(opened)} of {len(case.pairs)} items are opened")
    if claim.count is not None:
        _check_disputes(case.records)


def _open_item(key: bytes, claim: Claim, item: OpenedItem, today: date) -> ProvedRecord:
    entry, event = parse_entry(item.entry), item.event
    if entry.op != "put" or entry.key != key:
        raise failed("wrong-entry", "expected a put under the subject's key")
    if commitment(canonical.encode(event), item.salt) != entry.event:
        raise failed("commitment-mismatch", "the event and salt do not open the entry's commitment")
    check_event(event)
    for name in ("region", "stream", "record_type", "subject"):
        if event[name] != getattr(claim, name):
            raise failed(f"event-of-another-{name.replace('_', '-')}", f"{name} is not the claim's")
    if claim.record_id is not None and event["record_id"] != claim.record_id:
        raise failed("event-of-another-record", "record_id is not the claim's")
    if event["kind"] not in PUT_KINDS[claim.stream]:
        raise failed("wrong-kind", f"{event['kind']} puts nothing on {claim.stream}")
    published_on = str(event["published_on"])
    if date.fromisoformat(published_on) > today:
        raise failed("published-later", "published_on is later than block M")
    return ProvedRecord(
        index=item.index,
        kind=str(event["kind"]),
        record_id=str(event["record_id"]),
        version=int(str(event["version"])),
        issuer=str(event["issuer"]),
        decided_on=str(event["decided_on"]),
        published_on=published_on,
        in_force_until=None if event["in_force_until"] is None else str(event["in_force_until"]),
        about=None if event["about"] is None else str(event["about"]),
        values=_disclosed(event["fields"], item.disclosures),
    )


def _disclosed(fields: object, disclosures: tuple[str, ...]) -> dict[str, object]:
    """Open each disclosure under the member that carries its digest; one value a name."""
    digests = fields if isinstance(fields, dict) else {}
    values: dict[str, object] = {}
    for disclosure in disclosures:
        _, name, value = open_disclosure(disclosure)
        if name in values:
            raise failed("disclosed-twice", "two disclosures carry one field name")
        if name not in digests or digests[name] != digest(disclosure):
            raise failed("wrong-disclosure", "a disclosure does not stand under its own name")
        values[name] = value
    return values


def _check_disputes(records: list[ProvedRecord]) -> None:
    listed = {record.record_id for record in records if record.kind != "dispute"}
    for record in records:
        if record.kind == "dispute" and record.about not in listed:
            raise failed("dispute-of-nothing", "the disputed record is not in the list")


def check_authority(case: Case) -> None:
    """Step 12: the issuer's own signature and grant, where the trust root requires them."""
    if case.evidence.authority is not None:
        raise unknown("unsupported-authority", "this release knows no authority format")
    _skip_absence(case)
    if case.root.authority_required:
        raise unknown("authority-missing", "the trust root requires the issuer's signature")
    raise skipped("authority-not-required")


def check_status(case: Case) -> str:
    """Step 13: every opened record is in force on the day of block M; disputes are shown."""
    _skip_absence(case)
    today = day_of(case.block_time)
    for record in case.records:
        until = record.in_force_until
        if until is not None and date.fromisoformat(until) < today:
            raise failed("not-in-force", f"in force until {until}, block M is of {today}")
    if case.evidence.claim.stream == "queries":
        closed = case.evidence.claim.record_type < today.isoformat()[:7]
        return "month-closed" if closed else "month-open"
    return "disputed" if any(record.kind == "dispute" for record in case.records) else "ok"


def check_consent(case: Case) -> None:
    """Step 14: restricted types need a consent proved at the same block."""
    stream = case.evidence.claim.stream
    if case.evidence.consent is not None:
        if stream == "restricted":
            raise unknown("unsupported-consent", "this release knows no consent format")
        raise failed("consent-not-applicable", "only restricted types carry a consent")
    if stream == "restricted":
        raise unknown("consent-missing", "a restricted type without consent")
    raise skipped("query-stream" if stream == "queries" else "public-type")


def _skip_absence(case: Case) -> None:
    if case.evidence.claim.is_absence:
        raise skipped("nothing-to-check")
