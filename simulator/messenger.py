"""What differs between the messengers."""

import base64
from dataclasses import dataclass
from enum import StrEnum
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Messenger(StrEnum):
    """A messenger, spelled as the vendor's ``typeInstance``."""

    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    MAX = "v3"

    @classmethod
    def _missing_(cls, value: object) -> Messenger | None:
        return cls.MAX if value == "max" else None

    @property
    def profile(self) -> Profile:
        """Return what is particular to this messenger."""
        return _PROFILES[self]


class State(StrEnum):
    """Every state that ``getStateInstance`` knows."""

    NOT_AUTHORIZED = "notAuthorized"
    AUTHORIZED = "authorized"
    BLOCKED = "blocked"
    STARTING = "starting"
    SLEEP_MODE = "sleepMode"
    YELLOW_CARD = "yellowCard"
    SUSPENDED = "suspended"
    PENDING_PASSWORD = "pendingPassword"  # noqa: S105 - a state, no password
    PENDING_CODE = "pendingCode"

    @property
    def linked(self) -> bool:
        """Tell whether an account hangs on the instance in this state."""
        return self in _LINKED


_LINKED = {
    State.AUTHORIZED,
    State.BLOCKED,
    State.SLEEP_MODE,
    State.YELLOW_CARD,
    State.SUSPENDED,
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The rules of one messenger; all times are the clock's seconds."""

    title: str
    make_payload: Callable[[], str]
    """Make the random text of a login code."""
    life: float
    """A code is dead this long after its issue."""
    renew_after: float | None
    """A request gets a fresh code when the present one is this old.

    A little less than the vendor's rhythm of asking, so that whoever keeps to it
    gets a fresh code each time. None: codes renew themselves at the end of their
    life, asked or not.
    """
    already_type: str
    """``type`` of the qr answer when the instance is authorized."""
    password_answer: dict[str, str]
    """The qr answer while the two-factor password is wanted."""
    two_factor: bool
    """A scan can lead to ``pendingPassword``."""
    password_attempts: int | None
    """Wrong passwords in a row before one has to wait; None: any number."""
    wid: Callable[[str], str]
    """The account's id in the messenger, from its phone number."""


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


def _whatsapp_payload() -> str:
    # A reference and three keys: 227 characters, which is a QR of version 11.
    return f"2@{_random(66)},{_random(32)},{_random(32)},{_random(32)},1"


def _telegram_payload() -> str:
    return f"tg://login?token={secrets.token_urlsafe(48)}"


def _max_payload() -> str:
    return f"https://max.ru/:auth/{secrets.token_urlsafe(48)}"


_PROFILES = {
    Messenger.WHATSAPP: Profile(
        title="WhatsApp",
        make_payload=_whatsapp_payload,
        life=20,
        renew_after=None,
        already_type="alreadyLogged",
        password_answer={},
        two_factor=False,
        password_attempts=None,
        wid=lambda phone: f"{phone}@c.us",
    ),
    # How long an unreplaced Telegram or MAX code lives is not documented.
    # Twice the advised 5 s forgives a late poll, yet soon kills a code
    # that nobody renews.
    Messenger.TELEGRAM: Profile(
        title="Telegram",
        make_payload=_telegram_payload,
        life=10,
        renew_after=4,
        already_type="already_registered",
        password_answer={
            "type": "pendingPassword",
            "message": "2FA password required",
        },
        two_factor=True,
        password_attempts=None,
        wid=lambda phone: phone[-9:],
    ),
    Messenger.MAX: Profile(
        title="MAX",
        make_payload=_max_payload,
        life=10,
        renew_after=4,
        already_type="alreadyLogged",
        password_answer={"type": "pending_password", "message": ""},
        two_factor=True,
        password_attempts=3,
        wid=lambda phone: phone[-9:],
    ),
}
