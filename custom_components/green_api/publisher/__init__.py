"""The snapshot of an instance on MQTT, for consumers other than Home Assistant."""

from homeassistant.core import HomeAssistant, callback

from ..const import (
    CONF_ID_INSTANCE,
    CONF_MQTT,
    CONF_MQTT_PREFIX,
    LOGGER,
    MqttMode,
)
from ..coordinator import GreenApiConfigEntry
from .brokers import HomeAssistantBroker, NotSent
from .publisher import Publisher, clear_topics
from .topics import base_topic


@callback
def async_start(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Publish an instance until its entry is unloaded, if its options say so."""
    if entry.options[CONF_MQTT] != MqttMode.OFF:
        Publisher(hass, entry).start()


async def async_clear(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Remove what an entry that is being removed has left on the broker."""
    if entry.options[CONF_MQTT] == MqttMode.OFF:
        return
    base = base_topic(entry.options[CONF_MQTT_PREFIX], entry.data[CONF_ID_INSTANCE])
    try:
        await clear_topics(HomeAssistantBroker(hass, lambda: None), base)
    except NotSent:
        LOGGER.warning(
            "No broker was there to remove the retained messages below %s", base
        )
