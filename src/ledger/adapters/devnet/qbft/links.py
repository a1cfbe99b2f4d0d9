"""The wires between validators: each direction of each pair is a relay that can be cut.

Validators know each other by these ports only, so a cut is a partition, and healing it is as sudden
as a cable plugged in again. Bytes are passed on as they are.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final

from ledger.adapters.devnet.qbft.directory import ConsortiumConfig

CHUNK_BYTES: Final = 64 * 1024
CONNECT_DEADLINE_S: Final = 2.0

Pair = tuple[str, str]


class Links:
    """All relays of a consortium, in a thread of their own.

    Args:
        config: Names and ports.
    """

    def __init__(self, config: ConsortiumConfig) -> None:
        self._config = config
        self._open: Callable[[str, str], bool] = lambda _one, _other: True
        self._writers: dict[Pair, set[asyncio.StreamWriter]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen on every port.

        Raises:
            OSError: A port cannot be used.
        """
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def set_open(self, is_open: Callable[[str, str], bool]) -> None:
        """Cut what shall be cut from now on, and let the rest connect."""
        self._open = is_open
        self._loop.call_soon_threadsafe(self._cut)

    def stop(self) -> None:
        """Cut everything and end the thread."""
        self.set_open(lambda _one, _other: False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _listen(self) -> None:
        for one in self._config.validators:
            for other in self._config.validators:
                if one.name != other.name:
                    relay = self._relay((one.name, other.name), other.p2p_port)
                    await asyncio.start_server(relay, "127.0.0.1", one.link_ports[other.name])

    def _relay(
        self, pair: Pair, port: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], "asyncio.Future[None]"]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._open(*pair):
                writer.close()
                return
            try:
                async with asyncio.timeout(CONNECT_DEADLINE_S):
                    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except (OSError, TimeoutError):
                writer.close()
                return
            both = {writer, far_writer}
            self._writers.setdefault(pair, set()).update(both)
            try:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            finally:
                self._writers[pair] -= both
                for one in both:
                    one.close()

        return serve  # type: ignore[return-value]

    def _cut(self) -> None:
        for pair, writers in self._writers.items():
            if not self._open(*pair):
                for writer in tuple(writers):
                    writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(CHUNK_BYTES):
            writer.write(content)
            await writer.drain()
    writer.close()
