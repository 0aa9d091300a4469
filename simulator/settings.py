"""The settings of an instance."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from .errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = ("yes", "no")
_DELAYS = range(500, 600_001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The instance's settings, spelled as the vendor does."""

    webhookUrl: str = ""  # noqa: N815 - the vendor's spelling goes over the wire
    webhookUrlToken: str = ""  # noqa: N815 - as above
    delaySendMessagesMilliseconds: int = 500  # noqa: N815 - as above
    stateWebhook: str = "no"  # noqa: N815 - as above
    incomingWebhook: str = "no"  # noqa: N815 - as above
    outgoingWebhook: str = "no"  # noqa: N815 - as above

    def change(self, values: Mapping[str, object]) -> Self:
        """Return these settings with others in place of some.

        Raises BadInputError for an unknown name or a value that makes no sense.
        """
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                msg = f"unknown: {name}"
                raise BadInputError(msg)
            _check(name, value)
        changes: dict[str, Any] = dict(values)
        return replace(self, **changes)


def _check(name: str, value: object) -> None:
    match name:
        case "webhookUrl":
            fine = isinstance(value, str) and (
                not value or value.startswith(("http://", "https://"))
            )
            wanted = "an http or https address, or empty"
        case "webhookUrlToken":
            fine, wanted = isinstance(value, str), "a text"
        case "delaySendMessagesMilliseconds":
            # A bool is an int too, but none of these.
            fine = type(value) is int and value in _DELAYS
            wanted = f"a whole number from {_DELAYS[0]} to {_DELAYS[-1]}"
        case _:
            fine, wanted = value in _FLAGS, " or ".join(_FLAGS)
    if not fine:
        msg = f"{name} must be {wanted}"
        raise BadInputError(msg)
