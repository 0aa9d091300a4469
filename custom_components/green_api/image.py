"""The image entity with the login QR."""

from typing import override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .entity import PictureEntity

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

DESCRIPTION = ImageEntityDescription(key="qr_image", translation_key="login_qr")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the image entity of an instance."""
    async_add_entities([GreenApiImage(hass, entry.runtime_data)])


class GreenApiImage(PictureEntity, ImageEntity):
    """Show the picture; the state tells when it last changed."""

    _attr_content_type = "image/png"

    def __init__(self, hass: HomeAssistant, coordinator: GreenApiCoordinator) -> None:
        """Take the coordinator of the instance."""
        PictureEntity.__init__(self, coordinator, DESCRIPTION)
        ImageEntity.__init__(self, hass, verify_ssl=True)
        self._png = b""
        self._take_picture()

    @override
    async def async_image(self) -> bytes:
        """Return the PNG; counts as somebody looking."""
        self.coordinator.look()
        return self.coordinator.picture.png

    @callback
    def _take_picture(self) -> None:
        png = self.coordinator.picture.png
        if png != self._png:
            self._png = png
            self._attr_image_last_updated = dt_util.utcnow()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._take_picture()
        super()._handle_coordinator_update()
