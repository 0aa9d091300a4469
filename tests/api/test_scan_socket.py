"""Codes come over a WebSocket until the cloud says how it ended."""

import asyncio
from contextlib import aclosing
import ssl
import traceback
from typing import override

import aiohttp
from aiohttp import WSMsgType
import pytest

from custom_components.green_api.api import limiter, scan_socket
from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.errors import GreenApiError
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

from .lab import ID_INSTANCE, TOKEN, MakeClient
from .servers import self_signed, serve_talk
from .socket_failures import SOCKET_FAILURES, SocketFailure
from .socket_server import NEXT_PNG, PNG, Deaf, Repeat, code, serve_socket

_LINKED = {"type": "accountData", "wid": "79001234567@c.us", "pushname": "Anna"}

_ENDS = [
    (_LINKED, AccountLinked(Account(wid="79001234567@c.us", name="Anna"))),
    (
        {"type": "alreadyLogged", "message": "instance account already authorized"},
        AlreadyAuthorized(),
    ),
    ({"type": "timeout", "message": "timeout"}, ScanTimedOut()),
    ({"type": "timeoutExpired", "message": "timeoutExpired"}, ScanTimedOut()),
    ({"type": "pendingPassword"}, PasswordRequired()),
    ({"type": "passkeyRequired"}, ScanFailed(ScanFailure.PASSKEY_REQUIRED)),
    (
        {"type": "error", "message": "Instance has auth. You need to make log out"},
        ScanFailed(ScanFailure.NEEDS_LOGOUT),
    ),
    ({"type": "error", "message": "not_ready"}, ScanFailed(ScanFailure.NOT_READY)),
    (
        {"type": "error", "message": f"broken at {TOKEN}"},
        ScanFailed(ScanFailure.OTHER, "broken at ***"),
    ),
]


async def _all_events(client: GreenApiClient) -> list[ScanEvent]:
    return [event async for event in client.scan_socket()]


def _connections(websession: aiohttp.ClientSession) -> int:
    assert websession.connector
    return len(websession.connector._acquired)


# ------------------------------------------------------------------ events


@pytest.mark.parametrize(("message", "event"), _ENDS)
async def test_a_login_ends_with_the_first_word_that_is_no_code(
    make_client: MakeClient, message: object, event: ScanEvent
) -> None:
    steps = code(), code(), code(NEXT_PNG), message, code(NEXT_PNG)
    async with serve_socket(*steps) as server:
        assert await _all_events(make_client(server.url)) == [
            CodeReceived(PNG),
            CodeReceived(PNG),
            CodeReceived(NEXT_PNG),
            event,
        ]
        await server.gone.wait()
    # The server was left by a proper close, and nothing was ever sent to it.
    assert server.heard[0] is WSMsgType.CLOSE


@pytest.mark.parametrize(("message", "event"), _ENDS)
async def test_a_login_may_end_before_it_began(
    make_client: MakeClient, message: object, event: ScanEvent
) -> None:
    async with serve_socket(message) as server:
        assert await _all_events(make_client(server.url)) == [event]


@pytest.mark.parametrize("prefix", ["", "/v3"])
async def test_the_documented_address_is_asked_and_nothing_given_away(
    make_client: MakeClient, websession: aiohttp.ClientSession, prefix: str
) -> None:
    websession.cookie_jar.update_cookies({"a": "b"})
    async with serve_socket(_LINKED) as server:
        await _all_events(make_client(server.url + prefix))
    (request,) = server.requests
    assert request.method == "GET"
    assert request.path_qs == f"{prefix}/waInstance{ID_INSTANCE}/scanqrcode/{TOKEN}"
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert "Cookie" not in request.headers


async def test_the_callers_session_lends_its_name_and_its_trust(
    make_client: MakeClient,
) -> None:
    tls, certificate = self_signed("127.0.0.1")
    trust = ssl.create_default_context(cadata=certificate)
    async with (
        serve_socket(_LINKED, tls=tls) as server,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust),
            headers={"User-Agent": "Home"},
        ) as session,
    ):
        client = make_client(server.url, websession=session)
        assert await _all_events(client)
        assert await _all_events(client), "the session is not closed after the first"
        assert {item.headers["User-Agent"] for item in server.requests} == {"Home"}
        assert not _connections(session)


# ------------------------------------------------------------------ failures


async def _fail(make: MakeClient, failure: SocketFailure) -> GreenApiError:
    events: list[ScanEvent] = []

    async def listen(client: GreenApiClient) -> None:
        async for event in client.scan_socket():
            events.append(event)  # noqa: PERF401  what came before the failure counts

    async with failure.breaking(make) as client:
        with pytest.raises(GreenApiError) as caught:
            await listen(client)
    assert all(isinstance(event, CodeReceived) for event in events)
    assert len(events) == failure.codes
    return caught.value


@pytest.mark.parametrize("failure", SOCKET_FAILURES, ids=lambda failure: failure.name)
async def test_a_failure_is_named_keeps_the_token_and_passes(
    make_client: MakeClient, websession: aiohttp.ClientSession, failure: SocketFailure
) -> None:
    error = await _fail(make_client, failure)
    assert type(error) is failure.error
    assert str(error) == type(error).text
    assert error.__cause__ is None
    told = [repr(error), repr(vars(error)), *traceback.format_exception(error)]
    assert all(TOKEN not in text for text in told)
    assert not _connections(websession)
    async with serve_socket(code(), _LINKED) as server:
        assert len(await _all_events(make_client(server.url))) == 2


def test_the_time_outs_leave_room_for_what_was_seen() -> None:
    assert scan_socket.FIRST_FRAME_TIMEOUT > 60
    assert scan_socket.NEXT_FRAME_TIMEOUT > 2 * 20
    assert scan_socket.WINDOW_TIMEOUT > 100


# ------------------------------------------------------------------ ends of ours


async def test_who_stops_listening_leaves_the_server(
    make_client: MakeClient, websession: aiohttp.ClientSession
) -> None:
    async with serve_socket(code()) as server:
        async with aclosing(make_client(server.url).scan_socket()) as events:
            assert await anext(events) == CodeReceived(PNG)
        assert not _connections(websession)
        await server.gone.wait()
        assert server.heard[0] is WSMsgType.CLOSE
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_who_is_cancelled_while_waiting_leaves_the_server(
    make_client: MakeClient, websession: aiohttp.ClientSession
) -> None:
    async with serve_socket(Deaf()) as server:
        waiting = asyncio.create_task(_all_events(make_client(server.url)))
        await server.said.wait()
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(scan_socket, "CLOSE_TIMEOUT", 0.1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert not _connections(websession)
        await server.gone.wait()


async def test_who_is_cancelled_while_connecting_leaves_nothing(
    make_client: MakeClient, websession: aiohttp.ClientSession
) -> None:
    asked = asyncio.Event()
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        assert await reader.read() == b""
        left.set()

    async with serve_talk(talk) as port:
        client = make_client(f"http://127.0.0.1:{port}")
        waiting = asyncio.create_task(_all_events(client))
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not _connections(websession)
        await left.wait()


@pytest.mark.parametrize(
    "steps", [(code(), Deaf()), (Repeat(code()),)], ids=["silent", "talking"]
)
async def test_leaving_a_server_that_does_not_listen_takes_no_time(
    make_client: MakeClient,
    websession: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[object, ...],
) -> None:
    monkeypatch.setattr(scan_socket, "CLOSE_TIMEOUT", 0.2)
    loop = asyncio.get_running_loop()
    async with serve_socket(*steps) as server:
        events = make_client(server.url).scan_socket()
        await anext(events)
        started = loop.time()
        await events.aclose()
        assert 0.1 < loop.time() - started < 3
        assert not _connections(websession)
        await server.gone.wait()


async def test_nothing_is_connected_before_somebody_listens(
    make_client: MakeClient,
) -> None:
    async with serve_socket(code()) as server:
        async with aclosing(make_client(server.url).scan_socket()):
            await make_client(server.url).scan_socket().aclose()
        assert server.requests == []


# ------------------------------------------------------------------ limits


async def test_connections_keep_the_rate_of_their_method(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "DEFAULT_RATE", 5.0)
    loop = asyncio.get_running_loop()
    async with serve_socket(_LINKED) as server:
        client = make_client(server.url)
        started = loop.time()
        for _ in range(3):
            await _all_events(client)
        assert loop.time() - started > 2 * 0.2 - 0.01
    assert len(server.requests) == 3


class _Watched(limiter.RateLimiter):
    """A limiter that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    @override
    async def wait(self, method: str) -> None:
        self.told.append(f"wait {method}")
        await super().wait(method)

    @override
    def done(self, method: str) -> None:
        self.told.append(f"done {method}")
        super().done(method)


async def test_a_connection_counts_from_the_answer_to_it(
    make_client: MakeClient,
) -> None:
    limits = _Watched()
    with pytest.raises(GreenApiError):
        await _all_events(make_client("http://127.0.0.1:1", limiter=limits))
    assert limits.told == ["wait scanqrcode", "done scanqrcode"]
    limits.told.clear()
    async with serve_socket(code()) as server:
        events = make_client(server.url, limiter=limits).scan_socket()
        async with aclosing(events):
            await anext(events)
            assert limits.told == ["wait scanqrcode", "done scanqrcode"]
    assert limits.told == ["wait scanqrcode", "done scanqrcode"]
