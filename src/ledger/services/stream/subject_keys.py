"""Where a subject stands in the map: VRF proofs and keys, made once and remembered.

A VRF secret belongs to one stream and generation and is used for nothing else.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from ledger.core import vrf
from ledger.core.stream.map_key import alpha, map_key
from ledger.core.types import Hash32

REMEMBERED: Final = 65_536
"""Proofs kept in memory, about 400 bytes each."""


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
        secrets: VRF seed of each stream, 32 bytes.
        remembered: How many proofs are kept.
    """

    def __init__(
        self, *, region: str, secrets: Mapping[str, bytes], remembered: int = REMEMBERED
    ) -> None:
        self._region = region
        self._secrets = dict(secrets)
        self._remembered = remembered
        self._known: OrderedDict[tuple[str, str, str], SubjectKey] = OrderedDict()
        self._lock = Lock()

    def public_key(self, stream: str) -> Hash32:
        """The VRF public key of a stream, 32 bytes."""
        return vrf.public_key(self._secrets[stream])

    def key_of(self, stream: str, record_type: str, subject: str) -> SubjectKey:
        """The map key of a subject with its VRF proof.

        Raises:
            MalformedRecordError: A part breaks its grammar.
        """
        name = (stream, record_type, subject)
        with self._lock:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
                return known
        # Outside the lock: a proof takes 0.4 ms, and making one twice does no harm.
        message = alpha(self._region, stream, record_type, subject)
        proof = vrf.prove(self._secrets[stream], message)
        key = SubjectKey(vrf_proof=proof, map_key=map_key(vrf.output(proof)))
        with self._lock:
            self._known[name] = key
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return key
