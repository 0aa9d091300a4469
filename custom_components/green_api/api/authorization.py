"""The answers of the methods that authorize by phone number or password."""

import re
from typing import Final

from .errors import (
    AlreadyRegistered,
    AttemptsExceeded,
    AuthorizationNotStarted,
    AuthorizationRateLimited,
    AuthorizationRefused,
    InvalidPassword,
    MessengerTimedOut,
    PairingRefused,
    TimeLimitExpired,
    UnexpectedAnswer,
)
from .models import PairingCode, to_word

_REASONS: Final[dict[str, type[AuthorizationRefused]]] = {
    "already_registered": AlreadyRegistered,
    "invalid_password": InvalidPassword,
    "rate_limit_exceeded": AuthorizationRateLimited,
    "authorization_not_started": AuthorizationNotStarted,
    "timeout": MessengerTimedOut,
    "attempts_exceeded": AttemptsExceeded,
    "time_limit_expired_logout": TimeLimitExpired,
}

# Eight characters are documented.
_PAIRING_CODE: Final = re.compile(r"[A-Za-z0-9-]{4,20}")

# More than a month is no time that anybody waits for, but another unit.
_LONGEST_WAIT: Final = 31 * 24 * 3600.0


def check_authorization(answer: object) -> None:
    """Return if `{"status": …, "data": {"status": …, "reason": …}}` says yes.

    Raises the error of the reason, or UnexpectedAnswer for another shape.
    """
    if error := find_refusal(answer):
        raise error
    match answer:
        case {"data": {"status": "success"}} | {"status": True}:
            return
    raise UnexpectedAnswer


def parse_pairing_code(answer: object) -> PairingCode:
    """Return the code of `{"status": true, "code": …}`.

    Raises PairingRefused or the error of the reason where the cloud gave none,
    and UnexpectedAnswer for another shape.
    """
    if error := find_refusal(answer, PairingRefused):
        raise error
    match answer:
        case {"status": True, "code": str(code)} if _PAIRING_CODE.fullmatch(code):
            return PairingCode(code)
    raise UnexpectedAnswer


def find_refusal(
    answer: object, without_reason: type[AuthorizationRefused] = AuthorizationRefused
) -> AuthorizationRefused | None:
    """Return the error that an answer stands for, None where it refuses nothing.

    Reason and retryAfter are looked for in `data`, where the reason is
    documented, and beside it.
    """
    if not isinstance(answer, dict):
        return None
    inner = answer.get("data")
    data = inner if isinstance(inner, dict) else {}
    if answer.get("status") is not False and data.get("status") != "fail":
        return None
    told = answer | data
    reason = told.get("reason")
    word = to_word(reason) if isinstance(reason, str) else ""
    error = _REASONS.get(word, without_reason)
    return error(retry_after=_seconds(told.get("retryAfter")))


def _seconds(value: object) -> float | None:
    """Return a time to wait, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except ValueError, OverflowError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WAIT else None
