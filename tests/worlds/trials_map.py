"""Attacks on steps 7 to 9: the subject's key, the map, the list."""

from dataclasses import replace

from worlds.paper import PaperWorld, re_rooted
from worlds.people import CLEAN
from worlds.trials import (
    ANHUI,
    COMPANY,
    OTHER,
    SHANGHAI,
    Given,
    add_trial,
    anhui,
    honest,
    honest_absence,
    honest_current,
    showing,
    trial,
)

from ledger.core import vrf
from ledger.core.evidence import Evidence, OneOfList, WholeList
from ledger.core.prefix_tree import MapProof
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.item_list import list_path, list_root, list_value
from ledger.core.trust import TrustRoot

# --- Step 7: subject key


def _with_vrf_proof(proof: bytes) -> Given:
    world, evidence = honest_absence()
    return Given(replace(evidence, vrf_proof=proof), world.trust_root())


def _proof_under(
    region: str = ANHUI, stream: str = "records", record_type: str = "cf", subject: str = CLEAN
) -> Given:
    return _with_vrf_proof(PaperWorld().stream(region, stream).vrf_proof(record_type, subject))


for _name, _what, _changed in (
    ("region", "The VRF proof is another region's for the same subject.", {"region": SHANGHAI}),
    ("stream", "The VRF proof is made with the key of another stream.", {"stream": "restricted"}),
    ("record_type", "The VRF proof is for another record type.", {"record_type": "xk"}),
    ("subject", "The VRF proof is for another subject.", {"subject": OTHER}),
):
    add_trial(
        f"vrf_proof_of_another_{_name}",
        _what,
        "INVALID subject-key vrf-proof",
        lambda changed=_changed: _proof_under(**changed),
    )


@trial("INVALID subject-key vrf-proof")
def vrf_proof_with_s_not_below_the_order() -> Given:
    """s + q verifies as s does for a careless reader."""
    proof = honest_absence()[1].vrf_proof
    response = int.from_bytes(proof[48:], "little") + vrf.ORDER
    return _with_vrf_proof(proof[:48] + response.to_bytes(32, "little"))


@trial("INVALID subject-key vrf-proof")
def vrf_proof_with_gamma_of_small_order() -> Given:
    """Gamma is the neutral element."""
    proof = honest_absence()[1].vrf_proof
    return _with_vrf_proof(b"\x01" + bytes(31) + proof[32:])


@trial("INVALID subject-key vrf-proof")
def vrf_proof_of_zeros() -> Given:
    """The VRF proof is all zero."""
    return _with_vrf_proof(bytes(80))


# --- Step 8: map


def absence_of_a_present_key(depth: int, end: str) -> tuple[Evidence, TrustRoot]:
    """Claim that a listed company has nothing, with real siblings cut at a depth.

    Args:
        depth: How many of the real siblings are kept.
        end: What is shown there: ``nothing``, ``own`` (the key's own leaf), ``value`` (the own key
            with another value), ``other`` (a real leaf of another key), ``crafted`` (a made-up leaf
            that shares the path).
    """
    world = anhui(1)
    stream = world.stream(ANHUI)
    key = stream.key("cf", COMPANY)
    near = stream.put_near(key, 9)
    for shared in range(9):
        stream.put_near(key, shared)
    proof = stream.map_proof(key)
    assert proof.end is not None
    shared_key = (int.from_bytes(key, "big") ^ 1).to_bytes(32, "big")
    ends = {
        "nothing": None,
        "own": proof.end,
        "value": (key, bytes(32)),
        "other": (near, stream.items()[near]),
        "crafted": (shared_key, proof.end[1]),
    }
    forged = MapProof(proof.siblings[:depth], ends[end])
    evidence = world.complete(ANHUI, "cf", COMPANY)
    claim = replace(evidence.claim, count=0)
    return (
        replace(evidence, claim=claim, map_proof=forged, items=None, opened=()),
        world.trust_root(),
    )


for _depth, _end, _code in (
    (10, "own", "malformed-proof"),
    (10, "value", "malformed-proof"),
    (10, "nothing", "root-mismatch"),
    (9, "nothing", "root-mismatch"),
    (9, "other", "root-mismatch"),
    (4, "other", "root-mismatch"),
    (0, "nothing", "root-mismatch"),
    (0, "other", "root-mismatch"),
    (10, "other", "malformed-proof"),
    (10, "crafted", "root-mismatch"),
):
    add_trial(
        f"absence_of_a_present_key_cut_at_{_depth}_with_{_end}",
        f"The key exists; of its ten siblings {_depth} are kept, and {_end} is shown at the end.",
        f"INVALID map {_code}",
        lambda depth=_depth, end=_end: Given(*absence_of_a_present_key(depth, end)),
    )


def _absence_with(proof: MapProof) -> Given:
    world, evidence = honest_absence()
    return Given(replace(evidence, map_proof=proof), world.trust_root())


@trial("INVALID map root-mismatch")
def absence_with_siblings_swapped() -> Given:
    """Two siblings stand in each other's place."""
    proof = honest_absence()[1].map_proof
    first, second, *rest = proof.siblings
    return _absence_with(MapProof((second, first, *rest), proof.end))


@trial("INVALID map root-mismatch")
def absence_with_a_sibling_more() -> Given:
    """An empty sibling is added, as if the tree were deeper."""
    proof = honest_absence()[1].map_proof
    return _absence_with(MapProof((*proof.siblings, bytes(32)), None))


@trial("INVALID map root-mismatch")
def absence_from_an_empty_map_that_is_not() -> Given:
    """No siblings and nothing: only the empty map has that proof."""
    return _absence_with(MapProof((), None))


@trial("INVALID map malformed-proof")
def absence_by_a_leaf_that_stands_elsewhere() -> Given:
    """The other leaf is real and does not share the key's path."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    key = stream.key("cf", CLEAN)
    near = stream.put_near(key, 0)
    stream.put_near(key, 1)
    evidence = world.complete(ANHUI, "cf", CLEAN)
    forged = MapProof(stream.map_proof(near).siblings, (near, stream.items()[near]))
    return Given(replace(evidence, map_proof=forged), world.trust_root())


@trial("INVALID map wrong-map-proof")
def presence_claimed_with_a_proof_of_absence() -> Given:
    """A record is claimed where the map has another leaf."""
    world, evidence = honest(1)
    stream = world.stream(ANHUI)
    proof = stream.map_proof(stream.key("cf", CLEAN))
    return Given(replace(evidence, map_proof=proof), world.trust_root())


@trial("INVALID map wrong-map-proof")
def presence_claimed_with_nothing() -> Given:
    """A record is claimed where the proof ends at nothing."""
    world, evidence = honest(1)
    proof = MapProof(evidence.map_proof.siblings, None)
    return Given(replace(evidence, map_proof=proof), world.trust_root())


@trial("INVALID map root-mismatch")
def presence_with_another_value() -> Given:
    """The key's leaf is shown with the value of a longer list."""
    world, evidence = honest(1)
    assert evidence.map_proof.end is not None
    proof = MapProof(evidence.map_proof.siblings, (evidence.map_proof.end[0], b"\x05" * 32))
    return Given(replace(evidence, map_proof=proof), world.trust_root())


@trial("INVALID map malformed-proof")
def absence_claimed_with_a_proof_of_presence() -> Given:
    """Count 0 is claimed and the key's own leaf is shown."""
    world, evidence = honest(1)
    claim = replace(evidence.claim, count=0)
    return Given(replace(evidence, claim=claim, items=None, opened=()), world.trust_root())


@trial("INVALID map malformed-proof")
def count_zero_committed_in_the_map() -> Given:
    """The region puts a list of count 0 into the map and shows it as absence."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    key = stream.key("cf", COMPANY)
    stream.forced[key] = bytes(32)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    claim = replace(evidence.claim, count=0)
    return Given(replace(evidence, claim=claim, items=None, opened=()), world.trust_root())


# --- Step 9: list


def _three(**changed: object) -> Given:
    world, evidence = honest(3)
    return Given(replace(evidence, **changed), world.trust_root())  # type: ignore[arg-type]


def _pairs() -> tuple[tuple[int, bytes], ...]:
    items = honest(3)[1].items
    assert isinstance(items, WholeList)
    return items.pairs


def _claimed(count: int, pairs: tuple[tuple[int, bytes], ...]) -> Given:
    """The list and count an attacker shows; items that fell out of it are not opened either."""
    evidence = honest(3)[1]
    indices = {index for index, _ in pairs}
    return _three(
        claim=replace(evidence.claim, count=count),
        items=WholeList(pairs),
        opened=tuple(item for item in evidence.opened if item.index in indices),
    )


@trial("INVALID list root-mismatch")
def list_with_an_item_missing() -> Given:
    """Two of three records are shown as all."""
    return _claimed(2, _pairs()[:2])


@trial("INVALID list wrong-count")
def list_shorter_than_its_count() -> Given:
    """Three are claimed, two pairs are shown."""
    return _claimed(3, _pairs()[:2])


@trial("INVALID list list-not-ascending")
def list_with_an_item_doubled() -> Given:
    """A pair stands twice in the place of another."""
    first, second, _ = _pairs()
    return _claimed(3, (first, second, second))


@trial("INVALID list list-not-ascending")
def list_reordered() -> Given:
    """Two pairs stand in each other's place."""
    first, second, third = _pairs()
    return _claimed(3, (second, first, third))


@trial("INVALID list root-mismatch")
def list_with_an_index_moved() -> Given:
    """A pair carries the right leaf hash under another index."""
    first, second, (index, leaf_hash) = _pairs()
    return _claimed(3, (first, second, (index + 1, leaf_hash)))


@trial("INVALID list root-mismatch")
def list_with_another_leaf_hash() -> Given:
    """A pair carries another leaf hash."""
    first, second, (index, _) = _pairs()
    return _claimed(3, (first, second, (index, b"\x08" * 32)))


@trial("INVALID list root-mismatch")
def list_with_an_item_more() -> Given:
    """A fourth pair is added."""
    return _claimed(4, (*_pairs(), (99, b"\x08" * 32)))


@trial("INVALID list root-mismatch")
def list_of_another_subject() -> Given:
    """The list of another company is shown."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    stream.append(encode_entry(Entry(b"\x01" * 32, stream.key("cf", OTHER), "put", None)))
    other = world.stream(ANHUI).pairs("cf", OTHER)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    return Given(replace(evidence, items=WholeList(other)), world.trust_root())


@trial("INVALID list wrong-list-proof")
def complete_without_list() -> Given:
    """Three are claimed and no list is shown."""
    return _three(items=None, opened=())


@trial("INVALID list wrong-count")
def complete_with_an_empty_list() -> Given:
    """Three are claimed and the list is empty."""
    return _three(items=WholeList(()), opened=())


@trial("INVALID list wrong-list-proof")
def complete_claimed_with_a_current_proof() -> Given:
    """One of three records is shown with its path as if it were all."""
    world, evidence = honest_current()
    claim = replace(evidence.claim, kind="complete", count=1, record_id=None)
    return Given(replace(evidence, claim=claim), world.trust_root())


@trial("INVALID list wrong-list-proof")
def current_claimed_with_a_complete_proof() -> Given:
    """One record is claimed, the whole list is shown."""
    world, evidence = honest(3)
    current = honest_current()[1]
    return Given(replace(evidence, claim=current.claim), world.trust_root())


@trial("INVALID list root-mismatch")
def complete_of_one_claimed_with_the_pair_of_a_current_proof() -> Given:
    """One pair of three is shown as a list of one."""
    _, second, _ = _pairs()
    return _claimed(1, (second,))


@trial("INVALID list items-beside-absence")
def absence_beside_a_list() -> Given:
    """Nothing is claimed, and a list is shown besides."""
    world, evidence = honest_absence()
    return Given(replace(evidence, items=honest(1)[1].items), world.trust_root())


@trial("INVALID list items-beside-absence")
def absence_beside_an_empty_list() -> Given:
    """Nothing is claimed, and an empty list is shown besides."""
    world, evidence = honest_absence()
    return Given(replace(evidence, items=WholeList(())), world.trust_root())


@trial("INVALID list items-beside-absence")
def absence_beside_an_opened_item() -> Given:
    """Nothing is claimed, and a record is opened besides."""
    world, evidence = honest_absence()
    return Given(replace(evidence, opened=honest(1)[1].opened), world.trust_root())


def _current(**changed: object) -> Given:
    world, evidence = honest_current()
    assert isinstance(evidence.items, OneOfList)
    items = replace(evidence.items, **changed)  # type: ignore[arg-type]
    return Given(replace(evidence, items=items), world.trust_root())


def _current_path() -> tuple[bytes, ...]:
    items = honest_current()[1].items
    assert isinstance(items, OneOfList)
    return items.path


@trial("INVALID list wrong-position")
def current_position_not_below_count() -> Given:
    """Position 3 of a list of three."""
    return _current(position=3)


@trial("INVALID list root-mismatch")
def current_at_another_position() -> Given:
    """The second pair is shown as the first."""
    return _current(position=0)


@trial("INVALID list malformed-proof")
def current_path_too_long() -> Given:
    """The path has a hash too many."""
    return _current(path=(*_current_path(), b"\x01" * 32))


@trial("INVALID list malformed-proof")
def current_path_too_short() -> Given:
    """The path lacks its last hash."""
    return _current(path=_current_path()[:-1])


@trial("INVALID list root-mismatch")
def current_of_another_count() -> Given:
    """The list is said to have four items; the path has the same length."""
    return _current(count=4)


@trial("INVALID list root-mismatch")
def current_pair_of_another_item() -> Given:
    """Another pair is shown on this path."""
    return _current(pair=_pairs()[0])


def _forced_list(pairs: tuple[tuple[int, bytes], ...]) -> tuple[PaperWorld, Evidence]:
    """The region puts any list under the company's key, and its evidence of it."""
    world = anhui(3)
    stream = world.stream(ANHUI)
    evidence = showing(world.complete(ANHUI, "cf", COMPANY), 1)
    key = stream.key("cf", COMPANY)
    stream.forced[key] = list_value(len(pairs), list_root(pairs))
    forged = replace(
        evidence,
        claim=replace(evidence.claim, count=len(pairs)),
        map_proof=stream.map_proof(key),
        items=WholeList(pairs),
    )
    return world, re_rooted(forged, world)


@trial("INVALID list list-not-ascending")
def committed_list_out_of_order() -> Given:
    """The map itself commits to a list that is not ascending."""
    first, second, third = _pairs()
    world, evidence = _forced_list((second, first, third))
    return Given(evidence, world.trust_root())


@trial("INVALID list opening-entry-listed")
def committed_list_with_the_opening_entry() -> Given:
    """The map itself commits to a list that holds index 0."""
    world = anhui(3)
    zero = (0, world.stream(ANHUI).log.leaf_hash(0))
    world, evidence = _forced_list((zero, *_pairs()))
    return Given(evidence, world.trust_root())


@trial("INVALID list opening-entry-listed")
def current_of_the_opening_entry() -> Given:
    """A current claim shows index 0 of the log."""
    world, evidence = _forced_list(((0, b"\x01" * 32), *_pairs()))
    assert isinstance(evidence.items, WholeList)
    pairs = evidence.items.pairs
    claim = replace(honest_current()[1].claim)
    items = OneOfList(4, 0, pairs[0], list_path(pairs, 0))
    return Given(replace(evidence, claim=claim, items=items), world.trust_root())


@trial("INVALID map root-mismatch")
def list_value_without_the_region_behind_it() -> Given:
    """A list of two is made up, its value is shown, the root stays that of the region."""
    world, evidence = honest(3)
    pairs = _pairs()[:2]
    assert evidence.map_proof.end is not None
    proof = MapProof(
        evidence.map_proof.siblings,
        (evidence.map_proof.end[0], list_value(2, list_root(pairs))),
    )
    claim = replace(evidence.claim, count=2)
    forged = replace(
        evidence, claim=claim, map_proof=proof, items=WholeList(pairs), opened=evidence.opened[:2]
    )
    return Given(forged, world.trust_root())
