"""The methods of the vendor API and what they answer."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .errors import BadInputError, ValidationFailedError
from .faults import QrAnswer, StateAnswer
from .login_methods import (
    get_authorization_code,
    send_authorization_code,
    send_authorization_password,
    start_authorization,
)
from .messenger import Messenger
from .qr_answers import answer_qr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .call import Answer, Call
    from .instance import Instance

_WHATSAPP = frozenset({Messenger.WHATSAPP})
_OTHERS = frozenset(Messenger) - _WHATSAPP


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of the vendor API."""

    answer: Callable[[Call], Answer | Awaitable[Answer]] | None
    """None: it is a WebSocket."""
    verb: str = "GET"
    per_second: int = 1
    """The documented limit of requests per second and instance."""
    messengers: frozenset[Messenger] = frozenset(Messenger)
    """Instances of other messengers answer 404."""
    wants_receipt: bool = False
    """The path ends in ``/{receiptId}``."""


def _get_state_instance(call: Call) -> Answer:
    fault = call.take_fault(StateAnswer)
    state = fault.state if fault else call.instance.state
    return None if state is None else {"stateInstance": state}


def _get_status_instance(call: Call) -> Answer:
    return {"statusInstance": "online" if call.instance.online else "offline"}


def _qr(call: Call) -> Answer:
    if fault := call.take_fault(QrAnswer):
        message = {} if fault.message is None else {"message": fault.message}
        return {"type": fault.type, **message}
    return answer_qr(call.instance)


def _logout(call: Call) -> Answer:
    call.instance.logout()
    return {"isLogout": True}


def _reboot(call: Call) -> Answer:
    call.instance.reboot()
    return {"isReboot": True}


def _get_settings(call: Call) -> Answer:
    instance = call.instance
    return {
        "wid": instance.account.wid if _linked(instance) else "",
        "typeInstance": instance.messenger,
        **asdict(instance.settings),
    }


def _set_settings(call: Call) -> Answer:
    call.instance.require_started()
    try:
        call.instance.set_settings(call.fields)
    except BadInputError:
        raise ValidationFailedError from None
    call.instance.reboot()
    return {"saveSettings": True}


def _get_wa_settings(call: Call) -> Answer:
    instance = call.instance
    phone = instance.account.phone if _linked(instance) else ""
    return {
        "avatar": f"https://avatars.invalid/{phone}.jpg" if phone else "",
        "phone": phone,
        "stateInstance": instance.state,
        "deviceId": f"{phone}:8@s.whatsapp.net" if phone else "",
    }


def _get_account_settings(call: Call) -> Answer:
    instance = call.instance
    linked, until = _linked(instance), instance.suspended_until
    return {
        "avatar": "",
        "phone": instance.account.phone if linked else "",
        "stateInstance": instance.state,
        "chatId": instance.account.wid if linked else "",
        "suspendedUntil": int(until.timestamp()) if until else None,
    }


async def _receive_notification(call: Call) -> Answer:
    return await call.instance.notifications.receive(call.query.get("receiveTimeout"))


def _delete_notification(call: Call) -> Answer:
    return call.instance.notifications.delete(call.receipt_id)


def _linked(instance: Instance) -> bool:
    return instance.state is not None and instance.state.linked


METHODS = {
    "getStateInstance": Method(answer=_get_state_instance),
    "getStatusInstance": Method(answer=_get_status_instance, messengers=_WHATSAPP),
    "qr": Method(answer=_qr, per_second=3),
    "scanqrcode": Method(answer=None, messengers=_WHATSAPP),
    "logout": Method(answer=_logout),
    "reboot": Method(answer=_reboot),
    "getAuthorizationCode": Method(
        answer=get_authorization_code, verb="POST", messengers=_WHATSAPP
    ),
    "startAuthorization": Method(
        answer=start_authorization, verb="POST", messengers=_OTHERS
    ),
    "sendAuthorizationCode": Method(
        answer=send_authorization_code, verb="POST", messengers=_OTHERS
    ),
    "sendAuthorizationPassword": Method(
        answer=send_authorization_password, verb="POST", messengers=_OTHERS
    ),
    "getSettings": Method(answer=_get_settings),
    "setSettings": Method(answer=_set_settings, verb="POST"),
    "getWaSettings": Method(answer=_get_wa_settings, messengers=_WHATSAPP),
    "getAccountSettings": Method(answer=_get_account_settings, messengers=_OTHERS),
    "receiveNotification": Method(answer=_receive_notification, per_second=100),
    "deleteNotification": Method(
        answer=_delete_notification, verb="DELETE", per_second=100, wants_receipt=True
    ),
}
"""Spelled with a small first letter; callers may use a capital too."""
