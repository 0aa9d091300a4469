"""A cloud whose clock stands still until told, and callers of it."""

from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from simulator import Cloud, Instance, ManualClock, Simulator
from simulator.control import ControlClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable


class Ask(Protocol):
    """Ask the vendor API."""

    def __call__(
        self,
        instance: Instance,
        method: str,
        *,
        verb: str = "GET",
        token: str | None = None,
        prefix: str = "",
        json: object = None,
    ) -> Awaitable[httpx.Response]:
        """Return the answer. With ``json`` it is sent as the body by POST."""


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out: the simulator stands alone."""


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that only a test moves."""
    return ManualClock()


@pytest.fixture
async def sim(clock: ManualClock, socket_enabled: None) -> AsyncGenerator[Simulator]:
    """Run an empty cloud."""
    async with Simulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def cloud(sim: Simulator) -> Cloud:
    """Return what is behind the server."""
    return sim.cloud


@pytest.fixture
def whatsapp(cloud: Cloud) -> Instance:
    """Return a WhatsApp instance, not authorized."""
    return cloud.create()


@pytest.fixture
def telegram(cloud: Cloud) -> Instance:
    """Return a Telegram instance, not authorized."""
    return cloud.create("4100000001", "telegram")


@pytest.fixture
def max_(cloud: Cloud) -> Instance:
    """Return a MAX instance, not authorized."""
    return cloud.create("3100000001", "max")


@pytest.fixture
async def http(sim: Simulator) -> AsyncGenerator[httpx.AsyncClient]:
    """Return a client that knows the server's address."""
    async with httpx.AsyncClient(base_url=sim.url, timeout=10, verify=False) as client:  # noqa: S501 - no TLS here
        yield client


@pytest.fixture
def ask(http: httpx.AsyncClient) -> Ask:
    """Return a way to ask the vendor API as the owner of an instance would."""

    def ask(
        instance: Instance,
        method: str,
        *,
        verb: str = "GET",
        token: str | None = None,
        prefix: str = "",
        json: object = None,
    ) -> Awaitable[httpx.Response]:
        verb = verb if json is None else "POST"
        token = instance.token if token is None else token
        path = f"{prefix}/waInstance{instance.id_instance}/{method}/{token}"
        return http.request(verb, path, json=json)

    return ask


@pytest.fixture
async def control(sim: Simulator) -> AsyncGenerator[ControlClient]:
    """Return a client of the control API."""
    async with ControlClient(sim.url) as client:
        yield client


def without_time(answer: httpx.Response) -> dict[str, Any]:
    """Return an error's body but for its time stamp, which must be there."""
    body: dict[str, Any] = answer.json()
    assert body.pop("timestamp").endswith("Z")
    return body
