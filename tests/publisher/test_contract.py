"""The documents of the contract fit the code, each other, and what they are made of."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
import json
from pathlib import Path
import re
from typing import Any, Final, override
from unittest.mock import create_autospec

from homeassistant.core import HomeAssistant
from jsonschema import Draft202012Validator
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
import pytest

from custom_components.green_api.api.models import (
    Account,
    InstanceState,
    Messenger,
    StateReading,
)
from custom_components.green_api.broker.client import KEEPALIVE
from custom_components.green_api.const import MqttMode
from custom_components.green_api.coordinator import GreenApiCoordinator, Picture
from custom_components.green_api.moments import Action, Happening, Moment
from custom_components.green_api.publisher import commands, topics
from custom_components.green_api.publisher.brokers import Broker, ExpiryRefused
from custom_components.green_api.publisher.discovery import async_discovery_message
from custom_components.green_api.publisher.payloads import (
    LEASE,
    event,
    messages,
    response,
)
from custom_components.green_api.publisher.settings import PublishSettings
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginCode,
    LoginPhase,
    LoginProgress,
)
from custom_components.green_api.stills import Situation, load_stills
from demo.broker import Mosquitto
from demo.places import mosquitto
from demo.ports import choose_ports
from simulator import Instance, Simulator
from tests.conftest import set_up

from .contract import (
    FORMATS,
    JSON,
    OTHER_PROTOCOL,
    PNG,
    ROOT,
    Kind,
    Sent,
    bindings_of,
    channel_of,
    channels,
    document,
    known_words,
    own_words,
    problems_of,
    resolve,
    schema_files,
)
from .subscriber import Subscriber

BASE: Final = "green_api/1101000001"
PROSE: Final = (ROOT / "docs" / "mqtt.md").read_text("utf-8")


def nodes_of(tree: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a document, the outermost first."""
    if isinstance(tree, Mapping):
        yield tree
        tree = list(tree.values())
    for part in tree if isinstance(tree, list) else ():
        yield from nodes_of(part)


def words_of(schema: Mapping[str, Any], *path: str) -> set[str]:
    """Return the closed list of words at a place in a schema."""
    found: Any = schema
    for key in path:
        found = found[key]
    return set(found["enum"])


# ------------------------------------------------------------------ the schemas


@pytest.mark.parametrize("name", schema_files())
def test_a_schema_is_one_and_says_what_it_is(name: str) -> None:
    schema = schema_files()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/docs/mqtt/{name}")
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", schema_files())
def test_a_schema_is_closed_and_checks_what_it_names(name: str) -> None:
    for node in nodes_of(schema_files()[name]):
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert set(node.get("required", ())) <= set(node["properties"])
        if isinstance(node.get("format"), str):
            assert node["format"] in FORMATS.checkers
        if isinstance(node.get("pattern"), str):
            assert re.fullmatch(r"\^.*\$", node["pattern"])
            re.compile(node["pattern"])


def test_every_schema_is_in_use() -> None:
    used = {
        node["$ref"].partition("#")[0]
        for node in nodes_of(document())
        if "$ref" in node
    }
    assert used - {""} == set(schema_files())


# ------------------------------------------------------------------ AsyncAPI


FIELDS: Final = {
    "document": "asyncapi id info servers defaultContentType channels operations "
    "components",
    "channel": "address title description parameters messages",
    "operation": "action title description channel messages traits bindings reply "
    + OTHER_PROTOCOL,
    "message": "title summary contentType correlationId payload examples x-max-bytes",
    "example": "name summary payload",
    "bindings": "qos retain messageExpiryInterval bindingVersion",
}


def test_the_document_has_no_field_that_nobody_reads() -> None:
    found = document()
    assert found["asyncapi"] == "3.0.0"
    written = {
        "document": [found],
        "channel": found["channels"].values(),
        "operation": found["operations"].values(),
        "message": found["components"]["messages"].values(),
        "example": [
            example
            for message in found["components"]["messages"].values()
            for example in message.get("examples", ())
        ],
        "bindings": map(bindings_of, found["operations"].values()),
    }
    for name, items in written.items():
        for item in items:
            assert set(item) <= set(FIELDS[name].split())


def test_every_reference_leads_somewhere() -> None:
    for node in nodes_of(document()):
        if "$ref" in node:
            assert set(node) == {"$ref"}
            assert resolve(node)


def test_nothing_of_the_components_is_left_over() -> None:
    used = {node["$ref"] for node in nodes_of(document()) if "$ref" in node}
    for kind, items in document()["components"].items():
        for name in items:
            assert f"#/components/{kind}/{name}" in used


@pytest.mark.parametrize("key", channels())
def test_a_channel_declares_what_its_address_holds(key: str) -> None:
    channel = document()["channels"][key]
    assert re.findall(r"\{(\w+)\}", channel["address"]) == list(channel["parameters"])


@pytest.mark.parametrize("key", channels())
def test_every_message_of_a_channel_has_its_operations(key: str) -> None:
    own = [
        operation
        for operation in document()["operations"].values()
        if operation["channel"] == {"$ref": f"#/channels/{key}"}
    ]
    named = {item["$ref"] for operation in own for item in operation["messages"]}
    assert named == {
        f"#/channels/{key}/messages/{name}" for name in channels()[key].kinds
    }


KINDS: Final = [
    pytest.param(channel.name, kind, id=f"{channel.key}-{kind.name}")
    for channel in channels().values()
    for kind in channel.kinds.values()
]


@pytest.mark.parametrize(("topic", "kind"), KINDS)
def test_every_kind_of_message_has_examples_that_are_right(
    topic: str, kind: Kind
) -> None:
    assert bool(kind.examples) is (kind.content_type != PNG)
    for example in kind.examples:
        payload = json.dumps(example) if kind.content_type == JSON else example
        assert kind.problems(payload.encode()) == []
        assert problems_of(topic, payload.encode()) == []


def test_every_event_and_every_state_has_an_example() -> None:
    events = channels()["event"].kinds["event"].examples
    assert {example["event"] for example in events} == set(Moment)
    assert set(channels()["state"].kinds["state"].examples) == set(InstanceState)


# ------------------------------------------------------------------ the code


def test_the_documents_name_the_topics_of_the_code() -> None:
    constants = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and isinstance(value, str)
    }
    below = constants - {topics.ONLINE, topics.OFFLINE, topics.COMMAND}
    below |= {f"{topics.COMMAND}/{action}" for action in commands._SCHEMAS}
    discovery = topics.discovery_topic("{discoveryPrefix}", "{idInstance}")
    assert {channel.name for channel in channels().values()} == {*below, discovery}
    for channel in channels().values():
        base = topics.base_topic("{prefix}", "{idInstance}")
        assert channel.address in {f"{base}/{channel.name}", discovery}


def test_the_words_are_those_of_the_code() -> None:
    files = schema_files()
    attributes = files["attributes.schema.json"]["properties"]
    assert words_of(attributes, "messenger") == set(Messenger)
    assert words_of(attributes, "login") == set(LoginPhase)
    still = files["qr-meta.schema.json"]["$defs"]["still"]["properties"]
    assert words_of(still, "situation") == set(Situation)
    events = files["event.schema.json"]["$defs"]
    assert set(events) == set(Moment)
    for name, schema in events.items():
        assert schema["properties"]["event"]["const"] == name
    result = events["action_result"]["properties"]
    assert words_of(result, "action") == set(Action)
    done = files["response.schema.json"]["$defs"]["done"]["properties"]
    assert words_of(done, "command") == set(commands._SCHEMAS)
    refused = files["response.schema.json"]["$defs"]["refused"]["properties"]
    assert words_of(refused, "command") == {*commands._SCHEMAS, ""}
    assert own_words() == {
        commands.BUSY,
        commands.FAILED,
        commands.INVALID_PAYLOAD,
        commands.RETAINED,
        commands.UNKNOWN_COMMAND,
    }
    sent = document()["components"]["messages"]
    assert sent["online"]["payload"]["const"] == topics.ONLINE
    assert sent["offline"]["payload"]["const"] == topics.OFFLINE
    assert sent["command"]["x-max-bytes"] == commands.LARGEST_PAYLOAD
    assert sent["password"]["x-max-bytes"] == commands.LARGEST_PAYLOAD


def test_the_last_will_is_that_of_the_code() -> None:
    bindings = document()["servers"]["own"]["bindings"]["mqtt"]
    assert bindings["keepAlive"] == KEEPALIVE
    will = bindings["lastWill"]
    assert channel_of(will["topic"]) is channels()["availability"]
    assert will["message"] == topics.OFFLINE
    sent = Sent(retain=will["retain"], qos=will["qos"])
    assert problems_of(will["topic"], will["message"].encode(), sent) == []


class Recorder(Broker):
    """A broker that keeps how it was told what."""

    def __init__(self, *, knows_expiry: bool, has_will: bool) -> None:
        """Take whether it speaks MQTT 5, and whether it takes `online` back."""
        super().__init__(lambda _: None)
        self.has_will = has_will
        self.heard: list[tuple[str, bytes, Sent]] = []
        self._knows_expiry = knows_expiry

    problem = None

    @override
    def open(self) -> None: ...

    @override
    async def close(self) -> None: ...

    @override
    async def subscribe(self, topic_filter: str, take: object) -> None: ...

    @override
    async def send(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        if expiry is not None and not self._knows_expiry:
            raise ExpiryRefused
        content = payload.encode() if isinstance(payload, str) else payload
        sent = Sent(retain=retain, expiry=expiry)
        self.heard.append((topic, content, sent))


def snapshots() -> Iterator[tuple[InstanceData, Picture]]:
    """Yield an instance that shows a code, and one that is linked."""
    now = datetime.now(UTC)
    stills = load_stills()
    png = stills[Situation.WAITING]
    code = LoginCode(png, 3, now, now + timedelta(seconds=23))
    showing = InstanceData(
        messenger=Messenger.WHATSAPP,
        reading=StateReading("not_authorized"),
        since=now,
        login=LoginProgress(LoginPhase.SHOWING, code),
    )
    yield showing, Picture(png, None)
    linked = InstanceData(
        messenger=Messenger.MAX,
        reading=StateReading("authorized"),
        since=now,
        account=Account("79001234567"),
        connection_problem="cannot_connect",
    )
    yield linked, Picture(stills[Situation.NO_CONNECTION], Situation.NO_CONNECTION)


async def say_everything(recorder: Recorder) -> None:
    """Send all that the code can say, in all its ways."""
    settings = PublishSettings(
        mode=MqttMode.STATE_AND_QR,
        base=BASE,
        base64=True,
        commands=True,
        discovery=None,
        broker=None,
    )
    still = load_stills()[Situation.WAITING]
    waiting = Picture(still, Situation.WAITING)
    for (data, picture), leaving in product(snapshots(), (True, False)):
        wanted = messages(data, picture, settings, waiting=waiting, leaving=leaving)
        for topic, message in wanted.items():
            await recorder.publish(f"{BASE}/{topic}", message)
            await recorder.clear(f"{BASE}/{topic}")
    for moment, facts in FACTS.items():
        happening = Happening(moment, dict(facts))
        await recorder.send(f"{BASE}/{topics.EVENT}", event(happening))
    for action, error in product(commands._SCHEMAS, (None, commands.BUSY)):
        await recorder.send(f"{BASE}/{topics.RESPONSE}", response(action, error))


async def test_retain_and_expiry_are_those_of_the_code() -> None:
    said = set()
    for knows_expiry, has_will in product((True, False), (True, False)):
        recorder = Recorder(knows_expiry=knows_expiry, has_will=has_will)
        await say_everything(recorder)
        for topic, payload, sent in recorder.heard:
            assert problems_of(topic, payload, sent) == []
            name = topic.removeprefix(f"{BASE}/")
            said.add((name, sent.retain, sent.expiry is not None))
    assert said == {
        (channel.name, way.retain, way.expires)
        for channel in channels().values()
        for kind in channel.kinds.values()
        for way in kind.ways
        if channel.key != "discovery"
    }
    lease = bindings_of({"traits": [{"$ref": "#/components/operationTraits/leased"}]})
    assert lease["messageExpiryInterval"] == LEASE.total_seconds()


async def discovery_of(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, **options: Any
) -> tuple[str, str]:
    """Return topic and payload of what another Home Assistant would find."""
    entry = await set_up(hass, cloud, instance, mqtt_discovery=True, **options)
    settings = PublishSettings.of(entry)
    assert settings.discovery
    message = await async_discovery_message(hass, entry, settings)
    assert message.lasting
    assert isinstance(message.payload, str)
    return settings.discovery, message.payload


async def test_the_example_of_discovery_is_what_is_sent(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    topic, payload = await discovery_of(
        hass, cloud, instance, mqtt="state_and_qr", mqtt_commands=True
    )
    assert problems_of(topic, payload.encode(), Sent(retain=True)) == []
    (example,) = channels()["discovery"].kinds["discovery"].examples
    sent = json.loads(payload)
    sent["origin"]["sw_version"] = example["origin"]["sw_version"]
    assert sent == example


async def test_discovery_without_qr_and_commands_is_in_the_contract(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    topic, payload = await discovery_of(hass, cloud, instance, mqtt="state")
    assert problems_of(topic, payload.encode(), Sent(retain=True)) == []
    assert json.loads(payload)["components"]["qr"] == {"platform": "image"}


FACTS: Final[Mapping[Moment, Mapping[str, Any]]] = {
    Moment.STATE_CHANGED: {"from": "not_authorized", "to": "authorized"},
    Moment.AUTHORIZED: {},
    Moment.AUTHORIZATION_LOST: {"state": "not_authorized"},
    Moment.QR_READY: {"sequence": 1, "expires_at": "2026-11-21T10:00:23.120+00:00"},
    Moment.QR_EXPIRED: {"sequence": 1},
    Moment.LOGIN_TIMEOUT: {},
    Moment.PASSWORD_REQUIRED: {},
    Moment.ACTION_RESULT: {"action": Action.LOGIN, "ok": True, "error": None},
}

PAYLOADS: Final = (
    b"",
    b"{}",
    b" {} ",
    b'{"transaction": "t"}',
    b'{"transaction": ""}',
    b'{"transaction": null}',
    b'{"transaction": 1}',
    b'{"transaction": "' + b"t" * 64 + b'"}',
    b'{"transaction": "' + b"t" * 65 + b'"}',
    b'{"transaction": "' + "ю".encode() * 64 + b'"}',
    b'{"password": "secret"}',
    b'{"password": "secret", "transaction": "t"}',
    b'{"password": "secret", "transaction": 1}',
    b'{"password": ""}',
    b'{"password": 1234}',
    b'{"password": "' + b"p" * 256 + b'"}',
    b'{"password": "' + b"p" * 257 + b'"}',
    b'{"force": true}',
    b"[]",
    b"null",
    b"true",
    b"now",
    b"\xff",
    b'{"transaction": "\xff"}',
    b"{}" + b" " * 4094,
    b"{}" + b" " * 4095,
)


@pytest.mark.parametrize("action", commands._SCHEMAS)
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload[:24]))
def test_the_schemas_take_the_commands_that_the_code_takes(
    action: Action, payload: bytes
) -> None:
    answers: list[str] = []
    taker = commands.Commands(create_autospec(GreenApiCoordinator), answers.append)
    taker.take(action, payload, False)  # noqa: FBT003  not retained
    objections = problems_of(f"{topics.COMMAND}/{action}", payload)
    assert bool(objections) is bool(answers)
    for answer in answers:
        assert problems_of(topics.RESPONSE, answer.encode()) == []
        assert json.loads(answer)["error"] == commands.INVALID_PAYLOAD


# ------------------------------------------------------------------ the prose


def sections() -> dict[str, str]:
    """Return the text of each section of the prose by its heading."""
    parts = re.split(r"^## (.+)$", PROSE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows_of(section: str, heading: str) -> list[list[str]]:
    """Return the cells of the table of a section whose first cell is the heading."""
    table = re.search(
        rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", section, re.MULTILINE
    )
    assert table
    return [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in table[1].splitlines()
    ]


def quoted(text: str) -> list[str]:
    """Return what stands in backticks, examples left out."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", prose)


def test_the_prose_is_of_the_same_version() -> None:
    major, minor, _ = document()["info"]["version"].split(".")
    assert f"\nVersion {major}.{minor}. " in PROSE


def examples_of_the_prose() -> Iterator[Any]:
    for heading, text in sections().items():
        blocks = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for number, block in enumerate(blocks):
            yield pytest.param(heading, block, id=f"{heading}-{number}")


@pytest.mark.parametrize(("heading", "example"), examples_of_the_prose())
def test_an_example_of_the_prose_is_right(heading: str, example: str) -> None:
    names = quoted(heading)
    if "command/…" in names:
        names = [f"{topics.COMMAND}/{Action.LOGIN}"]
    found = [problems_of(name, example.encode()) for name in names]
    assert [] in found


def test_every_json_payload_has_an_example_in_the_prose() -> None:
    shown = {
        name for parameter in examples_of_the_prose() for name in quoted(parameter.id)
    }
    for channel in channels().values():
        kinds = {kind.content_type for kind in channel.kinds.values()}
        if JSON in kinds and channel.key != "discovery":
            assert {channel.name, re.sub(r"/log.*|/reboot", "/…", channel.name)} & shown


def test_the_table_of_topics_is_right() -> None:
    told = {}
    for topic, _, retained, _ in rows_of(sections()["Topics"], "topic"):
        for name in quoted(topic):
            told[re.sub("<(.*?)>", r"{\1}", name)] = retained
    told["{discoveryPrefix}/device/green_api_{idInstance}/config"] = told.pop(
        "{discovery prefix}/device/green_api_{idInstance}/config"
    )
    assert set(told) == {channel.name for channel in channels().values()}
    for channel in channels().values():
        ways = [way for kind in channel.kinds.values() for way in kind.ways]
        retained = told[channel.name]
        assert retained.startswith("yes") is any(way.retain for way in ways)
        assert ("expiry" in retained) is any(way.expires for way in ways)


def test_the_tables_of_words_are_right() -> None:
    text = sections()
    files = schema_files()
    events = {
        quoted(event)[0]: {"event", "at", *quoted(more)}
        for event, more, _ in rows_of(text["`event`"], "event")
    }
    assert events == {
        name: set(schema["properties"])
        for name, schema in files["event.schema.json"]["$defs"].items()
    }
    assert set(Action) <= set(quoted(text["`event`"]))
    attributes = {
        quoted(key)[0]: set(quoted(value))
        for key, value in rows_of(text["`attributes`"], "key")
    }
    schema = files["attributes.schema.json"]["properties"]
    assert set(attributes) == set(schema)
    assert attributes["messenger"] == set(Messenger)
    assert attributes["login"] - {"command/login"} == set(LoginPhase)
    assert attributes["problem"] - {"null"} <= known_words()
    assert set(InstanceState) <= set(quoted(text["`state`"]))
    about_pictures = text["`qr/image`, `qr/base64` and `qr/meta`"]
    assert set(Situation) <= set(quoted(about_pictures))
    orders = [quoted(topic)[0] for topic, _ in rows_of(text["`command/…`"], "topic")]
    assert orders == [f"{topics.COMMAND}/{action}" for action in commands._SCHEMAS]
    errors, _, others = text["Errors"].partition("All other words")
    assert {quoted(row[0])[0] for row in rows_of(errors, "error")} == own_words()
    assert {word for word in quoted(others) if word != "exceptions"} <= known_words()


# ------------------------------------------------------------------ the validator

AT: Final = "2026-11-21T10:00:11.482+00:00"
GOOD: Final[Mapping[str, Mapping[str, Any]]] = {
    name: next(
        example
        for kind in channel_of(name).kinds.values()  # type: ignore[union-attr]
        if kind.content_type == JSON
        for example in kind.examples
    )
    for name in ("attributes", "qr/meta", "event", "response", "command/login")
}


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("attributes", {"login": "shown"}),
        ("attributes", {"messenger": "signal"}),
        ("attributes", {"problem": "cannot connect"}),
        ("attributes", {"problem": "no_such_word"}),
        ("attributes", {"account": "79001234567"}),
        ("attributes", {"account": "*********567"}),
        ("attributes", {"since": "2026-11-21T10:00:00"}),
        ("attributes", {"since": "2026-11-21T10:00:00.120+00:00"}),
        ("attributes", {"since": "2026-11-21T13:00:00+03:00"}),
        ("attributes", {"token": "secret"}),
        ("qr/meta", {"valid": False}),
        ("qr/meta", {"sequence": 0}),
        ("qr/meta", {"situation": "waiting"}),
        ("qr/meta", {"expires_at": "2026-11-21T10:00:23+00:00"}),
        ("qr/meta", {"expires_at": "2026-11-31T10:00:23.120+00:00"}),
        ("qr/meta", {"mime": "image/jpeg"}),
        ("qr/meta", {"sha256": "2C26"}),
        ("event", {"event": "no_such_event"}),
        ("event", {"event": "authorized"}),
        ("event", {"at": "now"}),
        ("event", {"to": "notAuthorized"}),
        ("event", {"to": "authorized\n"}),
        ("response", {"command": "delete"}),
        ("response", {"ok": False}),
        ("response", {"error": "busy"}),
        ("response", {"ok": False, "error": "no_such_word"}),
        ("response", {"password": "secret"}),
        ("command/login", {"password": "secret"}),
    ],
)
def test_a_wrong_key_or_word_is_found(topic: str, change: Mapping[str, Any]) -> None:
    good = GOOD[topic]
    assert problems_of(topic, json.dumps(good).encode()) == []
    assert problems_of(topic, json.dumps({**good, **change}).encode())
    for key in good:
        rest = {name: value for name, value in good.items() if name != key}
        assert problems_of(topic, json.dumps(rest).encode())


@pytest.mark.parametrize(
    ("topic", "payload", "sent"),
    [
        ("availability", b"Online", Sent()),
        ("availability", b"online\n", Sent()),
        ("availability", b"online", Sent(retain=False, expiry=150)),
        ("availability", b"online", Sent(retain=True, expiry=151)),
        ("availability", b"offline", Sent(retain=False)),
        ("availability", b"offline", Sent(retain=True, expiry=9)),
        ("availability", b"", Sent(retain=False)),
        ("qr/availability", b"online", Sent(retain=True)),
        ("state", b"notAuthorized", Sent()),
        ("state", b"", Sent(retain=False)),
        ("state", b"authorized", Sent(retain=True, qos=0)),
        ("state", b"x" * 41, Sent()),
        ("state", "готово".encode(), Sent()),
        ("qr/image", b"\xff\xd8\xff", Sent()),
        ("qr/image", b"\x89PNG\r\n\x1a\n", Sent()),
        ("qr/base64", b"data:image/png;base64,iVBORw0KGgo=", Sent()),
        ("qr/base64", b"iVBORw0KGgo=", Sent()),
        ("qr/meta", b"{", Sent()),
        ("event", b"", Sent()),
        ("event", json.dumps(GOOD["event"]).encode(), Sent(retain=True)),
        (
            "event",
            b'{"event":"authorized","at":"%s","at":"%s"}' % (2 * (AT.encode(),)),
            Sent(),
        ),
        ("response", json.dumps(GOOD["response"]).encode(), Sent(expiry=5)),
        ("command/reboot", b"now", Sent()),
        ("command/delete", b"", Sent()),
        ("qr", b"", Sent()),
        (f"{BASE}/status", b"online", Sent()),
        ("green_api/abc/state", b"authorized", Sent()),
        ("homeassistant/device/green_api_1101000001/config", b"{}", Sent()),
    ],
)
def test_a_wrong_message_is_found(topic: str, payload: bytes, sent: Sent) -> None:
    assert problems_of(topic, payload, sent)


def test_a_prefix_may_have_several_levels() -> None:
    for topic in ("state", f"{BASE}/state", f"house/messenger/{BASE}/state"):
        assert problems_of(topic, b"authorized") == []
    found = channel_of("house/ha/device/green_api_1101000001/config")
    assert found is channels()["discovery"]


async def publish(broker: Mosquitto, user: str, *sayings: tuple[str, str]) -> None:
    """Publish as a user, and return when the broker has taken all."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user)
    await asyncio.to_thread(client.connect, "127.0.0.1", broker.port)
    client.loop_start()
    for topic, payload in sayings:
        told = client.publish(topic, payload, qos=1, retain=True)
        await asyncio.to_thread(told.wait_for_publish, 10)
    client.disconnect()
    await asyncio.to_thread(client.loop_stop)


async def test_the_subscriber_objects_to_what_is_wrong(broker: Mosquitto) -> None:
    subscriber = Subscriber(broker.port)
    wrong = (f"{BASE}/state", "notAuthorized"), (f"{BASE}/event", "{}")
    await publish(broker, "x", *wrong, (f"{BASE}/availability", "online"))
    with pytest.raises(AssertionError, match="notAuthorized") as caught:
        async with subscriber:
            await subscriber.wait_for(lambda latest: len(latest) == len(wrong) + 1)
    assert f"{BASE}/event" in str(caught.value)
    assert "availability" not in str(caught.value)

    async with Subscriber(broker.port) as told:
        told.ignore("green_api/+/state", f"{BASE}/event")
        assert len(told.history) == len(wrong) + 1

    with pytest.raises(ZeroDivisionError) as first:
        async with Subscriber(broker.port):
            raise ZeroDivisionError
    assert "notAuthorized" in first.value.__notes__[0]


# ------------------------------------------------------------------ access


@pytest.fixture
async def guarded_broker(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[Mosquitto]:
    """Run a Mosquitto with the access list of the prose."""
    fence = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    (rules,) = fence.findall(sections()["Secrets"])
    # What our subscriber tells itself.
    rules += "\npattern readwrite subscriber/#\n"
    path = tmp_path / "acl"
    await asyncio.to_thread(path.write_text, rules, "utf-8")
    await asyncio.to_thread(path.chmod, 0o600)
    program = mosquitto()
    assert program
    broker = Mosquitto(
        program,
        choose_ports({"broker": 0})["broker"],
        tmp_path,
        ("allow_anonymous true", f"acl_file {path}"),
    )
    await broker.start()
    yield broker
    await broker.stop()


def subscriber_as(broker: Mosquitto, user: str) -> Subscriber:
    """Return a subscriber that the broker knows as this user, for any message."""
    subscriber = Subscriber(broker.port)
    subscriber._client.username_pw_set(user)
    subscriber.ignore("#")
    return subscriber


async def test_the_access_list_of_the_prose_keeps_the_secrets(
    guarded_broker: Mosquitto,
) -> None:
    broker = guarded_broker
    below = {item.name for item in channels().values() if item.key != "discovery"}
    told = [(f"{BASE}/{name}", name) for name in below]
    await publish(broker, "homeassistant", *told)

    state = set(topics.STATE_TOPICS)
    pictures = {*topics.QR_TOPICS, topics.QR_BASE64}
    for user, readable in {
        "homeassistant": below,
        "panel": state,
        "trusted": state | pictures | {topics.EVENT},
        "operator": {topics.AVAILABILITY, topics.STATE, topics.RESPONSE},
        "stranger": set(),
    }.items():
        async with subscriber_as(broker, user) as reader:
            assert {item.text for item in reader.history} == readable, user

    async with subscriber_as(broker, "homeassistant") as listener:
        before = len(listener.history)
        for user in ("stranger", "panel", "trusted", "operator"):
            for name in ("command/logout", "state"):
                await publish(broker, user, (f"{BASE}/{name}", user))
        await publish(broker, "homeassistant", (f"{BASE}/state", "last"))
        await listener.wait_for_text("1101000001/state", "last")
    heard = [(item.topic, item.text) for item in listener.history[before:]]
    assert heard == [
        ("1101000001/command/logout", "operator"),
        ("1101000001/state", "last"),
    ]
