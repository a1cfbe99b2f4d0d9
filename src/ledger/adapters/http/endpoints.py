"""Which peer addresses may be called, and where they really lead.

An endpoint comes from the on-chain registry, yet an operator's key may be stolen: it must not turn
this node into a way into its own network. A name is resolved once, every address is checked, and the
connection goes to the checked address.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ledger.errors import RegionUnavailableError


@dataclass(frozen=True, slots=True)
class Target:
    """A checked endpoint: where to connect and under which name."""

    scheme: str
    host: str
    address: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL with the checked address in place of the name."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return f"{self.host}:{self.port}"


def resolve_endpoint(endpoint: str, *, region: str, allow_loopback: bool) -> Target:
    """Check an endpoint and resolve its name.

    Args:
        endpoint: ``https://host[:port][/path]``; ``http`` only towards loopback.
        region: Named in errors.
        allow_loopback: True on a development chain, where all regions share one machine.

    Raises:
        RegionUnavailableError: The endpoint has another form, does not resolve, or leads to an
            address that is not public.
    """

    def refuse(problem: str) -> RegionUnavailableError:
        return RegionUnavailableError(region, f"endpoint of region {region}: {problem}")

    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise refuse("expected a URL") from None
    host = parts.hostname
    plain = parts.scheme == "http" and allow_loopback
    if host is None or not (parts.scheme == "https" or plain):
        raise refuse("expected https")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise refuse("expected neither user, query nor fragment")
    port = port or (80 if plain else 443)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise refuse("the name does not resolve") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not _is_allowed(address, loopback=allow_loopback, only_loopback=plain):
            raise refuse("the address is not public")
    return Target(parts.scheme, host, addresses[0], port, parts.path.rstrip("/"))


def _is_allowed(address: str, *, loopback: bool, only_loopback: bool) -> bool:
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return loopback
    return not only_loopback and parsed.is_global and not parsed.is_multicast
