"""Faults to and from JSON, for the control API."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from simulator.errors import BadInputError
from simulator.faults import (
    KINDS,
    Body,
    Delay,
    Fault,
    Hang,
    QrAnswer,
    Rule,
    StateAnswer,
    Status,
)

if TYPE_CHECKING:
    from .fields import Fields

_STATUSES = range(200, 600)


def fault_from(fields: Fields) -> Fault:
    """Read a fault by its ``kind``. Raises BadInputError."""
    kind = KINDS.get(fields.text("kind"))
    if kind is None:
        msg = f"kind must be one of {', '.join(KINDS)}"
        raise BadInputError(msg)
    if kind is Delay:
        return Delay(fields.seconds("seconds", Delay().seconds))
    if kind is Hang:
        return Hang(fields.seconds("seconds", Hang().seconds))
    if kind is Status:
        return _status(fields)
    if kind is QrAnswer:
        default = QrAnswer()
        answer = fields.text("type", default.type)
        return QrAnswer(answer, fields.text_or_none("message", default.message))
    if kind is StateAnswer:
        return StateAnswer(fields.text_or_none("state", StateAnswer().state))
    return kind()


def rule_as_json(rule: Rule) -> dict[str, object]:
    """Return a fault in force as the control API lists it."""
    return {
        "number": rule.number,
        "kind": rule.fault.kind,
        "id_instance": rule.id_instance,
        "method": rule.method,
        "left": rule.left,
        **asdict(rule.fault),
    }


def _status(fields: Fields) -> Status:
    default = Status()
    status = fields.whole_or_none("status")
    status = default.status if status is None else status
    if status not in _STATUSES:
        msg = "status must be an HTTP status from 200 to 599"
        raise BadInputError(msg)
    try:
        body = Body(fields.text("body", default.body))
    except ValueError:
        msg = f"body must be one of {', '.join(Body)}"
        raise BadInputError(msg) from None
    return Status(status, body, fields.text("message", default.message))
