"""Sealed headers from many endpoints: the newest, any older one, and two at one height.

A header counts for its seals alone. Two sealed headers at one height mean that more than a third of
the validators signed both: the chain is broken, both are kept as the proof, and nothing is read any
more.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium.endpoints import Endpoints
from ledger.core.headers import Header, parse_header, verify_qbft
from ledger.core.trust import TrustRoot
from ledger.core.types import Hash32
from ledger.errors import (
    ChainForkedError,
    ChainUnavailableError,
    InputError,
    VerificationError,
)

REMEMBERED: Final = 1_024
"""Sealed headers kept to compare with: about a quarter of an hour."""

FRESH_S: Final = 0.2
"""So long the newest header is given without asking again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A header whose seals were checked."""

    number: int
    block_hash: Hash32
    rlp: bytes
    header: Header


@dataclass(frozen=True, slots=True)
class Fork:
    """Two sealed headers of one height: the proof that validators signed both."""

    first: Sealed
    second: Sealed

    def as_json(self) -> bytes:
        """Both headers, for anybody to verify."""
        headers = [
            {"block_hash": "0x" + one.block_hash.hex(), "header": one.rlp.hex()}
            for one in (self.first, self.second)
        ]
        return json.dumps({"block_number": self.first.number, "headers": headers}).encode()


class SealedHeaders:
    """The chain's headers as its validators sealed them; safe for use by many threads.

    Args:
        endpoints: Where headers come from.
        trust_root: Whose seals count.
        floor: A height that this node has seen sealed before: less is stale.
        on_fork: Told of two sealed headers at one height, once.
    """

    def __init__(
        self,
        endpoints: Endpoints[EvmChain],
        trust_root: TrustRoot,
        *,
        floor: int = 0,
        on_fork: Callable[[Fork], None],
    ) -> None:
        self._endpoints = endpoints
        self._trust_root = trust_root
        self._floor = floor
        self._on_fork = on_fork
        self._known: dict[int, Sealed] = {}
        self._newest: Sealed | None = None
        self._asked_at = -FRESH_S
        self._fork: Fork | None = None
        self._lock = Lock()

    def newest(self) -> Sealed:
        """The highest sealed header that any endpoint has; never lower than one seen before.

        Raises:
            ChainUnavailableError: No endpoint gives one, or all of them stand behind what was seen.
            ChainForkedError: The validators sealed two blocks at one height.
        """
        with self._lock:
            self._require_one_chain()
            newest = self._newest
            if newest is not None and time.monotonic() - self._asked_at < FRESH_S:
                return newest
        told = self._endpoints.ask_all(lambda chain: self._fetch(chain, None))
        for one in told:
            if one.value is not None:
                self._learn(one.value)
        with self._lock:
            self._require_one_chain()
            self._asked_at = time.monotonic()
            found = [one.value for one in told if one.value is not None]
            if not found:
                words = "; ".join(f"{one.number}: {one.error}" for one in told)
                raise ChainUnavailableError(f"no validator gives a sealed header ({words})")
            highest = max(found, key=lambda one: one.number)
            floor = self._floor if self._newest is None else self._newest.number
            if highest.number < floor:
                raise ChainUnavailableError(
                    f"stale: expected block {floor} or later, found {highest.number}"
                )
            self._newest = highest
            return highest

    def at(self, number: int) -> Sealed:
        """The sealed header of a height.

        Raises:
            ChainUnavailableError: No endpoint gives it.
            ChainForkedError: The validators sealed two blocks at one height.
        """
        with self._lock:
            self._require_one_chain()
            known = self._known.get(number)
        if known is not None:
            return known
        found = self._endpoints.ask_until(lambda chain: self._fetch(chain, number))
        self._learn(found)
        with self._lock:
            self._require_one_chain()
        return found

    def _fetch(self, chain: EvmChain, number: int | None) -> Sealed:
        wanted = chain.latest_block() if number is None else number
        reported, rlp = chain.fetch_header(wanted)
        try:
            trusted = self._trust_root.validators_at(wanted)
            if trusted is None:
                raise ChainUnavailableError(f"block {wanted}: the trust root knows no validators")
            sealed = verify_qbft(rlp, trusted.addresses)
        except (VerificationError, InputError) as error:
            raise ChainUnavailableError(f"block {wanted}: {error}") from None
        if sealed.block_hash != reported:
            raise ChainUnavailableError(f"block {wanted}: another hash than it goes by")
        return Sealed(sealed.number, sealed.block_hash, rlp, parse_header(rlp))

    def _learn(self, sealed: Sealed) -> None:
        with self._lock:
            known = self._known.setdefault(sealed.number, sealed)
            if known.block_hash == sealed.block_hash or self._fork is not None:
                while len(self._known) > REMEMBERED:
                    del self._known[min(self._known)]
                return
            fork = self._fork = Fork(known, sealed)
        log.critical("ALARM: two sealed blocks at height %d", sealed.number)
        self._on_fork(fork)

    def _require_one_chain(self) -> None:
        if self._fork is not None:
            first, second = self._fork.first, self._fork.second
            raise ChainForkedError(
                f"block {first.number}: validators sealed {first.block_hash.hex()} and"
                f" {second.block_hash.hex()}"
            )
