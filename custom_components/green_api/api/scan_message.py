"""The messages about a login QR; the same shape by HTTP and by WebSocket."""

from base64 import b64decode
import binascii
from typing import Final

from .errors import UnexpectedAnswer
from .models import (
    AlreadyAuthorized,
    CodeReceived,
    PasswordRequired,
    ScanEvent,
    ScanFailed,
    ScanFailure,
)

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_DATA_URI: Final = "data:image/png;base64,"

_FAILURES: Final = {
    "timeout": ScanFailure.MESSENGER_UNREACHABLE,
    "not_ready": ScanFailure.NOT_READY,
    "connection_closed": ScanFailure.CONNECTION_CLOSED,
}
_NEEDS_LOGOUT: Final = "instance has auth"


def parse_scan_message(message: object) -> ScanEvent:
    """Return the event of a message `{"type": …, "message": …}`.

    Raises UnexpectedAnswer for another shape, an unknown type, or a code that
    is no PNG.
    """
    match message:
        case {"type": "qrCode", "message": str(code)}:
            return CodeReceived(_decode_png(code))
        case {"type": "alreadyLogged" | "already_registered"}:
            return AlreadyAuthorized()
        case {"type": "pendingPassword" | "pending_password"}:
            return PasswordRequired()
        case {"type": "error", "message": str(text)}:
            return ScanFailed(_failure(text))
    raise UnexpectedAnswer


def _failure(text: str) -> ScanFailure:
    plain = text.strip().lower()
    if plain.startswith(_NEEDS_LOGOUT):
        return ScanFailure.NEEDS_LOGOUT
    return _FAILURES.get(plain, ScanFailure.OTHER)


def _decode_png(code: str) -> bytes:
    try:
        png = b64decode(code.removeprefix(_DATA_URI), validate=True)
    except binascii.Error, ValueError:
        raise UnexpectedAnswer from None
    if not png.startswith(_PNG_SIGNATURE):
        raise UnexpectedAnswer
    return png
