"""The client keeps the rates that the vendor allows."""

import asyncio

import aiohttp
import httpx
import pytest

from custom_components.green_api.api import limiter
from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.limiter import RateLimiter
from simulator import Simulator

_PER_SECOND = {"qr": 3, "getStateInstance": 1, "getSettings": 1}


@pytest.mark.parametrize(
    ("method", "per_second"),
    [
        ("qr", 3),
        ("scanqrcode", 1),
        ("getStateInstance", 1),
        ("getSettings", 1),
        ("setSettings", 1),
        ("receiveNotification", 100),
        ("deleteNotification", 100),
        ("getWaSettings", 1),
        ("getAccountSettings", 1),
        ("logout", 1),
        ("reboot", 1),
        ("getAuthorizationCode", 1),
        ("startAuthorization", 1),
        ("sendAuthorizationCode", 1),
        ("sendAuthorizationPassword", 1),
    ],
)
def test_the_rates_are_the_vendors(method: str, per_second: float) -> None:
    assert limiter.RATES.get(method, limiter.DEFAULT_RATE) == per_second


def test_there_is_room_for_requests_that_arrive_closer_than_they_were_sent() -> None:
    assert limiter.ARRIVAL_JITTER >= 0.1


async def test_no_request_is_refused_as_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
    http: httpx.AsyncClient,
    websession: aiohttp.ClientSession,
) -> None:
    # A machine that is busy with other tests delivers late.
    jitter = 0.4
    monkeypatch.setattr(limiter, "ARRIVAL_JITTER", jitter)
    async with Simulator() as strict:
        instance = strict.cloud.create()
        client = GreenApiClient(
            http,
            websession=websession,
            api_url=strict.url,
            id_instance=instance.id_instance,
            api_token_instance=instance.token,
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(client.get_qr())
            for _ in range(3):
                group.create_task(client.get_state_instance())
                group.create_task(client.get_settings())
        log = strict.cloud.log.list()
    assert len(log) == 14
    assert {request.status for request in log} == {200}
    for method, per_second in _PER_SECOND.items():
        times = sorted(request.at for request in log if request.method == method)
        intervals = len(times) - 1
        assert times[-1] - times[0] > intervals / per_second - jitter
        planned = intervals * (1 / per_second + jitter)
        assert times[-1] < planned + 2, "time is given away"
    # One method does not wait for another.
    firsts: dict[str, float] = {}
    for request in sorted(log, key=lambda request: request.at):
        firsts.setdefault(request.method, request.at)
    assert max(firsts.values()) - min(firsts.values()) < 1


async def test_each_instance_has_rates_of_its_own(
    http: httpx.AsyncClient, websession: aiohttp.ClientSession
) -> None:
    async with Simulator() as strict:
        clients = [
            GreenApiClient(
                http,
                websession=websession,
                api_url=strict.url,
                id_instance=instance.id_instance,
                api_token_instance=instance.token,
            )
            for instance in map(strict.cloud.create, ("1101000001", "1101000002"))
        ]
        await asyncio.gather(*(client.get_state_instance() for client in clients))
        first, second = (request.at for request in strict.cloud.log.list())
    assert abs(second - first) < 0.5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Let every method be called each 50 ms; return that interval in seconds."""
    monkeypatch.setattr(limiter, "RATES", {})
    monkeypatch.setattr(limiter, "DEFAULT_RATE", 25.0)
    monkeypatch.setattr(limiter, "ARRIVAL_JITTER", 0.01)
    return 0.05


async def test_who_comes_first_goes_first(quick: float) -> None:
    limits, gone = RateLimiter(), []
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def go(number: int) -> None:
        await limits.wait("qr")
        gone.append((number, loop.time() - started))

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(go(number))
    assert [number for number, _ in gone] == [0, 1, 2, 3, 4]
    resolution = 0.002
    assert all(at >= number * quick - resolution for number, at in gone)


async def test_who_gives_up_holds_up_nobody(quick: float) -> None:
    limits = RateLimiter()
    loop = asyncio.get_running_loop()
    started = loop.time()
    await limits.wait("qr")
    impatient = asyncio.create_task(limits.wait("qr"))
    patient = asyncio.create_task(limits.wait("qr"))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert impatient.cancelled()
    assert loop.time() - started < 2 * quick + 1


async def test_who_comes_late_does_not_wait(quick: float) -> None:
    limits = RateLimiter()
    await limits.wait("qr")
    loop = asyncio.get_running_loop()
    limits._free_at["qr"] = loop.time() - 10 * quick
    waiting = limits.wait("qr")
    with pytest.raises(StopIteration):
        waiting.send(None)  # ends without giving control away
