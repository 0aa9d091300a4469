"""The pictures that stand in for a login QR when there is none to show."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from .api.errors import (
    InstanceDeleted,
    InstanceExpired,
    InstanceRejected,
    MethodNotAvailable,
    QuotaExceeded,
    TokenRejected,
)
from .api.models import InstanceState, ScanFailure
from .snapshot import InstanceData, LoginPhase

_FOLDER: Final = Path(__file__).parent / "images"


class Situation(StrEnum):
    """Name what a still picture tells; also the name of its file."""

    AUTHORIZED = "authorized"
    BLOCKED = "blocked"
    CREDENTIALS_REJECTED = "credentials_rejected"
    INSTANCE_DELETED = "instance_deleted"
    INSTANCE_EXPIRED = "instance_expired"
    NEEDS_LOGOUT = "needs_logout"
    NO_CODE = "no_code"
    NO_CONNECTION = "no_connection"
    PASSWORD = "password"  # noqa: S105  a picture, not a secret
    PAUSED = "paused"
    PHONE_CODE = "phone_code"
    SLEEP_MODE = "sleep_mode"
    STARTING = "starting"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    YELLOW_CARD = "yellow_card"


_BY_STATE: Final = {
    InstanceState.AUTHORIZED: Situation.AUTHORIZED,
    InstanceState.BLOCKED: Situation.BLOCKED,
    InstanceState.PENDING_CODE: Situation.PHONE_CODE,
    InstanceState.PENDING_PASSWORD: Situation.PASSWORD,
    InstanceState.SLEEP_MODE: Situation.SLEEP_MODE,
    InstanceState.STARTING: Situation.STARTING,
    InstanceState.SUSPENDED: Situation.SUSPENDED,
    InstanceState.UNKNOWN: Situation.UNKNOWN,
    InstanceState.YELLOW_CARD: Situation.YELLOW_CARD,
}

# The cloud answers, but not for this instance.
_REFUSALS: Final[Mapping[str, Situation]] = {
    InstanceDeleted.key: Situation.INSTANCE_DELETED,
    InstanceExpired.key: Situation.INSTANCE_EXPIRED,
    InstanceRejected.key: Situation.CREDENTIALS_REJECTED,
    TokenRejected.key: Situation.CREDENTIALS_REJECTED,
}

# In the way of a code, and waiting alone ends none of them.
_OBSTACLES: Final = {
    MethodNotAvailable.key,
    QuotaExceeded.key,
    ScanFailure.PASSKEY_REQUIRED,
}

_BY_PHASE: Final = {
    LoginPhase.EXPIRED: Situation.PAUSED,
    LoginPhase.PASSWORD: Situation.PASSWORD,
    LoginPhase.PHONE_CODE: Situation.PHONE_CODE,
}


@cache
def load_stills() -> Mapping[Situation, bytes]:
    """Return the PNG of every situation; reads files, so not in the event loop."""
    return {item: (_FOLDER / f"{item}.png").read_bytes() for item in Situation}


def situation_of(data: InstanceData) -> Situation:
    """Return the situation of an instance that has no code to show."""
    if data.connection_problem:
        return _REFUSALS.get(data.connection_problem, Situation.NO_CONNECTION)
    if data.state is not InstanceState.NOT_AUTHORIZED:
        return _BY_STATE[data.state]
    if data.login.problem == ScanFailure.NEEDS_LOGOUT:
        return Situation.NEEDS_LOGOUT
    waits = Situation.NO_CODE if data.login.problem in _OBSTACLES else Situation.WAITING
    return _BY_PHASE.get(data.login.phase, waits)
