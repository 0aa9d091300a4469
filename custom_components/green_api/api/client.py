"""The requests to one instance."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPMethod, HTTPStatus
from typing import Any, Final

import aiohttp
import httpx

from .account import parse_account_settings
from .answers import (
    ANSWER_TIMEOUT,
    CONNECT_TIMEOUT,
    LARGEST_ANSWER,
    connect_failure,
    parse_json,
    status_error,
)
from .authorization import check_authorization, parse_pairing_code
from .errors import ConnectionFailed, RequestRejected, TimedOut, UnexpectedAnswer
from .limiter import RateLimiter
from .models import (
    AccountSettings,
    Messenger,
    PairingCode,
    ScanEvent,
    Settings,
    StateReading,
    to_word,
)
from .notification import ReceivedNotification
from .scan_message import parse_scan_message
from .scan_socket import METHOD as SCAN_METHOD, scan_events
from .settings import PushSettings, parse_push_settings

# The cloud may hold a request for a code for 60 s and then answer 504.
CODE_TIMEOUT: Final = 65.0

# The cloud asks the messenger meanwhile. Who gives up early loses a code that was
# given, and asking again does harm.
AUTHORIZATION_TIMEOUT: Final = 65.0

# How much later than asked for the cloud may say that nothing came.
RECEIVE_MARGIN: Final = 10.0

# One that is not read is not deleted either, and holds back all that follow.
LARGEST_NOTIFICATION: Final = 4 * 1024 * 1024

_STATUSES_WITH_BODY: Final = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)


class GreenApiClient:
    """Ask the cloud about one instance, and tell it what to do.

    The HTTP client and the web session, which is for the WebSocket, are the
    caller's: they are neither configured nor closed here.
    Every method raises a GreenApiError, and nothing else, when it fails.
    """

    def __init__(  # noqa: PLR0913  the ways to the cloud, and an address's parts
        self,
        http: httpx.AsyncClient,
        *,
        websession: aiohttp.ClientSession,
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
        self._websession = websession
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
        return parse_scan_message(answer, token=self._token)

    def scan_socket(self) -> AsyncGenerator[ScanEvent]:
        """Yield what the cloud says over a WebSocket about a login QR.

        Ends with the first event that is no code; a failure is a GreenApiError.
        To be closed (`aclosing`) by who does not wait for the end. One at a time
        for an instance. Documented for WhatsApp.
        """
        url = f"{self._base}/{SCAN_METHOD}/{self._token}"
        return scan_events(
            self._websession, url, token=self._token, limiter=self._limiter
        )

    async def get_authorization_code(self, phone_number: int) -> PairingCode:
        """Return a code that the person enters on the phone; for WhatsApp.

        Asking anew while one is valid can drive the instance to `starting`.
        Raises PairingRefused where the cloud gives none.
        """
        answer = await self._authorize(
            "getAuthorizationCode", {"phoneNumber": phone_number}
        )
        return parse_pairing_code(answer)

    async def start_authorization(self, phone_number: int) -> None:
        """Let the messenger send its code to the person; for Telegram and MAX.

        The code is valid for five minutes, and is not sent again within them.
        Raises AuthorizationRefused, as the two methods below do.
        """
        answer = await self._authorize(
            "startAuthorization", {"phoneNumber": phone_number}
        )
        check_authorization(answer)

    async def send_authorization_code(
        self, code: str, password: str | None = None
    ) -> None:
        """Hand on the code that the messenger has sent to the person.

        Whether the two-factor password is wanted next, the state tells.
        """
        sent = {"code": code}
        if password is not None:
            sent["password"] = password
        check_authorization(await self._authorize("sendAuthorizationCode", sent))

    async def send_authorization_password(self, password: str) -> None:
        """Hand on the two-factor password."""
        answer = await self._authorize(
            "sendAuthorizationPassword", {"password": password}
        )
        check_authorization(answer)

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

    async def get_push_settings(self) -> PushSettings:
        """Return whom the cloud tells of a change, by the same settings."""
        match await self._request("getSettings"):
            case dict(answer):
                return parse_push_settings(answer)
        raise UnexpectedAnswer

    async def set_push_settings(self, settings: PushSettings) -> None:
        """Change whom the cloud tells; restarts the instance, for up to five minutes.

        Nothing else of the settings is touched.
        """
        await self._order("setSettings", "saveSettings", settings.wire)

    async def receive_notification(self, wait: int = 20) -> ReceivedNotification | None:
        """Return the oldest notification, or None where none came in time.

        Waits for so many seconds, 5 to 60. The same one comes again until it is
        deleted. Raises WebhookIsSet while notifications go to a webhook.
        """
        answer = await self._request(
            "receiveNotification",
            tail=f"?receiveTimeout={wait}",
            limit=wait + RECEIVE_MARGIN,
            largest=LARGEST_NOTIFICATION,
        )
        match answer:
            case None:
                return None
            case {"receiptId": receipt_id} if type(receipt_id) is int:
                return ReceivedNotification(receipt_id, answer.get("body"))
        raise UnexpectedAnswer

    async def delete_notification(self, receipt_id: int) -> bool:
        """Take a notification off the queue; False where it was not there."""
        answer = await self._request(
            "deleteNotification", verb=HTTPMethod.DELETE, tail=f"/{receipt_id}"
        )
        match answer:
            case {"result": bool(deleted)}:
                return deleted
        raise UnexpectedAnswer

    async def get_account(self, messenger: Messenger) -> AccountSettings:
        """Return the linked account, and until when it is suspended.

        Source: getWaSettings for WhatsApp, getAccountSettings for the others.
        """
        whatsapp = messenger is Messenger.WHATSAPP
        method = "getWaSettings" if whatsapp else "getAccountSettings"
        match await self._request(method):
            case dict(answer):
                return parse_account_settings(answer)
        raise UnexpectedAnswer

    async def _order(
        self,
        method: str,
        confirmation: str,
        sent: Mapping[str, object] | None = None,
    ) -> None:
        match await self._request(method, sent):
            case dict(answer) if answer.get(confirmation) is True:
                return
            case dict():
                raise RequestRejected
        raise UnexpectedAnswer

    async def _authorize(self, method: str, sent: Mapping[str, object]) -> Any:
        return await self._request(method, sent, limit=AUTHORIZATION_TIMEOUT)

    async def _request(  # noqa: PLR0913  what differs from method to method
        self,
        method: str,
        sent: Mapping[str, object] | None = None,
        *,
        verb: HTTPMethod | None = None,
        tail: str = "",
        limit: float = ANSWER_TIMEOUT,
        largest: int = LARGEST_ANSWER,
    ) -> Any:
        """Return the JSON of a method's answer, or raise a GreenApiError.

        What is sent goes by POST, as JSON. The tail stands behind the token.
        """
        if verb is None:
            verb = HTTPMethod.GET if sent is None else HTTPMethod.POST
        url = f"{self._base}/{method}/{self._token}{tail}"
        await self._limiter.wait(method)
        try:
            async with asyncio.timeout(limit):
                status, body = await self._exchange(verb, url, sent, limit, largest)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as err:
            raise connect_failure(err) from None
        except TimeoutError, httpx.TimeoutException:
            raise TimedOut from None
        except httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError:
            raise ConnectionFailed from None
        finally:
            self._limiter.done(method)
        if status == HTTPStatus.OK:
            return parse_json(body)
        raise status_error(status, body)

    async def _exchange(
        self,
        verb: HTTPMethod,
        url: str,
        sent: Mapping[str, object] | None,
        limit: float,
        largest: int,
    ) -> tuple[int, bytes]:
        # Redirects are not followed: the token would go wherever they point.
        async with self._http.stream(
            verb,
            url,
            json=sent,
            timeout=httpx.Timeout(limit, connect=CONNECT_TIMEOUT),
            follow_redirects=False,
        ) as response:
            if response.status_code not in _STATUSES_WITH_BODY:
                return response.status_code, b""
            body = bytearray()
            async with aclosing(response.aiter_bytes()) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > largest:
                        raise UnexpectedAnswer
            return response.status_code, bytes(body)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
