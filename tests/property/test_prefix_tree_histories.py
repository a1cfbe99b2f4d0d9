"""A tree kept up to date equals the tree of its items, whatever happened to it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.prefix_tree import PrefixTree, prove, root, verify

# Keys made to collide: they share long prefixes, so that subtrees appear and collapse.
KEYS = st.builds(
    lambda head, zeros, tail: (head + bytes(zeros) + tail + bytes(32))[:32],
    st.sampled_from([b"", b"\x00", b"\x80", b"\xff\x01"]),
    st.sampled_from([0, 1, 2, 3, 4, 20, 29]),
    st.binary(max_size=3),
)
VALUES = st.sampled_from([bytes([number]) * 32 for number in range(1, 4)])
CHANGES = st.dictionaries(KEYS, st.none() | VALUES, max_size=20)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=60), st.lists(CHANGES, max_size=5), st.lists(KEYS))
def test_tree_after_any_history_equals_the_pure_functions(items, history, asked):
    tree = PrefixTree(items)
    for changes in history:
        tree.update(changes)
        items = {key: value for key, value in (items | changes).items() if value is not None}
        assert (len(tree), tree.root()) == (len(items), root(items))
    for key in [*asked, *items]:
        proof = tree.prove(key)
        assert proof == prove(items, key)
        assert tree.get(key) == items.get(key)
        verify(root=root(items), key=key, value=items.get(key), proof=proof)
