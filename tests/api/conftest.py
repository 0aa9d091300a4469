"""What the client's tests share: ways to the cloud, and a cloud without limits."""

from collections.abc import AsyncGenerator
import socket
import ssl
from typing import Any

import aiohttp
import httpx
import pytest

from custom_components.green_api.api import limiter
from custom_components.green_api.api.client import GreenApiClient
from simulator import Clock, Instance, Simulator

from .lab import Lab, MakeClient, new_client

# How much faster than real the cloud's time runs.
SPEED = 60

# The test plugin replaces it before the first test.
_REAL_GETADDRINFO = socket.getaddrinfo


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out, which the client knows nothing of."""


@pytest.fixture(scope="session")
def trust() -> ssl.SSLContext:
    """Return a context that trusts what the machine trusts."""
    return ssl.create_default_context()


@pytest.fixture
async def http(
    socket_enabled: None, trust: ssl.SSLContext
) -> AsyncGenerator[httpx.AsyncClient]:
    """Return a real HTTP client, as Home Assistant would lend one."""
    async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
        yield client


@pytest.fixture
async def websession(
    socket_enabled: None, trust: ssl.SSLContext
) -> AsyncGenerator[aiohttp.ClientSession]:
    """Return a real web session, as Home Assistant would lend one."""
    connector = aiohttp.TCPConnector(ssl=trust, resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session
        assert not session.closed


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client space no requests."""
    monkeypatch.setattr(limiter, "RATES", {})
    monkeypatch.setattr(limiter, "DEFAULT_RATE", 1e6)
    monkeypatch.setattr(limiter, "ARRIVAL_JITTER", 0.0)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the machine's own resolver for the address of a host."""
    monkeypatch.setattr(socket, "getaddrinfo", _REAL_GETADDRINFO)


@pytest.fixture
def make_client(
    no_limits: None,
    resolver: None,
    http: httpx.AsyncClient,
    websession: aiohttp.ClientSession,
) -> MakeClient:
    """Return a function that makes the client of a server at some address."""

    def make(api_url: str, **changes: Any) -> GreenApiClient:
        return new_client(
            **{"http": http, "websession": websession, "api_url": api_url, **changes}
        )

    return make


@pytest.fixture
def clock() -> Clock:
    """Return the time that the cloud lives by, a fast one unless overridden."""
    return Clock(SPEED)


@pytest.fixture
async def cloud(
    socket_enabled: None,
    no_limits: None,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Simulator]:
    """Run a cloud that counts no requests, for a client that spaces none.

    The rate limits have a test of their own, against a cloud that keeps them.
    """
    async with Simulator(clock=clock) as simulator:
        monkeypatch.setattr(simulator.cloud.limits, "accept", lambda *_: True)
        yield simulator


@pytest.fixture
def lab(
    cloud: Simulator,
    instance: Instance,
    resolver: None,
    http: httpx.AsyncClient,
    websession: aiohttp.ClientSession,
) -> Lab:
    """Return a cloud, an instance in it, and the instance's client."""
    return Lab(cloud, instance, http, websession)
