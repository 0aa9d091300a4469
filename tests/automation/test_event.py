"""The event of an instance tells what the triggers tell."""

from typing import Any

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er, restore_state
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.event import EVENT_TYPES
from custom_components.green_api.moments import Moment
from custom_components.green_api.trigger import _TRIGGERS
from simulator import Instance, ManualClock, Simulator, State as InstanceState
from tests.conftest import set_up
from tests.passing import Time, settle
from tests.waiting import code_of

from .home import home, same_entry
from .notes import Notes, automate
from .states import CALM, see

EVENT = "event.whatsapp_1101000001_event"
TYPES = [
    "authorized",
    "authorization_lost",
    "state_changed",
    "qr_ready",
    "password_required",
]

type Seen = tuple[str | None, dict[str, Any]]


class Watch:
    """Hold what the event showed, one after the other."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Watch from now on."""
        self.states: list[State] = []
        async_track_state_change_event(hass, EVENT, self._note)

    @callback
    def _note(self, event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            self.states.append(state)

    def take(self) -> list[Seen]:
        """Return what it was since the last time, and with what."""
        seen = [seen_in(state) for state in self.states]
        self.states.clear()
        return seen


def seen_in(state: State) -> Seen:
    """Return the moment that a state shows, and what belongs to it."""
    known = {"event_type", "event_types", "friendly_name"}
    facts = {key: value for key, value in state.attributes.items() if key not in known}
    return state.attributes.get("event_type"), facts


def shown(hass: HomeAssistant) -> State:
    """Return what the event shows now."""
    state = hass.states.get(EVENT)
    assert state
    return state


async def watch_all(hass: HomeAssistant, *kinds: str) -> Notes:
    """Note what a trigger of Home Assistant's own makes of the event."""
    received = {
        "trigger": "event.received",
        "target": {"entity_id": EVENT},
        "options": {"event_type": list(kinds)},
    }
    note = "{{ {'platform': trigger.to_state.attributes.event_type} }}"
    return await automate(hass, received, note=note)


async def test_it_is_there_and_nothing_has_happened(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    state = shown(hass)
    assert state.state == STATE_UNKNOWN
    assert state.attributes["event_type"] is None
    assert state.attributes["event_types"] == TYPES
    assert {type(item) for item in state.attributes["event_types"]} == {str}
    registered = er.async_get(hass).async_get(EVENT)
    assert registered
    assert registered.unique_id == "1101000001_event"
    assert registered.entity_category is None
    assert not registered.disabled


async def test_it_tells_what_happens_and_what_belongs_to_it(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    watch = Watch(hass)
    await see(hass, entry, instance, InstanceState.BLOCKED)
    assert watch.take() == [
        ("state_changed", {"from": "authorized", "to": "blocked"}),
        ("authorization_lost", {"state": "blocked"}),
    ]
    await see(hass, entry, instance, InstanceState.PENDING_PASSWORD)
    assert watch.take() == [
        ("state_changed", {"from": "blocked", "to": "pending_password"}),
        ("password_required", {}),
    ]
    await see(hass, entry, instance, InstanceState.AUTHORIZED)
    assert watch.take() == [
        ("state_changed", {"from": "pending_password", "to": "authorized"}),
        ("authorized", {}),
    ]
    await see(hass, entry, instance, InstanceState.AUTHORIZED)
    assert watch.take() == []


async def test_each_moment_has_a_time_of_its_own(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    entry: MockConfigEntry,
    instance: Instance,
) -> None:
    watch = Watch(hass)
    now = dt_util.utcnow()
    monkeypatch.setattr("homeassistant.util.dt.utcnow", lambda: now)
    await see(
        hass, entry, instance, InstanceState.BLOCKED, InstanceState.PENDING_PASSWORD
    )
    times = [state.state for state in watch.states]
    assert len(times) == 4
    assert times == sorted(set(times))


async def test_it_tells_only_the_first_code_of_a_login(
    hass: HomeAssistant, clock: ManualClock, entry: MockConfigEntry, instance: Instance
) -> None:
    watch = Watch(hass)
    coordinator = entry.runtime_data
    instance.set_state(InstanceState.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    first = await code_of(hass, coordinator)
    expires_at = first.expires_at.isoformat(timespec="milliseconds")
    clock.advance(20)
    await code_of(hass, coordinator, first.sequence + 1)
    await settle(hass)
    ready = [facts for kind, facts in watch.take() if kind == "qr_ready"]
    assert ready == [{"sequence": 1, "expires_at": expires_at}]


async def test_instances_do_not_tell_of_each_other(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
) -> None:
    watch = Watch(hass)
    await see(hass, *other, InstanceState.BLOCKED)
    assert watch.take() == []
    found = hass.states.get("event.telegram_4100000001_event")
    assert found
    assert found.attributes["event_type"] == "authorization_lost"


# ------------------------------------------------------------- while it is not well


async def test_an_outage_hides_nothing_and_shows_nothing_again(
    hass: HomeAssistant,
    time: Time,
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    notes = await watch_all(hass, "authorized", "authorization_lost")
    watch = Watch(hass)
    await see(hass, entry, instance, InstanceState.BLOCKED)
    watch.take()
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    await settle(hass)
    assert not entry.runtime_data.last_update_success
    assert watch.take() == []
    # The grace ends while the cloud is away.
    await time.pass_(hass, 61)
    assert watch.take() == [("authorization_lost", {"state": "blocked"})]
    assert notes.take() == ["authorization_lost"]
    instance.set_state(InstanceState.AUTHORIZED)
    await cloud.start()
    await entry.runtime_data.async_refresh()
    await settle(hass)
    assert [kind for kind, _ in watch.take()] == ["state_changed", "authorized"]
    assert notes.take() == ["authorized"]


async def test_a_reload_shows_what_was_and_then_what_changed(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = await watch_all(hass, *TYPES)
    await see(hass, entry, instance, InstanceState.BLOCKED)
    before = shown(hass)
    notes.take()
    watch = Watch(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass)
    assert shown(hass).state == STATE_UNAVAILABLE
    watch.take()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert watch.take() == [("authorization_lost", {"state": "blocked"})]
    assert shown(hass).state == before.state
    assert notes.take() == []

    assert await hass.config_entries.async_unload(entry.entry_id)
    instance.set_state(InstanceState.AUTHORIZED)
    watch.take()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    # It has to be there before something happens, or nobody takes note of that.
    assert [kind for kind, _ in watch.take() if kind] == [
        "authorization_lost",
        "state_changed",
        "authorized",
    ]
    assert notes.take() == ["state_changed", "authorized"]


async def test_it_is_after_a_restart_as_it_was(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry: MockConfigEntry | None = None
    async with home() as house:
        entry = same_entry(entry, cloud, instance, **CALM)
        entry.add_to_hass(house)
        await house.config_entries.async_setup(entry.entry_id)
        await house.async_start()
        await see(house, entry, instance, InstanceState.BLOCKED)
        before = shown(house)
        await restore_state.async_get(house).async_dump_states()
    for row in hass_storage[restore_state.STORAGE_KEY]["data"]:
        # The registry of this test does not live so long.
        row.pop("entity_registry_id", None)
    async with home() as house:
        await restore_state.async_get(house).async_load()
        watch = Watch(house)
        entry = same_entry(entry, cloud, instance, **CALM)
        entry.add_to_hass(house)
        await house.config_entries.async_setup(entry.entry_id)
        await house.async_start()
        await settle(house)
        assert shown(house).state == before.state
        assert watch.take() == [("authorization_lost", {"state": "blocked"})]


async def test_a_trigger_of_home_assistant_hears_each(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = await watch_all(hass, *TYPES)
    await see(hass, entry, instance, InstanceState.BLOCKED)
    assert notes.take() == ["state_changed", "authorization_lost"]
    await see(hass, entry, instance, InstanceState.AUTHORIZED)
    assert notes.take() == ["state_changed", "authorized"]


def test_every_moment_is_one_that_a_trigger_has() -> None:
    assert set(EVENT_TYPES) == set(_TRIGGERS)
    assert set(TYPES) <= set(Moment)


@pytest.mark.parametrize(
    ("language", "name", "words"),
    [
        ("en", "Event", "Link lost"),
        ("ru", "Событие", "Привязка потеряна"),
    ],
)
async def test_it_speaks_the_language_of_the_house(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    language: str,
    name: str,
    words: str,
) -> None:
    hass.config.language = language
    await set_up(hass, cloud, instance, **CALM)
    assert shown(hass).name.endswith(name)
    texts = await async_get_translations(hass, language, "entity", {"green_api"})
    path = "component.green_api.entity.event.event.state_attributes.event_type.state."
    found = {
        key.removeprefix(path): text
        for key, text in texts.items()
        if key.startswith(path)
    }
    assert set(found) == set(TYPES)
    assert found["authorization_lost"] == words
