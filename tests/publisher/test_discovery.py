"""Another Home Assistant's MQTT integration finds the instance: here, its own."""

import json
from typing import Any

from homeassistant.components import mqtt
from homeassistant.components.image import async_get_image
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.broker import Mosquitto
from simulator import Instance, Simulator, StateAnswer
from tests.conftest import set_up
from tests.waiting import wait_until

from .subscriber import Subscriber

BASE = "1101000001"
TOPIC = f"homeassistant/device/green_api_{BASE}/config"
KEYS = {
    ("image", "qr"),
    ("sensor", "state"),
    ("sensor", "login"),
    ("button", "login_button"),
    ("button", "logout_button"),
    ("button", "reboot_button"),
}


def found(hass: HomeAssistant) -> dict[str, str]:
    """Return the entities that were discovered, by platform and key."""
    prefix = f"green_api_{BASE}_"
    entries = er.async_get(hass).entities.values()
    return {
        f"{entry.domain}.{entry.unique_id.removeprefix(prefix)}": entry.entity_id
        for entry in entries
        if entry.platform == "mqtt"
    }


async def change(hass: HomeAssistant, entry: MockConfigEntry, **options: Any) -> None:
    """Change options as the dialog does."""
    hass.config_entries.async_update_entry(entry, options=entry.options | options)
    assert await hass.config_entries.async_reload(entry.entry_id)


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, way: dict[str, Any]
) -> MockConfigEntry:
    """Return the entry of an instance that is found, and heard."""
    options = {"mqtt": "state_and_qr", "mqtt_commands": True, "mqtt_discovery": True}
    return await set_up(hass, cloud, instance, **options, **way)


@pytest.fixture
async def finder(
    hass: HomeAssistant, broker: Mosquitto, mqtt_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return the entry of the MQTT integration that discovers."""
    return mqtt_entry


@pytest.mark.parametrize("way", ["own"], indirect=True)
async def test_it_is_found_with_all_that_it_offers(
    hass: HomeAssistant,
    finder: MockConfigEntry,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await wait_until(hass, lambda: len(found(hass)) == len(KEYS))
    entities = found(hass)
    assert set(entities) == {f"{platform}.{key}" for platform, key in KEYS}
    await wait_until(
        hass, lambda: hass.states.get(entities["sensor.login"]).state == "showing"
    )
    await wait_until(
        hass,
        lambda: hass.states.get(entities["sensor.state"]).state == "not_authorized",
    )
    await wait_until(
        hass,
        lambda: "messenger" in hass.states.get(entities["sensor.state"]).attributes,
    )
    attributes = hass.states.get(entities["sensor.state"]).attributes
    assert attributes["messenger"] == "whatsapp"
    assert attributes["friendly_name"] == f"WhatsApp {BASE} State"
    await wait_until(
        hass,
        lambda: hass.states.get(entities["image.qr"]).state[:2] == "20",
    )
    assert instance.code
    picture = await async_get_image(hass, entities["image.qr"])
    assert picture.content == instance.code.png
    assert picture.content_type == "image/png"
    device = dr.async_get(hass).async_get_device_by_identifier(
        ("mqtt", f"green_api_{BASE}"), finder.entry_id
    )
    assert device
    assert device.manufacturer == "GREEN-API"
    assert device.model == "WhatsApp"

    rule = cloud.cloud.faults.add(StateAnswer("someNewState"))
    await entry.runtime_data.async_refresh()
    await wait_until(
        hass, lambda: hass.states.get(entities["sensor.state"]).state == "unknown"
    )
    cloud.cloud.faults.remove(rule.number)
    instance.set_state("authorized")
    await entry.runtime_data.async_refresh()
    await wait_until(
        hass, lambda: hass.states.get(entities["sensor.state"]).state == "authorized"
    )
    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": entities["button.logout_button"]},
        blocking=True,
    )
    await wait_until(hass, lambda: instance.state == "notAuthorized")

    assert await hass.config_entries.async_unload(entry.entry_id)
    await wait_until(
        hass,
        lambda: hass.states.get(entities["sensor.state"]).state == "unavailable",
    )
    assert hass.states.get(entities["image.qr"]).state == "unavailable"
    complaints = [
        record.getMessage()
        for record in caplog.records
        if record.levelname in {"WARNING", "ERROR"} and ".mqtt" in record.name
    ]
    assert complaints == []


@pytest.mark.parametrize("way", ["own"], indirect=True)
@pytest.mark.usefixtures("finder")
@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({"mqtt_commands": False}, {key for key in KEYS if key[0] == "button"}),
        ({"mqtt": "state"}, {("image", "qr")}),
        ({"mqtt_discovery": False}, KEYS),
        ({"mqtt": "off"}, KEYS),
        ({"mqtt_discovery_prefix": "elsewhere"}, KEYS),
    ],
)
async def test_what_is_turned_off_goes(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    options: dict[str, Any],
    gone: set[tuple[str, str]],
) -> None:
    await wait_until(hass, lambda: len(found(hass)) == len(KEYS))
    await change(hass, entry, **options)
    left = {f"{platform}.{key}" for platform, key in KEYS - gone}
    await wait_until(hass, lambda: set(found(hass)) == left)


@pytest.mark.parametrize("way", ["own"], indirect=True)
@pytest.mark.usefixtures("finder")
async def test_the_device_goes_with_the_entry(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await wait_until(hass, lambda: len(found(hass)) == len(KEYS))
    await hass.config_entries.async_remove(entry.entry_id)
    await wait_until(hass, lambda: not found(hass))


async def test_the_message_is_retained_and_as_home_assistant_wants_it(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    async with Subscriber(broker.port, "homeassistant") as subscriber:
        below = TOPIC.removeprefix("homeassistant/")
        message = await subscriber.wait_for(lambda latest: latest[below])
    content = json.loads(message.payload)
    mqtt.schemas.DEVICE_DISCOVERY_SCHEMA(content)
    assert content["origin"]["name"] == "GREEN-API for Home Assistant"
    assert content["origin"]["sw_version"]
    async with Subscriber(broker.port, "homeassistant") as late:
        assert late.latest[below].retained


async def test_names_are_in_the_language_of_home_assistant(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    way: dict[str, Any],
) -> None:
    hass.config.language = "ru"
    options = {"mqtt": "state_and_qr", "mqtt_commands": True, "mqtt_discovery": True}
    await set_up(hass, cloud, instance, **options, **way)
    async with Subscriber(broker.port, "homeassistant") as subscriber:
        below = TOPIC.removeprefix("homeassistant/")
        message = await subscriber.wait_for(lambda latest: latest[below])
    components = json.loads(message.payload)["components"]
    assert components["state"]["name"] == "Состояние"
    assert all(not item["name"].isascii() for item in components.values())
