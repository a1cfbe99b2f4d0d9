"""Steps 7 to 9: the subject's key, its place in the map, the list under it."""

from itertools import pairwise

from ledger.core import merkle, prefix_tree, vrf
from ledger.core.evidence import OneOfList, WholeList
from ledger.core.stream.item_list import list_leaf, list_root, list_value
from ledger.core.stream.map_key import alpha, map_key
from ledger.core.verify.case import Case, failed, skipped, unknown
from ledger.errors import RootMismatchError, SignatureError

MAP_FUNCTION = 1
"""The map function and hash suite of this release: replay of entries, SHA-256."""


def check_subject_key(case: Case) -> None:
    """Step 7: the VRF proof gives the key of (region, stream, record type, subject)."""
    claim, head = case.evidence.claim, case.head
    if head.map_function != MAP_FUNCTION:
        raise unknown("unsupported-map-function", f"found {head.map_function}", stops=True)
    public_key = case.root.vrf_key(claim.region, claim.stream, head.vrf_key)
    if public_key is None:
        raise unknown("vrf-key-unknown", f"generation {head.vrf_key}", stops=True)
    text = alpha(claim.region, claim.stream, claim.record_type, claim.subject)
    try:
        beta = vrf.verify(public_key, text, case.evidence.vrf_proof)
    except SignatureError as error:
        raise failed("vrf-proof", str(error)) from None
    case.key = map_key(beta)


def check_map(case: Case) -> None:
    """Step 8: the proof the claim calls for: absence for count 0, else presence of the key."""
    proof = case.evidence.map_proof
    if not case.evidence.claim.is_absence:
        # A claim of items needs the key's own leaf; what stands there is believed only because
        # the root follows from it.
        if proof.end is None or proof.end[0] != case.key:
            raise failed("wrong-map-proof", "expected the key's leaf at the end of the proof")
        case.value = proof.end[1]
    prefix_tree.verify(root=case.head.map_root, key=case.key, value=case.value, proof=proof)


def check_list(case: Case) -> None:
    """Step 9: the list shown is the whole list (complete) or holds the item (current)."""
    claim, items = case.evidence.claim, case.evidence.items
    if claim.is_absence:
        if items is not None or case.evidence.opened:
            raise failed("items-beside-absence", "expected no list and no opened items")
        raise skipped("nothing-to-check")
    if claim.count is not None:
        if not isinstance(items, WholeList):
            raise failed("wrong-list-proof", "a complete claim needs every pair")
        case.pairs = _whole_list(case, items, claim.count)
    else:
        if not isinstance(items, OneOfList):
            raise failed("wrong-list-proof", "a current claim needs one pair with its path")
        case.pairs = _one_of_list(case, items)
    if 0 in case.pairs:
        raise failed("opening-entry-listed", "index 0 changes nothing in the map")


def _whole_list(case: Case, items: WholeList, count: int) -> dict[int, bytes]:
    if len(items.pairs) != count:
        raise failed("wrong-count", f"expected {count} pairs, found {len(items.pairs)}")
    indices = [index for index, _ in items.pairs]
    if any(left >= right for left, right in pairwise(indices)):
        raise failed("list-not-ascending", "expected strictly ascending indices")
    _require_value(case, list_value(count, list_root(items.pairs)))
    return dict(items.pairs)


def _one_of_list(case: Case, items: OneOfList) -> dict[int, bytes]:
    if items.position >= items.count:
        raise failed("wrong-position", f"expected below {items.count}, found {items.position}")
    root = merkle.root_from_path(
        leaf_hash=list_leaf(*items.pair),
        index=items.position,
        tree_size=items.count,
        path=items.path,
    )
    _require_value(case, list_value(items.count, root))
    return dict([items.pair])


def _require_value(case: Case, computed: bytes) -> None:
    if case.value is None or computed != case.value:
        raise RootMismatchError(expected=case.value or b"", computed=computed)
