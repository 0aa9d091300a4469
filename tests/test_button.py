"""The buttons show a login QR, log an instance out and restart it."""

from datetime import timedelta

from homeassistant.components.button import DOMAIN as BUTTON, SERVICE_PRESS
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import (
    DEFAULT_POLL_INTERVAL,
    DOMAIN,
    LOGIN_POLL_INTERVAL,
    PASSING_POLL_INTERVAL,
)
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    Simulator,
    State,
    StateAnswer,
    Status,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    shorten_window,
    wait_until,
)

LOGIN = "button.whatsapp_1101000001_show_login_qr"
LOGOUT = "button.whatsapp_1101000001_log_out"
REBOOT = "button.whatsapp_1101000001_reboot"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that a restart lasts as long as told."""
    return ManualClock()


async def press(hass: HomeAssistant, button: str) -> None:
    """Press a button as a person does."""
    await hass.services.async_call(
        BUTTON, SERVICE_PRESS, {ATTR_ENTITY_ID: button}, blocking=True
    )


async def test_show_login_qr_opens_a_window_that_was_over(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    await press(hass, LOGIN)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert instance.code is not None
    assert coordinator.picture.png == instance.code.png


async def test_show_login_qr_takes_the_place_of_a_login_by_phone(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await hass.services.async_call(
        DOMAIN,
        "get_authorization_code",
        {"config_entry_id": entry.entry_id, "phone_number": "447911123456"},
        blocking=True,
        return_response=True,
    )
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    await press(hass, LOGIN)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert instance.code is not None
    assert coordinator.picture.png == instance.code.png


@pytest.mark.parametrize(
    ("state", "key"),
    [
        (State.AUTHORIZED, "already_registered"),
        (State.BLOCKED, "state_forbids_login"),
        # WhatsApp has no method that would take one.
        (State.PENDING_PASSWORD, "state_forbids_login"),
        (State.SLEEP_MODE, "state_forbids_login"),
        (State.STARTING, "instance_not_ready"),
        (State.SUSPENDED, "state_forbids_login"),
        (State.YELLOW_CARD, "state_forbids_login"),
        (None, "instance_not_ready"),
    ],
)
async def test_show_login_qr_says_which_state_is_in_the_way_until_it_is_not(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    state: State | None,
    key: str,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    # Nobody knows yet but the cloud: the button asks it.
    cloud.cloud.faults.add(StateAnswer(state), method="getStateInstance")
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, LOGIN)
    assert failure.value.translation_domain == DOMAIN
    assert failure.value.translation_key == key
    assert str(failure.value) not in ("", key)
    cloud.cloud.faults.clear()
    await press(hass, LOGIN)
    await wait_until(hass, lambda: coordinator.data.login.code)


@pytest.mark.parametrize("messenger", ["telegram", "max"])
async def test_show_login_qr_says_that_a_password_is_wanted_first(
    hass: HomeAssistant, cloud: Simulator, messenger: str
) -> None:
    instance = cloud.cloud.create("4100000001", messenger)
    entry = await set_up(hass, cloud, instance)
    button = er.async_get(hass).async_get_entity_id(BUTTON, DOMAIN, "4100000001_login")
    assert button is not None
    cloud.cloud.faults.add(
        StateAnswer(State.PENDING_PASSWORD), method="getStateInstance"
    )
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, button)
    assert failure.value.translation_key == "password_wanted"
    assert entry.runtime_data.data.login.phase is LoginPhase.PASSWORD


async def test_show_login_qr_brings_one_while_the_cloud_waits_for_a_code(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    coordinator.login.stop()
    cloud.cloud.faults.add(StateAnswer(State.PENDING_CODE), method="getStateInstance")
    await press(hass, LOGIN)
    assert coordinator.data.state is InstanceState.PENDING_CODE
    assert coordinator.data.login.code is None
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_show_login_qr_knows_nothing_while_the_state_cannot_be_learnt(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(Status(429, Body.EMPTY), method="getStateInstance")
    # What was seen last allows a login, and is still shown.
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, LOGIN)
    assert failure.value.translation_key == "rate_limited"
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    cloud.cloud.faults.clear()
    await press(hass, LOGIN)


async def test_log_out_unlinks_the_instance_and_brings_a_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    instance.scan()
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED
    since = cloud.cloud.log.cursor
    await press(hass, LOGOUT)
    assert cloud.cloud.log.list(method="logout", since=since)[0].ok
    # Looked at right after, not with the next poll.
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert instance.code is not None
    assert coordinator.picture.png == instance.code.png
    assert coordinator.data.account is None


async def test_reboot_restarts_the_instance_and_follows_it_until_it_is_back(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(state=State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    assert coordinator.update_interval == timedelta(seconds=DEFAULT_POLL_INTERVAL)
    await press(hass, REBOOT)
    assert coordinator.data.state is InstanceState.STARTING
    # Followed closely, not once a minute.
    assert coordinator.update_interval == LOGIN_POLL_INTERVAL
    clock.advance(3)
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED


async def test_reboot_waits_until_a_logout_is_some_minutes_past(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    await press(hass, LOGOUT)
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, REBOOT)
    assert failure.value.translation_domain == DOMAIN
    assert failure.value.translation_key == "reboot_too_soon"
    placeholders = failure.value.translation_placeholders
    assert placeholders is not None
    assert 170 < int(placeholders["seconds"]) <= 180
    assert f"{placeholders['seconds']} seconds" in str(failure.value)
    assert cloud.cloud.log.list(method="reboot") == []
    assert entry.runtime_data.data.state is InstanceState.NOT_AUTHORIZED
    now = hass.loop.time
    monkeypatch.setattr(hass.loop, "time", lambda: now() + 180)
    await press(hass, REBOOT)
    assert len(cloud.cloud.log.list(method="reboot")) == 1


async def test_a_logout_that_failed_is_in_no_reboots_way(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Status(500, Body.JSON), method="logout", count=1)
    with pytest.raises(HomeAssistantError):
        await press(hass, LOGOUT)
    await press(hass, REBOOT)
    assert len(cloud.cloud.log.list(method="reboot")) == 1


async def test_an_order_that_has_settled_is_followed_no_longer(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    clock: ManualClock,
    cloud: Simulator,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.SETTLING_TIME", timedelta(0)
    )
    instance = cloud.cloud.create(state=State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await press(hass, REBOOT)
    assert coordinator.data.state is InstanceState.STARTING
    assert coordinator.update_interval == PASSING_POLL_INTERVAL
    clock.advance(3)
    await coordinator.async_refresh()
    assert coordinator.update_interval == timedelta(seconds=DEFAULT_POLL_INTERVAL)


FAILURES = [
    (Status(401, Body.EMPTY), "token_rejected"),
    (Status(403, Body.HTML), "instance_rejected"),
    (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
    (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
    (
        Status(400, Body.JSON, "instance is starting or not authorized"),
        "instance_not_ready",
    ),
    (Status(429, Body.EMPTY), "rate_limited"),
    (Status(466, Body.JSON), "quota_exceeded"),
    (Status(500, Body.JSON), "cloud_failed"),
    (Status(502, Body.HTML), "cloud_failed"),
    (Status(200, Body.HTML), "unexpected_answer"),
    (Status(200, Body.JSON), "request_rejected"),  # an answer without a yes
    (Drop(), "cannot_connect"),
    (Hang(), "timed_out"),
    (Expired(), "instance_expired"),
    (Deleted(), "instance_deleted"),
]


def expect_clear_words(error: HomeAssistantError, key: str, token: str) -> None:
    """See that a text of ours tells what it is, and nothing of the request."""
    assert error.translation_domain == DOMAIN
    assert error.translation_key == key
    text = str(error)
    assert text not in ("", key)
    assert token not in text
    assert "waInstance" not in text
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize(("fault", "key"), FAILURES)
@pytest.mark.parametrize(("button", "method"), [(LOGOUT, "logout"), (REBOOT, "reboot")])
async def test_says_why_it_failed_and_works_when_pressed_again(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    button: str,
    method: str,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    cloud.cloud.faults.add(fault, method=method, count=1)
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, button)
    expect_clear_words(failure.value, key, instance.token)
    await press(hass, button)
    asked = cloud.cloud.log.list(method=method)
    assert [item.ok for item in asked if item.fault is None] == [True]
    assert errors_logged(caplog) == []


@pytest.mark.parametrize(("fault", "key"), FAILURES)
async def test_show_login_qr_says_why_the_cloud_does_not_help(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    if fault == Status(200, Body.JSON):
        key = "unexpected_answer"  # a state has no yes or no
    # Nobody else asks for the state of this one meanwhile.
    instance = cloud.cloud.create(state=State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    cloud.cloud.faults.add(fault, method="getStateInstance")
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, LOGIN)
    expect_clear_words(failure.value, key, instance.token)
    instance.unlink()
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    await press(hass, LOGIN)
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_cannot_be_pressed_during_an_outage_but_afterwards(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await cloud.stop()
    await coordinator.async_refresh()
    for button in (LOGIN, LOGOUT, REBOOT):
        assert hass.states.is_state(button, STATE_UNAVAILABLE)
    instance.set_state(State.AUTHORIZED)
    await cloud.start()
    await coordinator.async_refresh()
    await press(hass, LOGOUT)
    assert instance.state is State.NOT_AUTHORIZED


async def test_are_known_by_the_instance(
    entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    for entity_id, unique_id, category in (
        (LOGIN, "1101000001_login", None),
        (LOGOUT, "1101000001_logout", EntityCategory.CONFIG),
        (REBOOT, "1101000001_reboot", EntityCategory.CONFIG),
    ):
        registered = entity_registry.async_get(entity_id)
        assert registered is not None
        assert registered.unique_id == unique_id
        assert registered.entity_category is category
