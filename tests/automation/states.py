"""Put instances into states, and have them seen."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, State
from tests.passing import Time, settle
from tests.waiting import wait_until

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


async def come_up(hass: HomeAssistant, time: Time, entry: MockConfigEntry) -> None:
    """Wait until an entry is loaded that Home Assistant tries to load again."""
    decided = (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY)
    while True:
        await wait_until(hass, lambda: entry.state in decided)
        if entry.state is ConfigEntryState.LOADED:
            return
        await time.pass_(hass, 60)
