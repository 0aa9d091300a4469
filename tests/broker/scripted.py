"""A listener that does what no real broker can be brought to do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import socket
import ssl
from struct import pack
from typing import NamedTuple, Self

HOST = "127.0.0.1"

CONNECT = 1
PUBLISH = 3
SUBSCRIBE = 8
DISCONNECT = 14

ACCEPTED_5 = b"\x20\x03\x00\x00\x00"
ACCEPTED_311 = b"\x20\x02\x00\x00"


class Packet(NamedTuple):
    """One MQTT packet of a client."""

    kind: int
    body: bytes

    @property
    def publish_id(self) -> bytes:
        """Return the packet id of a PUBLISH at QoS 1."""
        topic = int.from_bytes(self.body[:2])
        return self.body[2 + topic : 4 + topic]


class Wire:
    """The broker's end of one connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take what asyncio gives."""
        self._reader = reader
        self._writer = writer

    async def receive(self) -> Packet:
        """Return the next packet; raises IncompleteReadError at the end."""
        first = (await self._reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return Packet(first >> 4, await self._reader.readexactly(length))

    def send(self, packet: bytes) -> None:
        """Send as it is."""
        self._writer.write(packet)

    async def gone(self) -> None:
        """Wait until the client has ended the connection."""
        with suppress(ConnectionError):
            await self._reader.read()

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """End the connection as a crash does."""
        connected = self._writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._writer.transport.abort()


type Script = Callable[[Wire], Awaitable[None]]


async def silent(wire: Wire) -> None:
    """Take everything and say nothing."""
    await wire.gone()


async def closing(_wire: Wire) -> None:
    """Hang up at once."""


def answering(packet: bytes) -> Script:
    """Answer CONNECT by this, and then hang up when the client does."""

    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(packet)
        await wire.gone()

    return script


class ScriptedBroker:
    """Follow a script for each connection, the last one for all that come after."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        """Take the scripts, and what secures all connections."""
        self._scripts = list(scripts)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._served: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait until all connections have ended; raises what went wrong in scripts."""
        assert self._server
        self._server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._served)
            await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._served.add(task)
        wire = Wire(reader, writer)
        try:
            await script(wire)
        finally:
            await wire.close()
