"""What was last known is there after a restart, and after a crash."""

import asyncio
from copy import deepcopy
from datetime import timedelta
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.memory import (
    SIGNAL_LAST_KNOWN,
    LastKnown,
    Memory,
    async_load_memory,
    memory_of,
)
from simulator import Instance, Simulator, State
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.passing import settle
from tests.waiting import lift_limits, set_rhythm

NOW = dt_util.utcnow()
KNOWN = LastKnown(
    state="blocked",
    state_since=NOW,
    state_before="not_authorized",
    linked=False,
    since=NOW - timedelta(minutes=1),
    changed=True,
    told=False,
)
ROW = KNOWN.as_dict()
NEW = LastKnown(state="starting", state_since=NOW, linked=None, since=NOW)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)


def stored_data(data: Any, version: int = 1) -> dict[str, Any]:
    """Return a file of the memory with this content."""
    return {"version": version, "minor_version": 1, "key": DOMAIN, "data": data}


def stored(rows: dict[str, Any], version: int = 1) -> dict[str, Any]:
    """Return a file of the memory with these rows."""
    data = {"alive_at": NOW.isoformat(), "instances": rows}
    return stored_data(data, version)


async def remembered(hass: HomeAssistant) -> Memory:
    """Return the memory as one who starts now would find it."""
    await settle(hass)
    memory = Memory(hass)
    await memory.async_load()
    return memory


# --------------------------------------------------------------------- reading


@pytest.mark.parametrize("known", [KNOWN, NEW])
async def test_a_row_comes_back_as_it_was(
    hass: HomeAssistant, hass_storage: dict[str, Any], known: LastKnown
) -> None:
    memory = await async_load_memory(hass)
    memory.keep("one", known)
    assert (await remembered(hass)).get("one") == known
    assert hass_storage[DOMAIN]["data"]["instances"] == {"one": known.as_dict()}


async def test_nothing_is_known_at_first(hass: HomeAssistant) -> None:
    memory = await async_load_memory(hass)
    assert memory.get("one") is None
    assert memory is memory_of(hass)


BROKEN: list[Any] = [
    None,
    [],
    "authorized",
    {},
    {key: value for key, value in ROW.items() if key != "since"},
    {**ROW, "state": None},
    {**ROW, "state": 5},
    {**ROW, "linked": "yes"},
    {**ROW, "linked": 1},
    {**ROW, "told": None},
    {**ROW, "since": None},
    {**ROW, "since": "yesterday"},
    {**ROW, "since": 1763800000},
    {**ROW, "since": "2026-13-45T99:00:00+00:00"},
    {**ROW, "state_since": "2026-01-01T00:00:00"},
]


@pytest.mark.parametrize("row", BROKEN)
async def test_a_broken_row_costs_no_other(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    row: Any,
) -> None:
    hass_storage[DOMAIN] = stored({"broken": row, "sound": ROW})
    memory = await async_load_memory(hass)
    assert memory.get("broken") is None
    assert memory.get("sound") == KNOWN
    memory.keep("broken", NEW)
    assert (await remembered(hass)).get("broken") == NEW
    assert errors_logged(caplog) == []


async def test_what_a_later_version_adds_does_no_harm(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass_storage[DOMAIN] = stored({"one": {**ROW, "more": [1]}})
    assert (await async_load_memory(hass)).get("one") == KNOWN


@pytest.mark.parametrize(
    "data",
    [
        [],
        "rows",
        5,
        None,
        {},
        {"alive_at": "yesterday", "instances": {}},
        {"alive_at": NOW.isoformat(), "instances": []},
    ],
)
async def test_a_file_that_makes_no_sense_counts_as_empty(
    hass: HomeAssistant, hass_storage: dict[str, Any], data: Any
) -> None:
    hass_storage[DOMAIN] = stored_data(data)
    memory = await async_load_memory(hass)
    assert memory.get("one") is None
    memory.keep("one", KNOWN)
    assert (await remembered(hass)).get("one") == KNOWN


async def test_a_file_of_a_later_version_stops_no_instance(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    hass_storage[DOMAIN] = stored({}, version=7)
    entry = await set_up(hass, cloud, instance)
    assert entry.state is ConfigEntryState.LOADED
    assert "What was last known of the instances can't be read" in caplog.text
    assert errors_logged(caplog) == []
    assert (await remembered(hass)).get(entry.entry_id)


async def test_the_file_is_read_once_however_many_ask(hass: HomeAssistant) -> None:
    load = Store.async_load
    asked = 0

    async def slowly(store: Store[Any]) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return await load(store)

    with patch.object(Store, "async_load", slowly):
        first, second = await asyncio.gather(
            async_load_memory(hass), async_load_memory(hass)
        )
    assert first is second is memory_of(hass)
    assert asked == 1


async def test_a_file_that_cannot_be_read_stops_nothing(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(Store, "async_load", side_effect=HomeAssistantError("/secret")):
        memory = await async_load_memory(hass)
    assert memory.get("one") is None
    assert "/secret" not in caplog.text


# --------------------------------------------------------------------- keeping


async def test_each_change_is_told_and_written_at_once(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    told: list[str] = []

    @callback
    def hear(entry_id: str) -> None:
        told.append(entry_id)

    async_dispatcher_connect(hass, SIGNAL_LAST_KNOWN, hear)
    memory = await async_load_memory(hass)
    memory.keep("one", NEW)
    memory.keep("two", KNOWN)
    memory.keep("one", NEW)
    assert told == ["one", "two"]
    # No time may have to pass: what is not written is lost in a crash.
    await settle(hass)
    assert set(hass_storage[DOMAIN]["data"]["instances"]) == {"one", "two"}
    hass_storage.pop(DOMAIN)
    memory.keep("two", KNOWN)
    await settle(hass)
    assert DOMAIN not in hass_storage

    memory.forget("one")
    memory.forget("never there")
    assert told == ["one", "two", "one"]
    await settle(hass)
    assert set(hass_storage[DOMAIN]["data"]["instances"]) == {"two"}


async def test_what_is_kept_while_home_assistant_stops_is_written(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    memory = await async_load_memory(hass)
    hass.set_state(CoreState.stopping)
    memory.keep("one", KNOWN)
    await hass.async_stop(force=True)
    assert hass_storage[DOMAIN]["data"]["instances"] == {"one": ROW}


# ----------------------------------------------------------------- of an entry


async def test_what_is_known_of_an_entry_is_written_with_each_snapshot(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    for state, word, linked in (
        (State.NOT_AUTHORIZED, "not_authorized", False),
        (State.STARTING, "starting", False),
        (State.AUTHORIZED, "authorized", True),
    ):
        instance.set_state(state)
        await coordinator.async_refresh()
        await settle(hass)
        row = hass_storage[DOMAIN]["data"]["instances"][entry.entry_id]
        assert (row["state"], row["linked"]) == (word, linked)
    written = deepcopy(hass_storage[DOMAIN])
    for _ in range(3):
        await coordinator.async_refresh()
        await settle(hass)
    assert hass_storage[DOMAIN] == written


async def test_an_entry_that_goes_takes_its_row_with_it(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance)
    other = await set_up(hass, cloud, cloud.cloud.create("1101000002"))
    await settle(hass)
    rows = hass_storage[DOMAIN]["data"]["instances"]
    assert set(rows) == {entry.entry_id, other.entry_id}
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert set(hass_storage[DOMAIN]["data"]["instances"]) == {other.entry_id}


async def test_an_entry_that_is_unloaded_keeps_its_row(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    instance: Instance,
) -> None:
    # Linked: a login that goes on would have its own to write.
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    await settle(hass)
    written = deepcopy(hass_storage[DOMAIN]["data"]["instances"])
    assert set(written) == {entry.entry_id}
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass)
    assert hass_storage[DOMAIN]["data"]["instances"] == written


async def test_a_disabled_entry_may_go_before_anything_was_set_up(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    caplog.set_level(logging.WARNING)
    present = entry_of(cloud, instance)
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id=present.unique_id,
        data=dict(present.data),
        options=dict(present.options),
        minor_version=present.minor_version,
        disabled_by=ConfigEntryDisabler.USER,
    )
    hass_storage[DOMAIN] = stored({entry.entry_id: ROW, "other": NEW.as_dict()})
    entry.add_to_hass(hass)
    assert DOMAIN not in hass.config.components
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert hass_storage[DOMAIN]["data"]["instances"] == {"other": NEW.as_dict()}
    assert errors_logged(caplog) == []
