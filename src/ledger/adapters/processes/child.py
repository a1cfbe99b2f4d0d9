"""A helper process: reads slices of files and prepares their puts until its pipe is closed.

It is started by the node, holds the node's secrets in memory as the node does, draws its random
bytes from the system, opens no file and no connection. When the node ends in whatever way, its end
of the pipe is closed and the helper ends as well; the node alone is told to stop.
"""

import os
import secrets
import signal
import sys
from dataclasses import replace
from typing import Any, Final

from ledger.adapters.processes.frames import (
    READ,
    Tools,
    pack,
    pack_puts,
    pack_read,
    read_frame,
    unpack,
    unpack_records,
    unpack_rows,
    write_frame,
)
from ledger.services.publication.events import EventMaker
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.slices import OwnWorkshop
from ledger.services.stream.subject_keys import SubjectKeys

NICENESS: Final = 5
"""Lookups and the node's other work go first where processors are few."""


def main() -> None:
    """Serve the node at the other end of standard input and output."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    os.nice(NICENESS)
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may get between the frames
    tools = read_frame(requests)
    if tools is None:
        return
    workshop = _make_workshop(unpack(tools))
    while (frame := read_frame(requests)) is not None:
        write_frame(replies, _work(workshop, frame))


def _make_workshop(tools: Tools) -> OwnWorkshop:
    keys = SubjectKeys(region=tools.region, secrets=tools.vrf_secrets)
    return OwnWorkshop(
        region=tools.region,
        identity=RecordIdentity(region=tools.region, node_key=tools.node_key),
        maker=EventMaker(region=tools.region, keys=keys, entropy=secrets.token_bytes),
    )


def _work(workshop: OwnWorkshop, frame: bytes) -> bytes:
    kind, todo = unpack(frame)
    result: Any = None
    try:
        if kind == READ:
            result = pack_read(workshop.read_slice(unpack_rows(todo)))
        else:
            records = unpack_records(todo.records)
            result = pack_puts(workshop.prepare_slice(replace(todo, records=records)))
    except Exception:
        # Whatever it is, the node meets it when it does this slice itself, and tells of it there.
        return pack((False, None))
    return pack((True, result))


if __name__ == "__main__":
    main()
