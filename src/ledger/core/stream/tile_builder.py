"""Building every hash tile of a log from its leaf hashes, in memory of one tile a level.

Source: c2sp.org/tlog-tiles.
"""

from collections.abc import Iterator, Sequence

from ledger.core.merkle import root_hash
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.tiles import TILE_WIDTH, Tile
from ledger.core.types import Hash32, TreeSize


class TileBuilder:
    """Takes leaf hashes in order and gives out tiles as they get full.

    ``_open[L]`` holds the hashes of the unfinished tile of level L, ``_done[L]`` how many of that
    level are full. A partial tile is never hashed into the level above.
    """

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._open: list[list[Hash32]] = [[]]
        self._done: list[int] = [0]

    @property
    def size(self) -> TreeSize:
        """Leaf hashes taken."""
        return self._frontier.size

    @property
    def root(self) -> Hash32:
        """The root of the leaf hashes taken."""
        return self._frontier.root()

    def take(self, leaf_hashes: Sequence[Hash32]) -> Iterator[tuple[Tile, bytes]]:
        """Append leaf hashes, 32 bytes each; gives each tile that they make full.

        The hashes are taken as the tiles are read: read them all.
        """
        self._frontier.extend(leaf_hashes)
        for leaf_hash in leaf_hashes:
            yield from self._add(0, leaf_hash)

    def unfinished(self) -> Iterator[tuple[Tile, bytes]]:
        """The partial tiles that a tree of the present size has."""
        for level, hashes in enumerate(self._open):
            if hashes:
                yield Tile(level, self._done[level], len(hashes)), b"".join(hashes)

    def _add(self, level: int, node: Hash32) -> Iterator[tuple[Tile, bytes]]:
        if level == len(self._open):
            self._open.append([])
            self._done.append(0)
        hashes = self._open[level]
        hashes.append(node)
        if len(hashes) == TILE_WIDTH:
            yield Tile(level, self._done[level]), b"".join(hashes)
            self._open[level] = []
            self._done[level] += 1
            yield from self._add(level + 1, root_hash(hashes))
