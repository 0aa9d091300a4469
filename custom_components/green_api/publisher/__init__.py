"""The snapshot of an instance on MQTT, for consumers other than Home Assistant."""

from homeassistant.core import HomeAssistant, callback

from ..const import CONF_MQTT, LOGGER, MqttMode
from ..coordinator import GreenApiConfigEntry
from .brokers import HomeAssistantBroker, NotSent
from .publisher import Publisher, clear_topics, remembered_topics


@callback
def async_start(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Publish an instance until its entry is unloaded, as its options say.

    With publishing off there can still be something to clear.
    """
    if entry.options[CONF_MQTT] != MqttMode.OFF or remembered_topics(entry):
        Publisher(hass, entry).start()


async def async_clear(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Remove what an entry that is being removed has left on the broker."""
    used = remembered_topics(entry)
    try:
        await clear_topics(HomeAssistantBroker(hass, lambda: None), used)
    except NotSent:
        LOGGER.warning(
            "No broker was there to remove the retained messages of %s: %s",
            entry.title,
            ", ".join(sorted(used)),
        )
