"""What the publisher needs of a broker, whoever's it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .topics import Message

EXPIRED: Final = "expired"


class NotSent(Exception):
    """Say that a message did not reach the broker; the word for why is its text."""


class ExpiryRefused(NotSent):
    """Say that the connection's protocol knows no message expiry."""


type TakeConnection = Callable[[bool], None]
"""Hear that a connection has begun, or that there is none any longer."""

type TakeMessage = Callable[[str, bytes, bool], None]
"""Take topic, payload, and whether the message was retained."""


class Broker(ABC):
    """Bring messages to a broker; nothing is queued while it is away."""

    has_will: bool
    """Whether the broker itself says `offline` when the connection breaks."""

    def __init__(self, take_connection: TakeConnection) -> None:
        """Take whom to tell of the connection; nothing is done yet."""
        self._take_connection = take_connection
        self.expiry_works = True
        """Whether the present connection is not known to know no expiry."""

        self._stand_ins: dict[str, str | bytes] = {}

    @property
    @abstractmethod
    def problem(self) -> str | None:
        """Return the word for why there is no connection, None when there is one."""

    @abstractmethod
    def open(self) -> None:
        """Follow the connection from now on."""

    @abstractmethod
    async def close(self) -> None:
        """Follow it no more."""

    @abstractmethod
    async def subscribe(self, topic_filter: str, take: TakeMessage) -> None:
        """Hand on what comes, also after the connection was lost; raises NotSent."""

    async def publish(self, topic: str, message: Message) -> None:
        """Publish a message and wait for the broker; raises NotSent.

        What becomes untrue by itself is retained with an expiry. MQTT 3.1.1 knows
        none, so there its stand-in is retained, and it itself only where the last
        will takes it back.
        """
        if message.lasting:
            self._stand_ins[topic] = message.payload
            await self.send(topic, message.payload, retain=True)
            return
        left = message.seconds_left(dt_util.utcnow())
        if left < 1:
            raise NotSent(EXPIRED)
        if self.expiry_works:
            try:
                await self.send(topic, message.payload, retain=True, expiry=left)
            except ExpiryRefused:
                self.expiry_works = False
            else:
                return
        if self.has_will and message.lease is not None:
            await self.send(topic, message.payload, retain=True)
            return
        stand_in = message.stand_in
        if stand_in is not None and self._stand_ins.get(topic) != stand_in:
            await self.send(topic, stand_in, retain=True)
            self._stand_ins[topic] = stand_in
        await self.send(topic, message.payload)

    async def clear(self, topic: str) -> None:
        """Remove the retained message of a topic; raises NotSent."""
        await self.send(topic, b"", retain=True)

    @abstractmethod
    async def send(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        """Send at once, in the order of the calls; raises NotSent or ExpiryRefused."""

    @callback
    def _begin(self) -> None:
        # Another broker, or another protocol, may have come.
        self.expiry_works = True
        self._stand_ins.clear()
        self._take_connection(True)  # noqa: FBT003  the only thing it tells
