"""The demo's own broker, where many come at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
import pytest

from demo.broker import EmbeddedBroker
from demo.ports import HOST, choose_ports


@asynccontextmanager
async def subscribed(port: int, *topics: str) -> AsyncGenerator[None]:
    """Subscribe to one topic after the other, by a client that connects once."""
    loop, done, left = asyncio.get_running_loop(), asyncio.Event(), list(topics)
    client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)

    def go_on(*_: object) -> None:
        if left:
            client.subscribe(left.pop())
        else:
            loop.call_soon_threadsafe(done.set)

    client.on_connect = client.on_subscribe = go_on
    await asyncio.to_thread(client.connect, HOST, port)
    client.loop_start()
    try:
        async with asyncio.timeout(30):
            await done.wait()
        yield
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


@pytest.mark.usefixtures("socket_enabled")
async def test_some_subscribe_while_others_connect() -> None:
    broker = EmbeddedBroker(choose_ports({"broker": 0})["broker"])
    await broker.start()
    topics = [f"home/{number}" for number in range(50)]
    kept: list[publish.MessageTuple] = [(topic, "on", 1, True) for topic in topics]
    await asyncio.to_thread(publish.multiple, kept, HOST, broker.port)

    async def subscribe(*topics: str) -> None:
        async with subscribed(broker.port, *topics):
            pass

    async with subscribed(broker.port, *topics), asyncio.TaskGroup() as group:
        group.create_task(subscribe(*(f"others/{number}" for number in range(300))))
        for _ in range(40):
            await subscribe("home/#")
    await broker.stop()
