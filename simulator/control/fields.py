"""Read and check the fields of a JSON body."""

import json
from typing import TYPE_CHECKING

from simulator.errors import BadInputError

if TYPE_CHECKING:
    from aiohttp import web

_MOST_SECONDS = 366 * 24 * 3600


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
        except ValueError, RecursionError:
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

    def flag(self, name: str) -> bool:
        """Take true or false, one of which must be there."""
        value = self._values.pop(name, None)
        if isinstance(value, bool):
            return value
        msg = f"{name} must be true or false"
        raise BadInputError(msg)

    def seconds(self, name: str, default: float | None = None) -> float:
        """Take a number of seconds; without a default it must be there."""
        value = self._values.pop(name, default)
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and 0 <= value <= _MOST_SECONDS
        ):
            return value
        msg = f"{name} must be a number of seconds, from 0 to {_MOST_SECONDS}"
        raise BadInputError(msg)

    def whole(self, name: str, default: int) -> int:
        """Take a whole number."""
        value = self.whole_or_none(name)
        return default if value is None else value

    def whole_or_none(self, name: str) -> int | None:
        """Take a whole number or null."""
        value = self._values.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        msg = f"{name} must be a whole number"
        raise BadInputError(msg)

    def rest(self) -> dict[str, object]:
        """Take whatever was not taken."""
        rest, self._values = self._values, {}
        return rest

    def done(self) -> None:
        """Raise BadInputError when a field was left over."""
        if self._values:
            msg = f"unknown: {', '.join(sorted(self._values))}"
            raise BadInputError(msg)
