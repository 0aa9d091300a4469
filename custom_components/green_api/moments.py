"""What has happened to an instance, told from one snapshot to the next."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from homeassistant.util import dt as dt_util

from .api.models import InstanceState
from .snapshot import InstanceData, LoginCode, LoginPhase


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


# In which the instance is linked, or surely not. The others leave it open: an
# instance that restarts says `starting` whether it is linked or not.
_LINKED: Final = frozenset(
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
    """Tell what happened, from the second snapshot on."""

    def __init__(self, data: InstanceData) -> None:
        """Take the first snapshot, about which there is nothing to tell."""
        self._data = data
        self._linked = _linked(data)

    def take(self, data: InstanceData) -> list[Happening]:
        """Return what has happened since the snapshot before."""
        before, self._data = self._data, data
        was_linked = self._linked
        if (linked := _linked(data)) is not None:
            self._linked = linked
        return [
            *_of_state(before, data),
            *_of_link(data, was_linked, self._linked),
            *_of_login(before, data),
        ]


def _linked(data: InstanceData) -> bool | None:
    if data.state in _LINKED:
        return True
    return False if data.state in _NOT_LINKED else None


def _of_state(before: InstanceData, data: InstanceData) -> list[Happening]:
    old, new = before.reading.word, data.reading.word
    if old == new:
        return []
    return [Happening(Moment.STATE_CHANGED, {"from": old, "to": new})]


def _of_link(
    data: InstanceData,
    was_linked: bool | None,  # noqa: FBT001  what was and what is, side by side
    linked: bool | None,  # noqa: FBT001
) -> list[Happening]:
    if linked and was_linked is False:
        return [Happening(Moment.AUTHORIZED)]
    if was_linked and not linked:
        return [Happening(Moment.AUTHORIZATION_LOST, {"state": data.reading.word})]
    return []


def _of_login(before: InstanceData, data: InstanceData) -> list[Happening]:
    happenings = []
    old, new = before.login.code, data.login.code
    if new is not None and (old is None or old.sequence != new.sequence):
        expires_at = new.expires_at.isoformat(timespec="milliseconds")
        facts: Facts = {"sequence": new.sequence, "expires_at": expires_at}
        happenings.append(Happening(Moment.QR_READY, facts))
    if old is not None and new is None and _expired(old, data.login.phase):
        happenings.append(Happening(Moment.QR_EXPIRED, {"sequence": old.sequence}))
    if before.login.phase is not data.login.phase:
        if data.login.phase is LoginPhase.EXPIRED and before.login.phase in _WINDOW:
            happenings.append(Happening(Moment.LOGIN_TIMEOUT))
        elif data.login.phase is LoginPhase.PASSWORD:
            happenings.append(Happening(Moment.PASSWORD_REQUIRED))
    return happenings


def _expired(code: LoginCode, phase: LoginPhase) -> bool:
    """Return whether a code has gone because its life, or the window, is over."""
    if phase is LoginPhase.EXPIRED:
        return True
    return dt_util.utcnow() > code.expires_at - _TOLERANCE


# Timers may be early by so much.
_TOLERANCE: Final = timedelta(milliseconds=100)
