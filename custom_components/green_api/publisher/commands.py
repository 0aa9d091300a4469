"""What others may have done to an instance by MQTT."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.json import json_loads
import voluptuous as vol

from ..authorization import async_send_password
from ..const import LOGGER
from ..coordinator import GreenApiCoordinator
from ..moments import Action
from .payloads import response

LARGEST_PAYLOAD: Final = 4096
MOST_WAITING: Final = 8

INVALID_PAYLOAD: Final = "invalid_payload"
UNKNOWN_COMMAND: Final = "unknown_command"
BUSY: Final = "busy"
RETAINED: Final = "retained"
FAILED: Final = "failed"

_TRANSACTION: Final = "transaction"
_PASSWORD: Final = "password"  # noqa: S105  a key

type Order = Callable[[], Awaitable[None]]


def _text(longest: int) -> Callable[[object], str]:
    text: Callable[[object], str] = vol.All(str, vol.Length(min=1, max=longest))
    return text


_PLAIN: Final = vol.Schema({vol.Optional(_TRANSACTION): _text(64)})
_SCHEMAS: Final = {
    Action.LOGIN: _PLAIN,
    Action.LOGOUT: _PLAIN,
    Action.REBOOT: _PLAIN,
    Action.SEND_PASSWORD: _PLAIN.extend({vol.Required(_PASSWORD): _text(256)}),
}


class Commands:
    """Carry out commands, one at a time, and answer each."""

    def __init__(
        self, coordinator: GreenApiCoordinator, answer: Callable[[str], None]
    ) -> None:
        """Take whose instance it is, and what takes the payloads of `response`."""
        self._coordinator = coordinator
        self._answer = answer
        self._waiting: asyncio.Queue[tuple[str, str | None, Order]] = asyncio.Queue(
            MOST_WAITING
        )

    @callback
    def take(self, name: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001  as it comes from the broker
        """Take a command as it came; what cannot be done is answered at once."""
        content = _content(payload)
        transaction = _transaction(content)
        error: str | None = None
        if retained:
            # It would be carried out again with every connection.
            error = RETAINED
        elif name not in _SCHEMAS:
            error = UNKNOWN_COMMAND
        elif content is None or not _is_valid(Action(name), content):
            error = INVALID_PAYLOAD
        else:
            order = self._order(Action(name), content)
            try:
                self._waiting.put_nowait((name, transaction, order))
            except asyncio.QueueFull:
                error = BUSY
        if error is not None:
            known = name if name in _SCHEMAS else ""
            self._answer(response(known, error, transaction))

    async def run(self) -> None:
        """Carry out what comes, until cancelled."""
        while True:
            name, transaction, order = await self._waiting.get()
            error = await self._carry_out(name, order)
            self._answer(response(name, error, transaction))

    async def _carry_out(self, name: str, order: Order) -> str | None:
        """Return None, or the word for what went wrong."""
        try:
            await order()
        except HomeAssistantError as err:
            return err.translation_key or FAILED
        except Exception:  # noqa: BLE001  the next command is to be heard
            LOGGER.exception("Unexpected error while carrying out %s", name)
            return FAILED
        return None

    def _order(self, action: Action, content: dict[str, Any]) -> Order:
        coordinator = self._coordinator
        if action is Action.SEND_PASSWORD:
            return lambda: async_send_password(coordinator, content[_PASSWORD])
        return {
            Action.LOGIN: coordinator.async_request_login,
            Action.LOGOUT: coordinator.async_logout,
            Action.REBOOT: coordinator.async_reboot,
        }[action]


def _content(payload: bytes) -> dict[str, Any] | None:
    """Return the object of a payload, None where it is none.

    An empty payload is none: it is how a retained command is removed, and must not
    carry it out.
    """
    if len(payload) > LARGEST_PAYLOAD:
        return None
    try:
        content = json_loads(payload)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _transaction(content: dict[str, Any] | None) -> str | None:
    """Return the transaction, also of a command that is not valid otherwise."""
    try:
        return _text(64)((content or {}).get(_TRANSACTION))
    except vol.Invalid:
        return None


def _is_valid(action: Action, content: dict[str, Any]) -> bool:
    try:
        _SCHEMAS[action](content)
    except vol.Invalid:
        return False
    return True
