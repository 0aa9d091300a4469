"""The sweep: no token, no password and no login code where it does not belong."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
import json
from pathlib import Path
import secrets
import sqlite3
from typing import Any

from aiohttp import ClientSession
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
import pytest
import pytest_asyncio
import yaml
from yarl import URL

from benchmarks.push import choose_push, set_external_url
from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.hass_socket import HomeAssistantError
from demo.home_assistant import http_logger
from demo.instances import INSTANCES, DemoInstance
from demo.mqtt_watch import MqttWatch
from demo.qr import read_qr
from demo.round import Round
from demo.stack import Settings, Stack, prepare_stack
from demo.waiting import until
from tests.e2e.conftest import ENVIRONMENT
from tests.e2e.login import Login
from tests.e2e.options import change_mqtt_options

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGS = {
    "homeassistant": "debug",
    # It prints every payload that goes over it, the picture of the code too.
    "homeassistant.components.mqtt": "info",
    http_logger(ENVIRONMENT): "debug",
    http_logger(ENVIRONMENT).replace("httpx", "httpcore"): "debug",
}

PASSWORD = secrets.token_hex(12)
BROKER_PASSWORD = secrets.token_hex(12)
WRONG_TOKEN = secrets.token_hex(25)

CONNECTED = '"own_brokers_connected": 2'

# Another system's address in the settings of an instance: its path and its token.
FORMER_PATH = secrets.token_hex(12)
FORMER_TOKEN = secrets.token_hex(12)

# What the cloud can answer instead; the JSON bodies hold the token.
FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "hang", "seconds": 2},
    {"kind": "drop"},
    {"kind": "status", "status": 400, "body": "json"},
    {"kind": "status", "status": 404, "body": "json"},
    {"kind": "status", "status": 504, "body": "html"},
)


# All that there is a trigger for.
MOMENTS = (
    "authorization_lost",
    "authorized",
    "password_required",
    "qr_ready",
    "state_changed",
)


@dataclass
class Evidence:
    """What was found in which place, and what must not be in it."""

    tokens: list[str]
    codes: list[bytes] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    webhooks: set[str] = field(default_factory=set)
    """Ids and tokens of ours."""
    places: dict[str, str] = field(default_factory=dict)
    entries: str = ""
    """The file that holds the tokens: the one place that may."""

    @property
    def words(self) -> set[str]:
        """Return all that must stand nowhere."""
        return {
            *self.tokens,
            *self.webhooks,
            *self.code_words,
            PASSWORD,
            BROKER_PASSWORD,
            WRONG_TOKEN,
            FORMER_PATH,
            FORMER_TOKEN,
        }

    @property
    def code_words(self) -> set[str]:
        """Return what login codes say, and parts of their pictures."""
        words: set[str] = set()
        for png in self.codes:
            said = read_qr(png)
            assert said
            # The first bytes are the same in every PNG.
            words |= {said, b64encode(png).decode()[80:160], _raw(png[60:120])}
        return words


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evidence() -> AsyncIterator[Evidence]:
    """Live through everything with each instance, then collect what is left."""
    settings = Settings(environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO, logs=LOGS)
    async with prepare_stack(settings) as stack:
        # Until the faults are over, codes come by the requests that they hit.
        whatsapp = stack.instance("WhatsApp").id_instance
        await stack.phone.add_fault(
            "status", status=400, method="scanqrcode", id_instance=whatsapp
        )
        _write_down_triggers(stack)
        await stack.home_assistant.start()
        found = Evidence([instance.token for instance in stack.instances])
        async with MqttWatch(stack.broker.port, "#", protocol="5") as everything:
            async with HomeAssistantClient(stack.home_assistant.url) as client:
                await _live(stack, client, found)
                await _collect_answers(stack, client, found)
            await stack.home_assistant.stop()
            for instance in stack.instances:
                topic = instance.topic("availability")
                await everything.wait_for(topic, b"offline", seconds=5)
        _collect_messages(everything, found)
        _collect_files(stack, found)
        yield found


def _write_down_triggers(stack: Stack) -> None:
    """Let an automation write into the log all that triggers tell."""
    sensors = [instance.sensor for instance in stack.instances]
    triggers = [
        {"trigger": f"green_api.{moment}", "target": {"entity_id": sensors}}
        for moment in MOMENTS
    ]
    said = {"message": "Trigger: {{ trigger }}", "level": "warning"}
    automation = {
        "id": "sweep",
        "alias": "Write down what triggers tell",
        "mode": "parallel",
        "max": 100,
        "triggers": triggers,
        "actions": [{"action": "system_log.write", "data": said}],
    }
    path = stack.home_assistant.config / "automations.yaml"
    automations = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump([*automations, automation]))


async def _live(stack: Stack, client: HomeAssistantClient, found: Evidence) -> None:
    whatsapp = stack.instance("WhatsApp")
    played = Round(stack.phone, stack.watch, client, whatsapp)
    for fault in FAULTS:
        await _suffer(stack, whatsapp, fault)
    await stack.phone.clear_faults(whatsapp.id_instance)
    payload, png = await played.wait_for_code()
    await _collect_moment(stack, client, found, "waiting for a scan")
    found.codes.append(png)

    await _fail_to_log_out(stack, client, whatsapp)
    await played.scan(payload)
    await played.wait_for_still()
    await _collect_moment(stack, client, found, "authorized")
    await _authenticate_anew(stack, client, whatsapp)

    await _take_notices(stack, client, whatsapp, "webhook", found)
    await _knock(stack, client, whatsapp, found)
    await _take_notices(stack, client, stack.instance("Telegram"), "queue", found)

    # Now by WebSocket.
    await played.log_out()
    payload, png = await played.wait_for_code(other_than=payload)
    found.codes.append(png)
    await played.scan(payload)
    assert "scanqrcode" in (await stack.phone.requests())["counts"]

    for instance in (stack.instance("Telegram"), stack.instance("MAX")):
        await _take_own_broker(stack, client, instance)
        _, png = await Round(stack.phone, stack.watch, client, instance).wait_for_code()
        found.codes.append(png)
        login = Login(stack.phone, client, instance)
        await stack.phone.set_password(instance.id_instance, PASSWORD)
        await login.scan()
        await login.expect("pending_password")
        if instance.title.startswith("MAX"):
            submit = await login.open_password_repair()
            assert (await submit(PASSWORD))["type"] == "create_entry"
        else:
            await _order(stack, instance, "send_password", {"password": PASSWORD})
        await login.expect("authorized")
    await _give_back(stack, client, stack.instance("Telegram"), found)
    for instance in stack.instances:
        listed = await stack.phone.instance(instance.id_instance)
        found.phones.append(listed["account"]["phone"])


async def _take_notices(
    stack: Stack,
    client: HomeAssistantClient,
    instance: DemoInstance,
    mode: str,
    found: Evidence,
) -> None:
    """Let the cloud tell of changes, and take that away from another system."""
    id_instance = instance.id_instance
    await stack.phone.set_settings(
        id_instance,
        webhookUrl=f"http://127.0.0.1:9/{FORMER_PATH}",
        webhookUrlToken=FORMER_TOKEN,
        stateWebhook="yes",
    )
    await stack.phone.set_timing(id_instance, reboot_seconds=0)
    await set_external_url(client, stack.home_assistant.url)
    shown = await choose_push(client, instance.entry_id, mode, loss_grace=0)
    found.places[f"the dialog of the {mode}"] = json.dumps(shown)


async def _give_back(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance, found: Evidence
) -> None:
    """Let the other system have its notifications again."""
    shown = await choose_push(client, instance.entry_id, "off", loss_grace=0)
    found.places["the dialog that gives back"] = json.dumps(shown)
    settings = stack.simulator.cloud.get(instance.id_instance).settings
    assert settings.webhookUrl.endswith(FORMER_PATH)
    assert settings.webhookUrlToken == FORMER_TOKEN

    async def is_back() -> bool | None:
        return CONNECTED in await _ask_health(client) or None

    await until("the entry publishes again", is_back, seconds=30)


async def _knock(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance, found: Evidence
) -> None:
    """Come to the webhook with a wrong token, with nonsense, and when it is closed."""
    settings = stack.simulator.cloud.get(instance.id_instance).settings
    url, token = URL(settings.webhookUrl), settings.webhookUrlToken
    # The id has a prefix that anybody may see.
    found.webhooks |= {url.name.removeprefix("green_api_"), token}
    async with ClientSession() as session:

        async def post(given: str, body: bytes) -> int:
            headers = {"Authorization": f"Bearer {given}"}
            async with session.post(url, data=body, headers=headers) as answer:
                return answer.status

        async def is_open() -> bool | None:
            # Home Assistant answers with 200 where there is no webhook.
            return await post(WRONG_TOKEN, b"{}") == HTTPStatus.UNAUTHORIZED or None

        await until("the webhook is open", is_open, seconds=20)
        await post(token, token.encode())
        command, entry_id = "config_entries/disable", instance.entry_id
        await client.call(command, entry_id=entry_id, disabled_by="user")
        assert await post(token, b"{}") == HTTPStatus.OK
        await client.call(command, entry_id=entry_id, disabled_by=None)
        await until("the webhook is open again", is_open, seconds=20)


async def _take_own_broker(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance
) -> None:
    """Publish all that there is, over a connection that has secrets of its own."""
    await change_mqtt_options(
        client,
        instance.entry_id,
        mqtt_broker="own",
        mqtt_base64=True,
        mqtt_commands=True,
        mqtt_discovery=True,
        mqtt_discovery_prefix="elsewhere",
        host="127.0.0.1",
        port=stack.broker.port,
        username="somebody",
        password=BROKER_PASSWORD,
    )
    # Said by the entry as it is after its reload.
    await stack.watch.wait_for(
        instance.topic("qr/base64"), lambda said: bool(said.payload), seconds=20
    )


async def _order(
    stack: Stack, instance: DemoInstance, command: str, payload: dict[str, str]
) -> None:
    """Send a command by MQTT and wait until it has been done."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    await asyncio.to_thread(client.connect, "127.0.0.1", stack.broker.port)
    client.loop_start()
    topic = instance.topic(f"command/{command}")
    sent = client.publish(topic, json.dumps(payload), 1)
    await asyncio.to_thread(sent.wait_for_publish, 10)
    client.disconnect()
    await asyncio.to_thread(client.loop_stop)


async def _suffer(stack: Stack, instance: DemoInstance, fault: dict[str, Any]) -> None:
    """Let a fault hit both methods that are being asked, and wait for its end."""
    since = (await stack.phone.requests())["cursor"]
    methods = ("qr", "getStateInstance")
    for method in methods:
        await stack.phone.add_fault(
            **fault, id_instance=instance.id_instance, method=method, count=1
        )
    for method in methods:
        hit = partial(_hit_and_mended, stack, instance, method, since)
        await until(f"{fault} has come and gone for {method}", hit, seconds=90)


async def _hit_and_mended(
    stack: Stack, instance: DemoInstance, method: str, since: int
) -> bool | None:
    """Return True once a request has met a fault, and a later one none."""
    answer = await stack.phone.requests(
        id_instance=instance.id_instance, method=method, since=since
    )
    met = [request["fault"] is not None for request in answer["requests"]]
    return (True in met and not met[-1]) or None


async def _fail_to_log_out(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance
) -> None:
    """See what a person is told when the cloud refuses, with the token in its words."""
    await stack.phone.add_fault(
        "status", status=400, body="json", method="logout", count=1
    )
    with pytest.raises(HomeAssistantError) as refused:
        await client.press(instance.logout_button)
    assert instance.token not in str(refused.value)


async def _authenticate_anew(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance
) -> None:
    fault = await stack.phone.add_fault(
        "status", status=401, body="json", id_instance=instance.id_instance
    )
    await client.act("homeassistant.update_entity", {"entity_id": instance.sensor})

    async def reauth() -> str | None:
        flows = await client.call("config_entries/flow/progress")
        return next((flow["flow_id"] for flow in flows), None)

    flow_id = await until("it asks for a new token", reauth, seconds=10)
    await stack.phone.remove_fault(fault["number"])
    path = f"/api/config/config_entries/flow/{flow_id}"
    answer = await client.post(path, {"api_token_instance": WRONG_TOKEN})
    assert answer["errors"] == {"api_token_instance": "token_rejected"}
    answer = await client.post(path, {"api_token_instance": instance.token})
    assert answer["reason"] == "reauth_successful"
    await client.wait_for_state(instance.sensor, "authorized", seconds=10)


async def _collect_moment(
    stack: Stack, client: HomeAssistantClient, found: Evidence, when: str
) -> None:
    for instance in stack.instances:
        path = f"/api/diagnostics/config_entry/{instance.entry_id}"
        found.places[f"diagnostics of {instance.title}, {when}"] = (
            await client.get(path)
        ).decode()
    states = await client.get("/api/states")
    found.places[f"states, {when}"] = states.decode()
    found.places[f"system health, {when}"] = await _ask_health(client)


async def _ask_health(client: HomeAssistantClient) -> str:
    """Return all that the page with the system information is told of us."""
    told: list[dict[str, Any]] = []
    finished = asyncio.Event()

    def take(event: dict[str, Any]) -> None:
        match event:
            case {"type": "initial", "data": data}:
                told.append(data["green_api"])
            case {"type": "update", "domain": "green_api"}:
                told.append(event)
            case {"type": "finish"}:
                finished.set()

    await client.subscribe("system_health/info", take)
    async with asyncio.timeout(30):
        await finished.wait()
    return json.dumps(told)


async def _collect_answers(
    stack: Stack, client: HomeAssistantClient, found: Evidence
) -> None:
    await _collect_moment(stack, client, found, "at the end")
    found.places["/api/error_log"] = (await client.get("/api/error_log")).decode()
    for command in (
        "config/device_registry/list",
        "config/entity_registry/list",
        "config_entries/get",
        "persistent_notification/get",
        "repairs/list_issues",
        "system_log/list",
    ):
        found.places[command] = json.dumps(await client.call(command))


def _collect_messages(everything: MqttWatch, found: Evidence) -> None:
    for message in everything.history:
        name = f"MQTT {message.topic}"
        if message.topic.endswith("/qr/image"):
            if message.payload and read_qr(message.payload):
                found.codes.append(message.payload)
            # A picture is there to be read; its bytes must not hold words, though.
            assert not any(token.encode() in message.payload for token in found.tokens)
        elif message.topic.endswith("/qr/base64"):
            assert not any(token in message.text for token in found.tokens)
        elif "/command/" not in message.topic:
            found.places[name] = found.places.get(name, "") + message.text


def _collect_files(stack: Stack, found: Evidence) -> None:
    config = stack.home_assistant.config
    for path in stack.home_assistant.log_files:
        found.places[path.name] = _raw(path.read_bytes())
    for path in (config / ".storage").iterdir():
        if path.name == "core.config_entries":
            found.entries = path.read_text()
        else:
            found.places[f".storage/{path.name}"] = _raw(path.read_bytes())
    for path in config.glob("home-assistant_v2.db*"):
        found.places[path.name] = _raw(path.read_bytes())
    found.places["the recorder's tables"] = "\n".join(
        _rows(config / "home-assistant_v2.db")
    )


def _rows(path: Path) -> Iterable[str]:
    """Yield every row of every table, whole, which the file's pages may split."""
    with closing(sqlite3.connect(path)) as database:
        named = database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        for (table,) in named.fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                for value in row:
                    yield _raw(value) if isinstance(value, bytes) else str(value)


def _raw(data: bytes) -> str:
    """Return bytes as text of the same length, so that they can be searched for."""
    return data.decode("latin-1")


async def test_sweep_would_find_something(evidence: Evidence) -> None:
    assert all(token in evidence.entries for token in evidence.tokens)
    assert len(evidence.code_words) >= 3 * len(INSTANCES)
    log = evidence.places["home-assistant.log"]
    for id_instance in INSTANCES:
        assert f"/waInstance{id_instance}/getStateInstance/**REDACTED**" in log
        assert id_instance in evidence.places["states, at the end"]
        assert f"_{id_instance}_state" in evidence.places["the recorder's tables"]
        assert f"MQTT green_api/{id_instance}/attributes" in evidence.places
        assert f"MQTT green_api/{id_instance}/event" in evidence.places
        assert f"_{id_instance}_event" in evidence.places["states, at the end"]
        assert f"_{id_instance}_event" in evidence.places["the recorder's tables"]
    for moment in MOMENTS:
        assert f"'platform': 'green_api.{moment}'" in log
        assert f"green_api.{moment}" in evidence.places[".storage/trace.saved_traces"]
    assert "state_before" in evidence.places[".storage/green_api"]
    assert "authorized" in evidence.places["the recorder's tables"]
    assert any("/response" in place for place in evidence.places)
    assert any(place.startswith("MQTT elsewhere/device") for place in evidence.places)
    assert BROKER_PASSWORD in evidence.entries
    assert len(evidence.webhooks) == 2
    for word in (*evidence.webhooks, FORMER_PATH, FORMER_TOKEN):
        assert word in evidence.entries
    assert "127.0.0.1" in evidence.places["the dialog of the webhook"]
    assert "A request to a webhook is answered with 401" in log
    assert "token_rejected" in log or "rejected the token" in log
    assert "green_api" in evidence.places["system_log/list"]
    health = evidence.places["system health, at the end"]
    for told in ('"instances": 3', CONNECTED, '"data": "ok"'):
        assert told in health
    diagnostics = evidence.places["diagnostics of Telegram 4100000001, at the end"]
    mqtt = json.loads(diagnostics)["data"]["mqtt"]
    assert mqtt["own_broker"]
    assert mqtt["connected"]


async def test_no_token_password_or_code_anywhere(evidence: Evidence) -> None:
    found = [
        place
        for place, text in evidence.places.items()
        if any(word in text for word in evidence.words)
    ]
    assert not found


async def test_no_phone_number_anywhere(
    evidence: Evidence,
) -> None:
    assert all(evidence.phones)
    found = [
        place
        for place, text in evidence.places.items()
        if any(phone in text for phone in evidence.phones)
    ]
    assert not found


async def test_what_is_posted_in_public_holds_no_number_of_an_instance(
    evidence: Evidence,
) -> None:
    places = {
        place: json.dumps(json.loads(text)["data"])
        for place, text in evidence.places.items()
        if place.startswith("diagnostics")
    }
    assert places
    places |= {
        place: text
        for place, text in evidence.places.items()
        if place.startswith("system health")
    }
    for text in places.values():
        assert not [item for item in INSTANCES if item in text]
