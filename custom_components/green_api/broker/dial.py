"""The way to a broker: DNS, TCP, and TLS where it is wanted."""

import asyncio
from contextlib import suppress
import socket
import ssl

from aiohappyeyeballs import start_connection

from .errors import (
    BrokerError,
    BrokerNotFound,
    BrokerRefused,
    BrokerTimedOut,
    BrokerUnreachable,
)
from .settings import BrokerSettings
from .tls import handshake_failure

CONNECT_TIMEOUT = 5.0  # seconds for DNS, TCP and TLS together

# When the next one of several addresses is tried beside the last (RFC 8305).
_NEXT_ADDRESS = 0.25


async def dial(
    settings: BrokerSettings, context: ssl.SSLContext | None
) -> socket.socket:
    """Return a socket connected to the broker, secured where a context is given.

    Raises BrokerError.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            plain = await _reach(settings.host, settings.port)
            if context is None:
                return plain
            return await _secure(plain, context, settings.host)
    except TimeoutError:
        raise BrokerTimedOut from None


def cut(connected: socket.socket) -> None:
    """End what any thread does with the socket, which it then has to close."""
    with suppress(OSError):
        # SSLSocket's own method would make the thread go on without TLS.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


async def _reach(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror, ValueError:  # ValueError: it cannot be a host's name
        raise BrokerNotFound from None
    try:
        return await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS)
    except ConnectionRefusedError:
        raise BrokerRefused from None
    except TimeoutError:
        raise
    except OSError:
        raise BrokerUnreachable from None


async def _secure(
    plain: socket.socket, context: ssl.SSLContext, host: str
) -> ssl.SSLSocket:
    try:
        secured = context.wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
    except OSError as error:  # the broker has hung up already
        raise handshake_failure(error) from None
    secured.setblocking(True)  # noqa: FBT003  # the socket's own signature
    loop = asyncio.get_running_loop()
    handshake = loop.run_in_executor(None, _shake_hands, secured)
    try:
        await asyncio.wait([handshake])
    except asyncio.CancelledError:
        cut(secured)
        try:
            await asyncio.wait([handshake])
        finally:
            secured.close()
        raise
    if failure := handshake.result():
        raise failure
    return secured


def _shake_hands(secured: ssl.SSLSocket) -> BrokerError | None:
    """Return why there is no TLS, or None; blocks."""
    try:
        secured.do_handshake()
    except OSError as error:
        secured.close()
        return handshake_failure(error)
    return None
