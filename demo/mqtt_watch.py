"""An MQTT subscriber that remembers what it was told."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from simulator.changes import Changes

from .errors import DemoError
from .ports import HOST

if TYPE_CHECKING:
    from types import TracebackType

_START_SECONDS = 10
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it came."""

    at: datetime
    """Local time."""
    topic: str
    payload: bytes
    retained: bool
    """Whether the sender wants it kept; on MQTT 3.1.1 whether it was kept."""
    expiry: int | None
    """Seconds, None for a message that does not expire."""

    @property
    def text(self) -> str:
        """Return the payload as text."""
        return self.payload.decode(errors="replace")

    @property
    def line(self) -> str:
        """Return it as one line for people."""
        notes = ["retained"] if self.retained else []
        if self.expiry is not None:
            notes.append(f"expires in {self.expiry} s")
        note = f"  ({', '.join(notes)})" if notes else ""
        return f"{self.at:%H:%M:%S}  {self.topic}  {describe(self.payload)}{note}"


def describe(payload: bytes) -> str:
    """Return a payload as people can read it: binary as its kind and size."""
    if not payload:
        return "(empty)"
    if payload.startswith(_PNG):
        return f"PNG, {len(payload):,} bytes"
    with suppress(UnicodeDecodeError):
        text = payload.decode()
        if text.isprintable():
            return text
    return f"binary, {len(payload):,} bytes"


class MqttWatch:
    """Follow all topics below a prefix; comes back by itself after an outage."""

    def __init__(
        self,
        port: int,
        topics: str,
        *,
        protocol: str,
    ) -> None:
        """Take a topic filter such as ``green_api/#``."""
        self.changed = Changes()
        self.history: list[Received] = []
        """Every message, oldest first."""
        self.on_message: Callable[[Received], None] | None = None
        """What to call with each further message."""
        self._port = port
        self._topics = topics
        self._modern = protocol == "5"
        self._latest: dict[str, Received] = {}
        version = (
            MQTTProtocolVersion.MQTTv5
            if self._modern
            else (MQTTProtocolVersion.MQTTv311)
        )
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = self._confirm
        self._client.on_message = self._receive
        self._loop: asyncio.AbstractEventLoop | None = None
        self._subscribed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect and subscribe. Raises DemoError."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._client.connect, HOST, self._port)
            self._client.loop_start()
            async with asyncio.timeout(_START_SECONDS):
                await self._subscribed.wait()
        except OSError as error:
            await self.close()
            problem = f"the broker at port {self._port} takes no subscriber: {error}"
            raise DemoError(problem) from None
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.close()

    async def close(self) -> None:
        """Disconnect and end the client's thread."""
        self._client.disconnect()
        # It waits for the thread, which may be waiting for the network.
        await asyncio.to_thread(self._client.loop_stop)

    def latest(self, topic: str) -> Received | None:
        """Return the newest message of a topic."""
        return self._latest.get(topic)

    def payload(self, topic: str) -> bytes | None:
        """Return the newest payload of a topic."""
        found = self._latest.get(topic)
        return found.payload if found else None

    async def wait_for(
        self,
        topic: str,
        wanted: bytes | Callable[[Received], bool],
        *,
        seconds: float,
    ) -> Received:
        """Wait until a topic's newest message is the one wanted, and return it.

        Raises DemoError.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = self.latest(topic)
                    if found and (
                        wanted(found) if callable(wanted) else found.payload == wanted
                    ):
                        return found
                    await self.changed.wait()
        except TimeoutError:
            found = self.latest(topic)
            now = describe(found.payload) if found else "nothing"
            what = "the message wanted" if callable(wanted) else describe(wanted)
            problem = (
                f"waited {seconds:g} s in vain for {what} on {topic}; it has {now}"
            )
            raise DemoError(problem) from None

    def forget(self) -> None:
        """Forget all messages, to see which are sent anew."""
        self._latest.clear()
        self.history.clear()

    # The following are called in the client's thread.

    def _subscribe(self, client: Client, *_: Any) -> None:
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        if self._modern:
            client.subscribe(self._topics, options=options)
        else:
            client.subscribe(self._topics, qos=1)

    def _confirm(self, *_: Any) -> None:
        self._soon(self._subscribed.set)

    def _receive(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        received = Received(
            at=datetime.now().astimezone(),
            topic=message.topic,
            payload=bytes(message.payload),
            retained=message.retain,
            expiry=expiry,
        )
        self._soon(self._take, received)

    def _soon[*Args](self, call: Callable[[*Args], object], *args: *Args) -> None:
        # A message may come in the moment in which the loop closes.
        with suppress(RuntimeError):
            if self._loop:
                self._loop.call_soon_threadsafe(call, *args)

    def _take(self, received: Received) -> None:
        self.history.append(received)
        self._latest[received.topic] = received
        self.changed.notify()
        if self.on_message:
            self.on_message(received)
