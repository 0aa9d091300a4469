"""The time that the simulator lives by."""

import asyncio
from datetime import UTC, datetime, timedelta
import heapq
import itertools
import math
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Forget the callback."""


class Clock:
    """Run ``speed`` seconds for each real one, from 0 at its making."""

    def __init__(self, speed: float = 1.0) -> None:
        """Start at 0. Raise ValueError unless speed is a number above 0."""
        if not (math.isfinite(speed) and speed > 0):
            msg = "speed must be a number above 0"
            raise ValueError(msg)
        self.speed = speed
        self._origin = time.monotonic()

    def now(self) -> float:
        """Return the clock's seconds since its start."""
        return (time.monotonic() - self._origin) * self.speed

    def wall(self) -> datetime:
        """Return the real date and time in UTC, which no speed changes."""
        return datetime.now(UTC)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Call back after a delay in the clock's seconds."""
        return asyncio.get_running_loop().call_later(delay / self.speed, callback)

    async def sleep(self, delay: float) -> None:
        """Wait for a delay in the clock's seconds."""
        done = asyncio.Event()
        handle = self.call_later(delay, done.set)
        try:
            await done.wait()
        finally:
            handle.cancel()


class LoopClock(Clock):
    """Run by the event loop's time, so that a test which moves that moves this."""

    def __init__(self, start: datetime) -> None:
        """Let the wall clock show ``start`` at the loop's time 0."""
        super().__init__()
        self.start = start

    def now(self) -> float:
        """Return the running event loop's time."""
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        """Return the start's date and time, that much later."""
        return self.start + timedelta(seconds=self.now())


class _ManualHandle:
    """A callback of the manual clock."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback."""
        self.callback = None


class ManualClock(Clock):
    """Stand still until told to advance, so that a test need not sleep."""

    def __init__(self) -> None:
        """Start at 0."""
        super().__init__()
        self._now = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, _ManualHandle]] = []

    def now(self) -> float:
        """Return the seconds advanced so far."""
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Call back once advanced by the delay."""
        handle = _ManualHandle(callback)
        heapq.heappush(self._waiting, (self._now + delay, next(self._order), handle))
        return handle

    def advance(self, seconds: float) -> None:
        """Move on, calling whatever falls due on the way, in its order."""
        end = self._now + seconds
        while self._waiting and self._waiting[0][0] <= end:
            self._now, _, handle = heapq.heappop(self._waiting)
            if handle.callback is not None:
                handle.callback()
        self._now = end
