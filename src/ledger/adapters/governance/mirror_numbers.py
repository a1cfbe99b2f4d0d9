"""The mirrors' numbers: each key has one, and none is ever given to another."""

from collections.abc import Callable
from typing import Any, Final

from ledger.adapters.governance.deployment import AdmittedMirror
from ledger.errors import GovernanceError

MAX_MIRRORS: Final = 1_024
"""Most mirrors of one contract; a trust root lists no more."""

View = Callable[[list[Any]], tuple[Any, ...]]
"""Asks HeadAnchor for the mirror of a number: its key, 0x-hex, and its region."""


class MirrorNumbers:
    """The numbers given so far, and the ones planned behind them.

    Args:
        view: Reads one number from the chain.

    Raises:
        GovernanceError: More mirrors than a trust root can list.
        ChainUnavailableError: The chain does not answer.
    """

    def __init__(self, view: View) -> None:
        self._mirrors: list[AdmittedMirror] = []
        # Numbers are given from 0 on without a gap, so the first free one is the last to be read.
        for number in range(MAX_MIRRORS):
            key, region = view([number])
            address = bytes.fromhex(key[2:])
            if not any(address):
                return
            self._mirrors.append(AdmittedMirror(number, address, f"{region:06d}"))
        raise GovernanceError("registration", f"the chain has {MAX_MIRRORS} mirrors or more")

    @property
    def mirrors(self) -> tuple[AdmittedMirror, ...]:
        """Every mirror, ascending by number."""
        return tuple(self._mirrors)

    def take(self, address: bytes, region: str) -> int | None:
        """The number for a mirror that has none yet; None where it has one.

        Raises:
            GovernanceError: The key is another region's mirror.
        """
        for one in self._mirrors:
            if one.address == address:
                if one.region != region:
                    raise GovernanceError(
                        "registration", f"{region}: its mirror key is that of region {one.region}"
                    )
                return None
        number = len(self._mirrors)
        self._mirrors.append(AdmittedMirror(number, address, region))
        return number
