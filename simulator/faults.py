"""What can go wrong on demand."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
import itertools
from typing import TYPE_CHECKING, ClassVar, Self

from .authorization import Reason
from .errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .changes import Changes


class Body(StrEnum):
    """What stands in the body of a faulty answer."""

    EMPTY = "empty"
    JSON = "json"
    """The vendor's error shape, whose ``path`` holds the token."""
    HTML = "html"
    """A gateway's error page."""
    GARBAGE = "garbage"
    """Bytes that are neither text nor JSON, declared as JSON."""
    TRUNCATED = "truncated"
    """JSON that breaks off in the middle."""
    HUGE = "huge"
    """32 MiB of JSON."""


class Frame(StrEnum):
    """What a faulty frame of a scanqrcode socket is."""

    MALFORMED = "malformed"
    """Text that is no JSON."""
    BINARY = "binary"
    """A binary frame."""
    OVERSIZED = "oversized"
    """8 MiB of JSON."""
    UNKNOWN_TYPE = "unknown_type"
    """A ``type`` that no page names."""
    ERROR = "error"
    """Type ``error`` with a message."""
    NO_MESSAGE = "no_message"
    """Type ``qrCode`` without a message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Base of all faults; ``kind`` is its name in the control API."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """Answer as usual, so many of the clock's seconds later."""

    kind: ClassVar = "delay"
    seconds: float = 10


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """Hold the request so long, then answer 504 with a gateway's HTML page."""

    kind: ClassVar = "hang"
    seconds: float = 60


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Answer with an HTTP status and a kind of body."""

    kind: ClassVar = "status"
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    body: Body = Body.JSON
    message: str = "Internal server error"
    """Stands in a JSON body."""


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """Cut the connection without an answer."""

    kind: ClassVar = "drop"


@dataclass(frozen=True, slots=True)
class QrAnswer(Fault):
    """Answer a qr request with this ``type`` and ``message``, whatever the state."""

    kind: ClassVar = "qr"
    type: str = "error"
    message: str | None = "timeout"
    """None: the answer has no ``message``."""

    @classmethod
    def not_base64(cls) -> Self:
        """Make a code whose picture is no base64."""
        return cls("qrCode", "%%% this is no base64 %%%")

    @classmethod
    def not_png(cls) -> Self:
        """Make a code whose picture is base64, but of no picture."""
        return cls("qrCode", "dGhpcyBpcyBubyBwaWN0dXJl")

    @classmethod
    def log_out_first(cls) -> Self:
        """Make WhatsApp's answer when old credentials are in the way."""
        return cls("error", "Instance has auth. You need to make log out")


@dataclass(frozen=True, slots=True)
class StateAnswer(Fault):
    """Answer a getStateInstance request with this word, or with ``null``."""

    kind: ClassVar = "state"
    state: str | None = "somethingNew"


@dataclass(frozen=True, slots=True)
class Expired(Fault):
    """Answer 400: the instance is not paid for."""

    kind: ClassVar = "expired"


@dataclass(frozen=True, slots=True)
class Deleted(Fault):
    """Answer 400: the instance was deleted."""

    kind: ClassVar = "deleted"


@dataclass(frozen=True, slots=True)
class FrameFault(Fault):
    """Send this in place of the next frame of a scanqrcode socket."""

    kind: ClassVar = "frame"
    what: Frame = Frame.MALFORMED
    message: str = "connection_closed"
    """Stands in a frame of type ``error``."""


@dataclass(frozen=True, slots=True)
class SocketClose(Fault):
    """Close a scanqrcode socket without a word, once it had so many frames."""

    kind: ClassVar = "close"
    after_frames: int = 0
    code: int = 1000
    """1006: the connection is cut, with no close frame."""


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer(Fault):
    """Fail a start or send method of a login by phone, with this reason."""

    kind: ClassVar = "authorization"
    reason: str = Reason.TIMEOUT
    retry_after: int | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class NotificationLost(Fault):
    """Lose a notification on its way."""

    kind: ClassVar = "notification_lost"


KINDS: dict[str, type[Fault]] = {
    fault.kind: fault
    for fault in (
        Delay,
        Hang,
        Status,
        Drop,
        QrAnswer,
        StateAnswer,
        Expired,
        Deleted,
        FrameFault,
        SocketClose,
        AuthorizationAnswer,
        NotificationLost,
    )
}


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault in force."""

    number: int
    fault: Fault
    id_instance: str | None
    """None: every instance, and whoever asks for none that exists."""
    method: str | None
    """None: every method."""
    left: int | None
    """How many requests it will still hit; None: until cleared."""


class Faults:
    """The faults in force, oldest first."""

    def __init__(self, changes: Changes, methods: Collection[str]) -> None:
        """Tell each change to ``changes``; faults may be for these methods."""
        self._changes = changes
        self._methods = methods
        self._numbers = itertools.count(1)
        self._rules: dict[int, Rule] = {}

    def add(
        self,
        fault: Fault,
        *,
        id_instance: str | None = None,
        method: str | None = None,
        count: int | None = None,
    ) -> Rule:
        """Put a fault in force for an instance and method, or for all.

        It hits ``count`` requests, or without one all until it is cleared.
        Raises BadInputError for an unknown method or a count below 1.
        """
        if method is not None and method not in self._methods:
            msg = f"method must be one of {', '.join(self._methods)}"
            raise BadInputError(msg)
        if count is not None and count < 1:
            msg = "count must be at least 1"
            raise BadInputError(msg)
        rule = Rule(
            number=next(self._numbers),
            fault=fault,
            id_instance=id_instance,
            method=method,
            left=count,
        )
        self._rules[rule.number] = rule
        self._changes.notify()
        return rule

    def list(self, id_instance: str | None = None) -> list[Rule]:
        """Return the faults in force, of one instance if given."""
        return [
            rule
            for rule in self._rules.values()
            if id_instance is None or rule.id_instance == id_instance
        ]

    def remove(self, number: int) -> None:
        """Clear one fault. Raises NotFoundError when it is not in force."""
        if self._rules.pop(number, None) is None:
            msg = f"no fault {number} is in force"
            raise NotFoundError(msg)
        self._changes.notify()

    def clear(self, id_instance: str | None = None) -> None:
        """Clear all faults, or those of one instance."""
        for rule in self.list(id_instance):
            del self._rules[rule.number]
        self._changes.notify()

    def take[F: Fault](
        self,
        kinds: tuple[type[F], ...],
        id_instance: str,
        method: str,
        when: Callable[[F], bool] = lambda _fault: True,
    ) -> F | None:
        """Return the oldest fault of these kinds that hits a request; count it.

        Those for which ``when`` is false are passed over.
        """
        for rule in self._rules.values():
            if (
                isinstance(rule.fault, kinds)
                and rule.id_instance in {None, id_instance}
                and rule.method in {None, method}
                and when(rule.fault)
            ):
                if rule.left is not None:
                    rule.left -= 1
                    if not rule.left:
                        del self._rules[rule.number]
                    self._changes.notify()
                return rule.fault
        return None
