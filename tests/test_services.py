"""The action logs out the instances that a person names."""

from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.green_api.const import DOMAIN
from simulator import Body, Drop, Fault, Instance, Simulator, State, Status
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import lift_limits, set_rhythm, shorten_backoff, wait_until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture
async def instances(cloud: Simulator) -> list[Instance]:
    """Return a linked instance of each messenger."""
    return [
        cloud.cloud.create("1101000001", "whatsapp", State.AUTHORIZED),
        cloud.cloud.create("4100000001", "telegram", State.AUTHORIZED),
        cloud.cloud.create("3100000001", "v3", State.AUTHORIZED),
    ]


@pytest.fixture
async def entries(
    hass: HomeAssistant, cloud: Simulator, instances: list[Instance]
) -> list[MockConfigEntry]:
    """Return the entries of the instances, set up."""
    return [await set_up(hass, cloud, instance) for instance in instances]


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the id of an instance's device."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


async def log_out(hass: HomeAssistant, **data: Any) -> None:
    """Call the action as an automation does."""
    await hass.services.async_call(DOMAIN, "logout", data, blocking=True)


def logged_out(cloud: Simulator) -> list[str]:
    """Return the idInstance of each logout that the cloud was asked for."""
    return sorted(item.id_instance for item in cloud.cloud.log.list(method="logout"))


async def test_logs_out_a_device_and_brings_its_code(
    hass: HomeAssistant,
    cloud: Simulator,
    instances: list[Instance],
    entries: list[MockConfigEntry],
) -> None:
    await log_out(hass, device_id=device_of(hass, entries[0]))
    assert logged_out(cloud) == ["1101000001"]
    assert [item.state for item in instances] == [
        State.NOT_AUTHORIZED,
        State.AUTHORIZED,
        State.AUTHORIZED,
    ]
    await wait_until(hass, lambda: entries[0].runtime_data.data.login.code)


async def test_logs_out_an_entry(
    hass: HomeAssistant, cloud: Simulator, entries: list[MockConfigEntry]
) -> None:
    await log_out(hass, config_entry_id=entries[1].entry_id)
    assert logged_out(cloud) == ["4100000001"]


async def test_logs_out_once_what_is_named_twice(
    hass: HomeAssistant, cloud: Simulator, entries: list[MockConfigEntry]
) -> None:
    device = device_of(hass, entries[0])
    await log_out(
        hass,
        device_id=[device, device],
        config_entry_id=[entries[0].entry_id, entries[0].entry_id],
    )
    assert logged_out(cloud) == ["1101000001"]


async def test_logs_out_all_that_are_named_by_list(
    hass: HomeAssistant,
    cloud: Simulator,
    instances: list[Instance],
    entries: list[MockConfigEntry],
) -> None:
    await log_out(
        hass,
        device_id=[device_of(hass, entry) for entry in entries[:2]],
        config_entry_id=[entries[2].entry_id],
    )
    assert logged_out(cloud) == ["1101000001", "3100000001", "4100000001"]
    assert all(item.state is State.NOT_AUTHORIZED for item in instances)
    for entry in entries:
        coordinator = entry.runtime_data
        await wait_until(hass, lambda data=coordinator: data.data.login.code)  # type: ignore[misc]


async def test_refuses_to_guess_what_is_meant(
    hass: HomeAssistant, cloud: Simulator, entries: list[MockConfigEntry]
) -> None:
    with pytest.raises(vol.Invalid):
        await log_out(hass)
    with pytest.raises(vol.Invalid):
        await log_out(hass, entity_id="sensor.whatsapp_1101000001_state")
    assert logged_out(cloud) == []


@pytest.mark.parametrize("field", [ATTR_DEVICE_ID, ATTR_CONFIG_ENTRY_ID])
async def test_refuses_a_list_of_nobody(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    field: str,
) -> None:
    with pytest.raises((vol.Invalid, ServiceValidationError)):
        await log_out(hass, **{field: []})
    assert logged_out(cloud) == []


@pytest.mark.parametrize("field", [ATTR_DEVICE_ID, ATTR_CONFIG_ENTRY_ID])
async def test_refuses_what_does_not_exist_before_anything_is_logged_out(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    field: str,
) -> None:
    known = {
        ATTR_DEVICE_ID: device_of(hass, entries[0]),
        ATTR_CONFIG_ENTRY_ID: entries[0].entry_id,
    }[field]
    with pytest.raises(ServiceValidationError) as failure:
        await log_out(hass, **{field: [known, "nowhere"]})
    assert failure.value.translation_key
    assert logged_out(cloud) == []
    await log_out(hass, **{field: [known]})
    assert logged_out(cloud) == ["1101000001"]


async def test_refuses_devices_and_entries_of_others(
    hass: HomeAssistant, cloud: Simulator, entries: list[MockConfigEntry]
) -> None:
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "1")}
    )
    with pytest.raises(ServiceValidationError):
        await log_out(hass, device_id=device.id)
    with pytest.raises(ServiceValidationError):
        await log_out(hass, config_entry_id=other.entry_id)
    with pytest.raises(ServiceValidationError):
        await log_out(
            hass, config_entry_id=[entries[0].entry_id], device_id=[device.id]
        )
    assert logged_out(cloud) == []


@pytest.mark.parametrize("disable", [False, True])
async def test_refuses_an_entry_that_is_not_loaded_until_it_is(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    *,
    disable: bool,
) -> None:
    entry = entries[0]
    device = device_of(hass, entry)
    if disable:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    else:
        assert await hass.config_entries.async_unload(entry.entry_id)
    for named in ({ATTR_DEVICE_ID: device}, {ATTR_CONFIG_ENTRY_ID: entry.entry_id}):
        with pytest.raises(ServiceValidationError):
            await log_out(hass, **named)
    assert logged_out(cloud) == []
    if disable:
        await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    else:
        assert await hass.config_entries.async_setup(entry.entry_id)
    await log_out(hass, device_id=device)
    assert logged_out(cloud) == ["1101000001"]


async def test_is_for_administrators_only(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    hass_admin_user: User,
    hass_read_only_user: User,
) -> None:
    data = {ATTR_CONFIG_ENTRY_ID: entries[0].entry_id}
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "logout",
            data,
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert logged_out(cloud) == []
    await hass.services.async_call(
        DOMAIN,
        "logout",
        data,
        blocking=True,
        context=Context(user_id=hass_admin_user.id),
    )
    assert logged_out(cloud) == ["1101000001"]


async def test_refuses_a_guest_at_the_dashboard(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
    cloud: Simulator,
    entries: list[MockConfigEntry],
) -> None:
    call = {
        "type": "call_service",
        "domain": DOMAIN,
        "service": "logout",
        "service_data": {"config_entry_id": [entries[0].entry_id]},
    }
    guest = await hass_ws_client(hass, hass_read_only_access_token)
    await guest.send_json_auto_id(dict(call))
    answer = await guest.receive_json()
    assert answer["success"] is False
    assert answer["error"]["message"] == "Unauthorized"
    assert logged_out(cloud) == []
    owner = await hass_ws_client(hass)
    await owner.send_json_auto_id(dict(call))
    assert (await owner.receive_json())["success"] is True
    assert logged_out(cloud) == ["1101000001"]


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(404, Body.JSON, "Cannot GET"), "request_rejected"),
        (Drop(), "cannot_connect"),
    ],
)
async def test_a_failure_of_the_cloud_is_told_without_secrets_and_can_be_tried_again(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instances: list[Instance],
    entries: list[MockConfigEntry],
    fault: Fault,
    key: str,
) -> None:
    cloud.cloud.faults.add(fault, id_instance="1101000001", method="logout", count=2)
    with pytest.raises(HomeAssistantError) as failure:
        await log_out(hass, config_entry_id=[entry.entry_id for entry in entries])
    assert failure.value.translation_domain == DOMAIN
    assert failure.value.translation_key == key
    assert instances[0].token not in str(failure.value)
    # The failure of one is no reason to leave the others linked.
    for instance in instances[1:]:
        await instance.wait_for_state(State.NOT_AUTHORIZED)

    client = await hass_ws_client(hass)
    call = {
        "type": "call_service",
        "domain": DOMAIN,
        "service": "logout",
        "service_data": {"config_entry_id": entries[0].entry_id},
    }
    await client.send_json_auto_id(dict(call))
    answer = await client.receive_json()
    assert answer["success"] is False
    assert answer["error"]["translation_key"] == key
    assert answer["error"]["translation_domain"] == DOMAIN
    assert instances[0].token not in str(answer)
    # Home Assistant's own word on it, without a secret.
    (line,) = errors_logged(caplog)
    assert "Error during service call to green_api.logout" in line

    await client.send_json_auto_id(dict(call))
    assert (await client.receive_json())["success"] is True
    assert instances[0].state is State.NOT_AUTHORIZED


async def test_is_there_without_any_entry(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "logout")
    with pytest.raises(ServiceValidationError):
        await log_out(hass, config_entry_id="nowhere")
