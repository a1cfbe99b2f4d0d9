"""The chain's newest block, asked for once a round however many streams want to know it."""

from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError
from ledger.services.ports import Chain


class Tip:
    """One round's view of the newest block; used by one thread.

    Args:
        chain: Where blocks come from.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._number: int | None = None
        self._header: tuple[Hash32, bytes] | None = None
        self._failed: ChainUnavailableError | None = None

    def forget(self) -> None:
        """Begin a new round."""
        self._number = self._header = self._failed = None

    def number(self) -> int:
        """The height of the newest block.

        Raises:
            ChainUnavailableError: The chain does not answer; it is asked again in the next round,
                so that a chain that is silent is waited for once.
        """
        if self._failed is not None:
            raise self._failed
        if self._number is None:
            try:
                self._number = self._chain.latest_block()
            except ChainUnavailableError as error:
                self._failed = error
                raise
        return self._number

    def header(self) -> tuple[Hash32, bytes]:
        """Hash and header of that block.

        Raises:
            ChainUnavailableError: The chain does not answer.
            HeaderError: The header does not hash to the hash the block goes by.
        """
        if self._header is None:
            self._header = self._chain.fetch_header(self.number())
        return self._header
