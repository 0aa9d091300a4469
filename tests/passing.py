"""Let time pass in a jump."""

import asyncio
from datetime import UTC, datetime, timedelta
import time
from typing import Any

from homeassistant.core import HomeAssistant
import pytest


class Time:
    """Let time pass at once, for the clocks and for all that waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Go on from the present moment."""
        self._ahead = 0.0
        self._wrong = timedelta()
        self._loop: Any = asyncio.get_running_loop()
        # For the rest of the loop's life: its timers are set by it.
        self._loop.time = lambda: time.monotonic() + self._ahead
        monkeypatch.setattr("homeassistant.util.dt.utcnow", self._utcnow)

    def _utcnow(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead) + self._wrong

    def set_clock_wrong(self, by: timedelta) -> None:
        """Let the clock show another time, while nothing has to wait for longer."""
        self._wrong = by

    async def pass_(self, hass: HomeAssistant, seconds: float) -> None:
        """Let what was due by then happen, and what follows of it."""
        self.jump(seconds)
        await settle(hass)

    def jump(self, seconds: float) -> None:
        """Be so much later, as where nobody is there."""
        self._ahead += seconds


async def settle(hass: HomeAssistant) -> None:
    """Let all happen that needs no time."""
    due = asyncio.Event()
    hass.loop.call_later(0, due.set)
    await due.wait()
    await hass.async_block_till_done()
