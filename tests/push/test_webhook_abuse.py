"""Nobody can do harm by the webhook, whatever is sent to it."""

import asyncio
from collections.abc import AsyncGenerator
import json
import logging
from typing import Any

from homeassistant.components.webhook import async_handle_webhook
from homeassistant.core import HomeAssistant
from homeassistant.util.aiohttp import MockRequest
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.push.webhook import LARGEST_BODY
from simulator import (
    Clock,
    Delay,
    Instance,
    ManualClock,
    Simulator,
)
from tests.waiting import lift_limits, wait_until

from .door import (
    TOKEN,
    WEBHOOK_ID,
    Door,
    Reading,
    Unmoved,
    asked,
    complaints,
    notice,
    set_up_webhook,
    settle,
    storm,
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


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"BEARER   {TOKEN}",
        TOKEN,
    ],
)
async def test_the_token_opens_with_bearer_or_alone(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    header: str,
) -> None:
    before = asked(cloud, instance)
    body = json.dumps(notice(instance))
    assert await door.post_raw(body, {"Authorization": header}) == 200
    await settle(hass)
    assert asked(cloud, instance) == before + 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}0",
        f"Bearer {TOKEN[::-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer Bearer {TOKEN}",
        f"Basic {TOKEN}",
        f"{TOKEN} {TOKEN}",
        f"{TOKEN},",
        "токен",
        "t\u00f6ken",
        "x" * 7000,
    ],
)
async def test_without_the_token_nobody_is_heard(
    instance: Instance,
    door: Door,
    unmoved: Unmoved,
    header: str | None,
) -> None:
    instance.notifications.close()
    instance.set_state("blocked")
    headers = {} if header is None else {"Authorization": header}
    assert await door.post_raw(json.dumps(notice(instance)), headers) == 401
    assert await door.post_raw(b"no JSON", headers) == 401
    await unmoved.check()


async def test_a_token_of_bytes_that_are_no_text_is_wrong_and_no_error(
    hass: HomeAssistant, unmoved: Unmoved
) -> None:
    for token in ("\udcff", f"Bearer {TOKEN}\udcff", "Bearer \udcff"):
        request = MockRequest(b"{}", "test", "POST", headers={"Authorization": token})
        answer = await async_handle_webhook(hass, WEBHOOK_ID, request)
        assert answer.status == 401
    await unmoved.check()


async def test_the_token_is_compared_in_constant_time_and_before_all_else(
    instance: Instance,
    door: Door,
    posting: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return False

    def fail(*_: object) -> None:
        pytest.fail("more than the token was looked at")

    monkeypatch.setattr(f"{WEBHOOK}.hmac.compare_digest", compare)
    monkeypatch.setattr(f"{WEBHOOK}._read", fail)
    assert await door.post(notice(instance)) == 401
    assert await door.post(notice(instance), token="other") == 401
    assert compared == [(TOKEN.encode(), TOKEN.encode()), (b"other", TOKEN.encode())]


@pytest.mark.parametrize(
    "webhook_id", ["green_api", WEBHOOK_ID[:-1], WEBHOOK_ID.upper(), f"{WEBHOOK_ID}0"]
)
async def test_another_id_leads_nowhere_and_does_not_say_so(
    instance: Instance, door: Door, unmoved: Unmoved, webhook_id: str
) -> None:
    assert await door.post(notice(instance), webhook_id=webhook_id) == 200
    await unmoved.check()


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 405), ("PUT", 405), ("DELETE", 405), ("HEAD", 200)]
)
async def test_nothing_but_a_post_is_taken(
    instance: Instance, door: Door, unmoved: Unmoved, method: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with door.client.request(
        method, door.path(), headers=headers, json=notice(instance)
    ) as answer:
        assert answer.status == status
    await unmoved.check()


# ------------------------------------------------------------------ what


def _nested(depth: int) -> bytes:
    return b'{"instanceData":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"5",
        b"1e400",
        b"NaN",
        b"-0",
        b'"stateInstanceChanged"',
        b"[]",
        b"[" * 60_000,
        b"[" * 30_000 + b"]" * 30_000,
        _nested(500),
        _nested(3_800),
        b"{}",
        b"{",
        b"{}{}",
        b'{"typeWebhook":"stateInstanceChanged"',
        b"typeWebhook=stateInstanceChanged&timestamp=1",
        b"\xff\xfe{}",
        b'{"typeWebhook":"\xff"}',
        b"\x00" * 100,
        b"\xef\xbb\xbf{}",
        '{"typeWebhook":"stateInstanceChanged"}'.encode("utf-16"),
        b'{"typeWebhook":"\\ud800"}',
        b"9" * 60_000,
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_body_that_is_no_notification_is_refused(
    door: Door, unmoved: Unmoved, body: bytes
) -> None:
    assert await door.post_raw(body) == 400
    await unmoved.check()


@pytest.mark.parametrize(
    "changes",
    [
        {"typeWebhook": 1},
        {"typeWebhook": ["stateInstanceChanged"]},
        {"instanceData": 1101000001},
        {"instanceData": {}},
        {"instanceData": {"idInstance": True}},
        {"instanceData": {"idInstance": 1101000001.0}},
        {"instanceData": {"idInstance": 10**20}},
        {"instanceData": {"idInstance": 10**400}},
        {"instanceData": {"idInstance": "٣"}},
        {"timestamp": None},
        {"timestamp": True},
        {"timestamp": "1586700690"},
        {"timestamp": 1.5},
        {"timestamp": 10**30},
    ],
)
async def test_a_notification_of_wrong_types_is_refused(
    instance: Instance, door: Door, unmoved: Unmoved, changes: dict[str, Any]
) -> None:
    assert await door.post(notice(instance, **changes)) == 400
    assert await door.post([notice(instance)]) == 400
    await unmoved.check()


@pytest.mark.parametrize(
    "more",
    [
        {"instanceData": None},
        {"timestamp": None},
        {"messageData": {"textMessage": "x" * 70_000}},
    ],
)
async def test_another_kind_is_not_asked_for_again(
    instance: Instance, door: Door, unmoved: Unmoved, more: dict[str, Any]
) -> None:
    body = notice(instance, typeWebhook="incomingMessageReceived", **more)
    assert await door.post(body) == 200
    await unmoved.check()


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("chunked", [True, False])
async def test_one_mebibyte_is_the_limit(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    *,
    size: int,
    chunked: bool,
) -> None:
    before = asked(cloud, instance)
    body = json.dumps(notice(instance)).encode().ljust(LARGEST_BODY + size)
    status = await door.post_raw(_pieces(body) if chunked else body)
    assert status == (413 if size else 200)
    await settle(hass)
    assert asked(cloud, instance) == before + (0 if size else 1)


async def _pieces(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


class Flood:
    """A body of which no end is in sight."""

    def __init__(self, megabytes: float) -> None:
        """Be so long, if anybody reads on."""
        self.sent = 0
        self.length = int(megabytes * MEGABYTE)

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield it in pieces."""
        while self.sent < self.length:
            self.sent += 16_384
            yield b"[" * 16_384


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("token", "status"), [(TOKEN, 413), ("wrong", 401)])
async def test_ten_megabytes_are_refused_unread(
    door: Door,
    unmoved: Unmoved,
    monkeypatch: pytest.MonkeyPatch,
    *,
    declared: bool,
    token: str,
    status: int,
) -> None:
    loads: list[object] = []
    monkeypatch.setattr(f"{WEBHOOK}.json_loads", loads.append)
    flood = Flood(10)
    headers = {"Authorization": f"Bearer {token}"}
    if declared:
        headers["Content-Length"] = str(flood.length)
    assert await door.post_raw(aiter(flood), headers) == status
    assert loads == []
    await unmoved.check()


async def test_a_body_without_an_end_is_answered_all_the_same(
    door: Door, unmoved: Unmoved
) -> None:
    flood = Flood(float(2**40))
    assert await door.post_raw(aiter(flood)) == 413
    await unmoved.check()


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
async def test_a_compressed_flood_is_let_go_of(
    door: Door, unmoved: Unmoved, compression: str
) -> None:
    body = bytes(10 * MEGABYTE)
    async with door.client.post(
        door.path(),
        data=_pieces(body),
        headers={"Authorization": f"Bearer {TOKEN}"},
        compress=compression,
    ) as answer:
        assert answer.status == 413
    await unmoved.check()


async def test_a_body_that_does_not_come_is_not_waited_for(
    door: Door, unmoved: Unmoved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WEBHOOK}.BODY_TIMEOUT", 0.05)
    never = asyncio.Event()

    async def nothing() -> AsyncGenerator[bytes]:
        yield b"{"
        await never.wait()

    assert await door.post_raw(nothing()) == 408
    await unmoved.check()


@pytest.mark.parametrize(
    ("header", "begin", "rest"),
    [
        ("Content-Length: 1000", b"{", b""),
        ("Transfer-Encoding: chunked", b"5\r\n{", b""),
        ("Transfer-Encoding: chunked", b"1\r\n{\r\n", b"no length\r\n"),
        ("Content-Length: 1000\r\nContent-Encoding: gzip", b"", b"no gzip" * 9),
    ],
)
async def test_a_sender_that_breaks_off_is_no_error(
    door: Door,
    unmoved: Unmoved,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    header: str,
    begin: bytes,
    rest: bytes,
) -> None:
    url = door.client.make_url(door.path())
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.host}\r\n"
        f"Authorization: Bearer {TOKEN}\r\n{header}\r\n\r\n"
    )
    reading = Reading(monkeypatch)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(head.encode() + begin)
    await reading.begun.wait()
    writer.write(rest)
    await writer.drain()
    writer.close()
    await reading.ended.wait()
    await unmoved.check()
    # The server reads the rest by itself, and reports what it finds there.
    assert {
        record.name for record in caplog.records if record.levelno >= logging.ERROR
    } <= {"aiohttp.server"}


# ------------------------------------------------------------------ again and again


async def test_a_replay_of_the_newest_notification_changes_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body, data = notice(instance), posting.runtime_data.data
    told: list[object] = []
    posting.runtime_data.async_add_listener(lambda: told.append(None))
    before = asked(cloud, instance)
    for number in range(1, 4):
        assert await door.post(body) == 200
        await settle(hass)
        assert asked(cloud, instance) == before + number
    assert posting.runtime_data.data == data
    assert told == []
    assert complaints(caplog, hass) == []


async def test_an_older_notification_asks_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
) -> None:
    newest = notice(instance)
    assert await door.post(newest) == 200
    await settle(hass)
    before, data = asked(cloud, instance), posting.runtime_data.data
    for state in ("notAuthorized", "blocked", "authorized"):
        for seconds in (1, 60, 24 * 3600):
            sent_at = newest["timestamp"] - seconds
            older = {**newest, "timestamp": sent_at, "stateInstance": state}
            assert await door.post(older) == 200
    await settle(hass)
    assert asked(cloud, instance) == before
    assert posting.runtime_data.data is data


async def test_a_false_notification_changes_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = posting.runtime_data.data
    told: list[object] = []
    posting.runtime_data.async_add_listener(lambda: told.append(None))
    assert await door.post(notice(instance, stateInstance="notAuthorized")) == 200
    await settle(hass)
    assert posting.runtime_data.data == data
    assert told == []
    assert complaints(caplog, hass) == []


async def test_a_thousand_in_a_second_are_one_request_and_one_to_follow(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = asked(cloud, instance)
    tasks = len(asyncio.all_tasks())
    caplog.set_level(logging.WARNING)
    cloud.cloud.faults.add(Delay(10), method="getStateInstance", count=1)
    await storm(door, [notice(instance)] * 1000)
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    # The request, its refresh and who waits for it; besides, the connections.
    ours = [task for task in asyncio.all_tasks() if "WhatsApp" in task.get_name()]
    assert len(ours) == 2
    clock.advance(10)
    await settle(hass)
    assert asked(cloud, instance) == before + 2
    assert len(asyncio.all_tasks()) <= tasks + 100
    assert complaints(caplog, hass) == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# ------------------------------------------------------------------ whose


async def test_what_is_told_of_another_instance_is_refused(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    door: Door,
    unmoved: Unmoved,
) -> None:
    other = cloud.cloud.create("1101000002", state="blocked")
    assert await door.post(notice(other)) == 403
    assert await door.post(notice(other, typeWebhook="incomingCall")) == 403
    await unmoved.check()


async def test_two_instances_have_a_webhook_each(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    posting: MockConfigEntry,
    door: Door,
) -> None:
    other = cloud.cloud.create("4100000002", "telegram", state="authorized")
    where = {"webhook_id": "green_api_" + "0d" * 32, "token": "0ther" * 9}
    second = await set_up_webhook(hass, cloud, other, door, **where)
    before = asked(cloud, instance), asked(cloud, other)
    assert await door.post(notice(other)) == 403
    assert await door.post(notice(other), token=where["token"]) == 401
    assert await door.post(notice(other), webhook_id=where["webhook_id"]) == 401
    assert await door.post(notice(instance), **where) == 403
    await settle(hass)
    assert (asked(cloud, instance), asked(cloud, other)) == before
    other.set_state("suspended")
    data = second.runtime_data
    await wait_until(hass, lambda: data.data.state is InstanceState.SUSPENDED)
    assert posting.runtime_data.data.state is InstanceState.AUTHORIZED
    assert asked(cloud, instance) == before[0]
    instance.set_state("yellowCard")
    data = posting.runtime_data
    await wait_until(hass, lambda: data.data.state is InstanceState.YELLOW_CARD)
    assert second.runtime_data.data.state is InstanceState.SUSPENDED
