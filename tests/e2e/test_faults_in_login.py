"""Whatever goes wrong in the middle of a login, it still ends well."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
import json
import re

import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.hass_socket import HomeAssistantError
from demo.logs import complaints, leaks
from demo.places import INTEGRATION
from demo.stack import Settings, Stack, prepare_stack
from simulator import Status
from simulator.control.presets import PRESETS, Preset
from tests.e2e.conftest import ENVIRONMENT
from tests.e2e.fault_watch import FaultWatch
from tests.e2e.login import Login
from tests.e2e.plays import Plays, chosen, ids_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What hangs for a minute is over in ten seconds, before any time-out of ours, and
# a socket ends after seventeen. A code lives long enough to be scanned.
SPEED = 6.0

# More would keep two processors busy for longer than the cases have to wait.
AT_ONCE = 48

# What Home Assistant asks in the middle of a login, by messenger.
ASKED = {
    "whatsapp": ("getStateInstance", "scanqrcode", "qr"),
    "telegram": ("getStateInstance", "qr"),
    "max": ("getStateInstance", "qr"),
}
ACTIONS = {
    "startAuthorization": "start_authorization",
    "sendAuthorizationCode": "send_authorization_code",
    "sendAuthorizationPassword": "send_authorization_password",
}

# What the log may say of the instance that a preset hit, since a person can mend it
# and will look there for the reason.
MENDABLE = {
    "400-deleted": "instance_deleted",
    "400-expired": "instance_expired",
    "401": "token_rejected",
    "403": "instance_rejected",
    "404": "method_not_available",
    "466": "quota_exceeded",
}

# After these Home Assistant asks for new credentials, and for five minutes nothing.
REJECTED = (401, 403)


@dataclass(frozen=True)
class Case:
    """A preset that hits some methods of an instance, once each."""

    preset: Preset
    messenger: str
    methods: tuple[str, ...]

    def __str__(self) -> str:
        """Return the test's name."""
        name = f"{self.preset.name}-{self.messenger}"
        return f"{name}-{self.methods[0]}" if self.by_phone else name

    @property
    def by_phone(self) -> bool:
        """Return whether it hits a login by phone number or password."""
        return self.methods[0] in ACTIONS


def cases() -> Iterator[Case]:
    """Yield every preset with each messenger that it is for."""
    for preset in PRESETS.values():
        for kind in sorted(preset.messengers):
            messenger = kind.name.lower()
            methods = preset.methods or ASKED[messenger]
            steps = [method for method in methods if method in ACTIONS]
            for step in steps:
                yield Case(preset, messenger, (step,))
            if not steps:
                yield Case(preset, messenger, tuple(methods))


CASES = sorted(cases(), key=lambda case: case.messenger, reverse=True)


@dataclass
class Stage:
    """What the tests share."""

    stack: Stack
    client: HomeAssistantClient
    watch: FaultWatch
    ids: dict[Case, str]

    def __post_init__(self) -> None:
        """Begin to play."""
        self.plays = Plays(self.ids, self._play, at_once=AT_ONCE)

    async def _play(self, case: Case) -> None:
        instance = self.stack.of(self.ids[case])
        login = Login(self.stack.phone, self.client, instance)
        await self.stack.phone.unlink(instance.id_instance)
        await login.act("request_login_qr")
        after = await login.wait_for_code()
        if case.by_phone:
            await self._fail_by_phone(case, login)
        else:
            after = await self._break(case, login)
        await login.scan(after)
        await login.expect("authorized")
        await login.expect_phase("idle")

    async def _break(self, case: Case, login: Login) -> int:
        """Let a fault hit each method; return the number of the code then shown."""
        phone, id_instance = self.stack.phone, login.instance.id_instance
        rules = {
            method: await self._switch_on(case, login, method)
            for method in case.methods
        }
        for method in ASKED[case.messenger]:
            if method not in rules:
                continue
            if method == "qr":
                # Else an open socket would bring the codes.
                await phone.add_fault(
                    "close", method="scanqrcode", id_instance=id_instance
                )
            await self.watch.spent(rules[method])
            if method == "getStateInstance" and rejects(case.preset):
                await login.act("request_login_qr")
            if method == "qr":
                await phone.clear_faults(id_instance)
        return login.sequence

    async def _fail_by_phone(self, case: Case, login: Login) -> None:
        """Let a step fail, then go back to the QR as the person can."""
        (step,) = case.methods
        number = await login.phone_number()
        data: dict[str, str] = {}
        id_instance = login.instance.id_instance
        match step:
            case "startAuthorization":
                data = {"phone_number": number}
            case "sendAuthorizationCode":
                await login.act("start_authorization", phone_number=number)
                data = {"code": await login.read_phone_code()}
            case "sendAuthorizationPassword":
                await login.phone.set_password(id_instance, "correct horse")
                await login.scan()
                await login.expect("pending_password")
                data = {"password": "correct horse"}
        rule = await self._switch_on(case, login, step)
        with pytest.raises(HomeAssistantError) as refused:
            await login.act(ACTIONS[step], **data)
        assert login.instance.token not in str(refused.value)
        await self.watch.spent(rule)
        await login.phone.set_password(id_instance, None)
        await login.act("logout")

    async def _switch_on(self, case: Case, login: Login, method: str) -> int:
        rule = await self.stack.phone.switch_on(
            case.preset.name, login.instance.id_instance, method=method, count=1
        )
        number: int = rule["number"]
        return number


def rejects(preset: Preset) -> bool:
    """Tell whether a preset rejects the credentials."""
    return isinstance(preset.fault, Status) and preset.fault.status in REJECTED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Begin to play all cases, on one Home Assistant."""
    chosen_cases = chosen(request, Case)
    messengers = [case.messenger for case in chosen_cases]
    ids = dict(zip(chosen_cases, ids_for(messengers), strict=True))
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        speed=SPEED,
        instances={ids[case]: case.messenger for case in chosen_cases},
        options={"mqtt": "off"},
    )
    async with prepare_stack(settings) as stack:
        for id_instance in ids.values():
            await stack.phone.set_state(id_instance, "authorized")
            await stack.phone.set_settings(id_instance, stateWebhook="yes")
        await stack.home_assistant.start()
        watch = FaultWatch(stack.simulator.cloud)
        async with HomeAssistantClient(stack.home_assistant.url) as client:
            stage = Stage(stack, client, watch, ids)
            yield stage
            await stage.plays.close()
            await watch.close()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_login_goes_on_after(stage: Stage, case: Case) -> None:
    await stage.plays.result(case)


async def test_every_preset_on_offer_is_played(stage: Stage) -> None:
    offered = {preset["name"] for preset in await stage.stack.phone.presets()}
    assert offered == {case.preset.name for case in CASES}


async def test_nothing_is_left_of_any_fault(stage: Stage) -> None:
    await stage.plays.all_over()
    assert not await stage.stack.phone.faults()
    assert not await stage.client.call("config_entries/flow/progress")
    listed = await stage.client.call("repairs/list_issues")
    assert not [item for item in listed["issues"] if item["domain"] == "green_api"]


async def test_log_complains_of_nothing_but_what_a_person_can_mend(
    stage: Stage,
) -> None:
    await stage.plays.all_over()
    log = await asyncio.to_thread(stage.stack.home_assistant.read_log)
    texts = error_texts()
    wanted = {answer_to_an_action(texts)}
    for case, id_instance in stage.ids.items():
        if key := MENDABLE.get(case.preset.name):
            title = re.escape(stage.stack.of(id_instance).title)
            wanted.add(re.compile(f"Error fetching {title} data: {texts[key].pattern}"))
    found = complaints(log)
    assert not [text for text in found if not any(one.search(text) for one in wanted)]
    assert not leaks(log, (item.token for item in stage.stack.instances))


def answer_to_an_action(texts: Mapping[str, re.Pattern[str]]) -> re.Pattern[str]:
    """Return what Home Assistant logs when it tells a person that an action failed."""
    any_text = "|".join(text.pattern for text in texts.values())
    return re.compile(rf"Error during service call to green_api\.\w+: ({any_text})")


def error_texts() -> dict[str, re.Pattern[str]]:
    """Return the texts of the integration's errors, by their keys."""
    path = INTEGRATION / "translations" / "en.json"
    texts = json.loads(path.read_text(encoding="utf-8"))["exceptions"]
    return {key: as_logged(text["message"]) for key, text in texts.items()}


def as_logged(message: str) -> re.Pattern[str]:
    """Return a text as Home Assistant logs it: filled in, without the last stop."""
    escaped = re.escape(message.removesuffix("."))
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", escaped) + r"\.?$")
