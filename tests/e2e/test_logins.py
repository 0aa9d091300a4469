"""Each messenger from notAuthorized to authorized, by each way that it has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
import json
import re
import secrets
from typing import Any

import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.logs import complaints
from demo.stack import Settings, Stack, prepare_stack
from tests.e2e.conftest import ENVIRONMENT
from tests.e2e.login import Login
from tests.e2e.plays import Plays, chosen, ids_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHATSAPP = ("whatsapp",)
OTHERS = ("telegram", "max")


@dataclass
class Sweep:
    """What Home Assistant has told everybody, and what must not be in it."""

    secrets: set[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    def new_password(self) -> str:
        """Make up a password; it is a secret from now on."""
        password = secrets.token_hex(12)
        self.secrets.add(password)
        return password

    def found_in(self, text: str) -> set[str]:
        """Return the secrets that stand in a text, not as parts of other words."""
        # A phone code is short, and digits stand in every time stamp.
        return {
            secret
            for secret in self.secrets
            if secret in text
            and re.search(rf"(?<![\w.]){re.escape(secret)}(?!\w|\.\d)", text)
        }


@dataclass
class Scene:
    """All that a way needs."""

    stack: Stack
    login: Login
    sweep: Sweep


async def qr_by_socket(scene: Scene) -> None:
    scene.sweep.secrets.add(await scene.login.scan())
    sockets = await scene.login.requests("scanqrcode")
    assert [socket["status"] for socket in sockets] == [101]
    assert not await scene.login.requests("qr", wait=0)


async def qr_by_request(scene: Scene) -> None:
    scene.sweep.secrets.add(await scene.login.scan())
    answers = await scene.login.requests("qr")
    assert any(answer["ok"] for answer in answers)


async def pairing_code(scene: Scene) -> None:
    login = scene.login
    answer = await login.ask(
        "get_authorization_code", phone_number=await login.phone_number()
    )
    scene.sweep.secrets.add(answer["code"])
    await login.expect_phase("phone_code")
    await login.phone.enter_pairing_code(login.instance.id_instance, answer["code"])


async def qr_and_password_by_repair(scene: Scene) -> None:
    password = await scan_with_password(scene)
    fix = await scene.login.open_password_repair()
    answer = await fix(scene.sweep.new_password())
    assert answer["errors"] == {"password": "invalid_password"}
    answer = await fix(password)
    assert answer["type"] == "create_entry"


async def qr_and_password_by_action(scene: Scene) -> None:
    password = await scan_with_password(scene)
    await scene.login.act("send_authorization_password", password=password)


async def phone_number(scene: Scene) -> None:
    code = await start_by_phone(scene)
    await scene.login.act("send_authorization_code", code=code)


async def phone_number_with_password(scene: Scene) -> None:
    password = await set_password(scene)
    code = await start_by_phone(scene)
    await scene.login.act("send_authorization_code", code=code, password=password)


async def phone_number_then_password(scene: Scene) -> None:
    password = await set_password(scene)
    code = await start_by_phone(scene)
    await scene.login.act("send_authorization_code", code=code)
    await scene.login.expect("pending_password")
    await scene.login.act("send_authorization_password", password=password)


WAYS: dict[Callable[[Scene], Awaitable[None]], tuple[str, ...]] = {
    qr_by_socket: WHATSAPP,
    qr_by_request: WHATSAPP + OTHERS,
    pairing_code: WHATSAPP,
    qr_and_password_by_repair: OTHERS,
    qr_and_password_by_action: OTHERS,
    phone_number: OTHERS,
    phone_number_with_password: OTHERS,
    phone_number_then_password: OTHERS,
}


@dataclass(frozen=True)
class Case:
    """One way of one messenger."""

    messenger: str
    way: Callable[[Scene], Awaitable[None]]

    def __str__(self) -> str:
        """Return the test's name."""
        return f"{self.messenger}-{self.way.__name__}"


CASES = [Case(messenger, way) for way, whose in WAYS.items() for messenger in whose]


async def set_password(scene: Scene) -> str:
    password = scene.sweep.new_password()
    await scene.stack.phone.set_password(scene.login.instance.id_instance, password)
    return password


async def scan_with_password(scene: Scene) -> str:
    password = await set_password(scene)
    scene.sweep.secrets.add(await scene.login.scan())
    await scene.login.expect("pending_password")
    await scene.login.expect_phase("password")
    return password


async def start_by_phone(scene: Scene) -> str:
    """Ask for a code by phone number; return the code that the phone shows."""
    login = scene.login
    await login.act("start_authorization", phone_number=await login.phone_number())
    await login.expect_phase("phone_code")
    code = await login.read_phone_code()
    scene.sweep.secrets.add(code)
    return code


@dataclass
class Stage:
    """What the tests share."""

    stack: Stack
    client: HomeAssistantClient
    sweep: Sweep
    plays: Plays[Case]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Let every case log in, at the same time."""
    cases = chosen(request, Case)
    ids = dict(zip(cases, ids_for(case.messenger for case in cases), strict=True))
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        instances={ids[case]: case.messenger for case in cases},
    )
    async with prepare_stack(settings) as stack:
        if refused := ids.get(Case("whatsapp", qr_by_request)):
            await stack.phone.add_fault(
                "status", status=404, method="scanqrcode", id_instance=refused
            )
        await stack.home_assistant.start()
        sweep = Sweep({item.token for item in stack.instances})
        async with HomeAssistantClient(stack.home_assistant.url) as client:
            await client.subscribe("subscribe_events", sweep.events.append)

            async def play(case: Case) -> None:
                login = Login(stack.phone, client, stack.of(ids[case]))
                await login.expect("not_authorized")
                await case.way(Scene(stack, login, sweep))
                await login.expect("authorized")
                await login.expect_phase("idle")

            plays = Plays(cases, play, at_once=len(cases))
            yield Stage(stack, client, sweep, plays)
            await plays.close()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_instance_is_linked(stage: Stage, case: Case) -> None:
    await stage.plays.result(case)


async def test_nothing_that_was_typed_or_scanned_is_to_be_found(stage: Stage) -> None:
    await stage.plays.all_over()
    sweep, stack = stage.sweep, stage.stack
    told = [json.dumps(event) for event in sweep.events if not is_typed(event)]
    states = await stage.client.get("/api/states")
    log = await asyncio.to_thread(stack.home_assistant.read_log)
    places = {
        "events": "\n".join(told),
        "states": states.decode(),
        "notifications": json.dumps(stage.client.notifications),
        "issues": json.dumps(await stage.client.call("repairs/list_issues")),
        "MQTT": "\n".join(
            message.text
            for message in stack.watch.history
            if not message.topic.endswith("/qr/image")
        ),
        "log": log,
    }
    assert not {
        place: found
        for place, text in places.items()
        if (found := sweep.found_in(text))
    }
    # What Home Assistant itself tells shows that such a thing would be found.
    typed = "\n".join(json.dumps(event) for event in sweep.events if is_typed(event))
    assert len(sweep.found_in(typed)) > len(OTHERS)


async def test_log_holds_no_complaint(stage: Stage) -> None:
    await stage.plays.all_over()
    log = await asyncio.to_thread(stage.stack.home_assistant.read_log)
    assert complaints(log) == []


def is_typed(event: dict[str, Any]) -> bool:
    """Tell whether Home Assistant repeats in it what a person has typed."""
    return bool(event["event_type"] == "call_service")
