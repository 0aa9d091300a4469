"""An automation can wait until what happened has lasted."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import timedelta
from functools import partial
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HassJob, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from simulator import Instance, Simulator, State
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.passing import Time, settle

from .home import home, same_entry
from .notes import Notes, automate, device_of, state_sensor, trigger
from .states import CALM, come_up, see

SENSOR = "sensor.whatsapp_1101000001_state"


async def test_for_waits_and_tells_what_began(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = await automate(
        hass,
        trigger("authorization_lost", state_sensor(entry), for_="00:10:00"),
        trigger("authorized", state_sensor(entry), for_={"minutes": 5}),
        trigger("state_changed", state_sensor(entry), to="blocked", for_=60),
    )
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 59)
    assert notes.take() == []
    await time.pass_(hass, 2)
    assert [(item["from_state"], item["to_state"]) for item in notes.all] == [
        ("authorized", "blocked")
    ]
    notes.take()
    await time.pass_(hass, 600 - 61 - 2)
    assert notes.take() == []
    await time.pass_(hass, 4)
    assert [item["state"] for item in notes.all] == ["blocked"]
    assert notes.take() == ["authorization_lost"]
    await see(hass, entry, instance, State.AUTHORIZED)
    await time.pass_(hass, 299)
    assert notes.take() == []
    await time.pass_(hass, 2)
    assert notes.take() == ["authorized"]
    await time.pass_(hass, 100_000)
    assert notes.take() == []


async def test_for_ends_where_it_is_so_no_longer(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = await automate(
        hass,
        trigger("authorization_lost", state_sensor(entry), for_=60),
        trigger("authorized", state_sensor(entry), for_=60),
        trigger("state_changed", state_sensor(entry), for_=60),
    )
    for _ in range(3):
        await see(hass, entry, instance, State.BLOCKED)
        await time.pass_(hass, 50)
        await see(hass, entry, instance, State.AUTHORIZED)
        await time.pass_(hass, 50)
    assert notes.take() == []
    await time.pass_(hass, 11)
    assert sorted(notes.take()) == ["authorized", "state_changed"]
    await time.pass_(hass, 1000)
    assert notes.take() == []


async def test_for_goes_on_through_what_leaves_it_open(
    hass: HomeAssistant,
    time: Time,
    cloud: Simulator,
    entry: MockConfigEntry,
    instance: Instance,
) -> None:
    notes = await automate(
        hass,
        trigger("authorized", state_sensor(entry), for_=60),
        trigger("state_changed", state_sensor(entry), to="authorized", for_=60),
    )
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    await time.pass_(hass, 20)
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    await time.pass_(hass, 41)
    assert sorted(notes.take()) == ["authorized", "state_changed"]
    await cloud.start()
    # The link lasts where the state does not.
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    await time.pass_(hass, 20)
    await see(hass, entry, instance, State.STARTING, State.YELLOW_CARD)
    await time.pass_(hass, 41)
    assert notes.take() == ["authorized"]


async def test_for_counts_beyond_the_grace_of_a_loss(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 30})
    notes = await automate(
        hass, trigger("authorization_lost", state_sensor(entry), for_=60)
    )
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 89)
    assert notes.take() == []
    await time.pass_(hass, 2)
    assert notes.take() == ["authorization_lost"]


async def test_for_waits_for_each_instance(
    hass: HomeAssistant,
    time: Time,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
) -> None:
    devices = [device_of(hass, entry), device_of(hass, other[0])]
    notes = await automate(
        hass, trigger("authorization_lost", {"device_id": devices}, for_=60)
    )
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 30)
    await see(hass, *other, State.BLOCKED)
    await time.pass_(hass, 20)
    await see(hass, entry, instance, State.AUTHORIZED)
    await time.pass_(hass, 41)
    assert [item["name"] for item in notes.all] == ["Telegram 4100000001"]


async def test_for_leads_to_whom_the_target_leads_at_its_end(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    area = ar.async_get(hass).async_create("Office")
    devices, device_id = dr.async_get(hass), device_of(hass, entry)
    devices.async_update_device(device_id, area_id=area.id)
    lost = trigger("authorization_lost", {"area_id": area.id}, for_=60)
    notes = await automate(hass, lost)
    await see(hass, entry, instance, State.BLOCKED)
    devices.async_update_device(device_id, area_id=None)
    await time.pass_(hass, 61)
    assert notes.take() == []


RESUMED = [
    ("authorization_lost", [State.BLOCKED], {}),
    ("authorized", [State.BLOCKED, State.AUTHORIZED], {}),
    ("state_changed", [State.BLOCKED], {}),
    ("state_changed", [State.BLOCKED], {"from_": "authorized", "to": "blocked"}),
]


async def toggle(hass: HomeAssistant) -> None:
    """Turn the automation off and on, as an edit of it does."""
    for action in ("turn_off", "turn_on"):
        await hass.services.async_call(
            AUTOMATION, action, {"entity_id": "automation.notes"}, blocking=True
        )
    await settle(hass)


@pytest.mark.parametrize("what", ["automation", "entry"])
@pytest.mark.parametrize(("kind", "states", "options"), RESUMED)
async def test_for_goes_on_after_a_reload(
    hass: HomeAssistant,
    time: Time,
    entry: MockConfigEntry,
    instance: Instance,
    kind: str,
    states: list[State],
    options: dict[str, Any],
    what: str,
) -> None:
    notes = await automate(hass, trigger(kind, state_sensor(entry), for_=60, **options))
    await see(hass, entry, instance, *states)

    async def reload() -> None:
        if what == "automation":
            await toggle(hass)
        else:
            assert await hass.config_entries.async_reload(entry.entry_id)
            await settle(hass)

    for _ in range(2):
        await time.pass_(hass, 20)
        await reload()
    assert notes.take() == []
    await time.pass_(hass, 21)
    assert notes.take() == [kind]
    # What was heard is not heard again.
    for _ in range(2):
        await reload()
        await time.pass_(hass, 100)
    assert notes.take() == []


@pytest.mark.parametrize(("kind", "states", "options"), RESUMED)
async def test_what_is_over_at_a_reload_is_not_waited_for(
    hass: HomeAssistant,
    time: Time,
    entry: MockConfigEntry,
    instance: Instance,
    kind: str,
    states: list[State],
    options: dict[str, Any],
) -> None:
    notes = await automate(hass, trigger(kind, state_sensor(entry), for_=60, **options))
    await see(hass, entry, instance, *states)
    await hass.services.async_call(
        AUTOMATION, "turn_off", {"entity_id": "automation.notes"}, blocking=True
    )
    after = State.STARTING if kind == "state_changed" else states[0]
    if kind == "authorization_lost":
        after = State.AUTHORIZED
    await see(hass, entry, instance, after)
    await hass.services.async_call(
        AUTOMATION, "turn_on", {"entity_id": "automation.notes"}, blocking=True
    )
    await time.pass_(hass, 100)
    expected = ["state_changed"] if kind == "state_changed" and not options else []
    assert notes.take() == expected


@pytest.mark.parametrize("state", [State.AUTHORIZED, State.BLOCKED])
async def test_what_was_never_otherwise_is_not_waited_for(
    hass: HomeAssistant,
    time: Time,
    cloud: Simulator,
    instance: Instance,
    state: State,
) -> None:
    instance.set_state(state)
    entry = await set_up(hass, cloud, instance, **CALM)
    kinds = ("authorized", "authorization_lost", "state_changed")
    target = state_sensor(entry)
    notes = await automate(hass, *(trigger(kind, target, for_=60) for kind in kinds))
    await time.pass_(hass, 100)
    assert notes.take() == []


@pytest.mark.parametrize("gone", ["unloaded", "removed"])
async def test_for_of_an_instance_that_is_gone(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    time: Time,
    entry: MockConfigEntry,
    instance: Instance,
    gone: str,
) -> None:
    notes = await automate(
        hass, trigger("authorization_lost", state_sensor(entry), for_=60)
    )
    await see(hass, entry, instance, State.BLOCKED)
    if gone == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        assert await hass.config_entries.async_unload(entry.entry_id)
    await time.pass_(hass, 100)
    # Unloaded, the last known state is still the last known one.
    assert notes.take() == ([] if gone == "removed" else ["authorization_lost"])
    assert errors_logged(caplog) == []


async def test_for_does_not_tell_a_loss_before_it_is_told(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 300})
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 100)
    # Nobody can say whether it lasts.
    assert await hass.config_entries.async_unload(entry.entry_id)
    notes = await automate(
        hass, trigger("authorization_lost", state_sensor(entry), for_=60)
    )
    await time.pass_(hass, 1000)
    assert notes.take() == []
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    await time.pass_(hass, 100)
    assert notes.take() == ["authorization_lost"]


async def test_a_clock_that_was_wrong_makes_nothing_wait_for_ever(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = await automate(
        hass, trigger("authorization_lost", state_sensor(entry), for_=60)
    )
    time.set_clock_wrong(timedelta(days=400))
    await see(hass, entry, instance, State.BLOCKED)
    time.set_clock_wrong(timedelta())
    await toggle(hass)
    await time.pass_(hass, 61)
    assert notes.take() == ["authorization_lost"]


# ----------------------------------------------------------------------- restarts


class House:
    """Restart Home Assistant with an automation that waits."""

    def __init__(
        self, cloud: Simulator, instance: Instance, config: dict[str, Any]
    ) -> None:
        """Take the trigger of the automation."""
        self._cloud = cloud
        self._instance = instance
        self._config = config
        self.entry: MockConfigEntry | None = None

    @asynccontextmanager
    async def run(
        self, job: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> AsyncGenerator[tuple[HomeAssistant, Notes]]:
        """Start it, with something else that takes its time to start."""
        async with home() as hass:
            self.entry = same_entry(self.entry, self._cloud, self._instance, **CALM)
            self.entry.add_to_hass(hass)
            # As it is from the second start on, whether or not the cloud is there.
            er.async_get(hass).async_get_or_create(
                "sensor",
                DOMAIN,
                f"{self._instance.id_instance}_state",
                config_entry=self.entry,
                suggested_object_id=SENSOR.partition(".")[2],
            )
            await hass.config_entries.async_setup(self.entry.entry_id)
            notes = await automate(hass, self._config)
            if job is not None:
                hass.async_add_startup_job(HassJob(job))
            await hass.async_start()
            await settle(hass)
            yield hass, notes

    async def see(self, hass: HomeAssistant, *states: State) -> None:
        """Put the instance into states, and have each seen."""
        assert self.entry
        await see(hass, self.entry, self._instance, *states)


@pytest.fixture
def house(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> Callable[[dict[str, Any]], House]:
    """Return what makes a house with the instance in it."""
    return partial(House, cloud, instance)


def waiting(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the trigger that waits for a minute."""
    return trigger(kind, {"entity_id": SENSOR}, for_=60, **options)


async def slowly() -> None:
    """Take some turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("kind", "states", "options"), RESUMED)
async def test_for_goes_on_after_a_restart(
    time: Time,
    house: Callable[[dict[str, Any]], House],
    kind: str,
    states: list[State],
    options: dict[str, Any],
) -> None:
    place = house(waiting(kind, options))
    async with place.run() as (hass, _):
        await place.see(hass, *states)
        await time.pass_(hass, 20)
    async with place.run() as (hass, notes):
        await time.pass_(hass, 30)
        assert notes.take() == []
        await time.pass_(hass, 12)
        assert notes.take() == [kind]
    for _ in range(2):
        async with place.run() as (hass, notes):
            await time.pass_(hass, 100)
            assert notes.take() == []


@pytest.mark.parametrize("job", [None, slowly])
@pytest.mark.parametrize(("kind", "states", "options"), RESUMED)
async def test_for_that_ends_while_nobody_is_there_triggers_at_the_start(
    caplog: pytest.LogCaptureFixture,
    time: Time,
    house: Callable[[dict[str, Any]], House],
    kind: str,
    states: list[State],
    options: dict[str, Any],
    job: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    place = house(waiting(kind, options))
    async with place.run() as (hass, _):
        await place.see(hass, *states)
        await time.pass_(hass, 20)
    time.jump(600)
    async with place.run(job) as (hass, notes):
        await time.pass_(hass, 1)
        assert notes.take() == [kind]
    for _ in range(2):
        time.jump(600)
        async with place.run(job) as (hass, notes):
            await time.pass_(hass, 100)
            assert notes.take() == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("job", [None, slowly])
@pytest.mark.parametrize(("kind", "states", "options"), RESUMED)
async def test_for_that_is_over_at_the_start_triggers_nothing(
    caplog: pytest.LogCaptureFixture,
    time: Time,
    instance: Instance,
    house: Callable[[dict[str, Any]], House],
    kind: str,
    states: list[State],
    options: dict[str, Any],
    job: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    place = house(waiting(kind, options))
    async with place.run() as (hass, _):
        await place.see(hass, *states)
        await time.pass_(hass, 20)
    time.jump(600)
    ended = State.BLOCKED if kind == "authorized" else State.AUTHORIZED
    instance.set_state(ended)
    async with place.run(job) as (hass, notes):
        await time.pass_(hass, 30)
        assert notes.take() == []
        await time.pass_(hass, 40)
        # But for what began with the start.
        new = kind == "state_changed" and not options
        assert notes.take() == ([kind] if new else [])
    assert errors_logged(caplog) == []


async def test_for_that_ends_while_the_cloud_is_away_too(
    caplog: pytest.LogCaptureFixture,
    time: Time,
    cloud: Simulator,
    house: Callable[[dict[str, Any]], House],
) -> None:
    place = house(waiting("authorization_lost", {}))
    async with place.run() as (hass, _):
        await place.see(hass, State.BLOCKED)
    await cloud.stop()
    time.jump(600)
    async with place.run() as (hass, notes):
        await time.pass_(hass, 1)
        assert notes.take() == ["authorization_lost"]
        await cloud.start()
        entry = place.entry
        assert entry
        await come_up(hass, time, entry)
        await time.pass_(hass, 100)
        assert notes.take() == []


async def test_after_a_crash_nothing_triggers_that_had_triggered(
    hass_storage: dict[str, Any],
    time: Time,
    house: Callable[[dict[str, Any]], House],
) -> None:
    place = house(waiting("authorization_lost", {}))
    async with place.run() as (hass, notes):
        await place.see(hass, State.BLOCKED)
        await time.pass_(hass, 61)
        assert notes.take() == ["authorization_lost"]
        await settle(hass)
        as_it_was = deepcopy(hass_storage[DOMAIN])
    time.jump(600)
    hass_storage[DOMAIN] = as_it_was
    async with place.run() as (hass, notes):
        await time.pass_(hass, 100)
        assert notes.take() == []


async def test_for_that_ends_while_home_assistant_stops_triggers_at_its_start(
    time: Time, house: Callable[[dict[str, Any]], House]
) -> None:
    place = house(waiting("authorization_lost", {}))
    async with place.run() as (hass, notes):
        await place.see(hass, State.BLOCKED)
        hass.set_state(CoreState.stopping)
        hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_STOP)
        await time.pass_(hass, 61)
        assert notes.take() == []
        hass.set_state(CoreState.running)
    async with place.run() as (hass, notes):
        await time.pass_(hass, 1)
        assert notes.take() == ["authorization_lost"]
