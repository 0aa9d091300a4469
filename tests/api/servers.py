"""Servers that do what the simulated cloud does not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
import socket
import ssl
import tempfile

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

type Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
type Talk = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]
]

_HOST = "127.0.0.1"


@asynccontextmanager
async def serve(
    handler: Handler, *, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[str]:
    """Answer every HTTP request by a handler; gives the address."""
    server = web.Server(handler, access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, _HOST, 0, ssl_context=tls).start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://{_HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_talk(talk: Talk) -> AsyncGenerator[int]:
    """Speak to every connection by a function, then hang up; gives the port."""
    talks: set[asyncio.Task[None]] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):
            await talk(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(speak(reader, writer)))

    async with await asyncio.start_server(accept, _HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in talks:
            task.cancel()
        await asyncio.wait(talks)


@asynccontextmanager
async def serve_bytes(make_answer: Callable[[bytes], bytes]) -> AsyncGenerator[str]:
    """Answer a request's head by bytes, then hang up; gives the address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(make_answer(head))
        await writer.drain()

    async with serve_talk(talk) as port:
        yield f"http://{_HOST}:{port}"


@asynccontextmanager
async def never_accepting() -> AsyncGenerator[str]:
    """Give the address of a server to which no further connection can be made."""
    loop = asyncio.get_running_loop()
    with socket.socket() as server, socket.socket() as first:
        server.bind((_HOST, 0))
        server.listen(0)
        first.setblocking(False)  # noqa: FBT003
        await loop.sock_connect(first, server.getsockname())
        yield f"http://{_HOST}:{server.getsockname()[1]}"


def self_signed(name: str) -> tuple[ssl.SSLContext, str]:
    """Return a server's context and its own certificate, for an address or name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    try:
        entry: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        entry = x509.DNSName(name)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([entry]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pem + secret)
        context.load_cert_chain(file.name)
    return context, pem.decode()
