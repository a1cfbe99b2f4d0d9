"""Validators of a devnet vote each other in and out, as their operators would."""

import time
from collections.abc import Sequence

from ledger.adapters.devnet.qbft.directory import Validator
from ledger.adapters.evm.json_rpc import JsonRpc

VOTED_WITHIN_S = 90.0
SETTLED_S = 3.0
"""So long after it the block that lists the new set has others above it."""


def vote(voters: Sequence[Validator], address: str, *, is_in: bool) -> None:
    """Propose a validator by some of the present ones, and wait until a block lists the new set.

    Args:
        voters: More than half of the present validators.
        address: Of the candidate, 0x-hex.
        is_in: Whether it shall be one.
    """
    clients = [JsonRpc(one.rpc_url, timeout_s=5) for one in voters]
    for client in clients:
        client.call("istanbul_propose", [address, is_in])
    deadline = time.monotonic() + VOTED_WITHIN_S
    while (address.lower() in _listed(clients[0])) is not is_in:
        assert time.monotonic() < deadline, "the vote was not counted in time"
        time.sleep(0.2)
    for client in clients:
        # A proposal that stays would vote again whenever the set changes.
        client.call("istanbul_discard", [address])
        client.close()
    time.sleep(SETTLED_S)


def _listed(client: JsonRpc) -> list[str]:
    found = client.call("istanbul_getValidators", ["latest"])
    assert isinstance(found, list)
    return [str(one).lower() for one in found]
