"""The stream of login codes over a WebSocket; documented for WhatsApp."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import aiohttp

from .answers import (
    ANSWER_TIMEOUT,
    CONNECT_TIMEOUT,
    LARGEST_ANSWER,
    connect_failure,
    parse_json,
    status_error,
)
from .errors import ConnectionFailed, SocketClosed, TimedOut, UnexpectedAnswer
from .limiter import RateLimiter
from .models import CodeReceived, ScanEvent
from .scan_message import parse_scan_message

METHOD: Final = "scanqrcode"

# A first code was seen to take a minute; its successors come every 20 s.
FIRST_FRAME_TIMEOUT: Final = 75.0
NEXT_FRAME_TIMEOUT: Final = 45.0

# The cloud ends the scanning after 100 s.
WINDOW_TIMEOUT: Final = 110.0

CLOSE_TIMEOUT: Final = 3.0

# Five or six codes fit into a session; a server that pushes without end is broken.
MOST_CODES: Final = 20


async def scan_events(
    websession: aiohttp.ClientSession, url: str, *, token: str, limiter: RateLimiter
) -> AsyncGenerator[ScanEvent]:
    """Yield what the cloud says, up to the first event that is no code.

    Raises a GreenApiError, and nothing else. SocketClosed may also be the end
    of a login that went well: older documents of the vendor know no accountData.
    """
    async with _session(websession) as session:
        socket = await _connect(session, url, limiter)
        try:
            loop = asyncio.get_running_loop()
            ends_at = loop.time() + WINDOW_TIMEOUT
            patience = FIRST_FRAME_TIMEOUT
            for _ in range(MOST_CODES):
                wait_until = min(loop.time() + patience, ends_at)
                event = parse_scan_message(
                    await _receive(socket, wait_until), token=token
                )
                yield event
                if not isinstance(event, CodeReceived):
                    return
                patience = NEXT_FRAME_TIMEOUT
            raise UnexpectedAnswer
        finally:
            await _close(socket)


def _session(websession: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """Return a session with the connections of the caller's, which never redirects.

    A WebSocket's handshake follows redirects, and the token would go wherever
    they point. Only a session's own middleware can keep it from that.
    """
    if websession.closed:
        raise ConnectionFailed
    return aiohttp.ClientSession(
        connector=websession.connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=websession.headers,
        middlewares=(_refuse_all_but_a_socket,),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
    )


async def _refuse_all_but_a_socket(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    try:
        body = b""
        if response.status == HTTPStatus.BAD_REQUEST:
            body = await _read(response)
        raise status_error(response.status, body)
    finally:
        response.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise UnexpectedAnswer
    return bytes(body)


async def _connect(
    session: aiohttp.ClientSession, url: str, limiter: RateLimiter
) -> aiohttp.ClientWebSocketResponse:
    await limiter.wait(METHOD)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await session.ws_connect(
                url,
                max_msg_size=LARGEST_ANSWER,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
            )
    except TimeoutError:
        raise TimedOut from None
    except aiohttp.WSServerHandshakeError:
        raise UnexpectedAnswer from None
    except (aiohttp.ClientError, OSError, ValueError) as err:
        raise connect_failure(err) from None
    finally:
        limiter.done(METHOD)


async def _receive(
    socket: aiohttp.ClientWebSocketResponse, wait_until: float
) -> object:
    """Return the value of the next frame; a time-out is no end of the stream."""
    try:
        async with asyncio.timeout_at(wait_until):
            frame = await socket.receive()
    except TimeoutError:
        raise TimedOut from None
    match frame.type:
        case aiohttp.WSMsgType.TEXT:
            return parse_json(frame.data)
        case aiohttp.WSMsgType.BINARY | aiohttp.WSMsgType.ERROR:
            raise UnexpectedAnswer
    raise SocketClosed


async def _close(socket: aiohttp.ClientWebSocketResponse) -> None:
    # Its own time-out begins anew with every frame that still comes.
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close()
