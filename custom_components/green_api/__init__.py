"""Show the login QR and the state of GREEN-API instances."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .authorization import async_forget_used_codes
from .card import async_setup_card
from .clients import client_for
from .const import (
    CONF_API_TOKEN_INSTANCE,
    CONF_API_URL,
    CONF_ID_INSTANCE,
    DEFAULT_OPTIONS,
    DOMAIN,
    MINOR_VERSION,
)
from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .issues import async_keep_issues, async_setup_issues, issues_of_set_up
from .memory import async_load_memory
from .publisher import async_clear, async_start
from .push import async_clear as async_clear_push, async_start as async_start_push
from .services import async_setup_services
from .stills import load_stills
from .teller import async_start_telling
from .websocket_api import async_setup_commands

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = (
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.SENSOR,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all instances share."""
    async_setup_services(hass)
    async_setup_commands(hass)
    async_setup_issues(hass)
    await async_setup_card(hass)
    await async_load_memory(hass)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Bring an entry of an earlier minor version up to date.

    Home Assistant itself refuses one of a later version.
    """
    if entry.minor_version < MINOR_VERSION:
        hass.config_entries.async_update_entry(
            entry,
            options={**DEFAULT_OPTIONS, **entry.options},
            minor_version=MINOR_VERSION,
        )
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
    with issues_of_set_up(hass, entry):
        await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_start(hass, entry)
    async_keep_issues(hass, entry)
    async_forget_used_codes(coordinator)
    await async_start_push(hass, entry)
    # The last of all: who is to hear listens by now.
    async_start_telling(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Unload one instance."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Take back what an instance has left on the broker, in the cloud and here."""
    # An entry that is disabled may go before anything was set up.
    (await async_load_memory(hass)).forget(entry.entry_id)
    await async_clear(hass, entry)
    await async_clear_push(hass, entry)
