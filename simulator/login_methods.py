"""The methods that log in without a QR."""

from typing import TYPE_CHECKING

from .authorization import Outcome, Reason
from .faults import AuthorizationAnswer
from .messenger import State

if TYPE_CHECKING:
    from .call import Answer, Call


def get_authorization_code(call: Call) -> Answer:
    """Give a pairing code to type into the phone."""
    code = call.instance.request_pairing_code(call.phone_number())
    return {"status": False} if code is None else {"status": True, "code": code}


def start_authorization(call: Call) -> Answer:
    """Send a code to the phone."""
    phone = call.phone_number()
    outcome = _fault(call) or call.instance.start_authorization(phone)
    return outcome.as_json()


def send_authorization_code(call: Call) -> Answer:
    """Take the code that the phone got."""
    code, password = call.code(), call.text_or_none("password")
    outcome = _fault(call) or call.instance.send_authorization_code(code, password)
    return outcome.as_json()


def send_authorization_password(call: Call) -> Answer:
    """Take the two-factor password."""
    password = call.text("password")
    outcome = _fault(call) or call.instance.send_authorization_password(password)
    return outcome.as_json()


def _fault(call: Call) -> Outcome | None:
    fault = call.take_fault(AuthorizationAnswer)
    if fault is None:
        return None
    over = fault.reason == Reason.TIME_LIMIT_EXPIRED_LOGOUT
    if over and call.instance.state is State.PENDING_PASSWORD:
        call.instance.logout()
    return Outcome.fail(fault.reason, fault.retry_after)
