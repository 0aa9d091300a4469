"""Automations are triggered by what happens to an instance."""

import logging
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    entity_registry as er,
)
from homeassistant.helpers.dispatcher import DATA_DISPATCHER
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from simulator import Instance, ManualClock, Simulator, State
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.passing import Time, settle
from tests.waiting import code_of, wait_until

from .home import home, same_entry
from .notes import Notes, automate, automate_all, device_of, state_sensor, trigger
from .states import CALM, see

SENSOR = "sensor.whatsapp_1101000001_state"


# ----------------------------------------------------------- what triggers tell


async def test_each_trigger_tells_what_happened_to_whom(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    device_id = device_of(hass, entry)
    notes = await automate_all(hass, {"device_id": device_id})
    assert notes.all == []
    whom = {
        "entity_id": SENSOR,
        "device_id": device_id,
        "name": "WhatsApp 1101000001",
    }
    await see(hass, entry, instance, State.BLOCKED)
    assert notes.all == [
        {
            "platform": "green_api.state_changed",
            "description": "state change of WhatsApp 1101000001",
            "from_state": "authorized",
            "to_state": "blocked",
            **whom,
        },
        {
            "platform": "green_api.authorization_lost",
            "description": "loss of authorization of WhatsApp 1101000001",
            "state": "blocked",
            **whom,
        },
    ]
    notes.take()
    await see(hass, entry, instance, State.PENDING_PASSWORD)
    assert notes.all[1:] == [
        {
            "platform": "green_api.password_required",
            "description": "password request of WhatsApp 1101000001",
            **whom,
        }
    ]
    notes.take()
    await see(hass, entry, instance, State.AUTHORIZED)
    assert notes.all[1:] == [
        {
            "platform": "green_api.authorized",
            "description": "authorization of WhatsApp 1101000001",
            **whom,
        }
    ]


async def test_only_the_first_code_of_a_login_triggers(
    hass: HomeAssistant, cloud: Simulator, clock: ManualClock, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM)
    notes = await automate_all(hass, state_sensor(entry))
    coordinator = entry.runtime_data
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    first = await code_of(hass, coordinator)
    expires_at = first.expires_at
    clock.advance(20)
    await code_of(hass, coordinator, first.sequence + 1)
    await settle(hass)
    (note,) = [item for item in notes.all if "sequence" in item]
    assert note["platform"] == "green_api.qr_ready"
    assert note["sequence"] == 1
    assert note["expires_at"] == expires_at.isoformat(timespec="milliseconds")
    assert note["entity_id"] == SENSOR
    await see(hass, entry, instance, State.AUTHORIZED)
    assert notes.take() == [
        "state_changed",
        "authorization_lost",
        "qr_ready",
        "state_changed",
        "authorized",
    ]
    # Another login, another code that is its first.
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    await code_of(hass, coordinator)
    await settle(hass)
    assert notes.take().count("qr_ready") == 1


async def test_what_an_automation_adds_to_a_trigger_is_kept(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    lost = trigger("authorization_lost", state_sensor(entry))
    linked = trigger("authorized", state_sensor(entry))
    await automate(
        hass, {**lost, "id": "gone", "alias": "It went"}, {**linked, "enabled": False}
    )
    calls: list[dict[str, Any]] = []
    hass.services.async_register(
        "test", "note", lambda call: calls.append(call.data["trigger"])
    )
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    (found,) = calls
    assert (found["id"], found["idx"], found["alias"]) == ("gone", "0", "It went")


async def test_a_script_can_wait_for_a_trigger(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    notes = Notes(hass)
    steps = [
        {"wait_for_trigger": [trigger("authorization_lost", state_sensor(entry))]},
        {
            "action": "test.note",
            "data": {"trigger": "{{ dict(wait.trigger) }}"},
        },
    ]
    assert await async_setup_component(
        hass, "script", {"script": {"wait": {"sequence": steps}}}
    )
    await hass.services.async_call("script", "wait")
    await wait_until(hass, lambda: hass.states.is_state("script.wait", "on"))
    for state in (State.STARTING, State.BLOCKED):
        assert notes.all == []
        instance.set_state(state)
        await entry.runtime_data.async_refresh()
    await wait_until(hass, lambda: hass.states.is_state("script.wait", "off"))
    assert notes.kinds == ["authorization_lost"]


# ------------------------------------------------------------------- from and to


@pytest.mark.parametrize(
    ("options", "edges"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"from_": [], "to": []}, [0, 1, 2, 3, 4]),
        ({"to": "authorized"}, [1, 4]),
        ({"from_": ["authorized"]}, [0, 2]),
        ({"from_": ["starting", "blocked"]}, [1, 3, 4]),
        ({"from_": "blocked", "to": ["authorized", "starting"]}, [3]),
        ({"from_": "yellow_card"}, []),
    ],
)
async def test_a_change_of_state_can_be_narrowed(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    instance: Instance,
    options: dict[str, Any],
    edges: list[int],
) -> None:
    notes = await automate(
        hass, trigger("state_changed", state_sensor(entry), **options)
    )
    steps = [
        ("authorized", State.STARTING),
        ("starting", State.AUTHORIZED),
        ("authorized", State.BLOCKED),
        ("blocked", State.STARTING),
        ("starting", State.AUTHORIZED),
    ]
    await see(hass, entry, instance, *(state for _, state in steps))
    assert [(item["from_state"], item["to_state"]) for item in notes.all] == [
        (steps[edge][0], steps[edge][1].value) for edge in edges
    ]


# ----------------------------------------------------------------------- restarts


@pytest.mark.parametrize("first", ["automation", "entry"])
@pytest.mark.parametrize("grace", [0, 30])
async def test_a_restart_triggers_what_changed_meanwhile_once(
    hass: HomeAssistant,
    time: Time,
    cloud: Simulator,
    instance: Instance,
    first: str,
    grace: int,
) -> None:
    entry: MockConfigEntry | None = None
    lost = ["authorization_lost"] if grace == 0 else []
    for state, expected in (
        (State.AUTHORIZED, []),
        (State.BLOCKED, ["state_changed", *lost]),
        (State.BLOCKED, []),
        (State.AUTHORIZED, ["state_changed", "authorized"]),
        (State.AUTHORIZED, []),
    ):
        instance.set_state(state)
        async with home() as house:
            entry = same_entry(entry, cloud, instance, **CALM | {"loss_grace": grace})
            entry.add_to_hass(house)
            if first == "automation":
                notes = await automate_all(house, state_sensor(entry))
            await house.config_entries.async_setup(entry.entry_id)
            await settle(house)
            if first == "entry":
                notes = await automate_all(house, state_sensor(entry))
            assert notes.take() == []
            await house.async_start()
            await settle(house)
            assert notes.take() == expected


# ---------------------------------------------------------- what goes on beneath


def listeners(hass: HomeAssistant) -> int:
    """Return how many callbacks wait for what is dispatched within."""
    return sum(
        len(targets)
        for signal, targets in hass.data[DATA_DISPATCHER].items()
        if str(signal).startswith(DOMAIN)
    )


async def test_an_automation_that_is_off_leaves_nothing(
    hass: HomeAssistant, time: Time, entry: MockConfigEntry, instance: Instance
) -> None:
    before = listeners(hass)
    kinds = ("authorized", "authorization_lost", "state_changed")
    target = state_sensor(entry)
    notes = await automate(hass, *(trigger(kind, target, for_=60) for kind in kinds))
    await see(hass, entry, instance, State.BLOCKED)
    assert listeners(hass) > before
    await hass.services.async_call(
        AUTOMATION, "turn_off", {"entity_id": "automation.notes"}, blocking=True
    )
    assert listeners(hass) == before
    await time.pass_(hass, 1000)
    await see(hass, entry, instance, State.AUTHORIZED)
    assert notes.take() == []


async def test_an_automation_may_be_there_before_any_instance(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    time: Time,
    cloud: Simulator,
    instance: Instance,
) -> None:
    notes = await automate(
        hass,
        trigger("authorization_lost", {"entity_id": SENSOR}),
        trigger("state_changed", {"entity_id": SENSOR}, for_=60),
    )
    assert DOMAIN not in hass.config.components
    entry = await set_up(hass, cloud, instance, **CALM)
    await see(hass, entry, instance, State.BLOCKED)
    await time.pass_(hass, 61)
    assert notes.take() == ["authorization_lost", "state_changed"]
    assert errors_logged(caplog) == []


async def test_an_automation_for_an_instance_that_is_disabled(
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
    await automate(hass, trigger("authorization_lost", {"entity_id": SENSOR}, for_=60))
    assert DOMAIN not in hass.config.components
    assert errors_logged(caplog) == []


# ------------------------------------------------------------------- bad configs


FINE = {"entity_id": SENSOR}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (trigger("authorized"), "required key not provided at 'target'"),
        (trigger("authorized", {}), "name at least one entity, device"),
        (trigger("authorized", {"entity_id": []}), "name at least one entity, device"),
        (
            trigger("authorized", {"entity_id": "not an id"}),
            "not an id is not a valid entity ID",
        ),
        (trigger("authorized", {"devices": ["x"]}), "'target.devices'"),
        (trigger("authorized", FINE, to="blocked"), "'options.to'"),
        (trigger("authorized", FINE, for_="soon"), "soon should be format"),
        (trigger("authorized", FINE, for_=-5), "should be positive at 'options.for'"),
        (trigger("state_changed", FINE, to="online"), "'options.to[0]'"),
        (
            trigger("state_changed", FINE, from_=["authorized", "unknown"]),
            "'options.from[1]'",
        ),
        (trigger("qr_ready", FINE, for_=60), "'options.for'"),
        (trigger("password_required", FINE, to="blocked"), "'options.to'"),
        (trigger("logged_out", FINE), "Invalid trigger 'green_api.logged_out'"),
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
    await automate(hass, config)
    assert hass.states.is_state("automation.notes", "unavailable")
    (error,) = [line for line in errors_logged(caplog) if AUTOMATION in line]
    assert words in error


@pytest.mark.parametrize(
    "target", [{"exclude": FINE}, {"exclude": FINE, "area_id": []}]
)
async def test_to_exclude_is_not_enough(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    target: dict[str, Any],
) -> None:
    await automate(hass, trigger("authorized", target))
    assert hass.states.is_state("automation.notes", "unavailable")
    assert "exclude" in "".join(errors_logged(caplog))


async def test_every_config_that_makes_sense_is_taken(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, entry: MockConfigEntry
) -> None:
    await automate(
        hass,
        trigger("authorized", FINE),
        trigger("authorized", FINE, for_="00:00:10"),
        trigger("authorized", FINE, for_={"hours": 1}),
        trigger("authorization_lost", FINE, for_={"seconds": 0}),
        trigger("state_changed", FINE, from_=["blocked"], to="authorized", for_=1),
        trigger("qr_ready", FINE),
        trigger("password_required", FINE),
        {"trigger": "green_api.qr_ready", "target": FINE, "options": {}},
    )
    assert hass.states.is_state("automation.notes", "on")
    assert errors_logged(caplog) == []
