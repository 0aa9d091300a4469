"""Put instances into states, and have them seen."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, State
from tests.passing import settle

# Nothing is asked but by the test, and no loss waits.
CALM: Final[dict[str, Any]] = {"poll_interval": 36_000, "loss_grace": 0}


async def see(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance, *states: State
) -> None:
    """Put an instance into one state after the other, and have each seen."""
    for state in states:
        instance.set_state(state)
        await entry.runtime_data.async_refresh()
        await settle(hass)
