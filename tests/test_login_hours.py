"""Logins by the clock: time jumps, so that nothing has to be shortened."""

from datetime import timedelta
from itertools import pairwise

from homeassistant.core import HomeAssistant
import pytest

from custom_components.green_api.const import (
    BACKOFF_JITTER,
    LOGIN_BACKOFF_LONGEST,
    SOCKET_RETRY,
)
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import LoginPhase
from custom_components.green_api.stills import Situation
from simulator import Clock, Instance, LoopClock, QrAnswer, Simulator, Status, Timing
from simulator.request_log import Request
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.virtual_time import START, virtual_time

SOCKET = "scanqrcode"


@pytest.fixture
async def clock(socket_enabled: None) -> Clock:
    """Return the loop's time."""
    return LoopClock(START)


def asked(cloud: Simulator, method: str) -> list[Request]:
    """Return the requests of a method that have ended."""
    return cloud.cloud.log.list(method=method)


async def update_of(coordinator: GreenApiCoordinator) -> None:
    """Wait for the next snapshot that listeners are told of."""
    waiter = coordinator.hass.loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    stop = coordinator.async_add_listener(wake)
    try:
        await waiter
    finally:
        stop()


async def code_of(coordinator: GreenApiCoordinator, sequence: int = 1) -> None:
    """Wait for a code, at least the one of this number."""
    while (code := coordinator.data.login.code) is None or code.sequence < sequence:
        await update_of(coordinator)


async def test_a_first_code_that_takes_a_minute_is_waited_for(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=60))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        began = hass.loop.time()
        await code_of(coordinator)
        assert 59 < hass.loop.time() - began < 62
        assert not asked(cloud, "qr")


async def test_a_socket_that_says_nothing_is_given_up(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=90))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        began = hass.loop.time()
        await code_of(coordinator)
        assert 89 < hass.loop.time() - began < 110
    assert asked(cloud, SOCKET)[0].status == 101


async def test_a_first_code_that_takes_ten_minutes_is_waited_for(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=600))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        began = hass.loop.time()
        while coordinator.data.login.began_at is None:
            await update_of(coordinator)
        first = coordinator.data.login
        while coordinator.data.login.code is None:
            await update_of(coordinator)
            assert coordinator.data.login.phase in {
                LoginPhase.WAITING,
                LoginPhase.SHOWING,
            }
            assert coordinator.data.login.began_at == first.began_at
        assert 599 < hass.loop.time() - began < 660
    assert coordinator.data.login.phase is LoginPhase.SHOWING
    assert errors_logged(caplog) == []


async def test_waiting_for_a_first_code_ends(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=86400))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        began = hass.loop.time()
        while coordinator.data.login.phase is not LoginPhase.EXPIRED:
            await update_of(coordinator)
        assert 600 < hass.loop.time() - began < 720
    assert coordinator.picture.situation is Situation.PAUSED


async def test_tries_the_socket_again_later(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    rule = cloud.cloud.faults.add(Status(502), method=SOCKET)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        await code_of(coordinator)
        cloud.cloud.faults.remove(rule.number)
        while coordinator.data.login.phase is not LoginPhase.EXPIRED:
            await update_of(coordinator)
        await coordinator.async_request_login()
        await cloud.cloud.log.wait_for_open(method=SOCKET)
        since = cloud.cloud.log.cursor
        await code_of(coordinator, coordinator.login._sequence + 1)
        assert not cloud.cloud.log.list(method="qr", since=since)
    assert timedelta(0) < SOCKET_RETRY <= timedelta(minutes=5)


async def test_tries_the_socket_again_at_once_where_asking_brings_no_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Status(502), method=SOCKET, count=1)
    cloud.cloud.faults.add(QrAnswer("error", "timeout"), method="qr")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    with virtual_time():
        began = hass.loop.time()
        await code_of(coordinator)
        waited = hass.loop.time() - began
    least = SOCKET_RETRY.total_seconds()
    # The last answer may come just before that, and two rests follow each.
    rests = 2 * LOGIN_BACKOFF_LONGEST * (1 + BACKOFF_JITTER)
    assert least - 5 < waited < least + rests + 5
    assert len(asked(cloud, SOCKET)) == 1


async def test_always_follows_window_with_window_and_keeps_the_pauses(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    coordinator = (
        await set_up(hass, cloud, instance, login_always=True, login_window=1)
    ).runtime_data
    with virtual_time():
        phases = set()
        ends = hass.loop.time() + 600
        while hass.loop.time() < ends:
            await update_of(coordinator)
            phases.add(coordinator.data.login.phase)
        await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
    assert phases == {LoginPhase.WAITING, LoginPhase.SHOWING}
    starts = sorted(item.at for item in asked(cloud, SOCKET))
    assert len(starts) == 5
    assert all(119 < later - earlier < 123 for earlier, later in pairwise(starts))
