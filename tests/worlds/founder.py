"""A founder with an account of its own on a development chain that others use too."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from worlds.commands import attempt

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.deployment import (
    Deployment,
    encode_deployment,
    load_deployment,
)


class Founding:
    """A founder of its own on the shared chain, and where it keeps its files."""

    def __init__(self, folder: Path, chain: Deployment) -> None:
        self.chain, self.folder = chain, folder
        self.secret = secrets.token_bytes(32)
        self.key = folder / "founder-key"
        self.key.write_text(self.secret.hex())
        self.key.chmod(0o600)
        self.file = folder / "deployment.json"
        self.client = EvmClient(chain.rpc_url, chain_id=chain.chain_id)
        rpc = JsonRpc(chain.rpc_url, timeout_s=5)
        rpc.call("anvil_setBalance", ["0x" + address_of(self.secret).hex(), hex(10**20)])
        rpc.close()

    def run(self, command: str, *options: object) -> Any:
        return attempt("contracts", command, "--deployment", self.file, *options)

    def deploy(self, *options: object, **other: object) -> Any:
        asked: dict[str, object] = {
            "--founder-key": self.key,
            "--chain-id": self.chain.chain_id,
            "--rpc-url": self.chain.rpc_url,
        } | other
        return self.run("deploy", *[part for pair in asked.items() for part in pair], *options)

    def development(self) -> Any:
        return self.deploy("--development")

    def sent(self) -> int:
        """Transactions that the founder has made: one a contract."""
        return self.client.transaction_count(address_of(self.secret))

    def change(self, **changed: object) -> None:
        """Make the file say something else."""
        made = load_deployment(self.file)
        self.file.write_bytes(encode_deployment(replace(made, **changed)))  # type: ignore[arg-type]
