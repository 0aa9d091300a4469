"""Commands by MQTT, and what is answered."""

import asyncio
from collections.abc import AsyncGenerator
import json
from typing import Any

from homeassistant.core import HomeAssistant
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.broker.connection import Connection, connect
from custom_components.green_api.publisher.brokers import NotSent
from custom_components.green_api.publisher.commands import MOST_WAITING
from custom_components.green_api.publisher.own_broker import OwnBroker
from custom_components.green_api.publisher.topics import Message
from demo.broker import Mosquitto
from simulator import Hang, Instance, Simulator, Status
from tests.conftest import set_up
from tests.waiting import shorten_answer_timeout, shorten_backoff

from .conftest import own_broker
from .subscriber import Subscriber

BASE = "1101000001"
RESPONSE = f"{BASE}/response"
EVENT = f"{BASE}/event"


class Commander:
    """Send commands, and hear what is answered."""

    def __init__(self, broker: Mosquitto, subscriber: Subscriber) -> None:
        """Take the broker and who follows the topics."""
        self._subscriber = subscriber
        self._port = broker.port
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )

    async def connect(self) -> None:
        """Connect to the broker."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()

    async def disconnect(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def order(
        self, command: str, payload: Any = b"{}", *, retain: bool = False
    ) -> None:
        """Send a command; a dict is sent as JSON."""
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        info = self._client.publish(
            f"green_api/{BASE}/command/{command}", payload, 1, retain
        )
        await asyncio.to_thread(info.wait_for_publish, 10)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Return all answers so far."""
        history = self._subscriber.history
        return [item.json for item in history if item.topic == RESPONSE]

    async def answers_after(self, count: int) -> list[dict[str, Any]]:
        """Return the answers as soon as there are so many."""
        await self._subscriber.wait_for(lambda _: len(self.answers) >= count)
        return self.answers

    async def ask(self, command: str, payload: Any = b"{}") -> dict[str, Any]:
        """Return the answer to a command."""
        before = len(self.answers)
        await self.order(command, payload)
        return (await self.answers_after(before + 1))[before]


@pytest.fixture
async def commander(
    broker: Mosquitto, subscriber: Subscriber
) -> AsyncGenerator[Commander]:
    """Return who sends commands; the garbage that it sends is no message of ours."""
    commander = Commander(broker, subscriber)
    subscriber.ignore("+/+/command/#")
    await commander.connect()
    yield commander
    await commander.disconnect()


@pytest.fixture
async def published(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    way: dict[str, Any],
    subscriber: Subscriber,
) -> MockConfigEntry:
    """Publish an authorized instance that takes commands."""
    instance.set_state("authorized")
    options = {"mqtt": "state", "mqtt_commands": True} | way
    entry = await set_up(hass, cloud, instance, **options)
    await subscriber.wait_for_text(f"{BASE}/availability", "online")
    return entry


@pytest.mark.usefixtures("published")
async def test_a_logout_is_done_and_answered(
    commander: Commander, instance: Instance, subscriber: Subscriber
) -> None:
    answer = await commander.ask("logout", {"transaction": "t-1"})
    assert answer == {
        "command": "logout",
        "ok": True,
        "error": None,
        "transaction": "t-1",
    }
    assert instance.state == "notAuthorized"
    await subscriber.wait_for_text(f"{BASE}/state", "not_authorized")
    result = next(
        item.json
        for item in subscriber.history
        if item.topic == EVENT and item.json["event"] == "action_result"
    )
    assert result | {"at": ""} == {
        "event": "action_result",
        "at": "",
        "action": "logout",
        "ok": True,
        "error": None,
    }
    assert not any(item.retained for item in subscriber.history)


@pytest.mark.usefixtures("published")
async def test_the_cloud_sees_what_was_ordered(
    commander: Commander, cloud: Simulator, instance: Instance
) -> None:
    assert (await commander.ask("reboot"))["ok"]
    assert cloud.cloud.log.list(method="reboot")
    instance.set_state("notAuthorized")
    assert (await commander.ask("login", {}))["ok"]
    await cloud.cloud.log.wait_for_open(method="scanqrcode")


@pytest.mark.usefixtures("published")
async def test_what_cannot_be_done_is_said_in_a_word(
    commander: Commander, cloud: Simulator
) -> None:
    answer = await commander.ask("login", {"transaction": "again"})
    assert answer["error"] == "already_registered"
    assert answer["transaction"] == "again"
    cloud.cloud.faults.add(Status(502), method="reboot")
    assert (await commander.ask("reboot"))["error"] == "cloud_failed"
    answer = await commander.ask("send_password", {"password": "pass word"})
    assert answer["error"] == "not_for_messenger"


async def test_a_password_is_handed_on_and_never_said_again(
    hass: HomeAssistant,
    cloud: Simulator,
    commander: Commander,
    subscriber: Subscriber,
    way: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    instance = cloud.cloud.create(BASE, messenger="telegram", password="pass word")
    options = {"mqtt": "state_and_qr", "mqtt_commands": True} | way
    await set_up(hass, cloud, instance, **options)
    await subscriber.wait_for_text(f"{BASE}/qr/availability", "online")
    instance.scan()
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["login"] == "password"
    )
    # Home Assistant's own client logs what it receives.
    caplog.clear()
    wrong = {"password": "wrong word", "transaction": "1"}
    assert (await commander.ask("send_password", wrong))["error"] == "invalid_password"
    right = {"password": "pass word", "transaction": "2"}
    assert (await commander.ask("send_password", right))["ok"]
    await subscriber.wait_for_text(f"{BASE}/state", "authorized")
    said = [item for item in subscriber.history if "/command/" not in item.topic]
    assert not any(
        word in item.payload for item in said for word in (b"pass word", b"wrong word")
    )
    ours = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components")
    ]
    assert not any("pass word" in text or "wrong word" in text for text in ours)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("command", "payload", "error"),
    [
        ("logout", b"", "invalid_payload"),
        ("logout", b"now", "invalid_payload"),
        ("logout", b"[]", "invalid_payload"),
        ("logout", b"null", "invalid_payload"),
        ("logout", b"\xff\xfe", "invalid_payload"),
        ("logout", b'{"transaction": 1}', "invalid_payload"),
        ("logout", b'{"transaction": ""}', "invalid_payload"),
        ("logout", json.dumps({"transaction": "x" * 65}), "invalid_payload"),
        ("logout", b'{"force": true}', "invalid_payload"),
        ("logout", b"{" + b" " * 4096 + b"}", "invalid_payload"),
        ("logout", b"[" * 4000, "invalid_payload"),
        ("send_password", b"", "invalid_payload"),
        ("send_password", b'{"password": ""}', "invalid_payload"),
        ("send_password", b'{"password": 1}', "invalid_payload"),
        ("delete", b"", "unknown_command"),
        ("logout/now", b"", "unknown_command"),
        ("send_code", b"", "unknown_command"),
    ],
)
async def test_a_bad_command_does_nothing_and_is_answered(
    commander: Commander,
    cloud: Simulator,
    command: str,
    payload: bytes,
    error: str,
) -> None:
    answer = await commander.ask(command, payload)
    assert answer["ok"] is False
    assert answer["error"] == error
    assert answer["transaction"] is None
    assert not cloud.cloud.log.list(method="logout")


@pytest.mark.usefixtures("published")
async def test_a_bad_command_is_answered_with_its_transaction(
    commander: Commander,
) -> None:
    answer = await commander.ask("logout", {"transaction": "t", "force": True})
    assert answer["transaction"] == "t"
    assert answer["error"] == "invalid_payload"


async def test_a_retained_command_is_dropped(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    commander: Commander,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    await commander.order("logout", retain=True)
    instance.set_state("authorized")
    options = {"mqtt": "state", "mqtt_commands": True} | way
    await set_up(hass, cloud, instance, **options)
    answer = (await commander.answers_after(1))[0]
    assert answer["error"] == "retained"
    assert (await commander.ask("logout", {"x": 1}))["error"] == "invalid_payload"
    assert not cloud.cloud.log.list(method="logout")


async def test_commands_are_heard_before_the_instance_is_online(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the connection comes in the middle of an attempt without one."""
    may_connect, connected = asyncio.Event(), asyncio.Event()
    done: list[str] = []
    begin, subscribe, publish = OwnBroker._begin, OwnBroker.subscribe, OwnBroker.publish

    async def connect_late(*args: Any, **kwargs: Any) -> Connection:
        await may_connect.wait()
        return await connect(*args, **kwargs)

    def begin_and_note(own: OwnBroker) -> None:
        begin(own)
        connected.set()

    async def subscribe_late(own: OwnBroker, *args: Any) -> None:
        try:
            await subscribe(own, *args)
        except NotSent:
            await connected.wait()
            raise
        done.append("command/#")

    async def note_and_publish(own: OwnBroker, topic: str, message: Message) -> None:
        done.append(topic)
        await publish(own, topic, message)

    publisher = "custom_components.green_api.publisher"
    monkeypatch.setattr(f"{publisher}.own_broker.connect", connect_late)
    monkeypatch.setattr(OwnBroker, "_begin", begin_and_note)
    monkeypatch.setattr(OwnBroker, "subscribe", subscribe_late)
    monkeypatch.setattr(OwnBroker, "publish", note_and_publish)
    instance.set_state("authorized")
    options = {"mqtt": "state", "mqtt_commands": True} | own_broker(broker)
    entry = await set_up(hass, cloud, instance, **options)
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=False)
    may_connect.set()
    await subscriber.wait_for_text(f"{BASE}/availability", "online")
    assert done[0] == "command/#"


@pytest.mark.usefixtures("published")
async def test_a_flood_is_answered_and_carried_out_within_measure(
    commander: Commander, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_answer_timeout(monkeypatch, 2)
    cloud.cloud.faults.add(Hang(), method="reboot", count=1)
    await commander.order("reboot", {"transaction": "first"})
    await cloud.cloud.log.wait_for_open(method="reboot")
    for number in range(MOST_WAITING + 3):
        await commander.order("login", {"transaction": str(number)})
    busy = await commander.answers_after(3)
    assert [item["error"] for item in busy] == ["busy"] * 3
    assert [item["transaction"] for item in busy] == [
        str(MOST_WAITING + number) for number in range(3)
    ]
    answers = await commander.answers_after(MOST_WAITING + 4)
    assert [item["transaction"] for item in answers[3:]] == [
        "first",
        *(str(number) for number in range(MOST_WAITING)),
    ]


async def test_without_the_option_nothing_is_heard(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    commander: Commander,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    instance.set_state("authorized")
    entry = await set_up(hass, cloud, instance, **{"mqtt": "state"} | way)
    await subscriber.wait_for_text(f"{BASE}/availability", "online")
    await commander.order("logout")
    instance.set_state("starting")
    await entry.runtime_data.async_refresh()
    await subscriber.wait_for_text(f"{BASE}/state", "starting")
    assert not commander.answers
    assert not cloud.cloud.log.list(method="logout")


async def test_a_commands_end_outlives_the_brokers(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    way: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands are heard again after the broker was away."""
    monkeypatch.setattr(
        "homeassistant.components.mqtt.client.RECONNECT_INTERVAL_SECONDS", 1
    )
    shorten_backoff(monkeypatch)
    instance.set_state("authorized")
    options = {"mqtt": "state", "mqtt_commands": True} | way
    await set_up(hass, cloud, instance, **options)
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(f"{BASE}/availability", "online")
    await broker.kill()
    await broker.start()
    async with Subscriber(broker.port) as after:
        await after.wait_for_text(f"{BASE}/availability", "online")
        after.ignore("+/+/command/#")
        commander = Commander(broker, after)
        await commander.connect()
        assert (await commander.ask("logout"))["ok"]
        await commander.disconnect()
    assert instance.state == "notAuthorized"
