"""Which peer addresses may be called, and where they really lead.

An endpoint comes from the on-chain registry, yet an operator's key may be stolen: it must not turn
this node into a way into its own network. A name is resolved once, every address is checked, and
the connection goes to the checked address.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import RegionUnavailableError

PORTS: Final = (443, 8443)
"""Ports a peer may listen on; on a development chain also any port of this machine."""

MAX_CHARS: Final = 255

_FORM: Final = re.compile(
    r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._-]+)*)/?",
    re.ASCII,
)
"""No user, query, fragment or escape; a host by name or address."""

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""The only IPv6 addresses of the public network. Outside are mapped and translated IPv4 ones."""

_SPECIAL: Final = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
"""Protocol assignments and 6to4 relays; not every Python counts them as not global."""

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host; raises OSError or UnicodeError."""


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
        return f"{self.scheme}://{_bracketed(self.address)}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return f"{_bracketed(self.host)}:{self.port}"


def resolve_name(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def resolve_endpoint(
    endpoint: str, *, region: str, allow_loopback: bool, resolve: Resolve = resolve_name
) -> Target:
    """Check an endpoint and resolve its name.

    Args:
        endpoint: ``https://host[:port][/path]``; ``http`` only towards loopback.
        region: Named in errors.
        allow_loopback: True on a development chain, where all regions share one machine.
        resolve: Gives the addresses of a host.

    Raises:
        RegionUnavailableError: The endpoint has another form, does not resolve, or leads to an
            address that is not public.
    """

    def refuse(problem: str) -> RegionUnavailableError:
        return RegionUnavailableError(region, f"endpoint of region {region}: {problem}")

    match = _FORM.fullmatch(endpoint) if len(endpoint) <= MAX_CHARS else None
    if match is None:
        raise refuse("expected https://host[:port][/path]")
    scheme, host, path = match[1], match[2].strip("[]"), match[4]
    port = int(match[3] or (443 if scheme == "https" else 80))
    if not 1 <= port <= 65_535 or {".", ".."} & set(path.split("/")):
        raise refuse("expected a port and a plain path")
    try:
        addresses = [ipaddress.ip_address(one) for one in resolve(host, port)]
    except (OSError, UnicodeError, ValueError):
        raise refuse("the name does not resolve") from None
    for address in addresses:
        if allow_loopback and address.is_loopback:
            continue
        if not _is_public(address):
            raise refuse("the address is not public")
        if scheme != "https" or port not in PORTS:
            raise refuse(f"expected https on port {' or '.join(map(str, PORTS))}")
    if not addresses:
        raise refuse("the name does not resolve")
    return Target(scheme, host, str(addresses[0]), port, path)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # 6to4 and Teredo carry an IPv4 address inside.
        inner = address.sixtofour is not None or address.teredo is not None
        return address in _GLOBAL_UNICAST and not inner
    return not any(address in network for network in _SPECIAL)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
