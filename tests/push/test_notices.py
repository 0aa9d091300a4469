"""A notice makes the cloud be asked, and changes nothing by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.api.notification import Notification
from custom_components.green_api.const import LOGIN_POLL_INTERVAL, SAFETY_POLL_INTERVAL
from custom_components.green_api.push.notices import NoticeTaker, Verdict
from simulator import Delay, Instance, ManualClock, Simulator, StateAnswer, Status
from tests.waiting import lift_limits, shorten_backoff, wait_until

from .door import asked, settle

IDLE_INTERVAL = timedelta(seconds=60)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that a delay lasts as long as told."""
    return ManualClock()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)


@pytest.fixture
async def taker(hass: HomeAssistant, entry: MockConfigEntry) -> NoticeTaker:
    """Return the one that takes the notices of the instance."""
    await settle(hass)
    return NoticeTaker(entry.runtime_data)


def told(instance: Instance, state: str | None = None, **changes: Any) -> Notification:
    """Return a notice of the instance's state, or another, as of now."""
    now = int(dt_util.utcnow().timestamp())
    state = state or str(instance.state)
    plain = Notification(instance.id_instance, "stateInstanceChanged", state, now)
    return replace(plain, **changes)


async def test_a_notice_has_the_cloud_asked_which_is_believed(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    coordinator, before = entry.runtime_data, asked(cloud, instance)
    instance.set_state("blocked")
    assert taker.take(told(instance)) is Verdict.TAKEN
    assert coordinator.data.state is InstanceState.AUTHORIZED
    await settle(hass)
    assert coordinator.data.state is InstanceState.BLOCKED
    assert asked(cloud, instance) == before + 1
    assert coordinator.update_interval == SAFETY_POLL_INTERVAL


async def test_a_false_notice_changes_nothing_and_is_looked_into(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    coordinator, before = entry.runtime_data, asked(cloud, instance)
    data = coordinator.data
    assert taker.take(told(instance, "not_authorized")) is Verdict.TAKEN
    await settle(hass)
    assert coordinator.data == data
    assert coordinator.update_interval == LOGIN_POLL_INTERVAL
    assert asked(cloud, instance) == before + 2


async def test_a_state_that_lags_behind_its_notice_is_seen_soon(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    instance.set_state("blocked")
    cloud.cloud.faults.add(StateAnswer("authorized"), count=1)
    taker.take(told(instance))
    await settle(hass)
    assert entry.runtime_data.data.state is InstanceState.BLOCKED


async def test_a_notice_without_a_state_is_a_hint_too(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    before = asked(cloud, instance)
    assert taker.take(replace(told(instance), state=None)) is Verdict.TAKEN
    await settle(hass)
    assert asked(cloud, instance) == before + 1
    assert entry.runtime_data.update_interval == SAFETY_POLL_INTERVAL


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"id_instance": "1101000002"}, Verdict.FOREIGN),
        ({"id_instance": "01101000001"}, Verdict.FOREIGN),
        (
            {"id_instance": "1101000002", "kind": "incomingMessageReceived"},
            Verdict.FOREIGN,
        ),
        ({"kind": "statusInstanceChanged", "state": None}, Verdict.IGNORED),
        ({"kind": "incomingMessageReceived", "state": None}, Verdict.IGNORED),
        ({"kind": "", "state": None}, Verdict.IGNORED),
    ],
)
async def test_what_is_not_about_the_state_of_the_instance_asks_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
    changes: dict[str, Any],
    verdict: Verdict,
) -> None:
    before = asked(cloud, instance)
    assert taker.take(replace(told(instance), **changes)) is verdict
    await settle(hass)
    assert asked(cloud, instance) == before
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.update_interval == IDLE_INTERVAL, "it was trusted"


async def test_an_older_notice_is_ignored_and_one_of_the_same_second_is_not(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, taker: NoticeTaker
) -> None:
    newest = told(instance)
    assert taker.take(newest) is Verdict.TAKEN
    await settle(hass)
    before = asked(cloud, instance)
    for seconds in (1, 60, 24 * 3600, newest.sent_at, 10**19):
        older = replace(newest, sent_at=newest.sent_at - seconds)
        assert taker.take(older) is Verdict.IGNORED
    await settle(hass)
    assert asked(cloud, instance) == before
    assert taker.take(newest) is Verdict.TAKEN
    await settle(hass)
    assert asked(cloud, instance) == before + 1


@pytest.mark.parametrize("ahead", [60, 24 * 3600, 10**12, 10**19])
async def test_a_notice_from_the_future_silences_none_that_follow(
    hass: HomeAssistant,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
    ahead: int,
) -> None:
    now = told(instance)
    assert taker.take(replace(now, sent_at=now.sent_at + ahead)) is Verdict.TAKEN
    await settle(hass)
    instance.set_state("blocked")
    assert taker.take(told(instance, sent_at=now.sent_at + 1)) is Verdict.TAKEN
    await settle(hass)
    assert entry.runtime_data.data.state is InstanceState.BLOCKED


async def test_notices_that_come_while_the_cloud_is_asked_are_one_request_more(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
    clock: ManualClock,
) -> None:
    before = asked(cloud, instance)
    cloud.cloud.faults.add(Delay(10), method="getStateInstance", count=1)
    taker.take(told(instance))
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    for state in ("blocked", "authorized") * 500 + ("yellowCard",):
        instance.set_state(state)
        word = "yellow_card" if state == "yellowCard" else state
        assert taker.take(told(instance, word)) is Verdict.TAKEN
    clock.advance(10)
    await settle(hass)
    # The answer of the first comes after the last notice and is what that says.
    assert asked(cloud, instance) == before + 2
    assert entry.runtime_data.data.state is InstanceState.YELLOW_CARD


async def test_a_notice_that_comes_while_the_cloud_is_down_is_not_in_vain(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten_backoff(monkeypatch)
    cloud.cloud.faults.add(Status(502), method="getStateInstance", count=4)
    instance.set_state("blocked")
    assert taker.take(told(instance)) is Verdict.TAKEN
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.BLOCKED)
    await settle(hass)
    assert cloud.cloud.faults.list() == []


async def test_a_notice_that_comes_after_the_unload_asks_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    before = asked(cloud, instance)
    assert taker.take(told(instance, "blocked")) is Verdict.IGNORED
    await settle(hass)
    assert asked(cloud, instance) == before


async def test_an_unload_while_the_cloud_is_asked_ends_it(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    taker: NoticeTaker,
) -> None:
    log = cloud.cloud.log
    cloud.cloud.faults.add(Delay(10), method="getStateInstance")
    taker.take(told(instance, "blocked"))
    await log.wait_for_open(method="getStateInstance")
    since = log.cursor
    assert await hass.config_entries.async_unload(entry.entry_id)
    gone = await log.wait_for(method="getStateInstance", since=since)
    assert gone.status == 499
    await settle(hass)
    assert log.list(method="getStateInstance", since=gone.number) == []
