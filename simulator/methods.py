"""The methods of the vendor API that answer in JSON."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .errors import RejectedError
from .faults import Faults, QrAnswer, StateAnswer
from .messenger import Messenger, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .instance import Instance

type Answer = dict[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of the vendor API."""

    answer: Callable[[Instance, Faults], Answer]
    verb: str = "GET"
    per_second: int = 1
    """The documented limit of requests per second and instance."""
    messengers: frozenset[Messenger] = frozenset(Messenger)
    """Instances of other messengers answer 404."""


def _get_state_instance(instance: Instance, faults: Faults) -> Answer:
    fault = faults.take((StateAnswer,), instance.id_instance, "getStateInstance")
    state = fault.state if fault else instance.state
    return None if state is None else {"stateInstance": state}


def _qr(instance: Instance, faults: Faults) -> Answer:
    if fault := faults.take((QrAnswer,), instance.id_instance, "qr"):
        message = {} if fault.message is None else {"message": fault.message}
        return {"type": fault.type, **message}
    return _qr_by_state(instance)


def _qr_by_state(instance: Instance) -> Answer:
    profile = instance.messenger.profile
    match instance.state:
        case State.NOT_AUTHORIZED:
            return _code(instance)
        case State.PENDING_PASSWORD if profile.two_factor:
            return dict(profile.password_answer)
        case State.BLOCKED:
            # Not documented: what the vendor says of credentials gone bad.
            if instance.messenger is Messenger.WHATSAPP:
                return asdict(QrAnswer.log_out_first())
            return {"type": "error", "message": "connection_closed"}
        case None | State.STARTING:
            msg = "instance in starting process try later"
            raise RejectedError(msg)
        case state if state.linked:
            text = "instance account already authorized"
            return {"type": profile.already_type, "message": text}
        case _:
            return {"type": "error", "message": "not_ready"}


def _code(instance: Instance) -> Answer:
    if code := instance.request_code():
        return {"type": "qrCode", "message": code.base64}
    if instance.messenger is Messenger.WHATSAPP:
        # Only Telegram and MAX have a word for it.
        msg = "instance in starting process try later"
        raise RejectedError(msg)
    return {"type": "error", "message": "not_ready"}


def _logout(instance: Instance, _faults: Faults) -> Answer:
    instance.logout()
    return {"isLogout": True}


def _reboot(instance: Instance, _faults: Faults) -> Answer:
    instance.reboot()
    return {"isReboot": True}


def _get_settings(instance: Instance, _faults: Faults) -> Answer:
    return {
        "wid": instance.account.wid if _linked(instance) else "",
        "typeInstance": instance.messenger,
        **asdict(instance.settings),
    }


def _get_wa_settings(instance: Instance, _faults: Faults) -> Answer:
    phone = instance.account.phone if _linked(instance) else ""
    return {
        "avatar": f"https://avatars.invalid/{phone}.jpg" if phone else "",
        "phone": phone,
        "stateInstance": instance.state,
        "deviceId": f"{phone}:8@s.whatsapp.net" if phone else "",
    }


def _get_account_settings(instance: Instance, _faults: Faults) -> Answer:
    linked, until = _linked(instance), instance.suspended_until
    return {
        "avatar": "",
        "phone": instance.account.phone if linked else "",
        "stateInstance": instance.state,
        "chatId": instance.account.wid if linked else "",
        "suspendedUntil": int(until.timestamp()) if until else None,
    }


def _linked(instance: Instance) -> bool:
    return instance.state is not None and instance.state.linked


METHODS = {
    "getStateInstance": Method(answer=_get_state_instance),
    "qr": Method(answer=_qr, per_second=3),
    "logout": Method(answer=_logout),
    "reboot": Method(answer=_reboot),
    "getSettings": Method(answer=_get_settings),
    "getWaSettings": Method(
        answer=_get_wa_settings, messengers=frozenset({Messenger.WHATSAPP})
    ),
    "getAccountSettings": Method(
        answer=_get_account_settings,
        messengers=frozenset({Messenger.TELEGRAM, Messenger.MAX}),
    ),
}
"""Spelled with a small first letter; callers may use a capital too."""
