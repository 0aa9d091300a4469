"""An instance has the repair issues that are true now, and no others."""

from collections.abc import AsyncGenerator
from datetime import UTC, timedelta
from functools import partial
from itertools import pairwise
from string import Formatter
from types import SimpleNamespace
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueEntry, IssueSeverity
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_test_home_assistant,
)

from custom_components.green_api import issues as issues_module
from custom_components.green_api.api.models import ScanFailure
from custom_components.green_api.const import DOMAIN, SETTLING_TIME, STARTING_LIMIT
from custom_components.green_api.issues import IssueKind, issue_id_of, kind_of
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Deleted,
    Drop,
    Expired,
    Fault,
    Instance,
    Messenger,
    QrAnswer,
    Simulator,
    State,
    Status,
)
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.virtual_time import virtual_time
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    wait_until,
)

REFUSALS = [(Expired(), "instance_expired"), (Deleted(), "instance_deleted")]
PASSWORD = "hunter2-two-factor"
PHONE = "79001234567"
MOMENT = timedelta(seconds=1)
# In virtual time, more than a window and its pause.
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)


@pytest.fixture(autouse=True)
async def changes(
    hass: HomeAssistant, cloud: Simulator
) -> AsyncGenerator[list[tuple[str, str]]]:
    """Return what happens to the issues; none of them may hold a secret."""
    seen: list[tuple[str, str]] = []
    texts: list[str] = []

    @callback
    def note(event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
        issue_id = event.data["issue_id"]
        seen.append((event.data["action"], issue_id))
        texts.append(str(ir.async_get(hass).async_get_issue(DOMAIN, issue_id)))

    hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, note)
    yield seen
    for instance in cloud.cloud.list():
        account = instance.account
        for secret in (instance.token, account.phone, account.wid, account.name):
            assert not [text for text in texts if secret in text]
    assert not [text for text in texts if PASSWORD in text]


def issues(hass: HomeAssistant) -> dict[str, IssueEntry]:
    """Return our issues by id."""
    registered = ir.async_get(hass).issues.values()
    return {item.issue_id: item for item in registered if item.domain == DOMAIN}


def kinds(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the kinds of an entry's issues."""
    return {
        kind for kind in IssueKind if issue_id_of(kind, entry.entry_id) in issues(hass)
    }


def raised(changes: list[tuple[str, str]], kind: str) -> list[str]:
    """Return what happened to the issues of a kind."""
    return [action for action, issue_id in changes if issue_id.startswith(kind)]


async def refresh(entry: MockConfigEntry) -> None:
    """Ask for the state now."""
    await entry.runtime_data.async_refresh()


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


def is_in_phase(entry: MockConfigEntry, phase: LoginPhase) -> bool:
    """Tell whether an entry's login stands there."""
    return entry.runtime_data.data.login.phase is phase


def ask_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a window of virtual time from thousands of requests."""
    set_rhythm(monkeypatch, poll=5)
    shorten_backoff(monkeypatch, 15)


async def set_up_in(
    hass: HomeAssistant,
    cloud: Simulator,
    state: State,
    messenger: Messenger = Messenger.WHATSAPP,
) -> tuple[Instance, MockConfigEntry]:
    """Return an instance in a state, and its entry."""
    id_instance = str(1101000001 + len(cloud.cloud.list()))
    instance = cloud.cloud.create(id_instance, messenger=messenger, state=state)
    instance.set_account(phone=PHONE, name="Somebody Private")
    return instance, await set_up(hass, cloud, instance)


# ------------------------------------------------------------ states


@pytest.mark.parametrize(
    ("messenger", "state", "kind", "severity", "fixable"),
    [
        (
            Messenger.WHATSAPP,
            State.YELLOW_CARD,
            "yellow_card",
            IssueSeverity.ERROR,
            True,
        ),
        (Messenger.WHATSAPP, State.BLOCKED, "blocked", IssueSeverity.ERROR, False),
        (Messenger.MAX, State.SUSPENDED, "suspended", IssueSeverity.WARNING, False),
        (
            Messenger.TELEGRAM,
            State.PENDING_PASSWORD,
            "pending_password",
            IssueSeverity.WARNING,
            True,
        ),
    ],
)
async def test_a_state_that_needs_a_person_is_an_issue_as_long_as_it_lasts(
    hass: HomeAssistant,
    cloud: Simulator,
    messenger: Messenger,
    state: State,
    kind: str,
    severity: IssueSeverity,
    fixable: bool,
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.AUTHORIZED, messenger)
    assert issues(hass) == {}
    instance.set_state(state)
    await refresh(entry)
    (issue,) = issues(hass).values()
    assert issue.active
    assert issue.issue_id == f"{kind}_{entry.entry_id}"
    assert issue.translation_key in (kind, f"{kind}_until")
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["title"] == entry.title
    assert issue.data == {"entry_id": entry.entry_id}
    assert issue.severity is severity
    assert issue.is_fixable is fixable
    assert issue.is_persistent is False
    assert issue.learn_more_url is None
    instance.set_state(State.AUTHORIZED)
    await refresh(entry)
    assert issues(hass) == {}


@pytest.mark.parametrize(
    "state",
    [
        State.AUTHORIZED,
        State.NOT_AUTHORIZED,
        State.SLEEP_MODE,
        State.STARTING,
        State.PENDING_CODE,
        # Nothing takes a password of WhatsApp.
        State.PENDING_PASSWORD,
    ],
)
async def test_all_other_states_are_none(
    hass: HomeAssistant, cloud: Simulator, state: State
) -> None:
    _, entry = await set_up_in(hass, cloud, state)
    await refresh(entry)
    assert issues(hass) == {}


async def test_one_state_follows_the_other(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.YELLOW_CARD)
    assert kinds(hass, entry) == {"yellow_card"}
    instance.set_state(State.BLOCKED)
    await refresh(entry)
    assert kinds(hass, entry) == {"blocked"}


async def test_the_end_of_a_suspension_is_told_by_the_clock_of_the_house(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    await hass.config.async_set_time_zone("Asia/Tokyo")
    instance, entry = await set_up_in(hass, cloud, State.SUSPENDED, Messenger.TELEGRAM)
    await wait_until(hass, lambda: entry.runtime_data.data.suspended_until)
    (issue,) = issues(hass).values()
    end = instance.suspended_until
    assert end is not None
    assert issue.translation_key == "suspended_until"
    assert issue.translation_placeholders == {
        "title": entry.title,
        "end": f"{end.astimezone(UTC) + timedelta(hours=9):%Y-%m-%d %H:%M}",
    }


async def test_a_suspension_without_an_end_is_told_all_the_same(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.cloud.faults.add(Status(500, Body.EMPTY), method="getAccountSettings")
    _, entry = await set_up_in(hass, cloud, State.SUSPENDED, Messenger.TELEGRAM)
    await cloud.cloud.log.wait_for(method="getAccountSettings", since=0)
    (issue,) = issues(hass).values()
    assert issue.translation_key == "suspended"
    assert issue.translation_placeholders == {"title": entry.title}


async def test_a_scanned_code_wants_the_password_before_the_state_says_so(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, entry = await set_up_in(
        hass, cloud, State.NOT_AUTHORIZED, Messenger.TELEGRAM
    )
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert kinds(hass, entry) == set()
    instance.set_password(PASSWORD)
    instance.scan()
    await wait_until(hass, lambda: kinds(hass, entry) == {"pending_password"})
    instance.enter_password(PASSWORD)
    await refresh(entry)
    assert kinds(hass, entry) == set()


async def test_a_password_that_nobody_gives_is_wanted_until_the_window_ends(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    changes: list[tuple[str, str]],
) -> None:
    ask_rarely(monkeypatch)
    _, entry = await set_up_in(hass, cloud, State.NOT_AUTHORIZED, Messenger.TELEGRAM)
    data = entry.runtime_data
    await wait_until(hass, lambda: data.data.login.code)
    # Scanned; the state is plain all the while.
    cloud.cloud.faults.add(QrAnswer("pendingPassword", None), method="qr")
    with virtual_time():
        await wait_until(hass, lambda: kinds(hass, entry) == {"pending_password"})
        await wait_until(hass, lambda: kinds(hass, entry) == set(), bound=HOUR)
        assert data.data.login.phase is LoginPhase.EXPIRED
    assert raised(changes, "pending_password") == ["create", "remove"]


async def test_whatsapp_never_wants_a_password_whatever_the_codes_say(
    hass: HomeAssistant, cloud: Simulator, changes: list[tuple[str, str]]
) -> None:
    cloud.cloud.faults.add(QrAnswer("pendingPassword", None), method="qr", count=3)
    _, entry = await set_up_in(hass, cloud, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert changes == []


# ------------------------------------------------------------ starting


async def test_a_start_is_an_issue_once_it_takes_too_long_without_asking_again(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issues_module, "STARTING_LIMIT", timedelta(milliseconds=500))
    instance, entry = await set_up_in(hass, cloud, State.STARTING)
    assert issues(hass) == {}
    await wait_until(hass, lambda: issues(hass))
    assert kinds(hass, entry) == {"starting_too_long"}
    (issue,) = issues(hass).values()
    assert issue.severity is IssueSeverity.ERROR
    assert issue.is_fixable
    assert cloud.cloud.log.counts()["getStateInstance"] == 1
    instance.set_state(State.AUTHORIZED)
    await refresh(entry)
    assert issues(hass) == {}


async def test_a_start_may_take_its_time(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, cloud: Simulator
) -> None:
    _, entry = await set_up_in(hass, cloud, State.STARTING)
    await pass_time(hass, monkeypatch, STARTING_LIMIT - MOMENT)
    assert issues(hass) == {}
    await pass_time(hass, monkeypatch, 2 * MOMENT)
    assert kinds(hass, entry) == {"starting_too_long"}


async def test_a_start_that_ends_in_time_leaves_no_issue_behind(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, cloud: Simulator
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.STARTING)
    instance.set_state(State.AUTHORIZED)
    await refresh(entry)
    await pass_time(hass, monkeypatch, STARTING_LIMIT + MOMENT)
    assert issues(hass) == {}


# ------------------------------------------------------------ logout


async def test_a_login_of_no_use_is_an_issue_until_the_logout(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.NOT_AUTHORIZED)
    instance.set_stale_credentials(stale=True)
    await wait_until(hass, lambda: kinds(hass, entry) == {"needs_logout"})
    (issue,) = issues(hass).values()
    assert issue.severity is IssueSeverity.ERROR
    assert issue.is_fixable
    instance.logout()  # in the vendor's console
    await wait_until(hass, lambda: kinds(hass, entry) == set())
    assert entry.runtime_data.data.login.code


@pytest.mark.parametrize(
    "fault",
    [
        Status(502, Body.HTML),
        Status(429, Body.EMPTY),
        Drop(),
        QrAnswer("error", "timeout"),
        QrAnswer("error", "no luck today"),
    ],
)
async def test_what_passes_says_nothing_about_a_login_of_no_use(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    changes: list[tuple[str, str]],
    fault: Fault,
) -> None:
    instance.set_stale_credentials(stale=True)
    entry = await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: kinds(hass, entry) == {"needs_logout"})
    log = cloud.cloud.log
    since = log.cursor
    cloud.cloud.faults.add(fault, method="qr", count=3)
    # Whoever asks a fifth time has taken note of all before.
    while len(log.list(method="qr", since=since)) < 5:
        await log.wait_for(method="qr")
    assert entry.runtime_data.data.login.problem == ScanFailure.NEEDS_LOGOUT
    assert raised(changes, "needs_logout") == ["create"]


async def test_a_login_of_no_use_outlives_the_windows(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    changes: list[tuple[str, str]],
) -> None:
    ask_rarely(monkeypatch)
    instance.set_stale_credentials(stale=True)
    entry = await set_up(hass, cloud, instance)
    data = entry.runtime_data
    await wait_until(hass, lambda: kinds(hass, entry) == {"needs_logout"})
    rule = cloud.cloud.faults.add(Status(502, Body.HTML), method="qr")
    with virtual_time():
        for phase in (LoginPhase.EXPIRED, LoginPhase.WAITING, LoginPhase.EXPIRED):
            if phase is LoginPhase.WAITING:
                await data.async_request_login()
            await wait_until(hass, partial(is_in_phase, entry, phase), bound=HOUR)
            assert kinds(hass, entry) == {"needs_logout"}
        cloud.cloud.faults.remove(rule.number)
        instance.logout()
        await data.async_request_login()
        await wait_until(hass, lambda: data.data.login.code, bound=HOUR)
    assert raised(changes, "needs_logout") == ["create", "remove"]


# ------------------------------------------------------------ refused by the cloud


@pytest.mark.parametrize(("fault", "kind"), REFUSALS)
async def test_a_refused_instance_is_an_issue_until_it_is_accepted(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, kind: str
) -> None:
    _, entry = await set_up_in(hass, cloud, State.YELLOW_CARD)
    cloud.cloud.faults.add(fault)
    await refresh(entry)
    # The yellow card can't be mended before, and nobody knows whether it is there.
    assert kinds(hass, entry) == {kind}
    (issue,) = issues(hass).values()
    assert issue.severity is IssueSeverity.ERROR
    assert not issue.is_fixable
    assert issue.learn_more_url == "https://console.green-api.com"
    assert issue.translation_placeholders == {"title": entry.title}
    await cloud.stop()
    await refresh(entry)
    assert entry.runtime_data.data.connection_problem == "cannot_connect"
    assert kinds(hass, entry) == {kind}
    cloud.cloud.faults.clear()
    await cloud.start()
    await refresh(entry)
    assert kind not in kinds(hass, entry)


async def test_an_outage_takes_no_issue_away_and_brings_none(
    hass: HomeAssistant, cloud: Simulator, changes: list[tuple[str, str]]
) -> None:
    _, entry = await set_up_in(hass, cloud, State.YELLOW_CARD)
    await cloud.stop()
    await refresh(entry)
    assert entry.runtime_data.data.connection_problem
    assert kinds(hass, entry) == {"yellow_card"}
    await cloud.start()
    await refresh(entry)
    assert kinds(hass, entry) == {"yellow_card"}
    assert [action for action, _ in changes] == ["create"]


@pytest.mark.parametrize(("fault", "kind"), REFUSALS)
async def test_an_instance_that_cannot_be_set_up_says_why(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    changes: list[tuple[str, str]],
    fault: Fault,
    kind: str,
) -> None:
    cloud.cloud.faults.add(fault)
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert kinds(hass, entry) == {kind}
    (issue,) = issues(hass).values()
    assert issue.learn_more_url == "https://console.green-api.com"
    # Home Assistant's own tries, the second one without a network.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await hass.async_block_till_done(wait_background_tasks=True)
    await cloud.stop()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=3))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.reason
    assert entry.reason.startswith("GREEN-API cannot be reached. ")
    assert kinds(hass, entry) == {kind}
    assert [action for action, _ in changes] == ["create"]
    cloud.cloud.faults.clear()
    await cloud.start()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=9))
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    assert issues(hass) == {}
    assert errors_logged(caplog) == []


async def test_the_reason_of_a_failed_set_up_can_change(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Expired())
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert kinds(hass, entry) == {"instance_expired"}
    cloud.cloud.faults.clear()
    cloud.cloud.faults.add(Deleted())
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kinds(hass, entry) == {"instance_deleted"}
    cloud.cloud.faults.clear()
    cloud.cloud.faults.add(Status(401, Body.EMPTY))
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=3))
    await hass.async_block_till_done(wait_background_tasks=True)
    # The reauthentication asks for what is missing now.
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert issues(hass) == {}


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("how", ["unload", "disable", "remove", "reconfigure"])
async def test_an_issue_goes_with_its_entry(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    loaded: bool,
    how: str,
) -> None:
    instance.set_state(State.YELLOW_CARD)
    if not loaded:
        cloud.cloud.faults.add(Expired())
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id) is loaded
    assert kinds(hass, entry) == {"yellow_card" if loaded else "instance_expired"}
    cloud.cloud.faults.clear()
    match how:
        case "unload":
            await hass.config_entries.async_unload(entry.entry_id)
        case "disable":
            await hass.config_entries.async_set_disabled_by(
                entry.entry_id, ConfigEntryDisabler.USER
            )
        case "remove":
            await hass.config_entries.async_remove(entry.entry_id)
        case _:
            other = cloud.cloud.create("1101000002", state=State.AUTHORIZED)
            data = {"api_token_instance": other.token, "id_instance": other.id_instance}
            hass.config_entries.async_update_entry(entry, data={**entry.data, **data})
            await hass.config_entries.async_reload(entry.entry_id)
            assert entry.state is ConfigEntryState.LOADED
    assert issues(hass) == {}
    if how in ("unload", "disable"):
        # Nothing is left that would bring it back.
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1))
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issues(hass) == {}


# ------------------------------------------------------------ again


async def test_comes_back_with_the_entry(hass: HomeAssistant, cloud: Simulator) -> None:
    _, entry = await set_up_in(hass, cloud, State.BLOCKED)
    for _ in range(2):
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert kinds(hass, entry) == {"blocked"}


async def test_comes_back_after_a_restart_ignored_if_it_was(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    changes: list[tuple[str, str]],
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.BLOCKED)
    (issue_id,) = issues(hass)
    ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=True)
    hass_storage["repairs.issue_registry"] = {
        "version": ir.STORAGE_VERSION_MAJOR,
        "minor_version": ir.STORAGE_VERSION_MINOR,
        "key": ir.STORAGE_KEY,
        "data": ir.async_get(hass)._data_to_save(),
    }
    changes.clear()
    await hass.async_stop(force=True)
    # A stop is no end of an issue: that it was ignored would be forgotten.
    assert changes == []

    async with async_test_home_assistant() as later:
        later.data.pop(DATA_CUSTOM_COMPONENTS)
        await ir.async_load(later)
        assert not issues(later)[issue_id].active
        again = entry_of(cloud, instance)
        again = MockConfigEntry(
            domain=DOMAIN,
            entry_id=entry.entry_id,
            title=again.title,
            unique_id=again.unique_id,
            data=dict(again.data),
            options=dict(again.options),
            minor_version=again.minor_version,
        )
        again.add_to_hass(later)
        assert await later.config_entries.async_setup(again.entry_id)
        issue = issues(later)[issue_id]
        assert issue.active
        assert issue.dismissed_version
        await later.async_stop(force=True)


async def test_a_state_that_flaps_rings_once(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    changes: list[tuple[str, str]],
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.AUTHORIZED)
    for _ in range(3):
        for state in (State.YELLOW_CARD, State.AUTHORIZED):
            instance.set_state(state)
            await refresh(entry)
    # At once for the first time, and gone at once.
    assert raised(changes, "yellow_card") == ["create", "remove"]
    instance.set_state(State.YELLOW_CARD)
    await refresh(entry)
    await pass_time(hass, monkeypatch, SETTLING_TIME - MOMENT)
    assert kinds(hass, entry) == set()
    await pass_time(hass, monkeypatch, 2 * MOMENT)
    assert kinds(hass, entry) == {"yellow_card"}
    assert raised(changes, "yellow_card") == ["create", "remove", "create"]


async def test_one_that_flaps_keeps_no_other_quiet(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance, entry = await set_up_in(hass, cloud, State.YELLOW_CARD)
    instance.set_state(State.AUTHORIZED)
    await refresh(entry)
    instance.set_state(State.BLOCKED)
    await refresh(entry)
    assert kinds(hass, entry) == {"blocked"}


async def test_the_same_news_is_no_news(
    hass: HomeAssistant, cloud: Simulator, changes: list[tuple[str, str]]
) -> None:
    _, entry = await set_up_in(hass, cloud, State.BLOCKED)
    for _ in range(3):
        await refresh(entry)
        entry.runtime_data.async_update_listeners()
    assert [action for action, _ in changes] == ["create"]


async def test_shows_a_new_title_at_once(hass: HomeAssistant, cloud: Simulator) -> None:
    _, entry = await set_up_in(hass, cloud, State.BLOCKED)
    hass.config_entries.async_update_entry(entry, title="The shop")
    (issue,) = issues(hass).values()
    assert issue.translation_placeholders == {"title": "The shop"}


# ------------------------------------------------------------ two instances


async def test_two_instances_have_issues_of_their_own(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    one, first = await set_up_in(hass, cloud, State.YELLOW_CARD)
    _, second = await set_up_in(hass, cloud, State.YELLOW_CARD)
    assert kinds(hass, first) == kinds(hass, second) == {"yellow_card"}
    titles = {
        (issue.translation_placeholders or {})["title"]
        for issue in issues(hass).values()
    }
    assert titles == {first.title, second.title}
    one.set_state(State.AUTHORIZED)
    await refresh(first)
    assert kinds(hass, first) == set()
    assert kinds(hass, second) == {"yellow_card"}
    await hass.config_entries.async_remove(first.entry_id)
    assert kinds(hass, second) == {"yellow_card"}
    await hass.config_entries.async_unload(second.entry_id)
    assert issues(hass) == {}


# ------------------------------------------------------------ names and texts


def test_an_id_leads_back_to_its_kind() -> None:
    for kind in IssueKind:
        assert kind_of(issue_id_of(kind, "01ABC_x"), "01ABC_x") is kind


def test_no_kind_begins_like_another() -> None:
    assert not [a for a, b in pairwise(sorted(IssueKind)) if b.startswith(f"{a}_")]


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_every_issue_has_its_texts(hass: HomeAssistant, language: str) -> None:
    texts = await async_get_translations(hass, language, "issues", {DOMAIN})
    prefix = f"component.{DOMAIN}.issues."
    keys = {*IssueKind, "suspended_until"}
    of_others = {"broker_away", "broker_away_home_assistant", "push_lost"}
    found = {path.removeprefix(prefix).split(".")[0] for path in texts}
    assert found == keys | of_others
    for key in keys:
        title = texts[f"{prefix}{key}.title"]
        text = texts.get(f"{prefix}{key}.description", "")
        fixable = any(path.startswith(f"{prefix}{key}.fix_flow.") for path in texts)
        assert fixable is not bool(text)
        wanted = {name for _, name, _, _ in Formatter().parse(title + text) if name}
        given = {"title", "end"} if key == "suspended_until" else {"title"}
        assert wanted == given
