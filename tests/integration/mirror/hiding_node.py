"""A node that leaves one entry out of the map it anchors, and serves it all the same.

Run in place of ``python -m ledger``. LEFT_OUT is the log index that its own map does not hold.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

from ledger.cli.app import main
from ledger.core.stream import stream_map
from ledger.services.anchoring.snapshots import Snapshots
from ledger.services.mirror import copy

LEFT_OUT = int(os.environ["LEFT_OUT"])

honest_take = stream_map.StreamMap.take
honest_count = Snapshots._count


class HonestMap(stream_map.StreamMap):
    """What its mirror goes on with: it lies about its own records only."""

    take = honest_take


def take(self: stream_map.StreamMap, entries: Sequence[bytes]) -> frozenset[bytes]:
    place = LEFT_OUT - self.size
    if 0 <= place < len(entries):
        entries = [*entries[:place], b"left out", *entries[place + 1 :]]
    return honest_take(self, entries)


def count(self: Snapshots, *arguments: object) -> object:
    return replace(honest_count(self, *arguments), is_enough=True)  # type: ignore[arg-type]


copy.StreamMap = HonestMap  # type: ignore[misc]
stream_map.StreamMap.take = take  # type: ignore[method-assign]
Snapshots._count = count  # type: ignore[assignment,method-assign]

if __name__ == "__main__":
    main()
