"""The cloud tells of a change by itself, where the user wants that."""

from homeassistant.core import HomeAssistant

from ..const import CONF_PUSH, PushMode
from ..coordinator import GreenApiConfigEntry
from .queue import NotificationQueue
from .upkeep import async_clear, async_keep_settings
from .webhook import async_start_webhook

__all__ = ["async_clear", "async_start"]


async def async_start(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Take what the cloud tells until the entry is unloaded, as its options say."""
    match entry.options[CONF_PUSH]:
        case PushMode.WEBHOOK:
            async_start_webhook(hass, entry)
        case PushMode.QUEUE:
            NotificationQueue(hass, entry).start()
    async_keep_settings(hass, entry)
