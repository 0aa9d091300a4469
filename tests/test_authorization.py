"""Accounts are linked by phone number and password, and no repeat does harm."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api import authorization
from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.authorization import (
    async_get_pairing_code,
    async_send_code,
    async_send_password,
    async_start_phone_login,
    wants_password,
)
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import LoginPhase
from custom_components.green_api.stills import Situation
from simulator import (
    AuthorizationAnswer,
    Body,
    Delay,
    Drop,
    Fault,
    Hang,
    Instance,
    QrAnswer,
    Simulator,
    State,
    StateAnswer,
    Status,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import lift_limits, set_rhythm, shorten_window, wait_until

PHONE = 79001234567
PAIRING = "getAuthorizationCode"
START = "startAuthorization"
PASSWORD = "sendAuthorizationPassword"
BY_PHONE = [("4100000001", "telegram"), ("3100000001", "max")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    # A request that is not answered is given up soon; a code lives as ever.
    monkeypatch.setattr(
        "custom_components.green_api.api.client.AUTHORIZATION_TIMEOUT", 0.3
    )


async def expect_error(
    request: Callable[[], Awaitable[object]], key: str, **placeholders: object
) -> None:
    """See that a request raises the translated error of this key."""
    with pytest.raises(HomeAssistantError) as caught:
        await request()
    assert caught.value.translation_domain == "green_api"
    assert caught.value.translation_key == key
    assert (caught.value.translation_placeholders or {}).keys() == placeholders.keys()
    for name, value in placeholders.items():
        assert caught.value.translation_placeholders[name] in value


def seconds(least: int, most: int) -> list[str]:
    """Return the seconds that a text may name."""
    return [str(item) for item in range(least, most + 1)]


def asked(cloud: Simulator, method: str) -> int:
    """Return how often a method was asked."""
    return cloud.cloud.log.counts().get(method, 0)


async def by_phone(
    hass: HomeAssistant, cloud: Simulator, id_instance: str, kind: str, **account: str
) -> tuple[Instance, GreenApiCoordinator]:
    """Return an instance that can be linked by phone, set up."""
    instance = cloud.cloud.create(id_instance, kind, **account)
    return instance, (await set_up(hass, cloud, instance)).runtime_data


# ------------------------------------------------------------------ WhatsApp


async def test_a_pairing_code_links_whatsapp(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    issued = await async_get_pairing_code(coordinator, PHONE)
    assert issued.code == instance.pairing_code
    assert issued.code not in repr(issued)
    left = issued.expires_at - dt_util.utcnow()
    assert timedelta(seconds=145) < left <= timedelta(seconds=150)
    # No QR meanwhile, whoever looks: its end would end the code too.
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert coordinator.data.login.ends_at == issued.expires_at
    assert coordinator.picture.situation is Situation.PHONE_CODE
    coordinator.look()
    since = cloud.cloud.log.cursor
    await coordinator.async_refresh()
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert not cloud.cloud.log.list(method="qr", since=since)
    instance.enter_pairing_code(issued.code)
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert coordinator.data.login.phase is LoginPhase.IDLE
    assert issued.code not in caplog.text
    assert str(PHONE) not in caplog.text
    assert errors_logged(caplog) == []


async def test_a_second_pairing_code_is_refused_with_the_time_left(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    issued = await async_get_pairing_code(coordinator, PHONE)
    again = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(again, "pairing_code_alive", seconds=seconds(140, 150))
    # Not after a reload either, which shows no QR all the same.
    assert await hass.config_entries.async_reload(entry.entry_id)
    coordinator = entry.runtime_data
    again = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(again, "pairing_code_alive", seconds=seconds(140, 150))
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert asked(cloud, PAIRING) == 1
    assert instance.pairing_code == issued.code
    assert instance.state is State.NOT_AUTHORIZED


async def test_a_code_that_was_used_is_in_nobodys_way(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    issued = await async_get_pairing_code(coordinator, PHONE)
    instance.enter_pairing_code(issued.code)
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    await coordinator.async_logout()
    assert (await async_get_pairing_code(coordinator, PHONE)).code != issued.code


async def test_of_two_who_ask_at_once_one_is_refused(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    results = await asyncio.gather(
        *(async_get_pairing_code(entry.runtime_data, PHONE) for _ in range(2)),
        return_exceptions=True,
    )
    refused = [item for item in results if isinstance(item, HomeAssistantError)]
    assert [item.translation_key for item in refused] == ["pairing_code_alive"]
    assert asked(cloud, PAIRING) == 1


async def test_a_person_who_wants_a_qr_all_the_same_gets_it(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await async_get_pairing_code(coordinator, PHONE)
    await coordinator.async_request_login()
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_the_end_of_a_pairing_code_leaves_the_picture_paused(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    entry: MockConfigEntry,
) -> None:
    monkeypatch.setattr(authorization, "PAIRING_CODE_LIFE", timedelta(seconds=0.3))
    coordinator = entry.runtime_data
    await async_get_pairing_code(coordinator, PHONE)
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert coordinator.picture.situation is Situation.PAUSED
    coordinator.login._times.window_ends = float("-inf")
    coordinator.look()
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_the_end_of_a_pairing_code_leads_to_a_qr_where_there_always_is_one(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(authorization, "PAIRING_CODE_LIFE", timedelta(seconds=0.3))
    entry = await set_up(hass, cloud, instance, login_always=True)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    await async_get_pairing_code(coordinator, PHONE)
    coordinator.login._times.window_ends = float("-inf")
    await wait_until(hass, lambda: coordinator.data.login.code)


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(404, Body.JSON), "method_not_available"),
        (Status(401, Body.EMPTY), "token_rejected"),
    ],
)
async def test_a_failure_gives_the_qr_back_and_forbids_no_other_try(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(fault, method=PAIRING, count=1)
    await expect_error(partial(async_get_pairing_code, coordinator, PHONE), key)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert (await async_get_pairing_code(coordinator, PHONE)).code


async def test_a_refused_pairing_code_is_said_and_gives_the_qr_back(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    instance.set_refuse_pairing(refuse=True)
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, "pairing_refused")
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_a_refusal_opens_no_window_where_none_was_open(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=600)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    instance.set_refuse_pairing(refuse=True)
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, "pairing_refused")
    assert coordinator.data.login.phase is LoginPhase.EXPIRED
    assert not coordinator.login.active


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Hang(), "timed_out"),
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(504, Body.HTML), "cloud_failed"),
        (Status(200, Body.HTML), "unexpected_answer"),
        (Drop(), "cannot_connect"),
    ],
)
async def test_no_answer_may_mean_a_code_that_is_on_its_way(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(fault, method=PAIRING)
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, key)
    await expect_error(request, "pairing_code_alive", seconds=seconds(140, 150))
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert asked(cloud, PAIRING) == 1


async def test_a_request_that_never_left_forbids_no_other_try(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await cloud.stop()
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, "cannot_connect")
    await cloud.start()
    await coordinator.async_refresh()
    assert (await request()).code


@pytest.mark.parametrize("state", ["starting", None, "pendingCode"])
async def test_a_flapping_state_spoils_no_code_that_can_be_entered(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, state: str | None
) -> None:
    coordinator = entry.runtime_data
    await async_get_pairing_code(coordinator, PHONE)
    since = cloud.cloud.log.cursor
    rule = cloud.cloud.faults.add(StateAnswer(state), method="getStateInstance")
    await coordinator.async_refresh()
    cloud.cloud.faults.remove(rule.number)
    rule = cloud.cloud.faults.add(Status(401), method="getStateInstance", count=1)
    await coordinator.async_refresh()
    await coordinator.async_refresh()
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert not cloud.cloud.log.list(method="qr", since=since)


async def test_so_may_a_request_that_was_broken_off(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(Delay(0.2), method=PAIRING)
    task = hass.async_create_task(async_get_pairing_code(coordinator, PHONE))
    await cloud.cloud.log.wait_for_open(method=PAIRING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, "pairing_code_alive", seconds=seconds(140, 150))


async def test_a_hold_that_a_former_session_began_ends_the_window(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    former = entry.runtime_data
    assert await hass.config_entries.async_reload(entry.entry_id)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    former.login.hold(timedelta(minutes=1))
    coordinator.login.request()
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    since = cloud.cloud.log.cursor
    await coordinator.async_refresh()
    assert not [
        item for item in cloud.cloud.log.list(method="qr", since=since) if item.ok
    ]


async def test_a_code_that_comes_after_the_unload_starts_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(Delay(0.1), method=PAIRING)
    task = hass.async_create_task(async_get_pairing_code(coordinator, PHONE))
    await cloud.cloud.log.wait_for_open(method=PAIRING)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (await task).code
    assert coordinator.login._hold_timer is None


# ------------------------------------------------------- Telegram and MAX


@pytest.mark.parametrize(("id_instance", "kind"), BY_PHONE)
async def test_a_code_sent_to_the_phone_links_the_account(
    hass: HomeAssistant,
    cloud: Simulator,
    caplog: pytest.LogCaptureFixture,
    id_instance: str,
    kind: str,
) -> None:
    instance, coordinator = await by_phone(hass, cloud, id_instance, kind)
    expires_at = await async_start_phone_login(coordinator, PHONE)
    left = expires_at - dt_util.utcnow()
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
    assert instance.phone_code is not None
    await async_send_code(
        coordinator, f" {instance.phone_code[:2]}-{instance.phone_code[2:]}"
    )
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("id_instance", "kind"), BY_PHONE)
async def test_a_code_and_a_password_link_the_account(
    hass: HomeAssistant,
    cloud: Simulator,
    caplog: pytest.LogCaptureFixture,
    id_instance: str,
    kind: str,
    at_once: bool,
) -> None:
    instance, coordinator = await by_phone(
        hass, cloud, id_instance, kind, password="open sesame"
    )
    await async_start_phone_login(coordinator, PHONE)
    assert instance.phone_code is not None
    if at_once:
        await async_send_code(coordinator, instance.phone_code, "open sesame")
    else:
        await async_send_code(coordinator, instance.phone_code)
        await wait_until(hass, lambda: wants_password(coordinator))
        assert coordinator.picture.situation is Situation.PASSWORD
        wrong = partial(async_send_password, coordinator, "wrong")
        await expect_error(wrong, "invalid_password")
        await async_send_password(coordinator, "open sesame")
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert "open sesame" not in caplog.text
    assert errors_logged(caplog) == []


async def test_a_second_code_is_refused_with_the_time_left(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    _, coordinator = await by_phone(hass, cloud, *BY_PHONE[0])
    await async_start_phone_login(coordinator, PHONE)
    again = partial(async_start_phone_login, coordinator, PHONE)
    await expect_error(again, "phone_code_alive", seconds=seconds(290, 300))
    assert asked(cloud, START) == 1


async def test_too_many_passwords_are_followed_by_the_wait_that_the_cloud_names(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, coordinator = await by_phone(
        hass, cloud, "3100000001", "max", password="open sesame"
    )
    await wait_until(hass, lambda: coordinator.data.login.code)
    instance.scan()
    await wait_until(hass, lambda: wants_password(coordinator))
    wrong = partial(async_send_password, coordinator, "wrong")
    for _ in range(3):
        await expect_error(wrong, "invalid_password")
    await expect_error(wrong, "attempts_exceeded", seconds=seconds(290, 300))
    sent = asked(cloud, PASSWORD)
    await expect_error(wrong, "attempts_exceeded", seconds=seconds(290, 300))
    assert asked(cloud, PASSWORD) == sent


@pytest.mark.parametrize(
    ("reason", "key", "placeholders"),
    [
        ("already_registered", "already_registered", {}),
        ("invalid_password", "invalid_password", {}),
        ("rate_limit_exceeded", "rate_limit_exceeded", {}),
        ("authorization_not_started", "authorization_not_started", {}),
        ("timeout", "messenger_timeout", {}),
        ("attempts_exceeded", "attempts_exceeded", {"seconds": ["60"]}),
        ("time_limit_expired_logout", "time_limit_expired", {}),
        ("something_new", "authorization_refused", {}),
    ],
)
async def test_every_reason_has_its_own_error(
    hass: HomeAssistant,
    cloud: Simulator,
    reason: str,
    key: str,
    placeholders: dict[str, list[str]],
) -> None:
    _, coordinator = await by_phone(hass, cloud, *BY_PHONE[1])
    cloud.cloud.faults.add(AuthorizationAnswer(reason))
    request = partial(async_send_code, coordinator, "12345")
    await expect_error(request, key, **placeholders)


@pytest.mark.parametrize(
    ("reason", "key"),
    [("rate_limit_exceeded", "too_soon"), ("attempts_exceeded", "attempts_exceeded")],
)
async def test_a_wait_that_the_cloud_asks_for_is_kept(
    hass: HomeAssistant, cloud: Simulator, reason: str, key: str
) -> None:
    _, coordinator = await by_phone(hass, cloud, *BY_PHONE[1])
    cloud.cloud.faults.add(AuthorizationAnswer(reason, 300))
    request = partial(async_start_phone_login, coordinator, PHONE)
    with pytest.raises(HomeAssistantError):
        await request()
    await expect_error(request, key, seconds=seconds(290, 300))
    assert asked(cloud, START) == 1


@pytest.mark.parametrize(
    "reason", ["authorization_not_started", "time_limit_expired_logout"]
)
async def test_a_phone_login_that_is_lost_can_begin_anew_at_once(
    hass: HomeAssistant, cloud: Simulator, reason: str
) -> None:
    instance, coordinator = await by_phone(hass, cloud, *BY_PHONE[1])
    await async_start_phone_login(coordinator, PHONE)
    cloud.cloud.faults.add(AuthorizationAnswer(reason), count=1)
    with pytest.raises(HomeAssistantError):
        await async_send_code(coordinator, "12345")
    await wait_until(hass, lambda: coordinator.data.login.code)
    instance.logout()  # the simulated cloud still has the first one
    await async_start_phone_login(coordinator, PHONE)
    assert coordinator.data.login.phase is LoginPhase.PHONE_CODE


# --------------------------------------------------------------- what forbids it


@pytest.mark.parametrize(
    ("state", "key"),
    [
        (State.AUTHORIZED, "already_registered"),
        (State.STARTING, "instance_not_ready"),
        (None, "instance_not_ready"),
        (State.PENDING_PASSWORD, "password_wanted"),
        (State.BLOCKED, "state_forbids_login"),
        (State.SUSPENDED, "state_forbids_login"),
    ],
)
async def test_the_state_forbids_a_login_before_anything_is_asked(
    hass: HomeAssistant, cloud: Simulator, state: State | None, key: str
) -> None:
    instance, coordinator = await by_phone(hass, cloud, *BY_PHONE[0])
    instance.set_state(state)
    await expect_error(partial(async_start_phone_login, coordinator, PHONE), key)
    await expect_error(coordinator.async_request_login, key)
    assert asked(cloud, START) == 0


async def test_a_password_that_nobody_wants_is_not_sent(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, coordinator = await by_phone(hass, cloud, *BY_PHONE[0])
    request = partial(async_send_password, coordinator, "open sesame")
    await expect_error(request, "no_password_wanted")
    instance.set_state(State.AUTHORIZED)
    await expect_error(request, "already_registered")
    assert asked(cloud, PASSWORD) == 0


async def test_a_password_is_taken_where_only_the_answer_to_the_login_wants_it(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, coordinator = await by_phone(
        hass, cloud, *BY_PHONE[0], password="open sesame"
    )
    await wait_until(hass, lambda: coordinator.data.login.code)
    cloud.cloud.faults.add(StateAnswer("notAuthorized"), method="getStateInstance")
    cloud.cloud.faults.add(QrAnswer("pending_password", None), method="qr")
    instance.scan()
    await wait_until(hass, lambda: wants_password(coordinator))
    await async_send_password(coordinator, "open sesame")
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED


async def test_a_dead_cloud_is_said_before_anything_is_asked(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    entry: MockConfigEntry,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.OUTAGE_GRACE", timedelta(0)
    )
    coordinator = entry.runtime_data
    await cloud.stop()
    request = partial(async_get_pairing_code, coordinator, PHONE)
    await expect_error(request, "cannot_connect")
    await cloud.start()
    await coordinator.async_refresh()
    assert (await async_get_pairing_code(coordinator, PHONE)).code


async def test_each_messenger_has_its_own_ways(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    whatsapp = entry.runtime_data
    for request in (
        partial(async_start_phone_login, whatsapp, PHONE),
        partial(async_send_code, whatsapp, "12345"),
        partial(async_send_password, whatsapp, "open sesame"),
    ):
        await expect_error(request, "not_for_messenger", messenger=["WhatsApp"])
    _, telegram = await by_phone(hass, cloud, *BY_PHONE[0])
    request = partial(async_get_pairing_code, telegram, PHONE)
    await expect_error(request, "not_for_messenger", messenger=["Telegram"])


async def test_a_login_can_begin_anew_while_the_cloud_waits_for_a_code(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, coordinator = await by_phone(hass, cloud, *BY_PHONE[0])
    instance.set_state(State.PENDING_CODE)
    await coordinator.async_refresh()
    assert coordinator.obstacle_to_login is None
    await coordinator.async_request_login()
    assert coordinator.login.active


async def test_whatsapp_is_asked_for_no_password(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    instance.set_state(State.PENDING_PASSWORD)
    await coordinator.async_refresh()
    assert not wants_password(coordinator)
    await expect_error(coordinator.async_request_login, "state_forbids_login")


async def test_an_instance_is_not_rebooted_right_after_a_logout(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await coordinator.async_logout()
    reboot = coordinator.async_reboot
    await expect_error(reboot, "reboot_too_soon", seconds=seconds(170, 180))
    assert await hass.config_entries.async_reload(entry.entry_id)
    reboot = entry.runtime_data.async_reboot
    await expect_error(reboot, "reboot_too_soon", seconds=seconds(170, 180))
    assert asked(cloud, "reboot") == 0


async def test_a_phone_login_survives_the_state_that_is_said_to_go_with_it(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, coordinator = await by_phone(hass, cloud, *BY_PHONE[0])
    await async_start_phone_login(coordinator, PHONE)
    for state in ("pendingCode", "notAuthorized"):
        rule = cloud.cloud.faults.add(StateAnswer(state), method="getStateInstance")
        await coordinator.async_refresh()
        assert coordinator.data.login.phase is LoginPhase.PHONE_CODE
        cloud.cloud.faults.remove(rule.number)
    assert instance.phone_code is not None
    await async_send_code(coordinator, instance.phone_code)
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
