"""One call of a method of the vendor API."""

from dataclasses import dataclass
import json
from typing import TYPE_CHECKING

from .errors import ValidationFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from .faults import Fault, Faults
    from .instance import Instance
    from .request_log import Request

type Answer = dict[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call by somebody who may, with what it brings along."""

    instance: Instance
    faults: Faults
    record: Request
    query: Mapping[str, str]
    fields: Mapping[str, object]
    """The body's; empty where the method takes none."""
    receipt_id: str
    """What deleteNotification has behind the token; else empty."""

    def take_fault[F: Fault](self, kind: type[F]) -> F | None:
        """Return a fault of this kind that hits the call; count and note it."""
        record = self.record
        fault = self.faults.take((kind,), record.id_instance, record.method)
        if fault:
            record.fault = fault.kind
        return fault

    def phone_number(self) -> int:
        """Return the field ``phoneNumber``. Raises ValidationFailedError."""
        value = self.fields.get("phoneNumber")
        # A bool is an int too, but no phone number.
        if type(value) is not int or value <= 0:
            raise ValidationFailedError
        return value

    def text(self, name: str) -> str:
        """Return a text that must be there. Raises ValidationFailedError."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ValidationFailedError
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a text if it is there. Raises ValidationFailedError."""
        return self.text(name) if name in self.fields else None

    def code(self) -> str:
        """Return the field ``code``. Raises ValidationFailedError.

        Whether the vendor wants a number or a text is not documented.
        """
        value = self.fields.get("code")
        return str(value) if type(value) is int else self.text("code")


async def read_fields(request: web.Request) -> dict[str, object]:
    """Read a JSON object. Raises ValidationFailedError for any other body."""
    try:
        fields = json.loads(await request.read())
    except ValueError:
        raise ValidationFailedError from None
    if not isinstance(fields, dict):
        raise ValidationFailedError
    return fields
