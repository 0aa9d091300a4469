"""paho's client as a connection needs it."""

from collections.abc import Callable
from contextlib import suppress
import socket
import threading
from typing import override

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties

from .settings import BrokerSettings, Will

KEEPALIVE = 30  # seconds of silence until the broker is asked whether it is there


class ReadyClient(Client):
    """Be paho's client on a socket that is there already; tell when its thread ends."""

    def __init__(
        self,
        connected: socket.socket,
        settings: BrokerSettings,
        version: MQTTProtocolVersion,
        will: Will | None,
        on_end: Callable[[threading.Thread, MQTTErrorCode], None],
    ) -> None:
        """Take the socket, and what paho's thread is to call at its end."""
        super().__init__(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=version,
            reconnect_on_failure=False,
        )
        self._connected = connected
        self._on_end = on_end
        if settings.username is not None:
            self.username_pw_set(settings.username, settings.password)
        if will is not None:
            self.will_set(will.topic, will.payload, qos=1, retain=True)
        self.connect_async(settings.host, settings.port, KEEPALIVE)

    @override
    def _create_socket(self) -> socket.socket:
        return self._connected

    @override
    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """Run until the connection ends, which is the life of paho's thread."""
        code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        # A malformed packet makes paho raise whatever it stumbles over.
        with suppress(Exception):
            code = super().loop_forever(timeout, retry_first_connection)
        self._on_end(threading.current_thread(), code)
        return code

    def heed(self, properties: Properties | None) -> None:
        """Keep to the broker's limits, of which paho takes no notice."""
        limit = getattr(properties, "ReceiveMaximum", self._max_inflight_messages)
        self._max_inflight_messages = min(limit, self._max_inflight_messages)
        self._keepalive = getattr(properties, "ServerKeepAlive", self._keepalive)

    def release(self) -> None:
        """Close the sockets, as well those by which paho wakes its thread."""
        self._reset_sockets()
