"""Show the login QR and the state of GREEN-API instances."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .clients import client_for
from .const import (
    CONF_API_TOKEN_INSTANCE,
    CONF_API_URL,
    CONF_ID_INSTANCE,
    DOMAIN,
)
from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .publisher import async_clear, async_start
from .services import async_setup_services
from .stills import load_stills

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = (Platform.BUTTON, Platform.CAMERA, Platform.IMAGE, Platform.SENSOR)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all instances share."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Set up one instance."""
    client = client_for(
        hass,
        api_url=entry.data[CONF_API_URL],
        id_instance=entry.data[CONF_ID_INSTANCE],
        api_token_instance=entry.data[CONF_API_TOKEN_INSTANCE],
    )
    stills = await hass.async_add_executor_job(load_stills)
    coordinator = GreenApiCoordinator(hass, entry, client, stills)
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_start(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Unload one instance."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Take back what an instance has left on the broker."""
    await async_clear(hass, entry)
