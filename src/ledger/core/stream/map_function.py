"""Map function 1: from the entries of a log to the list under each key.

Total and deterministic: whatever bytes an entry has, every replay agrees. An entry that cannot take
effect stays in the log and changes nothing. This is the plain reading of the definition, one list a
key; whoever keeps a map of many keys, a node or a mirror, keeps a ``stream_map.StreamMap``, which
takes a third of the memory and hashes only what changes. Format: docs/formats.md, "Map function 1".
"""

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter

from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import DROP, PUT, parse_entry
from ledger.core.stream.item_list import list_root, list_value
from ledger.core.types import Hash32, LeafIndex
from ledger.errors import MalformedRecordError

_log_index = itemgetter(0)


class MapState:
    """The items in force under each key, after the entries applied so far.

    Attributes:
        lists: Key -> (log index, leaf hash) of each item, ascending; no key has an empty list.
    """

    def __init__(self) -> None:
        self.lists: dict[Hash32, list[tuple[LeafIndex, Hash32]]] = {}

    def apply(self, index: LeafIndex, entry: bytes) -> Hash32 | None:
        """Apply the entry at an index; indices come in ascending order.

        Returns:
            The key whose list changed, or None for the opening entry and for an ineffective one.
        """
        if index == 0:
            return None
        try:
            parsed = parse_entry(entry)
        except MalformedRecordError:
            return None
        items = self.lists.get(parsed.key, [])
        if parsed.replaces is not None:
            # Lists ascend, so even a list of millions costs a mirror no search.
            position = bisect_left(items, parsed.replaces, key=_log_index)
            if position == len(items) or items[position][0] != parsed.replaces:
                return None
            del items[position]
        elif parsed.op == DROP:
            return None
        if parsed.op == PUT:
            # The newest index is the highest, so appending keeps the list ascending.
            items.append((index, hash_leaf(entry)))
        if items:
            self.lists[parsed.key] = items
        else:
            del self.lists[parsed.key]
        return parsed.key

    def value(self, key: Hash32) -> Hash32 | None:
        """The key's value in the map, or None for a key without items."""
        items = self.lists.get(key)
        return None if items is None else list_value(len(items), list_root(items))


def replay(entries: Iterable[bytes]) -> MapState:
    """The state after all entries of a log, from index 0."""
    state = MapState()
    for index, entry in enumerate(entries):
        state.apply(index, entry)
    return state
