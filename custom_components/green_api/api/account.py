"""The linked account, as the settings and the WebSocket tell it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from .models import Account, AccountSettings

_LONGEST: Final = 100

# From 2001 to 2100, in seconds; no number of milliseconds lies within.
_EARLIEST: Final = 1e9
_LATEST: Final = 4.1e9


def parse_account_settings(answer: Mapping[Any, Any]) -> AccountSettings:
    """Return what getWaSettings or getAccountSettings answered.

    The wid is called deviceId in the first and chatId in the second.
    """
    account = Account(
        phone=_clean(answer.get("phone")),
        wid=_clean(answer.get("deviceId")) or _clean(answer.get("chatId")),
    )
    return AccountSettings(
        account if account.label else None, _instant(answer.get("suspendedUntil"))
    )


def parse_account_data(message: Mapping[Any, Any]) -> Account:
    """Return the account of an accountData message; what is missing is empty."""
    return Account(wid=_clean(message.get("wid")), name=_clean(message.get("pushname")))


def _clean(value: object) -> str:
    """Return a text in one printable line; ids may come as numbers too."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    line = " ".join(str(value).split())
    return "".join(filter(str.isprintable, line))[:_LONGEST]


def _instant(value: object) -> datetime | None:
    """Return a time in UTC, None for what is none.

    The unit is not documented: seconds, milliseconds, both also as text, and
    ISO 8601 are understood.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return _iso_instant(str(value))
    except OverflowError:
        return None
    for unit in (1, 1000):
        if _EARLIEST <= number / unit <= _LATEST:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def _iso_instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except ValueError, OverflowError:
        return None
