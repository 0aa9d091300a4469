"""The webhook over hours, by a clock that jumps where nothing happens."""

import asyncio
from collections.abc import AsyncGenerator
import logging

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import (
    DEFAULT_POLL_INTERVAL,
    SAFETY_POLL_INTERVAL,
)
from simulator import Clock, Instance, LoopClock, NotificationLost, Simulator
from tests.virtual_time import START, virtual_time
from tests.waiting import wait_until

from .door import Door, complaints, notice, set_up_webhook, settle, storm

HOUR = 3600.0
SAFETY = SAFETY_POLL_INTERVAL.total_seconds()

# The least of polls in an hour where nothing is trusted; it is a fifth where push is.
USUAL = 0.9 * HOUR / DEFAULT_POLL_INTERVAL


@pytest.fixture
async def clock(socket_enabled: None) -> Clock:
    """Return the loop's time, which jumps."""
    return LoopClock(START)


@pytest.fixture(autouse=True)
def _few_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Log no requests: there are thousands."""
    caplog.set_level(logging.WARNING)


@pytest.fixture
async def jumping(door: Door) -> AsyncGenerator[None]:
    """Let time jump as soon as the server is there."""
    with virtual_time():
        yield


@pytest.fixture
async def posting(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    door: Door,
    jumping: None,
) -> MockConfigEntry:
    """Return the entry of the instance, which posts to its webhook."""
    return await set_up_webhook(hass, cloud, instance, door)


def polls(cloud: Simulator, since: int) -> list[float]:
    """Return when the state was asked for."""
    log = cloud.cloud.log.list(method="getStateInstance", since=since)
    assert {request.status for request in log} <= {200}
    return [request.at for request in log]


async def test_a_thousand_false_ones_are_a_few_requests_at_the_usual_rate(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    caplog: pytest.LogCaptureFixture,
) -> None:
    since, began = cloud.cloud.log.cursor, cloud.cloud.clock.now()
    data = posting.runtime_data.data
    false = notice(instance, stateInstance="notAuthorized")
    await storm(door, [false] * 1000)
    lasted = cloud.cloud.clock.now() - began
    await settle(hass)
    # One each 1.1 s while it lasts; then one under way, one to follow, and one
    # because what they answer is not what was told.
    few = lasted / 1.1 + 4
    assert len(polls(cloud, since)) <= few
    await asyncio.sleep(HOUR)
    minute_of_watching, hour_of_polls = 60 / 3 + 1, HOUR / SAFETY + 1
    assert len(polls(cloud, since)) <= few + minute_of_watching + hour_of_polls
    assert posting.runtime_data.data == data
    assert complaints(caplog, hass) == []


async def test_who_is_told_asks_less_until_something_is_lost(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
) -> None:
    coordinator, since = posting.runtime_data, cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    assert len(polls(cloud, since)) >= USUAL

    instance.set_state("yellowCard")
    await wait_until(hass, lambda: coordinator.data.reading.word == "yellow_card")
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    assert HOUR / SAFETY - 2 <= len(polls(cloud, since)) <= HOUR / SAFETY + 2

    cloud.cloud.faults.add(NotificationLost(), count=1)
    lost_at = cloud.cloud.clock.now()
    instance.set_state("blocked")
    await wait_until(
        hass,
        lambda: coordinator.data.state is InstanceState.BLOCKED,
        bound=2 * SAFETY,
    )
    assert cloud.cloud.clock.now() - lost_at <= SAFETY + 5
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    assert len(polls(cloud, since)) >= USUAL

    instance.set_state("authorized")
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    assert len(polls(cloud, since)) <= HOUR / SAFETY + 2
