"""Keep the topics of one instance equal to its snapshot."""

import asyncio
from typing import Final

from homeassistant.core import HassJob, HomeAssistant, callback

from ..const import CONF_MQTT, CONF_MQTT_PREFIX, LOGGER, MqttMode
from ..coordinator import GreenApiConfigEntry
from ..stills import Situation
from .brokers import HomeAssistantBroker, NotSent
from .topics import (
    QR_TOPICS,
    STATE_TOPICS,
    Message,
    base_topic,
    messages,
)

# What leaving may take of the time that Home Assistant gives to stop.
FAREWELL_TIMEOUT: Final = 5.0


class Publisher:
    """Send what differs from what was sent, always from the present snapshot.

    Nothing is queued while the broker is away: on its return the whole snapshot
    of that moment is sent.
    """

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, whose options say what is published and where."""
        self._hass = hass
        self._entry = entry
        self._options = entry.options
        self._mode = MqttMode(entry.options[CONF_MQTT])
        self._base = base_topic(
            entry.options[CONF_MQTT_PREFIX], entry.runtime_data.client.id_instance
        )
        self._broker = HomeAssistantBroker(hass, self._take_connection)
        self._sent: dict[str, Message] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @callback
    def start(self) -> None:
        """Publish from now on until the entry is unloaded."""
        entry = self._entry
        self._task = entry.async_create_background_task(
            self._hass, self._run(), f"{entry.title} MQTT publisher"
        )
        entry.async_on_unload(entry.runtime_data.async_add_listener(self._changed.set))
        entry.async_on_unload(self.async_stop)
        # Before Home Assistant's MQTT client stops, which a listener of the stop
        # event could not be sure of.
        entry.async_on_unload(
            self._hass.async_add_shutdown_job(HassJob(self.async_stop))
        )
        self._broker.open()

    async def async_stop(self) -> None:
        """Take back what will not be kept true any longer."""
        if self._task is None:
            return
        self._task.cancel()
        self._task = None
        self._broker.close()
        try:
            async with asyncio.timeout(FAREWELL_TIMEOUT):
                if self._moved:
                    await clear_topics(self._broker, self._base)
                else:
                    await self._send(leaving=True)
        except NotSent, TimeoutError:
            LOGGER.debug("MQTT farewell of %s did not get out", self._base)

    @property
    def _moved(self) -> bool:
        """Return whether the options have changed under a running entry."""
        return self._entry.options != self._options

    @callback
    def _take_connection(self) -> None:
        self._sent.clear()
        self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._send()
            except NotSent:
                # The connection's return, or the next snapshot, tries again.
                LOGGER.debug("Not everything of %s got out", self._base)

    async def _send(self, *, leaving: bool = False) -> None:
        coordinator = self._entry.runtime_data
        picture = coordinator.picture
        if leaving:
            picture = coordinator.still(Situation.NO_CONNECTION)
        wanted = messages(coordinator.data, picture, self._mode, leaving=leaving)
        for topic, message in wanted.items():
            if self._sent.get(topic) == message:
                continue
            # Forgotten first: a failure leaves open what the topic says.
            self._sent.pop(topic, None)
            await self._broker.publish(f"{self._base}/{topic}", message)
            self._sent[topic] = message


async def clear_topics(broker: HomeAssistantBroker, base: str) -> None:
    """Remove every retained message of an instance; raises NotSent."""
    for topic in (*QR_TOPICS, *STATE_TOPICS):
        await broker.clear(f"{base}/{topic}")
