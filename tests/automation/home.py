"""One Home Assistant after the other, on what the one before has stored."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import frame
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from simulator import Instance, Simulator
from tests.conftest import entry_of


@asynccontextmanager
async def home() -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that has not started yet, and stop it as it is stopped.

    What it stores goes to `hass_storage`, whose fixture has to be there.
    """
    async with async_test_home_assistant(initial_state=CoreState.not_running) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        frame.async_setup(hass)
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


def same_entry(
    former: MockConfigEntry | None,
    cloud: Simulator,
    instance: Instance,
    **options: object,
) -> MockConfigEntry:
    """Return an entry as the next Home Assistant reads it."""
    entry = entry_of(cloud, instance, **options)
    if former is not None:
        object.__setattr__(entry, "entry_id", former.entry_id)
    return entry
