"""The vendor's limits on requests per second."""

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock

_WINDOW = 1.0


class RateLimiter:
    """Count requests of each instance and method in a sliding second."""

    def __init__(self, clock: Clock) -> None:
        """Count by this clock."""
        self._clock = clock
        self._accepted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def accept(self, id_instance: str, method: str, per_second: int) -> bool:
        """Tell whether one more request is within the limit, and count it if so."""
        now = self._clock.now()
        accepted = self._accepted[id_instance, method]
        while accepted and now - accepted[0] >= _WINDOW:
            accepted.popleft()
        if len(accepted) >= per_second:
            return False
        accepted.append(now)
        return True

    def forget(self, id_instance: str) -> None:
        """Drop what was counted for an instance."""
        for key in [key for key in self._accepted if key[0] == id_instance]:
            del self._accepted[key]
