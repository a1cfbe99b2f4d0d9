"""How far mirroring is and what it found, for the operator."""

from dataclasses import asdict, dataclass

from ledger.core.chain.head_slots import CONTRADICTION
from ledger.services.background.failures import StepError, text_of
from ledger.services.mirror.alarms import Alarm


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One region's stream, as far as this node has followed it."""

    region: str
    stream: str
    vrf_key: int | None
    """Generation of the copy."""
    size: int
    """Entries in the copy."""
    head_size: int | None
    """Entries under the region's newest head on chain."""
    head_epoch: int | None
    lane: int
    """What this mirror has said on chain: an epoch, an epoch + 2^63, or 0."""
    alarm: Alarm | None
    error: StepError | None

    @property
    def word(self) -> str:
        """``no-head``, ``behind``, ``confirmed`` or ``contradicted``."""
        if self.head_epoch is None:
            return "no-head"
        if self.lane == self.head_epoch:
            return "confirmed"
        return "contradicted" if self.lane == self.head_epoch + CONTRADICTION else "behind"

    @property
    def lag(self) -> int | None:
        """Entries that are anchored and not in the copy; None while no head is known."""
        return None if self.head_size is None else max(0, self.head_size - self.size)

    @property
    def is_alarmed(self) -> bool:
        """Whether an alarm stands."""
        return self.alarm is not None

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        members = asdict(self)
        del members["lane"]
        members["state"] = self.word
        if self.alarm is not None:
            members["alarm"]["since"] = text_of(self.alarm.since)
        if self.error is not None:
            members["error"]["since"] = text_of(self.error.since)
            members["error"]["at"] = text_of(self.error.at)
        return members


@dataclass(frozen=True, slots=True)
class MirroringStatus:
    """All mirroring of one node at one moment."""

    is_running: bool
    number: int | None
    """The mirror's own number on chain; None while it is not known."""
    stopped_by: StepError | None
    sources: tuple[SourceStatus, ...]
    errors: tuple[StepError, ...]
    """Of reading the chain or sending to it."""

    @property
    def alarms(self) -> tuple[SourceStatus, ...]:
        """The streams that an alarm stands for."""
        return tuple(one for one in self.sources if one.is_alarmed)

    def as_json(self) -> dict[str, object]:
        """Plain values; times in RFC 3339."""
        return {
            "is_running": self.is_running,
            "number": self.number,
            "stopped_by": _error(self.stopped_by),
            "errors": [_error(one) for one in self.errors],
            "alarms": [
                {"region": one.region, "stream": one.stream, "code": one.alarm.code}
                for one in self.alarms
                if one.alarm is not None
            ],
            "sources": [one.as_json() for one in self.sources],
        }


def _error(error: StepError | None) -> dict[str, object] | None:
    if error is None:
        return None
    return asdict(error) | {"since": text_of(error.since), "at": text_of(error.at)}
