"""Where the regions' nodes are: a copy of the on-chain registry, refreshed in the background."""

from ledger.services.ports import Chain


class RegionDirectory:
    """Endpoints by region; empty until the first refresh, then never older than the last success.

    Args:
        chain: Read only by ``refresh``, never by a lookup.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._endpoints: dict[str, str] = {}

    def refresh(self) -> None:
        """Read the registry again.

        Raises:
            ChainUnavailableError: The chain does not answer; the copy stays as it was.
        """
        self._endpoints = {one.code: one.endpoint for one in self._chain.fetch_regions()}

    def endpoint(self, region: str) -> str | None:
        """The endpoint of a region, or None while it is not known."""
        return self._endpoints.get(region)
