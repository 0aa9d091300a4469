"""No password, key or payload where somebody might read it."""

import asyncio
from collections.abc import Iterator
import logging
from pathlib import Path
import traceback

import pytest
import trustme

from custom_components.green_api.broker import connection as connection_module
from custom_components.green_api.broker.connection import (
    Incoming,
    Protocol,
    check_connection,
    connect,
)
from custom_components.green_api.broker.dial import cut
from custom_components.green_api.broker.errors import BrokerError
from custom_components.green_api.broker.settings import Will
from custom_components.green_api.broker.tls import tls_context
from tests.logs import secrets_logged
from tests.mosquitto import StartMosquitto

from .certificates import HOST, ca_text, issue, listener
from .conftest import settings_for
from .passwords import password_file
from .scripted import ACCEPTED_5, ScriptedBroker, Wire

PASSWORD = "sesame-sesame"
PAYLOAD = "the-payload"


@pytest.fixture(autouse=True)
async def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0  # every callback is logged


def texts(error: BaseException | None) -> Iterator[str]:
    """Yield all that an exception and those behind it could be shown as."""
    while error:
        yield from (str(error), repr(error), str(vars(error)))
        yield "".join(traceback.format_exception(error, chain=False))
        error = error.__cause__ or error.__context__


async def failure(doing: asyncio.Future[None]) -> BrokerError:
    """Return what a publish fails with."""
    with pytest.raises(BrokerError) as caught:
        await doing
    return caught.value


@pytest.mark.parametrize("protocol", Protocol)
async def test_a_connections_life(
    start_mosquitto: StartMosquitto,
    tmp_path: Path,
    authority: trustme.CA,
    caplog: pytest.LogCaptureFixture,
    protocol: Protocol,
) -> None:
    certificate, key = issue(authority, "client.test")
    (tmp_path / "acl").write_text("user anna\ntopic readwrite open/#\n")
    broker = await start_mosquitto(
        "allow_anonymous false",
        f"password_file {password_file(tmp_path, 'anna', PASSWORD)}",
        f"acl_file {tmp_path / 'acl'}",
        *listener(tmp_path, issue(authority, HOST), clients=authority)[1:],
    )
    fields = {"tls": True, "ca": ca_text(authority)}
    fields |= {"certificate": certificate, "key": key}
    fields |= {"username": "anna", "password": PASSWORD}
    settings = settings_for(broker.port, **fields)
    shown: list[str] = [repr(settings), str(settings)]
    come = asyncio.Event()

    def take(message: Incoming) -> None:
        shown.append(repr(message))
        come.set()

    connection = await connect(
        settings, will=Will("open/will", PAYLOAD), on_message=take, protocol=protocol
    )
    shown += [repr(connection), repr(connection._client), repr(connection.ended)]
    await connection.subscribe("open/#")
    answer = connection.publish("open/a", PAYLOAD, retain=False)
    shown.append(repr(answer))
    await answer
    await come.wait()
    if protocol is Protocol.MQTT_5:
        forbidden = connection.publish("closed/a", PAYLOAD, retain=True)
        shown += texts(await failure(forbidden))
    lost = connection.publish("open/a", PAYLOAD, retain=False)
    cut(connection._socket)
    shown += texts(await connection.ended)
    shown.append(repr(lost))
    await connection.close()

    for wrong in (
        {"password": PASSWORD[::-1]},
        {"tls": False},
        {"ca": None},
        {"certificate": None, "key": None},
    ):
        with pytest.raises(BrokerError) as caught:
            await check_connection(settings_for(broker.port, **fields | wrong))
        shown += texts(caught.value)

    key_line = key.splitlines()[2]
    secrets = [PASSWORD, PASSWORD[::-1], PAYLOAD, key_line]
    assert secrets_logged(caplog, secrets) == []
    assert [text for text in shown if any(secret in text for secret in secrets)] == []
    assert "open/a" in "".join(shown)
    assert not [record for record in caplog.records if "paho" in record.name]


def test_certificates_that_are_none(
    authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = issue(authority, "client.test")
    fitting = {"certificate": certificate, "key": key}
    secrets = [certificate.splitlines()[2], key.splitlines()[2]]
    for fields in (
        {"ca": key},
        fitting | {"key": key.replace("M", "N")},
        fitting | {"certificate": certificate.replace("M", "N")},
    ):
        settings = settings_for(8883, tls=True, **fields)
        with pytest.raises(BrokerError) as caught:
            tls_context(settings)
        shown = "".join(texts(caught.value))
        assert not any(secret in shown for secret in secrets)
    assert secrets_logged(caplog, secrets) == []


@pytest.mark.usefixtures("socket_enabled")
async def test_a_broker_that_freezes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send(ACCEPTED_5)
        await wire.gone()

    monkeypatch.setattr(connection_module, "PUBLISH_TIMEOUT", 0.1)
    async with ScriptedBroker(script) as broker:
        settings = settings_for(broker.port, username="anna", password=PASSWORD)
        connection = await connect(settings)
        error = await failure(connection.publish("a", PAYLOAD, retain=True))
        shown = [*texts(error), *texts(await connection.ended)]
        await connection.close()
    assert not any(PASSWORD in text or PAYLOAD in text for text in shown)
    assert secrets_logged(caplog, [PASSWORD, PAYLOAD]) == []
