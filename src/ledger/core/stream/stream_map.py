"""The map of a stream in memory: map function 1 and the map's tree, kept up to date together.

For each item of a list the map keeps 72 bytes: the key, the item's log index, and the key's leaf in
the tree. Everything else follows from the log, which has the leaf hash of every index. The naive
reading of the same definitions is ``map_function.MapState`` with ``prefix_tree.root``; tests hold
one against the other.

Format: docs/formats.md, "Map function 1" and "Map".
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from ledger.core.prefix_tree import MapProof, hash_leaf
from ledger.core.stream.bucket_tree import KEY_BYTES, LEAF_AT, ROW_BYTES, BucketTree, rows_of
from ledger.core.stream.entry import parse_change
from ledger.core.stream.item_list import list_leaf, list_root, list_value
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.long_list import LongList
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.errors import MalformedProofError

LONG: Final = 64
"""A list of more items is kept beside the tree, with a tree of its own."""

_LONG_MARK: Final = b"\xff" * 8
"""Stands for the index in the one row of a long list; no log grows so far."""

_Items = list[LeafIndex] | LongList


class StreamMap:
    """The map after the first ``size`` entries of a log.

    A replay extends the log and then the map, and asks for the root where it needs one:

        log.extend([hash_leaf(entry) for entry in entries])
        stream_map.take(entries)
        stream_map.root()

    One thread changes a map. Others may read it at the same time only once nobody changes it any
    more: whoever serves a map goes on with a ``copy``.

    Args:
        log: Holds the leaf hash of every entry before the entry is taken.
        keys: How many keys to make room for.
    """

    def __init__(self, log: MerkleLog, keys: int = 0) -> None:
        self._log = log
        self._size = 0
        self._rows = 0
        self._tree = BucketTree(keys)
        self._long: dict[Hash32, LongList] = {}
        self._owned: set[Hash32] = set()
        """Keys whose long list no other map shares."""

    @property
    def size(self) -> TreeSize:
        """Entries taken, effective or not."""
        return self._size

    def copy(self) -> "StreamMap":
        """A map of its own; costs little, because the two share what neither changes."""
        other = StreamMap(self._log)
        other._size, other._rows = self._size, self._rows
        other._tree = self._tree.copy()
        other._long = self._long.copy()
        self._owned = set()
        return other

    def take(self, entries: Sequence[bytes]) -> frozenset[Hash32]:
        """Take the next entries in; the root is computed when it is asked for.

        Args:
            entries: From index ``size`` on; the log has their leaf hashes.

        Returns:
            The keys whose lists changed.

        Raises:
            MalformedProofError: The log is shorter; nothing was taken.
        """
        end = self._size + len(entries)
        if end > self._log.size:
            raise MalformedProofError(f"map: expected {end} leaf hashes, found {self._log.size}")
        changed: dict[Hash32, _Items] = {}
        for index, entry in enumerate(entries, self._size):
            # Index 0 is the opening entry: it changes nothing whatever its bytes.
            change = parse_change(entry) if index else None
            if change is not None:
                self._apply(changed, index, *change)
        self._tree.make_room(self._rows + len(changed))
        self._write(changed)
        self._size = end
        return frozenset(changed)

    def root(self) -> Hash32:
        """The root of the map; 32 zero bytes without keys."""
        return self._tree.root()

    def count(self, key: Hash32) -> int:
        """Number of items under a key."""
        rows = self._rows_of_key(key)
        if rows and rows[0][KEY_BYTES:LEAF_AT] == _LONG_MARK:
            return len(self._long[key])
        return len(rows)

    def indices(self, key: Hash32) -> tuple[LeafIndex, ...]:
        """Log indices of the items under a key, ascending; () for a key that is not in the map."""
        items = self._items(key)
        return items.indices() if isinstance(items, LongList) else tuple(items)

    def every_index(self) -> tuple[LeafIndex, ...]:
        """Log indices of the items under all keys, ascending."""
        found = [
            int.from_bytes(row[KEY_BYTES:LEAF_AT], "big")
            for bucket in self._tree.buckets()
            for row in rows_of(bucket)
            if row[KEY_BYTES:LEAF_AT] != _LONG_MARK
        ]
        for items in self._long.values():
            found += items.indices()
        return tuple(sorted(found))

    def value(self, key: Hash32) -> Hash32 | None:
        """The key's value in the map, or None for a key without items."""
        items = self._items(key)
        return self._value(items) if items else None

    def prove(self, key: Hash32) -> MapProof:
        """Prove what stands under a key: its value, or that it has none.

        To be asked after ``root``, so that nothing is left to be hashed.
        """
        if len(key) != KEY_BYTES:
            raise MalformedProofError(f"key: expected 32 bytes, found {len(key)}")
        siblings, end = self._tree.path(key)
        if end is None:
            return MapProof(tuple(siblings), None)
        return MapProof(tuple(siblings), (end, self._value(self._items(end))))

    def _apply(
        self,
        changed: dict[Hash32, _Items],
        index: LeafIndex,
        key: Hash32,
        is_put: bool,
        replaces: LeafIndex | None,
    ) -> None:
        """One entry of map function 1; what has no effect leaves ``changed`` as it is."""
        known = changed.get(key)
        items = self._items(key) if known is None else known
        if replaces is not None:
            if replaces not in items:
                return
        elif not is_put:
            return
        if known is None and isinstance(items, LongList) and key not in self._owned:
            items = items.copy()
        if replaces is not None:
            items.remove(replaces)
        if is_put:
            # The newest index is the highest, so appending keeps the list ascending.
            items.append(index)
            if len(items) > LONG and not isinstance(items, LongList):
                items = LongList(items)
        changed[key] = items

    def _write(self, changed: dict[Hash32, _Items]) -> None:
        tree = self._tree
        for place, keys in groupby(sorted(changed), key=tree.place):
            rows = rows_of(tree.bucket(place))
            before = len(rows)
            for key in keys:
                rows = [row for row in rows if not row.startswith(key)]
                rows += self._new_rows(key, changed[key])
            rows.sort()
            tree.set_bucket(place, rows)
            self._rows += len(rows) - before

    def _new_rows(self, key: Hash32, items: _Items) -> list[bytes]:
        """The rows of a key, and its long list set or dropped."""
        if isinstance(items, LongList) and len(items) > LONG:
            self._long[key] = items
            self._owned.add(key)
            return [key + _LONG_MARK + hash_leaf(key, self._value(items))]
        if self._long.pop(key, None) is not None:
            self._owned.discard(key)
        indices = items.indices() if isinstance(items, LongList) else items
        if not indices:
            return []
        leaf = hash_leaf(key, self._value(items))
        return [key + index.to_bytes(8, "big") + leaf for index in indices]

    def _value(self, items: _Items) -> Hash32:
        leaf_hash = self._log.leaf_hash
        if isinstance(items, LongList):
            return items.value(leaf_hash)
        if len(items) == 1:
            return list_value(1, list_leaf(items[0], leaf_hash(items[0])))
        return list_value(len(items), list_root([(index, leaf_hash(index)) for index in items]))

    def _items(self, key: Hash32) -> _Items:
        rows = self._rows_of_key(key)
        if rows and rows[0][KEY_BYTES:LEAF_AT] == _LONG_MARK:
            return self._long[key]
        return [int.from_bytes(row[KEY_BYTES:LEAF_AT], "big") for row in rows]

    def _rows_of_key(self, key: Hash32) -> list[bytes]:
        bucket = self._tree.bucket(self._tree.place(key))
        at = bucket.find(key)
        while at % ROW_BYTES and at > 0:
            at = bucket.find(key, at + 1)
        if at < 0:
            return []
        end = bucket.rfind(key)
        while end % ROW_BYTES:
            end = bucket.rfind(key, 0, end + KEY_BYTES - 1)
        return rows_of(bucket[at : end + ROW_BYTES])
