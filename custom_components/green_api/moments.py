"""What has happened to an instance since it was last known."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from homeassistant.util import dt as dt_util

from .api.models import InstanceState
from .memory import LastKnown
from .snapshot import InstanceData, LoginCode, LoginPhase, LoginProgress


class Moment(StrEnum):
    """Name what others may wait for."""

    ACTION_RESULT = "action_result"
    AUTHORIZATION_LOST = "authorization_lost"
    AUTHORIZED = "authorized"
    LOGIN_TIMEOUT = "login_timeout"
    PASSWORD_REQUIRED = "password_required"  # noqa: S105  a name, not a secret
    QR_EXPIRED = "qr_expired"
    QR_READY = "qr_ready"
    STATE_CHANGED = "state_changed"


class Action(StrEnum):
    """Name what can be done to an instance."""

    GET_PAIRING_CODE = "get_pairing_code"
    LOGIN = "login"
    LOGOUT = "logout"
    REBOOT = "reboot"
    SEND_CODE = "send_code"
    SEND_PASSWORD = "send_password"  # noqa: S105  a name, not a secret
    START_PHONE_LOGIN = "start_phone_login"


type Facts = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Happening:
    """Hold a moment and what belongs to it, ready for JSON."""

    moment: Moment
    facts: Facts = field(default_factory=dict)
    repeated: bool = False
    """True for the codes of a login that come after its first."""


# In which the instance is linked, or surely not. The others leave it open: an
# instance that restarts says `starting` whether it is linked or not.
LINKED_STATES: Final = frozenset(
    {InstanceState.AUTHORIZED, InstanceState.SUSPENDED, InstanceState.YELLOW_CARD}
)
_NOT_LINKED: Final = frozenset(
    {
        InstanceState.BLOCKED,
        InstanceState.NOT_AUTHORIZED,
        InstanceState.PENDING_CODE,
        InstanceState.PENDING_PASSWORD,
    }
)


# The phases of a login window; what comes by phone has an end of its own.
_WINDOW: Final = frozenset(
    {LoginPhase.PASSWORD, LoginPhase.SHOWING, LoginPhase.WAITING}
)


class MomentTracker:
    """Tell what happened since the last known state, however long ago that was."""

    def __init__(self, known: LastKnown | None) -> None:
        """Take what is remembered, None for an instance that is new here."""
        self.known = known
        """What is known after the last snapshot."""

        self._login = LoginProgress()

    def take(self, data: InstanceData) -> list[Happening]:
        """Return what has happened since the snapshot before, or since memory."""
        known = self.known
        self.known = _known_after(known, data)
        happenings = []
        if known is not None and self.known is not None:
            happenings = [*_of_state(known, self.known), *_of_link(known, self.known)]
        return [*happenings, *self._of_login(known, data.login)]

    def _of_login(
        self, known: LastKnown | None, login: LoginProgress
    ) -> Iterator[Happening]:
        before, self._login = self._login, login
        waited = known is not None and known.state == InstanceState.PENDING_PASSWORD
        for happening in _of_login(before, login):
            match happening.moment:
                case Moment.QR_READY if self.known is not None:
                    repeated = self.known.login_told == login.began_at
                    self.known = replace(self.known, login_told=login.began_at)
                    yield replace(happening, repeated=repeated)
                case Moment.PASSWORD_REQUIRED if waited:
                    pass  # told before a restart, or an outage, that hid it
                case _:
                    yield happening


def _linked(data: InstanceData) -> bool | None:
    if data.state in LINKED_STATES:
        return True
    return False if data.state in _NOT_LINKED else None


def _known_after(known: LastKnown | None, data: InstanceData) -> LastKnown | None:
    word = data.reading.word
    if word == InstanceState.UNKNOWN:
        return known  # the cloud gave no state, so the last one stays the last known
    linked = _linked(data)
    if known is None:
        return LastKnown(
            state=word, state_since=data.since, linked=linked, since=data.since
        )
    if word != known.state:
        known = replace(
            known, state=word, state_since=data.since, state_before=known.state
        )
    if linked is not None and linked != known.linked:
        changed = known.linked is not None
        known = replace(
            known,
            linked=linked,
            since=data.since,
            changed=changed,
            told=linked or not changed,
        )
    return known


def _of_state(before: LastKnown, after: LastKnown) -> Iterator[Happening]:
    if before.state != after.state:
        yield changed(after)


def _of_link(before: LastKnown, after: LastKnown) -> Iterator[Happening]:
    if before.linked is False and after.linked:
        yield Happening(Moment.AUTHORIZED)
    if before.linked and after.linked is False:
        yield lost(after)


def changed(known: LastKnown) -> Happening:
    """Return the last change of the state."""
    facts: Facts = {"from": known.state_before, "to": known.state}
    return Happening(Moment.STATE_CHANGED, facts)


def lost(known: LastKnown) -> Happening:
    """Return the loss of the link, with the state that it is lost in."""
    return Happening(Moment.AUTHORIZATION_LOST, {"state": known.state})


def _of_login(before: LoginProgress, login: LoginProgress) -> list[Happening]:
    happenings = []
    old, new = before.code, login.code
    if new is not None and (old is None or old.sequence != new.sequence):
        expires_at = new.expires_at.isoformat(timespec="milliseconds")
        facts: Facts = {"sequence": new.sequence, "expires_at": expires_at}
        happenings.append(Happening(Moment.QR_READY, facts))
    if old is not None and new is None and _expired(old, login.phase):
        happenings.append(Happening(Moment.QR_EXPIRED, {"sequence": old.sequence}))
    if before.phase is not login.phase:
        if login.phase is LoginPhase.EXPIRED and before.phase in _WINDOW:
            happenings.append(Happening(Moment.LOGIN_TIMEOUT))
        elif login.phase is LoginPhase.PASSWORD:
            happenings.append(Happening(Moment.PASSWORD_REQUIRED))
    return happenings


def _expired(code: LoginCode, phase: LoginPhase) -> bool:
    """Return whether a code has gone because its life, or the window, is over."""
    if phase is LoginPhase.EXPIRED:
        return True
    return dt_util.utcnow() > code.expires_at - _TOLERANCE


# Timers may be early by so much.
_TOLERANCE: Final = timedelta(milliseconds=100)
