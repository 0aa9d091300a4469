"""paho's client as a connection needs it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from functools import partial
import socket
import threading
from typing import override

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties

from .settings import BrokerSettings, Will

KEEPALIVE = 30  # seconds of silence until the broker is asked whether it is there


class ReadyClient(Client):
    """A client on a socket that is there already, and of one connection only."""

    def __init__(
        self,
        connected: socket.socket,
        settings: BrokerSettings,
        version: MQTTProtocolVersion,
        will: Will | None,
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
        self._on_end = on_end
        if settings.username is not None:
            self.username_pw_set(settings.username, settings.password)
        if will is not None:
            self.will_set(will.topic, will.payload, qos=1, retain=True)
        self.connect_async(settings.host, settings.port, KEEPALIVE)

    def heed(self, properties: Properties | None) -> None:
        """Keep to the broker's limits, of which paho takes no notice."""
        limit = getattr(properties, "ReceiveMaximum", self._max_inflight_messages)
        self._max_inflight_messages = min(limit, self._max_inflight_messages)
        self._keepalive = getattr(properties, "ServerKeepAlive", self._keepalive)

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
        """Run until the connection ends, which is the life of paho's thread."""
        code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        # A malformed packet makes paho raise whatever it stumbles over.
        with suppress(Exception):
            code = super().loop_forever(timeout, retry_first_connection)
        self.tell(self._on_end, threading.current_thread(), code)
        self._tell_all()
        return code

    def _tell_all(self) -> None:
        news, self._news = self._news, []
        with suppress(RuntimeError):  # the event loop is closed
            for item in news:
                self._event_loop.call_soon_threadsafe(item)

    @override
    def _create_socket(self) -> socket.socket:
        return self._connected
