"""Every way in which a request can fail, and the error that names it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
import gzip
import ssl

from aiohttp import web
import httpx
import pytest

from custom_components.green_api.api import client as client_module
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
    InvalidPassword,
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
from simulator import Body, Delay, Deleted, Drop, Expired, Fault, Hang, Status

from .lab import Lab, limit_codes, limit_requests
from .servers import (
    never_accepting,
    self_signed,
    serve,
    serve_bytes,
    serve_talk,
)

type Breaking = Callable[[Lab], AbstractAsyncContextManager[GreenApiClient]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Hold how to make a method of the client fail, and with what error."""

    name: str
    error: type[GreenApiError]
    breaking: Breaking
    method: str = "get_state_instance"


def _fault(name: str, error: type[GreenApiError], fault: Fault) -> Failure:
    return Failure(name, error, lambda lab: lab.fault(fault))


def _status(
    error: type[GreenApiError], status: int, body: Body = Body.JSON, message: str = ""
) -> Failure:
    name = f"{status} {body} {message}".strip()
    return _fault(name, error, Status(status, body, message))


@asynccontextmanager
async def _wrong_token(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    yield lab.client(api_token_instance=lab.instance.token[::-1])


@asynccontextmanager
async def _unknown_instance(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    yield lab.client(id_instance="1101999999")


@asynccontextmanager
async def _instance_gone(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    gone = lab.cloud.cloud.create("1101000009", token=lab.instance.token)
    lab.cloud.cloud.delete(gone.id_instance)
    yield lab.client(id_instance=gone.id_instance)


@asynccontextmanager
async def _starting(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    lab.instance.set_state("starting")
    yield lab.own
    lab.instance.set_state("notAuthorized")


@asynccontextmanager
async def _short_of_time(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    with pytest.MonkeyPatch.context() as patches:
        limit_requests(patches, 0.2)
        limit_codes(patches, 0.2)
        patches.setattr(client_module, "CONNECT_TIMEOUT", 0.2)
        yield lab.own


@asynccontextmanager
async def _slow(lab: Lab, fault: Fault) -> AsyncGenerator[GreenApiClient]:
    async with _short_of_time(lab), lab.fault(fault) as client:
        yield client


@asynccontextmanager
async def _stopped(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    await lab.cloud.stop()
    yield lab.own
    await lab.cloud.start()


@asynccontextmanager
async def _no_such_host(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    # The resolver refuses so long a name itself, without asking a network.
    yield lab.client(api_url=f"https://{'a' * 64}.invalid")


@asynccontextmanager
async def _bad_url(lab: Lab, url: str) -> AsyncGenerator[GreenApiClient]:
    yield lab.client(api_url=url)


async def _authorized(_request: web.BaseRequest) -> web.Response:
    return web.json_response({"stateInstance": "authorized"})


@asynccontextmanager
async def _self_signed(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    tls, _ = self_signed("127.0.0.1")
    async with serve(_authorized, tls=tls) as url:
        yield lab.client(api_url=url)


@asynccontextmanager
async def _certificate_of_another(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    tls, certificate = self_signed("api.green-api.com")
    trust = ssl.create_default_context(cadata=certificate)
    async with (
        serve(_authorized, tls=tls) as url,
        httpx.AsyncClient(verify=trust, trust_env=False) as http,
    ):
        yield lab.client(http=http, api_url=url)


@asynccontextmanager
async def _plain_behind_https(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    async with serve(_authorized) as url:
        yield lab.client(api_url=url.replace("http:", "https:"))


@asynccontextmanager
async def _hangs_up(lab: Lab, scheme: str) -> AsyncGenerator[GreenApiClient]:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with serve_talk(talk) as port:
        yield lab.client(api_url=f"{scheme}://127.0.0.1:{port}")


@asynccontextmanager
async def _redirects(lab: Lab, status: int) -> AsyncGenerator[GreenApiClient]:
    async def point_away(request: web.BaseRequest) -> web.Response:
        target = f"{lab.cloud.url}{request.path_qs}"
        return web.Response(status=status, headers={"Location": target})

    async with (
        serve(point_away) as url,
        httpx.AsyncClient(follow_redirects=True, trust_env=False) as http,
    ):
        since = lab.cloud.cloud.log.cursor
        yield lab.client(http=http, api_url=url)
        assert lab.cloud.cloud.log.cursor == since, "the redirect was followed"


@asynccontextmanager
async def _drips(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with _short_of_time(lab), serve(drip) as url:
        yield lab.client(api_url=url)


@asynccontextmanager
async def _drips_headers(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"x: y\r\n")
            await asyncio.sleep(0.02)

    async with _short_of_time(lab), serve_talk(talk) as port:
        yield lab.client(api_url=f"http://127.0.0.1:{port}")


@asynccontextmanager
async def _accepts_nobody(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(client_module, "CONNECT_TIMEOUT", 0.2)
        started = asyncio.get_running_loop().time()
        async with never_accepting() as url:
            yield lab.client(api_url=url)
        waited = asyncio.get_running_loop().time() - started
        assert waited < client_module.ANSWER_TIMEOUT / 2


@asynccontextmanager
async def _endless(lab: Lab) -> AsyncGenerator[GreenApiClient]:
    async def pour(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    async with serve(pour) as url:
        yield lab.client(api_url=url)


def _bytes(
    name: str, error: type[GreenApiError], make_answer: Callable[[bytes], bytes]
) -> Failure:
    @asynccontextmanager
    async def breaking(lab: Lab) -> AsyncGenerator[GreenApiClient]:
        async with serve_bytes(make_answer) as url:
            yield lab.client(api_url=url)

    return Failure(name, error, breaking)


def _http(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d" % len(body)
    head = b"\r\n".join((b"HTTP/1.1 " + status, length, *headers))
    return head + b"\r\n\r\n" + body


_BOMB = gzip.compress(b" " * 8 * 1024 * 1024)

FAILURES = (
    # 400: which of its meanings the message tells.
    _fault("expired", InstanceExpired, Expired()),
    _fault("deleted", InstanceDeleted, Deleted()),
    Failure("logout while starting", InstanceNotReady, _starting, "logout"),
    Failure("code while starting", InstanceNotReady, _starting, "get_qr"),
    _status(InstanceNotReady, 400, message="instance is starting or not authorized"),
    _status(InstanceExpired, 400, message="INSTANCE ACCOUNT IS EXPIRED"),
    _status(ValidationFailed, 400, message="Validation failed: phoneNumber"),
    _status(ValidationFailed, 400, message="Validation failed: webhookUrl"),
    _status(WebhookIsSet, 400, message="Custom webhook URL is set"),
    _status(RequestRejected, 400, message="webhookUrl is no address"),
    _status(RequestRejected, 400, Body.EMPTY),
    _status(RequestRejected, 400, Body.HTML),
    _status(RequestRejected, 400, Body.GARBAGE),
    _status(RequestRejected, 400, Body.TRUNCATED),
    _status(UnexpectedAnswer, 400, Body.HUGE),
    _bytes(
        "400 list",
        RequestRejected,
        lambda _: _http(b'["message"]', status=b"400 Bad Request"),
    ),
    _bytes(
        "400 message null",
        RequestRejected,
        lambda _: _http(b'{"message":null}', status=b"400 Bad Request"),
    ),
    _bytes(
        "400 reason",
        InvalidPassword,
        lambda _: _http(
            b'{"status":false,"data":{"reason":"invalid_password"}}',
            status=b"400 Bad Request",
        ),
    ),
    # Credentials.
    Failure("wrong token", TokenRejected, _wrong_token),
    Failure("instance deleted long ago", TokenRejected, _instance_gone),
    Failure("unknown instance", InstanceRejected, _unknown_instance),
    _status(TokenRejected, 401, Body.EMPTY),
    _status(TokenRejected, 401),
    _status(InstanceRejected, 403, Body.HTML),
    _status(InstanceRejected, 403),
    # The other documented statuses.
    _status(MethodNotAvailable, 404),
    _status(MethodNotAvailable, 404, Body.HTML),
    _status(RateLimited, 429, Body.EMPTY),
    _status(RateLimited, 429),
    _status(QuotaExceeded, 466),
    _status(CloudFailed, 499, Body.EMPTY),
    _status(CloudFailed, 500),
    _status(CloudFailed, 502, Body.HTML),
    _status(CloudFailed, 503, Body.EMPTY),
    _status(CloudFailed, 504, Body.HTML),
    _status(CloudFailed, 599, Body.GARBAGE),
    # Statuses that nobody documents.
    _status(UnexpectedAnswer, 202),
    _status(UnexpectedAnswer, 204, Body.EMPTY),
    _status(UnexpectedAnswer, 405, Body.HTML),
    _status(UnexpectedAnswer, 418),
    # Success that is none.
    _status(UnexpectedAnswer, 200),
    _status(UnexpectedAnswer, 200, Body.EMPTY),
    _status(UnexpectedAnswer, 200, Body.HTML),
    _status(UnexpectedAnswer, 200, Body.GARBAGE),
    _status(UnexpectedAnswer, 200, Body.TRUNCATED),
    _status(UnexpectedAnswer, 200, Body.HUGE),
    Failure("endless answer", UnexpectedAnswer, _endless),
    _bytes("nested too deep", UnexpectedAnswer, lambda _: _http(b"[" * 400_000)),
    _bytes("number too long", UnexpectedAnswer, lambda _: _http(b"1" * 9_000)),
    _bytes(
        "compressed bomb",
        UnexpectedAnswer,
        lambda _: _http(_BOMB, b"Content-Encoding: gzip"),
    ),
    # Time.
    Failure("hang", TimedOut, lambda lab: _slow(lab, Hang())),
    Failure("hang of a code", TimedOut, lambda lab: _slow(lab, Hang()), "get_qr"),
    Failure("delay", TimedOut, lambda lab: _slow(lab, Delay(60))),
    _fault("hang that ends in 504", CloudFailed, Hang()),
    Failure("dripping body", TimedOut, _drips),
    Failure("dripping headers", TimedOut, _drips_headers),
    Failure("no connection accepted", TimedOut, _accepts_nobody),
    # Connection.
    _fault("drop", ConnectionFailed, Drop()),
    Failure("cloud stopped", ConnectionFailed, _stopped),
    Failure("no such host", HostNotFound, _no_such_host),
    Failure("bad URL", ConnectionFailed, lambda lab: _bad_url(lab, "http://a\x00b")),
    Failure("bad scheme", ConnectionFailed, lambda lab: _bad_url(lab, "ftp://a")),
    Failure("self-signed", CertificateRejected, _self_signed),
    Failure("another's certificate", CertificateRejected, _certificate_of_another),
    Failure("hangs up", ConnectionFailed, lambda lab: _hangs_up(lab, "http")),
    # Neither shows a certificate that could be rejected.
    Failure("plain behind https", ConnectionFailed, _plain_behind_https),
    Failure(
        "hangs up in handshake", ConnectionFailed, lambda lab: _hangs_up(lab, "https")
    ),
    Failure("301", UnexpectedAnswer, lambda lab: _redirects(lab, 301)),
    Failure("302", UnexpectedAnswer, lambda lab: _redirects(lab, 302)),
    Failure("303", UnexpectedAnswer, lambda lab: _redirects(lab, 303)),
    Failure("307", UnexpectedAnswer, lambda lab: _redirects(lab, 307)),
    Failure("308", UnexpectedAnswer, lambda lab: _redirects(lab, 308)),
    _bytes("not HTTP", ConnectionFailed, lambda _: b"220 smtp.invalid ESMTP\r\n"),
    _bytes("body cut short", ConnectionFailed, lambda _: _http(b"{}  ")[:-2]),
    _bytes(
        "bad compression",
        ConnectionFailed,
        lambda _: _http(b"not gzip", b"Content-Encoding: gzip"),
    ),
    # A header line without a colon, with the whole path and the token in it.
    _bytes("echo", ConnectionFailed, lambda head: _http(b"{}", head.split(b"\r\n")[0])),
)
