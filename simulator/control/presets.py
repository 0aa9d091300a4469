"""The named faults: each one that the vendor's cloud is known for, and then some."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.authorization import Reason
from simulator.errors import BadInputError
from simulator.faults import (
    AuthorizationAnswer,
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Frame,
    FrameFault,
    Hang,
    NotificationLost,
    QrAnswer,
    SocketClose,
    StateAnswer,
    Status,
)
from simulator.messenger import Messenger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QR = ("qr",)
_STATE = ("getStateInstance",)
_SOCKET = ("scanqrcode",)
_LOGIN = ("startAuthorization", "sendAuthorizationCode", "sendAuthorizationPassword")
# Every notification is on its way there, to a webhook too.
_NOTIFICATIONS = ("receiveNotification",)
_STARTING = "instance in starting process try later"
_ALREADY = "instance account already authorized"
_CUT = 1006
_ONLY_MAX = (Reason.ATTEMPTS_EXCEEDED, Reason.TIME_LIMIT_EXPIRED_LOGOUT)
_MAX_WAIT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A fault on offer, to be switched on and off by its name."""

    name: str
    group: str
    """Where the page shows it."""
    title: str
    """What the page calls it."""
    fault: Fault
    """No two presets have the same."""
    methods: tuple[str, ...] | None
    """All that it can hit; None: every method."""
    messengers: frozenset[Messenger]
    """Whose instances it can hit."""


def find_preset(name: str) -> Preset:
    """Return a preset. Raises BadInputError for an unknown name."""
    try:
        return PRESETS[name]
    except KeyError:
        msg = f"preset must be one of {', '.join(PRESETS)}"
        raise BadInputError(msg) from None


def preset_of(fault: Fault) -> Preset | None:
    """Return the preset that has this fault, if there is one."""
    return _BY_FAULT.get(fault)


def _group(
    group: str,
    methods: tuple[str, ...] | None,
    *rows: tuple[str, str, Fault],
    messengers: Iterable[Messenger] = Messenger,
) -> Iterator[Preset]:
    for name, title, fault in rows:
        yield Preset(
            name=name,
            group=group,
            title=title,
            fault=fault,
            methods=methods,
            messengers=frozenset(messengers),
        )


def _refused(message: str) -> Status:
    return Status(400, Body.JSON, message)


def _table() -> Iterator[Preset]:
    yield from _group(
        "The connection",
        None,
        ("cut", "Cuts the connection", Drop()),
        ("slow", "Answers after 10 s", Delay(10)),
        ("slower", "Answers after 60 s", Delay(60)),
        ("hang", "Hangs for 60 s, then 504 with HTML", Hang(60)),
    )
    yield from _group(
        "Refused",
        None,
        ("400-starting", "400 starting, try later", _refused(_STARTING)),
        (
            "400-not-authorized",
            "400 starting or not authorized",
            _refused("instance is starting or not authorized"),
        ),
        ("400-validation", "400 validation failed", _refused("Validation failed")),
        ("400-expired", "400 not paid for", Expired()),
        ("400-deleted", "400 deleted", Deleted()),
        ("401", "401 wrong token", Status(401, Body.EMPTY)),
        ("403", "403 wrong id", Status(403, Body.HTML)),
        ("404", "404 no such method", Status(404, Body.JSON, "Cannot GET")),
        ("429", "429 too often", Status(429, Body.EMPTY)),
        ("466", "466 quota used up", Status(466, Body.JSON)),
    )
    yield from _group(
        "Broken",
        None,
        ("499", "499 closed by the client", Status(499, Body.EMPTY)),
        ("500", "500 with JSON", Status(500, Body.JSON)),
        ("502", "502 with HTML", Status(502, Body.HTML)),
        ("504", "504 with HTML", Status(504, Body.HTML)),
        ("200-empty", "200 with nothing", Status(200, Body.EMPTY)),
        ("200-html", "200 with HTML", Status(200, Body.HTML)),
        ("200-truncated", "200 with broken JSON", Status(200, Body.TRUNCATED)),
        ("200-garbage", "200 with garbage", Status(200, Body.GARBAGE)),
        ("200-huge", "200 with 32 MiB", Status(200, Body.HUGE)),
    )
    yield from _group(
        "QR code by request",
        _QR,
        ("qr-log-out-first", "Error: log out first", QrAnswer.log_out_first()),
        ("qr-timeout", "Error: timeout", QrAnswer("error", "timeout")),
        ("qr-not-ready", "Error: not_ready", QrAnswer("error", "not_ready")),
        (
            "qr-connection-closed",
            "Error: connection_closed",
            QrAnswer("error", "connection_closed"),
        ),
        (
            "qr-unknown-error",
            "Error: a text never seen",
            QrAnswer("error", "rpc error: code = Unavailable"),
        ),
        (
            "qr-already-logged",
            "alreadyLogged, though it is not",
            QrAnswer("alreadyLogged", _ALREADY),
        ),
        (
            "qr-already-registered",
            "already_registered, though it is not",
            QrAnswer("already_registered", _ALREADY),
        ),
        (
            "qr-pendingPassword",
            "pendingPassword",
            QrAnswer("pendingPassword", "2FA password required"),
        ),
        (
            "qr-pending_password",
            "pending_password, no message",
            QrAnswer("pending_password", None),
        ),
        ("qr-passkey", "passkeyRequired", QrAnswer("passkeyRequired", None)),
        ("qr-unknown-type", "A type never seen", QrAnswer("somethingNew", "text")),
        ("qr-no-message", "A code without a message", QrAnswer("qrCode", None)),
        ("qr-not-base64", "A code that is no base64", QrAnswer.not_base64()),
        ("qr-not-png", "A code that is no picture", QrAnswer.not_png()),
    )
    yield from _group(
        "QR code by WebSocket",
        _SOCKET,
        ("frame-malformed", "A frame that is no JSON", FrameFault(Frame.MALFORMED)),
        ("frame-binary", "A binary frame", FrameFault(Frame.BINARY)),
        ("frame-oversized", "A frame of 8 MiB", FrameFault(Frame.OVERSIZED)),
        ("frame-unknown-type", "A type never seen", FrameFault(Frame.UNKNOWN_TYPE)),
        ("frame-no-message", "A frame without a message", FrameFault(Frame.NO_MESSAGE)),
        ("frame-error", "Error: connection_closed", FrameFault(Frame.ERROR)),
        (
            "frame-log-out-first",
            "Error: log out first",
            FrameFault(Frame.ERROR, QrAnswer.log_out_first().message or ""),
        ),
        ("close", "Closes at once", SocketClose()),
        ("close-later", "Closes after one frame", SocketClose(1)),
        ("close-cut", "Is cut at once", SocketClose(0, _CUT)),
        ("close-cut-later", "Is cut after one frame", SocketClose(1, _CUT)),
        messengers=(Messenger.WHATSAPP,),
    )
    yield from _group(
        "State",
        _STATE,
        ("state-unknown", "A word never seen", StateAnswer("somethingNew")),
        ("state-null", "null", StateAnswer(None)),
    )
    yield from _group(
        "Login by phone number and password",
        _LOGIN,
        *(
            (f"login-{reason.replace('_', '-')}", reason, AuthorizationAnswer(reason))
            for reason in Reason
            if reason not in _ONLY_MAX
        ),
        (
            "login-unknown-reason",
            "A reason never seen",
            AuthorizationAnswer("something_new"),
        ),
        messengers=(Messenger.TELEGRAM, Messenger.MAX),
    )
    yield from _group(
        "Login by phone number and password",
        _LOGIN,
        *(
            (
                f"login-{reason.replace('_', '-')}",
                reason,
                AuthorizationAnswer(reason, _MAX_WAIT),
            )
            for reason in _ONLY_MAX
        ),
        messengers=(Messenger.MAX,),
    )
    yield from _group(
        "Notifications",
        _NOTIFICATIONS,
        ("notification-lost", "Get lost", NotificationLost()),
    )


PRESETS: dict[str, Preset] = {preset.name: preset for preset in _table()}
"""By their names, in the order in which the page shows them."""

_BY_FAULT = {preset.fault: preset for preset in PRESETS.values()}
