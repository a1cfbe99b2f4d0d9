"""How far an event has come, from acceptance to the proof that it is under."""

from ledger.core.types import LeafIndex
from ledger.services.publication.report import State
from ledger.services.stored import StreamLog
from ledger.services.stream.streams import NodeStreams


def state_of(streams: NodeStreams, log: StreamLog, index: LeafIndex | None) -> State:
    """The state of an event.

    Args:
        streams: The node's streams.
        log: The log that it was accepted for.
        index: Its place there; None before it has one.
    """
    if index is None:
        return State.ACCEPTED
    stream = streams.get(log.stream)
    if stream is None:
        return State.SEQUENCED
    sizes = stream.sizes_of(log)
    if index < sizes.served:
        return State.CONFIRMED
    if index < sizes.anchored:
        return State.ANCHORED
    return State.INTEGRATED if index < sizes.integrated else State.SEQUENCED
