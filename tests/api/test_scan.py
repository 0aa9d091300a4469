"""Codes are asked for in the messenger's rhythm, until nobody wants them."""

import asyncio
from contextlib import aclosing
import inspect
from itertools import pairwise

import pytest

from custom_components.green_api.api.errors import CloudFailed
from custom_components.green_api.api.models import (
    AlreadyAuthorized,
    CodeReceived,
    Messenger,
    ScanFailed,
    ScanFailure,
)
from custom_components.green_api.api.scan import (
    RHYTHMS,
    SLOW_ANSWER,
    SOCKET_RHYTHM,
    CodeRhythm,
    poll_scan_events,
)
from simulator import Body, Delay, Hang, ManualClock, QrAnswer, Status

from .conftest import SPEED
from .lab import Lab

_AT_ONCE = CodeRhythm(poll=0.0, renewal=20.0)


@pytest.mark.parametrize(
    ("messenger", "poll", "renewal"),
    [
        (Messenger.WHATSAPP, 1, 20),
        (Messenger.TELEGRAM, 5, 5),
        (Messenger.MAX, 5, 5),
    ],
)
def test_the_rhythm_is_the_vendors(
    messenger: Messenger, poll: float, renewal: float
) -> None:
    rhythm = RHYTHMS[messenger]
    assert (rhythm.poll, rhythm.renewal) == (poll, renewal)
    assert rhythm.margin == poll + SLOW_ANSWER
    assert rhythm.life == renewal + poll + SLOW_ANSWER


def test_a_code_that_came_by_itself_lives_until_its_successor_is_due() -> None:
    assert SOCKET_RHYTHM.margin == SLOW_ANSWER
    assert SOCKET_RHYTHM.life == 20 + SLOW_ANSWER


def test_every_messenger_has_a_rhythm() -> None:
    assert set(RHYTHMS) == set(Messenger)


@pytest.mark.parametrize("clock", [ManualClock()])
async def test_repeats_of_a_code_come_through_and_so_does_its_successor(
    lab: Lab, clock: ManualClock
) -> None:
    async with aclosing(poll_scan_events(lab.own, _AT_ONCE)) as events:
        first = await anext(events)
        assert await anext(events) == first
        assert await anext(events) == first
        clock.advance(20)
        successor = await anext(events)
    assert isinstance(first, CodeReceived)
    assert isinstance(successor, CodeReceived)
    assert successor != first


async def test_what_is_no_code_comes_through_and_does_not_end_the_stream(
    lab: Lab,
) -> None:
    faults = lab.cloud.cloud.faults
    async with aclosing(poll_scan_events(lab.own, _AT_ONCE)) as events:
        faults.add(QrAnswer("error", "timeout"), count=1)
        assert await anext(events) == ScanFailed(ScanFailure.MESSENGER_UNREACHABLE)
        assert isinstance(await anext(events), CodeReceived)
        lab.instance.scan()
        assert await anext(events) == AlreadyAuthorized()
        assert await anext(events) == AlreadyAuthorized()
        lab.instance.unlink()
        assert isinstance(await anext(events), CodeReceived)


async def _gaps_between_requests(
    lab: Lab, rhythm: CodeRhythm, *, answer: float
) -> list[float]:
    """Take four answers that need so many seconds each; return the gaps in seconds."""
    await lab.own.get_state_instance()  # so that no request has to connect
    lab.cloud.cloud.faults.add(Delay(answer * SPEED))
    async with aclosing(poll_scan_events(lab.own, rhythm)) as events:
        for _ in range(4):
            await anext(events)
    times = [request.at / SPEED for request in lab.cloud.cloud.log.list(method="qr")]
    return [later - earlier for earlier, later in pairwise(times)]


async def test_requests_start_one_rhythm_apart_however_long_they_take(
    lab: Lab,
) -> None:
    rhythm = CodeRhythm(poll=0.5, renewal=20)
    gaps = await _gaps_between_requests(lab, rhythm, answer=0.3)
    assert len(gaps) == 3
    assert sum(gaps) > 3 * 0.5 - 0.2
    assert min(gaps) < 0.5 + 0.3


async def test_an_answer_slower_than_the_rhythm_is_followed_at_once(lab: Lab) -> None:
    rhythm = CodeRhythm(poll=0.2, renewal=20)
    gaps = await _gaps_between_requests(lab, rhythm, answer=0.4)
    assert sum(gaps) > 3 * 0.4 - 0.2
    assert min(gaps) < 0.2 + 0.4


async def test_a_failed_request_ends_the_stream_and_a_new_one_works(lab: Lab) -> None:
    async with lab.fault(Status(504, Body.HTML)) as client:
        events = poll_scan_events(client, _AT_ONCE)
        with pytest.raises(CloudFailed):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    async with aclosing(poll_scan_events(lab.own, _AT_ONCE)) as events:
        assert isinstance(await anext(events), CodeReceived)


async def test_a_stream_that_is_closed_asks_no_more(lab: Lab) -> None:
    events = poll_scan_events(lab.own, CodeRhythm(poll=3600, renewal=20))
    async with aclosing(events):
        assert isinstance(await anext(events), CodeReceived)
        # It waits for the next request now, for an hour.
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    assert inspect.getasyncgenstate(events) == inspect.AGEN_CLOSED
    assert len(lab.cloud.cloud.log.list(method="qr")) == 1


async def test_a_stream_that_is_closed_during_a_request_lets_go_of_it(
    lab: Lab,
) -> None:
    async with lab.fault(Hang(3600 * SPEED)) as client:
        events = poll_scan_events(client, _AT_ONCE)
        async with aclosing(events):
            waiting = asyncio.ensure_future(anext(events))
            await lab.cloud.cloud.log.wait_for_open(method="qr")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        gone = await lab.cloud.cloud.log.wait_for(method="qr", since=0)
        assert gone.status == 499
    assert isinstance(await lab.own.get_qr(), CodeReceived)
