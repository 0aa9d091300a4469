"""The snapshot of an instance on MQTT, for consumers other than Home Assistant."""

import asyncio
from dataclasses import replace
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import CONF_MQTT, DOMAIN, MqttMode
from ..coordinator import GreenApiConfigEntry
from .brokers import NotSent
from .publisher import (
    Publisher,
    Standing,
    broker_for,
    clear_topics,
    remembered_topics,
    warn_of_rest,
)
from .settings import PublishSettings

__all__ = ["Standing", "async_clear", "async_start", "standing_of"]

# What the removal of an entry may take where its broker is slow, or away.
REMOVAL_TIMEOUT: Final = 15.0

_PUBLISHERS: Final[HassKey[dict[str, Publisher]]] = HassKey(f"{DOMAIN}_publishers")


@callback
def async_start(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Publish an instance until its entry is unloaded, as its options say.

    With publishing off there can still be something to clear.
    """
    publishes = entry.options[CONF_MQTT] != MqttMode.OFF
    if not publishes and not remembered_topics(entry):
        return
    publisher = Publisher(hass, entry)
    publisher.start()
    if publishes:
        running = hass.data.setdefault(_PUBLISHERS, {})
        running[entry.entry_id] = publisher

        @callback
        def forget() -> None:
            del running[entry.entry_id]

        entry.async_on_unload(forget)


@callback
def standing_of(hass: HomeAssistant, entry: GreenApiConfigEntry) -> Standing | None:
    """Return how the publishing of an instance stands, None where there is none."""
    publisher = hass.data.get(_PUBLISHERS, {}).get(entry.entry_id)
    return publisher.standing if publisher else None


async def async_clear(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Remove what an entry that is being removed has left on the broker."""
    used = remembered_topics(entry)
    if not used:
        return
    connected = asyncio.Event()

    @callback
    def take_connection(is_there: bool) -> None:  # noqa: FBT001  the only thing it tells
        if is_there:
            connected.set()

    # Off: with a last will, it would say something of an instance that is gone.
    settings = replace(PublishSettings.of(entry), mode=MqttMode.OFF)
    broker = broker_for(hass, settings, take_connection)
    broker.open()
    try:
        async with asyncio.timeout(REMOVAL_TIMEOUT):
            if settings.broker is not None:
                await connected.wait()
            await clear_topics(broker, used)
    except NotSent, TimeoutError:
        warn_of_rest(entry)
    finally:
        await broker.close()
