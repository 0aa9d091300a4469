"""What is known of an instance at one moment, immutable."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .api.models import Account, InstanceState, Messenger, StateReading


class LoginPhase(StrEnum):
    """Name where the login of an instance stands."""

    IDLE = "idle"
    """Nobody is to log in."""

    WAITING = "waiting"
    """A code was asked for and is not there yet."""

    SHOWING = "showing"
    """A valid code can be scanned."""

    PASSWORD = "password"  # noqa: S105  a phase, not a secret
    """The code was scanned, the two-factor password is wanted."""

    PHONE_CODE = "phone_code"
    """A code was asked for by phone number, and no QR until that is over."""

    EXPIRED = "expired"
    """The login window is over; looking or asking opens it again."""


@dataclass(frozen=True, slots=True)
class LoginCode:
    """Hold a login QR as long as it may be shown."""

    png: bytes = field(repr=False)
    sequence: int
    """Counts the codes since the entry was loaded, from 1."""

    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LoginProgress:
    """Hold where a login stands; a code is there only while SHOWING."""

    phase: LoginPhase = LoginPhase.IDLE
    code: LoginCode | None = None
    problem: str | None = None
    """Names why no code comes, None when all goes well."""

    detail: str | None = None
    """The cloud's own words where the problem is `other`, cleaned of secrets."""

    began_at: datetime | None = None
    """When the present login began, None when there is none."""

    ends_at: datetime | None = None
    """When its window, or the phone code, ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceData:
    """Hold the last known state of an instance and all that belongs to it."""

    messenger: Messenger
    reading: StateReading
    since: datetime
    """When this state was first seen."""

    account: Account | None = None
    suspended_until: datetime | None = None
    """When a suspension ends, None where the cloud has not said."""

    login: LoginProgress = LoginProgress()
    connection_problem: str | None = None
    """Names why the cloud could not be asked last time."""

    @property
    def state(self) -> InstanceState:
        """Return the last known state."""
        return self.reading.state

    @property
    def problem(self) -> str | None:
        """Return what stands in the way, the connection before the login."""
        return self.connection_problem or self.login.problem
