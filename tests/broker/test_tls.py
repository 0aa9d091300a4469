"""TLS with a real Mosquitto, and the certificates that a user gives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import socket
import ssl
import tempfile

import pytest
import trustme

from custom_components.green_api.broker import (
    connection as connection_module,
    dial as dial_module,
)
from custom_components.green_api.broker.connection import check_connection, connect
from custom_components.green_api.broker.errors import (
    BrokerCertificateExpired,
    BrokerCertificateRefused,
    BrokerClosed,
    BrokerError,
    BrokerTimedOut,
    BrokerTlsFailed,
    BrokerUntrusted,
    BrokerWrongHost,
    InvalidCa,
    InvalidCertificate,
)
from custom_components.green_api.broker.settings import BrokerSettings
from custom_components.green_api.broker.tls import tls_context
from demo.broker import EmbeddedBroker, Mosquitto
from tests.mosquitto import StartMosquitto

from .certificates import HOST, Identity, ca_text, issue, listener, lock, self_signed
from .conftest import settings_for


@pytest.fixture
def limit_tls(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the client speak no newer TLS than the test's parameter."""

    def limited(settings: BrokerSettings) -> ssl.SSLContext:
        context = tls_context(settings)
        context.maximum_version = request.param
        return context

    monkeypatch.setattr(connection_module, "tls_context", limited)


each_tls = pytest.mark.parametrize(
    "limit_tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], indirect=True
)


@each_tls
@pytest.mark.usefixtures("limit_tls")
async def test_an_authority_that_is_given_is_trusted(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, HOST)))
    settings = settings_for(broker.port, tls=True, ca=ca_text(authority))
    connection = await connect(settings)
    await connection.publish("a", "x" * 100_000, retain=True)
    await connection.close()


@pytest.mark.parametrize("given", [False, True])
async def test_an_unknown_authority_is_not_trusted(
    start_mosquitto: StartMosquitto,
    tmp_path: Path,
    authority: trustme.CA,
    other_authority: trustme.CA,
    given: bool,
) -> None:
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, HOST)))
    ca = ca_text(other_authority) if given else None
    with pytest.raises(BrokerUntrusted):
        await check_connection(settings_for(broker.port, tls=True, ca=ca))


async def test_an_authority_made_at_home_is_trusted(
    start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    home = self_signed()
    broker = await start_mosquitto(*listener(tmp_path, home))
    with pytest.raises(BrokerUntrusted):
        await check_connection(settings_for(broker.port, tls=True))
    settings = settings_for(broker.port, tls=True, ca=home.certificate)
    await check_connection(settings)


async def test_the_brokers_own_certificate_is_enough(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    identity = issue(authority, HOST)
    broker = await start_mosquitto(*listener(tmp_path, identity))
    settings = settings_for(broker.port, tls=True, ca=identity.certificate)
    await check_connection(settings)


async def test_a_text_around_the_certificate_is_ignored(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, HOST)))
    ca = f"Издатель: CN=Дом\r\n{ca_text(authority)}\n Дом"
    await check_connection(settings_for(broker.port, tls=True, ca=ca))


@pytest.mark.parametrize("host", [HOST, "broker.test"])
async def test_another_hosts_certificate_is_refused(
    start_mosquitto: StartMosquitto,
    tmp_path: Path,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
) -> None:
    names = ("elsewhere.test", "127.0.0.2")
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, *names)))
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, broker.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
    settings = settings_for(broker.port, host=host, tls=True, ca=ca_text(authority))
    with pytest.raises(BrokerWrongHost):
        await check_connection(settings)


async def test_an_expired_certificate_is_refused(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = issue(authority, HOST, expires=yesterday)
    broker = await start_mosquitto(*listener(tmp_path, expired))
    settings = settings_for(broker.port, tls=True, ca=ca_text(authority))
    with pytest.raises(BrokerCertificateExpired):
        await check_connection(settings)


@each_tls
@pytest.mark.usefixtures("limit_tls")
async def test_a_client_certificate_that_is_wanted(
    start_mosquitto: StartMosquitto,
    tmp_path: Path,
    authority: trustme.CA,
    other_authority: trustme.CA,
) -> None:
    options = listener(tmp_path, issue(authority, HOST), clients=authority)
    broker = await start_mosquitto(*options)

    def settings(client: Identity | None) -> BrokerSettings:
        certificate, key = client or (None, None)
        return settings_for(
            broker.port,
            tls=True,
            ca=ca_text(authority),
            certificate=certificate,
            key=key,
        )

    for refused in (None, issue(other_authority, "client.test")):
        with pytest.raises(BrokerCertificateRefused):
            await check_connection(settings(refused))

    client = issue(authority, "client.test")
    await check_connection(settings(client))
    both_in_one = Identity(client.key + client.certificate, "")
    await check_connection(settings(both_in_one))


async def test_tls_to_a_plain_port(broker: Mosquitto) -> None:
    with pytest.raises(BrokerTlsFailed):
        await check_connection(settings_for(broker.port, tls=True))


async def test_tls_to_a_plain_port_of_the_embedded_broker(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It waits for the rest of what it takes for a CONNECT.
    monkeypatch.setattr(dial_module, "CONNECT_TIMEOUT", 0.2)
    with pytest.raises(BrokerTimedOut):
        await check_connection(settings_for(embedded_broker.port, tls=True))


async def test_no_tls_to_a_port_that_wants_it(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, HOST)))
    with pytest.raises(BrokerClosed):
        await check_connection(settings_for(broker.port))


def contexts_failure(**fields: str | None) -> type[BrokerError]:
    """Return what the settings' certificates fail with."""
    with pytest.raises(BrokerError) as caught:
        tls_context(settings_for(8883, tls=True, **fields))
    return caught.type


def test_what_is_no_authority(authority: trustme.CA) -> None:
    identity = issue(authority, HOST)
    torn = ca_text(authority).replace("M", "!", 5)
    for ca in ("nonsense", "ё", " ", torn, identity.key):
        assert contexts_failure(ca=ca) is InvalidCa


def test_what_is_no_client_certificate(authority: trustme.CA) -> None:
    one, other = issue(authority, "one.test"), issue(authority, "other.test")
    locked = lock(one.key, "sesame")
    for certificate, key in (
        ("nonsense", "nonsense"),
        (one.certificate, "nonsense"),
        (one.certificate, other.key),
        (one.certificate, locked),
        (one.certificate, None),
        (None, one.key),
    ):
        failure = contexts_failure(certificate=certificate, key=key)
        assert failure is InvalidCertificate


def test_the_keys_file_is_private_and_gone_afterwards(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity = issue(authority, "client.test")
    modes: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, path: str, **options: str) -> None:
        modes.extend(file.stat().st_mode for file in tmp_path.iterdir())
        load(context, path, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fields = {"certificate": identity.certificate, "key": identity.key}
    tls_context(settings_for(8883, tls=True, **fields))
    assert contexts_failure(**fields | {"key": "nonsense"}) is InvalidCertificate
    assert modes == [0o100600] * 2
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_keys_file(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    identity = issue(authority, "client.test")
    fields = {"certificate": identity.certificate, "key": identity.key}
    assert contexts_failure(**fields) is BrokerError
