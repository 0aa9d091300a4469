"""What a connection does from its beginning to its end."""

import asyncio
from contextlib import ExitStack
import os
import resource
import signal
import socket
import ssl
import threading
from typing import Any

from amqtt.broker import Broker as AmqttBroker  # type: ignore[import-untyped]
import pytest
import trustme

from custom_components.green_api.broker import connection as connection_module
from custom_components.green_api.broker.connection import (
    Connection,
    Incoming,
    Protocol,
    check_connection,
    connect,
)
from custom_components.green_api.broker.dial import cut
from custom_components.green_api.broker.errors import (
    BrokerClosed,
    BrokerError,
    BrokerNotAuthorized,
    BrokerTimedOut,
    BrokerTooLarge,
    BrokerWithoutRetain,
)
from custom_components.green_api.broker.settings import Will
from demo.broker import Mosquitto
from tests.logs import log_lines
from tests.mosquitto import StartMosquitto, free_port

from .certificates import HOST, ca_text
from .conftest import settings_for
from .follower import Follower
from .leftovers import paho_threads, sockets
from .scripted import (
    ACCEPTED_5,
    ACCEPTED_311,
    PUBLISH,
    SUBSCRIBE,
    ScriptedBroker,
    Wire,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

SHORT = 0.2

each_protocol = pytest.mark.parametrize("protocol", Protocol)

ACCEPTED = {Protocol.MQTT_5: ACCEPTED_5, Protocol.MQTT_311: ACCEPTED_311}


def freeze(broker: Mosquitto) -> None:
    """Let the broker do nothing from now on."""
    assert broker.process.pid
    os.kill(broker.process.pid, signal.SIGSTOP)


def thaw(broker: Mosquitto) -> None:
    """Let the broker go on."""
    assert broker.process.pid
    os.kill(broker.process.pid, signal.SIGCONT)


async def ending(connection: Connection) -> type[BrokerError] | None:
    """Return what a connection ends with."""
    async with asyncio.timeout(10):
        error = await connection.ended
    return type(error) if error else None


class Inbox:
    """Take the messages of a connection."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.messages: asyncio.Queue[Incoming] = asyncio.Queue()

    def __call__(self, message: Incoming) -> None:
        """Take one."""
        self.messages.put_nowait(message)

    async def next(self) -> Incoming:
        """Return the one that has come next."""
        async with asyncio.timeout(10):
            return await self.messages.get()


# -------------------------------------------------------------------- publish


@each_protocol
async def test_the_order_is_kept(broker: Mosquitto, protocol: Protocol) -> None:
    texts = [str(number) for number in range(50)]
    async with Follower(broker.port) as follower:
        connection = await connect(settings_for(broker.port), protocol=protocol)
        await asyncio.gather(
            *(
                connection.publish(f"{int(text) % 3}", text, retain=False)
                for text in texts
            )
        )
        await follower.wait_for("1", "49")
        assert [item.text for item in follower.history] == texts
        await connection.close()


@each_protocol
async def test_what_is_retained(broker: Mosquitto, protocol: Protocol) -> None:
    connection = await connect(settings_for(broker.port), protocol=protocol)
    await connection.publish("kept", b"PNG", retain=True)
    await connection.publish("said", "once", retain=False)
    await connection.close()
    async with Follower(broker.port) as late:
        assert [item[:2] for item in late.history] == [("kept", "PNG")]


async def test_messages_expire_in_mqtt_5(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    async with Follower(broker.port) as follower:
        await connection.publish("code", "x", retain=True, expiry=20)
        await connection.publish("state", "y", retain=True)
        assert (await follower.wait_for("code", "x")).expiry in {19, 20}
        assert (await follower.wait_for("state", "y")).expiry is None
    await connection.close()


async def test_messages_do_not_expire_in_mqtt_311(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port), protocol=Protocol.MQTT_311)
    with pytest.raises(ValueError, match="MQTT 5 only"):
        connection.publish("code", "x", retain=True, expiry=20)
    await connection.close()


async def test_publishing_never_waits_for_the_network(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(settings_for(broker.port))
    entered, released = threading.Event(), threading.Event()
    stuck: list[bool] = []
    send = socket.socket.send

    def held(sock: socket.socket, *args: Any) -> int:
        if "paho" in threading.current_thread().name:
            entered.set()
            stuck.append(not released.wait(10))
        return send(sock, *args)

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "send", held)
        answers = [connection.publish("a", "first", retain=False)]
        assert await asyncio.to_thread(entered.wait, 10)
        answers += [connection.publish("a", "x", retain=False) for _ in range(50)]
        released.set()
        await asyncio.gather(*answers)
    assert stuck
    assert not any(stuck)
    await connection.close()


async def test_nobody_publishes_before_paho_is_through_with_connack(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends with a lock held after the callback, which publishing takes too."""
    loop = asyncio.get_running_loop()
    told: list[bool] = []
    real = Connection._on_connect

    def watched(connection: Connection, *args: Any) -> None:
        real(connection, *args)
        caught_up = threading.Event()
        loop.call_soon_threadsafe(caught_up.set)
        assert caught_up.wait(10)
        told.append(connection._accepted.done())

    monkeypatch.setattr(Connection, "_on_connect", watched)
    connection = await connect(settings_for(broker.port))
    assert told == [False]
    await connection.close()


async def test_the_access_list_forbids_publishing(
    start_mosquitto: StartMosquitto, tmp_path: Any
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite open/#\n")
    broker = await start_mosquitto("allow_anonymous true", f"acl_file {rules}")
    connection = await connect(settings_for(broker.port))
    with pytest.raises(BrokerNotAuthorized):
        await connection.publish("closed/a", "x", retain=True)
    await connection.publish("open/a", "x", retain=True)
    await connection.close()


async def test_a_broker_that_does_not_take_the_message() -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(ACCEPTED_5)
        for reason in (0x97, 0x10):  # over the quota; nobody has subscribed
            packet = await wire.receive()
            wire.send(b"\x40\x03" + packet.publish_id + bytes([reason]))
        await wire.gone()

    async with ScriptedBroker(script) as broker:
        connection = await connect(settings_for(broker.port))
        with pytest.raises(BrokerError) as caught:
            await connection.publish("a", "x", retain=True)
        assert caught.type is BrokerError
        await connection.publish("a", "x", retain=True)
        await connection.close()


async def test_the_brokers_limits_are_kept() -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        receive_maximum, keep_alive = b"\x21\x00\x01", b"\x13\x00\x07"
        wire.send(b"\x20\x09\x00\x00\x06" + receive_maximum + keep_alive)
        first, second = await wire.receive(), await wire.receive()
        assert (first.kind, second.kind) == (PUBLISH, SUBSCRIBE)
        wire.send(b"\x90\x04" + second.body[:2] + b"\x00\x01")
        wire.send(b"\x40\x02" + first.publish_id)
        third = await wire.receive()
        assert third.kind == PUBLISH
        wire.send(b"\x40\x02" + third.publish_id)
        await wire.gone()

    async with ScriptedBroker(script) as broker:
        connection = await connect(settings_for(broker.port))
        assert connection._client.keepalive == 7
        answers = [connection.publish("a", "x", retain=True) for _ in range(2)]
        await connection.subscribe("b")
        await asyncio.gather(*answers)
        await connection.close()


async def test_one_who_stops_waiting_harms_nobody(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    freeze(broker)
    given_up = connection.publish("a", "x", retain=True)
    other = connection.publish("a", "y", retain=True)
    given_up.cancel()
    thaw(broker)
    await other
    await connection.publish("a", "z", retain=True)
    await connection.close()


# ------------------------------------------------------------------ subscribe


@each_protocol
async def test_what_comes_in(broker: Mosquitto, protocol: Protocol) -> None:
    inbox = Inbox()
    sender = await connect(settings_for(broker.port, client_id="sender"))
    await sender.publish("command/old", "kept", retain=True)
    connection = await connect(
        settings_for(broker.port), protocol=protocol, on_message=inbox
    )
    await connection.subscribe("command/+")
    old = Incoming("command/old", b"kept", retained=True)
    assert await inbox.next() == old

    # Subscribing again brings again what is kept, but not in MQTT 5.
    await connection.subscribe("command/+")
    if protocol is Protocol.MQTT_311:
        assert await inbox.next() == old
    await sender.publish("command/new", b"\xff", retain=False)
    assert await inbox.next() == Incoming("command/new", b"\xff", retained=False)
    await connection.close()
    await sender.close()


@pytest.mark.parametrize(
    ("protocol", "retained"), [(Protocol.MQTT_5, True), (Protocol.MQTT_311, False)]
)
async def test_what_is_to_be_kept_says_so_in_mqtt_5(
    broker: Mosquitto, protocol: Protocol, retained: bool
) -> None:
    inbox = Inbox()
    connection = await connect(
        settings_for(broker.port), protocol=protocol, on_message=inbox
    )
    await connection.subscribe("command/+")
    await connection.publish("command/live", "x", retain=True)
    assert await inbox.next() == Incoming("command/live", b"x", retained=retained)
    await connection.close()


async def test_messages_in_one_piece(authority: trustme.CA) -> None:
    """With TLS the socket does not show that there is more."""

    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(ACCEPTED_5 + b"".join(b"\x30\x05\x00\x01a\x00" + t for t in texts))
        await wire.gone()

    texts = [b"x", b"y", b"z"]
    inbox = Inbox()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    async with ScriptedBroker(script, tls=context) as broker:
        settings = settings_for(broker.port, tls=True, ca=ca_text(authority))
        connection = await connect(settings, on_message=inbox)
        assert [(await inbox.next()).payload for _ in texts] == texts
        await connection.close()


async def test_messages_without_a_taker(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    await connection.subscribe("a")
    await connection.publish("a", "x", retain=False)
    await connection.publish("a", "y", retain=False)
    assert not connection.ended.done()
    await connection.close()


async def test_nothing_comes_in_after_closing(broker: Mosquitto) -> None:
    inbox = Inbox()
    connection = await connect(settings_for(broker.port), on_message=inbox)
    await connection.subscribe("a")
    freeze(broker)
    said = connection.publish("a", "x", retain=False)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    thaw(broker)
    await closing
    with pytest.raises(BrokerClosed):
        await said
    assert inbox.messages.empty()


@pytest.mark.filterwarnings("ignore:The 'acl' option is deprecated")
async def test_the_embedded_brokers_access_list_forbids_subscribing() -> None:
    port = free_port()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {
                "allow_anonymous": True
            },
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {
                "acl": {"anonymous": ["open/#"]}
            },
        },
    }
    broker = AmqttBroker(config)
    await broker.start()
    connection = await connect(settings_for(port))
    with pytest.raises(BrokerNotAuthorized):
        await connection.subscribe("closed/#")
    await connection.subscribe("open/#")
    await connection.close()
    await broker.shutdown()


@pytest.mark.parametrize(
    ("protocol", "reason", "failure"),
    [
        (Protocol.MQTT_5, 0x87, BrokerNotAuthorized),
        (Protocol.MQTT_5, 0x8F, BrokerError),
        (Protocol.MQTT_311, 0x80, BrokerNotAuthorized),
    ],
)
async def test_a_broker_that_does_not_let_us_subscribe(
    protocol: Protocol, reason: int, failure: type[BrokerError]
) -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(ACCEPTED[protocol])
        packet = await wire.receive()
        properties = b"\x00" if protocol is Protocol.MQTT_5 else b""
        for packet_id in (b"\x7f\xff", packet.body[:2]):  # one for nobody, and ours
            answer = packet_id + properties + bytes([reason])
            wire.send(bytes([0x90, len(answer)]) + answer)
        await wire.gone()

    async with ScriptedBroker(script) as broker:
        connection = await connect(settings_for(broker.port), protocol=protocol)
        with pytest.raises(BrokerError) as caught:
            await connection.subscribe("a")
        assert caught.type is failure
        await connection.close()


# -------------------------------------------------------------------- the end


@each_protocol
async def test_the_will_is_said_when_the_connection_breaks(
    broker: Mosquitto, protocol: Protocol
) -> None:
    will = Will("availability", "offline")
    settings = settings_for(broker.port)
    async with Follower(broker.port) as follower:
        connection = await connect(settings, will=will, protocol=protocol)
        await connection.publish(will.topic, "online", retain=True)
        cut(connection._socket)
        await follower.wait_for("availability", "offline")
        assert await ending(connection) is BrokerClosed
        await connection.close()
    async with Follower(broker.port) as late:
        assert late.history == [("availability", "offline", None)]


@each_protocol
async def test_the_will_is_not_said_after_closing(
    broker: Mosquitto, protocol: Protocol
) -> None:
    will = Will("availability", "offline")
    settings = settings_for(broker.port)
    async with Follower(broker.port) as follower:
        connection = await connect(settings, will=will, protocol=protocol)
        await connection.publish(will.topic, "online", retain=True)
        await connection.close()
        assert await ending(connection) is None
        # The broker has done with the first of the same client id before this one.
        second = await connect(settings, protocol=protocol)
        await second.publish("end", "x", retain=False)
        await second.close()
        await follower.wait_for("end", "x")
        assert [item.text for item in follower.history] == ["online", "x"]


async def test_a_process_with_many_open_files(broker: Mosquitto) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    with ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1024):
            files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        connection = await connect(settings_for(broker.port))
        assert connection._socket.fileno() > 1023
        await connection.publish("a", "x", retain=False)
        await connection.close()


async def test_closing_leaves_nothing_behind(broker: Mosquitto) -> None:
    before = sockets()
    connection = await connect(settings_for(broker.port))
    await connection.publish("a", "x", retain=False)
    assert len(paho_threads()) == 1
    await connection.close()
    assert paho_threads() == []
    assert sockets() == before
    await connection.close()
    assert await ending(connection) is None


async def test_the_broker_is_killed(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    freeze(broker)
    answers = [connection.publish("a", "x", retain=True) for _ in range(30)]
    subscribing = asyncio.create_task(connection.subscribe("a"))
    await broker.kill()

    assert await ending(connection) is BrokerClosed
    results = await asyncio.gather(*answers, subscribing, return_exceptions=True)
    assert {type(result) for result in results} == {BrokerClosed}
    with pytest.raises(BrokerClosed):
        await connection.publish("a", "x", retain=True)
    with pytest.raises(BrokerClosed):
        await connection.subscribe("a")
    await connection.close()
    assert paho_threads() == []


async def test_a_frozen_broker_is_given_up(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(settings_for(broker.port))
    freeze(broker)
    monkeypatch.setattr(connection_module, "PUBLISH_TIMEOUT", SHORT)
    first = connection.publish("a", "x", retain=True)
    monkeypatch.setattr(connection_module, "PUBLISH_TIMEOUT", 60.0)
    second = connection.publish("a", "y", retain=True)
    with pytest.raises(BrokerTimedOut):
        await first
    with pytest.raises(BrokerClosed):
        await connection.publish("a", "z", retain=True)
    assert await ending(connection) is BrokerTimedOut
    with pytest.raises(BrokerTimedOut):
        await second
    await connection.close()
    thaw(broker)


async def test_subscribing_at_a_frozen_broker(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(settings_for(broker.port))
    monkeypatch.setattr(connection_module, "PUBLISH_TIMEOUT", SHORT)
    freeze(broker)
    with pytest.raises(BrokerTimedOut):
        await connection.subscribe("a")
    assert await ending(connection) is BrokerTimedOut
    await connection.close()
    thaw(broker)


async def stuff(connection: Connection, broker: Mosquitto) -> None:
    """Freeze the broker and fill the way to it."""
    freeze(broker)
    for _ in range(20):
        connection.publish("a", b"x" * 1_000_000, retain=False)


async def test_closing_at_a_frozen_broker(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(settings_for(broker.port))
    monkeypatch.setattr(connection_module, "CLOSE_TIMEOUT", SHORT)
    await stuff(connection, broker)
    await connection.close()
    assert await ending(connection) is None
    assert paho_threads() == []
    thaw(broker)


async def test_closing_is_cancelled(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    await stuff(connection, broker)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert await ending(connection) is None
    await connection.close()
    assert paho_threads() == []
    thaw(broker)


async def test_another_takes_the_client_id(broker: Mosquitto) -> None:
    settings = settings_for(broker.port)
    first = await connect(settings)
    second = await connect(settings)
    assert await ending(first) is BrokerClosed
    await second.publish("a", "x", retain=True)
    await first.close()
    await second.close()


@each_protocol
async def test_a_broker_that_sends_nonsense(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)

    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(ACCEPTED[protocol])
        await wire.receive()
        wire.send(b"\x90\x01\x00")  # a SUBACK that is too short
        await wire.gone()

    async with ScriptedBroker(script) as broker:
        connection = await connect(settings_for(broker.port), protocol=protocol)
        with pytest.raises(BrokerClosed):
            await connection.subscribe("a")
        assert await ending(connection) is BrokerClosed
        await connection.close()
    assert raised == []


async def test_one_who_stops_waiting_for_the_end(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    connection.ended.cancel()
    await connection.close()
    assert paho_threads() == []


async def test_subscribing_in_the_moment_of_the_end(broker: Mosquitto) -> None:
    connection = await connect(settings_for(broker.port))
    (thread,) = (item for item in threading.enumerate() if "paho" in item.name)
    cut(connection._socket)
    thread.join()  # the event loop does not know of it yet
    answer = connection.publish("a", "x", retain=True)
    with pytest.raises(BrokerClosed):
        await connection.subscribe("a")
    with pytest.raises(BrokerClosed):
        await answer
    await connection.close()


async def test_the_event_loop_ends_before_the_connection(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    settings = settings_for(broker.port)
    connection = await asyncio.to_thread(asyncio.run, connect(settings))
    (thread,) = (item for item in threading.enumerate() if "paho" in item.name)
    cut(connection._socket)
    await asyncio.to_thread(thread.join)
    assert raised == []
    connection._client.release()


async def test_failures_that_nobody_asks_for_are_not_logged(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await connect(settings_for(broker.port))
    connection.publish("a", "x", retain=True)
    cut(connection._socket)
    connection.publish("a", "x", retain=True)
    assert await ending(connection) is BrokerClosed
    connection.publish("a", "x", retain=True)
    await connection.close()
    del connection
    assert not [line for line in log_lines(caplog) if "never retrieved" in line]


async def test_what_is_too_large_is_refused_and_the_rest_goes(
    start_mosquitto: StartMosquitto,
) -> None:
    limits = ("allow_anonymous true", "max_packet_size 2000")
    broker = await start_mosquitto(*limits)
    connection = await connect(settings_for(broker.port))
    with pytest.raises(BrokerTooLarge):
        await connection.publish("a/b", b"x" * 2000, retain=True)
    await connection.publish("a/b", b"x" * 1900, retain=True)
    assert not connection.ended.done()
    await connection.close()


async def test_a_broker_that_keeps_nothing_is_found_out(
    start_mosquitto: StartMosquitto,
) -> None:
    broker = await start_mosquitto("allow_anonymous true", "retain_available false")
    settings = settings_for(broker.port)
    with pytest.raises(BrokerWithoutRetain):
        await check_connection(settings)
    with pytest.raises(BrokerWithoutRetain):
        await connect(settings, will=Will("a/b", "gone"))
    connection = await connect(settings)
    with pytest.raises(BrokerWithoutRetain):
        await connection.publish("a/b", "x", retain=True)
    await connection.publish("a/b", "x", retain=False)
    await connection.close()
