"""Diagnostics help to find a fault and give nothing away."""

from base64 import b64encode
from http import HTTPStatus
import json

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from simulator import Instance, Simulator
from tests.conftest import entry_of, set_up
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    wait_until,
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)


async def test_tell_what_is_needed_while_a_code_is_shown(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    code = coordinator.data.login.code
    assert told.keys() == {"entry", "coordinator", "instance", "login"}
    assert told["coordinator"] == {
        "last_update_success": True,
        "last_exception": None,
        "update_interval": "0:00:03",
    }
    assert told["instance"] == {
        "messenger": "whatsapp",
        "state": "not_authorized",
        "since": coordinator.data.since.isoformat(),
        "account_known": False,
        "problem": None,
    }
    assert told["login"] == {
        "phase": "showing",
        "sequence": 1,
        "issued_at": code.issued_at.isoformat(),
        "expires_at": code.expires_at.isoformat(),
    }
    saved = told["entry"]
    assert saved["options"] == {"mqtt": "off", "mqtt_prefix": "green_api"}
    assert saved["data"] == {
        "id_instance": "**REDACTED**",
        "api_token_instance": "**REDACTED**",
        "api_url": entry.data["api_url"],
        "messenger": "whatsapp",
    }
    assert saved["title"] == "**REDACTED**"
    assert saved["unique_id"] == "**REDACTED**"


async def test_tell_of_a_failure_and_of_its_end(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    instance.scan()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)
    await cloud.stop()
    await coordinator.async_refresh()
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["coordinator"]["last_update_success"] is False
    assert told["coordinator"]["last_exception"] == "UpdateFailed"
    assert told["instance"]["problem"] == "cannot_connect"
    # The last known state, which outlives the outage.
    assert told["instance"]["state"] == "authorized"
    assert told["instance"]["account_known"] is True
    assert told["login"] == {
        "phase": "idle",
        "sequence": None,
        "issued_at": None,
        "expires_at": None,
    }
    await cloud.start()
    await coordinator.async_refresh()
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["coordinator"]["last_update_success"] is True
    assert told["instance"]["problem"] is None


async def test_tell_why_an_entry_is_not_loaded(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
) -> None:
    await cloud.stop()
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told.keys() == {"entry", "reason"}
    assert told["reason"] == "cannot_connect"
    assert instance.token not in str(told)
    assert instance.id_instance not in str(told)
    await cloud.start()
    assert await hass.config_entries.async_reload(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["instance"]["state"] == "not_authorized"


async def test_give_nothing_away_that_could_be_misused(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance, mqtt="state_and_qr")
    coordinator = entry.runtime_data
    assert await async_setup_component(hass, "diagnostics", {})
    client = await hass_client()
    path = f"/api/diagnostics/config_entry/{entry.entry_id}"

    async def download() -> str:
        answer = await client.get(path)
        assert answer.status == HTTPStatus.OK
        text: str = await answer.text()
        return text

    await wait_until(hass, lambda: coordinator.data.login.code)
    png = coordinator.data.login.code.png
    texts = [await download()]
    instance.scan()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)
    texts.append(await download())
    hidden = (
        instance.token,
        instance.id_instance,
        instance.account.phone,
        coordinator.data.account.masked,
        instance.account.wid,
        "PNG",
        # Wherever a picture's bytes would show up, whatever their form.
        b64encode(png).decode()[:12],
        png.hex()[:12],
        json.dumps(png.decode("latin-1"))[1:12],
    )
    for text in texts:
        for secret in hidden:
            assert secret not in text
