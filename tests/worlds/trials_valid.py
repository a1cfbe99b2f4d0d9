"""Evidence that is VALID, one trial for every kind an honest region gives."""

from dataclasses import replace
from datetime import date

from worlds.paper import NOW, PaperWorld, seconds
from worlds.paper_block import CANCUN_FIELDS
from worlds.paper_stream import PaperStream
from worlds.people import CLEAN, licence, penalty, plain_event
from worlds.trials import (
    ANHUI,
    COMPANY,
    SHANGHAI,
    Given,
    anhui,
    honest,
    honest_absence,
    honest_current,
    showing,
    trial,
)

from ledger.core.trust import Confirmation, Mirror
from ledger.core.verify import Policy

MIRRORS = (
    Mirror(0, "310000", "region"),
    Mirror(1, "320000", "region"),
    Mirror(5, "320000", "region"),
    Mirror(6, "regulator", "regulator"),
)
"""Shanghai, Jiangsu twice, the regulator."""

BOTH = Confirmation(ANHUI, "records", (0, 1, 5, 6), 2)
"""Two distinct operators for Anhui's records."""

NAME = (ANHUI, "records")


def mirrored(rule: Confirmation = BOTH) -> PaperWorld:
    """A world whose trust root wants confirmations."""
    world = anhui(1)
    world.mirrors, world.rules = MIRRORS, (rule,)
    return world


def ask(world: PaperWorld, *, opened: list[int] | None = None) -> Given:
    """All penalties of the company in Anhui, some fields shown."""
    evidence = showing(world.complete(ANHUI, "cf", COMPANY, opened=opened), 4)
    return Given(evidence, world.trust_root())


def query(stream: PaperStream, published_on: str, subject: str = COMPANY) -> int:
    """Put one query on the query stream."""
    return stream.put(
        plain_event(
            stream.random,
            region=stream.region,
            stream="queries",
            kind="query",
            record_type=published_on[:7],
            subject=subject,
            schema="query/1",
            issuer="member-17",
            published_on=published_on,
        )
    )


@trial("VALID")
def valid_absence_empty_map() -> Given:
    """No record in an empty map; head word 2 is proved by exclusion."""
    world = PaperWorld()
    return Given(world.complete(SHANGHAI, "cf", CLEAN), world.trust_root())


@trial("VALID")
def valid_absence_by_another_leaf() -> Given:
    """No record: another key's leaf stands where the key would."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    near = stream.put_near(stream.key("cf", CLEAN), 6)
    stream.put_near(near, 3)
    return Given(world.complete(ANHUI, "cf", CLEAN), world.trust_root())


@trial("VALID")
def valid_absence_by_another_leaf_at_depth_255() -> Given:
    """No record: the other key differs in the last bit alone, so all but one level are shared."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    key = stream.key("cf", CLEAN)
    near = stream.put_near(key, 255)
    stream.put_near(near, 254)
    return Given(world.complete(ANHUI, "cf", CLEAN), world.trust_root())


@trial("VALID")
def valid_absence_by_nothing() -> Given:
    """No record: nothing stands where the key would."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    near = stream.put_near(stream.key("cf", CLEAN), 2)
    stream.put_near(near, 5)
    return Given(world.complete(ANHUI, "cf", CLEAN), world.trust_root())


@trial("VALID")
def valid_absence_after_repair() -> Given:
    """The only record was repaired, so the key has left the map."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    stream.repair(stream.pairs("cf", COMPANY)[0][0])
    return ask(world)


@trial("VALID")
def valid_one_record() -> Given:
    """One record, every field shown."""
    world = anhui(1)
    return Given(world.complete(ANHUI, "cf", COMPANY), world.trust_root())


@trial("VALID")
def valid_three_records() -> Given:
    """Three records, all opened."""
    world, evidence = honest(3)
    return Given(evidence, world.trust_root())


@trial("VALID")
def valid_some_fields_disclosed() -> Given:
    """One record of which two fields are shown."""
    world, evidence = honest(1)
    item = evidence.opened[0]
    shown = replace(item, disclosures=item.disclosures[:2])
    return Given(replace(evidence, opened=(shown,)), world.trust_root())


@trial("VALID")
def valid_no_field_disclosed() -> Given:
    """One record of which no field is shown."""
    world, evidence = honest(1)
    item = replace(evidence.opened[0], disclosures=())
    return Given(replace(evidence, opened=(item,)), world.trust_root())


@trial("VALID", group="bulk")
def valid_long_field() -> Given:
    """A field of 20,000 characters, the longest a record may have."""
    world = PaperWorld()
    world.stream(ANHUI).publish(penalty(COMPANY, facts="罚" * 20_000))
    return Given(world.complete(ANHUI, "cf", COMPANY), world.trust_root())


@trial("VALID")
def valid_current_record() -> Given:
    """The second of three records is in force."""
    world, evidence = honest_current()
    return Given(evidence, world.trust_root())


@trial("VALID")
def valid_current_only_record() -> Given:
    """The only record is in force; the path in the list is empty."""
    world = anhui(1)
    index = world.stream(ANHUI).pairs("cf", COMPANY)[0][0]
    return Given(world.current(ANHUI, "cf", COMPANY, index), world.trust_root())


@trial("VALID")
def valid_amended_record() -> Given:
    """The record was amended; the list holds the amendment in its place."""
    world = anhui(2)
    stream = world.stream(ANHUI)
    index = stream.pairs("cf", COMPANY)[0][0]
    stream.amend(penalty(COMPANY, 0, fine_fen=3_000_000), index)
    return ask(world)


@trial("VALID")
def valid_disputed_record() -> Given:
    """A dispute stands beside the record it is about."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    disputed = stream.events[stream.pairs("cf", COMPANY)[0][0]].event["record_id"]
    stream.put(plain_event(stream.random, subject=COMPANY, kind="dispute", about=disputed))
    return ask(world)


@trial("VALID")
def valid_licence_without_end() -> Given:
    """A licence of a class market type, in force without end."""
    world = PaperWorld()
    world.stream(SHANGHAI).publish(licence(COMPANY))
    return Given(world.complete(SHANGHAI, "xk", COMPANY), world.trust_root())


@trial("VALID")
def valid_unknown_schema() -> Given:
    """A schema this release does not know may have any field names."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    stream.put(plain_event(stream.random, subject=COMPANY, schema="cf/2"))
    return ask(world)


@trial("VALID")
def valid_last_day_in_force() -> Given:
    """The record is in force until the day of block M, inclusive."""
    world = PaperWorld()
    world.stream(ANHUI).publish(penalty(COMPANY, publicity_until="2026-10-31"))
    return ask(world)


@trial("VALID")
def valid_published_on_the_day() -> Given:
    """The record was published on the day of block M."""
    world = PaperWorld()
    world.stream(ANHUI).publish(penalty(COMPANY), published_on="2026-10-31")
    return ask(world)


@trial("VALID")
def valid_header_with_later_fields() -> Given:
    """The header has twenty fields."""
    world = anhui(1)
    block = world.block(later_fields=CANCUN_FIELDS)
    return Given(world.complete(ANHUI, "cf", COMPANY, block=block), world.trust_root())


@trial("VALID")
def valid_second_generation() -> Given:
    """The stream was opened anew under another VRF key that the trust root lists."""
    world = PaperWorld()
    world.streams[NAME] = PaperStream(ANHUI, "records", generation=2)
    world.stream(ANHUI).publish(penalty(COMPANY))
    return ask(world)


@trial("VALID")
def valid_confirmed_by_two_operators() -> Given:
    """Two of three operators have confirmed this epoch."""
    world = mirrored()
    world.confirm(NAME, 0)
    world.confirm(NAME, 6)
    return ask(world)


@trial("VALID")
def valid_confirmed_and_contradicted_by_a_region() -> Given:
    """Enough have confirmed; a contradicting region is shown and not counted."""
    world = mirrored()
    world.confirm(NAME, 0)
    world.confirm(NAME, 6)
    world.contradict(NAME, 1)
    return ask(world)


@trial("VALID")
def valid_no_confirmation_required() -> Given:
    """Mirrors count but none is required; their words are proved all the same."""
    return ask(mirrored(replace(BOTH, required=0)))


@trial("VALID")
def valid_rule_without_mirrors() -> Given:
    """The stream has a rule that names no mirrors and requires none."""
    return ask(mirrored(replace(BOTH, mirrors=(), required=0)))


@trial("VALID")
def valid_month_closed() -> Given:
    """All queries of a month that is over."""
    world = PaperWorld()
    query(world.stream(ANHUI, "queries"), "2026-09-30")
    evidence = world.complete(ANHUI, "2026-09", COMPANY, stream="queries")
    return Given(evidence, world.trust_root())


@trial("VALID")
def valid_month_open() -> Given:
    """All queries of the current month until M."""
    world = PaperWorld()
    for day in ("2026-10-03", "2026-10-31"):
        query(world.stream(ANHUI, "queries"), day)
    evidence = world.complete(ANHUI, "2026-10", COMPANY, stream="queries")
    return Given(evidence, world.trust_root())


@trial("VALID")
def valid_as_of_today() -> Given:
    """The as-of day is that of block M."""
    world, evidence = honest(1)
    return Given(evidence, world.trust_root(), policy=Policy(as_of=date(2026, 10, 31)))


@trial("VALID")
def valid_any_age() -> Given:
    """Twenty days old, and the caller takes any age."""
    world, evidence = honest_absence()
    root = world.trust_root()
    return Given(evidence, root, now=root.expires_at, policy=Policy(max_age_s=None))


@trial("VALID")
def valid_at_the_age_limit() -> Given:
    """Exactly as old as accepted."""
    world, evidence = honest_absence()
    return Given(evidence, world.trust_root(), now=NOW + seconds(595))


@trial("VALID")
def valid_sixty_seconds_ahead() -> Given:
    """Block M is sixty seconds ahead of the clock, the most that is taken."""
    world, evidence = honest_absence()
    return Given(evidence, world.trust_root(), now=NOW - seconds(65))


@trial("VALID")
def valid_at_the_expiry() -> Given:
    """The trust root expires at this very second."""
    world, evidence = honest_absence()
    return Given(evidence, world.trust_root(expires_at=NOW), now=NOW)


@trial("VALID")
def valid_coverage_begins_today() -> Given:
    """The region undertakes the type from the day of block M on."""
    world, evidence = honest_absence()
    root = world.trust_root()
    coverage = tuple(replace(one, since=date(2026, 10, 31)) for one in root.coverage)
    return Given(evidence, replace(root, coverage=coverage))
