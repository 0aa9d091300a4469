"""An entry of another version is taken as it is, and loses nothing."""

from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DEFAULT_OPTIONS, DOMAIN, MINOR_VERSION
from simulator import Instance, Simulator
from tests.conftest import entry_of
from tests.logs import errors_logged
from tests.waiting import lift_limits, set_rhythm, shorten_backoff, wait_until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


def stored(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    options: dict[str, Any],
    *,
    version: int = 1,
    minor_version: int = 1,
    disabled_by: ConfigEntryDisabler | None = None,
) -> MockConfigEntry:
    """Return an entry as another version has left it."""
    present = entry_of(cloud, instance)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="The shop's WhatsApp",
        unique_id=present.unique_id,
        data=dict(present.data),
        options=options,
        version=version,
        minor_version=minor_version,
        disabled_by=disabled_by,
    )
    entry.add_to_hass(hass)
    return entry


# What each of the earlier minor versions knew.
FIRST = {"mqtt": "state", "mqtt_prefix": "home/green_api"}
SECOND = {
    **FIRST,
    "login_window": 2,
    "login_always": True,
    "poll_interval": 300,
    "qr_domain": "qr.example.com",
}
THIRD = {
    **SECOND,
    "mqtt_base64": False,
    "mqtt_broker": "home_assistant",
    "mqtt_commands": False,
    "mqtt_connection": {},
    "mqtt_discovery": False,
    "mqtt_discovery_prefix": "ha",
}


@pytest.mark.parametrize(
    ("minor_version", "options"),
    [
        (1, {}),
        (1, {"mqtt": "off", "mqtt_prefix": "green_api"}),
        (1, FIRST),
        (1, {"mqtt": "state_and_qr", "mqtt_prefix": "x", "poll_interval": 300}),
        (2, {}),
        (2, SECOND),
        (2, {**SECOND, "mqtt": "state_and_qr"}),
        (3, {}),
        (3, THIRD),
    ],
)
async def test_an_entry_of_an_earlier_version_gets_the_options_it_lacks(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    minor_version: int,
    options: dict[str, Any],
) -> None:
    entry = stored(hass, cloud, instance, options, minor_version=minor_version)
    data = dict(entry.data)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, instance.id_instance)}
    )
    entity = er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        f"{instance.id_instance}_state",
        suggested_object_id="the_shop",
        config_entry=entry,
        device_id=device.id,
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (entry.version, entry.minor_version) == (1, MINOR_VERSION)
    assert entry.options == {**DEFAULT_OPTIONS, **options}
    # As before: by Home Assistant's broker, and nothing that was not asked for.
    assert entry.options["mqtt_broker"] == "home_assistant"
    assert entry.options["mqtt_connection"] == {}
    for option in ("mqtt_base64", "mqtt_commands", "mqtt_discovery"):
        assert entry.options[option] is False
    assert entry.options["push"] == "off"
    assert entry.options["loss_grace"] == 30
    assert entry.data.items() >= data.items()
    assert entry.title == "The shop's WhatsApp"
    assert entry.state is ConfigEntryState.LOADED
    # What dashboards and automations name is still there.
    assert entity.entity_id == "sensor.the_shop"
    assert hass.states.get("sensor.the_shop")
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert errors_logged(caplog) == []
    # And once is enough.
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.options == {**DEFAULT_OPTIONS, **options}


async def test_an_entry_that_is_switched_off_is_migrated_when_it_is_switched_on(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    options = {"mqtt": "off", "mqtt_prefix": "home"}
    entry = stored(hass, cloud, instance, options, disabled_by=ConfigEntryDisabler.USER)
    # Its options can be changed all the same.
    flows = hass.config_entries.options
    menu = await flows.async_init(entry.entry_id)
    form = await flows.async_configure(menu["flow_id"], {"next_step_id": "login"})
    await flows.async_configure(
        form["flow_id"],
        {"login_window": 2, "login_always": False, "poll_interval": 60},
    )
    await hass.async_block_till_done()
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.minor_version == MINOR_VERSION
    assert entry.options == {**DEFAULT_OPTIONS, **options, "login_window": 2}


async def test_an_entry_of_this_version_stays_as_it_is(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = stored(
        hass, cloud, instance, dict(DEFAULT_OPTIONS), minor_version=MINOR_VERSION
    )
    before = entry.modified_at
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.modified_at == before


async def test_an_entry_of_the_next_minor_version_keeps_what_is_not_known_here(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    # Somebody went back to this version, and will go forward again.
    later = {**DEFAULT_OPTIONS, "poll_interval": 90, "webhook": True}
    entry = stored(hass, cloud, instance, later, minor_version=MINOR_VERSION + 1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.options == later
    assert entry.minor_version == MINOR_VERSION + 1


async def test_an_entry_of_the_next_version_is_left_alone(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    options = {"mqtt": "whatever"}
    entry = stored(hass, cloud, instance, options, version=2)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.MIGRATION_ERROR
    assert entry.options == options
    assert entry.version == 2
    assert cloud.cloud.log.cursor == 0
