"""The webhook: what it is for, and how long it is there."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import json
import logging
from typing import Any

from homeassistant.components.webhook import async_handle_webhook
from homeassistant.core import HomeAssistant
from homeassistant.util.aiohttp import MockRequest, serialize_response
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import SAFETY_POLL_INTERVAL
from custom_components.green_api.push.webhook import LARGEST_BODY
from simulator import (
    Clock,
    Instance,
    ManualClock,
    Simulator,
    Status,
)
from tests.waiting import lift_limits, shorten_backoff, wait_until

from .door import (
    TOKEN,
    WEBHOOK_ID,
    Door,
    Reading,
    Unmoved,
    asked,
    complaints,
    notice,
    set_up_push,
    settle,
)

WEBHOOK = "custom_components.green_api.push.webhook"
MEGABYTE = 1024 * 1024


@pytest.fixture
def clock() -> Clock:
    """Return a time that stands still, so that a delay lasts as long as told."""
    return ManualClock()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)


# ------------------------------------------------------------------ what it is for


async def test_a_change_is_known_as_soon_as_the_cloud_has_posted_it(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator, before = posting.runtime_data, asked(cloud, instance)
    for number, state in enumerate(("yellowCard", "authorized", "blocked"), 1):
        word = "yellow_card" if state == "yellowCard" else state
        instance.set_state(state)
        await wait_until(hass, lambda word=word: coordinator.data.reading.word == word)
        assert coordinator.update_interval == SAFETY_POLL_INTERVAL
        assert asked(cloud, instance) == before + number
    while instance.notifications.list():
        await instance.changed.wait()
    result = instance.notifications.last_result
    assert result
    assert result.ok
    assert complaints(caplog, hass) in ([], ["blocked_" + posting.entry_id])


async def test_what_is_not_about_the_state_is_taken_off_the_clouds_hands(
    hass: HomeAssistant, instance: Instance, door: Door, unmoved: Unmoved
) -> None:
    message = {
        "typeMessage": "textMessage",
        "textMessageData": {"textMessage": "👋 " * 4000},
    }
    for body in (
        notice(instance, typeWebhook="incomingMessageReceived", messageData=message),
        notice(instance, typeWebhook="statusInstanceChanged", statusInstance="online"),
        notice(instance, typeWebhook=""),
    ):
        assert await door.post(body) == 200
    await unmoved.check()


# ------------------------------------------------------------------ lost and late


async def test_what_comes_while_the_cloud_fails_is_known_when_it_is_back(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shorten_backoff(monkeypatch)
    coordinator, method = posting.runtime_data, "getStateInstance"
    rule = cloud.cloud.faults.add(Status(502), method=method)
    instance.set_state("yellowCard")
    since = cloud.cloud.log.cursor
    for _ in range(3):
        found = await cloud.cloud.log.wait_for(method=method, since=since)
        since = found.number
    assert coordinator.data.state is InstanceState.AUTHORIZED
    cloud.cloud.faults.remove(rule.number)
    await wait_until(hass, lambda: coordinator.data.reading.word == "yellow_card")
    assert instance.notifications.list() == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# ------------------------------------------------------------------ comings, goings


def _registered(hass: HomeAssistant) -> list[str]:
    return list(hass.data.get("webhook", {}))


async def test_the_webhook_lives_as_long_as_the_entry_and_keeps_its_id(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
) -> None:
    assert _registered(hass) == [WEBHOOK_ID]
    for _ in range(2):
        assert await hass.config_entries.async_reload(posting.entry_id)
        await settle(hass)
        assert _registered(hass) == [WEBHOOK_ID]
        before = asked(cloud, instance)
        assert await door.post(notice(instance)) == 200
        await settle(hass)
        assert asked(cloud, instance) == before + 1
    assert await hass.config_entries.async_unload(posting.entry_id)
    assert _registered(hass) == []
    before = asked(cloud, instance)
    assert await door.post(notice(instance)) == 200
    await settle(hass)
    assert asked(cloud, instance) == before


async def test_a_set_up_that_fails_leaves_no_webhook(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
) -> None:
    cloud.cloud.faults.add(Status(502), method="getStateInstance", count=1)
    assert not await hass.config_entries.async_reload(posting.entry_id)
    assert _registered(hass) == []
    assert await hass.config_entries.async_reload(posting.entry_id)
    assert _registered(hass) == [WEBHOOK_ID]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"webhook_id": WEBHOOK_ID},
        {"webhook_id": WEBHOOK_ID, "token": ""},
        {"webhook_id": "", "token": TOKEN},
        {"token": TOKEN},
    ],
)
async def test_no_webhook_is_open_without_a_token_or_an_id(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    door: Door,
    settings: dict[str, Any],
) -> None:
    entry = await set_up_push(hass, cloud, instance, "webhook", settings)
    await settle(hass)
    assert _registered(hass) == []
    before = asked(cloud, instance)
    assert await door.post_raw(json.dumps(notice(instance)), {}) == 200
    await settle(hass)
    assert asked(cloud, instance) == before
    assert entry.runtime_data.data.state is InstanceState.AUTHORIZED


@pytest.mark.parametrize("mode", ["off", "queue"])
async def test_other_ways_of_push_open_no_webhook(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, mode: str
) -> None:
    settings = {"webhook_id": WEBHOOK_ID, "token": TOKEN}
    entry = await set_up_push(hass, cloud, instance, mode, settings)
    assert _registered(hass) == []
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_unload_in_the_middle_of_a_request_ends_in_silence(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = json.dumps(notice(instance)).encode()
    reading, unloaded = Reading(monkeypatch), asyncio.Event()

    async def in_two() -> AsyncGenerator[bytes]:
        yield body[:20]
        await unloaded.wait()
        yield body[20:]

    request = asyncio.create_task(door.post_raw(in_two()))
    await reading.begun.wait()
    assert await hass.config_entries.async_unload(posting.entry_id)
    since = cloud.cloud.log.cursor
    unloaded.set()
    assert await request == 200
    await settle(hass)
    assert cloud.cloud.log.list(since=since) == []
    assert complaints(caplog, hass) == []


# ------------------------------------------------------------------ by cloudhook


def _by_cloudhook(
    body: bytes, token: str = TOKEN, method: str = "POST"
) -> Callable[[HomeAssistant], Any]:
    async def send(hass: HomeAssistant) -> int:
        request = MockRequest(
            body,
            "cloud",
            method,
            headers={"Authorization": f"Bearer {token}"},
        )
        answer = await async_handle_webhook(hass, WEBHOOK_ID, request)
        # As Home Assistant Cloud hands it on.
        status: int = serialize_response(answer)["status"]
        return status

    return send


async def test_what_comes_by_cloudhook_is_answered_alike(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    unmoved: Unmoved,
) -> None:
    plain = json.dumps(notice(instance)).encode()
    other = json.dumps(notice(cloud.cloud.create("1101000002"))).encode()
    for send, status in (
        (_by_cloudhook(plain, token="wrong"), 401),
        (_by_cloudhook(plain, token="\ud800"), 401),
        (_by_cloudhook(plain, token="\udcff"), 401),
        (_by_cloudhook(plain.ljust(10 * MEGABYTE), token="wrong"), 401),
        (_by_cloudhook(plain.ljust(10 * MEGABYTE)), 413),
        (_by_cloudhook(plain.ljust(LARGEST_BODY + 1)), 413),
        (_by_cloudhook(b""), 400),
        (_by_cloudhook(b"[]"), 400),
        (_by_cloudhook(b"\xff"), 400),
        (_by_cloudhook(other), 403),
        (_by_cloudhook(plain, method="PUT"), 405),
    ):
        assert await send(hass) == status
    await unmoved.check()
    before = asked(cloud, instance)
    assert await _by_cloudhook(plain.ljust(LARGEST_BODY))(hass) == 200
    await settle(hass)
    assert asked(cloud, instance) == before + 1
