"""The coordinator knows the state of its instance, and when to ask again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import (
    InstanceState,
    Messenger,
    StateReading,
)
from custom_components.green_api.const import (
    DEFAULT_POLL_INTERVAL,
    DOMAIN,
    LOGIN_POLL_INTERVAL,
    OUTAGE_GRACE,
    PASSING_POLL_INTERVAL,
    REFUSED_RETRIES,
)
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginPhase,
    LoginProgress,
)
from simulator import (
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    Simulator,
    State,
    StateAnswer,
    Status,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    shorten_window,
    wait_until,
)

IDLE_INTERVAL = timedelta(seconds=60)

COORDINATOR = "custom_components.green_api.coordinator"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    # Long enough that only the test asks again, where it does not wait for it.
    shorten_backoff(monkeypatch, 2)
    forgive_nothing(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that a delay lasts as long as told."""
    return ManualClock()


def record(coordinator: GreenApiCoordinator) -> list[InstanceData]:
    """Return a list that gets every snapshot that listeners are told of."""
    seen: list[InstanceData] = []
    coordinator.config_entry.async_on_unload(
        coordinator.async_add_listener(lambda: seen.append(coordinator.data))
    )
    return seen


def tasks_named(name: str) -> int:
    """Return how many tasks of an instance run under a name."""
    return sum(task.get_name().endswith(f" {name}") for task in asyncio.all_tasks())


# ----------------------------------------------------------------------- state


async def test_sees_every_change_of_the_state_and_when_it_was(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    for state in (*State, State.NOT_AUTHORIZED, State.AUTHORIZED):
        before, old = dt_util.utcnow(), coordinator.data
        instance.set_state(state)
        await coordinator.async_refresh()
        data = coordinator.data
        if old.reading == data.reading:
            assert data.since == old.since
        else:
            assert before <= data.since <= dt_util.utcnow()
        assert data.state == data.reading.word
        assert data.state is not InstanceState.UNKNOWN
    assert coordinator.data.state is InstanceState.AUTHORIZED


@pytest.mark.parametrize(
    ("answer", "word"),
    [(None, "unknown"), ("somethingNew", "something_new"), ("", "unknown")],
)
async def test_takes_an_answer_that_nobody_knows_and_goes_on(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: MockConfigEntry,
    answer: str | None,
    word: str,
) -> None:
    coordinator = entry.runtime_data
    cloud.cloud.faults.add(StateAnswer(answer), method="getStateInstance")
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.UNKNOWN
    assert coordinator.data.reading == StateReading(word)
    assert coordinator.last_update_success
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_sees_a_scan_and_an_unlinking_by_itself(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.LOGIN_POLL_INTERVAL", timedelta(seconds=1))
    coordinator = (await set_up(hass, cloud, instance, poll_interval=1)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    instance.unlink()
    await wait_until(
        hass, lambda: coordinator.data.state is InstanceState.NOT_AUTHORIZED
    )
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_tells_listeners_only_what_is_new(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    # No answer to the login tells more from here on.
    cloud.cloud.faults.add(Hang(), method="qr")
    await cloud.cloud.log.wait_for_open(method="qr")
    await coordinator.async_refresh()  # after the one that came with the login
    seen = record(coordinator)
    for _ in range(3):
        await coordinator.async_refresh()
    assert seen == []
    instance.scan()
    await coordinator.async_refresh()
    assert [data.state for data in seen] == [InstanceState.AUTHORIZED]


# -------------------------------------------------------------------- rhythm


@pytest.mark.parametrize(
    ("state", "interval"),
    [
        (State.NOT_AUTHORIZED, LOGIN_POLL_INTERVAL),
        (State.AUTHORIZED, IDLE_INTERVAL),
        (State.BLOCKED, IDLE_INTERVAL),
        (State.SLEEP_MODE, IDLE_INTERVAL),
        (State.YELLOW_CARD, IDLE_INTERVAL),
        (State.SUSPENDED, IDLE_INTERVAL),
        (State.STARTING, PASSING_POLL_INTERVAL),
        (State.PENDING_PASSWORD, PASSING_POLL_INTERVAL),
        (State.PENDING_CODE, PASSING_POLL_INTERVAL),
        (None, PASSING_POLL_INTERVAL),
    ],
)
async def test_asks_as_often_as_the_state_calls_for(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    state: State | None,
    interval: timedelta,
) -> None:
    instance.set_state(state)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    assert coordinator.update_interval == interval
    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    assert coordinator.update_interval == IDLE_INTERVAL
    instance.set_state(state)
    await coordinator.async_refresh()
    assert coordinator.update_interval == interval


async def test_asks_as_often_as_the_vendor_advises() -> None:
    assert DEFAULT_POLL_INTERVAL == 60
    # A scan has to be seen within five seconds.
    assert timedelta(seconds=2) < LOGIN_POLL_INTERVAL < timedelta(seconds=4)


async def test_tries_again_by_itself_and_later_each_time_until_it_works(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    failures: list[int] = []

    def backoff(count: int) -> float:
        failures.append(count)
        return 0.05

    monkeypatch.setattr(f"{COORDINATOR}.backoff", backoff)
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    cloud.cloud.faults.add(Status(500), method="getStateInstance", count=3)
    since = cloud.cloud.log.cursor
    await coordinator.async_refresh()
    # Nobody refreshes from here on.
    await wait_until(hass, lambda: coordinator.last_update_success)
    asked = cloud.cloud.log.list(method="getStateInstance", since=since)
    assert [item.status for item in asked] == [500, 500, 500, 200]
    assert failures == [1, 2, 3]
    # The next failure is a first one again.
    cloud.cloud.faults.add(Status(500), method="getStateInstance", count=1)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.last_update_success)
    assert failures == [1, 2, 3, 1]


# ------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(504, Body.HTML), "cloud_failed"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
        (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
        (Status(200, Body.HTML), "unexpected_answer"),
        (Status(200, Body.HUGE), "unexpected_answer"),
        (Drop(), "cannot_connect"),
        (Hang(), "timed_out"),
        (Expired(), "instance_expired"),
        (Deleted(), "instance_deleted"),
    ],
)
async def test_names_a_failure_keeps_the_last_known_state_and_recovers(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.5)
    instance.set_state(State.YELLOW_CARD)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    known = coordinator.data
    rule = cloud.cloud.faults.add(fault, method="getStateInstance")
    for _ in range(2):
        await coordinator.async_refresh()
    assert not coordinator.last_update_success
    assert coordinator.data == replace(known, connection_problem=key)
    assert coordinator.data.problem == key
    # Said once, not with every try, and without the address.
    (line,) = errors_logged(caplog)
    assert line.startswith(f"custom_components.{DOMAIN}: Error fetching")
    assert "waInstance" not in line

    cloud.cloud.faults.remove(rule.number)
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert coordinator.data == known
    assert coordinator.data.problem is None


async def test_notices_what_happened_during_an_outage(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    since = coordinator.data.since
    await cloud.stop()
    await coordinator.async_refresh()
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED
    assert coordinator.data.since == since
    seen = record(coordinator)
    instance.scan()
    await cloud.start()
    await wait_until(hass, lambda: coordinator.last_update_success)
    states = [data.state for data in seen]
    assert states[-1] is InstanceState.AUTHORIZED
    assert set(states) <= {InstanceState.NOT_AUTHORIZED, InstanceState.AUTHORIZED}
    assert coordinator.data.since > since
    assert coordinator.data.problem is None


async def test_tells_when_the_reason_of_an_outage_changes(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    seen = record(coordinator)
    for fault in (Status(500), Status(500), Status(429, Body.EMPTY)):
        cloud.cloud.faults.add(fault, method="getStateInstance")
        await coordinator.async_refresh()
        cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.last_update_success)
    told = [problem for problem, _ in groupby(data.connection_problem for data in seen)]
    # A new code of the login may be told before the first failure.
    if told[0] is None:
        del told[0]
    assert told == ["cloud_failed", "rate_limited", None]


async def test_takes_it_for_a_state_that_the_instance_is_not_ready(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    cloud.cloud.faults.add(
        Status(400, Body.JSON, "instance in starting process try later")
    )
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert coordinator.data.state is InstanceState.STARTING
    assert coordinator.data.problem is None
    assert coordinator.update_interval == PASSING_POLL_INTERVAL
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code)


# ----------------------------------------------------------- passing failures


async def test_says_nothing_of_a_failure_that_passes(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.OUTAGE_GRACE", timedelta(seconds=60))
    shorten_backoff(monkeypatch)
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    seen = record(coordinator)
    since = cloud.cloud.log.cursor
    cloud.cloud.faults.add(Status(502), method="getStateInstance", count=3)
    await coordinator.async_refresh()
    # Asked again by itself, soon, and as often as ever once it is well again.
    while since < cloud.cloud.log.cursor + 1:
        request = await cloud.cloud.log.wait_for(method="getStateInstance", since=since)
        since = request.number
        if request.ok:
            break
    await coordinator.async_refresh()
    assert coordinator.update_interval == IDLE_INTERVAL
    assert coordinator.last_update_success
    assert seen == []
    assert errors_logged(caplog) == []


async def test_a_failure_that_lasts_is_an_outage(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.OUTAGE_GRACE", timedelta(seconds=0.5))
    shorten_backoff(monkeypatch)
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    cloud.cloud.faults.add(Status(502), method="getStateInstance")
    began = hass.loop.time()
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert coordinator.data.problem is None
    # Nobody refreshes from here on.
    await wait_until(hass, lambda: not coordinator.last_update_success)
    assert hass.loop.time() - began > 0.5
    assert coordinator.data.problem == "cloud_failed"
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.last_update_success)
    assert coordinator.data.problem is None


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Expired(), "instance_expired"),
        (Deleted(), "instance_deleted"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
        (Status(401, Body.EMPTY), "token_rejected"),
    ],
)
async def test_says_at_once_what_does_not_pass_by_itself(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    key: str,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.OUTAGE_GRACE", timedelta(seconds=60))
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    rule = cloud.cloud.faults.add(fault, method="getStateInstance")
    await coordinator.async_refresh()
    assert not coordinator.last_update_success
    assert coordinator.data.problem == key
    passing = cloud.cloud.faults.add(Status(502), method="getStateInstance")
    cloud.cloud.faults.remove(rule.number)
    await coordinator.async_refresh()
    assert not coordinator.last_update_success
    cloud.cloud.faults.remove(passing.number)
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert coordinator.data.problem is None


async def test_a_success_in_between_makes_the_next_failure_a_first_one(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.OUTAGE_GRACE", timedelta(seconds=60))
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    for last in (False, True):
        rule = cloud.cloud.faults.add(Status(502), method="getStateInstance")
        await coordinator.async_refresh()
        assert coordinator.last_update_success
        coordinator._failing_since -= 61  # so long ago did it begin
        if last:
            await coordinator.async_refresh()
            assert not coordinator.last_update_success
        cloud.cloud.faults.remove(rule.number)
        await coordinator.async_refresh()
        assert coordinator.last_update_success


async def test_forgives_for_a_minute() -> None:
    assert timedelta(seconds=30) <= OUTAGE_GRACE <= timedelta(minutes=2)


# ------------------------------------------------------------------ a refusal


@pytest.mark.parametrize("fault", [Status(401, Body.EMPTY), Status(403, Body.HTML)])
async def test_asks_for_other_credentials_at_once_and_hardly_bothers_the_cloud(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.OUTAGE_GRACE", timedelta(seconds=60))
    shorten_window(monkeypatch, window=0.3, pause=0)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    cloud.cloud.faults.add(fault)
    await coordinator.async_refresh()
    assert len(hass.config_entries.flow.async_progress_by_handler(DOMAIN)) == 1
    assert not coordinator.last_update_success
    assert coordinator.data.login == LoginProgress()
    # One rejection can pass at once; more of them will not.
    for wait in (*REFUSED_RETRIES, REFUSED_RETRIES[-1]):
        left = coordinator._unsub_refresh.__self__.when() - hass.loop.time()
        assert wait / 2 < timedelta(seconds=left) < wait * 2
        await coordinator.async_refresh()
    assert timedelta(minutes=4) < REFUSED_RETRIES[-1]
    coordinator.look()
    assert not coordinator.login.active
    cloud.cloud.faults.clear()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)


async def test_a_refusal_that_passes_is_forgotten_without_anybody_doing_anything(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(f"{COORDINATOR}.REFUSED_RETRIES", (timedelta(seconds=0.2),))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    cloud.cloud.faults.add(Status(401, Body.EMPTY))
    await coordinator.async_refresh()
    assert hass.config_entries.flow.async_progress()
    # Another failure on the way to the end of it changes nothing.
    cloud.cloud.faults.add(Status(502))
    cloud.cloud.faults.remove(1)
    await coordinator.async_refresh()
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: coordinator.last_update_success)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert coordinator.data.problem is None
    assert not hass.config_entries.flow.async_progress()


async def test_a_refusal_that_passes_brings_no_login_to_an_authorized_instance(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    cloud.cloud.faults.add(Status(401, Body.EMPTY))
    await coordinator.async_refresh()
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert not coordinator.login.active
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "qr" not in cloud.cloud.log.counts()


async def test_the_connection_is_named_before_the_login() -> None:
    data = InstanceData(
        messenger=Messenger.WHATSAPP,
        reading=StateReading("not_authorized"),
        since=dt_util.utcnow(),
        login=LoginProgress(LoginPhase.WAITING, problem="not_ready"),
    )
    assert data.problem == "not_ready"
    assert replace(data, connection_problem="timed_out").problem == "timed_out"


# -------------------------------------------------------------------- account


@pytest.mark.parametrize(
    ("id_instance", "kind", "method"),
    [
        ("1101000001", "whatsapp", "getWaSettings"),
        ("4100000001", "telegram", "getAccountSettings"),
        ("3100000001", "v3", "getAccountSettings"),
    ],
)
async def test_learns_once_whom_the_instance_is_linked_to(
    hass: HomeAssistant,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    method: str,
) -> None:
    instance = cloud.cloud.create(id_instance, kind, State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.account.phone == instance.account.phone
    assert instance.account.phone not in repr(coordinator.data)
    for _ in range(3):
        await coordinator.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert cloud.cloud.log.counts(id_instance)[method] == 1


async def test_learns_of_another_account_after_a_new_authorization(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    for phone in ("79001111111", "79002222222"):
        await wait_until(hass, lambda: coordinator.data.login.code)
        instance.set_account(phone=phone, name="Somebody")
        instance.scan()
        await coordinator.async_refresh()
        await wait_until(hass, lambda: coordinator.data.account)
        assert coordinator.data.account.phone == phone
        instance.unlink()
        await coordinator.async_refresh()
        assert coordinator.data.account is None
    assert cloud.cloud.log.counts()["getWaSettings"] == 2


async def test_keeps_the_account_during_an_outage(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    await cloud.stop()
    await coordinator.async_refresh()
    assert coordinator.data.account.phone == instance.account.phone
    await cloud.start()
    await coordinator.async_refresh()
    assert coordinator.data.account.phone == instance.account.phone


async def test_asks_again_for_an_account_that_it_could_not_get(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    cloud.cloud.faults.add(Status(500), method="getWaSettings", count=1)
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await hass.async_block_till_done(wait_background_tasks=True)
    assert coordinator.data.account is None
    assert coordinator.data.problem is None
    assert errors_logged(caplog) == []
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)


async def test_takes_it_that_the_cloud_names_no_account(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.account = replace(instance.account, phone="")
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await hass.async_block_till_done(wait_background_tasks=True)
    await coordinator.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert coordinator.data.account is None
    assert cloud.cloud.log.counts()["getWaSettings"] == 1


async def test_forgets_an_account_that_comes_after_the_state_has_changed(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Delay(5), method="getWaSettings", count=1)
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await cloud.cloud.log.wait_for_open(method="getWaSettings")
    instance.set_state(State.BLOCKED)
    await coordinator.async_refresh()
    clock.advance(5)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert coordinator.data.state is InstanceState.BLOCKED
    assert coordinator.data.account is None
    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)


async def test_asks_for_the_account_one_at_a_time(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Hang(), method="getWaSettings")
    instance.set_state(State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await cloud.cloud.log.wait_for_open(method="getWaSettings")
    for _ in range(3):
        await coordinator.async_refresh()
    assert tasks_named("account") == 1
    cloud.cloud.faults.clear()
    clock.advance(60)
    await hass.async_block_till_done(wait_background_tasks=True)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)


async def test_hints_do_not_pile_up_while_the_state_cannot_be_had(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator, instance: Instance
) -> None:
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    await coordinator.async_refresh()
    since = cloud.cloud.log.cursor
    cloud.cloud.faults.add(Hang(), method="getStateInstance")
    instance.scan()  # each answer to the login says so from now on
    for _ in range(5):
        since = (await cloud.cloud.log.wait_for(method="qr", since=since)).number
    assert tasks_named("refresh") <= 2  # the one that hangs, and one after it
    cloud.cloud.faults.clear()
    clock.advance(60)
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
