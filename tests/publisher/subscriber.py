"""A consumer of the topics: an MQTT client of its own, on the real broker."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import json
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


@dataclass(frozen=True)
class Received:
    """Hold one message as it came."""

    topic: str
    payload: bytes
    retained: bool
    """True for one that the broker had kept."""

    expiry: int | None

    @property
    def text(self) -> str:
        """Return the payload as text."""
        return self.payload.decode()

    @property
    def json(self) -> Any:
        """Return the payload as JSON."""
        return json.loads(self.payload)


class Subscriber:
    """Follow everything below a prefix."""

    def __init__(
        self,
        port: int,
        prefix: str = "green_api",
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
    ) -> None:
        """Take where to connect to, and how."""
        self.history: list[Received] = []
        self._port = port
        self._prefix = prefix
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.reconnect_delay_set(1, 1)
        # What was retained comes before this message to ourselves.
        self._marker = f"subscriber/{id(self)}"
        self._client.on_connect = lambda *_: self._client.subscribe(
            [(f"{prefix}/#", 1), (self._marker, 1)]
        )
        self._client.on_subscribe = lambda *_: self._client.publish(self._marker, "", 1)
        self._client.on_message = self._take

    async def __aenter__(self) -> Self:
        """Return with the subscription made and what was retained received."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(10):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    @property
    def latest(self) -> dict[str, Received]:
        """Return the last message of each topic, without the prefix."""
        return {item.topic: item for item in self.history}

    async def wait_for(self, condition: Callable[[dict[str, Received]], Any]) -> Any:
        """Return what the condition gives as soon as that is true."""
        async with asyncio.timeout(15):
            while True:
                self._news.clear()
                try:
                    if found := condition(self.latest):
                        return found
                except KeyError:
                    pass  # a topic that has said nothing yet
                await self._news.wait()

    async def wait_for_text(self, topic: str, text: str) -> None:
        """Return when the last message of a topic is this text."""
        await self.wait_for(lambda latest: latest[topic].payload == text.encode())

    def _take(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if message.topic == self._marker:
            self._loop.call_soon_threadsafe(self._ready.set)
            return
        self._loop.call_soon_threadsafe(
            self._note,
            Received(
                topic=message.topic.removeprefix(f"{self._prefix}/"),
                payload=bytes(message.payload),
                retained=message.retain,
                expiry=getattr(message.properties, "MessageExpiryInterval", None),
            ),
        )

    def _note(self, received: Received) -> None:
        self.history.append(received)
        self._news.set()
