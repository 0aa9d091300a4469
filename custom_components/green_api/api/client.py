"""The requests to one instance over HTTP."""

import asyncio
from contextlib import aclosing
from http import HTTPStatus
import json
from socket import gaierror
from ssl import SSLCertVerificationError
from typing import Any, Final

import httpx

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
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    TimedOut,
    TokenRejected,
    UnexpectedAnswer,
)
from .limiter import RateLimiter
from .models import Account, Messenger, ScanEvent, Settings, StateReading, to_word
from .scan_message import parse_scan_message

CONNECT_TIMEOUT: Final = 10.0
ANSWER_TIMEOUT: Final = 15.0

# The cloud may hold a request for a code for 60 s and then answer 504.
CODE_TIMEOUT: Final = 65.0

# The largest documented answer is a QR of some kilobytes.
LARGEST_ANSWER: Final = 512 * 1024

_STATUSES_WITH_BODY: Final = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)
_QUOTA_EXCEEDED: Final = 466
_CLIENT_GONE: Final = 499
_STATUS_ERRORS: Final[dict[int, type[GreenApiError]]] = {
    HTTPStatus.UNAUTHORIZED: TokenRejected,
    HTTPStatus.FORBIDDEN: InstanceRejected,
    HTTPStatus.NOT_FOUND: RequestRejected,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    _QUOTA_EXCEEDED: QuotaExceeded,
    _CLIENT_GONE: CloudFailed,
}


class GreenApiClient:
    """Ask the cloud about one instance, and tell it what to do.

    The HTTP client is the caller's: it is neither configured nor closed here.
    Every method raises a GreenApiError, and nothing else, when it fails.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        api_url: str,
        id_instance: str,
        api_token_instance: str,
        limiter: RateLimiter | None = None,
    ) -> None:
        """Take the parts of the address as `address` has cleaned them.

        Clients of one instance have to share a limiter.
        """
        self.id_instance = id_instance
        self._http = http
        self._base = f"{api_url}/waInstance{id_instance}"
        self._token = api_token_instance
        self._limiter = limiter or RateLimiter()

    async def get_state_instance(self) -> StateReading:
        """Return the state; UNKNOWN while a new instance gives none."""
        match await self._request("getStateInstance"):
            case None | {"stateInstance": None}:
                return StateReading("unknown")
            case {"stateInstance": str(word)}:
                return StateReading(to_word(word) or "unknown")
        raise UnexpectedAnswer

    async def get_qr(self) -> ScanEvent:
        """Return what the cloud says to a request for a login QR.

        May take CODE_TIMEOUT seconds.
        """
        answer = await self._request("qr", limit=CODE_TIMEOUT)
        return parse_scan_message(answer)

    async def logout(self) -> None:
        """Unlink the instance from its messenger account."""
        await self._order("logout", "isLogout")

    async def reboot(self) -> None:
        """Restart the instance; takes up to five minutes."""
        await self._order("reboot", "isReboot")

    async def get_settings(self) -> Settings:
        """Return the messenger and account that the settings tell."""
        match await self._request("getSettings"):
            case dict(answer):
                return Settings(
                    messenger=Messenger.from_wire(answer.get("typeInstance")),
                    wid=_text_or_none(answer.get("wid")),
                )
        raise UnexpectedAnswer

    async def get_account(self, messenger: Messenger) -> Account | None:
        """Return the linked account, None when there is none.

        Source: getWaSettings for WhatsApp, getAccountSettings for the others.
        """
        whatsapp = messenger is Messenger.WHATSAPP
        method = "getWaSettings" if whatsapp else "getAccountSettings"
        match await self._request(method):
            case dict(answer):
                phone = _text_or_none(answer.get("phone"))
                return Account(phone) if phone else None
        raise UnexpectedAnswer

    async def _order(self, method: str, confirmation: str) -> None:
        match await self._request(method):
            case dict(answer) if answer.get(confirmation) is True:
                return
            case dict():
                raise RequestRejected
        raise UnexpectedAnswer

    async def _request(self, method: str, *, limit: float = ANSWER_TIMEOUT) -> Any:
        """Return the JSON of a method's answer, or raise a GreenApiError."""
        await self._limiter.wait(method)
        try:
            async with asyncio.timeout(limit):
                status, body = await self._exchange(method, limit)
        except TimeoutError, httpx.TimeoutException:
            raise TimedOut from None
        except httpx.ConnectError as err:
            raise _connect_failure(err) from None
        except httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError:
            raise ConnectionFailed from None
        finally:
            self._limiter.done(method)
        if status == HTTPStatus.OK:
            return _parse(body)
        if status == HTTPStatus.BAD_REQUEST:
            raise _refusal(body)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CloudFailed
        raise _STATUS_ERRORS.get(status, UnexpectedAnswer)

    async def _exchange(self, method: str, limit: float) -> tuple[int, bytes]:
        # Redirects are not followed: the token would go wherever they point.
        async with self._http.stream(
            "GET",
            f"{self._base}/{method}/{self._token}",
            timeout=httpx.Timeout(limit, connect=CONNECT_TIMEOUT),
            follow_redirects=False,
        ) as response:
            if response.status_code not in _STATUSES_WITH_BODY:
                return response.status_code, b""
            body = bytearray()
            async with aclosing(response.aiter_bytes()) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        raise UnexpectedAnswer
            return response.status_code, bytes(body)


def _connect_failure(err: BaseException) -> ConnectionFailed:
    """Tell from the causes of a failed connection what stood in the way."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, gaierror):
            return HostNotFound()
        if isinstance(cause, SSLCertVerificationError):
            return CertificateRejected()
        cause = cause.__cause__ or cause.__context__
    return ConnectionFailed()


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError, RecursionError:
        raise UnexpectedAnswer from None


def _refusal(body: bytes) -> GreenApiError:
    """Tell from the message of a 400 what was refused."""
    try:
        answer = _parse(body)
    except UnexpectedAnswer:
        return RequestRejected()
    message = str(answer.get("message", "") if isinstance(answer, dict) else "").lower()
    if "expired" in message:
        return InstanceExpired()
    if "deleted" in message:
        return InstanceDeleted()
    if "starting" in message:
        return InstanceNotReady()
    return RequestRejected()


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
