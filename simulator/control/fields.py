"""Read and check the fields of a JSON body."""

import json
import math
from typing import TYPE_CHECKING

from simulator.errors import BadInputError

if TYPE_CHECKING:
    from aiohttp import web


class Fields:
    """The fields of a JSON object, each to be taken once by its type."""

    def __init__(self, values: dict[str, object]) -> None:
        """Read these values."""
        self._values = dict(values)

    @classmethod
    async def read(cls, request: web.Request) -> Fields:
        """Read a request's body. Raises BadInputError unless a JSON object or empty."""
        body = await request.read()
        try:
            values = json.loads(body) if body.strip() else {}
        except ValueError:
            msg = "the body is not JSON"
            raise BadInputError(msg) from None
        if not isinstance(values, dict):
            msg = "the body must be a JSON object"
            raise BadInputError(msg)
        return cls(values)

    def text(self, name: str, default: str | None = None) -> str:
        """Take a text; without a default it must be there."""
        value = self._values.pop(name, default)
        if isinstance(value, str):
            return value
        msg = f"{name} must be a text"
        raise BadInputError(msg)

    def text_or_none(self, name: str, default: str | None = None) -> str | None:
        """Take a text or null; the default where it is missing."""
        value = self._values.pop(name, default)
        if value is None or isinstance(value, str):
            return value
        msg = f"{name} must be a text"
        raise BadInputError(msg)

    def text_or_null(self, name: str) -> str | None:
        """Take a text or null, one of which must be there."""
        if name not in self._values:
            msg = f"{name} is missing: it must be a text or null"
            raise BadInputError(msg)
        return self.text_or_none(name)

    def seconds(self, name: str, default: float) -> float:
        """Take a number of seconds, 0 or more."""
        value = self._values.pop(name, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or value < 0
        ):
            msg = f"{name} must be a number of seconds, 0 or more"
            raise BadInputError(msg)
        return value

    def whole_or_none(self, name: str) -> int | None:
        """Take a whole number or null."""
        value = self._values.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        msg = f"{name} must be a whole number"
        raise BadInputError(msg)

    def done(self) -> None:
        """Raise BadInputError when a field was left over."""
        if self._values:
            msg = f"unknown: {', '.join(sorted(self._values))}"
            raise BadInputError(msg)
