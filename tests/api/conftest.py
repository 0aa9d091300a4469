"""What the client's tests share: an HTTP client, and a cloud without limits."""

from collections.abc import AsyncGenerator
import socket
import ssl

import httpx
import pytest

from custom_components.green_api.api import limiter
from simulator import Clock, Instance, Simulator

from .lab import Lab

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
def clock() -> Clock:
    """Return the time that the cloud lives by, a fast one unless overridden."""
    return Clock(SPEED)


@pytest.fixture
async def cloud(
    socket_enabled: None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Simulator]:
    """Run a cloud that counts no requests, for a client that spaces none.

    The rate limits have a test of their own, against a cloud that keeps them.
    """
    monkeypatch.setattr(limiter, "RATES", {})
    monkeypatch.setattr(limiter, "DEFAULT_RATE", 1e6)
    monkeypatch.setattr(limiter, "ARRIVAL_JITTER", 0.0)
    async with Simulator(clock=clock) as simulator:
        monkeypatch.setattr(simulator.cloud.limits, "accept", lambda *_: True)
        yield simulator


@pytest.fixture
def lab(
    cloud: Simulator,
    instance: Instance,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    """Return a cloud, an instance in it, and the instance's client."""
    monkeypatch.setattr(socket, "getaddrinfo", _REAL_GETADDRINFO)
    return Lab(cloud, instance, http)
