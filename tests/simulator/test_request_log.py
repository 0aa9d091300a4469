"""The request log."""

import asyncio
from datetime import UTC
import logging
from typing import TYPE_CHECKING

from simulator import Delay, Simulator
from simulator.changes import Changes
from simulator.request_log import RequestLog

if TYPE_CHECKING:
    import pytest

    from simulator import Cloud, Instance, ManualClock

    from .conftest import Ask


async def test_requests_are_told_by_instance_method_and_cursor(
    cloud: Cloud,
    whatsapp: Instance,
    telegram: Instance,
    ask: Ask,
    clock: ManualClock,
) -> None:
    clock.advance(7)
    await ask(whatsapp, "qr")
    await ask(telegram, "qr")
    since = cloud.log.cursor
    await ask(whatsapp, "getSettings")
    await ask(whatsapp, "getSettings")
    (request,) = cloud.log.list(id_instance="1101000001", method="qr")
    assert (request.number, request.at, request.verb) == (1, 7, "GET")
    assert request.wall.tzinfo is UTC
    recent = cloud.log.list(since=since)
    assert [(item.number, item.status) for item in recent] == [(3, 200), (4, 429)]
    assert cloud.log.counts() == {"getSettings": 2, "qr": 2}
    assert cloud.log.counts("4100000001") == {"qr": 1}


async def test_the_next_request_can_be_waited_for(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    await ask(whatsapp, "qr")
    waiter = asyncio.create_task(cloud.log.wait_for(method="qr"))
    await ask(whatsapp, "getSettings")
    assert not waiter.done()
    await ask(whatsapp, "qr")
    assert (await waiter).number == 3


async def test_a_request_since_a_cursor_is_not_missed(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    since = cloud.log.cursor
    await ask(whatsapp, "qr")
    assert (await cloud.log.wait_for(method="qr", since=since)).number == 1


def test_the_log_is_bounded(clock: ManualClock) -> None:
    log = RequestLog(clock, Changes(), size=3)
    for _ in range(5):
        with log.record(id_instance="1", method="qr", verb="GET", prefix=""):
            pass
    assert [request.number for request in log.list()] == [3, 4, 5]
    assert log.counts() == {"qr": 5}


async def test_how_many_requests_are_kept_can_be_chosen(
    clock: ManualClock, socket_enabled: None
) -> None:
    async with Simulator(clock=clock, log_size=2500) as sim:
        for _ in range(2600):
            with sim.cloud.log.record(id_instance="1", method="qr", verb="", prefix=""):
                clock.advance(1)
        times = [request.at for request in sim.cloud.log.list(method="qr")]
        assert times == list(range(100, 2600))
        assert sim.cloud.log.list()[-1].ended_at == 2600


async def test_the_end_of_a_request_is_noted(
    cloud: Cloud, whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    cloud.faults.add(Delay(10))
    clock.advance(5)
    answer = asyncio.ensure_future(ask(whatsapp, "getSettings"))
    request = await cloud.log.wait_for_open(method="getSettings")
    times = [request.at, request.ended_at]
    clock.advance(10)
    await answer
    assert [*times, request.ended_at] == [5, None, 15]


async def test_no_token_reaches_a_log(
    cloud: Cloud,
    whatsapp: Instance,
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("simulator", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    await ask(whatsapp, "qr")
    await ask(whatsapp, "doMagic")
    await ask(whatsapp, whatsapp.token)
    await ask(whatsapp, "qr", verb="POST")
    await ask(whatsapp, "getAuthorizationCode", json={"phoneNumber": 79001234567})
    assert "1101000001 qr: 200" in caplog.text
    assert "1101000001 (unknown): 404" in caplog.text
    assert "(unknown) (unknown): 403" in caplog.text
    ours = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore"))
    ]
    said = "".join(ours) + repr(cloud.log.list())
    assert whatsapp.pairing_code
    for secret in (whatsapp.token, whatsapp.pairing_code, "79001234567"):
        assert secret not in said
