"""The contracts of one deployment as those who govern them see and change them.

What is read here has no proof: it is taken where enough validators say the same. On a development
chain there is one endpoint, and its word is taken.
"""

from collections.abc import Sequence
from typing import Any, Final

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.consortium.endpoints import Endpoints, believed_from
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.governance.deployment import Deployment
from ledger.adapters.governance.sender import Sender
from ledger.errors import GovernanceError
from ledger.services.onchain import Call

GAS: Final = 8_000_000
"""Gas limit of a call: carrying out a decision may make many at once."""


class Governed:
    """One chain's contracts; close it after use.

    Args:
        deployment: Where they stand.

    Raises:
        GovernanceError: A sealed chain is known by one endpoint only.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        urls, validators = deployment.rpc_urls, len(deployment.validators)
        if validators and len(urls) < 2:
            raise GovernanceError(
                "deployment", "rpc_urls: expected at least two validators, found one"
            )
        self.clients = tuple(EvmClient(url, chain_id=deployment.chain_id, gas=GAS) for url in urls)
        self._needed = believed_from(validators, len(urls)) if validators else 1
        self._endpoints = Endpoints(self.clients, needed=self._needed)

    def close(self) -> None:
        """Close all connections."""
        self._endpoints.close()

    def sender(self, key: bytes) -> Sender:
        """An account that acts on the chain.

        Args:
            key: secp256k1 key, 32 bytes.
        """
        return Sender(self.clients, key, needed=self._needed)

    def view(
        self,
        name: str,
        function: str,
        arguments: Sequence[object] = (),
        *,
        sender: bytes | None = None,
    ) -> tuple[Any, ...]:
        """What a function of a contract returns, as enough validators say.

        Args:
            name: The contract.
            function: Its function.
            arguments: Its arguments.
            sender: As whom it is called; it is only tried.

        Raises:
            ContractRevertError: The contract refuses.
            ChainUnavailableError: The validators do not answer, or say different things.
            GovernanceError: There is no such contract on this chain yet.
        """
        contract, address = load_contract(name), self.deployment.address(name)
        data = contract.encode(function, arguments)
        returned = self._endpoints.agreed(
            f"{name}.{function}",
            lambda client: client.view(contract, address, data, sender=sender),
        )
        return contract.decode(function, returned)

    def call(self, sender: bytes, name: str, function: str, arguments: Sequence[object]) -> Call:
        """A call of a contract, to be sent or proposed.

        Args:
            sender: Address that makes it.
            name: The contract.
            function: Its function.
            arguments: Its arguments.
        """
        data = load_contract(name).encode(function, arguments)
        return Call(sender, self.deployment.address(name), data)

    def code(self, address: bytes) -> bytes:
        """The code at an address, as enough validators say; empty where there is none."""
        return self._endpoints.agreed("code", lambda client: client.code(address))
