"""The sensor with the state of the instance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api.models import InstanceState
from .coordinator import GreenApiConfigEntry
from .entity import GreenApiEntity
from .snapshot import InstanceData

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class GreenApiSensorDescription(SensorEntityDescription):
    """Describe a sensor by what it takes from the snapshot."""

    value_fn: Callable[[InstanceData], str | None]


def _known_state(data: InstanceData) -> str | None:
    return None if data.state is InstanceState.UNKNOWN else data.state


DESCRIPTIONS = (
    GreenApiSensorDescription(
        key="state",
        translation_key="state",
        device_class=SensorDeviceClass.ENUM,
        options=[item for item in InstanceState if item is not InstanceState.UNKNOWN],
        value_fn=_known_state,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an instance."""
    async_add_entities(
        GreenApiSensor(entry.runtime_data, description) for description in DESCRIPTIONS
    )


class GreenApiSensor(GreenApiEntity, SensorEntity):
    """Show one value of the snapshot."""

    entity_description: GreenApiSensorDescription

    @property
    @override
    def native_value(self) -> str | None:
        """Return the value, None while it is not known."""
        return self.entity_description.value_fn(self.coordinator.data)
