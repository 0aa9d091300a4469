"""Another Home Assistant with the entities by hand: here, the same one."""

from typing import Any

from homeassistant.components.image import async_get_image
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from demo.broker import Mosquitto
from simulator import Instance
from tests.publisher.conftest import set_up_mqtt
from tests.waiting import wait_until

from .conftest import read

ID = "1101000001"


@pytest.fixture
def hass_config() -> dict[str, Any]:
    """Return the configuration as the file has it."""
    parsed = parse_yaml(read("home-assistant.yaml"))
    assert isinstance(parsed, dict)
    return parsed


@pytest.fixture
async def by_hand(
    hass: HomeAssistant,
    mock_hass_config: None,
    hass_config: dict[str, Any],
    broker: Mosquitto,
) -> dict[str, str]:
    """Return the entities of the file, by their unique ids."""
    await set_up_mqtt(hass, broker)
    for component in ("persistent_notification", "automation"):
        assert await async_setup_component(hass, component, hass_config)
    await hass.async_block_till_done()
    return {
        entry.unique_id.removeprefix(f"green_api_{ID}_"): entry.entity_id
        for entry in er.async_get(hass).entities.values()
        if entry.platform == "mqtt"
    }


async def test_the_entities_follow_the_instance_and_command_it(
    hass: HomeAssistant,
    by_hand: dict[str, str],
    entry: MockConfigEntry,
    instance: Instance,
    hass_config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert instance.id_instance == ID
    assert len(by_hand) == len(hass_config["mqtt"])
    calls = async_capture_events(hass, EVENT_CALL_SERVICE)

    def state(key: str) -> str:
        found = hass.states.get(by_hand[key])
        return found.state if found else ""

    await wait_until(hass, lambda: state("state_word") == "not_authorized")
    await wait_until(hass, lambda: state("code") == "on")
    await wait_until(hass, lambda: state("image") not in {"unknown", "unavailable"})
    await wait_until(hass, lambda: state("valid_until") != "unknown")
    code = entry.runtime_data.data.login.code
    assert state("valid_until") == code.expires_at.isoformat(timespec="seconds")
    picture = await async_get_image(hass, by_hand["image"])
    assert (picture.content, picture.content_type) == (code.png, "image/png")

    instance.scan()
    await wait_until(hass, lambda: state("state_word") == "authorized")
    await wait_until(hass, lambda: state("code") == "off")
    assert state("valid_until") == "unknown"
    picture = await async_get_image(hass, by_hand["image"])
    assert picture.content == entry.runtime_data.picture.png

    await wait_until(hass, lambda: event_of(hass, by_hand) == "authorized")
    await hass.services.async_call(
        "button", "press", {"entity_id": by_hand["logout"]}, blocking=True
    )
    await wait_until(hass, lambda: state("state_word") == "not_authorized")
    await wait_until(hass, lambda: told(calls))
    assert told(calls) == [f"Instance {ID} is no longer authorized: not_authorized."]
    await hass.services.async_call(
        "button", "press", {"entity_id": by_hand["login"]}, blocking=True
    )
    await wait_until(hass, lambda: state("code") == "on")

    assert await hass.config_entries.async_unload(entry.entry_id)
    await wait_until(hass, lambda: state("image") == "unavailable")
    assert {state(key) for key in by_hand} == {"unavailable"}
    complaints = [
        record.getMessage()
        for record in caplog.records
        if record.levelname in {"WARNING", "ERROR"} and ".mqtt" in record.name
    ]
    assert complaints == []


def told(calls: list[Event[dict[str, Any]]]) -> list[str]:
    return [
        call.data["service_data"]["message"]
        for call in calls
        if call.data["domain"] == "persistent_notification"
    ]


def event_of(hass: HomeAssistant, by_hand: dict[str, str]) -> str | None:
    found = hass.states.get(by_hand["event"])
    return found.attributes["event_type"] if found else None
