"""What an answer, or its absence, says of a request, by whatever way it came."""

from http import HTTPStatus
import json
from socket import gaierror
from ssl import SSLCertVerificationError
from typing import Any, Final

import aiohttp
import httpx

from .authorization import find_refusal
from .errors import (
    CertificateRejected,
    CloudFailed,
    ConnectionFailed,
    GreenApiError,
    HostNotFound,
    InstanceDeleted,
    InstanceExpired,
    InstanceNotReady,
    InstanceRejected,
    MethodNotAvailable,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    TimedOut,
    TokenRejected,
    UnexpectedAnswer,
    ValidationFailed,
    WebhookIsSet,
)

CONNECT_TIMEOUT: Final = 10.0
ANSWER_TIMEOUT: Final = 15.0

# The largest documented answer is a QR of some kilobytes.
LARGEST_ANSWER: Final = 512 * 1024

_QUOTA_EXCEEDED: Final = 466
_CLIENT_GONE: Final = 499
_STATUS_ERRORS: Final[dict[int, type[GreenApiError]]] = {
    HTTPStatus.UNAUTHORIZED: TokenRejected,
    HTTPStatus.FORBIDDEN: InstanceRejected,
    HTTPStatus.NOT_FOUND: MethodNotAvailable,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    _QUOTA_EXCEEDED: QuotaExceeded,
    _CLIENT_GONE: CloudFailed,
}

# What the message of a 400 holds, the first match counts.
_REFUSALS: Final[tuple[tuple[str, type[GreenApiError]], ...]] = (
    ("validation failed", ValidationFailed),
    # Of receiveNotification; the words are not documented.
    ("webhook url is set", WebhookIsSet),
    ("expired", InstanceExpired),
    ("deleted", InstanceDeleted),
    ("starting", InstanceNotReady),
)


def parse_json(text: bytes | str) -> Any:
    """Return the value of a JSON text; raises UnexpectedAnswer."""
    try:
        return json.loads(text)
    except ValueError, RecursionError:
        raise UnexpectedAnswer from None


def status_error(status: int, body: bytes = b"") -> GreenApiError:
    """Return the error of a status that is no success; only a 400 needs its body."""
    if status == HTTPStatus.BAD_REQUEST:
        return _refusal(body)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CloudFailed()
    return _STATUS_ERRORS.get(status, UnexpectedAnswer)()


def connect_failure(err: BaseException) -> ConnectionFailed:
    """Tell from the causes of a failed connection what stood in the way."""
    failure = _find_cause(err)
    failure.unsent = True
    return failure


def _find_cause(err: BaseException) -> ConnectionFailed:
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, gaierror | aiohttp.ClientConnectorDNSError):
            return HostNotFound()
        if isinstance(cause, SSLCertVerificationError):
            return CertificateRejected()
        if isinstance(cause, httpx.ConnectTimeout | httpx.PoolTimeout):
            return TimedOut()
        cause = cause.__cause__ or cause.__context__
    return ConnectionFailed()


def _refusal(body: bytes) -> GreenApiError:
    """Tell from the body of a 400 what was refused."""
    try:
        answer = parse_json(body)
    except UnexpectedAnswer:
        return RequestRejected()
    message = str(answer.get("message", "") if isinstance(answer, dict) else "").lower()
    for words, error in _REFUSALS:
        if words in message:
            return error()
    # A reason is not documented with this status, but would say more.
    return find_refusal(answer) or RequestRejected()
