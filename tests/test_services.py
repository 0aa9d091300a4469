"""The actions do what a person asks of the instances that are named."""

from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import Context, HomeAssistant, SupportsResponse
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
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.problems import translated_error
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    AuthorizationAnswer,
    Body,
    Drop,
    Fault,
    Instance,
    Simulator,
    State,
    Status,
)
from tests.conftest import set_up
from tests.logs import errors_logged, log_lines, secrets_logged
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    shorten_window,
    wait_until,
)

PHONE = "+44 7911 123456"
PASSWORD = "open sesame 4711"

# What each action takes beside the instances, and whether it answers.
ACTIONS: dict[str, tuple[dict[str, str], SupportsResponse]] = {
    "logout": ({}, SupportsResponse.NONE),
    "request_login_qr": ({}, SupportsResponse.NONE),
    "reboot": ({}, SupportsResponse.NONE),
    "get_authorization_code": ({"phone_number": PHONE}, SupportsResponse.ONLY),
    "start_authorization": ({"phone_number": PHONE}, SupportsResponse.OPTIONAL),
    "send_authorization_code": (
        {"code": "12345", "password": PASSWORD},
        SupportsResponse.NONE,
    ),
    "send_authorization_password": ({"password": PASSWORD}, SupportsResponse.NONE),
    "get_qr_page": ({}, SupportsResponse.ONLY),
}
FOR_SEVERAL = ("logout", "request_login_qr", "reboot")
FOR_ONE = sorted(ACTIONS.keys() - set(FOR_SEVERAL))

# The methods of the cloud that change something or give something away.
METHODS = (
    "logout",
    "reboot",
    "getAuthorizationCode",
    "startAuthorization",
    "sendAuthorizationCode",
    "sendAuthorizationPassword",
)


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


async def act(hass: HomeAssistant, action: str, **data: Any) -> Any:
    """Call an action as an automation does; return what it answers."""
    answers = ACTIONS[action][1] is not SupportsResponse.NONE
    return await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=answers
    )


async def log_out(hass: HomeAssistant, **data: Any) -> None:
    """Call the action that most tests are about."""
    await act(hass, "logout", **data)


def asked(cloud: Simulator) -> list[str]:
    """Return the methods asked of the cloud that change something."""
    return [item.method for item in cloud.cloud.log.list() if item.method in METHODS]


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


@pytest.mark.parametrize("action", ACTIONS)
async def test_is_for_administrators_only(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    hass_admin_user: User,
    hass_read_only_user: User,
    action: str,
) -> None:
    more, response = ACTIONS[action]

    async def call(user: User) -> None:
        await hass.services.async_call(
            DOMAIN,
            action,
            {ATTR_CONFIG_ENTRY_ID: entries[0].entry_id, **more},
            blocking=True,
            context=Context(user_id=user.id),
            return_response=response is not SupportsResponse.NONE,
        )

    with pytest.raises(Unauthorized):
        await call(hass_read_only_user)
    assert asked(cloud) == []
    try:
        await call(hass_admin_user)
    except HomeAssistantError as err:
        # Who may ask is told what is in the way.
        reason = err.translation_key
        assert reason in {"already_registered", "not_for_messenger"}


@pytest.mark.parametrize("action", ACTIONS)
async def test_refuses_to_act_on_nobody_or_somebody_unknown(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    action: str,
) -> None:
    more, _ = ACTIONS[action]
    with pytest.raises(vol.Invalid):
        await act(hass, action, **more)
    for field in (ATTR_DEVICE_ID, ATTR_CONFIG_ENTRY_ID):
        with pytest.raises(vol.Invalid):
            await act(hass, action, **{field: []}, **more)
        with pytest.raises(ServiceValidationError):
            await act(hass, action, **{field: "nowhere"}, **more)
    assert asked(cloud) == []


@pytest.mark.parametrize("action", ACTIONS)
async def test_answers_where_there_is_something_to_tell(
    hass: HomeAssistant, entries: list[MockConfigEntry], action: str
) -> None:
    assert hass.services.supports_response(DOMAIN, action) is ACTIONS[action][1]


@pytest.mark.parametrize("action", FOR_ONE)
async def test_what_is_for_one_instance_refuses_several(
    hass: HomeAssistant,
    cloud: Simulator,
    entries: list[MockConfigEntry],
    action: str,
) -> None:
    more, _ = ACTIONS[action]
    several: list[dict[str, list[str] | str]] = [
        {"config_entry_id": [entries[0].entry_id, entries[1].entry_id]},
        {"device_id": [device_of(hass, entries[0]), device_of(hass, entries[1])]},
        {
            "config_entry_id": entries[0].entry_id,
            "device_id": device_of(hass, entries[1]),
        },
    ]
    for named in several:
        with pytest.raises(ServiceValidationError) as failure:
            await act(hass, action, **named, **more)
        assert failure.value.translation_key == "one_instance_only"
    assert asked(cloud) == []


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
        (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
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
    cloud.cloud.faults.add(fault, id_instance="1101000001", method="logout", count=1)
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


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            [
                "WhatsApp 1101000001: GREEN-API reports a failure of its own.",
                "Try again in a few minutes;",
                "MAX 3100000001: The quota of the instance's plan is used up.",
                "Wait until it is renewed, or change the plan in the console",
            ],
        ),
        (
            "ru",
            [
                "WhatsApp 1101000001: GREEN-API сообщает о собственном сбое.",  # noqa: RUF001
                "Повторите через несколько минут;",
                "MAX 3100000001: Квота тарифа этого инстанса исчерпана.",
                "Дождитесь её обновления или смените тариф в личном кабинете",
            ],
        ),
    ],
)
async def test_the_failure_of_one_of_several_is_named_and_stops_no_other(
    hass: HomeAssistant,
    cloud: Simulator,
    instances: list[Instance],
    language: str,
    told: list[str],
) -> None:
    # The reasons are told in the language of the system.
    hass.config.language = language
    entries = [await set_up(hass, cloud, instance) for instance in instances]
    faults = {"1101000001": Status(500), "3100000001": Status(466)}
    for id_instance, fault in faults.items():
        cloud.cloud.faults.add(fault, id_instance=id_instance, method="logout")
    everybody = {"config_entry_id": [entry.entry_id for entry in entries]}
    with pytest.raises(HomeAssistantError) as failure:
        await log_out(hass, **everybody)
    failures = " ".join(told)
    assert failure.value.translation_domain == DOMAIN
    assert failure.value.translation_key == "failed_for_some"
    assert failure.value.translation_placeholders == {"failures": failures}
    assert str(failure.value) == f"Not done for all instances. {failures}"
    assert [item.state for item in instances] == [
        State.AUTHORIZED,
        State.NOT_AUTHORIZED,
        State.AUTHORIZED,
    ]
    cloud.cloud.faults.clear()
    await log_out(hass, **everybody)
    assert {item.state for item in instances} == {State.NOT_AUTHORIZED}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            translated_error("attempts_exceeded", seconds="30"),
            "There were too many wrong attempts. Try again in 30 seconds",
        ),
        (HomeAssistantError("No words for this."), "No words for this"),
    ],
)
async def test_a_failure_of_one_of_several_is_told_with_all_that_belongs_to_it(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    entries: list[MockConfigEntry],
    error: HomeAssistantError,
    told: str,
) -> None:
    async def refuse(coordinator: GreenApiCoordinator) -> None:
        if coordinator is entries[0].runtime_data:
            raise error

    monkeypatch.setattr(GreenApiCoordinator, "async_reboot", refuse)
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "reboot", config_entry_id=[entry.entry_id for entry in entries])
    assert failure.value.translation_placeholders == {
        "failures": f"WhatsApp 1101000001: {told}"
    }


async def test_is_there_without_any_entry(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert set(hass.services.async_services_for_domain(DOMAIN)) == set(ACTIONS)
    with pytest.raises(ServiceValidationError):
        await log_out(hass, config_entry_id="nowhere")


# ------------------------------------------------------ request_login_qr, reboot


async def test_requests_login_qrs_for_all_that_are_named(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, cloud: Simulator
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    entries = [
        await set_up(hass, cloud, cloud.cloud.create(id_instance, messenger))
        for id_instance, messenger in (
            ("1101000001", "whatsapp"),
            ("4100000001", "telegram"),
        )
    ]
    sessions = [entry.runtime_data for entry in entries]
    await wait_until(
        hass,
        lambda: all(item.data.login.phase is LoginPhase.EXPIRED for item in sessions),
    )
    await act(
        hass, "request_login_qr", device_id=[device_of(hass, item) for item in entries]
    )
    for session in sessions:
        await wait_until(hass, lambda of=session: of.data.login.code)  # type: ignore[misc]


async def test_says_which_instance_needs_no_login(
    hass: HomeAssistant, cloud: Simulator, entries: list[MockConfigEntry]
) -> None:
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "request_login_qr", config_entry_id=entries[0].entry_id)
    assert failure.value.translation_key == "already_registered"


async def test_reboots_all_that_are_named(
    hass: HomeAssistant,
    cloud: Simulator,
    instances: list[Instance],
    entries: list[MockConfigEntry],
) -> None:
    await act(hass, "reboot", config_entry_id=[entry.entry_id for entry in entries])
    assert asked(cloud) == ["reboot"] * 3
    assert {entry.runtime_data.data.state for entry in entries} == {"starting"}


# ------------------------------------------------------- get_authorization_code


@pytest.mark.parametrize(
    "typed", [PHONE, "447911123456", 447911123456, "0044 (7911) 12-34-56"]
)
async def test_gives_a_pairing_code_that_links_the_phone(
    hass: HomeAssistant,
    instance: Instance,
    entry: MockConfigEntry,
    typed: str | int,
) -> None:
    before = datetime.now(UTC)
    answer = await act(
        hass,
        "get_authorization_code",
        device_id=device_of(hass, entry),
        config_entry_id=entry.entry_id,
        phone_number=typed,
    )
    assert answer.keys() == {"code", "expires_at"}
    life = datetime.fromisoformat(answer["expires_at"]) - before
    assert timedelta(seconds=148) < life < timedelta(seconds=152)
    assert answer["code"] == instance.pairing_code
    instance.enter_pairing_code(answer["code"])
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.state == "authorized"


async def test_refuses_a_second_pairing_code_that_would_do_harm(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    named = {"config_entry_id": entry.entry_id, "phone_number": PHONE}
    first = await act(hass, "get_authorization_code", **named)
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "get_authorization_code", **named)
    assert failure.value.translation_key == "pairing_code_alive"
    placeholders = failure.value.translation_placeholders
    assert placeholders is not None
    assert 140 <= int(placeholders["seconds"]) <= 151
    assert f"{placeholders['seconds']} seconds" in str(failure.value)
    assert first["code"] not in str(failure.value)
    assert asked(cloud) == ["getAuthorizationCode"]
    instance.enter_pairing_code(first["code"])


@pytest.mark.parametrize(
    "fault",
    [
        Status(502, Body.HTML),
        Status(504, Body.HTML),
        Status(200, Body.GARBAGE),
        Drop(),
    ],
)
async def test_waits_for_a_pairing_code_that_may_have_been_given(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, fault: Fault
) -> None:
    named = {"config_entry_id": entry.entry_id, "phone_number": PHONE}
    cloud.cloud.faults.add(fault, method="getAuthorizationCode", count=1)
    keys = []
    for _ in range(2):
        with pytest.raises(HomeAssistantError) as failure:
            await act(hass, "get_authorization_code", **named)
        keys.append(failure.value.translation_key)
    assert keys[1] == "pairing_code_alive" != keys[0]
    assert asked(cloud) == ["getAuthorizationCode"]
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE


async def test_says_that_no_pairing_code_was_given_and_goes_on_with_the_qr(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    named = {"config_entry_id": entry.entry_id, "phone_number": PHONE}
    instance.set_refuse_pairing(refuse=True)
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "get_authorization_code", **named)
    assert failure.value.translation_key == "pairing_refused"
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    instance.set_refuse_pairing(refuse=False)
    answer = await act(hass, "get_authorization_code", **named)
    assert answer["code"] == instance.pairing_code


@pytest.mark.parametrize(
    ("action", "method"),
    [
        ("get_authorization_code", "getAuthorizationCode"),
        ("start_authorization", "startAuthorization"),
    ],
)
@pytest.mark.parametrize(
    "typed", ["", "12345", "call me", "+44 7911 123456 ext 7", "0791112345678901234"]
)
async def test_refuses_what_is_no_phone_number_before_the_cloud_does(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: MockConfigEntry,
    action: str,
    method: str,
    typed: str,
) -> None:
    with pytest.raises(ServiceValidationError) as failure:
        await act(hass, action, config_entry_id=entry.entry_id, phone_number=typed)
    assert failure.value.translation_domain == DOMAIN
    assert failure.value.translation_key == "invalid_phone_number"
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert cloud.cloud.log.list(method=method) == []


@pytest.mark.parametrize(
    ("messenger", "id_instance", "actions"),
    [
        (
            "whatsapp",
            "1101000001",
            (
                "start_authorization",
                "send_authorization_code",
                "send_authorization_password",
            ),
        ),
        ("telegram", "4100000001", ("get_authorization_code",)),
        ("max", "3100000001", ("get_authorization_code",)),
    ],
)
async def test_says_what_a_messenger_does_not_have(
    hass: HomeAssistant,
    cloud: Simulator,
    messenger: str,
    id_instance: str,
    actions: tuple[str, ...],
) -> None:
    entry = await set_up(hass, cloud, cloud.cloud.create(id_instance, messenger))
    for action in actions:
        with pytest.raises(HomeAssistantError) as failure:
            await act(
                hass, action, config_entry_id=entry.entry_id, **ACTIONS[action][0]
            )
        assert failure.value.translation_key == "not_for_messenger"
        assert entry.runtime_data.messenger.label in str(failure.value)
    assert asked(cloud) == []


# --------------------------------------------------- login by phone and password


@pytest.fixture(params=["telegram", "max"])
async def phone_instance(cloud: Simulator, request: pytest.FixtureRequest) -> Instance:
    """Return an instance whose account has a two-factor password."""
    id_instance = {"telegram": "4100000001", "max": "3100000001"}[request.param]
    return cloud.cloud.create(id_instance, request.param, password=PASSWORD)


@pytest.fixture
async def phone_entry(
    hass: HomeAssistant, cloud: Simulator, phone_instance: Instance
) -> MockConfigEntry:
    """Return the entry of that instance, set up."""
    return await set_up(hass, cloud, phone_instance)


async def test_links_by_phone_code_and_then_password(
    hass: HomeAssistant, phone_instance: Instance, phone_entry: MockConfigEntry
) -> None:
    named = {"config_entry_id": phone_entry.entry_id}
    coordinator = phone_entry.runtime_data
    before = datetime.now(UTC)
    answer = await act(hass, "start_authorization", phone_number=PHONE, **named)
    assert answer.keys() == {"expires_at"}
    life = datetime.fromisoformat(answer["expires_at"]) - before
    assert timedelta(seconds=298) < life < timedelta(seconds=302)
    code = phone_instance.phone_code
    assert code is not None
    # As it is copied from a message.
    await act(hass, "send_authorization_code", code=f" {code} ", **named)
    await coordinator.async_refresh()
    assert coordinator.data.state == "pending_password"
    await act(hass, "send_authorization_password", password=PASSWORD, **named)
    await coordinator.async_refresh()
    assert coordinator.data.state == "authorized"


async def test_links_by_phone_code_and_password_at_once(
    hass: HomeAssistant, phone_instance: Instance, phone_entry: MockConfigEntry
) -> None:
    named = {"device_id": device_of(hass, phone_entry)}
    await hass.services.async_call(
        DOMAIN, "start_authorization", {"phone_number": PHONE, **named}, blocking=True
    )
    code = phone_instance.phone_code
    assert code is not None
    await act(hass, "send_authorization_code", code=code, password=PASSWORD, **named)
    await phone_entry.runtime_data.async_refresh()
    assert phone_entry.runtime_data.data.state == "authorized"


@pytest.mark.parametrize("number", [12345, 90210])
async def test_takes_a_code_and_a_password_that_a_template_made_numbers_of(
    hass: HomeAssistant, cloud: Simulator, number: int
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram", password=str(number))
    entry = await set_up(hass, cloud, instance)
    named = {"config_entry_id": entry.entry_id}
    await act(hass, "start_authorization", phone_number=PHONE, **named)
    code = instance.phone_code
    assert code is not None
    typed = code if code.startswith("0") else int(code)
    await act(hass, "send_authorization_code", code=typed, password=number, **named)
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.state == "authorized"


async def test_refuses_a_second_start_while_the_code_can_be_entered(
    hass: HomeAssistant,
    cloud: Simulator,
    phone_instance: Instance,
    phone_entry: MockConfigEntry,
) -> None:
    named = {"config_entry_id": phone_entry.entry_id, "phone_number": PHONE}
    await act(hass, "start_authorization", **named)
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "start_authorization", **named)
    assert failure.value.translation_key == "phone_code_alive"
    placeholders = failure.value.translation_placeholders
    assert placeholders is not None
    assert 290 <= int(placeholders["seconds"]) <= 301
    assert asked(cloud) == ["startAuthorization"]
    assert phone_instance.phone_code is not None


REASONS = [
    (AuthorizationAnswer("already_registered"), "already_registered"),
    (AuthorizationAnswer("invalid_password"), "invalid_password"),
    (AuthorizationAnswer("rate_limit_exceeded"), "rate_limit_exceeded"),
    (AuthorizationAnswer("authorization_not_started"), "authorization_not_started"),
    (AuthorizationAnswer("timeout"), "messenger_timeout"),
    (AuthorizationAnswer("time_limit_expired_logout"), "time_limit_expired"),
    (AuthorizationAnswer("something_new"), "authorization_refused"),
    (Status(404, Body.JSON, "Cannot POST"), "method_not_available"),
    (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
    (Status(401, Body.EMPTY), "token_rejected"),
    (Status(429, Body.EMPTY), "rate_limited"),
    (Status(466, Body.JSON), "quota_exceeded"),
]
# Of these nobody knows whether the cloud has done what it was asked.
FATE_UNKNOWN = [
    (Status(500, Body.JSON), "cloud_failed"),
    (Status(504, Body.HTML), "cloud_failed"),
    (Status(200, Body.GARBAGE), "unexpected_answer"),
    (Drop(), "cannot_connect"),
]


@pytest.mark.parametrize(("fault", "key"), REASONS + FATE_UNKNOWN)
async def test_every_reason_of_the_messenger_has_words_of_its_own(
    hass: HomeAssistant,
    cloud: Simulator,
    phone_instance: Instance,
    phone_entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    named = {"config_entry_id": phone_entry.entry_id}
    coordinator = phone_entry.runtime_data

    async def expect_refusal(action: str, method: str, **data: str) -> None:
        cloud.cloud.faults.add(fault, method=method, count=1)
        with pytest.raises(HomeAssistantError) as failure:
            await act(hass, action, **named, **data)
        assert failure.value.translation_domain == DOMAIN
        assert failure.value.translation_key == key
        text = str(failure.value)
        assert text not in ("", key)
        for secret in (phone_instance.token, *data.values()):
            assert secret not in text
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__

    await expect_refusal(
        "start_authorization", "startAuthorization", phone_number=PHONE
    )
    if (fault, key) in FATE_UNKNOWN:
        # The code may be on its way: it is waited for, and can be entered.
        with pytest.raises(HomeAssistantError) as failure:
            await act(hass, "start_authorization", phone_number=PHONE, **named)
        assert failure.value.translation_key == "phone_code_alive"
        assert asked(cloud) == ["startAuthorization"]
        phone_instance.start_authorization(PHONE)
    else:
        await act(hass, "start_authorization", phone_number=PHONE, **named)
    code = phone_instance.phone_code
    assert code is not None
    await expect_refusal("send_authorization_code", "sendAuthorizationCode", code=code)
    await act(hass, "send_authorization_code", code=code, **named)
    await coordinator.async_refresh()
    assert coordinator.data.state == "pending_password"
    if key == "time_limit_expired":
        # The cloud logs out with it: there is nothing left to go on with.
        return
    await expect_refusal(
        "send_authorization_password", "sendAuthorizationPassword", password=PASSWORD
    )
    await act(hass, "send_authorization_password", password=PASSWORD, **named)
    await coordinator.async_refresh()
    assert coordinator.data.state == "authorized"


async def test_a_wrong_code_and_a_wrong_password_can_be_mended(
    hass: HomeAssistant, phone_instance: Instance, phone_entry: MockConfigEntry
) -> None:
    named = {"config_entry_id": phone_entry.entry_id}
    await act(hass, "start_authorization", phone_number=PHONE, **named)
    code = phone_instance.phone_code
    assert code is not None
    wrong = code[::-1] if code != code[::-1] else f"{int(code) ^ 1:05}"
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "send_authorization_code", code=wrong, **named)
    assert failure.value.translation_key == "authorization_refused"
    await act(hass, "send_authorization_code", code=code, **named)
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "send_authorization_password", password="shut", **named)
    assert failure.value.translation_key == "invalid_password"
    await act(hass, "send_authorization_password", password=PASSWORD, **named)
    await phone_entry.runtime_data.async_refresh()
    assert phone_entry.runtime_data.data.state == "authorized"


async def test_tells_how_long_to_wait_after_too_many_attempts(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("3100000001", "max", password=PASSWORD)
    entry = await set_up(hass, cloud, instance)
    named = {"config_entry_id": entry.entry_id}
    instance.set_state(State.PENDING_PASSWORD)
    await entry.runtime_data.async_refresh()
    keys = []
    for _ in range(5):
        with pytest.raises(HomeAssistantError) as failure:
            await act(hass, "send_authorization_password", password="shut", **named)
        keys.append(failure.value.translation_key)
    assert keys == ["invalid_password"] * 3 + ["attempts_exceeded"] * 2
    placeholders = failure.value.translation_placeholders
    assert placeholders is not None
    assert 290 <= int(placeholders["seconds"]) <= 300
    # The last one was not sent: it could only have made things worse.
    assert asked(cloud) == ["sendAuthorizationPassword"] * 4


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("rate_limit_exceeded", "too_soon"),
        ("timeout", "too_soon"),
        ("attempts_exceeded", "attempts_exceeded"),
    ],
)
async def test_keeps_the_wait_that_a_refusal_asks_for(
    hass: HomeAssistant,
    cloud: Simulator,
    phone_entry: MockConfigEntry,
    reason: str,
    key: str,
) -> None:
    named = {"config_entry_id": phone_entry.entry_id, "phone_number": PHONE}
    fault = AuthorizationAnswer(reason, retry_after=40)
    cloud.cloud.faults.add(fault, method="startAuthorization", count=1)
    with pytest.raises(HomeAssistantError):
        await act(hass, "start_authorization", **named)
    # No code is on its way, so that a QR is of use.
    assert phone_entry.runtime_data.data.login.phase is not LoginPhase.PHONE_CODE
    with pytest.raises(HomeAssistantError) as failure:
        await act(hass, "start_authorization", **named)
    assert failure.value.translation_key == key
    placeholders = failure.value.translation_placeholders
    assert placeholders is not None
    assert 30 <= int(placeholders["seconds"]) <= 40
    assert f"{placeholders['seconds']} seconds" in str(failure.value)
    assert asked(cloud) == ["startAuthorization"]


@pytest.mark.parametrize(
    "spelling", [" {} ", "{0[0]}{0[1]} {0[2]}-{0[3]}{0[4]}", "\u200b{}\u200b"]
)
async def test_takes_a_code_however_the_messenger_spells_it(
    hass: HomeAssistant,
    phone_instance: Instance,
    phone_entry: MockConfigEntry,
    spelling: str,
) -> None:
    named = {"config_entry_id": phone_entry.entry_id}
    await act(hass, "start_authorization", phone_number=PHONE, **named)
    code = phone_instance.phone_code
    assert code is not None
    await act(
        hass,
        "send_authorization_code",
        code=spelling.format(code),
        password=PASSWORD,
        **named,
    )
    await phone_entry.runtime_data.async_refresh()
    assert phone_entry.runtime_data.data.state == "authorized"


async def test_asks_for_no_password_that_nobody_wants(
    hass: HomeAssistant, cloud: Simulator, phone_entry: MockConfigEntry
) -> None:
    with pytest.raises(HomeAssistantError) as failure:
        await act(
            hass,
            "send_authorization_password",
            config_entry_id=phone_entry.entry_id,
            password=PASSWORD,
        )
    assert failure.value.translation_key == "no_password_wanted"
    assert asked(cloud) == []


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("send_authorization_code", {}),
        ("send_authorization_code", {"code": ""}),
        ("send_authorization_code", {"code": " "}),
        ("send_authorization_code", {"code": [PASSWORD]}),
        ("send_authorization_code", {"code": "12345", "password": ""}),
        ("send_authorization_code", {"code": "12345", "password": [PASSWORD]}),
        ("send_authorization_password", {}),
        ("send_authorization_password", {"password": ""}),
        ("send_authorization_password", {"password": None}),
        ("send_authorization_password", {"password": 47.11}),
        ("send_authorization_password", {"password": [PASSWORD]}),
        ("send_authorization_password", {"password": PASSWORD, PASSWORD[:4]: 1}),
    ],
)
async def test_refuses_what_is_no_code_or_password_without_repeating_it(
    hass: HomeAssistant,
    cloud: Simulator,
    phone_entry: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    with pytest.raises(vol.Invalid) as failure:
        await act(hass, action, config_entry_id=phone_entry.entry_id, **data)
    assert PASSWORD not in str(failure.value)
    assert "4711" not in str(failure.value)
    assert "47.11" not in str(failure.value)
    assert asked(cloud) == []


@pytest.mark.parametrize("blocking", [True, False])
async def test_no_secret_of_a_call_gets_into_the_log(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    phone_instance: Instance,
    phone_entry: MockConfigEntry,
    *,
    blocking: bool,
) -> None:
    coordinator = phone_entry.runtime_data
    cloud.cloud.faults.add(
        AuthorizationAnswer("timeout"), method="sendAuthorizationCode", count=1
    )

    async def call(action: str, **data: str) -> None:
        try:
            await hass.services.async_call(
                DOMAIN,
                action,
                {"config_entry_id": phone_entry.entry_id, **data},
                blocking=blocking,
            )
        except HomeAssistantError:
            assert blocking
        await hass.async_block_till_done()

    await call("start_authorization", phone_number=PHONE)
    code = phone_instance.phone_code
    assert code is not None
    # Fails, which Home Assistant logs with all of the call when nobody waits for it.
    await call("start_authorization", phone_number=PHONE)
    await call("send_authorization_code", code=code, password="shut 0815")
    await call("send_authorization_code", code=code)
    await coordinator.async_refresh()
    await call("send_authorization_password", password="shut 0815")
    await call("send_authorization_password", password=PASSWORD)
    await coordinator.async_refresh()
    assert coordinator.data.state == "authorized"
    assert len(errors_logged(caplog)) == (0 if blocking else 3)
    assert any(log_lines(caplog))
    digits = "".join(filter(str.isdigit, PHONE))
    logged = secrets_logged(caplog, [code, PASSWORD, "shut 0815", PHONE, digits])
    # The event of a call is Home Assistant's, which logs it at level DEBUG.
    assert [line for line in logged if "<Event call_service" not in line] == []


# ------------------------------------------------------------------ get_qr_page


@pytest.mark.parametrize(
    ("messenger", "id_instance", "path"),
    [
        ("whatsapp", "1101000001", "/waInstance1101000001/{token}"),
        ("telegram", "4100000001", "/waInstance4100000001/{token}/"),
        ("max", "3100000001", "/v3/waInstance3100000001/{token}"),
    ],
)
@pytest.mark.parametrize("domain", ["qr.green-api.com", "qr.example.org"])
async def test_gives_the_link_of_the_qr_page(
    hass: HomeAssistant,
    cloud: Simulator,
    messenger: str,
    id_instance: str,
    path: str,
    domain: str,
) -> None:
    instance = cloud.cloud.create(id_instance, messenger)
    options = {} if domain == "qr.green-api.com" else {"qr_domain": domain}
    entry = await set_up(hass, cloud, instance, **options)
    asked_before = cloud.cloud.log.cursor
    answer = await act(hass, "get_qr_page", config_entry_id=entry.entry_id)
    assert answer == {"url": f"https://{domain}{path.format(token=instance.token)}"}
    methods = {item.method for item in cloud.cloud.log.list(since=asked_before)}
    assert methods <= {"qr", "getStateInstance"}, "nothing that is not asked anyway"


async def test_gives_the_link_in_every_state_and_during_an_outage(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    forgive_nothing(monkeypatch)
    link = {"url": f"https://qr.green-api.com/waInstance1101000001/{instance.token}"}
    for state in State:
        instance.set_state(state)
        await entry.runtime_data.async_refresh()
        answer = await act(hass, "get_qr_page", config_entry_id=entry.entry_id)
        assert answer == link
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    assert not entry.runtime_data.last_update_success
    assert await act(hass, "get_qr_page", config_entry_id=entry.entry_id) == link
    assert instance.token not in str(hass.states.async_all())
    await cloud.start()
