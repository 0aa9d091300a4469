"""What becomes of an instance that is asked for codes for too long."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .clock import Clock, Handle

# Not documented; well above every rhythm of asking.
_BREAK = 30.0


class AskLimit:
    """Notice when somebody asks for codes without a break for too long.

    A break is 30 s of the clock without a request or an open socket.
    """

    def __init__(self, clock: Clock, on_exceeded: Callable[[], None]) -> None:
        """Call back each time the limit is exceeded; there is none at first."""
        self._clock = clock
        self._on_exceeded = on_exceeded
        self._limit = 0.0
        self._holders = 0
        self._since: float | None = None
        self._last = 0.0
        self._timer: Handle | None = None

    def set_limit(self, seconds: float) -> None:
        """Change the limit; 0 is none. Whoever asks now is counted on."""
        self._limit = seconds
        self._watch()

    def asked(self) -> None:
        """Count a request for a code."""
        now = self._clock.now()
        broken = not self._holders and now - self._last > _BREAK
        if self._since is None or broken:
            self._since = now
        self._last = now
        self._watch()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Count as asking all the time."""
        self.asked()
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self._last = self._clock.now()

    def reset(self) -> None:
        """Count from now."""
        self._since = None
        self._cancel()
        if self._holders:
            self.asked()

    def close(self) -> None:
        """Stop the timer for good."""
        self._limit = 0.0
        self._cancel()

    def _watch(self) -> None:
        self._cancel()
        if self._limit and self._since is not None:
            left = self._since + self._limit - self._clock.now()
            self._timer = self._clock.call_later(max(left, 0.0), self._due)

    def _due(self) -> None:
        self._timer = None
        if self._holders or self._clock.now() - self._last <= _BREAK:
            self._on_exceeded()

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
