"""The actions of the integration."""

import asyncio
from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import (
    async_get_config_entry,
    async_get_device_and_config_entry,
    async_register_admin_service,
)
import voluptuous as vol

from .const import DOMAIN
from .coordinator import GreenApiCoordinator

SERVICE_LOGOUT: Final = "logout"

_IDS: Final = vol.All(cv.ensure_list, [cv.string], vol.Length(min=1))

INSTANCE_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            vol.Optional(ATTR_CONFIG_ENTRY_ID): _IDS,
            vol.Optional(ATTR_DEVICE_ID): _IDS,
        }
    ),
    cv.has_at_least_one_key(ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID),
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, for administrators only."""
    async_register_admin_service(
        hass, DOMAIN, SERVICE_LOGOUT, _async_logout, INSTANCE_SCHEMA
    )


async def _async_logout(call: ServiceCall) -> None:
    """Log out every instance that is named."""
    await asyncio.gather(*(item.async_logout() for item in _coordinators(call)))


@callback
def _coordinators(call: ServiceCall) -> list[GreenApiCoordinator]:
    """Return the coordinators of the devices and entries that a call names, once.

    Raises ServiceValidationError before anything is asked of the cloud.
    """
    entries = [
        async_get_config_entry(call.hass, DOMAIN, entry_id)
        for entry_id in call.data.get(ATTR_CONFIG_ENTRY_ID, ())
    ]
    entries += [
        async_get_device_and_config_entry(call.hass, DOMAIN, device_id)[1]
        for device_id in call.data.get(ATTR_DEVICE_ID, ())
    ]
    by_id = {entry.entry_id: entry.runtime_data for entry in entries}
    return list(by_id.values())
