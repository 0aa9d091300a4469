"""The messages about a login QR; the same shape by HTTP and by WebSocket."""

from base64 import b64decode
import binascii
from typing import Final

from .account import parse_account_data
from .cloud_text import clean_text
from .errors import UnexpectedAnswer
from .models import (
    AccountLinked,
    AlreadyAuthorized,
    CodeReceived,
    PasswordRequired,
    ScanEvent,
    ScanFailed,
    ScanFailure,
    ScanTimedOut,
)

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_DATA_URI: Final = "data:image/png;base64,"

# Types whose message tells nothing more. Where there are two, the documents, or
# what users have seen, differ.
_PLAIN: Final[dict[str, ScanEvent]] = {
    "alreadyLogged": AlreadyAuthorized(),
    "already_registered": AlreadyAuthorized(),
    "passkeyRequired": ScanFailed(ScanFailure.PASSKEY_REQUIRED),
    "passkey_required": ScanFailed(ScanFailure.PASSKEY_REQUIRED),
    "pendingPassword": PasswordRequired(),
    "pending_password": PasswordRequired(),
    "timeout": ScanTimedOut(),
    "timeoutExpired": ScanTimedOut(),
}

_FAILURES: Final = {
    "timeout": ScanFailure.MESSENGER_UNREACHABLE,
    "not_ready": ScanFailure.NOT_READY,
    "connection_closed": ScanFailure.CONNECTION_CLOSED,
}
_NEEDS_LOGOUT: Final = "instance has auth"


def parse_scan_message(message: object, *, token: str) -> ScanEvent:
    """Return the event of a message `{"type": …, "message": …}`.

    Only accountData comes without a message. The token is what an unknown text
    must not repeat. Raises UnexpectedAnswer for another shape, an unknown type,
    or a code that is no PNG.
    """
    match message:
        case {"type": "qrCode", "message": str(code)}:
            return CodeReceived(_decode_png(code))
        case {"type": "error", "message": str(text)}:
            return _failure(text, token)
        case {"type": "accountData", **account}:
            return AccountLinked(parse_account_data(account))
        case {"type": str(kind)} if kind in _PLAIN:
            return _PLAIN[kind]
    raise UnexpectedAnswer


def _failure(text: str, token: str) -> ScanFailed:
    plain = text.strip().lower()
    if plain.startswith(_NEEDS_LOGOUT):
        return ScanFailed(ScanFailure.NEEDS_LOGOUT)
    if reason := _FAILURES.get(plain):
        return ScanFailed(reason)
    return ScanFailed(ScanFailure.OTHER, clean_text(text, token=token) or None)


def _decode_png(code: str) -> bytes:
    try:
        png = b64decode(code.removeprefix(_DATA_URI), validate=True)
    except binascii.Error, ValueError:
        raise UnexpectedAnswer from None
    if not png.startswith(_PNG_SIGNATURE):
        raise UnexpectedAnswer
    return png
