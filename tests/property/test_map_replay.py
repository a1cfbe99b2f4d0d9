"""Map function 1 against a naive reading of its definition, on logs made to collide."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import PrefixTree, root
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.map_function import MapState, replay

KEYS = [bytes([number]) * 32 for number in range(3)]
ENTRIES = st.builds(
    lambda key, op, replaces: encode_entry(Entry(bytes(32), key, op, replaces)),
    st.sampled_from(KEYS),
    st.sampled_from(["put", "put", "drop"]),
    st.none() | st.integers(0, 30),
) | st.binary(max_size=8)
LOGS = st.lists(ENTRIES, max_size=30)


def naive(log):
    """The definition, with JSON instead of a grammar and rebuilt lists instead of positions."""
    lists = {}
    for index, data in enumerate(log):
        try:
            entry = json.loads(data)
            key, op, replaces = bytes.fromhex(entry["key"]), entry["op"], entry["replaces"]
        except (ValueError, TypeError):
            continue
        items = lists.get(key, [])
        known = [item for item in items if item[0] == replaces]
        if index == 0 or (replaces is not None and not known) or (op == "drop" and not known):
            continue
        items = [item for item in items if item not in known]
        lists[key] = items + ([(index, hash_leaf(data))] if op == "put" else [])
    return {key: items for key, items in lists.items() if items}


@given(LOGS)
def test_replay_any_log_equals_the_definition(log):
    assert replay(log).lists == naive(log)


@given(LOGS)
def test_apply_names_exactly_the_keys_whose_value_changes(log):
    state = MapState()
    for index, data in enumerate(log):
        before = {key: state.value(key) for key in KEYS}
        changed = state.apply(index, data)
        after = {key: state.value(key) for key in KEYS}
        assert [key for key in KEYS if before[key] != after[key]] == ([changed] if changed else [])


@given(LOGS, st.integers(1, 7))
def test_map_root_is_the_same_however_the_log_is_cut_into_batches(log, batch):
    state, tree = MapState(), PrefixTree()
    for start in range(0, len(log), batch):
        changed = {state.apply(i, log[i]) for i in range(start, min(start + batch, len(log)))}
        tree.update({key: state.value(key) for key in changed - {None}})
    whole = replay(log)
    assert tree.root() == root({key: whole.value(key) for key in whole.lists})
