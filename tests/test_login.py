"""A login session shows codes while somebody may scan them, and no longer."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import (
    DOMAIN,
    LOGIN_PAUSE,
    LOGIN_POLL_INTERVAL,
    LONGEST_LOGIN_WINDOW,
)
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginPhase,
    LoginProgress,
)
from custom_components.green_api.stills import Situation
from simulator import (
    Body,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    QrAnswer,
    Simulator,
    State,
    StateAnswer,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import (
    code_of,
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    shorten_window,
    wait_until,
)

IDLE_INTERVAL = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


def record(coordinator: GreenApiCoordinator) -> list[InstanceData]:
    """Return a list that gets every snapshot that listeners are told of."""
    seen: list[InstanceData] = []
    coordinator.config_entry.async_on_unload(
        coordinator.async_add_listener(lambda: seen.append(coordinator.data))
    )
    return seen


def bare(progress: LoginProgress) -> LoginProgress:
    """Return where a login stands, without its times and the cloud's words."""
    return replace(progress, began_at=None, ends_at=None, detail=None)


async def requests(cloud: Simulator, count: int) -> None:
    """Wait until so many more requests for a code have been answered."""
    since = cloud.cloud.log.cursor
    for _ in range(count):
        since = (await cloud.cloud.log.wait_for(method="qr", since=since)).number


async def expect_no_more_hints(
    cloud: Simulator, coordinator: GreenApiCoordinator
) -> None:
    """Check that repeats of an answer do not ask for the state again and again."""
    await coordinator.async_refresh()
    since = cloud.cloud.log.cursor
    await requests(cloud, 5)
    # No more than the one that the first answer led to.
    assert len(cloud.cloud.log.list(method="getStateInstance", since=since)) <= 1


def sessions() -> int:
    """Return how many login sessions run."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return sum(name.endswith("login session") for name in names)


async def expect_no_session() -> None:
    """Check that the login sessions have ended, each in its own time."""
    tasks = [
        task
        for task in asyncio.all_tasks()
        if task.get_name().endswith("login session")
    ]
    if tasks:
        _, running = await asyncio.wait(tasks, timeout=2)
        assert not running


# ----------------------------------------------------------------------- codes


async def test_shows_the_code_of_the_cloud_with_its_life(
    hass: HomeAssistant, clock: ManualClock, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    began = dt_util.utcnow()
    for sequence in (1, 2, 3):
        code = await code_of(hass, coordinator, sequence)
        assert instance.code is not None
        assert code.png == instance.code.png
        assert code.sequence == sequence
        assert began - timedelta(seconds=5) <= code.issued_at <= dt_util.utcnow()
        # Renewed every 60 s, asked for every 0.05 s, answered within 0.5 s.
        assert code.expires_at - code.issued_at == timedelta(seconds=60.55)
        clock.advance(20)


async def test_a_code_is_not_to_be_read_in_a_log(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    assert "PNG" not in repr(coordinator.data)
    assert "PNG" not in repr(coordinator.picture)


async def test_tells_of_a_code_once_however_often_it_is_given(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()  # after the one that came with the login
    seen = record(coordinator)
    await requests(cloud, 5)
    assert seen == []


async def test_keeps_a_code_that_lives_longer_than_usual(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    set_rhythm(monkeypatch, renewal=0.1, slow_answer=1)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    first = await code_of(hass, coordinator)
    seen = record(coordinator)
    for _ in range(3):
        known = coordinator.data.login.code.expires_at
        await wait_until(
            hass,
            lambda known=known: coordinator.data.login.code.expires_at > known,  # type: ignore[misc]
        )
    assert all(data.login.phase is LoginPhase.SHOWING for data in seen)
    last = coordinator.data.login.code
    assert last == replace(first, expires_at=last.expires_at)
    assert coordinator.picture.png == first.png


async def test_drops_a_code_at_the_end_of_its_life_even_when_the_cloud_hangs(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
) -> None:
    set_rhythm(monkeypatch, renewal=0.2, slow_answer=0.3)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    code = await code_of(hass, coordinator)
    cloud.cloud.faults.add(Hang(), method="qr")
    await cloud.cloud.log.wait_for_open(method="qr")
    last = coordinator.data.login.code or code
    await wait_until(hass, lambda: coordinator.data.login.code is None)
    late = dt_util.utcnow() - last.expires_at
    assert timedelta(seconds=-0.05) < late < timedelta(seconds=2)
    assert bare(coordinator.data.login) == LoginProgress(LoginPhase.WAITING)
    assert coordinator.picture.situation is Situation.WAITING
    cloud.cloud.faults.clear()
    clock.advance(60)
    again = await code_of(hass, coordinator, code.sequence + 1)
    assert again.png != code.png


# -------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("timeout", "messenger_unreachable"),
        ("not_ready", "not_ready"),
        ("connection_closed", "connection_closed"),
        ("Backend said: ECONNRESET 10.0.0.1", "other"),
        ("", "other"),
    ],
)
async def test_names_why_no_code_comes_and_goes_on(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    message: str,
    problem: str,
) -> None:
    coordinator = entry.runtime_data
    code = await code_of(hass, coordinator)
    cloud.cloud.faults.add(QrAnswer("error", message), method="qr")
    await wait_until(hass, lambda: coordinator.data.problem == problem)
    # The code lives on: the phone can still read it.
    assert bare(coordinator.data.login) == LoginProgress(
        LoginPhase.SHOWING, code, problem
    )
    assert coordinator.picture.png == code.png
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.data.problem is None)
    assert coordinator.data.login.code is not None
    assert instance.code is not None
    assert coordinator.data.login.code.png == instance.code.png
    assert errors_logged(caplog) == []


async def test_asks_to_log_out_first_where_an_old_login_is_in_the_way(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(QrAnswer.log_out_first(), method="qr")
    await wait_until(hass, lambda: coordinator.data.problem == "needs_logout")
    assert bare(coordinator.data.login) == LoginProgress(
        LoginPhase.WAITING, problem="needs_logout"
    )
    assert coordinator.picture.situation is Situation.NEEDS_LOGOUT
    cloud.cloud.faults.clear()
    await coordinator.async_logout()
    await code_of(hass, coordinator, 2)
    assert coordinator.data.problem is None


async def test_a_passing_problem_does_not_hide_one_that_needs_a_person(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.8, pause=600)
    instance.set_stale_credentials(stale=True)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.problem == "needs_logout")
    cloud.cloud.faults.add(Status(500), method="qr", count=1)
    cloud.cloud.faults.add(QrAnswer("error", "timeout"), method="qr")
    await requests(cloud, 3)
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert coordinator.data.problem == "needs_logout"
    assert coordinator.picture.situation is Situation.NEEDS_LOGOUT
    # After the logout nothing says so any more, not even until the pause is over.
    await coordinator.async_logout()
    assert coordinator.data.problem is None
    assert coordinator.login.active is False


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(504, Body.HTML), "cloud_failed"),
        (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
        (Status(200, Body.HTML), "unexpected_answer"),
        (Status(200, Body.HUGE), "unexpected_answer"),
        (Status(200, Body.TRUNCATED), "unexpected_answer"),
        (QrAnswer.not_base64(), "unexpected_answer"),
        (QrAnswer.not_png(), "unexpected_answer"),
        (QrAnswer("qrCode", None), "unexpected_answer"),
        (QrAnswer("somethingNew", "?"), "unexpected_answer"),
        (Drop(), "cannot_connect"),
        (Hang(), "timed_out"),
        (Expired(), "instance_expired"),
        (Deleted(), "instance_deleted"),
        (
            Status(400, Body.JSON, "instance in starting process try later"),
            "instance_not_ready",
        ),
    ],
)
async def test_names_a_failed_request_keeps_the_code_and_tries_again(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    problem: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.5)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    code = await code_of(hass, coordinator)
    cloud.cloud.faults.add(fault, method="qr")
    await wait_until(hass, lambda: coordinator.data.problem == problem)
    assert bare(coordinator.data.login) == LoginProgress(
        LoginPhase.SHOWING, code, problem
    )
    # The state can be asked for: the instance as such is not unavailable.
    assert coordinator.last_update_success
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.data.problem is None)
    assert coordinator.data.login.phase is LoginPhase.SHOWING
    assert errors_logged(caplog) == []


async def test_waits_longer_after_each_failure_and_starts_afresh_after_a_code(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    waits: list[int] = []

    def backoff(failures: int, longest: float) -> float:
        waits.append(failures)
        return 0.01

    monkeypatch.setattr("custom_components.green_api.login.backoff", backoff)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    for expected in ([1, 2, 3], [1, 2, 3, 1]):
        rule = cloud.cloud.faults.add(
            Status(500), method="qr", count=3 if len(expected) == 3 else 1
        )
        await wait_until(hass, lambda: coordinator.data.problem)
        await wait_until(hass, lambda: coordinator.data.problem is None)
        assert rule.left == 0
        assert waits == expected


async def test_waits_for_the_first_code_of_an_instance_that_is_not_ready(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=120))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.problem == "instance_not_ready")
    assert coordinator.data.login.phase is LoginPhase.WAITING
    clock.advance(120)
    await code_of(hass, coordinator)
    assert coordinator.data.problem is None


# ------------------------------------------------------- the end of a login


async def test_ends_with_the_authorization(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    assert coordinator.update_interval == LOGIN_POLL_INTERVAL
    instance.set_state(State.AUTHORIZED)
    cloud.cloud.faults.add(Hang(), method="qr")  # so that no answer hints at it
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED
    assert bare(coordinator.data.login) == LoginProgress()
    assert coordinator.picture.situation is Situation.AUTHORIZED
    assert coordinator.update_interval == IDLE_INTERVAL
    assert not coordinator.login.active
    await wait_until(hass, lambda: coordinator.data.account)
    await expect_no_session()


async def test_an_answer_that_hints_at_the_authorization_is_looked_into_at_once(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.LOGIN_POLL_INTERVAL",
        timedelta(minutes=5),
    )
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()  # after the one that came with the login
    instance.scan()
    # The poll is minutes away: only the answer to the login can tell.
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert bare(coordinator.data.login) == LoginProgress()


@pytest.mark.parametrize("kind", ["alreadyLogged", "already_registered"])
async def test_takes_the_code_back_when_the_state_lags_behind_the_login(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    kind: str,
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(StateAnswer("notAuthorized"), method="getStateInstance")
    cloud.cloud.faults.add(QrAnswer(kind, ""), method="qr")
    await wait_until(hass, lambda: coordinator.data.login.code is None)
    assert bare(coordinator.data.login) == LoginProgress(LoginPhase.WAITING)
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    assert coordinator.login.active
    await expect_no_more_hints(cloud, coordinator)
    instance.set_state(State.AUTHORIZED)
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED
    assert bare(coordinator.data.login) == LoginProgress()


async def test_goes_on_when_an_answer_hinted_at_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    rule = cloud.cloud.faults.add(QrAnswer("alreadyLogged", ""), method="qr")
    await wait_until(hass, lambda: coordinator.data.login.code is None)
    cloud.cloud.faults.remove(rule.number)
    await code_of(hass, coordinator, 2)


@pytest.mark.parametrize(
    ("id_instance", "kind"), [("4100000001", "telegram"), ("3100000001", "v3")]
)
async def test_asks_for_the_password_between_scan_and_authorization(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    id_instance: str,
    kind: str,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.LOGIN_POLL_INTERVAL",
        timedelta(minutes=5),
    )
    instance = cloud.cloud.create(id_instance, kind, password="secret")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()  # after the one that came with the login
    seen = record(coordinator)
    instance.scan()
    # Nobody refreshes: the answer to the login is what leads to the state.
    await wait_until(
        hass, lambda: coordinator.data.state is InstanceState.PENDING_PASSWORD
    )
    assert bare(coordinator.data.login) == LoginProgress(LoginPhase.PASSWORD)
    assert coordinator.picture.situation is Situation.PASSWORD
    # Never anything else after the scan, such as a code or a picture for waiting.
    assert {data.login.phase for data in seen} == {LoginPhase.PASSWORD}
    await expect_no_session()
    instance.enter_password("secret")
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.AUTHORIZED
    assert bare(coordinator.data.login) == LoginProgress()


async def test_takes_the_password_answer_before_the_state_says_so(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram", password="secret")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(StateAnswer("notAuthorized"), method="getStateInstance")
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.PASSWORD)
    assert bare(coordinator.data.login) == LoginProgress(LoginPhase.PASSWORD)
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    assert coordinator.picture.situation is Situation.PASSWORD
    await expect_no_more_hints(cloud, coordinator)
    instance.set_state(State.NOT_AUTHORIZED)  # given up on the phone
    cloud.cloud.faults.clear()
    await code_of(hass, coordinator, 2)


@pytest.mark.parametrize(
    "state",
    [State.BLOCKED, State.STARTING, State.SUSPENDED, State.YELLOW_CARD, None],
)
async def test_asks_for_no_codes_in_other_states_and_again_afterwards(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    state: State | None,
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    instance.set_state(state)
    await coordinator.async_refresh()
    assert bare(coordinator.data.login) == LoginProgress()
    coordinator.look()
    assert not coordinator.login.active
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    await code_of(hass, coordinator, 2)
    assert sessions() == 1


async def test_asks_an_authorized_instance_for_no_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    coordinator.look()
    await coordinator.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "qr" not in cloud.cloud.log.counts()


async def test_survives_a_state_that_will_not_stand_still(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    flaps = (State.AUTHORIZED, State.NOT_AUTHORIZED, State.STARTING, None)
    for state in (*flaps * 8, State.NOT_AUTHORIZED):
        instance.set_state(state)
        await coordinator.async_refresh()
    await coordinator.async_refresh()
    code = await code_of(hass, coordinator)
    assert instance.code is not None
    await wait_until(
        hass,
        lambda: coordinator.picture.png == instance.code.png,  # type: ignore[union-attr]
    )
    assert code.sequence >= 1
    assert sessions() == 1
    assert errors_logged(caplog) == []


# ------------------------------------------------------------ window and pause


async def test_asks_no_longer_at_a_stretch_than_the_cloud_bears() -> None:
    assert LONGEST_LOGIN_WINDOW == 5  # minutes
    assert timedelta(minutes=1) <= LOGIN_PAUSE


async def test_a_window_ends_and_somebody_who_looks_opens_it_after_the_pause(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    pause = 0.6
    shorten_window(monkeypatch, window=0.5, pause=pause, refetch=0.1)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    code = await code_of(hass, coordinator)
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    ended = dt_util.utcnow()
    assert bare(coordinator.data.login) == LoginProgress(LoginPhase.EXPIRED)
    assert coordinator.picture.situation is Situation.PAUSED
    # The code is still alive, but nobody would notice its end.
    assert code.expires_at > ended
    await expect_no_session()
    await coordinator.async_refresh()
    assert coordinator.update_interval == IDLE_INTERVAL
    assert coordinator.data.login.phase is LoginPhase.EXPIRED

    since = cloud.cloud.log.cursor
    shorten_window(monkeypatch, window=0.5, pause=pause)
    for _ in range(3):
        coordinator.look()
    assert not coordinator.login.active
    assert sessions() == 1
    assert coordinator.data.login.phase is LoginPhase.EXPIRED
    await coordinator.async_refresh()
    assert coordinator.update_interval == IDLE_INTERVAL

    again = await code_of(hass, coordinator, 2)
    assert again.sequence == 2
    first = cloud.cloud.log.list(method="qr", since=since)[0]
    assert (first.wall - ended).total_seconds() > pause - 0.1
    assert sessions() == 1
    await wait_until(hass, lambda: coordinator.update_interval == LOGIN_POLL_INTERVAL)


async def test_a_window_ends_in_the_middle_of_a_request(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.4, pause=0)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(Hang(), method="qr")
    await cloud.cloud.log.wait_for_open(method="qr")
    since = cloud.cloud.log.cursor
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert (await cloud.cloud.log.wait_for(method="qr", since=since)).status == 499
    cloud.cloud.faults.clear()
    coordinator.look()
    await code_of(hass, coordinator, 2)


async def test_a_look_during_the_window_changes_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()
    seen, task = record(coordinator), coordinator.login._task
    for _ in range(10):
        coordinator.look()
    await requests(cloud, 3)
    assert coordinator.login._task is task
    assert sessions() == 1
    assert seen == []


async def test_a_new_logout_during_the_pause_does_not_have_to_wait(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=600)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    await coordinator.async_logout()
    await code_of(hass, coordinator)


async def test_a_fetch_right_after_the_window_is_nobody_looking(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=1, pause=0, refetch=15)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    await expect_no_session()
    coordinator.look()
    assert sessions() == 0
    shorten_window(monkeypatch, window=0.3, pause=0)
    coordinator.look()
    await code_of(hass, coordinator, 2)


@pytest.mark.parametrize("state", [State.STARTING, State.PENDING_PASSWORD, None])
async def test_a_flapping_state_gets_no_more_than_one_window(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    state: State | None,
) -> None:
    shorten_window(monkeypatch, window=1, pause=600)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    ends = coordinator.login._times.window_ends
    for sequence in (2, 3):
        instance.set_state(state)
        await coordinator.async_refresh()
        assert bare(coordinator.data.login) == LoginProgress(
            LoginPhase.PASSWORD if state is State.PENDING_PASSWORD else LoginPhase.IDLE
        )
        instance.set_state(State.NOT_AUTHORIZED)
        await coordinator.async_refresh()
        await code_of(hass, coordinator, sequence)
        assert coordinator.login._times.window_ends == ends
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert hass.loop.time() >= ends
    since = cloud.cloud.log.cursor
    for word in (state, State.NOT_AUTHORIZED):
        instance.set_state(word)
        await coordinator.async_refresh()
    assert not coordinator.login.active
    assert not cloud.cloud.log.list(method="qr", since=since)
    # A login that was finished is another matter.
    for word in (State.AUTHORIZED, State.NOT_AUTHORIZED):
        instance.set_state(word)
        await coordinator.async_refresh()
    await code_of(hass, coordinator)


async def test_unloading_ends_the_pause_too(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=600)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    coordinator.look()
    assert sessions() == 1
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await expect_no_session()
    # The cloud is to have its rest: another load goes on with the pause.
    since = cloud.cloud.log.cursor
    assert await hass.config_entries.async_setup(entry.entry_id)
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.login.phase is LoginPhase.WAITING
    assert not entry.runtime_data.login.active
    assert not cloud.cloud.log.list(method="qr", since=since)


async def test_somebody_who_still_looks_after_the_unload_opens_nothing(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await expect_no_session()
    coordinator.look()
    assert sessions() == 0
    assert await hass.config_entries.async_setup(entry.entry_id)
    await code_of(hass, entry.runtime_data)


# ----------------------------------------------------------------- credentials


@pytest.mark.parametrize("fault", [Status(401, Body.EMPTY), Status(403, Body.HTML)])
async def test_a_refused_login_makes_sure_of_the_credentials_at_once(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.LOGIN_POLL_INTERVAL",
        timedelta(minutes=5),
    )
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()
    cloud.cloud.faults.add(fault)
    await wait_until(hass, lambda: not coordinator.last_update_success)
    assert len(hass.config_entries.flow.async_progress_by_handler(DOMAIN)) == 1
    assert bare(coordinator.data.login) == LoginProgress()
    await expect_no_session()
    coordinator.look()
    assert sessions() == 0


async def test_a_refusal_of_the_login_alone_is_a_passing_failure(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(Status(401, Body.EMPTY), method="qr")
    await wait_until(hass, lambda: coordinator.data.problem == "token_rejected")
    await coordinator.async_refresh()
    assert not hass.config_entries.flow.async_progress()
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.data.problem is None)


async def test_a_passing_refusal_of_the_credentials_does_not_end_logins_for_good(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(Status(401, Body.EMPTY), method="getStateInstance")
    await coordinator.async_refresh()
    assert not coordinator.last_update_success
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    await code_of(hass, coordinator, 2)
    assert coordinator.data.problem is None
