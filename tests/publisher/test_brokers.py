"""The way to the broker, where there is none or a message is too old."""

import asyncio
from datetime import timedelta

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.green_api.publisher.brokers import NotSent
from custom_components.green_api.publisher.home_assistant_broker import (
    HomeAssistantBroker,
)
from custom_components.green_api.publisher.topics import Message
from demo.broker import Mosquitto

from .conftest import set_up_mqtt
from .subscriber import Subscriber

TOPIC = "green_api/1101000001/qr/image"


async def test_no_mqtt_at_all_is_no_connection(hass: HomeAssistant) -> None:
    broker = HomeAssistantBroker(hass, lambda _: None)
    assert broker.problem
    with pytest.raises(NotSent):
        await broker.publish(TOPIC, Message("x"))


async def test_mqtt_without_an_entry_is_no_connection(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "mqtt", {})
    broker = HomeAssistantBroker(hass, lambda _: None)
    assert broker.problem
    with pytest.raises(NotSent):
        await broker.clear(TOPIC)


async def test_a_dead_code_is_not_sent(
    hass: HomeAssistant, broker: Mosquitto, subscriber: Subscriber
) -> None:
    connected = asyncio.Event()
    subscriber.ignore(TOPIC)
    client = HomeAssistantBroker(hass, lambda _: connected.set())
    client.open()
    await set_up_mqtt(hass, broker)
    await connected.wait()
    dead = Message(b"dead", dt_util.utcnow() + timedelta(seconds=0.9))
    with pytest.raises(NotSent):
        await client.publish(TOPIC, dead)

    alive = Message(b"alive", dt_util.utcnow() + timedelta(seconds=9.9))
    await client.publish(TOPIC, alive)
    code = await subscriber.wait_for(lambda latest: latest["1101000001/qr/image"])
    assert code.payload == b"alive"
    assert code.expiry in (8, 9)
    assert len(subscriber.history) == 1
    await client.close()


async def test_a_connection_is_told_but_not_after_closing(
    hass: HomeAssistant, broker: Mosquitto
) -> None:
    told: list[bool] = []
    connected = asyncio.Event()

    def tell(connected_now: bool) -> None:
        told.append(connected_now)
        connected.set()

    client = HomeAssistantBroker(hass, tell)
    client.open()
    entry = await set_up_mqtt(hass, broker)
    await connected.wait()
    first = len(told)

    await client.close()
    await client.close()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert len(told) == first == 1
