"""The base of all entities."""

from typing import override

from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import CONSOLE_URL, DOMAIN
from .coordinator import GreenApiCoordinator


class GreenApiEntity(CoordinatorEntity[GreenApiCoordinator]):
    """Belong to the device of one instance."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: GreenApiCoordinator, description: EntityDescription
    ) -> None:
        """Take the coordinator of the instance and what the entity is."""
        super().__init__(coordinator)
        id_instance = coordinator.client.id_instance
        self.entity_description = description
        self._attr_unique_id = f"{id_instance}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, id_instance)},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer="GREEN-API",
            model=coordinator.messenger.label,
            name=coordinator.config_entry.title,
            configuration_url=CONSOLE_URL,
        )


class PictureEntity(GreenApiEntity):
    """Show the picture of an instance, which exists in every situation."""

    @property
    @override
    def available(self) -> bool:
        """Return True: without a connection there is a still picture that says so."""
        return True
