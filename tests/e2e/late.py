"""A subscriber who comes late: what a broker keeps at this moment."""

import asyncio
from datetime import datetime
import threading
from typing import Any
from uuid import uuid4

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from demo.mqtt_watch import Received
from demo.ports import HOST

_SECONDS = 20


async def retained(port: int, *, protocol: str = "5") -> dict[str, Received]:
    """Return what is kept on every topic of a broker but its own statistics."""
    return await asyncio.to_thread(_read, port, modern=protocol == "5")


def _read(port: int, *, modern: bool) -> dict[str, Received]:
    found: dict[str, Received] = {}
    complete = threading.Event()
    # All that is retained comes before this message to ourselves.
    marker = f"late/{uuid4().hex}"

    def subscribe(client: Client, *_: Any) -> None:
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        client.subscribe([("#", options if modern else 1)])

    def mark(client: Client, *_: Any) -> None:
        client.publish(marker, b"end", qos=1)

    def take(_client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == marker:
            complete.set()
        elif message.retain and message.payload:
            expiry = getattr(message.properties, "MessageExpiryInterval", None)
            found[message.topic] = Received(
                at=datetime.now().astimezone(),
                topic=message.topic,
                payload=bytes(message.payload),
                retained=True,
                expiry=expiry,
            )
        elif message.retain:
            found.pop(message.topic, None)

    version = MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311
    client = Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.on_connect = subscribe
    client.on_subscribe = mark
    client.on_message = take
    client.connect(HOST, port)
    client.loop_start()
    try:
        if not complete.wait(_SECONDS):
            msg = f"the broker at port {port} does not answer a late subscriber"
            raise TimeoutError(msg)
    finally:
        client.disconnect()
        client.loop_stop()
    return found
