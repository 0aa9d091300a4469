"""The way to a broker: Home Assistant's own MQTT client."""

from collections.abc import Callable
from math import floor
from typing import Final

from homeassistant.const import EVENT_COMPONENT_LOADED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import EventComponentLoaded
from homeassistant.util import dt as dt_util

from ..const import MQTT_DOMAIN
from .topics import Message

QOS: Final = 1


class NotSent(Exception):
    """Say that a message did not reach the broker."""


class ExpiryRefused(NotSent):
    """Say that the connection's protocol knows no message expiry."""


class HomeAssistantBroker:
    """Publish by Home Assistant's MQTT integration, whenever it is there.

    The integration is imported only once it is set up: Home Assistant works
    without it.
    """

    def __init__(self, hass: HomeAssistant, on_connected: Callable[[], None]) -> None:
        """Take what to call when a connection begins; nothing is done yet."""
        self._hass = hass
        self._on_connected = on_connected
        self._unsubscribe: Callable[[], None] | None = None
        self._expiry_works = True

    @callback
    def open(self) -> None:
        """Follow the connection, from now on or from when MQTT is set up."""
        if MQTT_DOMAIN in self._hass.config.components:
            self._follow_connection()
        else:
            self._unsubscribe = self._hass.bus.async_listen(
                EVENT_COMPONENT_LOADED, self._take_component
            )

    @callback
    def close(self) -> None:
        """Stop following the connection."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    @property
    def connected(self) -> bool:
        """Return whether a message would go out now."""
        if MQTT_DOMAIN not in self._hass.config.components:
            return False
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        try:
            return mqtt.is_connected(self._hass)
        except KeyError:  # the integration is set up, its entry is not
            return False

    async def publish(self, topic: str, message: Message) -> None:
        """Publish a message and wait for the broker; raises NotSent.

        With MQTT 5 it is retained, with an expiry where it becomes untrue. On
        MQTT 3.1.1 there is no expiry, so what becomes untrue is not retained.
        """
        if message.expires_at is None:
            await self._publish(topic, message.payload, retain=True)
            return
        left = floor((message.expires_at - dt_util.utcnow()).total_seconds())
        if left < 1:
            raise NotSent
        if self._expiry_works:
            try:
                await self._publish(topic, message.payload, retain=True, expiry=left)
            except ExpiryRefused:
                self._expiry_works = False
            else:
                return
        await self._publish(topic, message.payload, retain=False)

    async def clear(self, topic: str) -> None:
        """Remove the retained message of a topic; raises NotSent."""
        await self._publish(topic, b"", retain=True)

    async def _publish(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool,
        expiry: int | None = None,
    ) -> None:
        # Checked each time: the client would queue a message while the broker is
        # away, and send a dead code when it returns.
        if not self.connected:
            raise NotSent
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
                raise ExpiryRefused from None
            raise NotSent from None

    @callback
    def _take_component(self, event: Event[EventComponentLoaded]) -> None:
        if event.data["component"] == MQTT_DOMAIN:
            self.close()
            self._follow_connection()

    @callback
    def _follow_connection(self) -> None:
        from homeassistant.components import mqtt  # noqa: PLC0415  see the class

        self._unsubscribe = mqtt.async_subscribe_connection_status(
            self._hass, self._take_connection
        )
        if self.connected:
            self._take_connection(connected=True)

    @callback
    def _take_connection(self, connected: bool) -> None:  # noqa: FBT001  MQTT's form
        if connected:
            # Another broker, or another protocol, may have come.
            self._expiry_works = True
            self._on_connected()
