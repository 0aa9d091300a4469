"""A real broker, and Home Assistant's MQTT integration connected to it."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.broker import Broker, BrokerKind, EmbeddedBroker, Mosquitto, choose_broker
from demo.ports import choose_ports
from tests.waiting import lift_limits

from .subscriber import Subscriber


@pytest.fixture(autouse=True)
def _no_configuration(mock_hass_config: None) -> None:
    """Let Home Assistant's MQTT integration read an empty configuration."""


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the cloud as fast as it goes: this is about the other side."""
    lift_limits(monkeypatch)


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow the timer that Home Assistant's MQTT client leaves."""
    return True


@pytest.fixture
async def broker(tmp_path: Path, socket_enabled: None) -> AsyncGenerator[Mosquitto]:
    """Run a Mosquitto that forgets everything when it stops."""
    port = choose_ports({"broker": 0})["broker"]
    broker = choose_broker(BrokerKind.MOSQUITTO, port, tmp_path)
    assert isinstance(broker, Mosquitto)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def embedded_broker(socket_enabled: None) -> AsyncGenerator[EmbeddedBroker]:
    """Run a broker that speaks MQTT 3.1.1 only."""
    broker = EmbeddedBroker(choose_ports({"broker": 0})["broker"])
    await broker.start()
    yield broker
    await broker.stop()


async def set_up_mqtt(hass: HomeAssistant, broker: Broker) -> MockConfigEntry:
    """Set Home Assistant's MQTT integration up for the broker."""
    entry = MockConfigEntry(
        domain="mqtt",
        version=2,
        minor_version=1,
        data={
            "broker": "127.0.0.1",
            "port": broker.port,
            "protocol": broker.protocol,
        },
        # It is sent some time after connecting, and fails loudly where a test has
        # stopped the broker by then.
        options={"birth_message": {}},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


@pytest.fixture
async def mqtt_entry(hass: HomeAssistant, broker: Mosquitto) -> MockConfigEntry:
    """Connect Home Assistant to the broker by MQTT 5."""
    return await set_up_mqtt(hass, broker)


def own_broker(broker: Broker, **more: Any) -> dict[str, Any]:
    """Return the options for a connection of an instance's own."""
    connection = {
        "host": "127.0.0.1",
        "port": broker.port,
        "client_id": "green_api_1101000001_0a1b2c3d",
    }
    return {"mqtt_broker": "own", "mqtt_connection": connection | more}


@pytest.fixture(params=["home_assistant", "own"])
async def way(
    hass: HomeAssistant, broker: Mosquitto, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """Return the options for either way to the broker, ready to use."""
    if request.param == "own":
        return own_broker(broker)
    await set_up_mqtt(hass, broker)
    return {}


@pytest.fixture
async def subscriber(broker: Mosquitto) -> AsyncGenerator[Subscriber]:
    """Follow all topics from the beginning."""
    async with Subscriber(broker.port) as subscriber:
        yield subscriber
