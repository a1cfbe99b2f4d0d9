"""A consortium's people and what they type: deploy, admit, found the Council, make trust roots."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from worlds.commands import attempt, ledger

from ledger.adapters.devnet.qbft.directory import ConsortiumConfig

REGIONS = ("310000", "320000", "330000", "340000")
SINCE = "2026-01-01"


class Consortium:
    """The founder of contracts on a running chain, and the regions' folders.

    Args:
        folder: Where everybody's files are kept.
        config: The validators.
        urls: Those that are asked; default: all of them.
    """

    def __init__(
        self, folder: Path, config: ConsortiumConfig, urls: Sequence[str] | None = None
    ) -> None:
        self.folder, self.config = folder, config
        self.urls = [one.rpc_url for one in config.validators] if urls is None else list(urls)
        self.founder_key = key_file(folder / "founder-key")
        self.regulator_key = key_file(folder / "regulator-key")
        self.file = folder / "deployment.json"
        self.nodes: dict[str, Path] = {}

    def deploy(self, *options: object) -> Any:
        urls = [part for url in self.urls for part in ("--rpc-url", url)]
        chain = ("--chain-id", self.config.chain_id, "--founder-key", self.founder_key)
        return attempt("contracts", "deploy", *urls, *chain, "--deployment", self.file, *options)

    def check(self, *options: object) -> Any:
        return attempt("contracts", "check", "--deployment", self.file, *options)

    def join(self, *regions: str) -> list[Path]:
        """Make nodes' folders; nothing of them runs."""
        for region in regions:
            self.nodes[region] = self.folder / region
            place = ("--dir", self.nodes[region], "--port", 8_000 + int(region) // 10_000)
            ledger("init", "--region", region, *place, "--rpc-url", ",".join(self.urls))
        return [self.nodes[region] for region in regions]

    def admit(self, *regions: str) -> None:
        """The founder admits regions."""
        key = ("--founder-key", self.founder_key, "--deployment", self.file)
        ledger("contracts", "admit", *(self.nodes[one] for one in regions), *key)

    def root(self, name: str, *options: object) -> Path:
        """Make a trust root."""
        path = self.folder / name
        ledger("trust-root", "make", "--deployment", self.file, "--out", path, *options)
        return path

    def install(self, update: Path, keys: Sequence[Path], nodes: Sequence[Path]) -> None:
        """Sign an update with these keys and give it to nodes."""
        signatures = update.with_suffix(".signatures.json")
        for key in keys:
            ledger("trust-root", "sign", update, "--key", key, "--signatures", signatures)
        for node in nodes:
            ledger("trust-root", "update", update, "--signatures", signatures, "--dir", node)


def key_file(path: Path) -> Path:
    """A fresh account's key, its owner's alone."""
    path.write_text(secrets.token_bytes(32).hex())
    path.chmod(0o600)
    return path
