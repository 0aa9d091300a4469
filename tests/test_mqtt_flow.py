"""A person says what is published by MQTT, and on which broker."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import pbkdf2_hmac
from http import HTTPStatus
import logging
from pathlib import Path
import re
from typing import Any, override

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
    InvalidData,
    section,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import trustme

from custom_components.green_api.broker import errors as broker_errors
from custom_components.green_api.broker.errors import BrokerError
from custom_components.green_api.const import DEFAULT_OPTIONS
from custom_components.green_api.mqtt_forms import field_of
from custom_components.green_api.mqtt_input import (
    clean_address,
    clean_prefix,
    endpoint,
    overlap,
)
from demo.broker import Mosquitto
from simulator import Instance, Simulator
from tests.broker.certificates import ca_text, issue, listener, lock
from tests.broker.scripted import ScriptedBroker, answering, silent
from tests.conftest import entry_of, set_up
from tests.dialog import Dialog, expect_no_job, jobs
from tests.logs import errors_logged, secrets_logged
from tests.mosquitto import StartMosquitto, free_port, run_mosquittos
from tests.test_options_flow import expect_texts
from tests.waiting import BOUND, lift_limits, set_rhythm, shorten_backoff

HOST = "127.0.0.1"
SECRET = "correct horse: battery staple"
GENERATED = re.compile(r"green_api_1101000001_[0-9a-f]{8}")

MORE = {
    "mqtt_base64": False,
    "mqtt_commands": False,
    "mqtt_discovery": False,
    "mqtt_discovery_prefix": "homeassistant",
}
PLAIN = {"mqtt": "state", "mqtt_broker": "home_assistant", "mqtt_prefix": "green_api"}
FIELDS = {"host", "port", "username", "password", "client_id", "encryption"}
PEM_FIELDS = {"tls", "ca", "certificate", "key"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture(autouse=True)
def _no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    assert secrets_logged(caplog, [SECRET, "PRIVATE KEY"]) == []
    assert errors_logged(caplog) == []


@pytest.fixture(autouse=True)
async def _no_job_is_left(hass: HomeAssistant) -> AsyncGenerator[None]:
    yield
    for flow in hass.config_entries.options.async_progress():
        hass.config_entries.options.async_abort(flow["flow_id"])
    await expect_no_job()


@pytest.fixture
async def start_mosquitto(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[StartMosquitto]:
    """Return what starts Mosquittos, each with the lines of its listener's options."""
    async with run_mosquittos(tmp_path) as start:
        yield start


@pytest.fixture
async def broker(start_mosquitto: StartMosquitto) -> Mosquitto:
    """Run a Mosquitto that takes anybody."""
    return await start_mosquitto()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return an authority that nobody trusts by himself."""
    return trustme.CA()


def password_file(folder: Path, username: str, password: str) -> list[str]:
    """Return Mosquitto's options for one user."""
    salt, rounds = b"salt of test", 101
    hashed = pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    path = folder / f"{username}.passwords"
    parts = (b64encode(salt).decode(), b64encode(hashed).decode())
    path.write_text(f"{username}:$7${rounds}${parts[0]}${parts[1]}\n")
    return ["allow_anonymous false", f"password_file {path}"]


def own_entry(
    cloud: Simulator, instance: Instance, connection: dict[str, Any], **options: Any
) -> MockConfigEntry:
    """Return the entry of an instance that is published on a broker of one's own."""
    own = {"mqtt": "state", "mqtt_broker": "own", "mqtt_connection": connection}
    return entry_of(cloud, instance, **own | options)


class MqttDialog(Dialog):
    """Fill in the forms of MQTT by the names of their fields."""

    @property
    @override
    def at(self) -> str:
        """Return what is shown, `saved` at the end."""
        saved = self.result["type"] is FlowResultType.CREATE_ENTRY
        return "saved" if saved else super().at

    @property
    @override
    def filled_in(self) -> dict[str, Any]:
        """Return what the form has filled in, also within its section."""
        assert self.result["data_schema"] is not None
        return _filled_in(self.result["data_schema"].schema)

    @property
    def fields(self) -> set[str]:
        """Return the fields of the form, but for those within its section."""
        assert self.result["data_schema"] is not None
        return {str(field) for field in self.result["data_schema"].schema}

    @property
    def opened(self) -> bool:
        """Return whether the section of the form is open."""
        (found,) = self._sections
        return not found.options["collapsed"]

    @property
    def _sections(self) -> list[section]:
        assert self.result["data_schema"] is not None
        values = self.result["data_schema"].schema.values()
        return [value for value in values if isinstance(value, section)]

    async def what(self, **typed: Any) -> None:
        """Send the first form; what is not named stays as it is by default."""
        more = {field: typed.pop(field, value) for field, value in MORE.items()}
        await self.submit(**PLAIN | typed, more=more)

    async def where(self, **typed: Any) -> None:
        """Send the form of one's own broker, and wait for what the test tells."""
        await self.ask_where(**typed)
        if self.at == "progress connecting":
            await self.fetch_until_over()

    async def ask_where(self, **typed: Any) -> None:
        """Send the form of one's own broker."""
        encryption = {key: typed.pop(key) for key in PEM_FIELDS & typed.keys()}
        typed = {"host": HOST, "encryption": {"tls": False} | encryption} | typed
        await self.submit(**typed)

    async def fetch_until_over(self) -> None:
        """Wait until the test of the connection is over."""
        async with asyncio.timeout(BOUND):
            while self.at == "progress connecting":
                await self._progressed.wait()
                await self.fetch()


def _filled_in(schema: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in schema.items():
        if isinstance(value, section):
            found |= _filled_in(value.schema.schema)
        elif field.description:
            found[str(field)] = field.description["suggested_value"]
    return found


async def open_what(hass: HomeAssistant, entry: MockConfigEntry) -> MqttDialog:
    """Open the first form."""
    return await MqttDialog.open(hass, entry, "mqtt")


async def open_where(
    hass: HomeAssistant, entry: MockConfigEntry, **typed: Any
) -> MqttDialog:
    """Open the form of one's own broker."""
    dialog = await open_what(hass, entry)
    await dialog.what(mqtt_broker="own", **typed)
    assert dialog.at == "form broker"
    assert dialog.errors == {}
    return dialog


# ------------------------------------------------------------ what is published


async def test_asks_what_is_published_and_shows_what_is_now(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    before = {
        "mqtt": "state",
        "mqtt_broker": "home_assistant",
        "mqtt_prefix": "home",
        "mqtt_base64": True,
        "mqtt_commands": True,
        "mqtt_discovery": True,
        "mqtt_discovery_prefix": "other",
    }
    entry = await set_up(hass, cloud, instance, **before)
    loaded = entry.runtime_data
    dialog = await open_what(hass, entry)
    assert dialog.fields == {"mqtt", "mqtt_broker", "mqtt_prefix", "more"}
    assert dialog.filled_in == before
    assert dialog.opened
    typed = {**PLAIN, **MORE, "mqtt": "off", "mqtt_prefix": "green_api"}
    await dialog.what(**typed)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, **typed}
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not loaded
    # And again: the form shows what is true now.
    dialog = await open_what(hass, entry)
    assert dialog.filled_in == typed
    assert not dialog.opened


async def test_the_forms_have_their_words(hass: HomeAssistant) -> None:
    more, encryption = (
        "step.mqtt.sections.more",
        "step.broker.sections.encryption",
    )
    fields = {
        "step.mqtt": {"mqtt", "mqtt_broker", "mqtt_prefix"},
        more: MORE.keys(),
        "step.broker": FIELDS - {"encryption"} | {"save_anyway"},
        encryption: PEM_FIELDS,
    }
    for place, names in fields.items():
        for name in names:
            keys = f"{place}.data.{name}", f"{place}.data_description.{name}"
            await expect_texts(hass, *keys)
    await expect_texts(hass, f"{more}.name", f"{encryption}.name")
    await expect_texts(hass, "step.mqtt.title", "step.broker.title")
    await expect_texts(hass, "step.doubles.title", "step.doubles.description")
    await expect_texts(hass, "progress.connecting", "step.connecting.title")


@pytest.mark.parametrize(
    "changes", [{}, {"mqtt": "off"}, {"mqtt_prefix": " green_api/"}]
)
async def test_leaves_a_running_instance_alone_when_nothing_changes(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, changes: dict[str, Any]
) -> None:
    mode = changes.get("mqtt", "state")
    entry = await set_up(hass, cloud, instance, mqtt=mode)
    before = entry.runtime_data
    dialog = await open_what(hass, entry)
    await dialog.what(**changes)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, "mqtt": mode}
    assert entry.runtime_data is before


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [
        ("home", "home"),
        ("home/green_api", "home/green_api"),
        ("  home/green_api/  ", "home/green_api"),
        ("home///", "home"),
        ("дом", "дом"),
        ("homeassistant_2", "homeassistant_2"),
        ("a$b", "a$b"),
        ("p" * 100, "p" * 100),
    ],
)
async def test_cleans_a_prefix(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str, prefix: str
) -> None:
    assert clean_prefix(typed) == prefix
    dialog = await open_what(hass, entry)
    await dialog.what(mqtt="off", mqtt_prefix=typed)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, "mqtt_prefix": prefix}


BAD_PREFIXES = [
    "",
    "   ",
    "/",
    "/home",
    "$SYS",
    "my home",
    "home/+",
    "+",
    "home/#",
    "home//green",
    "home\x00",
    "home\x01",
    "home\x7f",
    "ho\ufffeme",
    "ho\u200bme",
    "home\nx",
    "p" * 101,
]


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        *((prefix, "invalid_prefix") for prefix in BAD_PREFIXES),
        ("homeassistant", "prefix_is_discovery"),
        ("homeassistant/", "prefix_is_discovery"),
        ("homeassistant/green_api", "prefix_is_discovery"),
        ("discovery", "prefix_is_discovery"),
        ("discovery/x", "prefix_is_discovery"),
    ],
)
async def test_says_what_is_wrong_with_a_prefix_and_takes_a_better_one(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str, key: str
) -> None:
    MockConfigEntry(
        domain="mqtt", options={"discovery_prefix": "discovery/of/mine"}
    ).add_to_hass(hass)
    MockConfigEntry(domain="mqtt").add_to_hass(hass)
    before = entry.runtime_data
    dialog = await open_what(hass, entry)
    await dialog.what(mqtt_prefix=typed, mqtt_commands=True)
    assert dialog.at == "form mqtt"
    assert dialog.errors == {"mqtt_prefix": key}
    await expect_texts(hass, f"error.{key}")
    # Nothing lost, and nothing changed.
    assert dialog.filled_in == {
        **PLAIN,
        **MORE,
        "mqtt_prefix": typed,
        "mqtt_commands": True,
    }
    assert entry.options == DEFAULT_OPTIONS
    assert entry.runtime_data is before
    await dialog.what(mqtt="off", mqtt_prefix="home")
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, "mqtt_prefix": "home"}


@pytest.mark.parametrize("typed", BAD_PREFIXES)
async def test_says_what_is_wrong_with_a_discovery_prefix(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str
) -> None:
    dialog = await open_what(hass, entry)
    assert not dialog.opened
    await dialog.what(mqtt_discovery_prefix=typed)
    # Above the section, which is open now.
    assert dialog.at == "form mqtt"
    assert dialog.errors == {"more": "invalid_discovery_prefix"}
    assert dialog.opened
    await expect_texts(hass, "error.invalid_discovery_prefix")
    assert dialog.filled_in["mqtt_discovery_prefix"] == typed
    assert entry.options == DEFAULT_OPTIONS


@pytest.mark.parametrize(
    ("prefix", "found_by"),
    [("home", "home"), ("home", "home/found"), ("home/green", "home"), ("дом", "дом/")],
)
async def test_keeps_the_prefixes_apart(
    hass: HomeAssistant, entry: MockConfigEntry, prefix: str, found_by: str
) -> None:
    dialog = await open_what(hass, entry)
    typed = {"mqtt_prefix": prefix, "mqtt_discovery_prefix": found_by}
    await dialog.what(**typed, mqtt_discovery=True)
    assert dialog.at == "form mqtt"
    assert dialog.errors == {"more": "prefixes_overlap"}
    assert dialog.opened
    await expect_texts(hass, "error.prefixes_overlap")
    assert entry.options == DEFAULT_OPTIONS
    # Without discovery nobody looks there.
    await dialog.what(**typed, mqtt="off", mqtt_discovery=False)
    assert dialog.at == "saved"
    await hass.async_block_till_done()


def test_prefixes_overlap_by_whole_levels() -> None:
    assert overlap("a/b", "a")
    assert not overlap("a/b", "a/c")
    assert not overlap("home", "homeassistant")


# ---------------------------------------------------------------------- doubles


@pytest.mark.parametrize(
    ("mqtt_options", "found_by"),
    [
        (None, "homeassistant"),
        ({}, "homeassistant"),
        ({"discovery_prefix": "found"}, "found"),
    ],
)
async def test_asks_before_all_entities_appear_twice(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    mqtt_options: dict[str, Any] | None,
    found_by: str,
) -> None:
    if mqtt_options is not None:
        MockConfigEntry(domain="mqtt", options=mqtt_options).add_to_hass(hass)
    dialog = await open_what(hass, entry)
    typed = {"mqtt_discovery": True, "mqtt_discovery_prefix": found_by}
    await dialog.what(**typed, mqtt_prefix=" home ")
    assert dialog.at == "menu doubles"
    assert dialog.result["menu_options"] == ["mqtt", "save"]
    for option in ("mqtt", "save"):
        await expect_texts(hass, f"step.doubles.menu_options.{option}")
    assert entry.options == DEFAULT_OPTIONS
    # Back again: nothing is lost.
    await dialog.submit(next_step_id="mqtt")
    assert dialog.at == "form mqtt"
    assert dialog.errors == {}
    assert dialog.filled_in == {**PLAIN, **MORE, **typed, "mqtt_prefix": " home "}
    await dialog.what(**typed)
    await dialog.submit(next_step_id="save")
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    expected = {**DEFAULT_OPTIONS, "mqtt": "state", **typed}
    assert entry.options == expected
    # Once is enough.
    dialog = await open_what(hass, entry)
    await dialog.what(**typed, mqtt_commands=True)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options == {**expected, "mqtt_commands": True}


@pytest.mark.parametrize(
    ("mqtt_options", "typed"),
    [
        ({}, {"mqtt_discovery_prefix": "other"}),
        ({}, {"mqtt_discovery_prefix": "homeassistant/other"}),
        ({"discovery_prefix": "found"}, {}),
        ({"discovery": False}, {}),
        ({}, {"mqtt": "off"}),
        ({}, {"mqtt_discovery": False}),
    ],
)
async def test_does_not_ask_where_nothing_appears_twice(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    mqtt_options: dict[str, Any],
    typed: dict[str, Any],
) -> None:
    MockConfigEntry(domain="mqtt", options=mqtt_options).add_to_hass(hass)
    dialog = await open_what(hass, entry)
    await dialog.what(**{"mqtt_discovery": True} | typed)
    assert dialog.at == "saved"
    await hass.async_block_till_done()


@pytest.mark.parametrize(("host", "asks"), [("localhost", True), (HOST, False)])
async def test_asks_too_where_the_own_broker_is_home_assistants(
    hass: HomeAssistant,
    broker: Mosquitto,
    entry: MockConfigEntry,
    host: str,
    *,
    asks: bool,
) -> None:
    MockConfigEntry(
        domain="mqtt", data={"broker": "LocalHost.", "port": broker.port}
    ).add_to_hass(hass)
    dialog = await open_where(hass, entry, mqtt_discovery=True)
    await dialog.where(host=host, port=broker.port)
    assert dialog.at == ("menu doubles" if asks else "saved")
    if asks:
        assert entry.options == DEFAULT_OPTIONS
        await dialog.submit(next_step_id="save")
        assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"]["host"] == host


# --------------------------------------------------------------- one's own broker


async def test_saves_what_has_been_tried_and_publishes_there(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    dialog = await open_where(hass, entry, mqtt_base64=True)
    assert dialog.fields == FIELDS
    filled_in = dialog.filled_in
    client_id = filled_in.pop("client_id")
    assert GENERATED.fullmatch(client_id)
    assert filled_in == {"tls": False}
    assert not dialog.opened
    await dialog.where(port=broker.port, client_id=client_id)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options == {
        **DEFAULT_OPTIONS,
        "mqtt": "state",
        "mqtt_base64": True,
        "mqtt_broker": "own",
        "mqtt_connection": {
            "host": HOST,
            "port": broker.port,
            "client_id": client_id,
            "tls": False,
        },
    }
    assert entry.state is ConfigEntryState.LOADED
    dialog = await open_where(hass, entry)
    assert dialog.filled_in == entry.options["mqtt_connection"]


async def test_makes_a_client_id_up_for_each_instance(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    first, second = [await open_where(hass, entry) for _ in range(2)]
    made_up = first.filled_in["client_id"]
    assert second.filled_in["client_id"] != made_up
    # Emptied, it is the one that was shown; a mistake does not change it.
    await first.where(host="")
    assert first.filled_in["client_id"] == made_up
    await first.where(port=broker.port, client_id=" ")
    assert first.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"]["client_id"] == made_up


@pytest.mark.parametrize("before", ["off", "state"])
async def test_asks_for_no_broker_where_nothing_is_published(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, before: str
) -> None:
    entry = await set_up(hass, cloud, instance, mqtt=before)
    dialog = await open_what(hass, entry)
    await dialog.what(mqtt="off", mqtt_broker="own", mqtt_commands=True)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    # There is none as long as nobody has named it.
    assert entry.options == {**DEFAULT_OPTIONS, "mqtt_commands": True}
    assert entry.state is ConfigEntryState.LOADED


async def test_keeps_the_connection_for_the_day_when_it_is_wanted_again(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    dialog = await open_where(hass, entry)
    await dialog.where(port=broker.port)
    await hass.async_block_till_done()
    connection = entry.options["mqtt_connection"]
    for typed in ({"mqtt": "off"}, {"mqtt_broker": "home_assistant"}):
        dialog = await open_what(hass, entry)
        await dialog.what(**typed)
        assert dialog.at == "saved"
        await hass.async_block_till_done()
        assert entry.options["mqtt_connection"] == connection
    assert entry.options["mqtt_broker"] == "home_assistant"
    dialog = await open_where(hass, entry)
    assert dialog.filled_in == connection


async def test_loses_nothing_that_another_dialog_saves_meanwhile(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    first = await open_where(hass, entry)
    second = await Dialog.open(hass, entry, "qr_page")
    await second.submit(qr_domain="qr.example.com")
    await hass.async_block_till_done()
    await first.where(port=broker.port)
    assert first.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["qr_domain"] == "qr.example.com"
    assert entry.options["mqtt_broker"] == "own"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("broker.example.com", ("broker.example.com", None, False)),
        (" broker.local. ", ("broker.local.", None, False)),
        ("core-mosquitto", ("core-mosquitto", None, False)),
        ("my_broker", ("my_broker", None, False)),
        ("брокер.рф", ("брокер.рф", None, False)),
        ("192.168.1.2", ("192.168.1.2", None, False)),
        ("broker:1884", ("broker", 1884, False)),
        ("::1", ("::1", None, False)),
        ("[::1]", ("::1", None, False)),
        ("[fe80::1%eth0]:1884", ("fe80::1%eth0", 1884, False)),
        ("mqtt://broker", ("broker", None, False)),
        ("MQTT://broker:1884/", ("broker", 1884, False)),
        ("mqtts://broker", ("broker", None, True)),
        ("mqtts://[::1]:8884", ("::1", 8884, True)),
        ("broker:65535", ("broker", 65535, False)),
        ("", None),
        (" ", None),
        ("my broker", None),
        ("broker:", None),
        ("broker:0", None),
        ("broker:65536", None),
        ("broker:mqtt", None),
        ("broker/path", None),
        ("mqtt://", None),
        ("http://broker", None),
        ("wss://broker", None),
        (f"mqtt://user:{SECRET}@broker", None),
        ("mqtt://broker?a=b", None),
        ("a..b", None),
        (".", None),
        ("-", None),
        ("[broker]", None),
        ("[::1", None),
        ("1::2::3", None),
        ("bro\x00ker", None),
        ("bro\ud800ker", None),
        ("h" * 254, None),
    ],
)
def test_understands_an_address(
    typed: str, expected: tuple[str, int | None, bool] | None
) -> None:
    assert clean_address(typed) == expected


def test_knows_a_broker_by_its_name_and_its_usual_port() -> None:
    assert endpoint({"host": "Broker.Local."}) == ("broker.local", 1883)
    assert endpoint({"host": "broker", "tls": True}) == ("broker", 8883)
    assert endpoint({"host": "broker", "tls": True, "port": 1}) == ("broker", 1)


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"host": "http://broker"}, {"host": "invalid_broker_host"}),
        ({"host": f"mqtt://me:{SECRET}@broker"}, {"host": "invalid_broker_host"}),
        ({"client_id": "i" * 66}, {"client_id": "invalid_client_id"}),
        ({"client_id": "a\tb"}, {"client_id": "invalid_client_id"}),
        ({"password": SECRET}, {"username": "username_missing"}),
        ({"username": "\0"}, {"username": "cannot_be_sent"}),
        ({"username": "u" * 65_536}, {"username": "cannot_be_sent"}),
        (
            {"username": "me", "password": "\ud800"},
            {"password": "cannot_be_sent"},
        ),
        (
            {"host": "", "client_id": "\n\x01", "password": SECRET},
            {
                "host": "invalid_broker_host",
                "client_id": "invalid_client_id",
                "username": "username_missing",
            },
        ),
        ({"ca": "x"}, {"encryption": "certificates_without_tls"}),
        (
            {"certificate": "x", "key": "y"},
            {"encryption": "certificates_without_tls"},
        ),
        ({"tls": True, "certificate": "x"}, {"encryption": "key_missing"}),
        ({"tls": True, "key": "x"}, {"encryption": "certificate_missing"}),
    ],
)
async def test_says_what_is_wrong_and_loses_nothing_of_it(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    typed: dict[str, Any],
    errors: dict[str, str],
) -> None:
    dialog = await open_where(hass, entry)
    await dialog.where(**typed)
    assert dialog.at == "form broker"
    assert dialog.errors == errors
    assert dialog.fields == FIELDS
    await expect_texts(hass, *(f"error.{key}" for key in errors.values()))
    filled_in = dialog.filled_in
    assert not {"password", "key"} & filled_in.keys()
    assert SECRET not in str(dialog.result)
    if "@" not in typed.get("host", ""):
        shown = {k: v for k, v in typed.items() if k not in {"password", "key"}}
        shown = {k: v.strip() if k == "client_id" else v for k, v in shown.items()}
        assert filled_in.items() >= shown.items()
    assert dialog.opened is ("encryption" in errors)
    assert entry.options == DEFAULT_OPTIONS


@pytest.mark.parametrize("port", [0, 65_536, "one"])
async def test_takes_no_port_that_is_none(
    hass: HomeAssistant, entry: MockConfigEntry, port: Any
) -> None:
    dialog = await open_where(hass, entry)
    with pytest.raises(InvalidData) as caught:
        await dialog.where(port=port)
    assert set(caught.value.schema_errors) == {"port"}


async def test_understands_an_address_that_was_pasted(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    dialog = await open_where(hass, entry)
    # What is understood is shown so, that the fields do not contradict each other.
    await dialog.where(host=f"mqtts://{HOST}:{broker.port}/", port=1883)
    assert dialog.at == "form broker"
    assert dialog.errors == {"encryption": "broker_tls_failed"}
    shown = dialog.filled_in
    assert (shown["host"], shown["port"], shown["tls"]) == (HOST, broker.port, True)
    await dialog.where(host=f"mqtt://{HOST}:{broker.port}", port=1883)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"]["port"] == broker.port


# ----------------------------------------------------------- the test of a broker


def _errors(base: type[BrokerError] = BrokerError) -> set[type[BrokerError]]:
    return {base}.union(*map(_errors, base.__subclasses__()))


async def test_every_error_has_its_words_and_a_field(hass: HomeAssistant) -> None:
    found = _errors()
    assert broker_errors.BrokerRefused in found
    await expect_texts(hass, *(f"error.{error.key}" for error in found))
    fields = {error: field_of(error()) for error in found}
    assert set(fields.values()) <= FIELDS | {"base"}
    assert {error.key for error, field in fields.items() if field == "base"} == {
        "broker_closed",
        "broker_failed",
        "broker_not_authorized",
        "broker_protocol_refused",
        "broker_timed_out",
        "broker_too_large",
        "broker_without_retain",
    }


async def test_tells_of_wrong_credentials_and_keeps_what_was_typed(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    entry: MockConfigEntry,
) -> None:
    broker = await start_mosquitto(*password_file(tmp_path, "me", SECRET))
    dialog = await open_where(hass, entry)
    for typed in ({}, {"username": "me"}, {"username": "me", "password": "wrong"}):
        await dialog.where(port=broker.port, **typed)
        assert dialog.at == "form broker"
        assert dialog.errors == {"username": "broker_credentials_refused"}
        assert dialog.filled_in.get("username") == typed.get("username")
        assert "password" not in dialog.filled_in
        assert dialog.fields == FIELDS
    assert entry.options == DEFAULT_OPTIONS
    # A mistake elsewhere does not make anybody type the password again.
    await dialog.where(port=free_port(), username="me", password=SECRET)
    assert dialog.errors == {"port": "broker_refused"}
    assert SECRET not in str(dialog.result)
    await dialog.where(port=broker.port, username=" me ")
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    connection = entry.options["mqtt_connection"]
    assert (connection["username"], connection["password"]) == ("me", SECRET)


async def test_keeps_the_password_of_the_same_user_only(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    cloud: Simulator,
    instance: Instance,
) -> None:
    broker = await start_mosquitto(*password_file(tmp_path, "me", SECRET))
    connection = {
        "host": HOST,
        "port": broker.port,
        "client_id": "mine",
        "username": "me",
        "password": SECRET,
        "tls": False,
    }
    entry = own_entry(cloud, instance, connection)
    entry.add_to_hass(hass)
    dialog = await open_where(hass, entry)
    shown = {key: value for key, value in connection.items() if key != "password"}
    assert dialog.filled_in == shown
    assert SECRET not in str(dialog.result)
    await dialog.where(port=broker.port, username="you")
    assert dialog.errors == {"username": "broker_credentials_refused"}
    await dialog.where(port=broker.port)
    assert dialog.errors == {"username": "broker_credentials_refused"}
    await dialog.where(port=broker.port, username="me", client_id="mine")
    assert dialog.at == "saved"
    assert entry.options["mqtt_connection"] == connection


async def test_forgets_the_credentials_that_were_emptied(
    hass: HomeAssistant, broker: Mosquitto, cloud: Simulator, instance: Instance
) -> None:
    connection = {"host": HOST, "port": broker.port, "client_id": "mine"}
    secrets = {"username": "me", "password": SECRET}
    entry = own_entry(cloud, instance, connection | secrets)
    entry.add_to_hass(hass)
    dialog = await open_where(hass, entry)
    await dialog.where(port=broker.port)
    assert dialog.at == "saved"
    assert entry.options["mqtt_connection"] == {**connection, "tls": False}


@pytest.mark.parametrize("client_id", ["mine", "other"])
@pytest.mark.parametrize("mode", ["off", "state"])
@pytest.mark.parametrize("disabled", [None, ConfigEntryDisabler.USER])
async def test_lets_no_two_instances_throw_each_other_off(
    hass: HomeAssistant,
    broker: Mosquitto,
    cloud: Simulator,
    entry: MockConfigEntry,
    client_id: str,
    mode: str,
    disabled: ConfigEntryDisabler | None,
) -> None:
    connection = {"host": "LOCALHOST", "port": broker.port, "client_id": "mine"}
    other = own_entry(cloud, cloud.cloud.create("1101000002"), connection, mqtt=mode)
    other = MockConfigEntry(
        domain=other.domain,
        unique_id=other.unique_id,
        data=dict(other.data),
        options=dict(other.options),
        disabled_by=disabled,
    )
    other.add_to_hass(hass)
    dialog = await open_where(hass, entry)
    await dialog.where(host="localhost", port=broker.port, client_id=client_id)
    taken = client_id == "mine" and mode != "off"
    assert dialog.at == ("form broker" if taken else "saved")
    if taken:
        assert dialog.errors == {"client_id": "client_id_taken"}
        await expect_texts(hass, "error.client_id_taken")
        assert dialog.filled_in["client_id"] == "mine"
        assert entry.options == DEFAULT_OPTIONS
        await dialog.where(host="localhost", port=broker.port, client_id="yours")
        assert dialog.at == "saved"
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        (b"\x20\x03\x00\x85\x00", {"client_id": "broker_client_id_refused"}),
        (b"\x20\x03\x00\x80\x00", {"base": "broker_failed"}),
        (b"\x20\x03\x00\x87\x00", {"username": "broker_credentials_refused"}),
    ],
)
async def test_tells_what_other_brokers_answer(
    hass: HomeAssistant, entry: MockConfigEntry, answer: bytes, errors: dict[str, str]
) -> None:
    async with ScriptedBroker(answering(answer)) as broker:
        dialog = await open_where(hass, entry)
        await dialog.where(port=broker.port)
    assert dialog.at == "form broker"
    assert dialog.errors == errors
    assert dialog.fields == FIELDS
    assert entry.options == DEFAULT_OPTIONS


async def test_tells_of_what_nobody_has_foreseen(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, entry: MockConfigEntry
) -> None:
    dialog = await open_where(hass, entry)
    # The tests' own guard, which stands for any such error.
    await dialog.where(host="broker.example", username="me", password=SECRET)
    assert dialog.at == "form broker"
    assert dialog.errors == {"base": "broker_failed"}
    assert "DNS resolution disabled in tests" in caplog.text
    assert secrets_logged(caplog, [SECRET]) == []
    caplog.clear()


# --------------------------------------------------------- a broker that is away


async def test_saves_a_broker_that_is_away_if_that_is_wanted(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    dialog = await open_where(hass, entry)
    port = free_port()
    typed = {"port": port, "username": "me", "password": SECRET, "client_id": "mine"}
    await dialog.where(**typed)
    assert dialog.at == "form broker"
    assert dialog.errors == {"port": "broker_refused"}
    assert dialog.fields == FIELDS | {"save_anyway"}
    assert "password" not in dialog.filled_in
    # Without the tick it is tried again.
    del typed["password"]
    await dialog.where(**typed, save_anyway=False)
    assert dialog.at == "form broker"
    assert entry.options == DEFAULT_OPTIONS
    await dialog.where(**typed, save_anyway=True)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_broker"] == "own"
    assert entry.options["mqtt_connection"] == {
        "host": HOST,
        "port": port,
        "client_id": "mine",
        "username": "me",
        "password": SECRET,
        "tls": False,
    }
    assert entry.state is ConfigEntryState.LOADED


async def test_does_not_save_what_a_broker_has_refused(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    entry: MockConfigEntry,
) -> None:
    broker = await start_mosquitto(*password_file(tmp_path, "me", SECRET))
    dialog = await open_where(hass, entry)
    await dialog.where(port=free_port())
    assert dialog.fields == FIELDS | {"save_anyway"}
    await dialog.where(port=broker.port, save_anyway=True)
    assert dialog.at == "form broker"
    assert dialog.errors == {"username": "broker_credentials_refused"}
    # It is not away, so there is nothing to choose.
    assert dialog.fields == FIELDS
    assert entry.options == DEFAULT_OPTIONS


async def test_shows_that_it_is_trying_and_stops_when_the_dialog_is_closed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    async with ScriptedBroker(silent) as broker:
        dialog = await open_where(hass, entry)
        await dialog.ask_where(port=broker.port, username="me", password=SECRET)
        assert dialog.at == "progress connecting"
        assert dialog.facts == {"host": HOST, "port": str(broker.port)}
        assert SECRET not in str(dialog.result)
        assert jobs()
        dialog.close()
        # Until then the broker would not end: its connection has been let go.
        await expect_no_job()
    assert entry.options == DEFAULT_OPTIONS


async def test_ends_when_the_entry_was_removed(
    hass: HomeAssistant, broker: Mosquitto, entry: MockConfigEntry
) -> None:
    what, where = await open_what(hass, entry), await open_where(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await what.what()
    await where.where(port=broker.port)
    for dialog in (what, where):
        assert dialog.at == "abort entry_removed"


# ------------------------------------------------------------------------- TLS


async def test_trusts_the_authority_that_was_given(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    authority: trustme.CA,
    entry: MockConfigEntry,
) -> None:
    broker = await start_mosquitto(*listener(tmp_path, issue(authority, HOST)))
    dialog = await open_where(hass, entry)
    await dialog.where(port=broker.port)
    assert dialog.errors == {"base": "broker_closed"}
    await dialog.where(port=broker.port, tls=True)
    assert dialog.errors == {"encryption": "broker_untrusted"}
    assert dialog.opened
    foreign = ca_text(trustme.CA())
    await dialog.where(port=broker.port, tls=True, ca=foreign)
    assert dialog.errors == {"encryption": "broker_untrusted"}
    assert dialog.filled_in["ca"] == foreign.strip()
    await dialog.where(port=broker.port, tls=True, ca="no certificate")
    assert dialog.errors == {"encryption": "invalid_ca"}
    assert dialog.filled_in["ca"] == "no certificate"
    ca = ca_text(authority)
    await dialog.where(port=broker.port, tls=True, ca=f"\n {ca}\n", client_id="mine")
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"] == {
        "host": HOST,
        "port": broker.port,
        "client_id": "mine",
        "tls": True,
        "ca": ca.strip(),
    }
    dialog = await open_where(hass, entry)
    assert dialog.filled_in == entry.options["mqtt_connection"]
    assert dialog.opened


@pytest.mark.parametrize(
    ("name", "lasts", "errors"),
    [
        ("localhost", timedelta(days=1), {"host": "broker_wrong_host"}),
        (HOST, -timedelta(days=1), {"encryption": "broker_certificate_expired"}),
    ],
)
async def test_refuses_a_certificate_that_is_not_good(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    authority: trustme.CA,
    entry: MockConfigEntry,
    name: str,
    lasts: timedelta,
    errors: dict[str, str],
) -> None:
    identity = issue(authority, name, expires=datetime.now(UTC) + lasts)
    broker = await start_mosquitto(*listener(tmp_path, identity))
    dialog = await open_where(hass, entry)
    await dialog.where(port=broker.port, tls=True, ca=ca_text(authority))
    assert dialog.at == "form broker"
    assert dialog.errors == errors
    assert dialog.fields == FIELDS
    assert entry.options == DEFAULT_OPTIONS


async def test_shows_who_it_is_by_a_certificate_and_never_shows_the_key(
    hass: HomeAssistant,
    tmp_path: Path,
    start_mosquitto: StartMosquitto,
    authority: trustme.CA,
    entry: MockConfigEntry,
) -> None:
    options = listener(tmp_path, issue(authority, HOST), authority)
    broker = await start_mosquitto(*options)
    mine, other = issue(authority, "me"), issue(authority, "you")
    ca = ca_text(authority)
    typed = {"port": broker.port, "tls": True, "ca": ca, "client_id": "mine"}
    dialog = await open_where(hass, entry)

    async def expect(error: str, **certificates: str) -> None:
        await dialog.where(**typed, **certificates)
        assert dialog.at == "form broker"
        assert dialog.errors == {"encryption": error}
        assert dialog.opened
        assert "key" not in dialog.filled_in
        assert "PRIVATE KEY" not in str(dialog.result)

    await expect("broker_certificate_refused")
    await expect("invalid_certificate", certificate=mine.certificate, key=other.key)
    locked = lock(mine.key, "secret")
    await expect("invalid_certificate", certificate=mine.certificate, key=locked)
    # The field of the certificate is shown, so a key must not stay in it.
    both = f"{mine.key}{mine.certificate}"
    await expect("private_key_misplaced", certificate=both, key=mine.key)
    assert dialog.filled_in["certificate"] == mine.certificate.strip()
    half = f"{mine.certificate}{mine.key[:60]}"
    await expect("private_key_misplaced", certificate=half, key=mine.key)
    # Kept after a mistake elsewhere, as long as the certificate is the same.
    await dialog.where(
        **{**typed, "port": free_port()}, certificate=mine.certificate, key=mine.key
    )
    assert dialog.errors == {"port": "broker_refused"}
    await expect("key_missing", certificate=other.certificate)
    await dialog.where(**typed, certificate=mine.certificate, key=mine.key)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    connection = entry.options["mqtt_connection"]
    assert connection == {
        "host": HOST,
        "port": broker.port,
        "client_id": "mine",
        "tls": True,
        "ca": ca.strip(),
        "certificate": mine.certificate.strip(),
        "key": mine.key.strip(),
    }
    assert entry.state is ConfigEntryState.LOADED
    # And later on.
    dialog = await open_where(hass, entry)
    shown = {name: value for name, value in connection.items() if name != "key"}
    assert dialog.filled_in == shown
    await expect("key_missing", certificate=other.certificate)
    await dialog.where(**typed, certificate=mine.certificate)
    assert dialog.at == "saved"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"] == connection


# -------------------------------------------------------------- in the interface


async def test_can_be_shown_and_filled_in_by_the_frontend(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    broker: Mosquitto,
    entry: MockConfigEntry,
) -> None:
    for component in ("camera", "config", "image"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    base = "/api/config/config_entries/options/flow"
    menu = await (await client.post(base, json={"handler": entry.entry_id})).json()
    path = f"{base}/{menu['flow_id']}"
    form = await (await client.post(path, json={"next_step_id": "mqtt"})).json()
    shown = {field["name"]: field for field in form["data_schema"]}
    assert shown["more"]["type"] == "expandable"
    assert shown["more"]["expanded"] is False
    assert shown["mqtt_broker"]["selector"]["select"]["options"] == [
        "home_assistant",
        "own",
    ]
    typed = {**PLAIN, "mqtt_broker": "own", "more": MORE}
    form = await (await client.post(path, json=typed)).json()
    shown = {field["name"]: field for field in form["data_schema"]}
    assert shown["password"]["selector"]["text"]["type"] == "password"
    assert shown["port"]["selector"]["number"]["max"] == 65_535
    inner = {field["name"]: field for field in shown["encryption"]["schema"]}
    assert inner["key"]["selector"]["text"]["multiline"] is True
    where = {"host": HOST, "port": 65_536.0, "encryption": {"tls": False}}
    answer = await client.post(path, json=where)
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "port" in (await answer.json())["errors"]
    # A number selector gives fractions.
    where["port"] = float(broker.port)
    over = asyncio.Event()

    @callback
    def take(_event: Event) -> None:
        over.set()

    hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESSED, take)
    progress = await (await client.post(path, json=where)).json()
    assert progress["type"] == "progress"
    async with asyncio.timeout(BOUND):
        await over.wait()
    end = await (await client.get(path)).json()
    assert end["type"] == "create_entry"
    await hass.async_block_till_done()
    assert entry.options["mqtt_connection"]["port"] == broker.port
