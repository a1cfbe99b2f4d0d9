"""Keeps the chain across restarts: saves it while it runs, makes what anvil loads at the start.

anvil could do this itself (``--state``, ``--preserve-historical-states``), but it writes the file
in place, so that a kill leaves half a chain, and it writes each past state with all block hashes so
far: 50 MB every two seconds after twenty minutes at a block a second. Here the present state is
saved small and whole, and past states go into a journal, once per state root and without code:
enough for proofs of past blocks, which is what they are for.

WARNING: calls at blocks from before a restart find no code.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ledger.adapters.devnet.anvil import Anvil
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.files import write_whole
from ledger.core.chain.keccak import keccak256
from ledger.errors import DevnetError

HISTORY_BLOCKS: Final = 3_600
"""Past blocks whose state is carried over a restart: an hour; anvil itself keeps 4,100."""

HISTORY_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of past states that anvil is given to load."""


@dataclass(slots=True)
class _Journal:
    """The states of past blocks."""

    states: dict[str, str] = field(default_factory=dict)
    """State root -> state as JSON text."""
    blocks: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Height -> block hash and state root; a height sealed anew after a rollback counts last."""


class ChainKeeper:
    """Saves one chain."""

    def __init__(self, directory: DevnetDirectory) -> None:
        """Keep the chain of a directory; ``prepare`` comes first."""
        self._directory = directory
        self._roots: set[str] = set()
        self._saved_hash = ""
        self.saved_root = ""
        """State root that survives a kill."""
        self.saved_block = 0
        """Height that survives a kill."""

    def prepare(self) -> Path | None:
        """Make the file that anvil loads; None for a new chain.

        Raises:
            DevnetError: What was saved cannot be read.
        """
        self._roots, self._saved_hash, self.saved_root, self.saved_block = set(), "", "", 0
        if not self._directory.state_file.exists():
            self._directory.history_file.unlink(missing_ok=True)
            return None
        chain = _read_state(self._directory.state_file)
        self.saved_block = chain["best_block_number"]
        journal = _cut(_read_journal(self._directory.history_file), self.saved_block)
        self._roots = set(journal.states)
        write_whole(self._directory.history_file, _lines(journal).encode())
        # States stay text: only the few distinct ones were ever parsed.
        past = ",".join(
            f'["{block_hash}",{journal.states[root]}]'
            for _, (block_hash, root) in sorted(journal.blocks.items())
        )
        chain.pop("historical_states", None)
        body = json.dumps(chain, separators=(",", ":"))
        write_whole(
            self._directory.load_file, f'{body[:-1]},"historical_states":[{past}]}}'.encode()
        )
        return self._directory.load_file

    def save(self, anvil: Anvil) -> bool:
        """Save the chain as it stands now.

        Returns:
            False when a block was sealed meanwhile and nothing was written; try again.

        Raises:
            ChainUnavailableError: anvil does not answer.
            OSError: The disk refuses.
        """
        head = anvil.head()
        number, _, block_hash, root = head
        if block_hash == self._saved_hash:
            return True
        dumped = anvil.dump()
        # The dump does not say at which block it was taken; two equal heads around it do.
        if anvil.head() != head:
            return False
        write_whole(self._directory.state_file, dumped)
        # At this point the chain up to ``number`` survives. A crash before the journal is written
        # loses past states only, never blocks.
        self._record(anvil, dumped, number, block_hash, root)
        self._saved_hash, self.saved_root, self.saved_block = block_hash, root, number
        return True

    def _record(self, anvil: Anvil, dumped: bytes, number: int, block_hash: str, root: str) -> None:
        journal = _Journal()
        if root not in self._roots:
            journal.states[root] = json.dumps(_bare_state(_parse_state(dumped)))
        first = max(self.saved_block + 1, number - HISTORY_BLOCKS)
        for between in range(first, number):
            _, _, past_hash, past_root = anvil.head(between)
            journal.blocks[between] = (past_hash, past_root)
        journal.blocks[number] = (block_hash, root)
        with self._directory.history_file.open("a", encoding="utf-8") as file:
            file.write(_lines(journal))
        self._roots.update(journal.states)


def _parse_state(dumped: bytes) -> dict[str, Any]:
    try:
        chain = json.loads(gzip.decompress(dumped))
        if isinstance(chain, dict) and isinstance(chain["best_block_number"], int):
            return chain
    except (OSError, EOFError, zlib.error, ValueError, KeyError):
        pass
    raise DevnetError("broken-state", "the saved chain cannot be read; reset the devnet")


def _read_state(path: Path) -> dict[str, Any]:
    return _parse_state(path.read_bytes())


def _bare_state(chain: dict[str, Any]) -> dict[str, object]:
    """A past state as anvil reads it, without code."""
    accounts: dict[str, object] = {}
    storage: dict[str, object] = {}
    for address, account in chain["accounts"].items():
        code_hash = keccak256(bytes.fromhex(account["code"].removeprefix("0x")))
        accounts[address] = {
            "balance": account["balance"],
            "nonce": account["nonce"],
            "code_hash": "0x" + code_hash.hex(),
            "code": None,
        }
        storage[address] = account["storage"]
    return {"accounts": accounts, "storage": storage, "block_hashes": {}}


def _read_journal(path: Path) -> _Journal:
    journal = _Journal()
    if not path.exists():
        return journal
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line before a crash may be cut
        if "state" in entry:
            journal.states[entry["root"]] = json.dumps(entry["state"])
        else:
            journal.blocks[entry["number"]] = (entry["hash"], entry["root"])
    return journal


def _cut(journal: _Journal, best: int) -> _Journal:
    """The newest blocks up to ``best`` whose states are known, within the limits."""
    kept = _Journal()
    size = 0
    for number in range(best, max(best - HISTORY_BLOCKS, -1), -1):
        block = journal.blocks.get(number)
        if block is None or block[1] not in journal.states:
            continue
        size += len(journal.states[block[1]])
        if size > HISTORY_BYTES:
            break
        kept.blocks[number] = block
        kept.states[block[1]] = journal.states[block[1]]
    return kept


def _lines(journal: _Journal) -> str:
    states = [f'{{"root":"{root}","state":{state}}}\n' for root, state in journal.states.items()]
    blocks = [
        json.dumps({"number": number, "hash": block_hash, "root": root}) + "\n"
        for number, (block_hash, root) in sorted(journal.blocks.items())
    ]
    return "".join(states + blocks)
