"""Real brokers, and what leads to them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trustme

from custom_components.green_api.broker.settings import BrokerSettings
from demo.broker import EmbeddedBroker, Mosquitto
from tests.mosquitto import StartMosquitto, free_port, run_mosquittos

from .certificates import HOST


def settings_for(port: int, **more: object) -> BrokerSettings:
    """Return the way to a broker on this machine."""
    fields = {"host": HOST, "port": port, "client_id": "green_api_1101000001"}
    return BrokerSettings(**fields | more)  # type: ignore[arg-type]


@pytest.fixture
async def start_mosquitto(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[StartMosquitto]:
    """Return what starts Mosquittos, each with the lines of its listener's options."""
    async with run_mosquittos(tmp_path) as start:
        yield start


@pytest.fixture
async def broker(start_mosquitto: StartMosquitto) -> Mosquitto:
    """Run a Mosquitto that takes anybody."""
    return await start_mosquitto()


@pytest.fixture
async def embedded_broker(socket_enabled: None) -> AsyncGenerator[EmbeddedBroker]:
    """Run a broker that speaks MQTT 3.1.1 only."""
    broker = EmbeddedBroker(free_port())
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return an authority that nobody trusts by himself."""
    return trustme.CA()


@pytest.fixture(scope="session")
def other_authority() -> trustme.CA:
    """Return one more."""
    return trustme.CA()
