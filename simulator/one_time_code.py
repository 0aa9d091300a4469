"""Codes that a person types in."""

import secrets
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .changes import Changes
    from .clock import Clock, Handle


class OneTimeCode:
    """A code of one kind: at most one is alive at a time."""

    def __init__(
        self, make: Callable[[], str], life: float, clock: Clock, changed: Changes
    ) -> None:
        """Make codes that live so many of the clock's seconds.

        Each new or dead one is told to ``changed``.
        """
        self._make = make
        self._life = life
        self._clock = clock
        self._changed = changed
        self._timer: Handle | None = None
        self.value: str | None = None
        """The live code; a credential."""
        self.expires_at: float | None = None
        """In the clock's seconds."""

    def issue(self) -> str:
        """Make a code; the one before it is dead."""
        self.clear()
        self.value = self._make()
        self.expires_at = self._clock.now() + self._life
        self._timer = self._clock.call_later(self._life, self._expire)
        self._changed.notify()
        return self.value

    def clear(self) -> None:
        """Let the code die, without a word."""
        self.value = self.expires_at = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.clear()
        self._changed.notify()


def make_pairing_code() -> str:
    """Make what WhatsApp's phone wants: 8 capital letters and digits."""
    signs = string.ascii_uppercase + string.digits
    return "".join(secrets.choice(signs) for _ in range(8))


def make_phone_code() -> str:
    """Make what Telegram and MAX send to the phone: 5 digits."""
    return "".join(secrets.choice(string.digits) for _ in range(5))
