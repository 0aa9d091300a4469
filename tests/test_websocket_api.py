"""The card's commands do what the actions do, and leave no trace of what was typed."""

import json
import logging
from typing import Any

from homeassistant.auth.models import User
from homeassistant.const import EVENT_CALL_SERVICE, MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.green_api.const import DOMAIN
from simulator import Instance, Simulator, State
from tests.conftest import set_up
from tests.waiting import lift_limits, set_rhythm, wait_until

PHONE = "+44 7911 123456"
PASSWORD = "open sesame 4711"
METHODS = {
    "getAuthorizationCode",
    "startAuthorization",
    "sendAuthorizationCode",
    "sendAuthorizationPassword",
}
COMMANDS: dict[str, dict[str, Any]] = {
    "get_authorization_code": {"phone_number": PHONE},
    "start_authorization": {"phone_number": PHONE},
    "send_authorization_code": {"code": "12345", "password": PASSWORD},
    "send_authorization_password": {"password": PASSWORD},
}


@pytest.fixture(autouse=True)
async def _quick(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    assert await async_setup_component(hass, "websocket_api", {})


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the id of an instance's device."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


@pytest.fixture
async def telegram(hass: HomeAssistant, cloud: Simulator) -> Instance:
    """Return a Telegram instance whose account has a two-factor password."""
    return cloud.cloud.create("4100000001", "telegram", password=PASSWORD)


async def test_gives_a_pairing_code(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    cloud: Simulator,
    instance: Instance,
) -> None:
    entry = await set_up(hass, cloud, instance)
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": f"{DOMAIN}/get_authorization_code",
            "device_id": device_of(hass, entry),
            "phone_number": PHONE,
        }
    )
    answer = await client.receive_json()
    assert answer["success"], answer
    assert answer["result"]["code"] == instance.pairing_code
    assert answer["result"].keys() == {"code", "expires_at"}


async def test_a_password_links_and_is_told_to_nobody(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    telegram: Instance,
) -> None:
    entry = await set_up(hass, cloud, telegram)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    telegram.scan()
    await wait_until(hass, lambda: coordinator.data.state == "pending_password")
    told: list[str] = []

    @callback
    def take(event: Event) -> None:
        told.append(f"{event.event_type} {event.data}")

    hass.bus.async_listen(MATCH_ALL, take)
    client = await hass_ws_client(hass)
    # Home Assistant itself logs all it receives, where that is asked for.
    logging.getLogger("homeassistant.components.websocket_api").setLevel(logging.INFO)
    command = {
        "type": f"{DOMAIN}/send_authorization_password",
        "device_id": device_of(hass, entry),
    }
    await client.send_json_auto_id({**command, "password": "wrong sesame"})
    answer = await client.receive_json()
    assert answer["error"] == {
        "code": "home_assistant_error",
        "message": answer["error"]["message"],
        "translation_domain": DOMAIN,
        "translation_key": "invalid_password",
        "translation_placeholders": None,
    }
    await client.send_json_auto_id({**command, "password": PASSWORD})
    answer = await client.receive_json()
    assert answer["success"], answer
    assert telegram.state is State.AUTHORIZED
    await wait_until(hass, lambda: coordinator.data.state == "authorized")
    everything = "\n".join([*told, caplog.text])
    assert "sesame" not in everything
    assert EVENT_CALL_SERVICE not in everything.split()
    assert "Error handling message" not in caplog.text


@pytest.mark.parametrize("name", COMMANDS)
async def test_is_for_administrators(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    hass_admin_user: User,
    cloud: Simulator,
    instance: Instance,
    name: str,
) -> None:
    entry = await set_up(hass, cloud, instance)
    hass_admin_user.groups = []
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": f"{DOMAIN}/{name}",
            "device_id": device_of(hass, entry),
            **COMMANDS[name],
        }
    )
    answer = await client.receive_json()
    assert answer["error"]["code"] == "unauthorized"
    assert not METHODS & cloud.cloud.log.counts().keys()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"device_id": None},
        {"device_id": []},
        {"surplus": "sesame"},
        {"phone_number": ["sesame"], "code": ["sesame"], "password": ["sesame"]},
    ],
)
async def test_says_what_is_malformed_without_quoting_it(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    name: str,
    wrong: dict[str, Any],
) -> None:
    entry = await set_up(hass, cloud, instance)
    client = await hass_ws_client(hass)
    logging.getLogger("homeassistant.components.websocket_api").setLevel(logging.INFO)
    await client.send_json_auto_id(
        {
            "type": f"{DOMAIN}/{name}",
            "device_id": device_of(hass, entry),
            **COMMANDS[name],
            **wrong,
        }
    )
    answer = await client.receive_json()
    assert answer["error"]["code"] == "invalid_format"
    assert "sesame" not in json.dumps(answer)
    assert "sesame" not in caplog.text
