"""Faults to and from JSON, for the control API."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING

from simulator.errors import BadInputError
from simulator.faults import (
    KINDS,
    AuthorizationAnswer,
    Delay,
    Fault,
    FrameFault,
    Hang,
    QrAnswer,
    Rule,
    SocketClose,
    StateAnswer,
    Status,
)

from .presets import Preset, preset_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import Fields

_STATUSES = range(200, 600)
_CLOSE_CODES = range(1000, 5000)
# Reserved: none of them may stand in a close frame.
_NO_CLOSE_CODES = {1004, 1005, 1015}


def fault_from(fields: Fields) -> Fault:
    """Read a fault by its ``kind``. Raises BadInputError."""
    kind = KINDS.get(fields.text("kind"))
    if kind is None:
        msg = f"kind must be one of {', '.join(KINDS)}"
        raise BadInputError(msg)
    # The kinds that are missing here have no fields.
    read = _READERS.get(kind)
    return read(fields) if read else kind()


def rule_as_json(rule: Rule) -> dict[str, object]:
    """Return a fault in force as the control API lists it."""
    preset = preset_of(rule.fault)
    return {
        "number": rule.number,
        "id_instance": rule.id_instance,
        "method": rule.method,
        "left": rule.left,
        "preset": preset.name if preset else None,
        **fault_as_json(rule.fault),
    }


def preset_as_json(preset: Preset) -> dict[str, object]:
    """Return a fault on offer."""
    return {
        "name": preset.name,
        "group": preset.group,
        "title": preset.title,
        "methods": None if preset.methods is None else list(preset.methods),
        "messengers": sorted(preset.messengers),
        "fault": fault_as_json(preset.fault),
    }


def fault_as_json(fault: Fault) -> dict[str, object]:
    """Return a fault as ``fault_from`` reads it."""
    return {"kind": fault.kind, **asdict(fault)}


def _delay(fields: Fields) -> Delay:
    return Delay(fields.seconds("seconds", Delay().seconds))


def _hang(fields: Fields) -> Hang:
    return Hang(fields.seconds("seconds", Hang().seconds))


def _status(fields: Fields) -> Status:
    default = Status()
    status = fields.whole("status", default.status)
    if status not in _STATUSES:
        msg = "status must be an HTTP status from 200 to 599"
        raise BadInputError(msg)
    body = _member(fields, "body", default.body)
    return Status(status, body, fields.text("message", default.message))


def _qr(fields: Fields) -> QrAnswer:
    default = QrAnswer()
    answer = fields.text("type", default.type)
    return QrAnswer(answer, fields.text_or_none("message", default.message))


def _state(fields: Fields) -> StateAnswer:
    return StateAnswer(fields.text_or_none("state", StateAnswer().state))


def _frame(fields: Fields) -> FrameFault:
    default = FrameFault()
    what = _member(fields, "what", default.what)
    return FrameFault(what, fields.text("message", default.message))


def _close(fields: Fields) -> SocketClose:
    default = SocketClose()
    after_frames = fields.whole("after_frames", default.after_frames)
    code = fields.whole("code", default.code)
    if after_frames < 0:
        msg = "after_frames must be 0 or more"
        raise BadInputError(msg)
    if code not in _CLOSE_CODES or code in _NO_CLOSE_CODES:
        msg = "code must be a WebSocket close code from 1000 to 4999, or 1006 to cut"
        raise BadInputError(msg)
    return SocketClose(after_frames, code)


def _authorization(fields: Fields) -> AuthorizationAnswer:
    reason = fields.text("reason", AuthorizationAnswer().reason)
    retry_after = fields.whole_or_none("retry_after")
    if retry_after is not None and retry_after < 0:
        msg = "retry_after must be 0 or more"
        raise BadInputError(msg)
    return AuthorizationAnswer(reason, retry_after)


def _member[E: StrEnum](fields: Fields, name: str, default: E) -> E:
    kinds = type(default)
    try:
        return kinds(fields.text(name, default))
    except ValueError:
        msg = f"{name} must be one of {', '.join(kinds)}"
        raise BadInputError(msg) from None


_READERS: dict[type[Fault], Callable[[Fields], Fault]] = {
    Delay: _delay,
    Hang: _hang,
    Status: _status,
    QrAnswer: _qr,
    StateAnswer: _state,
    FrameFault: _frame,
    SocketClose: _close,
    AuthorizationAnswer: _authorization,
}
