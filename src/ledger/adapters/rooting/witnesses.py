"""Headers as a majority of the validators gives them, before there is anything to verify them by.

A header is taken where more than half of the validators say the same hash at its height and one of
them gives bytes that hash to it and carry the seals of two thirds of the set that they list. Whose
set it is, the ranges of a trust root say.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.consortium.endpoints import Endpoints
from ledger.core.chain import qbft
from ledger.core.headers import Header, chain_hash, parse_header, verify_qbft
from ledger.core.trust.ranges import Ballot, ListedBlock
from ledger.core.types import Hash32
from ledger.errors import (
    ChainUnavailableError,
    GovernanceError,
    VerificationError,
)

TRIES: Final = 4
PAUSE_S: Final = 1.0
"""Between two tries: an endpoint may be a block behind."""

MAX_AGE_S: Final = 300
"""Oldest newest block: one that lies about its height could show the past as the present."""

FIELD_OF_PROPOSER: Final = 2
"""Position of ``miner`` among the fields of a header."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A block that a majority of the validators has."""

    listed: ListedBlock
    header: Header


class Witnesses:
    """The endpoints of a chain's validators; a context.

    Args:
        urls: Where they answer.
        chain_id: The chain that is expected there.
        validators: How many seal the chain, as far as is known beforehand; 0 on a development
            chain, whose only endpoint is believed.

    Raises:
        GovernanceError: There are not so many endpoints as a majority needs.
    """

    def __init__(self, urls: Sequence[str], *, chain_id: int, validators: int) -> None:
        # Not the file's word alone: it may know of fewer validators than there are.
        needed = max(validators, len(urls)) // 2 + 1 if validators else 1
        require_distinct(urls)
        if len(urls) < needed:
            raise GovernanceError(
                "witnesses",
                f"rpc_urls: expected the endpoints of {needed} of {validators} validators,"
                f" found {len(urls)}",
            )
        self._needed = needed
        self._is_sealed = validators > 0
        clients = [EvmClient(url, chain_id=chain_id) for url in urls]
        self.endpoints = Endpoints(clients, needed=needed)
        self._known: dict[int, Witnessed] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoints.close()

    def require_genesis(self, expected: Hash32) -> None:
        """Check that this is the chain that somebody means.

        Raises:
            GovernanceError: It has another block 0.
            ChainUnavailableError: There is no majority for any.
        """
        found = self.genesis_hash()
        if found != expected:
            raise GovernanceError(
                "genesis", f"genesis: expected 0x{expected.hex()}, the chain has 0x{found.hex()}"
            )

    def genesis_hash(self) -> Hash32:
        """Hash of block 0, as a majority says it.

        Raises:
            ChainUnavailableError: There is no majority for any.
        """
        return self.agreed("genesis", lambda client: client.genesis_hash())

    def newest(self) -> Witnessed:
        """The highest block that a majority has.

        Raises:
            ChainUnavailableError: There is no majority for any, or the newest one is old: one of
                those who answer tells less than there is, or the chain stands.
            VerificationError: Too few seals.
        """

        def height() -> int:
            told = self.endpoints.ask_all(lambda client: client.latest_block())
            heights = sorted((one.value for one in told if one.value is not None), reverse=True)
            if len(heights) < self._needed:
                causes = "; ".join(str(one.error) for one in told if one.error is not None)
                raise ChainUnavailableError(
                    f"height: expected {self._needed} validators to answer, {len(heights)} did:"
                    f" {causes}"
                )
            return heights[self._needed - 1]

        found = self.at(patiently(height))
        age = time.time() - found.listed.timestamp
        if self._is_sealed and age > MAX_AGE_S:
            raise ChainUnavailableError(
                f"block {found.listed.number}: expected one of the last {MAX_AGE_S} s, this one is"
                f" {age:.0f} s old"
            )
        if self._is_sealed and len(found.listed.validators) // 2 + 1 > self._needed:
            raise GovernanceError(
                "witnesses",
                f"validators: expected at most {2 * self._needed - 1}, the chain lists"
                f" {len(found.listed.validators)}; name the endpoints of more of them",
            )
        return found

    def at(self, number: int) -> Witnessed:
        """A block by its height.

        Raises:
            ChainUnavailableError: There is no majority for any.
            VerificationError: Too few seals.
        """
        if number not in self._known:
            agreed = self.agreed(f"block {number}", lambda client: client.fetch_header(number)[0])
            self._known[number] = self.endpoints.ask_until(
                lambda client: self._check(client.fetch_header(number), agreed)
            )
        return self._known[number]

    def listed(self, number: int) -> ListedBlock:
        """The same, as ``find_ranges`` wants it."""
        return self.at(number).listed

    def ballot(self, number: int, block_hash: Hash32) -> tuple[Ballot, Hash32]:
        """What a block of a known hash says of candidates, and the hash of its parent.

        Args:
            number: Its height.
            block_hash: Of the block; for bytes that have it one endpoint is enough.

        Raises:
            ChainUnavailableError: No endpoint gives them.
        """

        def question(client: EvmClient) -> tuple[Ballot, Hash32]:
            header = parse_header(client.fetch_header(number)[1])
            if chain_hash(header) != block_hash:
                raise ChainUnavailableError(f"block {number}: it has another block")
            vote = qbft.parse_extra(header.extra_data).vote
            return Ballot(header.fields[FIELD_OF_PROPOSER], vote), header.parent_hash

        return self.endpoints.ask_until(question)

    def agreed(self, what: str, question: Callable[[EvmClient], Answer]) -> Answer:
        """What a majority says alike; tried again for a while.

        Raises:
            ChainUnavailableError: There is no majority.
        """
        return patiently(lambda: self.endpoints.agreed(what, question))

    def _check(self, fetched: tuple[Hash32, bytes], agreed: Hash32) -> Witnessed:
        reported, rlp = fetched
        if reported != agreed:
            raise ChainUnavailableError("it has another block than the majority")
        header = parse_header(rlp)
        validators: frozenset[bytes] = frozenset()
        if not self._is_sealed and header.mix_hash == qbft.MIX_HASH:
            raise GovernanceError(
                "witnesses", "validators: expected those of a sealed chain, the file names none"
            )
        if self._is_sealed:
            validators = frozenset(qbft.parse_extra(header.extra_data).validators)
            # Block 0 is nobody's proposal and has no seals.
            if header.number and verify_qbft(rlp, validators).block_hash != reported:
                raise VerificationError(f"block {header.number}: another hash than it goes by")
        listed = ListedBlock(header.number, reported, header.timestamp, validators)
        return Witnessed(listed, header)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask again for a while, where the chain is not available; the last refusal is raised."""
    for _ in range(TRIES - 1):
        try:
            return ask()
        except ChainUnavailableError:
            time.sleep(PAUSE_S)
    return ask()


def require_distinct(urls: Sequence[str]) -> None:
    """Refuse an endpoint that would count twice.

    Raises:
        GovernanceError: One is named twice.
    """
    if len(set(urls)) != len(urls):
        raise GovernanceError("witnesses", "rpc_urls: expected each endpoint once, found one twice")
