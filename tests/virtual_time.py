"""Let hours pass in seconds, with real sockets and real timers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from selectors import BaseSelector
import time
from typing import Any

import pytest

# In real seconds: over loopback, within one process, whatever is on its way has
# arrived by then.
QUIET = 0.002

# What a simulated cloud's clock may show at the loop's time 0.
START = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def virtual_time() -> Iterator[None]:
    """Move the running loop's time to its next timer whenever nothing else happens.

    Timers keep their order and their distance; `dt_util.utcnow` goes along. What
    threads do is not waited for. Afterwards time goes at its usual pace, from where
    it has come to.
    """
    loop: Any = asyncio.get_running_loop()
    selector: BaseSelector = loop._selector
    select = selector.select
    ahead = 0.0
    started, start = datetime.now(UTC), time.monotonic()

    def now() -> float:
        return time.monotonic() + ahead

    def utcnow() -> datetime:
        return started + timedelta(seconds=now() - start)

    def select_or_jump(timeout: float | None = None) -> Any:
        nonlocal ahead
        if timeout is None or timeout <= QUIET:
            return select(timeout)
        if events := select(QUIET):
            return events
        ahead += timeout - QUIET
        return select(0)

    # For the rest of the loop's life: its timers are set by it.
    loop.time = now
    # It writes down who made each of thousands of timers.
    loop.set_debug(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selector, "select", select_or_jump)
        patch.setattr("homeassistant.util.dt.utcnow", utcnow)
        yield
