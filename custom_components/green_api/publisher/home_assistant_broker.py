"""The way to a broker by Home Assistant's own MQTT integration."""

import asyncio
from collections.abc import Callable
from typing import Final, override

from homeassistant.const import EVENT_COMPONENT_LOADED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.service_info.mqtt import ReceivePayloadType
from homeassistant.setup import EventComponentLoaded

from ..const import MQTT_DOMAIN
from .brokers import Broker, ExpiryRefused, NotSent, TakeConnection, TakeMessage

QOS: Final = 1
SUBSCRIPTION_TIMEOUT: Final = 10.0
PROBLEM: Final = "mqtt_disconnected"


class HomeAssistantBroker(Broker):
    """Publish by Home Assistant's MQTT integration, whenever it is there.

    The integration is imported only once it is set up: Home Assistant works
    without it.
    """

    has_will = False

    def __init__(self, hass: HomeAssistant, take_connection: TakeConnection) -> None:
        """Take whom to tell of the connection; nothing is done yet."""
        super().__init__(take_connection)
        self._hass = hass
        self._unfollow: Callable[[], None] | None = None
        self._unsubscribe: dict[str, Callable[[], None]] = {}

    @property
    @override
    def problem(self) -> str | None:
        return None if self._connected else PROBLEM

    @callback
    @override
    def open(self) -> None:
        if MQTT_DOMAIN in self._hass.config.components:
            self._follow_connection()
        else:
            self._unfollow = self._hass.bus.async_listen(
                EVENT_COMPONENT_LOADED, self._take_component
            )

    @override
    async def close(self) -> None:
        self._stop_following()
        while self._unsubscribe:
            _, unsubscribe = self._unsubscribe.popitem()
            unsubscribe()

    @override
    async def subscribe(self, topic_filter: str, take: TakeMessage) -> None:
        self._require_connection()
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        @callback
        def receive(message: mqtt.ReceiveMessage) -> None:
            take(message.topic, _bytes(message.payload), message.retain)

        # The integration subscribes anew by itself when the broker is back.
        if topic_filter not in self._unsubscribe:
            try:
                self._unsubscribe[topic_filter] = await mqtt.async_subscribe(
                    self._hass, topic_filter, receive, QOS, encoding=None
                )
            except HomeAssistantError:
                raise NotSent(PROBLEM) from None
        done = asyncio.Event()
        stop = mqtt.async_on_subscribe_done(self._hass, topic_filter, QOS, done.set)
        try:
            async with asyncio.timeout(SUBSCRIPTION_TIMEOUT):
                await done.wait()
        except TimeoutError:
            raise NotSent(PROBLEM) from None
        finally:
            stop()

    @override
    async def send(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        # Checked each time: the client would queue a message while the broker is
        # away, and send a dead code when it returns.
        self._require_connection()
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        try:
            await mqtt.async_publish(
                self._hass,
                topic,
                payload,
                QOS,
                retain,
                message_expiry_interval=expiry,
            )
        except HomeAssistantError as err:
            if expiry is not None and isinstance(err, ServiceValidationError):
                raise ExpiryRefused(PROBLEM) from None
            raise NotSent(PROBLEM) from None

    @property
    def _connected(self) -> bool:
        if MQTT_DOMAIN not in self._hass.config.components:
            return False
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        try:
            return mqtt.is_connected(self._hass)
        except KeyError:  # the integration is set up, its entry is not
            return False

    def _require_connection(self) -> None:
        if not self._connected:
            raise NotSent(PROBLEM)

    @callback
    def _stop_following(self) -> None:
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    @callback
    def _take_component(self, event: Event[EventComponentLoaded]) -> None:
        if event.data["component"] == MQTT_DOMAIN:
            self._stop_following()
            self._follow_connection()

    @callback
    def _follow_connection(self) -> None:
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        self._unfollow = mqtt.async_subscribe_connection_status(
            self._hass, self._take_status
        )
        if self._connected:
            self._begin()

    @callback
    def _take_status(self, connected: bool) -> None:  # noqa: FBT001  MQTT's form
        if connected:
            self._begin()
        else:
            self._take_connection(False)  # noqa: FBT003  the only thing it tells


def _bytes(payload: ReceivePayloadType) -> bytes:
    return payload.encode() if isinstance(payload, str) else bytes(payload)
