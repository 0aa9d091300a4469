"""What comes of a login by phone number or password."""

from dataclasses import dataclass
from enum import StrEnum
import math
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .clock import Clock

# How long MAX makes one wait is not documented.
_RETRY_AFTER = 300.0


class Reason(StrEnum):
    """Why a login by phone number or password failed, as the vendor spells it."""

    ALREADY_REGISTERED = "already_registered"
    INVALID_PASSWORD = "invalid_password"  # noqa: S105 - a reason, no password
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    AUTHORIZATION_NOT_STARTED = "authorization_not_started"
    TIMEOUT = "timeout"
    ATTEMPTS_EXCEEDED = "attempts_exceeded"
    TIME_LIMIT_EXPIRED_LOGOUT = "time_limit_expired_logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a step of a login."""

    ok: bool = True
    reason: str | None = None
    """Mostly a Reason; None also where the vendor documents no reason."""
    retry_after: int | None = None
    """Seconds."""

    @classmethod
    def fail(cls, reason: str | None = None, retry_after: int | None = None) -> Self:
        """Make a failure."""
        return cls(ok=False, reason=reason, retry_after=retry_after)

    def as_json(self) -> dict[str, object]:
        """Return what the vendor API answers."""
        data: dict[str, object] = {"status": "success" if self.ok else "fail"}
        if self.reason is not None:
            data["reason"] = str(self.reason)
        if self.retry_after is not None:
            data["retryAfter"] = self.retry_after
        return {"status": self.ok, "data": data}


class Attempts:
    """Wrong passwords, and the wait after too many."""

    def __init__(self, clock: Clock, allowed: int | None) -> None:
        """Allow so many in a row; None: any number."""
        self._clock = clock
        self._allowed = allowed
        self._wrong = 0
        self._blocked_until = 0.0

    def wait(self) -> int:
        """Return the seconds until the next attempt is allowed; 0: now."""
        return max(0, math.ceil(self._blocked_until - self._clock.now()))

    def count_wrong(self) -> None:
        """Count a wrong password."""
        self._wrong += 1
        if self._wrong == self._allowed:
            self._wrong = 0
            self._blocked_until = self._clock.now() + _RETRY_AFTER

    def reset(self) -> None:
        """Forget them all."""
        self._wrong = 0
        self._blocked_until = 0.0
