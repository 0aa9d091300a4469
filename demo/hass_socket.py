"""Home Assistant's WebSocket API."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
import itertools
from typing import Any

import aiohttp

from simulator.changes import Changes

from .errors import DemoError

_ANSWER_SECONDS = 30

type Json = dict[str, Any]


class HomeAssistantError(DemoError):
    """Home Assistant has refused something, or the connection is gone."""


class HomeAssistantSocket:
    """A connection that sends commands and takes events.

    ``changed`` counts the messages; its last change is the connection's end.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take a connection; nothing is read yet."""
        self.changed = Changes()
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[Json], None]] = {}
        self._reading: asyncio.Task[None] | None = None

    @property
    def gone(self) -> bool:
        """Return whether the connection has ended."""
        return self._reading is None or self._reading.done()

    async def log_in(self, token: str) -> None:
        """Log in and begin to read. Raises HomeAssistantError."""
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": token})
        answer = await self._socket.receive_json()
        if answer["type"] != "auth_ok":
            msg = "Home Assistant does not take its own token"
            raise HomeAssistantError(msg)
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._end)

    async def close(self) -> None:
        """End the connection."""
        if self._reading:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        await self._socket.close()

    async def call(self, command: str, fields: Mapping[str, object]) -> Any:
        """Send a command and return its result. Raises HomeAssistantError."""
        return await self._send(next(self._numbers), command, fields)

    async def subscribe(
        self,
        command: str,
        fields: Mapping[str, object],
        listener: Callable[[Json], None],
    ) -> None:
        """Send a command whose events go to the listener."""
        number = next(self._numbers)
        self._listeners[number] = listener
        await self._send(number, command, fields)

    async def _send(
        self, number: int, command: str, fields: Mapping[str, object]
    ) -> Any:
        if self.gone:
            raise _connection_ended()
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await self._socket.send_json({"id": number, "type": command, **fields})
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            msg = f"{command}: no answer"
            raise HomeAssistantError(msg) from None
        finally:
            del self._answers[number]

    async def _read(self) -> None:
        async for message in self._socket:
            self._take(message.json())
            self.changed.notify()

    def _take(self, message: Json) -> None:
        number = message["id"]
        if message["type"] == "event":
            self._listeners[number](message["event"])
            return
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if message.get("success", True):
            answer.set_result(message.get("result"))
        else:
            error = message["error"]
            answer.set_exception(
                HomeAssistantError(f"{error['code']}: {error['message']}")
            )

    def _end(self, _reading: asyncio.Task[None]) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(_connection_ended())
        self.changed.notify()


def _connection_ended() -> HomeAssistantError:
    return HomeAssistantError("the connection to Home Assistant has ended")
