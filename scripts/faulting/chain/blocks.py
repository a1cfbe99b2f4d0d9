"""Every validator's blocks, fetched and verified as they appear.

Each header that any validator gives is verified for its seals and remembered by its hash: a second
sealed hash at one height is found whoever shows it, and whenever.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Event, Lock, Thread

from faulting.checks import WRONG, Finding
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig, Validator
from ledger.adapters.evm.client import EvmClient
from ledger.core.headers import verify_qbft
from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError, LedgerError

LOOK_S = 0.15
"""How often each validator is asked for its height."""

Report = Callable[[Finding], None]


class Sealed:
    """What was ever seen sealed, by height.

    Args:
        trusted: Addresses of the validators.
        report: Told of two hashes at one height, and of headers without enough seals.
    """

    def __init__(self, trusted: frozenset[bytes], report: Report) -> None:
        self._trusted = trusted
        self._report = report
        self._hashes: dict[int, Hash32] = {}
        self._seen_at: dict[int, float] = {}
        self._lock = Lock()

    @property
    def height(self) -> int:
        """The highest block."""
        return max(self._hashes, default=0)

    def take(self, who: str, number: int, block_hash: Hash32, rlp: bytes) -> None:
        """Take in what a validator gives at a height."""
        now = time.monotonic()
        try:
            computed = verify_qbft(rlp, self._trusted).block_hash
        except LedgerError as error:
            self._report(Finding(WRONG, f"{who}: block {number} is not sealed: {error}"))
            return
        if computed != block_hash:
            self._report(Finding(WRONG, f"{who}: block {number} goes by another hash"))
        with self._lock:
            known = self._hashes.setdefault(number, computed)
            self._seen_at.setdefault(number, now)
        if known != computed:
            text = f"two sealed blocks at height {number}: {known.hex()}, {computed.hex()}"
            self._report(Finding(WRONG, f"{text} (from {who})"))

    def hash_at(self, number: int) -> Hash32 | None:
        """The sealed hash of a height."""
        return self._hashes.get(number)

    def seen_at(self, number: int) -> float | None:
        """When a height was first seen, on the monotonic clock."""
        return self._seen_at.get(number)

    def gaps(self, since: float, until: float) -> list[float]:
        """Seconds between blocks that were first seen in a stretch of time."""
        with self._lock:
            times = sorted(at for at in self._seen_at.values() if since <= at <= until)
        return [later - earlier for earlier, later in pairwise(times)]


class Blocks:
    """Follows all validators, each in a thread of its own.

    Args:
        config: The consortium.
        report: Told what must not be.
    """

    def __init__(self, config: ConsortiumConfig, report: Report) -> None:
        self._config = config
        self._report = report
        trusted = frozenset(bytes.fromhex(one.address[2:]) for one in config.validators)
        self.sealed = Sealed(trusted, report)
        self.heights: dict[str, int] = dict.fromkeys(config.names, 0)
        """How far each validator was followed."""
        self._stop = Event()
        self._threads = [
            Thread(target=self._follow, args=(one,), daemon=True) for one in config.validators
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def wait_above(self, number: int, within_s: float) -> float | None:
        """Wait for a block above a height; when it was first seen, None where none came."""
        deadline = time.monotonic() + within_s
        while self.sealed.height <= number:
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_S / 3)
        return min(
            at
            for height in range(number + 1, self.sealed.height + 1)
            if (at := self.sealed.seen_at(height)) is not None
        )

    def wait_level(self, names: Sequence[str], within_s: float) -> float | None:
        """Wait until these validators were followed to the present height; seconds it took."""
        begun, height = time.monotonic(), self.sealed.height
        while any(self.heights[name] < height for name in names):
            if time.monotonic() > begun + within_s:
                return None
            time.sleep(LOOK_S)
        return time.monotonic() - begun

    def wait_still(self, still_s: float, within_s: float) -> bool:
        """Wait until no block came for so long; False where they go on."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            height = self.sealed.height
            time.sleep(still_s)
            if self.sealed.height == height:
                return True
        return False

    def _follow(self, validator: Validator) -> None:
        client = EvmClient(validator.rpc_url, chain_id=self._config.chain_id, timeout_s=2)
        while not self._stop.wait(LOOK_S):
            try:
                self._catch_up(validator.name, client)
            except ChainUnavailableError:
                continue  # It is stopped, or starts.
            except LedgerError as error:
                self._report(Finding(WRONG, f"{validator.name}: {error}"))
        client.close()

    def _catch_up(self, name: str, client: EvmClient) -> None:
        newest = client.latest_block()
        if newest < self.heights[name]:
            self.heights[name] = 0  # Wiped, or killed before it wrote: everything is compared anew.
        for number in range(self.heights[name] + 1, newest + 1):
            if self._stop.is_set():
                return
            self.sealed.take(name, number, *client.fetch_header(number))
            self.heights[name] = number
