"""A connection of the instance's own, seen from the topics."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
import os
from pathlib import Path
import signal
import socket
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.broker.client import ReadyClient
from custom_components.green_api.broker.connection import Connection, connect
from custom_components.green_api.broker.dial import dial
from custom_components.green_api.broker.settings import BrokerSettings, Will
from custom_components.green_api.publisher.own_broker import OwnBroker
from demo.broker import EmbeddedBroker, Mosquitto
from demo.places import mosquitto
from demo.ports import choose_ports
from simulator import Instance, Simulator
from tests.conftest import entry_of, set_up
from tests.waiting import BOUND, shorten_backoff, wait_until

from .conftest import own_broker
from .subscriber import Subscriber

BASE = "1101000001"
AVAILABILITY = f"{BASE}/availability"
EVENT = f"{BASE}/event"
CONNECTION = "custom_components.green_api.broker.connection"


async def change(hass: HomeAssistant, entry: MockConfigEntry, **options: Any) -> None:
    """Change options as the dialog does."""
    hass.config_entries.async_update_entry(entry, options=entry.options | options)
    assert await hass.config_entries.async_reload(entry.entry_id)


def free_port() -> int:
    """Return a port that nobody listens at."""
    return choose_ports({"broker": 0})["broker"]


@pytest.fixture
async def other_broker(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[Mosquitto]:
    """Run one more Mosquitto, which lets nobody write `state`, nor beside us."""
    rules = tmp_path / "acl"
    rules.write_text(
        "topic readwrite green_api/+/availability\n"
        "topic readwrite green_api/+/attributes\n"
        "topic readwrite green_api/+/event\n"
        "topic read green_api/+/state\n"
        "topic readwrite subscriber/#\n"
    )
    program = mosquitto()
    assert program
    options = ("allow_anonymous true", f"acl_file {rules}")
    broker = Mosquitto(program, free_port(), tmp_path / "other", options)
    await broker.start()
    yield broker
    await broker.stop()


async def test_the_last_will_says_that_nobody_is_there(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sockets: list[socket.socket] = []

    async def dial_and_keep(*args: Any) -> socket.socket:
        sockets.append(await dial(*args))
        return sockets[-1]

    monkeypatch.setattr(f"{CONNECTION}.dial", dial_and_keep)
    shorten_backoff(monkeypatch)
    await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state_and_qr")
    await subscriber.wait_for_text(f"{BASE}/qr/availability", "online")
    await subscriber.wait_for_text(AVAILABILITY, "online")

    before = len(subscriber.history)
    sockets[0].shutdown(socket.SHUT_RDWR)
    await subscriber.wait_for(
        lambda _: any(
            item.topic == AVAILABILITY and item.text == "offline"
            for item in subscriber.history[before:]
        )
    )
    # And it is back by itself.
    await subscriber.wait_for_text(AVAILABILITY, "online")


async def test_another_broker_leaves_nothing_on_the_former(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    embedded_broker: EmbeddedBroker,
    subscriber: Subscriber,
) -> None:
    options = {"mqtt": "state_and_qr", "mqtt_base64": True, "mqtt_discovery": True}
    entry = await set_up(hass, cloud, instance, **own_broker(broker), **options)
    await subscriber.wait_for_text(f"{BASE}/qr/availability", "online")
    await change(hass, entry, **own_broker(embedded_broker))
    await subscriber.wait_for(
        lambda latest: (
            not any(item.payload for topic, item in latest.items() if topic != EVENT)
        )
    )
    async with Subscriber(broker.port, "+") as late:
        assert late.history == []
    assert entry.data["mqtt_topics"]
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_what_stays_on_a_former_broker_that_is_away_is_named(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    embedded_broker: EmbeddedBroker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state")
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(AVAILABILITY, "online")
    await broker.kill()
    await change(hass, entry, **own_broker(embedded_broker))
    assert f"green_api/{AVAILABILITY}" in caplog.text
    assert "No broker was there to remove" in caplog.text
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_turned_off_it_clears_and_leaves(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten_backoff(monkeypatch)
    entry = await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state")
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(AVAILABILITY, "online")
    await broker.kill()
    await change(hass, entry, mqtt="off")
    assert entry.data["mqtt_topics"]
    await broker.start()
    await wait_until(hass, lambda: not entry.data["mqtt_topics"])
    connections = [
        task for task in hass._background_tasks if "MQTT connection" in task.get_name()
    ]
    async with asyncio.timeout(BOUND):
        await asyncio.gather(*connections, return_exceptions=True)


async def test_removal_does_not_wait_long_for_a_broker_that_hangs(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("custom_components.green_api.publisher.REMOVAL_TIMEOUT", 0.2)
    publisher = "custom_components.green_api.publisher.publisher"
    monkeypatch.setattr(f"{publisher}.FAREWELL_TIMEOUT", 0.2)
    monkeypatch.setattr(f"{CONNECTION}.CLOSE_TIMEOUT", 0.2)
    entry = await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state")
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(AVAILABILITY, "online")
    assert broker.process.pid
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        await hass.config_entries.async_remove(entry.entry_id)
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)
    assert "No broker was there to remove" in caplog.text


async def test_removal_leaves_no_will_behind(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wills = []

    async def connect_and_note(settings: BrokerSettings, **more: Any) -> Connection:
        wills.append(more["will"])
        return await connect(settings, **more)

    monkeypatch.setattr(
        "custom_components.green_api.publisher.own_broker.connect", connect_and_note
    )
    entry = await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state")
    await subscriber.wait_for_text(AVAILABILITY, "online")
    await hass.config_entries.async_remove(entry.entry_id)
    assert wills == [Will(f"green_api/{AVAILABILITY}", "offline"), None]


async def test_what_the_broker_forbids_stops_nothing_else_and_is_told(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    other_broker: Mosquitto,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = "custom_components.green_api.publisher.watch"
    monkeypatch.setattr(f"{watch}.LIMIT", timedelta(seconds=0.5))
    options = {"mqtt": "state", "mqtt_commands": True} | own_broker(other_broker)
    async with Subscriber(other_broker.port) as subscriber:
        await set_up(hass, cloud, instance, **options)
        await subscriber.wait_for_text(AVAILABILITY, "online")
        await subscriber.wait_for(lambda latest: latest[f"{BASE}/attributes"].json)
    await wait_until(hass, lambda: ir.async_get(hass).issues)
    (told,) = ir.async_get(hass).issues.values()
    assert told.translation_placeholders
    assert "ACL" in told.translation_placeholders["problem"]
    assert "broker_not_authorized" in caplog.text


async def test_what_may_not_be_removed_or_announced_keeps_nothing_else_back(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    other_broker: Mosquitto,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = entry_of(
        cloud, instance, mqtt="state", mqtt_discovery=True, **own_broker(other_broker)
    )
    entry.add_to_hass(hass)
    data = {**entry.data, "mqtt_topics": ["old/1101000001/state"]}
    hass.config_entries.async_update_entry(entry, data=data)
    async with Subscriber(other_broker.port) as subscriber:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await subscriber.wait_for_text(AVAILABILITY, "online")
        instance.scan()
        await entry.runtime_data.async_refresh()
        await subscriber.wait_for(
            lambda _: any(
                item.topic == EVENT and item.json["event"] == "authorized"
                for item in subscriber.history
            )
        )
    assert "does not let us remove old/1101000001/state" in caplog.text
    assert "old/1101000001/state" not in entry.data["mqtt_topics"]


async def test_an_event_never_overtakes_the_state_that_it_tells_of(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, sent = asyncio.Event(), asyncio.Event()
    send = OwnBroker.send

    async def send_and_wait(owner: OwnBroker, *args: Any, **kwargs: Any) -> None:
        await send(owner, *args, **kwargs)
        if args[1] == "starting":
            sent.set()
            await gate.wait()

    monkeypatch.setattr(OwnBroker, "send", send_and_wait)
    entry = await set_up(hass, cloud, instance, mqtt="state", **own_broker(broker))
    await subscriber.wait_for_text(AVAILABILITY, "online")
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["login"] == "showing"
    )

    instance.set_state("starting")
    await entry.runtime_data.async_refresh()
    await sent.wait()
    # While the acknowledgement is out, more happens.
    instance.set_state("authorized")
    await entry.runtime_data.async_refresh()
    gate.set()
    await subscriber.wait_for(
        lambda latest: latest[EVENT].json["event"] == "authorized"
    )
    told = [
        item.text if item.topic.endswith("/state") else item.json["event"]
        for item in subscriber.history
        if item.topic in {f"{BASE}/state", EVENT}
    ]
    assert told[-5:] == [
        "starting",
        "state_changed",
        "authorized",
        "state_changed",
        "authorized",
    ]


async def test_a_connection_that_comes_and_goes_is_told(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two with one client id throw each other off."""
    watch = "custom_components.green_api.publisher.watch"
    monkeypatch.setattr(f"{watch}.LIMIT", timedelta(seconds=1))
    monkeypatch.setattr(f"{watch}.CALM", timedelta(seconds=2))
    shorten_backoff(monkeypatch, 0.3)
    options = own_broker(broker)
    rival = Client(
        CallbackAPIVersion.VERSION2,
        options["mqtt_connection"]["client_id"],
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    rival.reconnect_delay_set(1, 1)
    await set_up(hass, cloud, instance, mqtt="state", **options)
    async with Subscriber(broker.port) as subscriber:
        await subscriber.wait_for_text(AVAILABILITY, "online")
    await asyncio.to_thread(rival.connect, "127.0.0.1", broker.port)
    rival.loop_start()
    await wait_until(hass, lambda: ir.async_get(hass).issues)
    rival.disconnect()
    await asyncio.to_thread(rival.loop_stop)
    await wait_until(hass, lambda: not ir.async_get(hass).issues)


async def test_an_unforeseen_error_does_not_end_the_connecting(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shorten_backoff(monkeypatch)
    start = ReadyClient.loop_start
    failures = [OSError(24, "Too many open files")]

    def fail_once(client: ReadyClient) -> object:
        if failures:
            raise failures.pop()
        return start(client)

    monkeypatch.setattr(ReadyClient, "loop_start", fail_once)
    await set_up(hass, cloud, instance, **own_broker(broker), mqtt="state")
    await subscriber.wait_for_text(AVAILABILITY, "online")
    assert "Unexpected error on the way to 127.0.0.1" in caplog.text
