"""What travels from step to step, and how a step ends other than by passing."""

from dataclasses import dataclass, field
from datetime import datetime

from ledger.core.chain.head_slots import Head
from ledger.core.evidence import Evidence
from ledger.core.headers import Header
from ledger.core.trust import Coverage, TrustRoot
from ledger.core.verify.chain_state import StreamState
from ledger.core.verify.verdict import Policy, ProvedRecord, StepState, moment_of
from ledger.errors import FatalStateError

STALE = "stale"
"""The one unknown code that, standing alone, makes a verdict STALE."""


class StepEnd(Exception):
    """Ends a step as fail, unknown or skipped; ``stops``: nothing after it can be judged."""

    def __init__(self, state: StepState, code: str, detail: str = "", *, stops: bool) -> None:
        super().__init__(code)
        self.state = state
        self.code = code
        self.detail = detail
        self.stops = stops


def failed(code: str, detail: str = "") -> StepEnd:
    """The evidence is wrong; nothing after this matters."""
    return StepEnd(StepState.FAIL, code, detail, stops=True)


def unknown(code: str, detail: str = "", *, stops: bool = False) -> StepEnd:
    """Not proved either way; later steps may still find the evidence wrong."""
    return StepEnd(StepState.UNKNOWN, code, detail, stops=stops)


def skipped(code: str) -> StepEnd:
    """Not applicable, for a reason that is part of the verdict."""
    return StepEnd(StepState.SKIPPED, code, stops=False)


@dataclass(slots=True)
class Case:
    """One verification under way: the inputs, and what the steps so far have proved."""

    evidence: Evidence
    root: TrustRoot
    header: Header
    now: datetime
    policy: Policy
    coverage: Coverage | None = None
    closed_range: bool = False
    state: StreamState | None = None
    key: bytes = b""
    value: bytes | None = None
    pairs: dict[int, bytes] = field(default_factory=dict)
    records: list[ProvedRecord] = field(default_factory=list)
    confirmed_by: int = 0
    contradicting: tuple[int, ...] = ()

    @property
    def block_time(self) -> datetime:
        """Time of block M as its proposer wrote it."""
        return moment_of(self.header.timestamp)

    @property
    def head(self) -> Head:
        """The proved head; only after step 4."""
        return self.proved_state.head

    @property
    def proved_state(self) -> StreamState:
        """What step 4 proved; asking before it has passed is a bug in the order of steps."""
        if self.state is None:
            raise FatalStateError("the head was asked for before step 4 proved it")
        return self.state
