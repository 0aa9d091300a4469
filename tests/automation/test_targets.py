"""Whatever leads to an instance can be the target of an automation."""

from collections.abc import Callable
from typing import Any

from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, State
from tests.logs import errors_logged
from tests.passing import settle

from .notes import automate, automate_all, device_of, trigger
from .states import see

KNOWS_EXCLUDE = __version__ >= "2026.11"

SENSOR = "sensor.whatsapp_1101000001_state"


def in_area(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Put the device into a room, and return it as the target."""
    area = ar.async_get(hass).async_create("Office")
    dr.async_get(hass).async_update_device(device_of(hass, entry), area_id=area.id)
    return {"area_id": area.id}


def entity_in_area(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Put one entity into a room, and return it as the target."""
    area = ar.async_get(hass).async_create("Office")
    er.async_get(hass).async_update_entity(SENSOR, area_id=area.id)
    return {"area_id": [area.id]}


def on_floor(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Put the device onto a floor, and return it as the target."""
    floor = fr.async_get(hass).async_create("Second")
    area = ar.async_get(hass).async_create("Office", floor_id=floor.floor_id)
    dr.async_get(hass).async_update_device(device_of(hass, entry), area_id=area.id)
    return {"floor_id": floor.floor_id}


def labelled_device(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Label the device, and return the label as the target."""
    label = lr.async_get(hass).async_create("Shop")
    dr.async_get(hass).async_update_device(
        device_of(hass, entry), labels={label.label_id}
    )
    return {"label_id": label.label_id}


def labelled_entity(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Label an entity, one that only configures, and return the label."""
    label = lr.async_get(hass).async_create("Shop")
    er.async_get(hass).async_update_entity(
        "button.whatsapp_1101000001_reboot", labels={label.label_id}
    )
    return {"label_id": [label.label_id]}


type Target = dict[str, Any]

TARGETS: dict[str, Target | Callable[[HomeAssistant, MockConfigEntry], Target]] = {
    "device": lambda hass, entry: {"device_id": device_of(hass, entry)},
    "devices": lambda hass, entry: {"device_id": ["gone", device_of(hass, entry)]},
    "state": {"entity_id": SENSOR},
    "entities": {"entity_id": ["light.kitchen", SENSOR]},
    "event": {"entity_id": "event.whatsapp_1101000001_event"},
    "button": {"entity_id": "button.whatsapp_1101000001_log_out"},
    # As it is at first.
    "disabled": {"entity_id": "sensor.whatsapp_1101000001_account"},
    "area": in_area,
    "area of an entity": entity_in_area,
    "floor": on_floor,
    "label of a device": labelled_device,
    "label of an entity": labelled_entity,
}


@pytest.mark.parametrize("kind", TARGETS)
async def test_whatever_leads_to_an_instance_is_a_target(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
    kind: str,
) -> None:
    target = TARGETS[kind]
    notes = await automate_all(
        hass, target(hass, entry) if callable(target) else target
    )
    await see(hass, entry, instance, State.BLOCKED)
    # Once, by however many ways it leads there.
    assert notes.take() == ["state_changed", "authorization_lost"]
    await see(hass, *other, State.BLOCKED)
    assert notes.take() == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize(
    "target",
    [
        {"entity_id": "light.kitchen"},
        {"entity_id": "sensor.whatsapp_1101000009_state"},
        {"device_id": "0123456789abcdef"},
        {"area_id": "kitchen"},
        {"label_id": ["shop"], "floor_id": "first"},
    ],
)
async def test_what_leads_to_none_triggers_nothing(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    instance: Instance,
    target: dict[str, Any],
) -> None:
    notes = await automate_all(hass, target)
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    assert notes.take() == []
    assert errors_logged(caplog) == []


async def test_an_area_is_looked_into_when_something_happens(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
) -> None:
    area = ar.async_get(hass).async_create("Office")
    notes = await automate_all(hass, {"area_id": area.id})
    await see(hass, entry, instance, State.BLOCKED)
    assert notes.take() == []
    devices = dr.async_get(hass)
    devices.async_update_device(device_of(hass, entry), area_id=area.id)
    await see(hass, entry, instance, State.AUTHORIZED)
    assert notes.take() == ["state_changed", "authorized"]
    devices.async_update_device(device_of(hass, entry), area_id=None)
    devices.async_update_device(device_of(hass, other[0]), area_id=area.id)
    await see(hass, entry, instance, State.BLOCKED)
    assert notes.take() == []
    await see(hass, *other, State.BLOCKED)
    assert notes.take() == ["state_changed", "authorization_lost"]


async def test_several_instances_trigger_each_for_itself(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
) -> None:
    devices = [device_of(hass, entry), device_of(hass, other[0])]
    lost = trigger("authorization_lost", {"device_id": devices})
    notes = await automate(hass, lost)
    await see(hass, entry, instance, State.BLOCKED)
    await see(hass, *other, State.BLOCKED)
    assert [(item["name"], item["device_id"]) for item in notes.all] == [
        ("WhatsApp 1101000001", devices[0]),
        ("Telegram 4100000001", devices[1]),
    ]


async def test_an_entity_that_is_renamed_or_disabled(
    hass: HomeAssistant, entry: MockConfigEntry, instance: Instance
) -> None:
    by_device = {"device_id": device_of(hass, entry)}
    notes = await automate(
        hass,
        trigger("authorization_lost", by_device),
        trigger("authorized", {"entity_id": SENSOR}),
    )
    registry = er.async_get(hass)
    registry.async_update_entity(SENSOR, new_entity_id="sensor.shop")
    await settle(hass)
    await see(hass, entry, instance, State.BLOCKED)
    assert [item["entity_id"] for item in notes.all] == ["sensor.shop"]
    # A name that is gone leads nowhere; as a name it may come again.
    await see(hass, entry, instance, State.AUTHORIZED)
    assert notes.take() == ["authorization_lost"]
    registry.async_update_entity("sensor.shop", new_entity_id=SENSOR)
    registry.async_update_entity(SENSOR, disabled_by=er.RegistryEntryDisabler.USER)
    await settle(hass)
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    assert [item["entity_id"] for item in notes.all] == [SENSOR, SENSOR]
    assert notes.take() == ["authorization_lost", "authorized"]


@pytest.mark.skipif(not KNOWS_EXCLUDE, reason="2026.10 knows no exclude")
@pytest.mark.parametrize("what", ["entity", "device", "area", "label"])
async def test_what_is_excluded_does_not_trigger(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Instance],
    instance: Instance,
    what: str,
) -> None:
    area = ar.async_get(hass).async_create("House")
    for item in (entry, other[0]):
        dr.async_get(hass).async_update_device(device_of(hass, item), area_id=area.id)
    exclude = {
        "entity": lambda: {"entity_id": SENSOR},
        "device": lambda: {"device_id": device_of(hass, entry)},
        "area": lambda: entity_in_area(hass, entry),
        "label": lambda: labelled_device(hass, entry),
    }[what]()
    notes = await automate_all(hass, {"area_id": area.id, "exclude": exclude})
    await see(hass, entry, instance, State.BLOCKED, State.AUTHORIZED)
    assert notes.take() == []
    await see(hass, *other, State.BLOCKED)
    assert notes.take() == ["state_changed", "authorization_lost"]
