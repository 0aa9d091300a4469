"""What has happened to an instance, as an entity."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import GreenApiConfigEntry
from .entity import GreenApiEntity
from .moments import Happening, Moment
from .teller import async_listen_moments

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

EVENT_TYPES: Final = (
    Moment.AUTHORIZED,
    Moment.AUTHORIZATION_LOST,
    Moment.STATE_CHANGED,
    Moment.QR_READY,
    Moment.PASSWORD_REQUIRED,
)

DESCRIPTION: Final = EventEntityDescription(
    key="event",
    translation_key="event",
    event_types=[item.value for item in EVENT_TYPES],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event of an instance."""
    async_add_entities([GreenApiEvent(entry.runtime_data, DESCRIPTION)])


class GreenApiEvent(GreenApiEntity, EventEntity):
    """Tell of the moments that the triggers tell of, one after the other."""

    @property
    @override
    def available(self) -> bool:
        """Return True: what has happened stays true while the cloud is away.

        And what comes out of `unavailable` would look as if it happened then.
        """
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Listen from now on."""
        await super().async_added_to_hass()
        self.async_on_remove(async_listen_moments(self.hass, self._take))

    @callback
    def _take(self, entry: GreenApiConfigEntry, happening: Happening) -> None:
        if (
            entry is self.coordinator.config_entry
            and happening.moment in EVENT_TYPES
            and not happening.repeated
        ):
            self._trigger_event(happening.moment, dict(happening.facts))
            self.async_write_ha_state()
