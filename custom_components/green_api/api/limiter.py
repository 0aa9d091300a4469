"""Keep the requests of one instance under the vendor's documented rates."""

import asyncio
from collections.abc import Mapping
from typing import Final

# Requests per second and instance, from the vendor's table of limits.
RATES: Final[Mapping[str, float]] = {
    "qr": 3.0,
    "receiveNotification": 100.0,
    "deleteNotification": 100.0,
}
DEFAULT_RATE: Final = 1.0

# Two requests sent a second apart can arrive closer together than that.
ARRIVAL_JITTER: Final = 0.1


class RateLimiter:
    """Space the requests of each method; one object an instance."""

    def __init__(self) -> None:
        """Start with every method free."""
        self._free_at: dict[str, float] = {}

    async def wait(self, method: str) -> None:
        """Return when the method may be called, first come, first served."""
        now = asyncio.get_running_loop().time()
        slot = max(now, self._free_at.get(method, now))
        self._free_at[method] = slot + _interval(method)
        if slot > now:
            await asyncio.sleep(slot - now)

    def done(self, method: str) -> None:
        """Count the interval from now on: the answer, or the failure, is here.

        A request that has to open a connection arrives late, and the next one,
        which finds it open, would come too close behind it.
        """
        free_at = asyncio.get_running_loop().time() + _interval(method)
        self._free_at[method] = max(self._free_at[method], free_at)


def _interval(method: str) -> float:
    return 1 / RATES.get(method, DEFAULT_RATE) + ARRIVAL_JITTER
