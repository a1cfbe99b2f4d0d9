"""A mirror compares both logs of a change of generation; nothing the region states is believed."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from worlds.node import RECORDS, REGION, World, change, changes, penalties, penalty, uscc

from ledger.core import canonical, vrf
from ledger.core.generations import Comparison
from ledger.core.records.event import commitment
from ledger.core.stream.entry import encode_entry, parse_entry
from ledger.core.stream.map_key import alpha
from ledger.errors import InputError, MalformedStatementError, NotIntegratedError, UnavailableError
from ledger.services.generations.comparing import compare_copies
from ledger.services.generations.stating import Stating
from ledger.services.ports.mirroring import LogName
from ledger.services.stored import StreamLog

NEXT = StreamLog("records", 2)
FORMER, FOLLOWING = LogName(REGION, "records", 1), LogName(REGION, "records", 2)
PEOPLE = 6


@dataclass
class Copies:
    """What a mirror has of both logs, and the statement it got."""

    lines: list[bytes]
    logs: dict[LogName, list[bytes]]
    key: bytes
    seed: bytes = field(repr=False)

    def mirrored_entries(
        self, log: LogName, start: int, limit: int
    ) -> tuple[tuple[int, bytes], ...]:
        return tuple(enumerate(self.logs.get(log, [])[start : start + limit], start))

    def compare(self) -> Comparison:
        file = io.BytesIO(b"".join(line + b"\n" for line in self.lines))
        return compare_copies(file, self, self.vrf_key)  # type: ignore[arg-type]

    def codes(self) -> set[str]:
        return {one.code for one in self.compare().findings}

    def vrf_key(self, region: str, stream: str, generation: int) -> bytes | None:
        return self.key if (region, stream, generation) == (REGION, "records", 2) else None

    # --- Forging

    def edit(self, at: int, **members: Any) -> None:
        self.lines[at] = canonical.encode({**json.loads(self.lines[at]), **members})

    def item(self, at: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lines[at])
        return found


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """Six penalties, one of them repaired, one amended, two of one subject; then the change."""
    world = World(tmp_path_factory.mktemp("node"))
    rows = [penalty(n) for n in range(1, PEOPLE + 1)]
    world.publish(penalties(*rows, penalty(50, subject=uscc(1))))
    world.settle()
    world.amend(penalties(penalty(2, fine="7.000000")))
    world.publish(changes(change(3)))
    world.settle()
    world.renew()
    world.approve()
    world.settle()
    yield copies_of(world)
    world.kill()


def copies_of(world: World) -> Copies:
    logs = {
        log: [one.entry for one in world.store.entries(name, 0, 1000)]
        for log, name in ((FORMER, RECORDS), (FOLLOWING, NEXT))
    }
    stating = Stating(region=REGION, store=world.store, keys=world.keys)
    seed = world.secrets[NEXT]
    return Copies(list(stating.lines(NEXT)), logs, vrf.public_key(seed), seed)


@pytest.fixture
def copies(stated: Copies) -> Copies:
    """To be spoiled."""
    logs = {log: list(entries) for log, entries in stated.logs.items()}
    return replace(stated, lines=list(stated.lines), logs=logs)


ITEMS = PEOPLE  # Six and one more, less the repaired one.


def test_change_as_the_node_makes_it_is_the_same(copies: Copies) -> None:
    found = copies.compare()
    assert (found.is_same, found.findings, found.count) == (True, (), 0)
    assert (found.statement.items, found.tail_size) == (ITEMS, 0)
    assert found.former == found.confirmed
    assert found.following.size == len(copies.logs[FOLLOWING]) == ITEMS + 1


def test_later_entries_of_the_new_log_do_not_matter(copies: Copies) -> None:
    copies.logs[FOLLOWING].append(b"published since")
    assert copies.compare().is_same


# --- What a region could hide, invent or change


def leave_out_an_item(copies: Copies) -> None:
    """Both in the statement and in the new log."""
    del copies.lines[2]
    del copies.logs[FOLLOWING][2]
    copies.edit(0, items=ITEMS - 1)


def leave_out_the_last_item(copies: Copies) -> None:
    del copies.lines[-1]
    del copies.logs[FOLLOWING][-1]
    copies.edit(0, items=ITEMS - 1)


def put_an_item_twice(copies: Copies) -> None:
    copies.lines.insert(2, copies.lines[2])
    copies.logs[FOLLOWING].insert(2, copies.logs[FOLLOWING][2])


def put_the_repaired_one_again(copies: Copies) -> None:
    """Index 3 of the former log was dropped."""
    copies.lines.insert(3, canonical.encode({**copies.item(3), "former": 3}))
    copies.logs[FOLLOWING].insert(3, copies.logs[FOLLOWING][3])


def change_the_order(copies: Copies) -> None:
    copies.lines[1], copies.lines[2] = copies.lines[2], copies.lines[1]


def change_the_order_in_the_log(copies: Copies) -> None:
    log = copies.logs[FOLLOWING]
    log[1], log[2] = log[2], log[1]


def _forge(copies: Copies, at: int, **changed: Any) -> None:
    """Put another event again, with commitment, key and proof as they must be."""
    item = copies.item(at)
    event = {**json.loads(item["event"]), **changed}
    text = canonical.encode(event)
    message = alpha(REGION, "records", event["record_type"], event["subject"])
    proof = vrf.prove(copies.seed, message)
    entry = replace(
        parse_entry(copies.logs[FOLLOWING][at]),
        event=commitment(text, bytes.fromhex(item["salt"])),
        key=vrf.verify(copies.key, message, proof)[:32],
    )
    copies.logs[FOLLOWING][at] = encode_entry(entry)
    copies.edit(at, event=text.decode(), vrf_proof=proof.hex())


def change_the_last_day(copies: Copies) -> None:
    _forge(copies, 1, in_force_until="2026-11-30")


def give_it_to_somebody_else(copies: Copies) -> None:
    _forge(copies, 1, subject=uscc(77))


def change_the_type(copies: Copies) -> None:
    _forge(copies, 1, record_type="xk")


def drop_instead_of_put(copies: Copies) -> None:
    entry = parse_entry(copies.logs[FOLLOWING][2])
    copies.logs[FOLLOWING][2] = encode_entry(replace(entry, op="drop", replaces=1))


def put_that_replaces_another(copies: Copies) -> None:
    entry = parse_entry(copies.logs[FOLLOWING][2])
    copies.logs[FOLLOWING][2] = encode_entry(replace(entry, replaces=1))


def other_bytes_in_the_log(copies: Copies) -> None:
    copies.logs[FOLLOWING][1] = b"anything"


def under_another_key(copies: Copies) -> None:
    entry = parse_entry(copies.logs[FOLLOWING][1])
    copies.logs[FOLLOWING][1] = encode_entry(replace(entry, key=bytes(32)))


def under_the_former_key(copies: Copies) -> None:
    former = parse_entry(copies.logs[FORMER][copies.item(1)["former"]])
    entry = parse_entry(copies.logs[FOLLOWING][1])
    copies.logs[FOLLOWING][1] = encode_entry(replace(entry, key=former.key))


def under_somebody_elses_key(copies: Copies) -> None:
    other = parse_entry(copies.logs[FOLLOWING][2])
    entry = parse_entry(copies.logs[FOLLOWING][1])
    copies.logs[FOLLOWING][1] = encode_entry(replace(entry, key=other.key))


def with_the_proof_of_another(copies: Copies) -> None:
    copies.edit(1, vrf_proof=copies.item(2)["vrf_proof"])


def with_a_proof_of_the_former_key(copies: Copies) -> None:
    event = json.loads(copies.item(1)["event"])
    message = alpha(REGION, "records", event["record_type"], event["subject"])
    copies.edit(1, vrf_proof=vrf.prove(bytes([1]) * 32, message).hex())


def under_the_former_salt(copies: Copies) -> None:
    item = copies.item(1)
    event = item["event"].encode()
    entry = replace(
        parse_entry(copies.logs[FOLLOWING][1]),
        event=commitment(event, bytes.fromhex(item["former_salt"])),
    )
    copies.logs[FOLLOWING][1] = encode_entry(entry)
    copies.edit(1, salt=item["former_salt"])


def with_a_wrong_former_salt(copies: Copies) -> None:
    copies.edit(1, former_salt="00" * 32)


def with_a_wrong_salt(copies: Copies) -> None:
    copies.edit(1, salt="00" * 32)


def with_a_bit_of_the_event_turned(copies: Copies) -> None:
    event = copies.item(1)["event"]
    copies.edit(1, event=event.replace('"v":1', '"v":2'))


def of_another_opening(copies: Copies) -> None:
    copies.logs[FOLLOWING][0] = copies.logs[FORMER][0]


def of_another_former_opening(copies: Copies) -> None:
    copies.logs[FORMER][0] = copies.logs[FOLLOWING][0]


def with_another_number_of_items(copies: Copies) -> None:
    copies.edit(0, items=ITEMS - 1)


def deny_the_end_of_the_log(copies: Copies) -> None:
    """The statement's log ends before a drop that was anchored, and so an item is in force."""
    size = len(copies.logs[FORMER])
    copies.edit(0, former_size=size - 1, tail=size - 1)


def state_another_end(copies: Copies) -> None:
    size = len(copies.logs[FORMER])
    copies.edit(0, tail=size - 1)
    entry = encode_entry(parse_entry(copies.logs[FORMER][1]))
    line = canonical.encode({"entry": entry.hex(), "event": None, "salt": None})
    copies.lines.insert(1, line)


FORGED: list[tuple[Callable[[Copies], None], set[str]]] = [
    (leave_out_an_item, {"item-missing", "items-count"}),
    (leave_out_the_last_item, {"item-missing", "items-count"}),
    (put_an_item_twice, {"item-not-in-force"}),
    (put_the_repaired_one_again, {"item-not-in-force"}),
    (change_the_order, {"item-not-in-force", "item-missing"}),
    (change_the_order_in_the_log, {"following-opening"}),
    (change_the_last_day, {"former-opening"}),
    (give_it_to_somebody_else, {"former-opening"}),
    (change_the_type, {"former-opening"}),
    (drop_instead_of_put, {"following-not-a-put"}),
    (put_that_replaces_another, {"following-not-a-put"}),
    (other_bytes_in_the_log, {"following-not-a-put"}),
    (under_another_key, {"map-key"}),
    (under_the_former_key, {"map-key", "key-again"}),
    (under_somebody_elses_key, {"map-key", "keys-mixed"}),
    (with_the_proof_of_another, {"vrf-proof"}),
    (with_a_proof_of_the_former_key, {"vrf-proof"}),
    (under_the_former_salt, {"salt-again"}),
    (with_a_wrong_former_salt, {"former-opening"}),
    (with_a_wrong_salt, {"following-opening"}),
    (with_a_bit_of_the_event_turned, {"former-opening", "following-opening"}),
    (of_another_opening, {"opening-entry"}),
    (of_another_former_opening, {"opening-entry"}),
    (with_another_number_of_items, {"items-count"}),
    (deny_the_end_of_the_log, {"former-size", "tail-differs"}),
    (state_another_end, {"tail-differs"}),
]


@pytest.mark.parametrize("forge,codes", FORGED, ids=[forge.__name__ for forge, _ in FORGED])
def test_forged_change_is_found(
    copies: Copies, forge: Callable[[Copies], None], codes: set[str]
) -> None:
    forge(copies)
    found = copies.compare()
    assert not found.is_same
    assert codes <= {one.code for one in found.findings}, found.findings


def test_item_left_out_is_named_by_its_index_alone(copies: Copies) -> None:
    index = copies.item(2)["former"]
    leave_out_an_item(copies)
    missing = [one for one in copies.compare().findings if one.code == "item-missing"]
    assert [(one.log, one.index) for one in missing] == [(1, index)]


# --- What no head has anchored


def test_entries_behind_the_last_head_are_listed_with_their_kinds(copies: Copies) -> None:
    """The mirror's copy ends before the repair and the amendment."""
    copies.logs[FORMER] = copies.logs[FORMER][: PEOPLE + 2]
    with pytest.raises(UnavailableError):
        copies.compare()


def test_tail_is_opened_listed_and_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish(penalties(*(penalty(n) for n in range(1, 4))))
    world.settle()
    confirmed = world.records.size
    world.chain.is_down = True
    world.publish(changes(change(3)))
    world.publish(penalties(penalty(4)))
    world.worker.run_once()
    world.chain.is_down = False
    world.renew()
    world.approve()
    world.settle()
    copies = copies_of(world)
    world.kill()
    copies.logs[FORMER] = copies.logs[FORMER][:confirmed]
    said = json.loads(copies.lines[0])
    assert said["tail"] <= confirmed < said["former_size"]
    found = copies.compare()
    assert found.is_same, found.findings
    assert [(one.op, one.kind) for one in found.tail] == [("drop", "repair"), ("put", "publish")]
    assert (found.tail_size, found.confirmed.size) == (2, confirmed)
    # One that does not open is found, and one that was erased has no kind.
    at = 1 + confirmed - said["tail"]
    copies.edit(at, salt="00" * 32)
    assert copies.codes() == {"tail-opening"}
    copies.edit(at, event=None, salt=None)
    assert [one.kind for one in copies.compare().tail] == [None, "publish"]


# --- What is no statement, or cannot be compared yet


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines.clear(),
        lambda lines: lines.pop(0),
        lambda lines: lines.insert(0, b"{}"),
        lambda lines: lines.__setitem__(1, lines[1] + b" "),
        lambda lines: lines.__setitem__(1, lines[1][:-1]),
        lambda lines: lines.__setitem__(0, lines[0].replace(b'"v":1', b'"v":2')),
        lambda lines: lines.__setitem__(0, lines[0].replace(b'"former":1', b'"former":0')),
        lambda lines: lines.__setitem__(0, lines[0].replace(b'"following":2', b'"following":1')),
        lambda lines: lines.__setitem__(0, lines[0].replace(b'"tail":', b'"tail":9')),
        lambda lines: lines.__setitem__(1, b"[" * 100_000),
        lambda lines: lines.__setitem__(1, b'"' + b"a" * (1 << 19) + b'"'),
    ],
    ids=[
        *("empty", "headless", "other-object", "space", "cut", "version", "zero", "same", "tail"),
        *("deep", "long"),
    ],
)
def test_file_that_is_no_statement_is_refused(
    copies: Copies, spoil: Callable[[list[bytes]], None]
) -> None:
    spoil(copies.lines)
    with pytest.raises(MalformedStatementError):
        copies.compare()


def test_copy_that_is_behind_is_not_yet_rather_than_the_same(copies: Copies) -> None:
    copies.logs[FOLLOWING] = copies.logs[FOLLOWING][:-1]
    with pytest.raises(UnavailableError):
        copies.compare()
    copies.logs[FOLLOWING] = []
    with pytest.raises(UnavailableError):
        copies.compare()


def test_generation_that_the_trust_root_does_not_name_is_refused(copies: Copies) -> None:
    copies.edit(0, former=2, following=3)
    with pytest.raises(InputError, match="VRF key of generation 3"):
        copies.compare()


def test_no_statement_without_a_change_or_on_the_way(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish(penalties(penalty(1)))
    world.settle()
    stating = Stating(region=REGION, store=world.store, keys=world.keys)
    with pytest.raises(InputError, match="a generation before it"):
        list(stating.lines(RECORDS))
    world.renew()
    stating = Stating(region=REGION, store=world.store, keys=world.keys)
    with pytest.raises(NotIntegratedError):
        list(stating.lines(NEXT))
    world.kill()
