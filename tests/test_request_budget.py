"""What is asked of the cloud in hours and days, counted by the cloud itself."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
import logging
import sys

from homeassistant.components.camera import async_get_image
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import LOGIN_PAUSE
from simulator import Clock, LoopClock, Simulator, Status
from simulator.methods import METHODS
from simulator.request_log import Request
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.virtual_time import START, virtual_time

pytestmark = pytest.mark.timeout(600)

HOUR = 3600.0
DAY = 24 * HOUR
WINDOW = 5 * 60.0

# More than any answer and any back-off takes, less than a pause.
GAP = 30.0

LOOK_INTERVAL = 10.0

INSTANCES = {
    "1101000001": ("whatsapp", "scanqrcode"),
    "1101000002": ("whatsapp", "qr"),
    "4100000001": ("telegram", "qr"),
    "3100000001": ("max", "qr"),
}


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Draw no pictures and log no requests: there are thousands of each."""
    monkeypatch.setattr(
        "simulator.qr.draw", lambda payload: b"\x89PNG\r\n\x1a\n" + payload.encode()
    )
    caplog.set_level(logging.WARNING)


@pytest.fixture
async def clock(socket_enabled: None) -> Clock:
    """Return the loop's time, which jumps."""
    return LoopClock(START)


async def create_all(
    hass: HomeAssistant, cloud: Simulator, state: str
) -> list[MockConfigEntry]:
    """Set up an instance of each kind, one whose codes can't come by WebSocket."""
    entries = []
    for id_instance, (messenger, way) in INSTANCES.items():
        if way == "qr":
            cloud.cloud.faults.add(
                Status(404), method="scanqrcode", id_instance=id_instance
            )
        instance = cloud.cloud.create(id_instance, messenger, state)
        entries.append(await set_up(hass, cloud, instance))
    return entries


def stretches(requests: list[Request]) -> Iterator[tuple[float, float]]:
    """Yield from when to when was asked, without a gap."""
    spans = sorted((item.at, item.ended_at or item.at) for item in requests)
    begin, end = spans[0]
    for start, stop in spans[1:]:
        if start - end > GAP:
            yield begin, end
            begin = start
        end = max(end, stop)
    yield begin, end


def expect_rates_kept(requests: list[Request]) -> None:
    """See that no second holds more requests of a method than allowed."""
    for name, method in METHODS.items():
        times = [item.at for item in requests if item.method == name]
        for first, last in zip(times, times[method.per_second :], strict=False):
            assert last - first >= 1.0, f"{name} at {first}"
    assert not [item for item in requests if item.status == 429]


def expect_windows_kept(requests: list[Request], counts: range) -> None:
    """See that codes were asked for in so many windows, each with its pause."""
    asked = [item for item in requests if item.method in {"qr", "scanqrcode"}]
    windows = list(stretches(asked))
    assert len(windows) in counts
    assert all(end - begin <= WINDOW + 1 for begin, end in windows)
    pause = LOGIN_PAUSE.total_seconds()
    assert all(after[0] - before[1] >= pause - 1 for before, after in pairwise(windows))


def count(title: str, cloud: Simulator, id_instance: str) -> dict[str, int]:
    """Return, and print, how often each method was asked."""
    messenger, way = INSTANCES[id_instance]
    counts = cloud.cloud.log.counts(id_instance)
    sys.stdout.write(f"\n{title}, {messenger} by {way}: {counts}\n")
    return counts


def requests_of(cloud: Simulator, id_instance: str) -> list[Request]:
    """Return what an instance was asked, first come, first."""
    asked = cloud.cloud.log.list(id_instance=id_instance)
    assert len(asked) == sum(cloud.cloud.log.counts(id_instance).values())
    return sorted(asked, key=lambda item: item.at)


async def pass_time(hass: HomeAssistant, seconds: float, *, look: bool = False) -> None:
    """Let time pass, with or without somebody who looks at the pictures."""
    ends = hass.loop.time() + seconds
    cameras = hass.states.async_entity_ids("camera") if look else []
    while (left := ends - hass.loop.time()) > 0:
        for camera in cameras:
            # As a dashboard's card with `camera_view: auto` does.
            await async_get_image(hass, camera)
        await asyncio.sleep(min(left, LOOK_INTERVAL) if look else left)


async def unload(hass: HomeAssistant, entries: list[MockConfigEntry]) -> None:
    """End all that runs while time can still jump."""
    for entry in entries:
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_hour_without_authorization_and_nobody_looking(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    entries = await create_all(hass, cloud, "notAuthorized")
    with virtual_time():
        await pass_time(hass, HOUR)
        await unload(hass, entries)
    for id_instance in INSTANCES:
        counts = count("An hour, nobody looking", cloud, id_instance)
        expect_rates_kept(requests_of(cloud, id_instance))
        expect_windows_kept(requests_of(cloud, id_instance), range(1, 2))
        # Every three seconds for five minutes, every minute for the rest.
        assert 140 <= counts["getStateInstance"] <= 160
    assert not errors_logged(caplog)


async def test_an_hour_without_authorization_and_a_viewer_all_the_time(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    entries = await create_all(hass, cloud, "notAuthorized")
    with virtual_time():
        await pass_time(hass, HOUR, look=True)
        await unload(hass, entries)
    for id_instance in INSTANCES:
        counts = count("An hour, a viewer", cloud, id_instance)
        expect_rates_kept(requests_of(cloud, id_instance))
        # The hour's end may see the eleventh begin.
        expect_windows_kept(requests_of(cloud, id_instance), range(10, 12))
        assert 1000 <= counts["getStateInstance"] <= 1050
    assert not errors_logged(caplog)


async def test_a_day_of_authorized(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    entries = await create_all(hass, cloud, "authorized")
    with virtual_time():
        await pass_time(hass, DAY)
        await unload(hass, entries)
    for id_instance in INSTANCES:
        counts = count("A day, authorized", cloud, id_instance)
        expect_rates_kept(requests_of(cloud, id_instance))
        assert 1438 <= counts.pop("getStateInstance") <= 1442
        # The account, once.
        assert list(counts.values()) == [1]
    assert not errors_logged(caplog)
