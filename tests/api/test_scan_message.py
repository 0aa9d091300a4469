"""Every message about a login QR has its event."""

from base64 import b64encode

import pytest

from custom_components.green_api.api.errors import UnexpectedAnswer
from custom_components.green_api.api.models import (
    Account,
    AccountLinked,
    AlreadyAuthorized,
    CodeReceived,
    PasswordRequired,
    ScanEvent,
    ScanFailed,
    ScanFailure,
    ScanTimedOut,
)
from custom_components.green_api.api.scan_message import parse_scan_message

_PNG = b"\x89PNG\r\n\x1a\n and the rest"
_TOKEN = "shorttok"
_BASE64 = b64encode(_PNG).decode()


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"type": "qrCode", "message": _BASE64}, CodeReceived(_PNG)),
        (
            {"type": "qrCode", "message": f"data:image/png;base64,{_BASE64}"},
            CodeReceived(_PNG),
        ),
        (
            {"type": "qrCode", "message": _BASE64, "more": {"later": 1}},
            CodeReceived(_PNG),
        ),
        (
            {
                "type": "alreadyLogged",
                "message": "instance account already authorized",
            },
            AlreadyAuthorized(),
        ),
        ({"type": "alreadyLogged"}, AlreadyAuthorized()),
        ({"type": "already_registered", "message": None}, AlreadyAuthorized()),
        (
            {"type": "pendingPassword", "message": "2FA password required"},
            PasswordRequired(),
        ),
        ({"type": "pending_password"}, PasswordRequired()),
        (
            {
                "type": "error",
                "message": "Instance has auth. You need to make log out",
            },
            ScanFailed(ScanFailure.NEEDS_LOGOUT),
        ),
        (
            {"type": "error", "message": " INSTANCE HAS AUTH "},
            ScanFailed(ScanFailure.NEEDS_LOGOUT),
        ),
        (
            {"type": "error", "message": "timeout"},
            ScanFailed(ScanFailure.MESSENGER_UNREACHABLE),
        ),
        (
            {"type": "error", "message": "not_ready"},
            ScanFailed(ScanFailure.NOT_READY),
        ),
        (
            {"type": "error", "message": "Not_Ready\n"},
            ScanFailed(ScanFailure.NOT_READY),
        ),
        (
            {"type": "error", "message": "connection_closed"},
            ScanFailed(ScanFailure.CONNECTION_CLOSED),
        ),
        ({"type": "error", "message": ""}, ScanFailed(ScanFailure.OTHER)),
        ({"type": "error", "message": " \n"}, ScanFailed(ScanFailure.OTHER)),
        (
            {"type": "error", "message": "no timeout at all"},
            ScanFailed(ScanFailure.OTHER, "no timeout at all"),
        ),
        (
            {"type": "error", "message": f"bad\n{_TOKEN} at waInstance1/qr/x"},
            ScanFailed(ScanFailure.OTHER, "bad *** at ***"),
        ),
        ({"type": "timeout", "message": "timeout"}, ScanTimedOut()),
        ({"type": "timeoutExpired", "message": "timeoutExpired"}, ScanTimedOut()),
        ({"type": "timeout"}, ScanTimedOut()),
        (
            {"type": "passkeyRequired"},
            ScanFailed(ScanFailure.PASSKEY_REQUIRED),
        ),
        (
            {"type": "passkey_required", "message": "use a passkey"},
            ScanFailed(ScanFailure.PASSKEY_REQUIRED),
        ),
        (
            {
                "type": "accountData",
                "wid": "79001234567@c.us",
                "pushname": "Anna",
                "proxy": "10.0.0.1",
                "webhookUrl": "https://example.invalid/hook",
            },
            AccountLinked(Account(wid="79001234567@c.us", name="Anna")),
        ),
        ({"type": "accountData"}, AccountLinked(Account())),
    ],
)
def test_a_message_is_understood(message: object, event: ScanEvent) -> None:
    assert parse_scan_message(message, token=_TOKEN) == event


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "qrCode",
        5,
        {},
        {"message": _BASE64},
        {"type": None, "message": _BASE64},
        {"type": "QRCODE", "message": _BASE64},
        {"type": "TimeoutExpired", "message": "timeoutExpired"},
        {"type": "alreadylogged"},
        {"type": "accountdata", "wid": "1@c.us"},
        {"type": ["timeout"]},
        {"type": {"type": "timeout"}},
        {"type": "qrCode"},
        {"type": "qrCode", "message": None},
        {"type": "qrCode", "message": [_BASE64]},
        {"type": "qrCode", "message": ""},
        {"type": "qrCode", "message": "====="},
        {"type": "qrCode", "message": _BASE64 + "!"},
        {"type": "qrCode", "message": _BASE64[:-1]},
        {"type": "qrCode", "message": "é"},
        {"type": "qrCode", "message": "\ud800"},
        {"type": "qrCode", "message": f"data:image/svg+xml;base64,{_BASE64}"},
        {"type": "qrCode", "message": b64encode(b"GIF89a").decode()},
        {"type": "qrCode", "message": b64encode(_PNG[1:]).decode()},
        {"type": "error"},
        {"type": "error", "message": None},
        {"type": "error", "message": {"text": "timeout"}},
    ],
)
def test_any_other_message_is_unexpected(message: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_scan_message(message, token=_TOKEN)
