"""Attacks on steps 10 to 14: opened items, what they say, authority, status, consent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from worlds.paper import PaperWorld, re_rooted
from worlds.paper_stream import PaperStream
from worlds.people import CLEAN, OTHER_AUTHORITY, penalty, plain_event
from worlds.trials import (
    ANHUI,
    COMPANY,
    OTHER,
    SHANGHAI,
    Given,
    add_trial,
    anhui,
    edited,
    honest,
    honest_absence,
    honest_current,
    trial,
)
from worlds.trials_valid import ask, query

from ledger.core import canonical
from ledger.core.evidence import Evidence, OpenedItem, WholeList
from ledger.core.merkle import hash_leaf
from ledger.core.records.disclosure import make_disclosure
from ledger.core.records.event import PreparedEvent, commitment
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.item_list import list_root, list_value

# --- Step 10: log


def _opened(change: Callable[[OpenedItem], OpenedItem], records: int = 1) -> Given:
    """The honest evidence with its first opened item changed."""
    world, evidence = honest(records)
    first, *rest = evidence.opened
    return Given(replace(evidence, opened=(change(first), *rest)), world.trust_root())


def _three_opened(order: tuple[int, ...]) -> Given:
    world, evidence = honest(3)
    opened = tuple(evidence.opened[position] for position in order)
    return Given(replace(evidence, opened=opened), world.trust_root())


@trial("INVALID log opened-not-ascending")
def opened_out_of_order() -> Given:
    """The opened items are not in the order of the list."""
    return _three_opened((1, 0, 2))


@trial("INVALID log opened-not-ascending")
def opened_twice() -> Given:
    """One item is opened twice, another not at all."""
    return _three_opened((0, 1, 1))


@trial("INVALID log not-in-list")
def opened_under_an_index_not_listed() -> Given:
    """The opened item carries an index the list does not have."""
    return _opened(lambda item: replace(item, index=item.index + 1))


@trial("INVALID log not-in-list")
def opened_entry_is_another() -> Given:
    """The entry is that of another item."""
    other = honest(3)[1].opened[1]
    return _opened(lambda item: replace(item, entry=other.entry), records=3)


@trial("INVALID log not-in-list")
def opened_items_entries_swapped() -> Given:
    """Two items carry each other's index."""
    world, evidence = honest(3)
    first, second, third = evidence.opened
    swapped = (replace(second, index=first.index), replace(first, index=second.index), third)
    return Given(replace(evidence, opened=swapped), world.trust_root())


@trial("INVALID log root-mismatch")
def log_path_altered() -> Given:
    """A hash of the log path is another."""
    return _opened(lambda item: replace(item, path=(b"\x01" * 32, *item.path[1:])))


@trial("INVALID log malformed-proof")
def log_path_too_long() -> Given:
    """The log path has a hash too many."""
    return _opened(lambda item: replace(item, path=(*item.path, b"\x01" * 32)))


@trial("INVALID log malformed-proof")
def log_path_too_short() -> Given:
    """The log path lacks a hash."""
    return _opened(lambda item: replace(item, path=item.path[:-1]))


@trial("INVALID log malformed-proof")
def no_log_path() -> Given:
    """The log path is empty in a log of many entries."""
    return _opened(lambda item: replace(item, path=()))


def _forced(
    make: Callable[[PaperStream], tuple[int, bytes]], opened: Callable[[OpenedItem], OpenedItem]
) -> Given:
    """The region commits to a list of one pair of its own making, and opens it."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    pair = make(stream)
    key = stream.key("cf", COMPANY)
    stream.forced[key] = list_value(1, list_root([pair]))
    forged = replace(
        evidence,
        map_proof=stream.map_proof(key),
        items=WholeList((pair,)),
        opened=(opened(stream.opened(evidence.opened[0].index)),),
    )
    return Given(re_rooted(forged, world), world.trust_root())


@trial("INVALID log malformed-proof")
def item_beyond_the_log() -> Given:
    """The map lists an item whose index the log does not have."""
    leaf_hash = hash_leaf(honest(1)[1].opened[0].entry)
    return _forced(
        lambda stream: (stream.log.size, leaf_hash),
        lambda item: replace(item, index=7),
    )


@trial("INVALID log root-mismatch")
def item_that_was_never_logged() -> Given:
    """The map lists an entry that stands nowhere in the log."""
    key = PaperWorld().stream(ANHUI).key("cf", COMPANY)
    entry = encode_entry(Entry(b"\x0a" * 32, key, "put", None))
    return _forced(
        lambda stream: (4, hash_leaf(entry)),
        lambda item: replace(item, index=4, entry=entry),
    )


# --- Step 11: opening


def _with_items(*make: Callable[[PaperWorld, PaperStream], PreparedEvent]) -> Given:
    """The region lists these events under the company's key, honestly logged and opened."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    stream.fill(1)
    key = stream.key("cf", COMPANY)
    for one in make:
        stream.put(one(world, stream), key=key)
    return ask(world)


def _listed(**members: Any) -> Given:
    """One event with these members under the company's key."""
    members = {"subject": COMPANY, **members}
    return _with_items(lambda _, stream: plain_event(stream.random, **members))


for _name, _what, _code, _members in (
    ("subject", "another subject", "event-of-another-subject", {"subject": OTHER}),
    ("record_type", "another record type", "event-of-another-record-type", {"record_type": "xk"}),
    ("region", "another region", "event-of-another-region", {"region": SHANGHAI}),
    ("stream", "another stream", "event-of-another-stream", {"stream": "restricted"}),
):
    add_trial(
        f"event_of_another_{_name}_in_the_list",
        f"The region lists an event of {_what} under the company's key.",
        f"INVALID opening {_code}",
        lambda members=_members: _listed(**members),
    )


@trial("INVALID opening wrong-kind")
def repair_in_the_list() -> Given:
    """The region lists the event of a repair, which puts nothing in force."""
    return _with_items(
        lambda _, stream: plain_event(
            stream.random, {"basis": None}, subject=COMPANY, kind="repair", schema="end/1"
        )
    )


@trial("INVALID opening event-of-another-stream")
def query_in_the_list() -> Given:
    """The region lists a query among the penalties."""
    return _listed(
        kind="query", stream="queries", record_type="2026-10", schema="query/1", issuer="member-1"
    )


@trial("INVALID opening event-of-another-record-type")
def query_of_another_month_in_the_list() -> Given:
    """A query of September stands in the list of October."""
    world = PaperWorld()
    stream = world.stream(ANHUI, "queries")
    prepared = plain_event(
        stream.random,
        stream="queries",
        kind="query",
        record_type="2026-09",
        subject=COMPANY,
        schema="query/1",
        issuer="member-17",
        published_on="2026-09-30",
    )
    stream.put(prepared, key=stream.key("2026-10", COMPANY))
    evidence = world.complete(ANHUI, "2026-10", COMPANY, stream="queries")
    return Given(evidence, world.trust_root())


@trial("INVALID opening event-of-another-record")
def current_record_is_another() -> Given:
    """The item is in force, but it is not the record that is claimed."""
    world, evidence = honest_current()
    claim = replace(evidence.claim, record_id="00" * 16)
    return Given(replace(evidence, claim=claim), world.trust_root())


@trial("INVALID opening published-later")
def record_published_after_the_block() -> Given:
    """The record says it was published the day after block M."""
    return _listed(published_on="2026-11-01")


@trial("INVALID opening record-twice")
def record_listed_twice() -> Given:
    """Two items carry one record id."""
    same = {"subject": COMPANY, "record_id": "ab" * 16}
    return _with_items(
        lambda _, stream: plain_event(stream.random, **same),
        lambda _, stream: plain_event(stream.random, **same),
    )


@trial("INVALID opening record-twice")
def amendment_beside_the_record_it_amends() -> Given:
    """The amendment was put without removing the version before."""
    same = {"subject": COMPANY, "record_id": "ab" * 16}
    return _with_items(
        lambda _, stream: plain_event(stream.random, **same),
        lambda _, stream: plain_event(stream.random, kind="amend", version=2, **same),
    )


@trial("INVALID opening dispute-of-nothing")
def dispute_of_an_unlisted_record() -> Given:
    """The disputed record is not in the list."""
    return _listed(kind="dispute", about="cd" * 16)


@trial("INVALID opening dispute-of-nothing")
def dispute_of_a_dispute() -> Given:
    """A dispute is about another dispute."""
    return _with_items(
        lambda _, s: plain_event(s.random, subject=COMPANY, record_id="aa" * 16),
        lambda _, s: plain_event(
            s.random, subject=COMPANY, kind="dispute", record_id="bb" * 16, about="aa" * 16
        ),
        lambda _, s: plain_event(
            s.random, subject=COMPANY, kind="dispute", record_id="cc" * 16, about="bb" * 16
        ),
    )


def _with_entry(make: Callable[[PreparedEvent, bytes], bytes]) -> Given:
    """The region commits to a list that holds an entry of its own making."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    key = stream.key("cf", COMPANY)
    prepared = stream.events[evidence.opened[0].index]
    entry = make(prepared, key)
    index = stream.append(entry)
    stream.events[index] = prepared
    pair = (index, hash_leaf(entry))
    stream.forced[key] = list_value(1, list_root([pair]))
    forged = replace(
        evidence,
        map_proof=stream.map_proof(key),
        items=WholeList((pair,)),
        opened=(stream.opened(index),),
    )
    return Given(re_rooted(forged, world), world.trust_root())


@trial("INVALID opening wrong-entry")
def entry_that_drops() -> Given:
    """The listed entry is a drop."""
    return _with_entry(lambda made, key: encode_entry(Entry(made.commitment, key, "drop", 4)))


@trial("INVALID opening wrong-entry")
def entry_under_another_key() -> Given:
    """The listed entry was put under another key."""
    return _with_entry(
        lambda made, key: encode_entry(Entry(made.commitment, b"\x01" * 32, "put", None))
    )


@trial("INVALID opening malformed-record")
def entry_outside_the_grammar() -> Given:
    """The listed entry has a space too many."""
    return _with_entry(
        lambda made, key: encode_entry(Entry(made.commitment, key, "put", None)) + b" "
    )


@trial("INVALID opening malformed-record")
def entry_with_another_order_of_members() -> Given:
    """The listed entry is JSON of the same value in another spelling."""
    return _with_entry(
        lambda made, key: (
            f'{{"key":"{key.hex()}","event":"{made.commitment.hex()}",'
            f'"op":"put","replaces":null,"v":1}}'
        ).encode()
    )


@trial("INVALID opening commitment-mismatch")
def salt_altered() -> Given:
    """The salt is another."""
    return _opened(lambda item: replace(item, salt=b"\x01" * 32))


@trial("INVALID opening commitment-mismatch")
def event_altered() -> Given:
    """The last day in force was moved."""
    return _opened(lambda item: replace(item, event={**item.event, "in_force_until": "2028-03-05"}))


@trial("INVALID opening commitment-mismatch")
def events_swapped() -> Given:
    """Two items carry each other's event."""
    world, evidence = honest(3)
    first, second, third = evidence.opened
    swapped = (replace(first, event=second.event), replace(second, event=first.event), third)
    return Given(replace(evidence, opened=swapped), world.trust_root())


@trial("INVALID opening malformed-record")
def event_without_its_form() -> Given:
    """The region committed to an event that lacks a member."""

    def broken(_: PaperWorld, stream: PaperStream) -> PreparedEvent:
        good = plain_event(stream.random, subject=COMPANY)
        event = {name: value for name, value in good.event.items() if name != "rule"}
        content = canonical.encode(event)
        return replace(
            good, event=event, event_bytes=content, commitment=commitment(content, good.salt)
        )

    return _with_items(broken)


def _disclosing(change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Given:
    return _opened(lambda item: replace(item, disclosures=change(item.disclosures)))


@trial("INVALID opening disclosed-twice")
def field_disclosed_twice() -> Given:
    """One disclosure is given twice."""
    return _disclosing(lambda all_: (*all_, all_[0]))


@trial("INVALID opening wrong-disclosure")
def disclosure_of_another_item() -> Given:
    """The disclosure opens the same field of another record."""
    other = honest(3)[1].opened[2].disclosures
    return _opened(lambda item: replace(item, disclosures=other[:1]), records=3)


@trial("INVALID opening wrong-disclosure")
def disclosure_with_another_value() -> Given:
    """A fine of one fen, under a salt of the attacker's."""
    return _disclosing(lambda _: (make_disclosure(bytes(16), "fine_fen", 1),))


@trial("INVALID opening wrong-disclosure")
def disclosure_of_a_field_that_is_not_there() -> Given:
    """The event has no field of this name."""
    return _disclosing(lambda _: (make_disclosure(bytes(16), "pardoned", True),))


@trial("INVALID opening wrong-disclosure")
def disclosure_under_another_name() -> Given:
    """The region put the digest of one field under the name of another."""

    def swapped(_: PaperWorld, stream: PaperStream) -> PreparedEvent:

        good = plain_event(stream.random, {"fine": 100, "paid": 1}, subject=COMPANY)
        digests = good.event["fields"]
        fields = {"fine": digests["paid"], "paid": digests["fine"]}
        event = {**good.event, "fields": fields}
        content = canonical.encode(event)
        return replace(
            good, event=event, event_bytes=content, commitment=commitment(content, good.salt)
        )

    return _with_items(swapped)


@trial("INVALID opening malformed-record")
def disclosure_that_is_no_disclosure() -> Given:
    """A disclosure of five characters of base64url, an impossible length."""
    return _disclosing(lambda _: ("AAAAA",))


@trial("INVALID opening not-canonical")
def disclosure_that_is_not_canonical() -> Given:
    """The disclosure's JSON has a space in it."""
    return _disclosing(lambda _: ("WyJBIiwgIkEiLDFd",))


@trial("INVALID opening malformed-record")
def disclosure_with_stray_bits() -> Given:
    """The last character of a disclosure carries bits that no byte takes."""

    def stray(all_: tuple[str, ...]) -> tuple[str, ...]:
        one = next(one for one in all_ if len(one) % 4)
        last = "BCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return (one[:-1] + last[last.index(one[-1]) + 1],)

    return _disclosing(stray)


@trial("INCOMPLETE opening partly-opened")
def partly_opened() -> Given:
    """Two of three records are opened."""
    return _three_opened((0, 2))


@trial("INCOMPLETE opening partly-opened")
def nothing_opened() -> Given:
    """One record is listed and not opened."""
    world, evidence = honest(1)
    return Given(replace(evidence, opened=()), world.trust_root())


@trial("INCOMPLETE opening partly-opened")
def current_not_opened() -> Given:
    """The current record is listed and not opened."""
    world, evidence = honest_current()
    return Given(replace(evidence, opened=()), world.trust_root())


@trial("INCOMPLETE opening partly-opened")
def dispute_opened_without_its_record() -> Given:
    """Only the dispute is opened, so the record it is about cannot be compared."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    disputed = stream.events[stream.pairs("cf", COMPANY)[0][0]].event["record_id"]
    index = stream.put(plain_event(stream.random, subject=COMPANY, kind="dispute", about=disputed))
    return ask(world, opened=[index])


@trial("INVALID opening record-twice")
def partly_opened_with_a_record_twice() -> Given:
    """A fail outweighs what is not opened."""
    given = record_listed_twice()
    assert isinstance(given.evidence, Evidence)
    world = PaperWorld()
    stream = world.stream(ANHUI)
    key = stream.key("cf", COMPANY)
    for _ in range(2):
        stream.put(plain_event(stream.random, subject=COMPANY, record_id="ab" * 16), key=key)
    stream.put(plain_event(stream.random, subject=COMPANY), key=key)
    indices = [index for index, _ in stream.pairs("cf", COMPANY)]
    return ask(world, opened=indices[:2])


# --- Steps 12 to 14


@trial("INCOMPLETE authority authority-missing")
def authority_required_and_missing() -> Given:
    """The trust root wants the issuer's signature."""
    world, evidence = honest(1)
    return Given(evidence, world.trust_root(authority_required=True))


@trial("VALID")
def valid_absence_where_authority_is_required() -> Given:
    """Of an absence nobody signs anything."""
    world, evidence = honest_absence()
    return Given(evidence, world.trust_root(authority_required=True))


@trial("UNSUPPORTED authority unsupported-authority")
def authority_of_unknown_form() -> Given:
    """An authority object, which this release cannot read."""
    world, evidence = honest(1)
    return Given(replace(evidence, authority={"signature": "00"}), world.trust_root())


@trial("UNSUPPORTED authority unsupported-authority")
def authority_beside_an_absence() -> Given:
    """An empty authority object beside an absence."""
    world, evidence = honest_absence()
    return Given(replace(evidence, authority={}), world.trust_root())


@trial("INVALID status not-in-force")
def record_that_has_ended() -> Given:
    """The record was in force until the day before block M."""
    world = PaperWorld()
    world.stream(ANHUI).publish(penalty(COMPANY, publicity_until="2026-10-30"))
    return ask(world)


@trial("INVALID status not-in-force")
def one_of_three_records_has_ended() -> Given:
    """The region forgot to drop one of three."""
    world = PaperWorld()
    for number, until in enumerate(("2027-01-01", "2020-01-01", None)):
        world.stream(ANHUI).publish(penalty(COMPANY, number, publicity_until=until))
    return ask(world)


def _restricted(*, records: int = 1) -> tuple[PaperWorld, Evidence]:
    world = PaperWorld()
    stream = world.stream(ANHUI, "restricted")
    for _ in range(records):
        stream.put(
            plain_event(
                stream.random,
                stream="restricted",
                record_type="tax",
                subject=COMPANY,
                schema="tax/1",
                issuer=OTHER_AUTHORITY,
            )
        )
    return world, world.complete(ANHUI, "tax", COMPANY, stream="restricted")


@trial("INCOMPLETE consent consent-missing")
def restricted_type_without_consent() -> Given:
    """A restricted record is shown without consent."""
    world, evidence = _restricted()
    return Given(evidence, world.trust_root())


@trial("INCOMPLETE consent consent-missing")
def restricted_absence_without_consent() -> Given:
    """That there is no restricted record is a secret too."""
    world, evidence = _restricted(records=0)
    return Given(evidence, world.trust_root())


@trial("UNSUPPORTED consent unsupported-consent")
def consent_of_unknown_form() -> Given:
    """A consent object, which this release cannot read."""
    world, evidence = _restricted()
    return Given(replace(evidence, consent={"id": "00"}), world.trust_root())


@trial("INVALID consent consent-not-applicable")
def consent_for_a_public_type() -> Given:
    """A consent object beside a public type."""
    world, evidence = honest(1)
    return Given(replace(evidence, consent={}), world.trust_root())


@trial("INVALID consent consent-not-applicable")
def consent_for_a_month_of_queries() -> Given:
    """A consent object beside a month of queries."""
    world = PaperWorld()
    query(world.stream(ANHUI, "queries"), "2026-10-03")
    evidence = world.complete(ANHUI, "2026-10", COMPANY, stream="queries")
    return Given(replace(evidence, consent={}), world.trust_root())


@trial("INVALID status not-in-force")
def ended_record_outweighs_unknown_authority() -> Given:
    """A fail outweighs what is not supported."""
    given = record_that_has_ended()
    return Given(edited(given.evidence, ("authority",), {}), given.root)


@trial("VALID")
def valid_month_without_queries() -> Given:
    """Nobody asked about a clean company in a month that is over."""
    world = PaperWorld()
    query(world.stream(ANHUI, "queries"), "2026-09-03")
    evidence = world.complete(ANHUI, "2026-09", CLEAN, stream="queries")
    return Given(evidence, world.trust_root())
