"""paho's client as a connection needs it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from functools import partial
import select
import socket
import ssl
import threading
from typing import cast, override

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties

from .settings import BrokerSettings

KEEPALIVE = 30  # seconds of silence until the broker is asked whether it is there


class ReadyClient(Client):
    """A client on a socket that is there already, and of one connection only."""

    def __init__(
        self,
        connected: socket.socket,
        settings: BrokerSettings,
        version: MQTTProtocolVersion,
        event_loop: AbstractEventLoop,
        on_end: Callable[[threading.Thread, MQTTErrorCode], None],
    ) -> None:
        """Take the socket, and the event loop that is told what happens.

        ``on_end`` is called there when paho's thread has left its loop.
        """
        super().__init__(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=version,
            reconnect_on_failure=False,
        )
        self._connected = connected
        self._event_loop = event_loop
        self._news: list[Callable[[], None]] = []
        self.largest: int | None = None
        """The bytes that a packet may have, None for as many as MQTT allows."""

        self.retains = True
        """Whether the broker keeps messages."""

        self._on_end = on_end
        if settings.username is not None:
            self.username_pw_set(settings.username, settings.password)
        self.connect_async(settings.host, settings.port, KEEPALIVE)

    def heed(self, properties: Properties | None) -> None:
        """Keep to the broker's limits, of which paho takes no notice."""
        limit = getattr(properties, "ReceiveMaximum", self._max_inflight_messages)
        self._max_inflight_messages = min(limit, self._max_inflight_messages)
        self._keepalive = getattr(properties, "ServerKeepAlive", self._keepalive)
        self.largest = getattr(properties, "MaximumPacketSize", None)
        self.retains = bool(getattr(properties, "RetainAvailable", True))

    def release(self) -> None:
        """Close the sockets, as well those by which paho wakes its thread."""
        self._reset_sockets()

    # ---------------------------------------------------------- in paho's thread

    def tell(self, function: Callable[..., None], *args: object) -> None:
        """Let the event loop call a function, as soon as paho holds no lock.

        It sends with a lock held before it is through with CONNACK. Who published
        meanwhile would wait for the network.
        """
        self._news.append(partial(function, *args))

    @override
    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle what has come in, then tell of it."""
        try:
            return super().loop_read(max_packets)
        finally:
            self._tell_all()

    @override
    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """Run until the connection ends, which is the life of paho's thread.

        As paho does it, but for ``select``: that takes no descriptor above 1023, and
        Home Assistant allows itself 2048.
        """
        try:
            code = self.reconnect()
            while code is MQTTErrorCode.MQTT_ERR_SUCCESS:
                code = self._turn(timeout)
        except Exception:  # noqa: BLE001  # whatever paho trips over in bad packets
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.tell(self._on_end, threading.current_thread(), code)
        self._tell_all()
        return code

    def _turn(self, timeout: float) -> MQTTErrorCode:
        """Wait for the network, or for something to send, and see to it."""
        connected, wake = self._connected, cast("socket.socket", self._sockpairR)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        sending = select.POLLOUT if self.want_write() else 0
        poll.register(connected, select.POLLIN | sending)
        # What TLS has read already does not show on the socket.
        decoded = isinstance(connected, ssl.SSLSocket) and connected.pending() > 0
        ready = dict(poll.poll(0 if decoded else timeout * 1000))

        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if wake.fileno() in ready:
            wake.recv(10_000)
        if decoded or ready.get(connected.fileno(), 0) & ~select.POLLOUT:
            code = self.loop_read()
        if code is MQTTErrorCode.MQTT_ERR_SUCCESS and self.want_write():
            code = self.loop_write()
        return code or self.loop_misc()

    def _tell_all(self) -> None:
        news, self._news = self._news, []
        with suppress(RuntimeError):  # the event loop is closed
            for item in news:
                self._event_loop.call_soon_threadsafe(item)

    @override
    def _create_socket(self) -> socket.socket:
        return self._connected
