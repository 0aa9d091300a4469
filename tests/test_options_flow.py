"""A person changes what is published by MQTT."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from tests.test_config_flow import fields, suggested
from tests.waiting import lift_limits, set_rhythm, shorten_backoff


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    """Open the options."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    expect_form(result)
    return result


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **typed: Any
) -> ConfigFlowResult:
    """Send the form."""
    return await hass.config_entries.options.async_configure(result["flow_id"], typed)


def expect_form(result: ConfigFlowResult, **errors: str) -> None:
    """Check that the form is shown, and what it says of which field."""
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "init"
    assert result["errors"] == errors
    assert fields(result) == {"mqtt", "mqtt_prefix"}


@pytest.mark.parametrize("mode", ["state", "state_and_qr"])
async def test_changes_the_mode_and_reloads(
    hass: HomeAssistant, entry: MockConfigEntry, mode: str
) -> None:
    before = entry.runtime_data
    result = await begin(hass, entry)
    assert suggested(result) == {"mqtt": "off", "mqtt_prefix": "green_api"}
    result = await submit(hass, result, mqtt=mode, mqtt_prefix="green_api")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == {"mqtt": mode, "mqtt_prefix": "green_api"}
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    # And back again: the form shows what is true now.
    result = await begin(hass, entry)
    assert suggested(result) == {"mqtt": mode, "mqtt_prefix": "green_api"}
    before = entry.runtime_data
    await submit(hass, result, mqtt="off", mqtt_prefix="green_api")
    await hass.async_block_till_done()
    assert entry.options == {"mqtt": "off", "mqtt_prefix": "green_api"}
    assert entry.runtime_data is not before


async def test_leaves_a_running_instance_alone_when_nothing_changes(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    before = entry.runtime_data
    result = await begin(hass, entry)
    result = await submit(hass, result, mqtt="off", mqtt_prefix=" green_api/ ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.runtime_data is before


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [
        ("home", "home"),
        ("home/green_api", "home/green_api"),
        ("  home/green_api/  ", "home/green_api"),
        ("home///", "home"),
        ("дом", "дом"),
        ("homeassistant_2", "homeassistant_2"),
        ("a$b", "a$b"),
        ("p" * 100, "p" * 100),
    ],
)
async def test_cleans_the_prefix(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str, prefix: str
) -> None:
    result = await begin(hass, entry)
    result = await submit(hass, result, mqtt="state", mqtt_prefix=typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == {"mqtt": "state", "mqtt_prefix": prefix}


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "invalid_prefix"),
        ("   ", "invalid_prefix"),
        ("/", "invalid_prefix"),
        ("/home", "invalid_prefix"),
        ("$SYS", "invalid_prefix"),
        ("my home", "invalid_prefix"),
        ("home/+", "invalid_prefix"),
        ("+", "invalid_prefix"),
        ("home/#", "invalid_prefix"),
        ("home//green", "invalid_prefix"),
        ("home\x00", "invalid_prefix"),
        ("home\x01", "invalid_prefix"),
        ("home\x7f", "invalid_prefix"),
        ("ho\ufffeme", "invalid_prefix"),
        ("ho\u200bme", "invalid_prefix"),
        ("home\nx", "invalid_prefix"),
        ("p" * 101, "invalid_prefix"),
        ("homeassistant", "prefix_is_discovery"),
        ("homeassistant/", "prefix_is_discovery"),
        ("homeassistant/green_api", "prefix_is_discovery"),
        ("discovery", "prefix_is_discovery"),
        ("discovery/x", "prefix_is_discovery"),
    ],
)
async def test_says_what_is_wrong_with_a_prefix_and_takes_a_better_one(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str, key: str
) -> None:
    MockConfigEntry(
        domain="mqtt", options={"discovery_prefix": "discovery/of/mine"}
    ).add_to_hass(hass)
    MockConfigEntry(domain="mqtt").add_to_hass(hass)
    before = entry.runtime_data
    result = await begin(hass, entry)
    result = await submit(hass, result, mqtt="state", mqtt_prefix=typed)
    expect_form(result, mqtt_prefix=key)
    for language in ("en", "ru"):
        texts = await async_get_translations(hass, language, "options", {DOMAIN})
        assert texts.get(f"component.{DOMAIN}.options.error.{key}"), language
    # Nothing lost, and nothing changed.
    assert suggested(result) == {"mqtt": "state", "mqtt_prefix": typed}
    assert entry.options == {"mqtt": "off", "mqtt_prefix": "green_api"}
    assert entry.runtime_data is before
    result = await submit(hass, result, mqtt="state", mqtt_prefix="home")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == {"mqtt": "state", "mqtt_prefix": "home"}
    assert entry.state is ConfigEntryState.LOADED
