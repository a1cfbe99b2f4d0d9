"""Where a subject stands in the map: VRF proofs and keys, made once and remembered.

Lookups need the proof, publishing only the key, which takes a third of the time.

A VRF secret belongs to one stream and generation and is used for nothing else.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

from ledger.core import vrf
from ledger.core.stream.map_key import alpha, map_key
from ledger.core.types import Hash32
from ledger.services.stored import StreamLog

REMEMBERED: Final = 65_536
"""Proofs kept in memory, about 400 bytes each, and as many map keys, about 300 bytes each."""


T = TypeVar("T")

_Name = tuple[StreamLog, str, str]
"""Log, record type and subject."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A place in the map and the proof that it is the subject's."""

    vrf_proof: bytes
    """80 bytes."""
    map_key: Hash32


class SubjectKeys:
    """Derives map keys; safe for use by many threads.

    Args:
        region: GB/T 2260 code, six digits.
        secrets: VRF seed of each log whose keys can be derived, 32 bytes.
        remembered: How many proofs, and how many map keys, are kept.
    """

    def __init__(
        self, *, region: str, secrets: Mapping[StreamLog, bytes], remembered: int = REMEMBERED
    ) -> None:
        self._region = region
        self._provers = {log: vrf.Prover(secret) for log, secret in secrets.items()}
        self._remembered = remembered
        self._known: OrderedDict[_Name, SubjectKey] = OrderedDict()
        self._map_keys: OrderedDict[_Name, Hash32] = OrderedDict()
        self._lock = Lock()

    @property
    def logs(self) -> tuple[StreamLog, ...]:
        """The logs whose secrets are here, in order."""
        return tuple(sorted(self._provers))

    def public_key(self, log: StreamLog) -> Hash32:
        """The VRF public key of a log, 32 bytes."""
        return self._provers[log].public_key

    def can_derive(self, log: StreamLog) -> bool:
        """Whether the secret of a log is here."""
        return log in self._provers

    def key_of(self, log: StreamLog, record_type: str, subject: str) -> SubjectKey:
        """The map key of a subject with its VRF proof.

        Raises:
            MalformedRecordError: A part breaks its grammar.
        """
        name = (log, record_type, subject)
        known = self._remembered_as(self._known, name)
        if known is not None:
            return known
        # Outside the lock: a proof takes 0.4 ms, and making one twice does no harm.
        message = alpha(self._region, log.stream, record_type, subject)
        proof, beta = self._provers[log].prove_and_evaluate(message)
        key = SubjectKey(vrf_proof=proof, map_key=map_key(beta))
        return self._remember(self._known, name, key)

    def map_key_of(self, log: StreamLog, record_type: str, subject: str) -> Hash32:
        """The map key of a subject, 32 bytes, without a proof.

        Raises:
            MalformedRecordError: A part breaks its grammar.
        """
        name = (log, record_type, subject)
        known = self._remembered_as(self._map_keys, name)
        if known is not None:
            return known
        message = alpha(self._region, log.stream, record_type, subject)
        key = map_key(self._provers[log].evaluate(message))
        return self._remember(self._map_keys, name, key)

    def _remembered_as(self, known: OrderedDict[_Name, T], name: _Name) -> T | None:
        with self._lock:
            found = known.get(name)
            if found is not None:
                known.move_to_end(name)
            return found

    def _remember(self, known: OrderedDict[_Name, T], name: _Name, key: T) -> T:
        with self._lock:
            known[name] = key
            if len(known) > self._remembered:
                known.popitem(last=False)
        return key
