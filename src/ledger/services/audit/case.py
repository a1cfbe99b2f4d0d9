"""What every check of an audit is given: the database, what must be true, where to tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ledger.core.trust import TrustRoot
from ledger.services.audit.report import Findings
from ledger.services.ports import Chain
from ledger.services.ports.inspection import Inspection
from ledger.services.ports.transactions import TransactionReader
from ledger.services.publication.identity import RecordIdentity
from ledger.services.stored import StreamLog

R = TypeVar("R", bound=tuple[Any, ...])
T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with (check, rows done, rows in all)."""

EVERY: Final = 256
"""Rows between two calls of ``Progress``."""

MapKeyOf = Callable[[StreamLog, str, str], bytes]
"""(log, record type, subject) -> map key."""


@dataclass(frozen=True, slots=True, eq=False)
class NodeIdentity:
    """What must be true of a node's database, from its settings, keys and trust root.

    Attributes:
        region: GB/T 2260 code, six digits.
        trust_root: What the node verifies against.
        generations: Newest generation of each of its streams.
        vrf_public_keys: VRF public key of each of its logs whose secret is here.
        map_key_of: Derives map keys with the node's secrets.
        records: Derives natural keys and content digests with the node's secret.
        anchor_addresses: Addresses of the keys that may have anchored, 20 bytes each.
    """

    region: str
    trust_root: TrustRoot
    generations: Mapping[str, int]
    vrf_public_keys: Mapping[StreamLog, bytes]
    map_key_of: MapKeyOf
    records: RecordIdentity
    anchor_addresses: frozenset[bytes]

    def has_log(self, log: StreamLog) -> bool:
        """Whether a log can be one of its own."""
        return 0 < log.generation <= self.generations.get(log.stream, 0)

    def is_newest(self, log: StreamLog) -> bool:
        """Whether no generation of the stream is newer."""
        return self.generations.get(log.stream) == log.generation


class Memory:
    """Remembers the answers of functions that depend on their arguments alone.

    For audits of one database again and again; a single audit asks nothing twice.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def of(self, function: Callable[..., T], *arguments: Any) -> T:
        """The answer of ``function`` to ``arguments``; what it raises is raised each time."""
        key = (function, *arguments)
        if key not in self._known:
            self._known[key] = function(*arguments)
        answer: T = self._known[key]
        return answer


class NoMemory(Memory):
    """Asks every time."""

    def of(self, function: Callable[..., T], *arguments: Any) -> T:
        """The answer of ``function``."""
        return function(*arguments)


@dataclass(slots=True)
class Case:
    """One audit under way."""

    inspection: Inspection
    node: NodeIdentity
    transactions: TransactionReader
    chain: Chain | None
    is_quick: bool
    memory: Memory
    progress: Progress | None
    findings: Findings = field(default_factory=Findings)
    rows: dict[str, int] = field(default_factory=dict)

    def read(self, kind: type[R], table: str | None = None) -> Iterator[R]:
        """Rows of a kind; faults become findings, and rows of ``table`` are counted and told."""
        total = self.inspection.count(kind) if table and self.progress is not None else 0
        done = 0
        for done, row in enumerate(self.inspection.read(kind, self.findings.fault), 1):
            if table and self.progress is not None and done % EVERY == 0:
                self.progress(table, done, total)
            yield row
        if table:
            self.rows[table] = done
            if self.progress is not None:
                self.progress(table, total, total)
