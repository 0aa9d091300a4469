"""What the cloud tells by itself, by webhook or from its queue."""

from dataclasses import dataclass, field
from typing import Final

from .models import to_word

STATE_CHANGED: Final = "stateInstanceChanged"

# Of numbers: longer than any id or time, and still quick to handle.
_MOST_DIGITS: Final = 20
_TOO_LARGE: Final = 10**_MOST_DIGITS


@dataclass(frozen=True, slots=True)
class Notification:
    """Hold what is of use in a notification."""

    id_instance: str
    kind: str
    """The cloud's typeWebhook."""

    state: str | None
    """The new state's word in snake_case; None for other kinds, or without one."""

    sent_at: int
    """When it arose, in seconds since 1970 by the cloud's clock."""


@dataclass(frozen=True, slots=True)
class ReceivedNotification:
    """Hold one entry of the queue."""

    receipt_id: int
    """Names it to deleteNotification."""

    body: object = field(repr=False)
    """As it came; may hold a message that is nobody's business here."""


def parse_notification(body: object) -> Notification | None:
    """Return the notification that a JSON value stands for, None for none.

    A kind that is not known is a notification too.
    """
    match body:
        case {
            "typeWebhook": str(kind),
            "instanceData": {"idInstance": id_instance},
            "timestamp": sent_at,
            **others,
        } if _is_number(sent_at):
            digits = _digits(id_instance)
            if digits is None:
                return None
            word = others.get("stateInstance") if kind == STATE_CHANGED else None
            state = to_word(word) if isinstance(word, str) else ""
            return Notification(digits, kind, state or None, sent_at)
    return None


def is_of_another_kind(body: object) -> bool:
    """Return whether a JSON value is a notification, but of no state."""
    match body:
        case {"typeWebhook": str(kind)}:
            return kind != STATE_CHANGED
    return False


def _digits(value: object) -> str | None:
    """Return an idInstance, which may come as a number or as text."""
    text = str(value) if _is_number(value) else value
    if isinstance(text, str) and len(text) <= _MOST_DIGITS and text.isascii():
        return text if text.isdecimal() else None
    return None


def _is_number(value: object) -> bool:
    """Return whether it is an integer of sensible size; a bool is none."""
    return type(value) is int and abs(value) < _TOO_LARGE
