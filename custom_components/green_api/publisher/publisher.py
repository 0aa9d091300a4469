"""Keep the topics of one instance equal to its snapshot."""

import asyncio
from contextlib import suppress
from typing import Final

from homeassistant.core import HassJob, HomeAssistant, callback

from ..const import CONF_MQTT, CONF_MQTT_PREFIX, CONF_MQTT_TOPICS, LOGGER, MqttMode
from ..coordinator import GreenApiConfigEntry
from ..stills import Situation
from .brokers import HomeAssistantBroker, NotSent
from .topics import Message, base_topic, messages, topics

# What leaving may take of the time that Home Assistant gives to stop.
FAREWELL_TIMEOUT: Final = 5.0

# For failures that no return of the connection ends, in seconds.
RETRY_INTERVAL: Final = 30.0


class Publisher:
    """Send what differs from what was sent, always from the present snapshot.

    Nothing is queued while the broker is away: on its return the whole snapshot
    of that moment is sent. The entry remembers the topics in use, so that they can
    be cleared later, whatever happens to the options or the broker meanwhile.
    """

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, whose options say what is published and where."""
        self._hass = hass
        self._entry = entry
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
        self._remember(remembered_topics(entry) | set(self._own_topics))
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
                await self._send(leaving=True)
        except NotSent, TimeoutError:
            LOGGER.debug("MQTT farewell of %s did not get out", self._base)

    @property
    def _own_topics(self) -> list[str]:
        return topics(self._base, self._mode)

    @callback
    def _remember(self, used: set[str]) -> None:
        if used != remembered_topics(self._entry):
            data = {**self._entry.data, CONF_MQTT_TOPICS: sorted(used)}
            self._hass.config_entries.async_update_entry(self._entry, data=data)

    @callback
    def _take_connection(self) -> None:
        self._sent.clear()
        self._changed.set()

    async def _run(self) -> None:
        wait: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            self._changed.clear()
            wait = None if await self._send_all() else RETRY_INTERVAL

    async def _send_all(self) -> bool:
        """Return whether the broker now has what it should have."""
        try:
            await self._clear_stale()
            await self._send()
        except NotSent:
            LOGGER.debug("Not everything of %s got out", self._base)
            return False
        except Exception:  # noqa: BLE001  it must not end the publishing
            LOGGER.exception("Unexpected error while publishing %s", self._base)
            return False
        return True

    async def _clear_stale(self) -> None:
        """Remove what former options have left on the broker."""
        own = set(self._own_topics)
        await clear_topics(self._broker, remembered_topics(self._entry) - own)
        self._remember(own)

    async def _send(self, *, leaving: bool = False) -> None:
        coordinator = self._entry.runtime_data
        picture = coordinator.picture
        if leaving:
            picture = coordinator.still(Situation.NO_CONNECTION)
        wanted = messages(coordinator.data, picture, self._mode, leaving=leaving)
        changed = {
            topic: message
            for topic, message in wanted.items()
            if self._sent.get(topic) != message
        }
        # At once, in order: were each to wait for the broker, a slow one would get
        # the last of them when it is true no longer.
        results = await asyncio.gather(
            *(self._publish(topic, message) for topic, message in changed.items()),
            return_exceptions=True,
        )
        for failure in filter(None, results):
            raise failure

    async def _publish(self, topic: str, message: Message) -> None:
        # Forgotten first: a failure leaves open what the topic says.
        self._sent.pop(topic, None)
        await self._broker.publish(f"{self._base}/{topic}", message)
        self._sent[topic] = message


def remembered_topics(entry: GreenApiConfigEntry) -> set[str]:
    """Return the topics on which an entry has left something."""
    return set(entry.data.get(CONF_MQTT_TOPICS, ()))


async def clear_topics(broker: HomeAssistantBroker, used: set[str]) -> None:
    """Remove the retained messages of these topics; raises NotSent."""
    for topic in sorted(used):
        await broker.clear(topic)
