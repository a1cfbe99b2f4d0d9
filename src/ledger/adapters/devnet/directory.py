"""What a devnet keeps in its directory, and how it is written: whole or not at all."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.adapters.account_key import make_account_key
from ledger.adapters.files import write_whole
from ledger.errors import DevnetError

MARKER: Final = "devnet.json"
"""The configuration; a directory without it is not a devnet and is never wiped."""


@dataclass(frozen=True, slots=True)
class DevnetConfig:
    """What must stay the same as long as the chain lives; only the port may change."""

    chain_id: int
    """EIP-155 chain id, 1 < id < 2^53."""
    port: int
    """TCP port on 127.0.0.1."""
    genesis_timestamp: int
    """Time of block 0, seconds; part of the genesis hash."""
    clock_offset_s: int
    """Chain time minus the system's time, seconds."""

    @property
    def rpc_url(self) -> str:
        """Where the chain answers."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class DevnetDirectory:
    """The paths of one devnet."""

    root: Path

    @property
    def config_file(self) -> Path:
        """The configuration."""
        return self.root / MARKER

    @property
    def owner_file(self) -> Path:
        """The owner's secret key, 0600."""
        return self.root / "owner-key"

    @property
    def deployment_file(self) -> Path:
        """Addresses and hashes of the contracts."""
        return self.root / "deployment.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor as long as it lives."""
        return self.root / "supervisor.lock"

    @property
    def status_file(self) -> Path:
        """What the supervisor last said about itself."""
        return self.root / "status.json"

    @property
    def log_file(self) -> Path:
        """The supervisor's and anvil's words."""
        return self.root / "devnet.log"

    @property
    def state_file(self) -> Path:
        """The chain as last saved, gzipped JSON as anvil gives it."""
        return self.root / "chain.json.gz"

    @property
    def history_file(self) -> Path:
        """The states of past blocks."""
        return self.root / "history.jsonl"

    @property
    def load_file(self) -> Path:
        """What anvil reads when it starts; made from the two files above."""
        return self.root / "load.json"

    @property
    def cache_folder(self) -> Path:
        """Where anvil puts states that it does not keep in memory."""
        return self.root / "cache"

    def load_config(self) -> DevnetConfig | None:
        """The configuration; None where there is no devnet yet.

        Raises:
            DevnetError: The file is not of the format.
        """
        try:
            content = json.loads(self.config_file.read_text(encoding="utf-8"))
            return DevnetConfig(**{name: int(value) for name, value in content.items()})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, AttributeError):
            raise DevnetError(
                "broken-directory", f"{self.config_file} is not of the format; reset the devnet"
            ) from None

    def save_config(self, config: DevnetConfig) -> None:
        """Write the configuration."""
        write_whole(self.config_file, json.dumps(asdict(config), indent=1).encode() + b"\n")

    def owner_key(self) -> bytes:
        """The owner's key, made on first use; 32 bytes.

        Raises:
            InputError: The file is not of the format.
        """
        return make_account_key(self.owner_file)

    def regulator_key(self) -> bytes:
        """The key of the regulator in the Council, made on first use; 32 bytes.

        Raises:
            InputError: The file is not of the format.
        """
        return make_account_key(self.root / "regulator-key")
