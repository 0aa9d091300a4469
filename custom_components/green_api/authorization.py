"""The ways to link an account without a QR: by phone number and by password.

A code that is asked for again while the last one can be entered drives an instance
to `starting`, or sends nothing. Such a repeat is refused here, with the time left.
The times belong to the instance and outlive a reload of its entry. Where it is not
sure that no code was given, it counts as given.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil
import re
from typing import Final

from homeassistant.core import callback
from homeassistant.util.hass_dict import HassKey

from .api.errors import (
    AttemptsExceeded,
    AuthorizationNotStarted,
    AuthorizationRefused,
    ConnectionFailed,
    GreenApiError,
    TimeLimitExpired,
)
from .api.models import InstanceState, Messenger
from .const import DOMAIN, PAIRING_CODE_LIFE, PHONE_CODE_LIFE
from .coordinator import GreenApiCoordinator
from .moments import Action
from .problems import pause_after, translated_error
from .snapshot import LoginPhase

_SEPARATORS: Final = re.compile(r"[\s\u200b-\u200f\u2060-\u2069\ufeff-]")

_PAIRING: Final = "pairing_code_alive"
_PHONE: Final = "phone_code_alive"
_ATTEMPTS: Final = "attempts_exceeded"
_TOO_SOON: Final = "too_soon"

_BLOCKED_UNTIL: Final[HassKey[dict[tuple[str, str], float]]] = HassKey(
    f"{DOMAIN}_blocked_until"
)


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """Hold a code that a person enters on the phone."""

    code: str = field(repr=False)
    expires_at: datetime


async def async_get_pairing_code(
    coordinator: GreenApiCoordinator, phone_number: int
) -> IssuedCode:
    """Return a code that links WhatsApp when it is entered on the phone.

    Raises a translated HomeAssistantError.
    """
    with coordinator.reported(Action.GET_PAIRING_CODE):
        _require(coordinator, Messenger.WHATSAPP)
        await _require_unlinked(coordinator)
        _refuse_repeat(coordinator, _PAIRING, _TOO_SOON)
        answer, expires_at = await _ask_for_code(
            coordinator,
            partial(coordinator.client.get_authorization_code, phone_number),
            _PAIRING,
            PAIRING_CODE_LIFE,
        )
    return IssuedCode(answer.code, expires_at)


async def async_start_phone_login(
    coordinator: GreenApiCoordinator, phone_number: int
) -> datetime:
    """Let the messenger send a code to the phone; return when it is over.

    Raises a translated HomeAssistantError.
    """
    with coordinator.reported(Action.START_PHONE_LOGIN):
        _require(coordinator, Messenger.TELEGRAM, Messenger.MAX)
        await _require_unlinked(coordinator)
        _refuse_repeat(coordinator, _PHONE, _ATTEMPTS, _TOO_SOON)
        _, expires_at = await _ask_for_code(
            coordinator,
            partial(coordinator.client.start_authorization, phone_number),
            _PHONE,
            PHONE_CODE_LIFE,
        )
    return expires_at


async def async_send_code(
    coordinator: GreenApiCoordinator, code: str, password: str | None = None
) -> None:
    """Enter the code that the messenger sent; raises a HomeAssistantError.

    Blanks and dashes in it are left out.
    """
    request = partial(
        coordinator.client.send_authorization_code, clean_code(code), password
    )
    with coordinator.reported(Action.SEND_CODE):
        _require(coordinator, Messenger.TELEGRAM, Messenger.MAX)
        _refuse_repeat(coordinator, _ATTEMPTS, _TOO_SOON)
        await _attempt(coordinator, request)


async def async_send_password(coordinator: GreenApiCoordinator, password: str) -> None:
    """Enter the two-factor password; raises a translated HomeAssistantError."""
    request = partial(coordinator.client.send_authorization_password, password)
    with coordinator.reported(Action.SEND_PASSWORD):
        _require(coordinator, Messenger.TELEGRAM, Messenger.MAX)
        if not wants_password(coordinator):
            await coordinator.async_ask_state()
        if not wants_password(coordinator):
            obstacle = coordinator.obstacle_to_login
            raise obstacle or translated_error("no_password_wanted")
        _refuse_repeat(coordinator, _ATTEMPTS, _TOO_SOON)
        await _attempt(coordinator, request)


@callback
def async_forget_used_codes(coordinator: GreenApiCoordinator) -> None:
    """Allow another code once the instance has been linked, until the unload."""

    @callback
    def forget() -> None:
        if coordinator.data.state is InstanceState.AUTHORIZED:
            for kind in (_PAIRING, _PHONE):
                _block(coordinator, kind, 0.0)

    # It may have been linked in the dialog of its set-up.
    forget()
    coordinator.config_entry.async_on_unload(coordinator.async_add_listener(forget))


def clean_code(typed: str) -> str:
    """Return a code without what messengers and people put between its groups."""
    return _SEPARATORS.sub("", typed)


def wants_password(coordinator: GreenApiCoordinator) -> bool:
    """Return whether the instance waits for a two-factor password.

    WhatsApp has none, and no method that would take one.
    """
    data = coordinator.data
    return coordinator.messenger is not Messenger.WHATSAPP and (
        data.state is InstanceState.PENDING_PASSWORD
        or data.login.phase is LoginPhase.PASSWORD
    )


def _require(coordinator: GreenApiCoordinator, *messengers: Messenger) -> None:
    if coordinator.messenger not in messengers:
        raise translated_error(
            "not_for_messenger", messenger=coordinator.messenger.label
        )


async def _require_unlinked(coordinator: GreenApiCoordinator) -> None:
    await coordinator.async_ask_state()
    if (error := coordinator.obstacle_to_login) is not None:
        raise error


def _refuse_repeat(coordinator: GreenApiCoordinator, *kinds: str) -> None:
    for kind in kinds:
        if (left := _left(coordinator, kind)) > 0:
            raise translated_error(kind, seconds=str(ceil(left)))


def _left(coordinator: GreenApiCoordinator, kind: str) -> float:
    key = coordinator.client.id_instance, kind
    now = coordinator.hass.loop.time()
    return _blocked_until(coordinator).get(key, now) - now


async def _ask_for_code[T](
    coordinator: GreenApiCoordinator,
    request: Callable[[], Awaitable[T]],
    kind: str,
    life: timedelta,
) -> tuple[T, datetime]:
    """Return the answer, and when the code is over that it is about."""

    def hold() -> datetime:
        _block(coordinator, kind, life.total_seconds())
        return coordinator.login.hold(life)

    async def ask() -> tuple[T, datetime]:
        try:
            answer = await request()
        except GreenApiError as err:
            if _is_sure(err):
                _block(coordinator, kind, 0.0)
                coordinator.login.release(resume=was_active)
            _take_pause(coordinator, err)
            raise
        return answer, hold()

    was_active = coordinator.login.active
    # Before the answer too: nobody else is to ask, and a QR would spoil the code.
    hold()
    return await coordinator.async_act(ask)


async def _attempt(
    coordinator: GreenApiCoordinator, request: Callable[[], Awaitable[None]]
) -> None:
    async def attempt() -> None:
        try:
            await request()
        except GreenApiError as err:
            _take_pause(coordinator, err)
            if isinstance(err, (AuthorizationNotStarted, TimeLimitExpired)):
                _forget_phone_login(coordinator)
            # A code may have been right, and the password beside it wrong.
            coordinator.suspect_state()
            raise

    await coordinator.async_act(attempt)


def _forget_phone_login(coordinator: GreenApiCoordinator) -> None:
    """Take it that the code that was sent is of no use, and nobody waits for it."""
    _block(coordinator, _PHONE, 0.0)
    if coordinator.data.login.phase is LoginPhase.PHONE_CODE:
        coordinator.login.release(resume=True)


def _is_sure(err: GreenApiError) -> bool:
    """Return whether no code can be on its way after a failure."""
    return err.unsent or not isinstance(err, ConnectionFailed)


def _take_pause(coordinator: GreenApiCoordinator, err: GreenApiError) -> None:
    """Keep the wait that a refusal asks for."""
    if not isinstance(err, AuthorizationRefused):
        return
    if (seconds := pause_after(err)) is not None:
        kind = _ATTEMPTS if isinstance(err, AttemptsExceeded) else _TOO_SOON
        _block(coordinator, kind, seconds)


def _block(coordinator: GreenApiCoordinator, kind: str, seconds: float) -> None:
    until = coordinator.hass.loop.time() + seconds
    _blocked_until(coordinator)[coordinator.client.id_instance, kind] = until


def _blocked_until(coordinator: GreenApiCoordinator) -> dict[tuple[str, str], float]:
    return coordinator.hass.data.setdefault(_BLOCKED_UNTIL, {})
