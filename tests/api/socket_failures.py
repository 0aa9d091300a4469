"""Every way in which the stream over a WebSocket can fail, and its error."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
import json
import ssl

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.green_api.api import scan_socket
from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.errors import (
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
    SocketClosed,
    TimedOut,
    TokenRejected,
    UnexpectedAnswer,
    ValidationFailed,
)

from .lab import TOKEN, MakeClient
from .servers import never_accepting, self_signed, serve, serve_bytes, serve_talk
from .socket_server import Close, Ping, Raw, Repeat, code, serve_socket

type Breaking = Callable[[MakeClient], AbstractAsyncContextManager[GreenApiClient]]

# Short enough to wait for, and for a busy machine to keep to.
_SHORT = 0.2
_LONG = 30.0


@dataclass(frozen=True, slots=True)
class SocketFailure:
    """Hold how to make the stream fail, with what error, and after how many codes."""

    name: str
    error: type[GreenApiError]
    breaking: Breaking
    codes: int = 0


def _says(
    name: str, error: type[GreenApiError], *steps: object, codes: int = 0
) -> SocketFailure:
    """Return what happens when a WebSocket takes these steps."""

    @asynccontextmanager
    async def breaking(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
        async with serve_socket(*steps) as server:
            yield make(server.url)

    return SocketFailure(name, error, breaking, codes)


def _status(
    error: type[GreenApiError], status: int, body: str | bytes = b""
) -> SocketFailure:
    """Return what happens when a handshake is answered by a status."""

    @asynccontextmanager
    async def breaking(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
        async def answer(_request: web.BaseRequest) -> web.Response:
            given = body.encode() if isinstance(body, str) else body
            return web.Response(status=status, body=given)

        async with serve(answer) as url:
            yield make(url)

    return SocketFailure(f"{status} {body[:40]!r}", error, breaking)


def _message(error: type[GreenApiError], message: object) -> SocketFailure:
    path = f"/waInstance1/scanqrcode/{TOKEN}"
    body = {"message": message, "path": path, "statusCode": 400}
    return _status(error, 400, json.dumps(body))


@asynccontextmanager
async def _timeouts(
    *,
    connect: float = _LONG,
    answer: float = _LONG,
    first: float = _LONG,
    following: float = _LONG,
    window: float = _LONG,
) -> AsyncGenerator[None]:
    """Set the time-outs, and see that none but the short ones was waited for."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(scan_socket, "CONNECT_TIMEOUT", connect)
        patches.setattr(scan_socket, "ANSWER_TIMEOUT", answer)
        patches.setattr(scan_socket, "FIRST_FRAME_TIMEOUT", first)
        patches.setattr(scan_socket, "NEXT_FRAME_TIMEOUT", following)
        patches.setattr(scan_socket, "WINDOW_TIMEOUT", window)
        yield
    assert loop.time() - started < _LONG / 2


def _slow(
    name: str, *steps: object, codes: int = 0, **timeouts: float
) -> SocketFailure:
    @asynccontextmanager
    async def breaking(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
        async with _timeouts(**timeouts), serve_socket(*steps) as server:
            yield make(server.url)

    return SocketFailure(name, TimedOut, breaking, codes)


@asynccontextmanager
async def _accepts_nobody(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    async with _timeouts(connect=_SHORT), never_accepting() as url:
        yield make(url)


@asynccontextmanager
async def _never_answers(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with _timeouts(answer=_SHORT), serve_talk(talk) as port:
        yield make(f"http://127.0.0.1:{port}")


@asynccontextmanager
async def _drips_a_refusal(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with _timeouts(answer=_SHORT), serve(drip) as url:
        yield make(url)


@asynccontextmanager
async def _endless(make: MakeClient, status: int) -> AsyncGenerator[GreenApiClient]:
    async def pour(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    async with serve(pour) as url:
        yield make(url)


@asynccontextmanager
async def _redirects(make: MakeClient, status: int) -> AsyncGenerator[GreenApiClient]:
    async with serve_socket(code()) as target:

        async def point_away(request: web.BaseRequest) -> web.Response:
            headers = {"Location": f"{target.url}{request.path_qs}"}
            return web.Response(status=status, headers=headers)

        async with serve(point_away) as url:
            yield make(url)
        assert target.requests == [], "the redirect was followed"


def _bytes(
    name: str, error: type[GreenApiError], make_answer: Callable[[bytes], bytes]
) -> SocketFailure:
    @asynccontextmanager
    async def breaking(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
        async with serve_bytes(make_answer) as url:
            yield make(url)

    return SocketFailure(name, error, breaking)


def _switching(*headers: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", *headers, b"", b""))


@asynccontextmanager
async def _address(make: MakeClient, url: str) -> AsyncGenerator[GreenApiClient]:
    yield make(url)


class _NoSuchHost(AbstractResolver):
    """A resolver that fails as aiodns does, which Home Assistant takes."""

    async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
        raise OSError(None, "Domain name not found")

    async def close(self) -> None:
        pass


@asynccontextmanager
async def _no_such_host(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    connector = aiohttp.TCPConnector(resolver=_NoSuchHost())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield make("https://api.invalid", websession=session)


@asynccontextmanager
async def _session_closed(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    session = aiohttp.ClientSession()
    await session.close()
    async with serve_socket(code()) as server:
        yield make(server.url, websession=session)
        assert server.requests == []


@asynccontextmanager
async def _self_signed(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    tls, _ = self_signed("127.0.0.1")
    async with serve_socket(code(), tls=tls) as server:
        yield make(server.url)


@asynccontextmanager
async def _certificate_of_another(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    tls, certificate = self_signed("api.green-api.com")
    trust = ssl.create_default_context(cadata=certificate)
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        serve_socket(code(), tls=tls) as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        yield make(server.url, websession=session)


@asynccontextmanager
async def _plain_behind_https(make: MakeClient) -> AsyncGenerator[GreenApiClient]:
    async with serve_socket(code()) as server:
        yield make(server.url.replace("http:", "https:"))


@asynccontextmanager
async def _hangs_up(make: MakeClient, scheme: str) -> AsyncGenerator[GreenApiClient]:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with serve_talk(talk) as port:
        yield make(f"{scheme}://127.0.0.1:{port}")


_UPGRADE = b"Upgrade: websocket"
_CONNECTION = b"Connection: Upgrade"
_TOO_LONG = 512 * 1024 + 1
# It would be understood if it were not so large.
_LARGE = json.dumps({"type": "timeout", "message": "x" * _TOO_LONG}).encode()


def _frame(opcode: int, payload: bytes) -> Raw:
    """Return a frame of a server with a payload of any length."""
    return Raw(bytes([opcode, 127]) + len(payload).to_bytes(8) + payload)


SOCKET_FAILURES = (
    # The handshake is refused as any request is.
    _message(InstanceExpired, "Instance account is expired. Renew your instance"),
    _message(InstanceDeleted, "Instance is deleted"),
    _message(InstanceNotReady, "instance in starting process try later"),
    _message(ValidationFailed, "Validation failed"),
    _message(RequestRejected, "something else"),
    _message(RequestRejected, None),
    _status(RequestRejected, 400),
    _status(RequestRejected, 400, "<html>"),
    _status(RequestRejected, 400, "[]"),
    _status(UnexpectedAnswer, 400, b" " * _TOO_LONG),
    _status(TokenRejected, 401),
    _status(InstanceRejected, 403, "<html>"),
    _status(MethodNotAvailable, 404),
    _status(RateLimited, 429),
    _status(QuotaExceeded, 466, "{}"),
    _status(CloudFailed, 499),
    _status(CloudFailed, 500),
    _status(CloudFailed, 502),
    _status(CloudFailed, 504, "<html>"),
    _status(UnexpectedAnswer, 200, "{}"),
    _status(UnexpectedAnswer, 204),
    _status(UnexpectedAnswer, 405),
    _status(UnexpectedAnswer, 426),
    *(
        SocketFailure(
            str(status),
            UnexpectedAnswer,
            lambda make, status=status: _redirects(make, status),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    SocketFailure("endless 200", UnexpectedAnswer, lambda make: _endless(make, 200)),
    SocketFailure("endless 400", UnexpectedAnswer, lambda make: _endless(make, 400)),
    _bytes("no Upgrade", UnexpectedAnswer, lambda _: _switching(_CONNECTION)),
    _bytes("no Connection", UnexpectedAnswer, lambda _: _switching(_UPGRADE)),
    _bytes(
        "wrong Accept",
        UnexpectedAnswer,
        lambda _: _switching(_UPGRADE, _CONNECTION, b"Sec-WebSocket-Accept: AAAA"),
    ),
    _bytes("not HTTP", ConnectionFailed, lambda _: b"220 smtp.invalid ESMTP\r\n"),
    # A header line without a colon, with the whole path and the token in it.
    _bytes("echo", ConnectionFailed, lambda head: _switching(head.split(b"\r\n")[0])),
    # Connection.
    SocketFailure("no such host", HostNotFound, _no_such_host),
    SocketFailure("hangs up", ConnectionFailed, lambda make: _hangs_up(make, "http")),
    SocketFailure(
        "hangs up in TLS", ConnectionFailed, lambda make: _hangs_up(make, "https")
    ),
    SocketFailure("plain behind https", ConnectionFailed, _plain_behind_https),
    SocketFailure("self-signed", CertificateRejected, _self_signed),
    SocketFailure(
        "another's certificate", CertificateRejected, _certificate_of_another
    ),
    SocketFailure("closed session", ConnectionFailed, _session_closed),
    SocketFailure(
        "nobody there",
        ConnectionFailed,
        lambda make: _address(make, "http://127.0.0.1:1"),
    ),
    SocketFailure(
        "bad URL", ConnectionFailed, lambda make: _address(make, "http://[::1")
    ),
    SocketFailure(
        "bad port", ConnectionFailed, lambda make: _address(make, "http://a:99999")
    ),
    SocketFailure(
        "bad scheme", ConnectionFailed, lambda make: _address(make, "ftp://a")
    ),
    # Frames.
    _says("no JSON", UnexpectedAnswer, "{"),
    _says("empty", UnexpectedAnswer, ""),
    _says("nested too deep", UnexpectedAnswer, "[" * 400_000),
    _says("null", UnexpectedAnswer, "null"),
    _says("list", UnexpectedAnswer, "[]"),
    _says("no type", UnexpectedAnswer, {"message": "timeout"}),
    _says("unknown type", UnexpectedAnswer, {"type": "somethingNew"}),
    _says("no message", UnexpectedAnswer, {"type": "error"}),
    _says("no PNG", UnexpectedAnswer, {"type": "qrCode", "message": "AAAA"}),
    _says("binary", UnexpectedAnswer, json.dumps(code()).encode()),
    _says("not UTF-8", UnexpectedAnswer, _frame(0x81, b"\xff\xfe")),
    _says("unknown opcode", UnexpectedAnswer, _frame(0x83, b"{}")),
    _says("unasked compression", UnexpectedAnswer, _frame(0xC1, b"{}")),
    _says("too large", UnexpectedAnswer, _frame(0x81, _LARGE)),
    _says(
        "too large in parts",
        UnexpectedAnswer,
        _frame(0x01, _LARGE[:300_000]),
        _frame(0x80, _LARGE[300_000:]),
    ),
    _says("too large, and more", UnexpectedAnswer, Repeat(_LARGE.decode())),
    _says("later malformed", UnexpectedAnswer, code(), "{", codes=1),
    # A close without a word.
    *(
        _says(f"close {status}", SocketClosed, Close(status))
        for status in (1000, 1001, 1008, 1011, 4000)
    ),
    _says("cut", SocketClosed, Close(None)),
    _says("close after codes", SocketClosed, code(), code(), Close(1000), codes=2),
    _says("cut within a frame", SocketClosed, Raw(b"\x81\x7e\xff"), Close(None)),
    # Time.
    SocketFailure("no connection accepted", TimedOut, _accepts_nobody),
    SocketFailure("no answer", TimedOut, _never_answers),
    SocketFailure("dripping refusal", TimedOut, _drips_a_refusal),
    _slow("no first frame", first=_SHORT),
    _slow("no next frame", code(), code(), codes=2, following=_SHORT),
    _slow("pings instead of frames", Repeat(Ping()), first=_SHORT),
    _slow("half a frame", Raw(b"\x81\x7e\xff"), first=_SHORT),
    _slow("no end", code(), Ping(), Repeat(Ping()), codes=1, window=_SHORT),
    # Too much.
    _says("a flood", UnexpectedAnswer, Repeat(code()), codes=scan_socket.MOST_CODES),
)
