"""A consumer of the topics: an MQTT client of its own, on the real broker.

At the end it holds every message that it got against the contract.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import json
from types import TracebackType
from typing import Any, Final, Self

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from .contract import Sent, problems_of

# Home Assistant's own will, and the markers of subscribers.
_STRANGERS: Final = ("homeassistant/status", "subscriber/+")


@dataclass(frozen=True)
class Received:
    """Hold one message as it came."""

    topic: str
    payload: bytes
    retained: bool
    """True for one that the broker had kept."""

    expiry: int | None
    whole_topic: str
    sent: Sent

    @property
    def text(self) -> str:
        """Return the payload as text."""
        return self.payload.decode()

    @property
    def json(self) -> Any:
        """Return the payload as JSON."""
        return json.loads(self.payload)


class Subscriber:
    """Follow everything below a prefix.

    Leaving raises AssertionError where the contract has something against a message.
    """

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
        self._modern = protocol is MQTTProtocolVersion.MQTTv5
        self._caught_up = False
        self._strangers = list(_STRANGERS)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.reconnect_delay_set(1, 1)
        # What was retained comes before this message to ourselves.
        self._marker = f"subscriber/{id(self)}"
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = self._mark
        self._client.on_message = self._take

    async def __aenter__(self) -> Self:
        """Return with the subscription made and what was retained received."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(10):
            await self._ready.wait()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Disconnect, and raise AssertionError for what is against the contract.

        An error that is under way keeps its place; the problems become a note of it.
        """
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        if not (problems := self.problems):
            return
        report = "\n".join(["Against docs/mqtt/:", *problems])
        if error is None:
            raise AssertionError(report)
        error.add_note(report)

    def ignore(self, *topic_filters: str) -> None:
        """Let these topics say what they want, also what has come already."""
        self._strangers += topic_filters

    @property
    def problems(self) -> list[str]:
        """Return what the contract has against the messages so far."""
        return [
            f"message {number}: {problem}"
            for number, item in enumerate(self.history)
            if not any(
                topic_matches_sub(topic_filter, item.whole_topic)
                for topic_filter in self._strangers
            )
            for problem in problems_of(item.whole_topic, item.payload, item.sent)
        ]

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

    def _subscribe(self, *_: object) -> None:
        self._caught_up = False
        topics = (f"{self._prefix}/#", self._marker)
        if self._modern:
            # With the sender's mark of retained, which otherwise shows only on what
            # the broker had kept.
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            self._client.subscribe([(topic, options) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])

    def _mark(self, *_: object) -> None:
        self._client.publish(self._marker, "", 1)

    def _take(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if message.topic == self._marker:
            self._caught_up = True
            self._loop.call_soon_threadsafe(self._ready.set)
            return
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        received = Received(
            topic=message.topic.removeprefix(f"{self._prefix}/"),
            payload=bytes(message.payload),
            retained=message.retain and not self._caught_up,
            expiry=expiry,
            whole_topic=message.topic,
            sent=Sent(
                # On MQTT 3.1.1 no mark says nothing of what the sender wants.
                retain=message.retain if self._modern else message.retain or None,
                # The embedded broker hands on with QoS 0 what it has kept.
                qos=message.qos if self._modern or not message.retain else None,
                expiry=expiry,
                shows_expiry=self._modern,
            ),
        )
        self._loop.call_soon_threadsafe(self._note, received)

    def _note(self, received: Received) -> None:
        self.history.append(received)
        self._news.set()
