"""Time: at a speed, and by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from simulator import Clock, LoopClock, ManualClock


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_must_be_a_number_above_0(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be a number above 0"):
        Clock(speed)


async def test_a_fast_clock_runs_ahead_of_real_time() -> None:
    clock, loop = Clock(speed=1000), asyncio.get_running_loop()
    began, real = clock.now(), loop.time()
    await clock.sleep(20)
    assert clock.now() - began >= 20
    assert loop.time() - real < 10


def test_a_manual_clock_calls_what_falls_due_in_its_order() -> None:
    clock = ManualClock()
    calls: list[tuple[str, float]] = []

    def note(name: str) -> None:
        calls.append((name, clock.now()))

    def again() -> None:
        note("again")
        clock.call_later(1, lambda: note("later"))

    clock.call_later(3, lambda: note("late"))
    clock.call_later(1, again)
    clock.call_later(2, lambda: note("never")).cancel()
    clock.call_later(10, lambda: note("not yet"))
    clock.advance(5)
    assert calls == [("again", 1), ("later", 2), ("late", 3)]
    assert clock.now() == 5


async def test_a_sleeper_wakes_when_the_clock_is_advanced() -> None:
    clock = ManualClock()
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(60))
        await asyncio.sleep(0)
        clock.advance(59)
        await asyncio.sleep(0)
        assert not sleeper.done()
        clock.advance(1)


async def test_the_loops_time_moves_the_loops_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    clock, loop = LoopClock(start), asyncio.get_running_loop()
    real, shift = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real() + shift)
    before = loop.time()
    assert before <= clock.now() <= loop.time()
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(3600))
        await asyncio.sleep(0)
        assert not sleeper.done()
        shift = 3600.0
    assert clock.now() - before >= 3600
    assert start + timedelta(seconds=before + 3600) <= clock.wall()
    assert clock.wall() <= start + timedelta(seconds=loop.time())
