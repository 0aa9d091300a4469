"""The topics across a bridge of two real brokers, as docs/scale-out.md has it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
import hashlib
from pathlib import Path
import re
import secrets
import socket
import threading
from typing import Any, Self

from homeassistant.core import HomeAssistant
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import trustme

from demo.broker import Mosquitto
from demo.mqtt_watch import Received
from demo.places import ROOT, mosquitto
from demo.ports import choose_ports
from demo.waiting import until
from simulator import Instance, Simulator
from tests.broker.certificates import HOST, ca_text, issue
from tests.conftest import set_up
from tests.e2e.late import retained
from tests.e2e.relay import Relay

from .conftest import own_broker
from .subscriber import Subscriber

BASE = "green_api/1101000001"
DISCOVERY = "homeassistant/device/green_api_1101000001/config"
NOTIFICATION = "bridges/home"

# The bridge hands these on with QoS 0, so that nothing of them waits.
LIVE = ("+/+/event", "+/+/response", "+/+/command/+")
PASSWORD = "a-password-of-your-own"
SECONDS = 20

ANYBODY = ("allow_anonymous true",)

OPTIONS = {
    "mqtt": "state_and_qr",
    "mqtt_commands": True,
    "mqtt_discovery": True,
    "mqtt_base64": True,
}

type StartMosquitto = Callable[..., Awaitable[Mosquitto]]


def documented(name: str) -> list[str]:
    """Return the lines of a file as the documentation shows it."""
    text = (ROOT / "docs" / "scale-out.md").read_text()
    blocks = re.findall(r"^```conf\n# (\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return dict(blocks)[name].splitlines()


def bridge(name: str, far: int) -> list[str]:
    """Return a documented bridge to the broker at this port."""
    lines = documented(name)
    assert "address far.example:1883" in lines
    place = lines.index("address far.example:1883")
    # So that it is tried again soon.
    lines[place : place + 1] = [f"address {HOST}:{far}", "restart_timeout 1"]
    return lines


@pytest.fixture
async def start_mosquitto(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[StartMosquitto]:
    """Return what starts a Mosquitto with these lines after its listener."""
    program = mosquitto()
    assert program, "there is no Mosquitto: run scripts/setup broker"
    started: list[Mosquitto] = []

    async def start(name: str, *lines: str) -> Mosquitto:
        port = choose_ports({name: 0})[name]
        options = lines if "allow_anonymous false" in lines else ANYBODY + lines
        broker = Mosquitto(program, port, tmp_path / name, options)
        started.append(broker)
        await broker.start()
        return broker

    yield start
    for broker in started:
        await broker.stop()


@pytest.fixture
async def far(start_mosquitto: StartMosquitto) -> Mosquitto:
    """Run the broker that the bridge leads to."""
    return await start_mosquitto("far")


@pytest.fixture
async def near(start_mosquitto: StartMosquitto, far: Mosquitto) -> Mosquitto:
    """Run the broker beside Home Assistant, with the documented bridge."""
    near = await start_mosquitto("near", *bridge("green-api.conf", far.port))
    await expect(far, NOTIFICATION, b"1")
    return near


@pytest.fixture
async def far_side(far: Mosquitto) -> AsyncGenerator[Subscriber]:
    """Follow the topics on the far side."""
    async with Subscriber(far.port) as subscriber:
        subscriber.ignore(*LIVE)
        yield subscriber


async def expect(broker: Mosquitto, topic: str, payload: bytes | None) -> None:
    """Wait until a late subscriber gets this from a topic, or nothing from it."""

    async def probe() -> bool | None:
        found = (await retained(broker.port)).get(topic)
        return (found.payload if found else None) == payload or None

    await until(f"{topic} has {payload!r}", probe, seconds=SECONDS)


async def expect_nothing(broker: Mosquitto) -> None:
    """Wait until a late subscriber gets nothing of an instance."""

    async def probe() -> bool | None:
        return {*await retained(broker.port)} == {NOTIFICATION} or None

    await until("all is cleared", probe, seconds=SECONDS)


async def same_on_both_sides(
    near: Mosquitto, far: Mosquitto
) -> tuple[dict[str, Received], dict[str, Received]]:
    """Wait until late subscribers get the same; return what of the far and the near."""

    async def probe() -> tuple[dict[str, Received], dict[str, Received]] | None:
        there, here = await retained(far.port), await retained(near.port)
        crossed = {topic: item.payload for topic, item in there.items()}
        kept = {topic: item.payload for topic, item in here.items()}
        same = DISCOVERY in kept and crossed == kept | {NOTIFICATION: b"1"}
        return (there, here) if same else None

    return await until("both brokers have the same", probe, seconds=SECONDS)


async def say(
    broker: Mosquitto,
    topic: str,
    payload: str | bytes,
    *,
    retain: bool = False,
    expiry: int | None = None,
) -> None:
    """Publish a message and wait until the broker has it."""

    def publish() -> None:
        client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        client.connect(HOST, broker.port)
        client.loop_start()
        properties = Properties(PacketTypes.PUBLISH)
        if expiry is not None:
            properties.MessageExpiryInterval = expiry
        client.publish(topic, payload, 1, retain, properties).wait_for_publish(SECONDS)
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(publish)


def events(subscriber: Subscriber) -> list[str]:
    """Return the events that a subscriber has heard of."""
    return [
        item.json["event"]
        for item in subscriber.history
        if item.topic == "1101000001/event"
    ]


def answers(subscriber: Subscriber) -> list[dict[str, Any]]:
    """Return the answers to commands that a subscriber has heard."""
    return [
        item.json for item in subscriber.history if item.topic == "1101000001/response"
    ]


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, near: Mosquitto
) -> MockConfigEntry:
    """Publish an instance on the broker at home, over its own connection."""
    return await set_up(hass, cloud, instance, **OPTIONS, **own_broker(near))


async def test_login_and_removal_cross_whole(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    instance: Instance,
    near: Mosquitto,
    far: Mosquitto,
    far_side: Subscriber,
) -> None:
    await far_side.wait_for_text("1101000001/availability", "online")
    late, at_home = await same_on_both_sides(near, far)
    assert instance.code
    assert late[f"{BASE}/qr/image"].payload == instance.code.png
    for name in ("availability", "qr/availability", "qr/image", "qr/meta", "qr/base64"):
        here, there = late[f"{BASE}/{name}"].expiry, at_home[f"{BASE}/{name}"].expiry
        assert here is not None
        assert there is not None
        assert abs(here - there) <= 2

    instance.scan()
    await far_side.wait_for_text("1101000001/state", "authorized")
    await far_side.wait_for(lambda _: "authorized" in events(far_side))
    assert not any(
        item.retained for item in far_side.history if item.topic == "1101000001/event"
    )

    await say(far, f"{BASE}/command/logout", '{"transaction": "far"}')
    await far_side.wait_for(lambda _: answers(far_side))
    assert answers(far_side) == [
        {"command": "logout", "ok": True, "error": None, "transaction": "far"}
    ]
    assert instance.state == "notAuthorized"

    await hass.config_entries.async_remove(entry.entry_id)
    await expect_nothing(far)
    # Each once: nothing has gone in circles.
    heard = [(item.topic, item.payload) for item in far_side.history]
    told = [item for item in heard if item[0] == "1101000001/event"]
    assert len(told) == len(set(told))
    assert [topic for topic, _ in heard if "command" in topic] == [
        "1101000001/command/logout"
    ]


async def test_what_is_ordered_at_home_stays_at_home(
    near: Mosquitto, far: Mosquitto, far_side: Subscriber
) -> None:
    await say(near, f"{BASE}/command/send_password", '{"password": "secret"}')
    await say(near, f"{BASE}/state", "authorized", retain=True)
    await far_side.wait_for_text("1101000001/state", "authorized")
    assert [item.topic for item in far_side.history] == ["1101000001/state"]


@pytest.mark.parametrize(
    ("version", "left"),
    [("mqttv50", None), ("mqttv311", b"a code")],
    ids=["documented", "default"],
)
async def test_only_a_bridge_of_mqtt_5_lets_a_code_die(
    start_mosquitto: StartMosquitto, far: Mosquitto, version: str, left: bytes | None
) -> None:
    lines = bridge("green-api.conf", far.port)
    documented_line = "bridge_protocol_version mqttv50"
    assert documented_line in lines
    lines[lines.index(documented_line)] = f"bridge_protocol_version {version}"
    near = await start_mosquitto("near", *lines)
    await expect(far, NOTIFICATION, b"1")
    await say(near, f"{BASE}/qr/image", b"a code", retain=True, expiry=2)
    await expect(far, f"{BASE}/qr/image", b"a code")
    await expect(near, f"{BASE}/qr/image", None)
    await expect(far, f"{BASE}/qr/image", left)
    # A clearing crosses either way.
    await say(near, f"{BASE}/qr/image", b"", retain=True)
    await expect(far, f"{BASE}/qr/image", None)


async def test_a_will_crosses(near: Mosquitto, far: Mosquitto) -> None:
    await say(near, f"{BASE}/availability", "online", retain=True, expiry=150)
    await expect(far, f"{BASE}/availability", b"online")

    def break_off() -> None:
        client = Client(CallbackAPIVersion.VERSION2)
        client.will_set(f"{BASE}/availability", "offline", 1, retain=True)
        client.connect(HOST, near.port)
        while not client.is_connected():
            client.loop()
        broken = client.socket()
        assert isinstance(broken, socket.socket)
        broken.shutdown(socket.SHUT_RDWR)
        client.loop()

    await asyncio.to_thread(break_off)
    await expect(far, f"{BASE}/availability", b"offline")


async def test_after_an_outage_of_the_line_only_the_present_crosses(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    start_mosquitto: StartMosquitto,
    far: Mosquitto,
    far_side: Subscriber,
) -> None:
    line = Relay(choose_ports({"line": 0})["line"], far.port)
    await line.open()
    near = await start_mosquitto("near", *bridge("green-api.conf", line.port))
    entry = await set_up(hass, cloud, instance, **OPTIONS, **own_broker(near))
    await far_side.wait_for_text("1101000001/qr/availability", "online")
    await line.cut()
    await expect(far, NOTIFICATION, b"0")

    async with Subscriber(near.port) as near_side:
        instance.scan()
        await near_side.wait_for(lambda _: "authorized" in events(near_side))
        await hass.config_entries.async_remove(entry.entry_id)
        await say(far, f"{BASE}/command/logout", "{}")
        told = events(far_side)

        await line.open()
        await expect(far, NOTIFICATION, b"1")
        await expect_nothing(far)
        await say(far, f"{BASE}/command/reboot", "{}")
        await near_side.wait_for_text("1101000001/command/reboot", "{}")
    assert events(far_side) == told
    commands = [item.topic for item in near_side.history if "/comm" in item.topic]
    assert commands == ["1101000001/command/reboot"]
    await line.cut()


@pytest.mark.usefixtures("entry")
async def test_a_command_retained_on_the_far_side_is_refused(
    instance: Instance, far: Mosquitto, far_side: Subscriber
) -> None:
    await far_side.wait_for_text("1101000001/qr/availability", "online")
    instance.scan()
    await far_side.wait_for_text("1101000001/state", "authorized")
    await say(far, f"{BASE}/command/logout", "{}", retain=True)
    await far_side.wait_for(lambda _: answers(far_side))
    assert answers(far_side)[0]["error"] == "retained"
    assert instance.state == "authorized"


async def test_an_old_far_broker_gets_nothing_that_dies(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    start_mosquitto: StartMosquitto,
    far: Mosquitto,
    far_side: Subscriber,
) -> None:
    near = await start_mosquitto("near", *bridge("old-far-broker.conf", far.port))
    await expect(far, NOTIFICATION, b"1")
    await set_up(hass, cloud, instance, **OPTIONS, **own_broker(near))
    await far_side.wait_for(
        lambda latest: latest["1101000001/attributes"].json["login"] == "showing"
    )
    instance.scan()
    await far_side.wait_for_text("1101000001/state", "authorized")
    await far_side.wait_for(lambda _: "authorized" in events(far_side))
    assert {item.topic for item in far_side.history} == {
        "1101000001/state",
        "1101000001/attributes",
        "1101000001/event",
    }


def password_line(user: str, password: str) -> str:
    """Return a line of Mosquitto's password file."""
    salt = secrets.token_bytes(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${b64encode(salt).decode()}${b64encode(key).decode()}"


class User:
    """Somebody with a password on the far side, who subscribes to all topics."""

    def __init__(self, name: str, port: int, authority: Path) -> None:
        """Take who it is and where to connect to."""
        self.heard: list[str] = []
        self._news = threading.Condition()
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(name, PASSWORD)
        self._client.tls_set(str(authority))
        self._client.on_connect = lambda *_: self._client.subscribe("#", 1)
        self._client.on_message = self._take
        self._port = port

    async def __aenter__(self) -> Self:
        """Connect."""
        await asyncio.to_thread(self._client.connect, HOST, self._port)
        self._client.loop_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def say(self, topic: str, payload: str) -> None:
        """Publish a message; the broker does not say whether it takes it."""
        info = self._client.publish(topic, payload, 1)
        await asyncio.to_thread(info.wait_for_publish, SECONDS)

    async def wait_for(self, topic: str) -> None:
        """Wait until something was heard on a topic."""

        def wait() -> bool:
            with self._news:
                return self._news.wait_for(lambda: topic in self.heard, SECONDS)

        assert await asyncio.to_thread(wait), f"{topic} is not among {self.heard}"

    def _take(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._news:
            self.heard.append(message.topic)
            self._news.notify_all()


async def test_through_the_internet_each_user_gets_what_is_theirs(
    start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    authority = trustme.CA()
    identity = issue(authority, HOST)
    users = ("home", "panel", "trusted")
    for name, text in {
        "ca.pem": ca_text(authority),
        "far.pem": identity.certificate,
        "far.key": identity.key,
        "passwords": "\n".join(password_line(user, PASSWORD) for user in users),
        "acl": "\n".join(documented("acl")),
    }.items():
        (tmp_path / name).write_text(text + "\n")
    far = await start_mosquitto(
        "far",
        "allow_anonymous false",
        f"certfile {tmp_path / 'far.pem'}",
        f"keyfile {tmp_path / 'far.key'}",
        f"password_file {tmp_path / 'passwords'}",
        f"acl_file {tmp_path / 'acl'}",
    )
    secured = "\n".join(documented("through-the-internet.conf"))
    for shown, here in {
        "far.example:8883": f"{HOST}:{far.port}",
        "/etc/ssl/certs/ca-certificates.crt": str(tmp_path / "ca.pem"),
    }.items():
        assert shown in secured
        secured = secured.replace(shown, here)
    lines = bridge("green-api.conf", far.port)
    lines.remove(f"address {HOST}:{far.port}")
    place = lines.index("connection green-api") + 1
    lines[place:place] = secured.splitlines()
    near = await start_mosquitto("near", *lines)

    ca = tmp_path / "ca.pem"
    async with (
        User("trusted", far.port, ca) as trusted,
        User("panel", far.port, ca) as panel,
        Subscriber(near.port) as near_side,
    ):
        near_side.ignore("#")
        await trusted.wait_for(NOTIFICATION)
        await panel.wait_for(NOTIFICATION)
        for name in ("qr/image", "event", "response", "state"):
            await say(near, f"{BASE}/{name}", name, retain="/" in name)
        await say(near, DISCOVERY, "{}", retain=True)
        await say(near, f"{BASE}/availability", "online", retain=True)
        await trusted.wait_for(f"{BASE}/availability")
        await panel.wait_for(f"{BASE}/availability")
        below = ("qr/image", "event", "response", "state", "availability")
        assert {*trusted.heard} == {
            *(f"{BASE}/{name}" for name in below),
            DISCOVERY,
            NOTIFICATION,
        }
        assert {*panel.heard} == {
            f"{BASE}/state",
            f"{BASE}/availability",
            NOTIFICATION,
        }

        await panel.say(f"{BASE}/command/logout", "{}")
        await trusted.say(f"{BASE}/command/login", "{}")
        await near_side.wait_for_text("1101000001/command/login", "{}")
        commands = [item.topic for item in near_side.history if "comm" in item.topic]
        assert commands == ["1101000001/command/login"]
