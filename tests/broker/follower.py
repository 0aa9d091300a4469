"""An MQTT client of its own that follows all topics."""

import asyncio
from typing import NamedTuple, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

_READY = "follower/ready"


class Received(NamedTuple):
    """One message as it came."""

    topic: str
    text: str
    expiry: int | None


class Follower:
    """Take everything that is retained and then said, by MQTT 5."""

    def __init__(self, port: int) -> None:
        """Take where to connect to."""
        self.history: list[Received] = []
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = self._mark
        self._client.on_message = self._take

    async def __aenter__(self) -> Self:
        """Return when all that was retained has come."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        await self.wait_for(_READY, "")
        self.history.pop()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def wait_for(self, topic: str, text: str) -> Received:
        """Return the message as soon as it has come."""
        async with asyncio.timeout(10):
            while True:
                for received in self.history:
                    if (received.topic, received.text) == (topic, text):
                        return received
                self._news.clear()
                await self._news.wait()

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe("#", 1)

    def _mark(self, *_: object) -> None:
        # What was retained comes before this message to ourselves.
        self._client.publish(_READY, "", 1)

    def _take(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        received = Received(message.topic, message.payload.decode(), expiry)
        self._loop.call_soon_threadsafe(self._note, received)

    def _note(self, received: Received) -> None:
        self.history.append(received)
        self._news.set()
