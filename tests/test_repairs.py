"""A person mends an instance from the repairs, through Home Assistant's own API."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
import json
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import EVENT_DATA_ENTRY_FLOW_PROGRESSED
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api import (
    coordinator as coordinator_module,
    issues as issues_module,
    repairs,
)
from custom_components.green_api.api.errors import (
    AuthorizationRefused,
    CredentialsRejected,
    GreenApiError,
    PairingRefused,
    SocketClosed,
    WebhookIsSet,
)
from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import (
    DOMAIN,
    OUTAGE_GRACE,
    REBOOT_PAUSE,
    SETTLING_TIME,
    STARTING_LIMIT,
)
from custom_components.green_api.issues import FIXABLE, IssueKind, issue_id_of
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    AuthorizationAnswer,
    Body,
    Delay,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    Messenger,
    QrAnswer,
    Reason,
    Simulator,
    State,
    Status,
)
from tests.conftest import set_up
from tests.logs import errors_logged, log_lines
from tests.virtual_time import virtual_time
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    wait_until,
)

FIX = "/api/repairs/issues/fix"
PASSWORD = "hunter2-two-factor"
WRONG = "not-the-password"
MOMENT = timedelta(seconds=1)
TRANSLATIONS = Path(repairs.__file__).parent / "translations"

ORDERS = ("reboot", "logout", "sendAuthorizationPassword")

type Step = dict[str, Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)
    monkeypatch.setattr(repairs, "CHECK_TIME", 0.0)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that a restart lasts as long as told."""
    return ManualClock()


class Dialog:
    """The dialog of one repair, as the frontend drives it."""

    def __init__(self, client: TestClient[Any, Any], issue_id: str) -> None:
        """Take the browser, and the issue to be fixed."""
        self._client = client
        self._issue_id = issue_id
        self.flow_id = ""

    async def open(self) -> Step:
        """Return the first step."""
        step = await self._answer(
            "POST", FIX, {"handler": DOMAIN, "issue_id": self._issue_id}
        )
        self.flow_id = step["flow_id"]
        return step

    async def look(self) -> Step:
        """Return the present step, as after a call to look again."""
        return await self._answer("GET", self._path)

    async def submit(self, **values: str) -> Step:
        """Return what comes of the form."""
        return await self._answer("POST", self._path, values)

    async def close(self) -> None:
        """Close the dialog."""
        await self._answer("DELETE", self._path)

    @property
    def _path(self) -> str:
        return f"{FIX}/{self.flow_id}"

    async def _answer(
        self, verb: str, path: str, values: Mapping[str, str] | None = None
    ) -> Step:
        answer = await self._client.request(verb, path, json=values)
        text = await answer.text()
        assert answer.status == HTTPStatus.OK, text
        assert PASSWORD not in text
        assert WRONG not in text
        step: Step = json.loads(text)
        return step


@pytest.fixture
async def browser(
    hass: HomeAssistant, cloud: Simulator, hass_client: ClientSessionGenerator
) -> TestClient[Any, Any]:
    """Return somebody with rights to repair."""
    # All that serves pages has to be there before the first request.
    for component in (REPAIRS, DOMAIN):
        assert await async_setup_component(hass, component, {})
    return await hass_client()


@pytest.fixture
async def progressed(hass: HomeAssistant) -> AsyncGenerator[asyncio.Queue[str]]:
    """Return the calls to dialogs to look again, by the id of the flow."""
    calls: asyncio.Queue[str] = asyncio.Queue()

    @callback
    def note(event: Event[Any]) -> None:
        calls.put_nowait(event.data["flow_id"])

    stop = hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESSED, note)
    yield calls
    stop()


def has_issue(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> bool:
    """Tell whether an entry has an issue."""
    issue_id = f"{kind}_{entry.entry_id}"
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None


def dialog_of(
    browser: TestClient[Any, Any], entry: MockConfigEntry, kind: str
) -> Dialog:
    """Return a dialog for an entry's issue, not opened yet."""
    return Dialog(browser, issue_id_of(IssueKind(kind), entry.entry_id))


def asked(cloud: Simulator, method: str) -> int:
    """Return how often the cloud has been asked for something."""
    return len(cloud.cloud.log.list(method=method))


async def pass_time(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, time: timedelta
) -> None:
    """Let so much time pass for the issues and for every timer."""
    # The event loop's own time has to go on, or no request would end.
    now = issues_module.dt_util.utcnow() + time
    shifted = SimpleNamespace(utcnow=lambda: now, as_local=dt_util.as_local)
    monkeypatch.setattr(issues_module, "dt_util", shifted)
    async_fire_time_changed(hass, now)
    await hass.async_block_till_done()


async def set_up_with(
    hass: HomeAssistant, cloud: Simulator, kind: str
) -> tuple[Instance, MockConfigEntry]:
    """Return an instance with a fixable issue, and its entry."""
    messenger, state = {
        "yellow_card": (Messenger.WHATSAPP, State.YELLOW_CARD),
        "starting_too_long": (Messenger.WHATSAPP, State.AUTHORIZED),
        "needs_logout": (Messenger.WHATSAPP, State.NOT_AUTHORIZED),
        "pending_password": (Messenger.MAX, State.PENDING_PASSWORD),
    }[kind]
    id_instance = str(1101000001 + len(cloud.cloud.list()))
    instance = cloud.cloud.create(
        id_instance, messenger=messenger, state=state, password=PASSWORD
    )
    if kind == "starting_too_long":
        instance.set_state(State.STARTING)
    if kind == "needs_logout":
        instance.set_stale_credentials(stale=True)
    entry = await set_up(hass, cloud, instance)
    if kind == "starting_too_long":
        # As if it had been there for so long.
        coordinator = entry.runtime_data
        since = coordinator.data.since - STARTING_LIMIT
        coordinator.data = replace(coordinator.data, since=since)
        coordinator.async_update_listeners()
    await wait_until(hass, lambda: has_issue(hass, entry, kind))
    return instance, entry


# ------------------------------------------------------------ reboot and logout


async def test_a_yellow_card_is_mended_by_a_restart(
    hass: HomeAssistant,
    clock: ManualClock,
    cloud: Simulator,
    browser: TestClient[Any, Any],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    step = await dialog.open()
    assert (step["type"], step["step_id"]) == ("form", "confirm")
    assert step["data_schema"] == []
    assert step["errors"] == {}
    assert step["description_placeholders"] == {"title": entry.title}
    assert asked(cloud, "reboot") == 0
    step = await dialog.submit()
    assert (step["type"], step["description"]) == ("create_entry", "ordered")
    assert asked(cloud, "reboot") == 1
    assert not has_issue(hass, entry, "yellow_card")
    assert instance.state is State.STARTING
    clock.advance(3)
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.state is InstanceState.AUTHORIZED
    assert ir.async_get(hass).issues == {}


async def test_a_restart_that_changes_nothing_brings_the_issue_back(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    browser: TestClient[Any, Any],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    await dialog.submit()
    # The cloud may show the old state for a while: no reason to ring again.
    instance.set_state(State.YELLOW_CARD)
    await entry.runtime_data.async_refresh()
    await pass_time(hass, monkeypatch, SETTLING_TIME - MOMENT)
    assert not has_issue(hass, entry, "yellow_card")
    await pass_time(hass, monkeypatch, 2 * MOMENT)
    assert has_issue(hass, entry, "yellow_card")


async def test_a_long_start_is_mended_by_a_restart_that_gets_its_time(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    clock: ManualClock,
    cloud: Simulator,
    browser: TestClient[Any, Any],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "starting_too_long")
    dialog = dialog_of(browser, entry, "starting_too_long")
    assert (await dialog.open())["step_id"] == "confirm"
    assert (await dialog.submit())["type"] == "create_entry"
    assert asked(cloud, "reboot") == 1
    # It starts again, as seen from here it never stopped.
    assert entry.runtime_data.data.state is InstanceState.STARTING
    await pass_time(hass, monkeypatch, STARTING_LIMIT - MOMENT)
    assert not has_issue(hass, entry, "starting_too_long")
    await pass_time(hass, monkeypatch, 2 * MOMENT)
    assert has_issue(hass, entry, "starting_too_long")
    clock.advance(3)
    assert instance.state is State.AUTHORIZED
    await entry.runtime_data.async_refresh()
    assert not has_issue(hass, entry, "starting_too_long")


async def test_a_login_of_no_use_is_mended_by_a_logout(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    instance, entry = await set_up_with(hass, cloud, "needs_logout")
    dialog = dialog_of(browser, entry, "needs_logout")
    assert (await dialog.open())["step_id"] == "confirm"
    assert instance.stale_credentials
    assert (await dialog.submit())["type"] == "create_entry"
    assert asked(cloud, "logout") == 1
    assert not instance.stale_credentials
    assert not has_issue(hass, entry, "needs_logout")
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert not has_issue(hass, entry, "needs_logout")


async def test_an_account_that_was_linked_meanwhile_is_not_logged_out(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    instance, entry = await set_up_with(hass, cloud, "needs_logout")
    dialog = dialog_of(browser, entry, "needs_logout")
    await dialog.open()
    # Somewhere else, and nothing has been heard of it here yet.
    entry.runtime_data.login.stop(LoginPhase.EXPIRED)
    instance.set_state(State.AUTHORIZED)
    assert entry.runtime_data.data.state is InstanceState.NOT_AUTHORIZED
    step = await dialog.submit()
    assert step["type"] == "create_entry"
    assert step["description"] is None
    assert asked(cloud, "logout") == 0
    assert instance.state is State.AUTHORIZED


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(401, Body.EMPTY), "token_rejected"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(502, Body.HTML), "cloud_failed"),
        (Expired(), "instance_expired"),
        (Drop(), "cannot_connect"),
        (Hang(), "timed_out"),
    ],
)
@pytest.mark.parametrize("grace", [False, True])
@pytest.mark.parametrize("kind", sorted(FIXABLE))
async def test_nothing_is_ordered_while_the_state_cannot_be_learned(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
    kind: str,
    grace: bool,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    _, entry = await set_up_with(hass, cloud, kind)
    dialog = dialog_of(browser, entry, kind)
    values = {}
    if kind == "pending_password":
        await open_password(dialog, progressed)
        values = {"password": PASSWORD}
    else:
        await dialog.open()
    if grace:
        monkeypatch.setattr(coordinator_module, "OUTAGE_GRACE", OUTAGE_GRACE)
    cloud.cloud.faults.add(fault, method="getStateInstance")
    for _ in range(2):
        step = await dialog.submit(**values)
        assert step["type"] == "form"
        assert step["errors"] == {"base": key}
    assert not any(asked(cloud, method) for method in ORDERS)


@pytest.mark.parametrize("kind", sorted(FIXABLE))
async def test_the_order_is_given_once_the_state_is_told_again(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
    kind: str,
) -> None:
    _, entry = await set_up_with(hass, cloud, kind)
    dialog = dialog_of(browser, entry, kind)
    values = {}
    if kind == "pending_password":
        await open_password(dialog, progressed)
        values = {"password": PASSWORD}
    else:
        await dialog.open()
    rule = cloud.cloud.faults.add(Status(429, Body.EMPTY), method="getStateInstance")
    assert (await dialog.submit(**values))["type"] == "form"
    cloud.cloud.faults.remove(rule.number)
    step = await dialog.submit(**values)
    assert (step["type"], step["description"]) == ("create_entry", "ordered")
    assert sum(asked(cloud, method) for method in ORDERS) == 1


async def test_an_account_linked_unseen_is_not_logged_out(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    browser: TestClient[Any, Any],
) -> None:
    monkeypatch.setattr(coordinator_module, "OUTAGE_GRACE", OUTAGE_GRACE)
    instance, entry = await set_up_with(hass, cloud, "needs_logout")
    dialog = dialog_of(browser, entry, "needs_logout")
    await dialog.open()
    # Others use up the limit that all clients share.
    rule = cloud.cloud.faults.add(Status(429, Body.EMPTY), method="getStateInstance")
    instance.set_state(State.AUTHORIZED)
    assert (await dialog.submit())["errors"] == {"base": "rate_limited"}
    cloud.cloud.faults.remove(rule.number)
    step = await dialog.submit()
    assert (step["type"], step["description"]) == ("create_entry", None)
    assert asked(cloud, "logout") == 0
    assert instance.state is State.AUTHORIZED


async def test_a_restart_right_after_a_logout_has_to_wait(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    instance = cloud.cloud.create(state=State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    await entry.runtime_data.async_logout()
    instance.set_state(State.YELLOW_CARD)
    await entry.runtime_data.async_refresh()
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    step = await dialog.submit()
    assert step["errors"] == {"base": "reboot_too_soon"}
    told = step["description_placeholders"]
    assert told["title"] == entry.title
    assert 170 < int(told["seconds"]) <= REBOOT_PAUSE.total_seconds()
    assert asked(cloud, "reboot") == 0
    assert has_issue(hass, entry, "yellow_card")
    with virtual_time():
        await asyncio.sleep(int(told["seconds"]))
        step = await dialog.submit()
    assert (step["type"], step["description"]) == ("create_entry", "ordered")
    assert asked(cloud, "reboot") == 1


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(401, Body.EMPTY), "token_rejected"),
        (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(502, Body.HTML), "cloud_failed"),
        (Drop(), "cannot_connect"),
        (Hang(), "timed_out"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("yellow_card", "reboot"),
        ("starting_too_long", "reboot"),
        ("needs_logout", "logout"),
    ],
)
async def test_an_order_that_fails_says_why_and_can_be_repeated(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    kind: str,
    method: str,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    _, entry = await set_up_with(hass, cloud, kind)
    dialog = dialog_of(browser, entry, kind)
    await dialog.open()
    cloud.cloud.faults.add(fault, method=method, count=1)
    step = await dialog.submit()
    assert (step["type"], step["step_id"]) == ("form", "confirm")
    assert step["errors"] == {"base": key}
    assert has_issue(hass, entry, kind)
    assert (await dialog.submit())["type"] == "create_entry"
    assert not has_issue(hass, entry, kind)
    assert errors_logged(caplog) == []


async def test_a_browser_that_is_closed_breaks_no_order_off(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    _, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    cloud.cloud.faults.add(Delay(10), method="getStateInstance", count=1)
    submit = asyncio.create_task(dialog.submit())
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    submit.cancel()
    await asyncio.wait([submit])
    await browser.close()
    clock = cloud.cloud.clock
    assert isinstance(clock, ManualClock)
    clock.advance(10)
    await cloud.cloud.log.wait_for(method="reboot", since=0)
    await wait_until(hass, lambda: not has_issue(hass, entry, "yellow_card"))
    assert entry.runtime_data.last_update_success


# ------------------------------------------------------------ password


async def open_password(dialog: Dialog, progressed: asyncio.Queue[str]) -> Step:
    """Return the form of the password."""
    step = await dialog.open()
    assert (step["type"], step["progress_action"]) == ("progress", "check")
    assert await progressed.get() == dialog.flow_id
    step = await dialog.look()
    assert (step["type"], step["step_id"]) == ("form", "password")
    return step


async def test_a_password_is_asked_for_and_accepted(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    step = await open_password(dialog, progressed)
    (field,) = step["data_schema"]
    assert field["name"] == "password"
    assert field["required"]
    assert field["selector"]["text"]["type"] == "password"
    assert "default" not in field
    assert step["description_placeholders"] == {"title": entry.title}

    step = await dialog.submit(password=WRONG)
    assert step["type"] == "form"
    assert step["errors"] == {"password": "invalid_password"}
    assert has_issue(hass, entry, "pending_password")

    step = await dialog.submit(password=PASSWORD)
    assert (step["type"], step["description"]) == ("create_entry", "ordered")
    assert instance.state is State.AUTHORIZED
    assert entry.runtime_data.data.state is InstanceState.AUTHORIZED
    assert not has_issue(hass, entry, "pending_password")
    assert not [line for line in log_lines(caplog) if PASSWORD in line]
    assert errors_logged(caplog) == []


async def test_too_many_passwords_are_told_with_the_time_left(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    _, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    answer = AuthorizationAnswer(Reason.ATTEMPTS_EXCEEDED, 90)
    cloud.cloud.faults.add(answer, count=1)
    step = await dialog.submit(password=WRONG)
    assert step["errors"] == {"base": "attempts_exceeded"}
    assert step["description_placeholders"] == {"title": entry.title, "seconds": "90"}
    # A repeat that would be of no use is not even sent.
    sent = asked(cloud, "sendAuthorizationPassword")
    step = await dialog.submit(password=PASSWORD)
    assert step["errors"] == {"base": "attempts_exceeded"}
    assert asked(cloud, "sendAuthorizationPassword") == sent
    assert has_issue(hass, entry, "pending_password")


async def test_a_pause_that_the_cloud_asks_for_is_kept(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    _, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    answer = AuthorizationAnswer(Reason.RATE_LIMIT_EXCEEDED, 90)
    cloud.cloud.faults.add(answer, count=1)
    step = await dialog.submit(password=PASSWORD)
    assert step["errors"] == {"base": "rate_limit_exceeded"}
    sent = asked(cloud, "sendAuthorizationPassword")
    step = await dialog.submit(password=PASSWORD)
    assert step["errors"] == {"base": "too_soon"}
    assert 80 < int(step["description_placeholders"]["seconds"]) <= 90
    assert asked(cloud, "sendAuthorizationPassword") == sent
    with virtual_time():
        await asyncio.sleep(90)
        step = await dialog.submit(password=PASSWORD)
    assert (step["type"], step["description"]) == ("create_entry", "ordered")


async def test_ends_by_itself_when_the_time_for_the_password_is_over(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    set_rhythm(monkeypatch, poll=5)
    instance = cloud.cloud.create("4100000001", Messenger.TELEGRAM)
    entry = await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    # Scanned, and only the answers about codes tell of it.
    cloud.cloud.faults.add(QrAnswer("pendingPassword", None), method="qr")
    with virtual_time():
        await wait_until(hass, lambda: has_issue(hass, entry, "pending_password"))
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    with virtual_time():
        assert await progressed.get() == dialog.flow_id
        step = await dialog.look()
    assert entry.runtime_data.data.login.phase is LoginPhase.EXPIRED
    assert (step["type"], step["description"]) == ("create_entry", None)
    assert asked(cloud, "sendAuthorizationPassword") == 0


async def test_ends_by_itself_when_the_password_was_given_elsewhere(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "pending_password")
    other, second = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    # Another instance's end is not this one's.
    other.enter_password(PASSWORD)
    await second.runtime_data.async_refresh()
    assert progressed.empty()
    instance.enter_password(PASSWORD)
    await entry.runtime_data.async_refresh()
    assert await progressed.get() == dialog.flow_id
    # A second call would find no flow any more, which the browser takes for an error.
    other.set_state(State.BLOCKED)
    await second.runtime_data.async_refresh()
    assert has_issue(hass, second, "blocked")
    assert progressed.empty()
    step = await dialog.look()
    assert step["type"] == "create_entry"
    assert step["description"] is None
    assert asked(cloud, "sendAuthorizationPassword") == 0


async def test_a_late_password_ends_well_and_is_not_sent(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    instance.enter_password(PASSWORD)
    step = await dialog.submit(password=PASSWORD)
    assert step["type"] == "create_entry"
    assert asked(cloud, "sendAuthorizationPassword") == 0


async def test_ends_before_the_form_when_nothing_is_wanted_any_more(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    instance, entry = await set_up_with(hass, cloud, "pending_password")
    instance.enter_password(PASSWORD)
    dialog = dialog_of(browser, entry, "pending_password")
    step = await dialog.open()
    assert step["type"] == "progress"
    await progressed.get()
    assert (await dialog.look())["type"] == "create_entry"


async def test_a_password_on_its_way_is_not_cut_short_by_its_success(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    _, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    await dialog.submit(password=PASSWORD)
    # Looking again at that moment would end the flow under the answer's feet.
    assert progressed.empty()


async def test_a_check_outlives_the_dialog_that_began_it(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    _, entry = await set_up_with(hass, cloud, "pending_password")
    dialog = dialog_of(browser, entry, "pending_password")
    cloud.cloud.faults.add(Delay(10), method="getStateInstance", count=1)
    since = cloud.cloud.log.cursor
    await dialog.open()
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    await dialog.close()
    clock = cloud.cloud.clock
    assert isinstance(clock, ManualClock)
    clock.advance(10)
    request = await cloud.cloud.log.wait_for(method="getStateInstance", since=since)
    assert request.ok
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data.last_update_success


def listeners_of(hass: HomeAssistant) -> dict[str, int]:
    """Return how many listen to each event, stores that wait to be written aside."""
    listeners = dict(hass.bus.async_listeners())
    listeners.pop(EVENT_HOMEASSISTANT_FINAL_WRITE, None)
    return listeners


async def test_a_closed_dialog_leaves_nothing_behind(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
) -> None:
    _, entry = await set_up_with(hass, cloud, "pending_password")
    before = listeners_of(hass)
    dialog = dialog_of(browser, entry, "pending_password")
    await open_password(dialog, progressed)
    assert listeners_of(hass) != before
    await dialog.close()
    assert listeners_of(hass) == before
    assert has_issue(hass, entry, "pending_password")


# ------------------------------------------------------------ without an entry


@pytest.mark.parametrize("kind", sorted(FIXABLE))
@pytest.mark.parametrize("gone", ["unloaded", "removed"])
async def test_says_so_when_the_entry_is_gone(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    progressed: asyncio.Queue[str],
    kind: str,
    gone: str,
) -> None:
    _, entry = await set_up_with(hass, cloud, kind)
    dialog = dialog_of(browser, entry, kind)
    values = {}
    if kind == "pending_password":
        await open_password(dialog, progressed)
        values = {"password": PASSWORD}
    else:
        await dialog.open()
    if gone == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_unload(entry.entry_id)
    step = await dialog.submit(**values)
    assert (step["type"], step["reason"]) == ("abort", "not_loaded")
    assert not any(asked(cloud, method) for method in ORDERS)


async def test_goes_on_after_a_reload(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    _, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert (await dialog.submit())["type"] == "create_entry"
    assert asked(cloud, "reboot") == 1


async def test_an_entry_that_goes_during_the_order_is_told_so(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    _, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    cloud.cloud.faults.add(Delay(10), method="getStateInstance", count=1)
    submit = asyncio.create_task(dialog.submit())
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    clock = cloud.cloud.clock
    assert isinstance(clock, ManualClock)
    clock.advance(10)
    step = await submit
    assert (step["type"], step["reason"]) == ("abort", "not_loaded")
    assert asked(cloud, "reboot") == 0


async def test_an_order_that_outlives_its_entry_is_told_as_given(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    instance, entry = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, entry, "yellow_card")
    await dialog.open()
    cloud.cloud.faults.add(Delay(10), method="reboot", count=1)
    submit = asyncio.create_task(dialog.submit())
    await cloud.cloud.log.wait_for_open(method="reboot")
    await hass.config_entries.async_unload(entry.entry_id)
    clock = cloud.cloud.clock
    assert isinstance(clock, ManualClock)
    clock.advance(10)
    step = await submit
    assert (step["type"], step["description"]) == ("create_entry", "ordered")
    assert instance.state is State.STARTING
    assert ir.async_get(hass).issues == {}


@pytest.mark.parametrize("kind", ["yellow_card", "pending_password"])
async def test_opens_for_no_entry_that_is_broken(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any], kind: str
) -> None:
    _, entry = await set_up_with(hass, cloud, kind)
    entry.mock_state(hass, ConfigEntryState.FAILED_UNLOAD)
    step = await dialog_of(browser, entry, kind).open()
    assert (step["type"], step["reason"]) == ("abort", "not_loaded")
    entry.mock_state(hass, ConfigEntryState.LOADED)


async def test_mends_the_instance_it_was_opened_for(
    hass: HomeAssistant, cloud: Simulator, browser: TestClient[Any, Any]
) -> None:
    one, first = await set_up_with(hass, cloud, "yellow_card")
    two, second = await set_up_with(hass, cloud, "yellow_card")
    dialog = dialog_of(browser, second, "yellow_card")
    assert (await dialog.open())["description_placeholders"] == {"title": second.title}
    await dialog.submit()
    assert one.state is State.YELLOW_CARD
    assert two.state is State.STARTING
    assert has_issue(hass, first, "yellow_card")
    assert not has_issue(hass, second, "yellow_card")


@pytest.mark.parametrize("state", [State.BLOCKED, State.SUSPENDED])
async def test_what_nobody_can_mend_here_has_no_flow(
    hass: HomeAssistant,
    cloud: Simulator,
    browser: TestClient[Any, Any],
    state: State,
) -> None:
    instance = cloud.cloud.create(state=state)
    entry = await set_up(hass, cloud, instance)
    kind = IssueKind(entry.runtime_data.data.state.value)
    answer = await browser.post(
        FIX, json={"handler": DOMAIN, "issue_id": issue_id_of(kind, entry.entry_id)}
    )
    assert answer.status == HTTPStatus.BAD_REQUEST


# ------------------------------------------------------------ texts


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", sorted(FIXABLE))
def test_every_flow_has_its_texts(kind: str, language: str) -> None:
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text("utf-8"))
    flow = texts["issues"][kind]["fix_flow"]
    password = kind == "pending_password"
    (step,) = flow["step"]
    assert step == ("password" if password else "confirm")
    assert set(flow["abort"]) == {"not_loaded"}
    assert set(flow["create_entry"]) == {"default", "ordered"}
    assert set(flow.get("progress", {})) == ({"check"} if password else set())
    # The frontend fills the placeholders of a form, but not those of its end.
    for text in flow["create_entry"].values():
        assert not any(name for _, name, _, _ in Formatter().parse(text))


def _keys(base: type[GreenApiError]) -> set[str]:
    return {base.key}.union(*map(_keys, base.__subclasses__()))


# Of requests that no flow makes, and families that are never raised themselves.
NEVER = {
    CredentialsRejected.key,
    GreenApiError.key,
    SocketClosed.key,
    WebhookIsSet.key,
}
REBOOTS = {"starting_too_long", "yellow_card"}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", sorted(FIXABLE))
def test_every_error_of_an_order_has_its_text(kind: str, language: str) -> None:
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text("utf-8"))
    keys = _keys(GreenApiError) - NEVER - {PairingRefused.key}
    if kind == "pending_password":
        keys |= {"no_password_wanted", "state_forbids_login", "too_soon"}
        keys.add(GreenApiError.key)
    else:
        keys -= _keys(AuthorizationRefused)
    if kind in REBOOTS:
        keys.add("reboot_too_soon")
    errors = texts["issues"][kind]["fix_flow"]["error"]
    assert set(errors) == keys
    for key in keys - {GreenApiError.key}:
        assert errors[key] == texts["exceptions"][key]["message"], key
