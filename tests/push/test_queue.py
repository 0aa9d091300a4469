"""The queue: all that is in it is taken off, and only the state is asked for."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import (
    DEFAULT_POLL_INTERVAL,
    SAFETY_POLL_INTERVAL,
)
from custom_components.green_api.push.loss import async_tell_loss
from custom_components.green_api.push.queue import (
    FAILURE_GRACE,
    LEAST_WAIT,
    RECEIVE_WAIT,
)
from simulator import (
    Body,
    Clock,
    Instance,
    LoopClock,
    NotificationLost,
    Simulator,
    Status,
)
from simulator.request_log import Request
from tests.logs import log_lines
from tests.virtual_time import START, virtual_time
from tests.waiting import wait_until

from .door import asked, complaints, notice, set_up_push

HOUR = 3600.0
SAFETY = SAFETY_POLL_INTERVAL.total_seconds()

# The least of polls in an hour where nothing is trusted; it is a fifth where push is.
USUAL = 0.9 * HOUR / DEFAULT_POLL_INTERVAL

RECEIVE = "receiveNotification"
DELETE = "deleteNotification"


@pytest.fixture
async def clock(socket_enabled: None) -> Clock:
    """Return the loop's time, which jumps."""
    return LoopClock(START)


@pytest.fixture
async def jumping(socket_enabled: None) -> AsyncGenerator[None]:
    """Let time jump where nothing happens."""
    with virtual_time():
        yield


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, jumping: None
) -> MockConfigEntry:
    """Return the entry of the instance, whose queue is listened to."""
    instance.set_settings({"stateWebhook": "yes"})
    entry = await set_up_push(hass, cloud, instance, "queue", {})
    await cloud.cloud.log.wait_for_open(method=RECEIVE)
    return entry


def requests(cloud: Simulator, method: str, since: int = 0) -> list[Request]:
    """Return the requests of a method that have ended."""
    return cloud.cloud.log.list(method=method, since=since)


async def word(hass: HomeAssistant, entry: MockConfigEntry, wanted: str) -> None:
    """Wait until the state is known under this word."""
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.reading.word == wanted, bound=HOUR)


async def emptied(instance: Instance) -> None:
    """Wait until nothing is left in the queue."""
    while instance.notifications.list():
        await instance.changed.wait()


async def settled() -> None:
    """Wait until the queue has answered, and the next poll has gone by it."""
    await asyncio.sleep(2 * DEFAULT_POLL_INTERVAL)


# ------------------------------------------------------------------ what it is for


async def test_a_change_is_known_as_soon_as_it_stands_in_the_queue(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = asked(cloud, instance)
    for state, known in (("yellowCard", "yellow_card"), ("authorized", "authorized")):
        changed_at = cloud.cloud.clock.now()
        instance.set_state(state)
        await word(hass, entry, known)
        assert cloud.cloud.clock.now() - changed_at < 3
        await emptied(instance)
    assert asked(cloud, instance) == before + 2
    assert {item.status for item in requests(cloud, RECEIVE)} <= {200}
    assert [item.status for item in requests(cloud, DELETE)] == [200, 200]
    assert complaints(caplog, hass) == []


async def test_silence_asks_nothing_more_than_the_safe_minimum(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await settled()
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    received = requests(cloud, RECEIVE, since)
    assert HOUR / RECEIVE_WAIT * 0.9 <= len(received) <= HOUR / RECEIVE_WAIT + 1
    polls = requests(cloud, "getStateInstance", since)
    assert HOUR / SAFETY - 1 <= len(polls) <= HOUR / SAFETY + 1
    assert requests(cloud, DELETE) == []
    assert {item.method for item in cloud.cloud.log.list(since=since)} <= {
        RECEIVE,
        "getStateInstance",
    }


async def test_what_others_would_have_taken_is_deleted_and_asks_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    other = {"idInstance": 1101000002}
    bodies: list[Any] = [
        notice(instance, typeWebhook="incomingMessageReceived", messageData={"a": 1}),
        notice(instance, typeWebhook="statusInstanceChanged", statusInstance="online"),
        notice(instance, instanceData=other, stateInstance="blocked"),
        notice(instance, timestamp="yesterday"),
        {},
        {"typeWebhook": 5},
        [],
        "text",
        None,
    ]
    before = asked(cloud, instance)
    for body in bodies:
        instance.notifications.push(body)
    await emptied(instance)
    assert len(requests(cloud, DELETE)) == len(bodies)
    assert asked(cloud, instance) == before
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    await emptied(instance)


async def test_a_long_queue_is_worked_off_with_few_questions(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    before, began = asked(cloud, instance), cloud.cloud.clock.now()
    for _ in range(100):
        instance.set_state("blocked")
        instance.set_state("yellowCard")
    await emptied(instance)
    await word(hass, entry, "yellow_card")
    lasted = cloud.cloud.clock.now() - began
    assert asked(cloud, instance) <= before + lasted / 1.1 + 3
    assert len(requests(cloud, DELETE)) == 200


# ------------------------------------------------------------------ what may go wrong


async def test_a_webhook_that_is_set_meanwhile_leaves_the_usual_poll_until_it_goes(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await settled()
    # Somebody else's; what it answers is of no importance.
    instance.set_settings({"webhookUrl": f"{cloud.url}/control/"})
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    refused = requests(cloud, RECEIVE, since)
    assert {item.status for item in refused} == {400}
    assert len(refused) <= HOUR / 48 + 10, "it does not back off"
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) >= USUAL, "it is trusted"
    assert complaints(caplog, hass) == [f"push_lost_{entry.entry_id}"]

    instance.set_settings({"webhookUrl": ""})
    await cloud.cloud.log.wait_for_open(method=RECEIVE)
    await settled()
    assert complaints(caplog, hass) == []
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) <= HOUR / SAFETY + 1, "it is not trusted any more"
    changed_at = cloud.cloud.clock.now()
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    assert cloud.cloud.clock.now() - changed_at < 3
    levels = {record.levelname for record in caplog.records if "No notif" in record.msg}
    assert levels == {"DEBUG"}


async def test_a_webhook_that_goes_in_time_is_told_nobody_of(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await settled()
    # As long as an instance that restarts may go by its former settings.
    instance.set_settings({"webhookUrl": f"{cloud.url}/control/"})
    await asyncio.sleep(FAILURE_GRACE.total_seconds() - 30)
    assert complaints(caplog, hass) == []
    instance.set_settings({"webhookUrl": ""})
    await asyncio.sleep(HOUR)
    assert complaints(caplog, hass) == []


async def test_what_is_known_to_be_lost_is_not_trusted_until_it_is_mended(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await settled()
    async_tell_loss(hass, entry, lost=True)
    entry.runtime_data.trust_push(False)  # noqa: FBT003
    since = cloud.cloud.log.cursor
    # Not as long as it takes until somebody looks after the settings again.
    await asyncio.sleep(HOUR / 2)
    async_tell_loss(hass, entry, lost=True)
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) >= USUAL / 2, "it is trusted"
    async_tell_loss(hass, entry, lost=False)
    await settled()
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) <= HOUR / SAFETY + 1, "it is not trusted"


async def test_what_cannot_be_received_is_told_once_and_the_poll_goes_on(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await settled()
    rule = cloud.cloud.faults.add(Status(200, Body.GARBAGE), method=RECEIVE)
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) >= USUAL, "it is trusted"
    (told,) = complaints(caplog, hass)
    assert "cannot be received" in told
    cloud.cloud.faults.remove(rule.number)
    await asyncio.sleep(2 * 60)
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    instance.set_state("authorized")
    await word(hass, entry, "authorized")
    await emptied(instance)
    assert complaints(caplog, hass) == [told]


async def test_an_outage_passes(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await cloud.stop()
    await asyncio.sleep(HOUR)
    instance.set_state("yellowCard")
    await cloud.start()
    await word(hass, entry, "yellow_card")
    await emptied(instance)
    await cloud.cloud.log.wait_for_open(method=RECEIVE)
    changed_at = cloud.cloud.clock.now()
    instance.set_state("authorized")
    await word(hass, entry, "authorized")
    assert cloud.cloud.clock.now() - changed_at < 3


@pytest.mark.parametrize("status", [429, 466, 500, 502])
async def test_a_passing_failure_costs_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    status: int,
) -> None:
    # However often: each is the first one again.
    for state in ("yellowCard", "authorized") * 5:
        for method in (RECEIVE, DELETE):
            cloud.cloud.faults.add(Status(status), method=method, count=1)
        changed_at = cloud.cloud.clock.now()
        instance.set_state(state)
        await emptied(instance)
        assert cloud.cloud.clock.now() - changed_at < 12
        assert cloud.cloud.faults.list() == []
    await word(hass, entry, "authorized")


async def test_a_lost_notification_is_found_by_the_poll_which_is_usual_then(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await settled()
    cloud.cloud.faults.add(NotificationLost(), count=1)
    lost_at = cloud.cloud.clock.now()
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    assert DEFAULT_POLL_INTERVAL / 2 < cloud.cloud.clock.now() - lost_at <= SAFETY + 5
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    polls = requests(cloud, "getStateInstance", since)
    assert len(polls) >= USUAL, "it is still trusted"


async def test_a_wrong_token_is_not_tried_all_the_time(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    right, instance.token = instance.token, "0123456789abcdef"
    # The one that was under way.
    since = (await cloud.cloud.log.wait_for(method=RECEIVE)).number
    await asyncio.sleep(HOUR)
    tries = requests(cloud, RECEIVE, since)
    assert {item.status for item in tries} == {401}
    assert len(tries) <= HOUR / 240 + 8
    assert any(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    instance.token = right
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    await emptied(instance)


async def test_who_deletes_as_well_is_noticed_and_not_fought(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = {"result": False, "reason": "notification not found"}
    with monkeypatch.context() as patch:
        patch.setattr(instance.notifications, "delete", lambda _: refusal)
        instance.set_state("yellowCard")
        await word(hass, entry, "yellow_card")
        since = cloud.cloud.log.cursor
        await asyncio.sleep(HOUR)
    assert len(requests(cloud, DELETE, since)) <= HOUR / 48 + 10
    await emptied(instance)


async def test_a_cloud_that_does_not_wait_is_asked_once_a_second(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_timeout: str | None = None) -> None:
        """Answer at once."""

    monkeypatch.setattr(instance.notifications, "receive", nothing)
    # The one that was under way.
    since = (await cloud.cloud.log.wait_for(method=RECEIVE)).number
    await asyncio.sleep(60)
    assert 50 <= len(requests(cloud, RECEIVE, since)) <= 60 / LEAST_WAIT + 1


# ------------------------------------------------------------------ comings, goings


def listeners() -> int:
    """Return how many tasks wait for notifications."""
    names = (task.get_name() for task in asyncio.all_tasks())
    return sum("notifications" in name for name in names)


async def test_an_unload_in_the_middle_of_waiting_leaves_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    log = cloud.cloud.log
    for _ in range(2):
        await log.wait_for_open(method=RECEIVE)
        assert listeners() == 1
        since = log.cursor
        assert await hass.config_entries.async_reload(entry.entry_id)
        gone = await log.wait_for(method=RECEIVE, since=since)
        assert gone.status == 499
    await log.wait_for_open(method=RECEIVE)
    since = log.cursor
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert listeners() == 0
    gone = await log.wait_for(method=RECEIVE, since=since)
    assert gone.status == 499
    instance.set_state("blocked")
    await asyncio.sleep(HOUR)
    assert log.list(since=gone.number) == []
    assert len(instance.notifications.list()) == 1


async def test_an_unload_in_the_middle_of_a_pause_leaves_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Status(502), method=RECEIVE)
    await cloud.cloud.log.wait_for(method=RECEIVE)
    await cloud.cloud.log.wait_for(method=RECEIVE)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert listeners() == 0
    since = cloud.cloud.log.cursor
    await asyncio.sleep(HOUR)
    assert cloud.cloud.log.list(since=since) == []


@pytest.mark.parametrize("mode", ["off", "webhook"])
async def test_other_ways_of_push_receive_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    jumping: None,
    mode: str,
) -> None:
    instance.set_settings({"stateWebhook": "yes"})
    await set_up_push(hass, cloud, instance, mode, {})
    instance.set_state("blocked")
    await asyncio.sleep(HOUR)
    assert requests(cloud, RECEIVE) == []
    assert len(instance.notifications.list()) == 1


async def test_the_token_is_in_no_log(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud.cloud.faults.add(Status(400), method=RECEIVE, count=1)
    instance.set_state("yellowCard")
    await word(hass, entry, "yellow_card")
    await emptied(instance)
    await cloud.stop()
    await asyncio.sleep(60)
    base = f"waInstance{instance.id_instance}"
    lines = list(log_lines(caplog))
    assert any(
        f"{base}/{RECEIVE}/**REDACTED**?receiveTimeout" in line for line in lines
    )
    assert any(f"DELETE {cloud.url}/{base}/{DELETE}/**REDACTED**" in x for x in lines)
    assert not any(instance.token in line for line in lines)
