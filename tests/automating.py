"""Automations in a real Home Assistant, and time that passes for them."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import RANDOM_MICROSECOND_MAX
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, State

AUTOMATION = "automation.under_test"

# Whose timers automations wait for.
_TIMERS = ("homeassistant.helpers.event", "homeassistant.helpers.script")


async def automate(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """Set up an automation, as it stands in `automations.yaml`; it must be valid."""
    named = {**config, "id": "under_test", "alias": "Under test"}
    assert await async_setup_component(hass, "automation", {"automation": [named]})
    await settle()
    assert hass.states.is_state(AUTOMATION, "on")


async def stop_automations(hass: HomeAssistant) -> None:
    """End what automations wait for."""
    if hass.services.has_service("automation", "turn_off"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "all"}, blocking=True
        )


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the id of an entry's device."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


async def become(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance, state: State
) -> None:
    """Let an instance come to a state, and the entry learn of it."""
    instance.set_state(state)
    await entry.runtime_data.async_refresh()
    await settle()


def notifications(hass: HomeAssistant) -> dict[str, str]:
    """Return the messages of Home Assistant's own notifications, by their ids."""
    found = hass.data.get("persistent_notification", {})
    return {name: item["message"] for name, item in found.items()}


async def settle() -> None:
    """Let automations do all that they can do without waiting for anything.

    What waits is a task of Home Assistant's: to wait until all are done would hang.
    """
    for _ in range(200):
        await asyncio.sleep(0)


async def pass_time(hass: HomeAssistant, **period: float) -> None:
    """Let what automations wait for come, within this period from now.

    Only for them: the time of sockets, of logins and of polls goes on as it does.
    """
    # Home Assistant adds so much to times of day, so that not all comes at once.
    ahead = timedelta(**period) + timedelta(microseconds=RANDOM_MICROSECOND_MAX)
    now = dt_util.utcnow() + ahead
    due = hass.loop.time() + ahead.total_seconds()
    event = "homeassistant.helpers.event"
    with (
        patch(f"{event}.time_tracker_utcnow", return_value=now),
        patch(f"{event}.time_tracker_timestamp", return_value=now.timestamp()),
    ):
        for handle in list(get_scheduled_timer_handles(hass.loop)):
            if handle.when() <= due and not handle.cancelled() and _is_theirs(handle):
                handle._run()
                handle.cancel()
    await settle()


def _is_theirs(handle: asyncio.TimerHandle) -> bool:
    found = handle._callback  # type: ignore[attr-defined]
    module = getattr(found, "__module__", None) or type(found).__module__
    return module in _TIMERS


async def pass_time_to(hass: HomeAssistant, at: time, *, early: float = 0) -> None:
    """Let it be this time of day, as soon as that comes, or so many seconds before."""
    now = dt_util.now()
    then = datetime.combine(now, at, now.tzinfo)
    if then <= now:
        then += timedelta(days=1)
    await pass_time(hass, seconds=(then - now).total_seconds() - early)
