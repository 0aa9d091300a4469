"""A line to a broker that can be cut, and may turn somebody away."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from demo.ports import HOST

type Admit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


class Refused(Exception):
    """Say that a connection does not go any further."""


async def admit_all(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> bytes:
    """Let everybody pass, unread."""
    return b""


class Relay:
    """Hand connections at one port on to another one."""

    def __init__(self, port: int, target: int, admit: Admit = admit_all) -> None:
        """Take the ports, and what returns what it has read, or raises Refused."""
        self.port = port
        self._target = target
        self._admit = admit
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._take, HOST, self.port)

    async def cut(self) -> None:
        """Break all connections, and take none."""
        if self._server:
            self._server.close()
            self._server.abort_clients()
            await self._server.wait_closed()
            self._server = None

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, Refused):
                head = await self._admit(reader, writer)
                await self._connect(head, reader, writer)
        finally:
            writer.close()

    async def _connect(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target_reader, target_writer = await asyncio.open_connection(HOST, self._target)
        try:
            target_writer.write(head)
            async with asyncio.TaskGroup() as both:
                both.create_task(_hand_on(reader, target_writer))
                both.create_task(_hand_on(target_reader, writer))
        finally:
            target_writer.close()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    # The end of one side is the end of the other.
    writer.close()
