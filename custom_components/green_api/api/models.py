"""The cloud's words as typed, immutable values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
import re
from typing import Self, override

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_LONGEST_WORD = 40
_TOO_SHORT_TO_SHOW = 4


def to_word(wire: str) -> str:
    """Return a word of the cloud in snake_case, cleaned, at most 40 characters."""
    spaced = _WORD_START.sub("_", wire[: 4 * _LONGEST_WORD]).lower()
    return _NOT_A_WORD.sub("_", spaced).strip("_")[:_LONGEST_WORD]


class Messenger(StrEnum):
    """Name the messenger of an instance."""

    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    MAX = "max"

    @property
    def label(self) -> str:
        """Return the messenger's own spelling of its name."""
        return _LABELS[self]

    @classmethod
    def from_wire(cls, type_instance: object) -> Self | None:
        """Return the messenger of a typeInstance, or None for an unknown one."""
        if type_instance == "v3":
            return cls("max")
        return next((item for item in cls if item == type_instance), None)

    @classmethod
    def of_instance(cls, id_instance: str) -> Self:
        """Guess the messenger from the pool that an idInstance belongs to.

        Used only until getSettings has told. Source: the vendor's pools,
        41xx for Telegram, 31xx for MAX.
        """
        pools = {"41": "telegram", "31": "max"}
        return cls(pools.get(id_instance[:2], "whatsapp"))


_LABELS = {
    Messenger.WHATSAPP: "WhatsApp",
    Messenger.TELEGRAM: "Telegram",
    Messenger.MAX: "MAX",
}


class InstanceState(StrEnum):
    """Name the state of an instance; words that are not known become UNKNOWN."""

    AUTHORIZED = "authorized"
    NOT_AUTHORIZED = "not_authorized"
    BLOCKED = "blocked"
    STARTING = "starting"
    SLEEP_MODE = "sleep_mode"
    YELLOW_CARD = "yellow_card"
    SUSPENDED = "suspended"
    PENDING_PASSWORD = "pending_password"  # noqa: S105  a state, not a secret
    PENDING_CODE = "pending_code"
    UNKNOWN = "unknown"

    @classmethod
    @override
    def _missing_(cls, value: object) -> InstanceState:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class StateReading:
    """Hold one answer of getStateInstance."""

    word: str
    """The cloud's word in snake_case; `unknown` where it gave none."""

    @property
    def state(self) -> InstanceState:
        """Return the state that the word stands for."""
        return InstanceState(self.word)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what the integration needs of getSettings."""

    messenger: Messenger | None
    """None where the cloud gave no or an unknown typeInstance."""

    wid: str | None
    """The account's id at the messenger, None when not authorized."""


@dataclass(frozen=True, slots=True)
class Account:
    """Hold the messenger account that an instance is linked to."""

    phone: str = field(default="", repr=False)
    """Digits, with country code; empty where the cloud gave none."""

    wid: str = field(default="", repr=False)
    """The account's id at the messenger; empty where the cloud gave none."""

    name: str = field(default="", repr=False)
    """The name that the account shows to others; empty where the cloud gave none."""

    @property
    def label(self) -> str:
        """Return what tells the account from others: the phone, else the wid."""
        return self.phone or self.wid

    @property
    def masked(self) -> str:
        """Return the label with all but the last two characters hidden.

        Of a wid the server's name stays: `*********67@c.us`.
        """
        account, at, server = self.label.partition("@")
        # WhatsApp appends the number of the linked device: 79001234567:8.
        account = account.partition(":")[0]
        shown = account[-2:] if len(account) > _TOO_SHORT_TO_SHOW else ""
        return "*" * (len(account) - len(shown)) + shown + at + server


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Hold what the integration needs of getWaSettings or getAccountSettings."""

    account: Account | None
    """None where the instance is linked to no account."""

    suspended_until: datetime | None = None
    """The end of the state `suspended`, in UTC; None where the cloud told none."""


@dataclass(frozen=True, slots=True)
class PairingCode:
    """Hold the code that links an account from the phone itself.

    It is valid for about two and a half minutes.
    """

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeReceived:
    """Say that the cloud gave a login QR."""

    png: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AlreadyAuthorized:
    """Say that the instance needs no login."""


@dataclass(frozen=True, slots=True)
class PasswordRequired:
    """Say that the code was scanned and the two-factor password is wanted."""


@dataclass(frozen=True, slots=True)
class AccountLinked:
    """Say that a code was scanned, and whose account it linked.

    The message also tells the proxy and the webhookUrl. Neither is kept: they
    say nothing about the login, and a webhook's address is a secret.
    """

    account: Account


@dataclass(frozen=True, slots=True)
class ScanTimedOut:
    """Say that the time for scanning is over; an end as good as any."""


@dataclass(frozen=True, slots=True)
class ScanFailed:
    """Say that the cloud could not give a code this time."""

    reason: ScanFailure

    text: str | None = None
    """The cloud's words, cleaned; only for OTHER, None where it had none."""


class ScanFailure(StrEnum):
    """Name why the cloud gave no code."""

    NEEDS_LOGOUT = "needs_logout"
    """The stored login is unusable: log out, then scan anew."""

    PASSKEY_REQUIRED = "passkey_required"
    """The messenger wants a passkey, which cannot be given here."""

    MESSENGER_UNREACHABLE = "messenger_unreachable"
    NOT_READY = "not_ready"
    CONNECTION_CLOSED = "connection_closed"
    OTHER = "other"
    """A text that is not documented; treated as passing."""


type ScanEvent = (
    CodeReceived
    | AlreadyAuthorized
    | PasswordRequired
    | AccountLinked
    | ScanTimedOut
    | ScanFailed
)
