"""One connection to a broker, from CONNECT to its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
import socket
import threading

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from .client import ReadyClient
from .dial import cut, dial
from .errors import (
    BrokerCertificateRefused,
    BrokerClientIdRefused,
    BrokerClosed,
    BrokerCredentialsRefused,
    BrokerError,
    BrokerNotAuthorized,
    BrokerProtocolRefused,
    BrokerTimedOut,
    BrokerTooLarge,
    BrokerWithoutRetain,
)
from .settings import BrokerSettings, Will
from .tls import TlsSocket, tls_context

ANSWER_TIMEOUT = 5.0  # seconds for the answer to CONNECT
PUBLISH_TIMEOUT = 10.0  # seconds for the answer to PUBLISH and SUBSCRIBE
CLOSE_TIMEOUT = 5.0  # seconds for DISCONNECT to get out

# What a PUBLISH has beside topic and payload, at most.
_PUBLISH_HEAD = 32

_FAILURE = 0x80  # reason codes from here on are failures
_NOT_AUTHORIZED = 0x87

# What the broker answers to CONNECT; paho gives those of 3.1.1 by MQTT 5's codes.
_REFUSALS = {
    0x84: BrokerProtocolRefused,
    0x85: BrokerClientIdRefused,
    0x86: BrokerCredentialsRefused,
    0x87: BrokerCredentialsRefused,
    0x8A: BrokerCredentialsRefused,  # banned
    0x9A: BrokerWithoutRetain,
    0x8C: BrokerCredentialsRefused,  # it wants something else than a password
}


class Protocol(Enum):
    """Name the versions of MQTT, the best first."""

    MQTT_5 = MQTTProtocolVersion.MQTTv5
    MQTT_311 = MQTTProtocolVersion.MQTTv311


@dataclass(frozen=True, slots=True)
class Incoming:
    """Hold one message of a subscription."""

    topic: str
    payload: bytes = field(repr=False)
    retained: bool
    """True for one that the broker kept, with MQTT 5 also for one that it will keep."""


class Connection:
    """A connection that is never made anew; made by ``connect``."""

    protocol: Protocol
    ended: asyncio.Future[BrokerError | None]
    """Done when it is over: None after ``close``, else the reason."""

    _thread: threading.Thread  # paho's, known from the end of its loop on

    def __init__(
        self,
        connected: socket.socket,
        settings: BrokerSettings,
        protocol: Protocol,
        will: Will | None,
        on_message: Callable[[Incoming], None] | None,
    ) -> None:
        """Take a socket that is connected to the broker, and own it from now on."""
        self._loop = asyncio.get_running_loop()
        self.protocol = protocol
        self.ended = self._loop.create_future()
        self._over = asyncio.Event()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._accepted.add_done_callback(_retrieve)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._failure: type[BrokerError] | None = None
        self._closing = False
        self._deliver = on_message
        self._socket = connected

        self._client = ReadyClient(
            connected, settings, protocol.value, self._loop, self._end
        )
        if will is not None:
            self._client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def start(self) -> None:
        """Send CONNECT and return when the broker accepts it; raises BrokerError."""
        try:
            self._client.loop_start()
        except BaseException:
            # No thread will close it: the system has no more, or no more files.
            self._socket.close()
            raise
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._accepted
        except TimeoutError:
            await self._abort()
            raise BrokerTimedOut from None
        except BaseException:
            await self._abort()
            raise

    def publish(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool,
        expiry: int | None = None,
    ) -> asyncio.Future[None]:
        """Hand over a message in the order of the calls, at QoS 1.

        The future is done when the broker has it. It raises BrokerError where the
        broker does not take it, the connection gets lost or no answer comes in time,
        which ends the connection. ``expiry`` is in seconds, and for MQTT 5 only:
        raises ValueError with the other.
        """
        properties = None
        if expiry is not None:
            if self.protocol is not Protocol.MQTT_5:
                msg = "messages expire in MQTT 5 only"
                raise ValueError(msg)
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry
        if self._lost:
            return self._refuse(BrokerClosed)
        # A broker ends the connection for what is beyond its limits.
        if retain and not self._client.retains:
            return self._refuse(BrokerWithoutRetain)
        largest = self._client.largest
        if largest is not None and _size(topic, payload) > largest:
            return self._refuse(BrokerTooLarge)
        message = self._client.publish(
            topic, payload, qos=1, retain=retain, properties=properties
        )
        return self._expect(message.mid)

    async def subscribe(self, topic_filter: str) -> None:
        """Get what is published there from now on, and what is retained.

        Raises BrokerError where the broker does not let us, the connection gets lost
        or no answer comes in time, which ends the connection.
        """
        if self._lost:
            mid = None
        elif self.protocol is Protocol.MQTT_5:
            options = SubscribeOptions(
                qos=1,
                retainAsPublished=True,
                retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB,
            )
            _, mid = self._client.subscribe(topic_filter, options=options)
        else:
            _, mid = self._client.subscribe(topic_filter, qos=1)
        await self._expect(mid)

    async def close(self) -> None:
        """Take leave of the broker, which keeps the last will to itself then."""
        if not self._over.is_set():
            self._closing = True
            self._client.disconnect()
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await self._over.wait()
            finally:
                cut(self._socket)
        await self._abort()

    async def _abort(self) -> None:
        """Break the connection if there still is one, and wait for its end."""
        cut(self._socket)
        await self._over.wait()
        await asyncio.to_thread(self._thread.join)

    @property
    def retains(self) -> bool:
        """Return whether the broker keeps messages."""
        return self._client.retains

    @property
    def _lost(self) -> bool:
        return self._over.is_set() or self._closing or self._failure is not None

    def _expect(self, mid: int | None) -> asyncio.Future[None]:
        """Return the future of an answer; without a packet id there will be none."""
        if mid is None:
            return self._refuse(BrokerClosed)
        answer: asyncio.Future[None] = self._loop.create_future()
        answer.add_done_callback(_retrieve)
        self._waiting[mid] = answer
        timer = self._loop.call_later(PUBLISH_TIMEOUT, self._time_out, answer)
        answer.add_done_callback(lambda _: timer.cancel())
        return answer

    def _refuse(self, failure: type[BrokerError]) -> asyncio.Future[None]:
        refused: asyncio.Future[None] = self._loop.create_future()
        refused.add_done_callback(_retrieve)
        refused.set_exception(failure())
        return refused

    def _time_out(self, answer: asyncio.Future[None]) -> None:
        _settle(answer, BrokerTimedOut)
        # What is still on its way must not get out later on.
        self._failure = BrokerTimedOut
        cut(self._socket)

    def _answer(self, mid: int, failure: type[BrokerError] | None) -> None:
        if answer := self._waiting.pop(mid, None):
            _settle(answer, failure)

    def _end(self, thread: threading.Thread, code: MQTTErrorCode) -> None:
        """Take note that paho's thread has left its loop."""
        self._thread = thread
        self._client.release()
        if self._failure is None:
            self._failure = self._reason(code)
        for answer in (self._accepted, *self._waiting.values()):
            _settle(answer, self._failure)
        self._waiting.clear()
        self._over.set()
        if not self.ended.done():
            self.ended.set_result(None if self._closing else self._failure())

    def _reason(self, code: MQTTErrorCode) -> type[BrokerError]:
        if isinstance(self._socket, TlsSocket) and self._socket.certificate_refused:
            return BrokerCertificateRefused
        if code is MQTTErrorCode.MQTT_ERR_PROTOCOL and not self._accepted.done():
            return BrokerProtocolRefused
        return BrokerClosed

    def _receive(self, message: Incoming) -> None:
        if self._deliver and not self._lost:
            self._deliver(message)

    # ------------------------------------------------------- in paho's thread

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        failure = None
        if reason.value >= _FAILURE:
            failure = _REFUSALS.get(reason.value, BrokerError)
        self._client.heed(properties)
        self._client.tell(_settle, self._accepted, failure)

    def _on_publish(
        self,
        client: Client,
        userdata: object,
        mid: int,
        reason: ReasonCode,
        properties: Properties,
    ) -> None:
        self._client.tell(self._answer, mid, _failure(reason))

    def _on_subscribe(
        self,
        client: Client,
        userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        failure = _failure(reasons[0])
        if failure and self.protocol is Protocol.MQTT_311:
            failure = BrokerNotAuthorized  # it has one word for all failures
        self._client.tell(self._answer, mid, failure)

    def _on_message(
        self, client: Client, userdata: object, message: MQTTMessage
    ) -> None:
        self._client.tell(
            self._receive,
            Incoming(message.topic, bytes(message.payload), message.retain),
        )


async def connect(
    settings: BrokerSettings,
    *,
    will: Will | None = None,
    on_message: Callable[[Incoming], None] | None = None,
    protocol: Protocol | None = None,
) -> Connection:
    """Return a connection, by MQTT 5 if the broker speaks it, else by 3.1.1.

    A protocol that is given is the only one tried. Messages come one by one in the
    event loop. Raises BrokerError.
    """
    context = await asyncio.to_thread(tls_context, settings) if settings.tls else None

    async def reach(version: Protocol) -> Connection:
        connected = await dial(settings, context)
        return Connection(connected, settings, version, will, on_message)

    connection = await reach(protocol or Protocol.MQTT_5)
    try:
        await connection.start()
    except BrokerProtocolRefused, BrokerClosed, BrokerTimedOut:
        # All of this is how brokers without MQTT 5 meet it.
        if protocol:
            raise
    else:
        return connection
    connection = await reach(Protocol.MQTT_311)
    await connection.start()
    return connection


async def check_connection(
    settings: BrokerSettings, *, beside: bool = True
) -> Protocol:
    """Return what the broker speaks; raises BrokerError.

    ``beside`` takes another client id, to leave a connection alone that lasts.
    """
    if beside:
        settings = replace(settings, client_id=f"{settings.client_id}-check")
    connection = await connect(settings)
    await connection.close()
    if not connection.retains:
        raise BrokerWithoutRetain
    return connection.protocol


def _settle(future: asyncio.Future[None], failure: type[BrokerError] | None) -> None:
    if future.done():
        return
    if failure:
        future.set_exception(failure())
    else:
        future.set_result(None)


def _retrieve(future: asyncio.Future[None]) -> None:
    """Keep asyncio from logging an exception that nobody asks for."""
    if not future.cancelled():
        future.exception()


def _failure(reason: ReasonCode) -> type[BrokerError] | None:
    if reason.value < _FAILURE:
        return None
    return BrokerNotAuthorized if reason.value == _NOT_AUTHORIZED else BrokerError


def _size(topic: str, payload: str | bytes) -> int:
    text = payload.encode() if isinstance(payload, str) else payload
    return _PUBLISH_HEAD + len(topic.encode()) + len(text)
