"""What an instance says to whoever wants a QR."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from .errors import RejectedError
from .faults import QrAnswer
from .messenger import Messenger, State

if TYPE_CHECKING:
    from .instance import Instance


def answer_qr(instance: Instance) -> dict[str, object]:
    """Return ``type`` and ``message`` by the state. Raises RejectedError."""
    if instance.state is State.NOT_AUTHORIZED and not instance.stale_credentials:
        return _code(instance)
    return answer_without_code(instance)


def answer_without_code(instance: Instance) -> dict[str, object]:
    """Return why there is no code, by the state. Raises RejectedError."""
    profile = instance.messenger.profile
    match instance.state:
        case State.PENDING_PASSWORD if profile.two_factor:
            return dict(profile.password_answer)
        case State.NOT_AUTHORIZED | State.BLOCKED:
            # For blocked this is not documented: it takes the credentials too.
            if instance.messenger is Messenger.WHATSAPP:
                return asdict(QrAnswer.log_out_first())
            return {"type": "error", "message": "connection_closed"}
        case None | State.STARTING:
            raise _starting()
        case state if state.linked:
            text = "instance account already authorized"
            return {"type": profile.already_type, "message": text}
        case _:
            return {"type": "error", "message": "not_ready"}


def _code(instance: Instance) -> dict[str, object]:
    if code := instance.request_code():
        return {"type": "qrCode", "message": code.base64}
    if instance.messenger is Messenger.WHATSAPP:
        # Only Telegram and MAX have a word for it.
        raise _starting()
    return {"type": "error", "message": "not_ready"}


def _starting() -> RejectedError:
    msg = "instance in starting process try later"
    return RejectedError(msg)
