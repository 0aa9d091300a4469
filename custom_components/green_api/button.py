"""The buttons that show a login QR, log the instance out and restart it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import (
    ButtonDeviceClass,
    ButtonEntity,
    ButtonEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .entity import GreenApiEntity

# One order at a time: the cloud takes one a second.
PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class GreenApiButtonDescription(ButtonEntityDescription):
    """Describe a button by what it asks of the coordinator."""

    press_fn: Callable[[GreenApiCoordinator], Awaitable[None]]


DESCRIPTIONS = (
    GreenApiButtonDescription(
        key="login",
        translation_key="login",
        press_fn=GreenApiCoordinator.async_request_login,
    ),
    GreenApiButtonDescription(
        key="logout",
        translation_key="logout",
        entity_category=EntityCategory.CONFIG,
        press_fn=GreenApiCoordinator.async_logout,
    ),
    GreenApiButtonDescription(
        key="reboot",
        device_class=ButtonDeviceClass.RESTART,
        translation_key="reboot",
        entity_category=EntityCategory.CONFIG,
        press_fn=GreenApiCoordinator.async_reboot,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of an instance."""
    async_add_entities(
        GreenApiButton(entry.runtime_data, description) for description in DESCRIPTIONS
    )


class GreenApiButton(GreenApiEntity, ButtonEntity):
    """Give one order."""

    entity_description: GreenApiButtonDescription

    @override
    async def async_press(self) -> None:
        """Give the order; raises a translated HomeAssistantError."""
        await self.entity_description.press_fn(self.coordinator)
