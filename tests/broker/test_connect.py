"""How a connection comes about, or why it does not."""

import _socket
import asyncio
from collections.abc import Callable
import errno
import os
from pathlib import Path
import select
import signal
import socket
import ssl
import threading
from typing import Any

import pytest
import trustme

from custom_components.green_api.broker import (
    connection as connection_module,
    dial as dial_module,
)
from custom_components.green_api.broker.connection import (
    Protocol,
    check_connection,
    connect,
)
from custom_components.green_api.broker.errors import (
    BrokerClientIdRefused,
    BrokerClosed,
    BrokerCredentialsRefused,
    BrokerError,
    BrokerNotFound,
    BrokerProtocolRefused,
    BrokerRefused,
    BrokerTimedOut,
    BrokerTlsFailed,
    BrokerUnreachable,
)
from custom_components.green_api.broker.settings import Will
from custom_components.green_api.broker.tls import tls_context
from demo.broker import EmbeddedBroker, Mosquitto
from tests.mosquitto import StartMosquitto, free_port

from .certificates import HOST, ca_text, issue, listener
from .conftest import settings_for
from .leftovers import paho_threads, sockets
from .passwords import password_file
from .scripted import (
    ACCEPTED_311,
    Script,
    ScriptedBroker,
    Wire,
    answering,
    closing,
    silent,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

SHORT = 0.2

each_protocol = pytest.mark.parametrize("protocol", Protocol)


def shorten(
    monkeypatch: pytest.MonkeyPatch, *, dial: float = 5.0, answer: float = 5.0
) -> None:
    """Wait only so long for the way to a broker, and for its answer."""
    monkeypatch.setattr(dial_module, "CONNECT_TIMEOUT", dial)
    monkeypatch.setattr(connection_module, "ANSWER_TIMEOUT", answer)


# ------------------------------------------------------------- DNS, TCP, TLS


async def test_nobody_listens() -> None:
    with pytest.raises(BrokerRefused):
        await check_connection(settings_for(free_port()))


@pytest.mark.parametrize(
    "failure",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ],
)
async def test_dns_does_not_know_the_host(
    monkeypatch: pytest.MonkeyPatch, failure: OSError
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(BrokerNotFound):
        await check_connection(settings_for(1883, host="nowhere.test"))


async def test_what_cannot_be_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real one, which raises before it asks anybody.
    monkeypatch.setattr(socket, "getaddrinfo", _socket.getaddrinfo)
    with pytest.raises(BrokerNotFound):
        await check_connection(settings_for(1883, host="a" * 64 + ".test"))


async def test_the_network_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(dial_module, "start_connection", fail)
    with pytest.raises(BrokerUnreachable):
        await check_connection(settings_for(1883))


async def test_the_network_swallows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    shorten(monkeypatch, dial=SHORT)
    monkeypatch.setattr(dial_module, "start_connection", wait)
    with pytest.raises(BrokerTimedOut):
        await check_connection(settings_for(1883))


async def test_the_kernel_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    monkeypatch.setattr(dial_module, "start_connection", fail)
    with pytest.raises(BrokerTimedOut):
        await check_connection(settings_for(1883))


async def test_a_host_with_an_address_that_is_dead(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, alive = (
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, port))
        for port in (free_port(), broker.port)
    )
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [dead, alive])
    await check_connection(settings_for(broker.port, host="broker.test"))


async def test_a_listener_that_never_shakes_hands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten(monkeypatch, dial=SHORT)
    async with ScriptedBroker(silent) as broker:
        with pytest.raises(BrokerTimedOut):
            await check_connection(settings_for(broker.port, tls=True))
        assert broker.connections == 1


async def test_a_listener_that_hangs_up_instead_of_shaking_hands() -> None:
    async with ScriptedBroker(closing) as broker:
        with pytest.raises(BrokerTlsFailed):
            await check_connection(settings_for(broker.port, tls=True))


async def test_a_connection_that_breaks_before_the_handshake() -> None:
    async def reset(wire: Wire) -> None:
        wire.reset()

    context = await asyncio.to_thread(tls_context, settings_for(8883, tls=True))
    async with ScriptedBroker(reset) as broker:
        reached = await dial_module._reach(HOST, broker.port)
        # Readable: it is broken already.
        await asyncio.to_thread(select.select, [reached], [], [])
        with pytest.raises(BrokerTlsFailed):
            await dial_module._secure(reached, context, HOST)


# ------------------------------------------------------- the answer to CONNECT


@each_protocol
async def test_credentials(
    start_mosquitto: StartMosquitto, tmp_path: Path, protocol: Protocol
) -> None:
    file = password_file(tmp_path, "anna", "sesame")
    broker = await start_mosquitto("allow_anonymous false", f"password_file {file}")
    for wrong in (
        {},
        {"username": "anna"},
        {"username": "anna", "password": "wrong"},
        {"username": "berta", "password": "sesame"},
    ):
        with pytest.raises(BrokerCredentialsRefused):
            await connect(settings_for(broker.port, **wrong), protocol=protocol)

    right = settings_for(broker.port, username="anna", password="sesame")
    connection = await connect(right, protocol=protocol)
    assert connection.protocol is protocol
    await connection.close()


@each_protocol
@pytest.mark.parametrize(
    ("new", "old", "failure"),
    [
        (0x84, 1, BrokerProtocolRefused),
        (0x85, 2, BrokerClientIdRefused),
        (0x86, 4, BrokerCredentialsRefused),
        (0x87, 5, BrokerCredentialsRefused),
        (0x88, 3, BrokerError),
        (0x97, 3, BrokerError),
    ],
)
async def test_each_refusal(
    protocol: Protocol, new: int, old: int, failure: type[BrokerError]
) -> None:
    answers = {
        Protocol.MQTT_5: bytes([0x20, 3, 0, new, 0]),
        Protocol.MQTT_311: bytes([0x20, 2, 0, old]),
    }
    async with ScriptedBroker(answering(answers[protocol])) as broker:
        with pytest.raises(BrokerError) as caught:
            await connect(settings_for(broker.port), protocol=protocol)
    assert caught.type is failure


async def test_a_refusal_is_no_reason_for_the_other_protocol() -> None:
    async with ScriptedBroker(answering(b"\x20\x03\x00\x86\x00")) as broker:
        with pytest.raises(BrokerCredentialsRefused):
            await check_connection(settings_for(broker.port))
        assert broker.connections == 1


@each_protocol
@pytest.mark.parametrize(
    "answer",
    [
        b"\x20\x00",
        b"\x20\x03\x00\x00\x7f",  # properties that are not there
        b"\x20\x03\x00\x42\x00",  # a reason that is none
        b"\x00\x00",
    ],
)
async def test_an_answer_that_makes_no_sense(protocol: Protocol, answer: bytes) -> None:
    async with ScriptedBroker(answering(answer)) as broker:
        with pytest.raises(BrokerProtocolRefused):
            await connect(settings_for(broker.port), protocol=protocol)


async def test_a_server_of_another_kind() -> None:
    async def web(wire: Wire) -> None:
        await wire.receive()
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with ScriptedBroker(web) as broker:
        with pytest.raises(BrokerClosed):
            await check_connection(settings_for(broker.port))


# ----------------------------------------------------- the choice of a protocol


async def test_mqtt_5_is_the_choice(broker: Mosquitto) -> None:
    assert await check_connection(settings_for(broker.port)) is Protocol.MQTT_5


NO_MQTT_5 = answering(b"\x20\x03\x00\x84\x00")
NO_MQTT_311 = answering(b"\x20\x02\x00\x01")


# As newer Mosquittos say it that are told to speak 3.1.1 only, and as old ones do.
@pytest.mark.parametrize("refusal", [NO_MQTT_5, NO_MQTT_311])
async def test_a_broker_without_mqtt_5(refusal: Script) -> None:
    async with ScriptedBroker(refusal, answering(ACCEPTED_311)) as broker:
        assert await check_connection(settings_for(broker.port)) is Protocol.MQTT_311
        assert broker.connections == 2


async def test_the_embedded_broker(embedded_broker: EmbeddedBroker) -> None:
    settings = settings_for(embedded_broker.port)
    assert await check_connection(settings) is Protocol.MQTT_311
    with pytest.raises(BrokerProtocolRefused):
        await connect(settings, protocol=Protocol.MQTT_5)


async def test_neither_protocol() -> None:
    async with ScriptedBroker(NO_MQTT_5, NO_MQTT_311) as broker:
        with pytest.raises(BrokerProtocolRefused):
            await check_connection(settings_for(broker.port))
        assert broker.connections == 2


@each_protocol
async def test_a_protocol_that_is_given_is_the_only_one(protocol: Protocol) -> None:
    async with ScriptedBroker(NO_MQTT_311) as broker:
        with pytest.raises(BrokerProtocolRefused):
            await connect(settings_for(broker.port), protocol=protocol)
        assert broker.connections == 1


async def test_mqtt_5_stays_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, answer=SHORT)

    async def unanswered(wire: Wire) -> None:
        await wire.receive()
        shorten(monkeypatch)
        await wire.gone()

    async with ScriptedBroker(unanswered, answering(ACCEPTED_311)) as broker:
        connection = await connect(settings_for(broker.port))
        assert connection.protocol is Protocol.MQTT_311
        await connection.close()


@pytest.mark.parametrize("protocol", [None, *Protocol])
async def test_a_broker_that_never_answers(
    monkeypatch: pytest.MonkeyPatch, protocol: Protocol | None
) -> None:
    shorten(monkeypatch, answer=SHORT)
    async with ScriptedBroker(silent) as broker:
        with pytest.raises(BrokerTimedOut):
            await connect(settings_for(broker.port), protocol=protocol)
        assert broker.connections == (1 if protocol else 2)


@pytest.mark.parametrize("protocol", [None, *Protocol])
async def test_a_broker_that_hangs_up(protocol: Protocol | None) -> None:
    async with ScriptedBroker(closing) as broker:
        with pytest.raises(BrokerClosed):
            await connect(settings_for(broker.port), protocol=protocol)
        assert broker.connections == (1 if protocol else 2)


async def test_a_frozen_broker(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, answer=SHORT)
    assert broker.process.pid
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(BrokerTimedOut):
            await check_connection(settings_for(broker.port))
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


async def test_a_check_leaves_the_lasting_connection_alone(broker: Mosquitto) -> None:
    settings = settings_for(broker.port)
    connection = await connect(settings)
    await check_connection(settings)
    await connection.publish("a", "still here", retain=False)
    assert not connection.ended.done()
    await connection.close()


# -------------------------------------------------------------- cancellation


@pytest.mark.parametrize("tls", [False, True])
async def test_cancelling_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    here = asyncio.Event()
    gone = asyncio.Event()

    async def script(wire: Wire) -> None:
        if tls:
            await wire._reader.readexactly(1)
        else:
            await wire.receive()
        here.set()
        await wire.gone()
        gone.set()

    async with ScriptedBroker(script) as broker:
        before = sockets()
        task = asyncio.create_task(connect(settings_for(broker.port, tls=tls)))
        async with asyncio.timeout(10):
            await here.wait()
            assert bool(paho_threads()) is not tls
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert paho_threads() == []
            await gone.wait()
    assert sockets() == before - 1  # the listener's own


async def test_a_time_out_in_the_handshake_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten(monkeypatch, dial=SHORT)
    before = sockets()
    async with ScriptedBroker(silent) as broker:
        with pytest.raises(BrokerTimedOut):
            await check_connection(settings_for(broker.port, tls=True))
    assert sockets() == before


# ------------------------------------------------------------- the event loop


async def test_the_event_loop_is_free_meanwhile(
    start_mosquitto: StartMosquitto,
    tmp_path: Path,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each slow step waits here until the event loop has done something else."""
    loop = asyncio.get_running_loop()
    held: dict[str, bool] = {}

    def hold(patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def held_up(*args: Any, **kwargs: Any) -> Any:
            free = threading.Event()
            loop.call_soon_threadsafe(free.set)
            held[name] = free.wait(5)
            return real(*args, **kwargs)

        patch.setattr(owner, name, held_up)

    broker = await start_mosquitto(
        *listener(tmp_path, issue(authority, HOST), clients=authority)
    )
    certificate, key = issue(authority, "client.test")
    settings = settings_for(
        broker.port, tls=True, ca=ca_text(authority), certificate=certificate, key=key
    )
    with monkeypatch.context() as patch:
        hold(patch, ssl.SSLContext, "load_verify_locations")
        hold(patch, ssl.SSLContext, "load_cert_chain")
        hold(patch, socket, "getaddrinfo")
        hold(patch, ssl.SSLSocket, "do_handshake")
        hold(patch, ssl.SSLSocket, "recv")
        hold(patch, ssl.SSLSocket, "send")
        hold(patch, threading.Thread, "join")
        connection = await connect(settings, will=Will("a", "offline"))
        await connection.publish("a", "x", retain=True)
        await connection.close()
    assert held == dict.fromkeys(held, True)
    assert len(held) == 7
