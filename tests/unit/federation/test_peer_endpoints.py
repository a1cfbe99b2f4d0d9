"""Where a peer may be: an endpoint that leads elsewhere is refused before anything is sent."""

import asyncio
import socket
import threading
import time
from collections.abc import Sequence

import pytest
from regions import PEER, WITH, Raw

from ledger.adapters.http.endpoints import MAX_CHARS, Resolve, resolve_endpoint
from ledger.adapters.http.peers import HttpPeers
from ledger.errors import RegionUnavailableError
from ledger.services.lookup.answers import Question

PUBLIC4, PUBLIC6 = "203.0.114.7", "2400:3200::1"


def answers(*addresses: str) -> Resolve:
    return lambda host, port: list(addresses)


def check(endpoint: str, *addresses: str, loopback: bool = False) -> str:
    target = resolve_endpoint(
        endpoint,
        region=PEER,
        allow_loopback=loopback,
        resolve=answers(*(addresses or (PUBLIC4,))),
    )
    return f"{target.url} {target.authority} {target.host}"


@pytest.mark.parametrize(
    ("endpoint", "address", "expected"),
    [
        (
            "https://node.ah.gov.cn",
            PUBLIC4,
            f"https://{PUBLIC4}:443 node.ah.gov.cn:443 node.ah.gov.cn",
        ),
        ("https://a.cn:8443/ledger/", PUBLIC4, f"https://{PUBLIC4}:8443/ledger a.cn:8443 a.cn"),
        ("https://a.cn/", PUBLIC6, f"https://[{PUBLIC6}]:443 a.cn:443 a.cn"),
        (f"https://[{PUBLIC6}]", PUBLIC6, f"https://[{PUBLIC6}]:443 [{PUBLIC6}]:443 {PUBLIC6}"),
    ],
)
def test_resolve_endpoint_public_address_is_called_under_its_name(
    endpoint: str, address: str, expected: str
) -> None:
    assert check(endpoint, address) == expected


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8311", "https://localhost:9", "http://[::1]:1"]
)
def test_resolve_endpoint_loopback_is_allowed_on_a_development_chain_only(endpoint: str) -> None:
    address = "::1" if "[" in endpoint else "127.0.0.1"
    assert check(endpoint, address, loopback=True)
    with pytest.raises(RegionUnavailableError, match="not public"):
        check(endpoint, address)


REFUSED_FORMS = [
    "",
    "node.cn",
    "//node.cn",
    "ftp://node.cn",
    "file:///etc/passwd",
    "gopher://node.cn",
    "HTTPS://node.cn",
    "https://",
    "https:///path",
    "https://user@node.cn",
    "https://user:secret@node.cn",
    "https://@node.cn",
    "https://node.cn@evil.cn",
    "https://node.cn\\@evil.cn",
    "https://node.cn?to=evil",
    "https://node.cn/?",
    "https://node.cn#x",
    "https://node.cn/%2e%2e/admin",
    "https://node.cn/../admin",
    "https://node.cn/./admin",
    "https://node.cn//admin",
    "https://node.cn:0",
    "https://node.cn:65536",
    "https://node.cn:-1",
    "https://node.cn:port",
    "https://node.cn:",
    "https://no de.cn",
    "https://node.cn\r\nX: y",
    "https://node.cn\t",
    "https://node.cn\n",
    " https://node.cn",
    "https://nöde.cn",
    "https://例子.cn",
    "https://[fe80::1%25eth0]",
    "https://[::1",
    "https://" + "a" * MAX_CHARS + ".cn",
]


@pytest.mark.parametrize("endpoint", REFUSED_FORMS)
def test_resolve_endpoint_of_another_form_is_refused_without_a_look_up(endpoint: str) -> None:
    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError("looked up")

    with pytest.raises(RegionUnavailableError, match="expected"):
        resolve_endpoint(endpoint, region=PEER, allow_loopback=True, resolve=never)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),
        *("172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200"),
        *(
            "192.0.0.8",
            "192.88.99.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
        ),
        *("239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
        *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::", "2001::1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "fe80::1", "fe80::1%eth0"),
        *("fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "100::1", "::ffff:0:7f00:1"),
    ],
)
def test_resolve_endpoint_name_that_leads_inside_is_refused(address: str) -> None:
    for found in ([address], [PUBLIC4, address], [address, PUBLIC6]):
        with pytest.raises(RegionUnavailableError, match="not public"):
            check("https://node.cn", *found)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "localhost", "0", "0.0.0.0"),
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]"),
        *("10.0.0.1", "167772161", "192.168.0.1", "[fd00::1]", "[64:ff9b::a00:1]"),
    ],
)
def test_resolve_endpoint_number_in_any_spelling_is_refused_by_the_real_resolver(
    host: str,
) -> None:
    with pytest.raises(RegionUnavailableError):
        resolve_endpoint(f"https://{host}", region=PEER, allow_loopback=False)


@pytest.mark.parametrize(
    "endpoint",
    ["http://node.cn", "http://node.cn:443", "https://node.cn:80", "https://node.cn:6379"],
)
def test_resolve_endpoint_public_address_over_http_or_another_port_is_refused(
    endpoint: str,
) -> None:
    for loopback in (False, True):
        with pytest.raises(RegionUnavailableError, match="expected https on port 443 or 8443"):
            check(endpoint, PUBLIC4, loopback=loopback)


def test_resolve_endpoint_name_that_does_not_resolve_is_refused() -> None:
    def fails(error: Exception) -> Resolve:
        def resolve(host: str, port: int) -> Sequence[str]:
            raise error

        return resolve

    for resolve in (
        fails(socket.gaierror("no such name")),
        fails(OSError("timed out")),
        fails(UnicodeError("label too long")),
        answers(),
        answers("not an address"),
    ):
        with pytest.raises(RegionUnavailableError, match="does not resolve"):
            resolve_endpoint("https://a.cn", region=PEER, allow_loopback=False, resolve=resolve)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://node.cn", "169.254.169.254"),
        ("https://user@node.cn", PUBLIC4),
        ("http://node.cn", PUBLIC4),
        ("https://node.cn:22", PUBLIC4),
        ("https://[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ],
)
async def test_ask_refused_endpoint_makes_no_connection(endpoint: str, address: str) -> None:
    network = Raw()
    peers = HttpPeers(allow_loopback=False, transport=network, resolve=answers(address))
    with pytest.raises(RegionUnavailableError):
        await peers.ask(endpoint, [Question(WITH, PEER, "cf")])
    await peers.close()
    assert network.requests == []


async def test_ask_connects_to_the_address_that_was_checked() -> None:
    """A name that leads elsewhere the second time (DNS rebinding) is not asked a second time."""
    found = [[PUBLIC4], ["127.0.0.1"]]
    network = Raw(b'{"answers":[]}')
    peers = HttpPeers(
        allow_loopback=False, transport=network, resolve=lambda host, port: found.pop(0)
    )
    await peers.ask("https://node.cn", [Question(WITH, PEER, "cf")])
    with pytest.raises(RegionUnavailableError):
        await peers.ask("https://node.cn", [Question(WITH, PEER, "cf")])
    await peers.close()
    (request,) = network.requests
    assert request.url.host == PUBLIC4
    assert request.headers["host"] == "node.cn:443"
    assert request.extensions["sni_hostname"] == "node.cn"


async def test_ask_slow_name_holds_one_thread_however_often_it_is_asked() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def slow(host: str, port: int) -> Sequence[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running -= 1
        raise socket.gaierror("no such name")

    peers = HttpPeers(allow_loopback=False, transport=Raw(), resolve=slow)
    asked = [peers.ask("https://slow.cn", [Question(WITH, PEER, "cf")]) for _ in range(20)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    await peers.close()
    assert {type(one) for one in results} == {RegionUnavailableError}
    assert most == 1


async def test_ask_waiting_that_is_given_up_does_not_end_the_others() -> None:
    def slow(host: str, port: int) -> Sequence[str]:
        time.sleep(0.1)
        return [PUBLIC4]

    peers = HttpPeers(allow_loopback=False, transport=Raw(b'{"answers":[]}'), resolve=slow)
    question = [Question(WITH, PEER, "cf")]
    impatient = asyncio.create_task(peers.ask("https://a.cn", question))
    patient = asyncio.create_task(peers.ask("https://a.cn", question))
    await asyncio.sleep(0.02)
    impatient.cancel()
    assert await patient == {}
    assert impatient.cancelled()
    await peers.close()
