"""Who seals a chain of which nothing is known yet, as a majority says it and seals bear it out."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.consortium.endpoints import Endpoints
from ledger.adapters.rooting.witnesses import Witnesses, patiently, require_distinct
from ledger.core.chain import qbft
from ledger.core.headers import parse_header
from ledger.core.types import Hash32


@dataclass(frozen=True, slots=True)
class Sealers:
    """A chain's first block and its validators."""

    genesis_hash: Hash32
    """Hash of block 0."""
    validators: tuple[bytes, ...]
    """Addresses, ascending; none on a development chain."""


def read_sealers(urls: Sequence[str], *, chain_id: int) -> Sealers:
    """Find out who seals a chain.

    More than half of the endpoints must list the same validators, and the endpoints must be those
    of more than half of the validators so listed.

    Args:
        urls: Where validators answer, each once.
        chain_id: The chain that is expected there.

    Raises:
        GovernanceError: There are not so many endpoints as a majority needs.
        ChainUnavailableError: The endpoints do not answer, or say different things.
        VerificationError: The newest block has too few seals.
    """
    require_distinct(urls)
    clients = [EvmClient(url, chain_id=chain_id) for url in urls]
    endpoints = Endpoints(clients, needed=len(urls) // 2 + 1)
    try:
        listed = patiently(lambda: endpoints.agreed("validators", _listed))
    finally:
        endpoints.close()
    with Witnesses(urls, chain_id=chain_id, validators=len(listed)) as witnesses:
        newest = witnesses.newest()
        return Sealers(witnesses.genesis_hash(), tuple(sorted(newest.listed.validators)))


def _listed(client: EvmClient) -> tuple[bytes, ...]:
    """The validators of one endpoint's newest block; none where blocks are not sealed."""
    header = parse_header(client.fetch_header(client.latest_block())[1])
    if header.mix_hash != qbft.MIX_HASH:
        return ()
    return tuple(sorted(qbft.parse_extra(header.extra_data).validators))
