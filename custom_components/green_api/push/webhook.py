"""The webhook that the cloud tells of a change."""

import asyncio
from functools import partial
import hmac
from http import HTTPStatus
from typing import Final

from aiohttp.hdrs import AUTHORIZATION, METH_POST
from aiohttp.web import Request, RequestPayloadError, Response
from homeassistant.components import webhook
from homeassistant.const import CONF_TOKEN, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.json import json_loads

from ..api.notification import is_of_another_kind, parse_notification
from ..const import CONF_PUSH_SETTINGS, DOMAIN, LOGGER
from ..coordinator import GreenApiConfigEntry
from .notices import NoticeTaker, Verdict

# A notification of a state has some hundred bytes; one of a message, with a preview
# of its picture, many more. What is refused comes again for a day.
LARGEST_BODY: Final = 1024 * 1024

# For who has the token, and sends slowly or not at all.
BODY_TIMEOUT: Final = 10.0

_BEARER: Final = "bearer"


@callback
def async_start_webhook(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Take what the cloud posts until the entry is unloaded."""
    settings = entry.data.get(CONF_PUSH_SETTINGS, {})
    webhook_id, token = settings.get(CONF_WEBHOOK_ID), settings.get(CONF_TOKEN)
    if not webhook_id or not token:
        # An empty token would let everybody in.
        LOGGER.debug("%s has no webhook to take notices by", entry.title)
        return
    receiver = _Receiver(token, NoticeTaker(entry.runtime_data))
    webhook.async_register(
        hass,
        DOMAIN,
        entry.title,
        webhook_id,
        receiver.handle,
        local_only=False,
        allowed_methods=[METH_POST],
    )
    entry.async_on_unload(partial(webhook.async_unregister, hass, webhook_id))


class _Receiver:
    """Answer the requests to one webhook."""

    def __init__(self, token: str, taker: NoticeTaker) -> None:
        self._token = token.encode()
        self._taker = taker

    async def handle(
        self, hass: HomeAssistant, webhook_id: str, request: Request
    ) -> Response:
        """Answer a request by a status alone.

        The cloud repeats for a day what is not answered with 200, so this is also
        the answer to what is of no use here. The request may be a MockRequest,
        which is less than it says.
        """
        status = await self._answer(request)
        LOGGER.debug("A request to a webhook is answered with %s", status.value)
        return Response(status=status)

    async def _answer(self, request: Request) -> HTTPStatus:
        if not self._is_authorized(request.headers.get(AUTHORIZATION, "")):
            return HTTPStatus.UNAUTHORIZED
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = await _read(request)
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        except RequestPayloadError:
            # Not encoded as it says. Who hangs up ends all this by a cancellation.
            return HTTPStatus.BAD_REQUEST
        if body is None:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return self._take(body)

    def _take(self, body: bytes) -> HTTPStatus:
        try:
            content = json_loads(body)
        except ValueError:
            return HTTPStatus.BAD_REQUEST
        notification = parse_notification(content)
        if notification is None:
            other = is_of_another_kind(content)
            return HTTPStatus.OK if other else HTTPStatus.BAD_REQUEST
        if self._taker.take(notification) is Verdict.FOREIGN:
            return HTTPStatus.FORBIDDEN
        return HTTPStatus.OK

    def _is_authorized(self, header: str) -> bool:
        """Return whether the token is there, with Bearer or alone."""
        scheme, _, rest = header.partition(" ")
        given = rest.strip() if scheme.lower() == _BEARER else header
        # What is no text comes as surrogates, from a cloudhook as any of them.
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)


async def _read(request: Request) -> bytes | None:
    """Return the body, None where it is too large; no more than that is read."""
    # Each access of a MockRequest's makes a new one.
    content = request.content
    body = bytearray()
    while chunk := await content.read(LARGEST_BODY + 1 - len(body)):
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)
