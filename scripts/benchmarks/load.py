"""A load generator: one process, raw sockets, one request under way on each.

It does as little as can be: requests are bytes made beforehand, an answer is read up to its length
and looked at for its status line and a mark. Its own share of the CPU is part of what it reports.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, cast

Address = tuple[str, int]

_RECEIVE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of requests took."""

    requests: int
    seconds: float
    """On the wall."""
    cpu_seconds: float
    """Of the generator itself."""
    answer_bytes: int
    """Of the last answer, head and body."""
    latencies: tuple[float, ...]
    """Seconds of each request, ascending."""

    def latency(self, share: float) -> float:
        """The latency that this share of the requests did not exceed, in milliseconds."""
        return self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)] * 1e3


def post(path: str, body: bytes) -> bytes:
    """A request as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def generate(address: Address, requests: Sequence[bytes], *, mark: bytes, connections: int) -> Load:
    """Send requests from a process of its own and check every answer.

    Args:
        address: Of the server.
        requests: Sent in this order.
        mark: Must stand in the body of every answer; its status must be 200.
        connections: Requests under way at once.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_run, address, list(requests), mark, connections).result()


def _run(address: Address, requests: list[bytes], mark: bytes, connections: int) -> Load:
    waiting, latencies, last = list(reversed(requests)), [], 0
    cpu, started = time.process_time(), time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(min(connections, len(requests))):
            one = socket.create_connection(address, timeout=30)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one, selectors.EVENT_READ, [bytearray(), time.perf_counter()])
            one.sendall(waiting.pop())
        while selector.get_map():
            for key, _events in selector.select(30):
                connection, state = cast(socket.socket, key.fileobj), key.data
                received = connection.recv(_RECEIVE)
                if not received:
                    raise ConnectionError("the server closed a connection")
                state[0] += received
                if not _is_whole(state[0], mark):
                    continue
                now = time.perf_counter()
                latencies.append(now - state[1])
                last = len(state[0])
                if waiting:
                    state[0], state[1] = bytearray(), now
                    connection.sendall(waiting.pop())
                else:
                    selector.unregister(connection)
                    connection.close()
    return Load(
        requests=len(requests),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        answer_bytes=last,
        latencies=tuple(sorted(latencies)),
    )


def _is_whole(answer: bytearray, mark: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = answer.lower().find(b"content-length:", 0, end)
    length = int(answer[at + 15 : answer.find(b"\r\n", at)])
    if len(answer) < end + 4 + length:
        return False
    if not answer.startswith(b"HTTP/1.1 200") or mark not in answer:
        raise ValueError(f"expected 200 and {mark!r}, found {bytes(answer[:200])!r}")
    return True
