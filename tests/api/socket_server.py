"""A server that speaks to a WebSocket by a script."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import ssl
from typing import Any

from aiohttp import WSMsgType, web

from .servers import serve

PNG = b"\x89PNG\r\n\x1a\n the first code"
NEXT_PNG = b"\x89PNG\r\n\x1a\n its successor"


def code(png: bytes = PNG) -> dict[str, Any]:
    """Return the message that brings a login QR."""
    return {"type": "qrCode", "message": b64encode(png).decode()}


@dataclass(frozen=True, slots=True)
class Raw:
    """Write these bytes to the connection, past the WebSocket."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket by a code, or cut the connection where there is none."""

    status: int | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send a step again and again, so many seconds apart; never listen."""

    step: object
    pause: float = 0.005


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask whether the other side is there."""


@dataclass(frozen=True, slots=True)
class Deaf:
    """Stop listening, with the connection open."""


class SocketServer:
    """Hold what a script made happen."""

    def __init__(self, steps: tuple[object, ...]) -> None:
        """Take the steps of the script, the same for every connection."""
        self.url = ""
        self.requests: list[web.BaseRequest] = []
        self.heard: list[WSMsgType] = []
        self.said = asyncio.Event()
        """The steps are done."""
        self.gone = asyncio.Event()
        """A connection has ended."""
        self._steps = steps

    async def answer(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Follow the script, then listen until the other side closes."""
        self.requests.append(request)
        socket = web.WebSocketResponse(timeout=0.05, autoclose=False)
        await socket.prepare(request)
        try:
            for step in self._steps:
                await self._take(step, request, socket)
            self.said.set()
            while not socket.closed:
                message = await socket.receive()
                self.heard.append(message.type)
                if message.type is WSMsgType.CLOSE:
                    await socket.close()
        finally:
            self.gone.set()
        return socket

    async def _take(
        self, step: object, request: web.BaseRequest, socket: web.WebSocketResponse
    ) -> None:
        match step:
            case str():
                await socket.send_str(step)
            case bytes():
                await socket.send_bytes(step)
            case Ping():
                await socket.ping()
            case Repeat():
                while True:
                    await self._take(step.step, request, socket)
                    await asyncio.sleep(step.pause)
            case Deaf():
                self.said.set()
                await asyncio.Event().wait()
            case Raw():
                assert request.transport
                request.transport.write(step.data)
            case Close(None):
                assert request.transport
                request.transport.abort()
            case Close(status):
                await socket.close(code=status or 0)
            case _:
                await socket.send_json(step)


@asynccontextmanager
async def serve_socket(
    *steps: object, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[SocketServer]:
    """Run a server that takes these steps with every WebSocket."""
    server = SocketServer(steps)
    async with serve(server.answer, tls=tls) as url:
        server.url = url
        yield server
