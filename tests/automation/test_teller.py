"""What happens is told at once, once, and over every restart."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.coordinator import GreenApiConfigEntry
from custom_components.green_api.memory import memory_of
from custom_components.green_api.moments import Happening
from custom_components.green_api.teller import async_listen_moments
from simulator import Instance, Simulator, State, StateAnswer, Status
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.passing import Time, settle

from .home import home, same_entry
from .states import CALM, come_up, see

type Told = list[str | tuple[str, str]]


class Ear:
    """Hold what one hears, without the codes."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Hear all from now on."""
        self._heard: list[tuple[str, Happening]] = []
        async_listen_moments(hass, self._hear)

    @callback
    def _hear(self, entry: GreenApiConfigEntry, happening: Happening) -> None:
        self._heard.append((str(entry.unique_id), happening))

    def take(self, id_instance: str | None = None) -> Told:
        """Return what was heard since the last time, of one instance or of all."""
        told: Told = []
        for heard, happening in self._heard:
            if id_instance in {None, heard}:
                match happening.moment, happening.facts:
                    case "state_changed", {"from": before, "to": after}:
                        told.append((str(before), str(after)))
                    case "qr_ready" | "qr_expired" | "login_timeout", _:
                        pass
                    case moment, _:
                        told.append(moment)
        self._heard.clear()
        return told


# -------------------------------------------------------------------- at once


async def test_each_change_is_told_with_what_it_means(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM)
    ear = Ear(hass)
    for state, told in (
        (State.AUTHORIZED, []),
        (State.STARTING, [("authorized", "starting")]),
        (State.AUTHORIZED, [("starting", "authorized")]),
        (State.BLOCKED, [("authorized", "blocked"), "authorization_lost"]),
        (State.NOT_AUTHORIZED, [("blocked", "not_authorized")]),
        (State.STARTING, [("not_authorized", "starting")]),
        (State.SUSPENDED, [("starting", "suspended"), "authorized"]),
        (State.YELLOW_CARD, [("suspended", "yellow_card")]),
        (
            State.NOT_AUTHORIZED,
            [("yellow_card", "not_authorized"), "authorization_lost"],
        ),
        (
            State.PENDING_PASSWORD,
            [("not_authorized", "pending_password"), "password_required"],
        ),
        (State.PENDING_PASSWORD, []),
        (State.AUTHORIZED, [("pending_password", "authorized"), "authorized"]),
    ):
        await see(hass, entry, instance, state)
        assert ear.take() == told, state


async def test_words_that_are_new_are_told_and_null_is_none(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM)
    ear = Ear(hass)
    for word, told in (
        (None, []),
        ("somethingNew", [("authorized", "something_new")]),
        (None, []),
        ("somethingNew", []),
        ("blocked", [("something_new", "blocked"), "authorization_lost"]),
        ("somethingNew", [("blocked", "something_new")]),
        ("authorized", [("something_new", "authorized"), "authorized"]),
    ):
        cloud.cloud.faults.add(StateAnswer(word), method="getStateInstance", count=1)
        await entry.runtime_data.async_refresh()
        await settle(hass)
        assert ear.take() == told, word


async def test_nothing_is_told_of_an_instance_that_is_new_here(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    ear = Ear(hass)
    entry = await set_up(hass, cloud, instance, **CALM)
    await settle(hass)
    assert ear.take() == []
    known = memory_of(hass).get(entry.entry_id)
    assert known
    assert (known.state, known.linked, known.changed) == ("authorized", True, False)


async def test_each_instance_has_a_life_of_its_own(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    other = cloud.cloud.create("1101000002", state=State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    second = await set_up(hass, cloud, other, **CALM | {"loss_grace": 90})
    ear = Ear(hass)
    await see(hass, entry, instance, State.BLOCKED)
    assert ear.take(other.id_instance) == []
    await time.pass_(hass, 10)
    await see(hass, second, other, State.BLOCKED)
    ear.take()
    await time.pass_(hass, 51)
    assert ear.take(instance.id_instance) == ["authorization_lost"]
    await see(hass, entry, instance, State.AUTHORIZED)
    assert ear.take(other.id_instance) == []
    await time.pass_(hass, 40)
    assert ear.take(other.id_instance) == ["authorization_lost"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    await see(hass, second, other, State.AUTHORIZED)
    assert ear.take() == [("blocked", "authorized"), "authorized"]


async def test_a_password_that_is_wanted_is_told_once_through_a_refusal(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.PENDING_PASSWORD)
    entry = await set_up(hass, cloud, instance, **CALM)
    ear = Ear(hass)
    cloud.cloud.faults.add(Status(401), count=1)
    for _ in range(2):
        await see(hass, entry, instance, State.PENDING_PASSWORD)
    assert entry.runtime_data.last_update_success
    assert ear.take() == []
    for state in (State.NOT_AUTHORIZED, State.PENDING_PASSWORD):
        await see(hass, entry, instance, state)
    assert ear.take()[-1] == "password_required"


# ---------------------------------------------------------------------- outages


async def test_an_outage_is_no_change(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM)
    ear = Ear(hass)
    for before, after, told in (
        (State.AUTHORIZED, State.AUTHORIZED, []),
        (
            State.NOT_AUTHORIZED,
            State.AUTHORIZED,
            [("not_authorized", "authorized"), "authorized"],
        ),
        (State.AUTHORIZED, State.BLOCKED, [("authorized", "blocked")]),
    ):
        await see(hass, entry, instance, before)
        ear.take()
        await cloud.stop()
        await entry.runtime_data.async_refresh()
        await settle(hass)
        assert not entry.runtime_data.last_update_success
        assert ear.take() == []
        instance.set_state(after)
        await cloud.start()
        await entry.runtime_data.async_refresh()
        await settle(hass)
        assert ear.take()[: len(told)] == told


# -------------------------------------------------------------- the grace of losses


async def test_a_loss_is_told_when_it_has_lasted(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    ear = Ear(hass)
    await see(hass, entry, instance, State.NOT_AUTHORIZED)
    assert ear.take() == [("authorized", "not_authorized")]
    await time.pass_(hass, 59)
    assert ear.take() == []
    await time.pass_(hass, 1.5)
    assert ear.take() == ["authorization_lost"]
    for _ in range(3):
        await time.pass_(hass, 600)
        await see(hass, entry, instance, State.NOT_AUTHORIZED)
    assert ear.take() == []


async def test_a_loss_tells_the_state_of_when_it_is_told(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    heard: list[Happening] = []

    @callback
    def hear(_entry: GreenApiConfigEntry, happening: Happening) -> None:
        heard.append(happening)

    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 30)
    await see(hass, entry, instance, State.NOT_AUTHORIZED)
    async_listen_moments(hass, hear)
    # The grace goes on from the loss, not from the last change.
    await time.pass_(hass, 31)
    (told,) = [item for item in heard if item.moment == "authorization_lost"]
    assert told.facts == {"state": "not_authorized"}


async def test_what_flaps_raises_no_alarm_and_delays_no_authorization(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    ear = Ear(hass)
    for _ in range(5):
        await see(hass, entry, instance, State.BLOCKED)
        assert ear.take() == [("authorized", "blocked")]
        await time.pass_(hass, 40)
        await see(hass, entry, instance, State.AUTHORIZED)
        assert ear.take() == [("blocked", "authorized"), "authorized"]
        await time.pass_(hass, 40)
        assert ear.take() == []


async def test_the_next_loss_has_a_grace_of_its_own(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 40)
    await see(hass, entry, instance, State.AUTHORIZED, State.BLOCKED)
    ear = Ear(hass)
    await time.pass_(hass, 55)
    assert ear.take() == []
    await time.pass_(hass, 6)
    assert ear.take() == ["authorization_lost"]


async def test_a_grace_goes_on_through_states_that_leave_it_open(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    ear = Ear(hass)
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 30)
    await see(hass, entry, instance, State.STARTING)
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    ear.take()
    await time.pass_(hass, 31)
    assert ear.take() == ["authorization_lost"]


async def test_without_grace_a_loss_is_told_at_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM)
    ear = Ear(hass)
    for _ in range(3):
        await see(hass, entry, instance, State.BLOCKED)
        assert ear.take()[-1] == "authorization_lost"
        await see(hass, entry, instance, State.AUTHORIZED)
        assert ear.take()[-1] == "authorized"


async def test_a_clock_that_was_wrong_puts_no_loss_off_for_ever(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    time: Time,
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    time.set_clock_wrong(timedelta(days=400))
    await see(hass, entry, instance, State.BLOCKED)
    time.set_clock_wrong(timedelta())
    assert await hass.config_entries.async_reload(entry.entry_id)
    ear = Ear(hass)
    await time.pass_(hass, 61)
    assert ear.take() == ["authorization_lost"]


# ---------------------------------------------------------------------- reloads


@pytest.mark.parametrize("grace", [0, 60])
async def test_a_reload_tells_what_changed_meanwhile_and_nothing_else(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance, grace: int
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": grace})
    ear = Ear(hass)
    lost = ["authorization_lost"] if grace == 0 else []
    for state, told in (
        (State.AUTHORIZED, []),
        (State.BLOCKED, [("authorized", "blocked"), *lost]),
        (State.BLOCKED, []),
        (State.AUTHORIZED, [("blocked", "authorized"), "authorized"]),
        (
            State.PENDING_PASSWORD,
            [("authorized", "pending_password"), "password_required", *lost],
        ),
        (State.PENDING_PASSWORD, []),
    ):
        assert await hass.config_entries.async_unload(entry.entry_id)
        instance.set_state(state)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await settle(hass)
        assert ear.take() == told


async def test_a_reload_within_the_grace_neither_tells_nor_starts_it_anew(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    await see(hass, entry, instance, State.BLOCKED)
    ear = Ear(hass)
    for _ in range(5):
        await time.pass_(hass, 11)
        assert await hass.config_entries.async_reload(entry.entry_id)
        await settle(hass)
        assert ear.take() == []
    await time.pass_(hass, 6)
    assert ear.take() == ["authorization_lost"]
    assert await hass.config_entries.async_reload(entry.entry_id)
    await time.pass_(hass, 60)
    assert ear.take() == []


async def test_an_unloaded_entry_tells_nothing_and_catches_up(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    await see(hass, entry, instance, State.BLOCKED)
    ear = Ear(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await time.pass_(hass, 600)
    assert ear.take() == []
    # It lasts, as far as anybody knows, and has done so for long enough.
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert ear.take() == ["authorization_lost"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (60, 0, ["authorization_lost"]),
        (60, 20, ["authorization_lost"]),
        (60, 600, []),
    ],
)
async def test_another_grace_counts_for_the_loss_that_waits(
    hass: HomeAssistant,
    time: Time,
    cloud: Simulator,
    instance: Instance,
    before: int,
    after: int,
    told: Told,
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": before})
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 30)
    ear = Ear(hass)
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "loss_grace": after}
    )
    assert await hass.config_entries.async_reload(entry.entry_id)
    await time.pass_(hass, 40)
    assert ear.take() == told


# --------------------------------------------------------------------- restarts


class House:
    """Restart Home Assistant, with one instance in it."""

    def __init__(
        self, cloud: Simulator, instance: Instance, options: dict[str, Any]
    ) -> None:
        """Take what it holds."""
        self._cloud = cloud
        self._instance = instance
        self._options = CALM | options
        self.entry: MockConfigEntry | None = None

    @asynccontextmanager
    async def run(
        self, before_start: Callable[[Ear], object] = lambda _: None
    ) -> AsyncGenerator[tuple[HomeAssistant, Ear]]:
        """Start it, and stop it at the end."""
        async with home() as hass:
            ear = Ear(hass)
            self.entry = same_entry(
                self.entry, self._cloud, self._instance, **self._options
            )
            self.entry.add_to_hass(hass)
            await hass.config_entries.async_setup(self.entry.entry_id)
            await settle(hass)
            before_start(ear)
            await hass.async_start()
            await settle(hass)
            yield hass, ear

    async def see(self, hass: HomeAssistant, state: State) -> None:
        """Put the instance into a state, and have it seen."""
        assert self.entry
        await see(hass, self.entry, self._instance, state)


@pytest.fixture
def house(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> Callable[..., House]:
    """Return what makes a house with the instance in it."""
    return lambda **options: House(cloud, instance, options)


def silent(ear: Ear) -> None:
    """Check that nothing was told before Home Assistant has started."""
    assert ear.take() == []


@pytest.mark.parametrize("grace", [0, 60])
async def test_a_restart_tells_what_changed_meanwhile_and_nothing_else(
    time: Time, instance: Instance, house: Callable[..., House], grace: int
) -> None:
    place = house(loss_grace=grace)
    lost = ["authorization_lost"] if grace == 0 else []
    for state, told in (
        (State.AUTHORIZED, []),  # new here
        (State.AUTHORIZED, []),
        (State.BLOCKED, [("authorized", "blocked"), *lost]),
        (State.BLOCKED, []),
        (State.AUTHORIZED, [("blocked", "authorized"), "authorized"]),
        (State.AUTHORIZED, []),
    ):
        instance.set_state(state)
        async with place.run(silent) as (_, ear):
            assert ear.take() == told


async def test_what_comes_and_goes_before_the_start_is_not_told(
    time: Time, instance: Instance, house: Callable[..., House]
) -> None:
    place = house()
    async with place.run():
        pass
    async with home() as hass:
        ear = Ear(hass)
        entry = place.entry
        assert entry
        again = same_entry(entry, place._cloud, instance, **CALM)
        again.add_to_hass(hass)
        assert await hass.config_entries.async_setup(again.entry_id)
        for state in (State.BLOCKED, State.STARTING, State.YELLOW_CARD):
            await see(hass, again, instance, state)
        assert ear.take() == []
        await hass.async_start()
        await settle(hass)
        assert ear.take() == [("authorized", "yellow_card")]
        await see(hass, again, instance, State.AUTHORIZED)
        assert ear.take() == [("yellow_card", "authorized")]


async def test_a_restart_within_the_grace_tells_when_it_is_over(
    time: Time, house: Callable[..., House]
) -> None:
    place = house(loss_grace=60)
    async with place.run() as (hass, ear):
        await place.see(hass, State.BLOCKED)
        assert ear.take() == [("authorized", "blocked")]
        await time.pass_(hass, 20)
    async with place.run(silent) as (hass, ear):
        await time.pass_(hass, 39)
        assert ear.take() == []
        await time.pass_(hass, 2)
        assert ear.take() == ["authorization_lost"]
    async with place.run(silent) as (hass, ear):
        await time.pass_(hass, 100)
        assert ear.take() == []


async def test_a_loss_whose_grace_ends_while_nobody_is_there_is_told_at_the_start(
    time: Time, house: Callable[..., House]
) -> None:
    place = house(loss_grace=60)
    async with place.run() as (hass, ear):
        await place.see(hass, State.BLOCKED)
        await time.pass_(hass, 20)
    time.jump(600)
    async with place.run(silent) as (hass, ear):
        assert ear.take() == ["authorization_lost"]


async def test_a_loss_that_is_over_after_a_restart_was_none(
    time: Time, instance: Instance, house: Callable[..., House]
) -> None:
    place = house(loss_grace=60)
    async with place.run() as (hass, ear):
        await place.see(hass, State.BLOCKED)
    time.jump(600)
    instance.set_state(State.AUTHORIZED)
    async with place.run(silent) as (hass, ear):
        assert ear.take() == [("blocked", "authorized"), "authorized"]
        await time.pass_(hass, 600)
        assert ear.take() == []


async def test_a_crash_after_the_telling_tells_nothing_again(
    hass_storage: dict[str, Any], time: Time, house: Callable[..., House]
) -> None:
    place = house()
    async with place.run() as (hass, ear):
        await place.see(hass, State.BLOCKED)
        assert ear.take() == [("authorized", "blocked"), "authorization_lost"]
        as_it_was = dict(hass_storage[DOMAIN])
    # Of what the end of a regular stop writes, nothing was needed.
    hass_storage[DOMAIN] = as_it_was
    async with place.run(silent) as (hass, ear):
        assert ear.take() == []


async def test_what_changes_while_home_assistant_stops_is_told_at_its_start(
    time: Time, house: Callable[..., House]
) -> None:
    place = house(loss_grace=60)
    async with place.run() as (hass, ear):
        await place.see(hass, State.BLOCKED)
        ear.take()
        hass.set_state(CoreState.stopping)
        await time.pass_(hass, 61)
        await place.see(hass, State.SUSPENDED)
        assert ear.take() == []
        hass.set_state(CoreState.running)
    async with place.run(silent) as (_, ear):
        assert ear.take() == [("blocked", "suspended"), "authorized"]


async def test_a_cloud_that_is_away_at_the_start_delays_what_there_is_to_tell(
    cloud: Simulator, time: Time, instance: Instance, house: Callable[..., House]
) -> None:
    place = house()
    async with place.run():
        pass
    await cloud.stop()
    instance.set_state(State.BLOCKED)
    async with place.run(silent) as (hass, ear):
        entry = place.entry
        assert entry
        assert entry.state is not ConfigEntryState.LOADED
        assert ear.take() == []
        await cloud.start()
        await come_up(hass, time, entry)
        assert ear.take() == [("authorized", "blocked"), "authorization_lost"]


async def test_the_time_since_when_it_is_so_outlives_a_restart(
    time: Time, house: Callable[..., House]
) -> None:
    place = house()
    async with place.run() as (hass, _):
        await place.see(hass, State.BLOCKED)
        await place.see(hass, State.AUTHORIZED)
        since = dt_util.utcnow()
    time.jump(3600)
    async with place.run() as (hass, _):
        assert place.entry
        known = memory_of(hass).get(place.entry.entry_id)
        assert known
        assert abs((known.since - since).total_seconds()) < 60
        assert abs((known.state_since - since).total_seconds()) < 60


async def test_an_entry_that_is_unloaded_before_the_start_starts_nothing(
    caplog: pytest.LogCaptureFixture, house: Callable[..., House], instance: Instance
) -> None:
    place = house()
    async with place.run():
        pass
    instance.set_state(State.BLOCKED)
    async with home() as hass:
        ear = Ear(hass)
        entry = same_entry(place.entry, place._cloud, instance, **CALM)
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_start()
        await settle(hass)
        assert ear.take() == []
        assert await hass.config_entries.async_setup(entry.entry_id)
        assert ear.take() == [("authorized", "blocked"), "authorization_lost"]
    assert errors_logged(caplog) == []
