"""Automations can ask how an instance is, as far as was last known."""

from datetime import timedelta
import logging
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition as condition_helper, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from simulator import Instance, QrAnswer, Simulator, State
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.passing import Time, settle
from tests.waiting import code_of, wait_until

from .home import home, same_entry
from .notes import Notes, automate, device_of, state_sensor, trigger
from .states import CALM, see
from .test_targets import KNOWS_EXCLUDE

SENSOR = "sensor.whatsapp_1101000001_state"
FINE = {"entity_id": SENSOR}


def condition(
    kind: str, target: dict[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    """Return the config of a condition; `for_` stands for `for`."""
    config: dict[str, Any] = {"condition": f"{DOMAIN}.{kind}"}
    if target is not None:
        config["target"] = target
    if options:
        config["options"] = {key.strip("_"): value for key, value in options.items()}
    return config


async def holds(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    """Return whether a condition holds now."""
    valid = await condition_helper.async_validate_condition_config(hass, config)
    checker = await condition_helper.async_from_config(hass, valid)
    try:
        return checker.async_check() is True
    finally:
        checker.async_unload()


@pytest.fixture
def both(
    hass: HomeAssistant, entry: MockConfigEntry, other: tuple[MockConfigEntry, Instance]
) -> dict[str, Any]:
    """Return the target that leads to two instances."""
    return {"device_id": [device_of(hass, entry), device_of(hass, other[0])]}


# ----------------------------------------------------------------- is_authorized


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.AUTHORIZED, True),
        (State.YELLOW_CARD, True),
        (State.SUSPENDED, True),
        (State.NOT_AUTHORIZED, False),
        (State.BLOCKED, False),
        (State.PENDING_PASSWORD, False),
        (State.PENDING_CODE, False),
    ],
)
async def test_an_instance_is_linked_or_is_not(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    instance: Instance,
    state: State,
    *,
    expected: bool,
) -> None:
    before = State.BLOCKED if expected else State.AUTHORIZED
    await see(hass, entry, instance, before, state)
    assert await holds(hass, condition("is_authorized", FINE)) is expected
    # What leaves it open leaves it as it was.
    for between in (State.STARTING, State.SLEEP_MODE):
        await see(hass, entry, instance, between)
        assert await holds(hass, condition("is_authorized", FINE)) is expected


async def test_what_was_never_known_does_not_hold(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.STARTING)
    await set_up(hass, cloud, instance, **CALM)
    assert not await holds(hass, condition("is_authorized", FINE))


@pytest.mark.parametrize(
    ("states", "any_", "all_"),
    [
        ((State.AUTHORIZED, State.AUTHORIZED), True, True),
        ((State.BLOCKED, State.AUTHORIZED), True, False),
        ((State.AUTHORIZED, State.BLOCKED), True, False),
        ((State.BLOCKED, State.BLOCKED), False, False),
    ],
)
async def test_it_holds_for_any_or_for_all(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    both: dict[str, Any],
    instance: Instance,
    states: tuple[State, State],
    any_: bool,
    all_: bool,
) -> None:
    await see(hass, entry, instance, states[0])
    await see(hass, *other, states[1])
    assert await holds(hass, condition("is_authorized", both)) is any_
    assert await holds(hass, condition("is_authorized", both, behavior="any")) is any_
    assert await holds(hass, condition("is_authorized", both, behavior="all")) is all_


@pytest.mark.parametrize("behavior", ["any", "all"])
@pytest.mark.parametrize(
    "target",
    [{"entity_id": "sensor.nothing"}, {"area_id": "nowhere"}, {"device_id": "none"}],
)
async def test_it_never_holds_for_nobody(
    hass: HomeAssistant, entry: MockConfigEntry, target: dict[str, Any], behavior: str
) -> None:
    for kind in ("is_authorized", "is_login_active"):
        assert not await holds(hass, condition(kind, target, behavior=behavior))


@pytest.mark.skipif(not KNOWS_EXCLUDE, reason="2026.10 knows no exclude")
async def test_it_does_not_ask_for_what_is_excluded(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    both: dict[str, Any],
    instance: Instance,
) -> None:
    await see(hass, entry, instance, State.BLOCKED)
    target = both | {"exclude": FINE}
    assert await holds(hass, condition("is_authorized", target, behavior="all"))
    await see(hass, entry, instance, State.AUTHORIZED)
    await see(hass, *other, State.BLOCKED)
    assert not await holds(hass, condition("is_authorized", target))


async def test_for_asks_how_long_it_holds_already(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    lasting = condition("is_authorized", FINE, for_="00:10:00")
    # Since it was first seen, where nobody knows more.
    assert not await holds(hass, lasting)
    await time.pass_(hass, 601)
    assert await holds(hass, lasting)
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    assert not await holds(hass, lasting)
    assert await holds(hass, condition("is_authorized", FINE, for_=0))
    await time.pass_(hass, 300)
    await see(hass, entry, instance, State.STARTING, State.YELLOW_CARD)
    await time.pass_(hass, 295)
    assert not await holds(hass, lasting)
    await time.pass_(hass, 6)
    assert await holds(hass, lasting)


async def test_a_clock_that_is_wrong_denies_nothing_that_has_no_for(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    time.set_clock_wrong(timedelta(days=400))
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    time.set_clock_wrong(timedelta())
    assert await holds(hass, condition("is_authorized", FINE))
    assert await holds(hass, condition("is_authorized", FINE, for_=0))
    assert not await holds(hass, condition("is_authorized", FINE, for_=60))


# --------------------------------------------------------------- is_login_active


async def test_a_login_is_active_while_somebody_has_to_do_something(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, instance: Instance
) -> None:
    active = condition("is_login_active", FINE)
    assert not await holds(hass, active)
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(QrAnswer("error", "not yet"), method="qr")
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.phase == "waiting")
    assert await holds(hass, active)
    cloud.cloud.faults.clear()
    await code_of(hass, coordinator)
    assert await holds(hass, active)
    await see(hass, entry, instance, State.PENDING_PASSWORD)
    assert await holds(hass, active)
    await see(hass, entry, instance, State.AUTHORIZED)
    assert not await holds(hass, active)
    await see(hass, entry, instance, State.BLOCKED)
    assert not await holds(hass, active)


async def test_a_login_whose_window_is_over_is_not_active(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    instance.set_state(State.NOT_AUTHORIZED)
    coordinator = entry.runtime_data
    await coordinator.async_refresh()
    await code_of(hass, coordinator)
    time.jump(301)
    await wait_until(hass, lambda: coordinator.data.login.phase == "expired")
    assert not await holds(hass, condition("is_login_active", FINE))


async def test_any_or_all_logins_are_active(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    both: dict[str, Any],
    instance: Instance,
) -> None:
    await see(hass, entry, instance, State.PENDING_PASSWORD)
    assert await holds(hass, condition("is_login_active", both))
    assert not await holds(hass, condition("is_login_active", both, behavior="all"))


# ------------------------------------------------------- what was last known counts


async def test_an_outage_changes_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, instance: Instance
) -> None:
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    assert hass.states.is_state(SENSOR, "unavailable")
    assert await holds(hass, condition("is_authorized", FINE))
    assert not await holds(hass, condition("is_login_active", FINE))


async def test_an_entry_that_is_not_loaded_is_as_it_was(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await holds(hass, condition("is_authorized", FINE))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await see(hass, entry, instance, State.PENDING_PASSWORD)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not await holds(hass, condition("is_authorized", FINE))
    # Nobody can do anything about a login of an instance that is not loaded.
    assert not await holds(hass, condition("is_login_active", FINE))


async def test_an_instance_that_was_removed_is_nothing(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_remove(entry.entry_id)
    assert not await holds(hass, condition("is_authorized", FINE))


async def test_a_restart_changes_nothing(
    hass: HomeAssistant, time: Time, cloud: Simulator, instance: Instance
) -> None:
    former: MockConfigEntry | None = None
    for up in (True, False):
        async with home() as house:
            former = same_entry(former, cloud, instance, **CALM)
            former.add_to_hass(house)
            er.async_get(house).async_get_or_create(
                "sensor",
                DOMAIN,
                "1101000001_state",
                config_entry=former,
                suggested_object_id="whatsapp_1101000001_state",
            )
            if not up:
                await cloud.stop()
            await house.config_entries.async_setup(former.entry_id)
            # Before it has started, too.
            known = await holds(house, condition("is_authorized", FINE))
            assert known is not up
            await house.async_start()
            await settle(house)
            assert await holds(house, condition("is_authorized", FINE))
            if up:
                await time.pass_(house, 601)
            lasting = condition("is_authorized", FINE, for_="00:10:00")
            assert await holds(house, lasting)
    await cloud.start()


async def test_it_can_be_asked_while_all_instances_are_disabled(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    present = entry_of(cloud, instance)
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id=present.unique_id,
        data=dict(present.data),
        options={},
        minor_version=1,
        disabled_by=ConfigEntryDisabler.USER,
    )
    entry.add_to_hass(hass)
    er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        "1101000001_state",
        config_entry=entry,
        suggested_object_id="whatsapp_1101000001_state",
    )
    for kind in ("is_authorized", "is_login_active"):
        assert not await holds(hass, condition(kind, FINE))
    assert DOMAIN not in hass.config.components
    assert errors_logged(caplog) == []


# ------------------------------------------------------------------ in automations


async def test_an_automation_goes_on_only_where_it_holds(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
) -> None:
    changed = trigger("state_changed", state_sensor(other[0]))
    notes = await automate(
        hass,
        changed,
        conditions=(
            condition("is_authorized", FINE),
            {"not": condition("is_login_active", FINE)},
        ),
    )
    await see(hass, *other, State.BLOCKED)
    assert notes.take() == ["state_changed"]
    await see(hass, entry, instance, State.PENDING_PASSWORD)
    await see(hass, *other, State.AUTHORIZED)
    assert notes.take() == []
    await see(hass, entry, instance, State.AUTHORIZED)
    await see(hass, *other, State.BLOCKED)
    assert notes.take() == ["state_changed"]


async def test_a_trigger_finds_the_condition_true_that_it_tells_of(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    linked = condition("is_authorized", FINE)
    notes = await automate(hass, trigger("authorized", FINE), conditions=(linked,))
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    assert notes.take() == ["authorized"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (condition("is_authorized"), "'target'"),
        (condition("is_authorized", {}), "name at least one entity, device"),
        (condition("is_authorized", {"entity_id": "?"}), "not a valid entity ID"),
        (condition("is_authorized", FINE, behavior="some"), "'options.behavior'"),
        (condition("is_authorized", FINE, for_="soon"), "'options.for'"),
        (condition("is_authorized", FINE, for_=-1), "should be positive"),
        (condition("is_login_active", FINE, for_=5), "'options.for'"),
        (condition("is_login_active", FINE, state="showing"), "'options.state'"),
        (condition("is_linked", FINE), "Invalid condition 'green_api.is_linked'"),
    ],
)
async def test_a_config_that_makes_no_sense_is_refused(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    config: dict[str, Any],
    words: str,
) -> None:
    caplog.set_level(logging.ERROR)
    notes: Notes = await automate(
        hass, trigger("authorized", FINE), conditions=(config,)
    )
    assert hass.states.is_state("automation.notes", "unavailable")
    (error,) = [line for line in errors_logged(caplog) if AUTOMATION in line]
    assert words in error
    assert notes.all == []
