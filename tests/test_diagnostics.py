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

from custom_components.green_api.api.models import Messenger
from custom_components.green_api.const import DOMAIN
from simulator import Expired, Instance, QrAnswer, Simulator, State
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
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance, qr_domain="qr.example.org")
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    code = coordinator.data.login.code
    assert told.keys() == {
        "entry",
        "coordinator",
        "instance",
        "login",
        "mqtt",
        "push",
        "issues",
    }
    assert told["mqtt"] is None
    assert told["push"] == {"mode": "off", "settings_are_ours": False, "lost": False}
    assert told["issues"] == []
    assert told["coordinator"] == {
        "last_update_success": True,
        "last_exception": None,
        "update_interval": "0:00:03",
    }
    assert told["instance"] == {
        "messenger": "whatsapp",
        "state": "not_authorized",
        "since": coordinator.data.since.isoformat(),
        "suspended_until": None,
        "account_known": False,
        "problem": None,
    }
    assert told["login"] == {
        "phase": "showing",
        "problem": None,
        "began_at": coordinator.data.login.began_at.isoformat(),
        "ends_at": coordinator.data.login.ends_at.isoformat(),
        "sequence": 1,
        "issued_at": code.issued_at.isoformat(),
        "expires_at": code.expires_at.isoformat(),
    }
    saved = told["entry"]
    assert saved["minor_version"] == 4
    assert saved["options"] == {
        "login_always": False,
        "login_window": 5,
        "mqtt": "off",
        "mqtt_base64": False,
        "mqtt_broker": "home_assistant",
        "mqtt_commands": False,
        "mqtt_connection": {},
        "mqtt_discovery": False,
        "mqtt_discovery_prefix": "homeassistant",
        "mqtt_prefix": "green_api",
        "poll_interval": 60,
        "loss_grace": 30,
        "push": "off",
        "qr_domain": "qr.example.org",
    }
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
        "problem": None,
        "began_at": None,
        "ends_at": None,
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
    assert told.keys() == {"entry", "reason", "issues"}
    assert told["reason"] == "cannot_connect"
    assert told["issues"] == []
    assert instance.token not in str(told)
    assert instance.id_instance not in str(told)
    await cloud.start()
    assert await hass.config_entries.async_reload(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["instance"]["state"] == "not_authorized"


async def test_tell_why_no_code_comes_but_not_in_the_words_of_the_cloud(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
) -> None:
    words = "Mrs Miller has left"
    cloud.cloud.faults.add(QrAnswer("error", words), method="qr")
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.detail)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["login"]["problem"] == "other"
    assert told["instance"]["problem"] == "other"
    assert "Miller" not in str(told)


async def test_tell_until_when_an_instance_is_suspended(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram", State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    instance.set_suspended_until(3600)
    coordinator = entry.runtime_data
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.suspended_until)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["instance"]["state"] == "suspended"
    until = coordinator.data.suspended_until.isoformat()
    assert told["instance"]["suspended_until"] == until


async def test_tell_of_the_repairs_of_this_instance_and_no_other(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, cloud: Simulator
) -> None:
    blocked = cloud.cloud.create("4100000001", "telegram", State.BLOCKED)
    other = cloud.cloud.create("4100000002", "telegram", State.SUSPENDED)
    entry = await set_up(hass, cloud, blocked)
    await set_up(hass, cloud, other)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["issues"] == ["blocked"]
    # Also where it is not loaded, as when its set-up is refused.
    cloud.cloud.faults.add(Expired(), id_instance=blocked.id_instance)
    await hass.config_entries.async_reload(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told.keys() == {"entry", "reason", "issues"}
    assert told["issues"] == [told["reason"]] == ["instance_expired"]


async def test_tell_of_a_login_by_phone(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    answer = await hass.services.async_call(
        DOMAIN,
        "get_authorization_code",
        {"config_entry_id": entry.entry_id, "phone_number": "+44 7911 123456"},
        blocking=True,
        return_response=True,
    )
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["login"]["phase"] == "phone_code"
    assert told["login"]["ends_at"] > told["login"]["began_at"]
    assert told["login"]["sequence"] is None
    assert answer is not None
    for secret in (answer["code"], instance.pairing_code, "7911123456"):
        assert secret
        assert str(secret) not in str(told)


@pytest.mark.parametrize("websocket", [True, False])
async def test_give_nothing_away_that_could_be_misused(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    *,
    websocket: bool,
) -> None:
    if websocket:
        monkeypatch.setattr(
            "custom_components.green_api.login._SOCKET_MESSENGERS",
            frozenset({Messenger.WHATSAPP}),
        )
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
    # The name is kept in the entry, with the number it belongs to.
    assert ("account_name" in entry.data) is websocket
    texts.append(await download())
    assert json.loads(texts[-1])["data"]["mqtt"] == {
        "own_broker": False,
        "connected": False,
        "problem": "mqtt_disconnected",
        "expiry_works": True,
    }
    assert await hass.config_entries.async_unload(entry.entry_id)
    texts.append(await download())
    hidden = (
        instance.token,
        instance.id_instance,
        instance.account.phone,
        coordinator.data.account.masked,
        instance.account.wid,
        instance.account.name,
        json.dumps(instance.account.name)[1:-1],
        "PNG",
        # Wherever a picture's bytes would show up, whatever their form.
        b64encode(png).decode()[:12],
        png.hex()[:12],
        json.dumps(png.decode("latin-1"))[1:12],
    )
    for text in texts:
        for secret in hidden:
            assert secret not in text


@pytest.mark.parametrize("loaded", [True, False])
async def test_tell_of_which_kind_the_broker_is_but_not_how_to_use_it(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    *,
    loaded: bool,
) -> None:
    secrets = {
        "host": "127.0.0.1",
        "client_id": "green_api_0a1b2c3d",
        "username": "mrs.miller",
        "password": "correct horse",
        "ca": "-----BEGIN CERTIFICATE----- one",
        "certificate": "-----BEGIN CERTIFICATE----- two",
        "key": "-----BEGIN PRIVATE KEY----- three",
    }
    connection = {**secrets, "port": 1, "tls": True}
    own = {"mqtt": "state", "mqtt_broker": "own", "mqtt_connection": connection}
    entry = await set_up(hass, cloud, instance, **own)
    if not loaded:
        assert await hass.config_entries.async_unload(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    options = told["entry"]["options"]
    assert options["mqtt_broker"] == "own"
    if loaded:
        # Before it was tried, or after.
        assert told["mqtt"].pop("problem") in {"broker_closed", "invalid_ca"}
        assert told["mqtt"] == {
            "own_broker": True,
            "connected": False,
            "expiry_works": True,
        }
    assert options["mqtt_connection"] == {
        **dict.fromkeys(secrets, "**REDACTED**"),
        "port": 1,
        "tls": True,
    }
    del secrets["host"]  # the simulated cloud is there too
    for secret in secrets.values():
        assert secret not in str(told)


@pytest.mark.parametrize("loaded", [True, False])
async def test_hide_whom_the_cloud_tells_of_changes_now_and_told_before(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    *,
    loaded: bool,
) -> None:
    secrets = {
        "webhook_id": "green_api_0a1b2c3d",
        "token": "4e5f6a7b",
        "url": "https://home.example.org/api/webhook/green_api_0a1b2c3d",
    }
    former = {
        "webhook_url": "https://n8n.example.com/webhook/5f0c",
        "webhook_token": "n8n secret",
        "state_webhook": False,
    }
    claim = {**secrets, "cloudhook": False, "former": former, "tried": [former]}
    entry = entry_of(cloud, instance, push="webhook")
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "push_settings": claim}
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    if not loaded:
        assert await hass.config_entries.async_unload(entry.entry_id)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert told["entry"]["data"]["push_settings"] == "**REDACTED**"
    assert told["entry"]["options"]["push"] == "webhook"
    if loaded:
        assert told["push"]["mode"] == "webhook"
        assert told["push"]["settings_are_ours"] is True
    for secret in ("example", "0a1b2c3d", "4e5f6a7b", "n8n"):
        assert secret not in str(told)
