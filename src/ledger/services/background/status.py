"""How far a node is and what went wrong last, for its operator; no identifiers, no secrets."""

from dataclasses import asdict, dataclass
from typing import Final

from ledger.services.anchoring.tally import Tally
from ledger.services.background.failures import StepError, text_of
from ledger.services.lookup.material import MAX_AHEAD_S
from ledger.services.mirror.status import MirroringStatus, SourceStatus

READY: Final = "ready"
NOT_CONFIRMED: Final = "not-confirmed"
"""A head is on chain, and too few mirrors have confirmed its map."""

__all__ = ["NOT_CONFIRMED", "READY", "StepError", "StreamStatus", "WorkerStatus"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream."""

    stream: str
    generation: int
    """Of the log that is served, or will be first."""
    size: int
    """Entries in the log and the integrated map."""
    served_size: int
    """Entries under the served snapshot."""
    pending: int | None
    """Accepted events that are not served yet; None while the store does not answer."""
    epoch: int | None
    """Epoch of the served snapshot."""
    block_number: int | None
    """Block of the served snapshot."""
    snapshot_age_s: int | None
    """Age of that block by the node's clock."""
    head_state: str | None
    """State of the newest head on its way: signed, sent, mined or anchored."""
    confirmations: Tally | None = None
    """What mirrors say of the newest head on chain; None before it was read."""
    following: int | None = None
    """The generation that is to follow it; None outside of a change."""
    carried: tuple[int, int] | None = None
    """Items put again into the next generation, and items in all; None outside of a change."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker at one moment."""

    is_running: bool
    stopped_by: StepError | None
    """The error that ended it for good: fenced, or a fatal state."""
    streams: tuple[StreamStatus, ...]
    errors: tuple[StepError, ...]
    max_age_s: int
    mirroring: MirroringStatus | None = None
    """How far this node has followed other regions; None where it mirrors nobody."""

    @property
    def mirrors(self) -> tuple[SourceStatus, ...]:
        """The other regions' streams that this node mirrors."""
        return () if self.mirroring is None else self.mirroring.sources

    @property
    def reason(self) -> str:
        """``ready``, or a stable code that says why lookups cannot be proved now."""
        if self.stopped_by is not None:
            return self.stopped_by.code
        if not self.streams:
            return "starting"
        for stream in self.streams:
            tally = stream.confirmations
            is_waiting = tally is not None and not tally.is_enough
            if stream.snapshot_age_s is None:
                return NOT_CONFIRMED if is_waiting else "no-snapshot"
            if stream.snapshot_age_s > self.max_age_s:
                return NOT_CONFIRMED if is_waiting else "snapshot-too-old"
            if stream.snapshot_age_s < -MAX_AHEAD_S:
                return "snapshot-in-the-future"
        return READY

    @property
    def is_ready(self) -> bool:
        """Whether every stream serves a fresh snapshot and the worker keeps it so."""
        return self.reason == READY

    def as_json(self) -> dict[str, object]:
        """Plain values; times in RFC 3339."""
        members = asdict(self)
        members["mirroring"] = None if self.mirroring is None else self.mirroring.as_json()
        for error in (*members["errors"], members["stopped_by"]):
            if error is not None:
                error["since"] = text_of(error["since"])
                error["at"] = text_of(error["at"])
        return {"is_ready": self.is_ready, "reason": self.reason, **members}
