"""An instance comes up, goes down, and leaves nothing behind."""

import asyncio
from collections import Counter
from datetime import timedelta

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.translation import async_get_exception_message
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.coordinator import GreenApiCoordinator
from simulator import (
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    Simulator,
    State,
    Status,
)
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.passing import settle
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    wait_until,
)

ENTITIES = {
    "button.whatsapp_1101000001_log_out",
    "button.whatsapp_1101000001_reboot",
    "button.whatsapp_1101000001_show_login_qr",
    "camera.whatsapp_1101000001_login_qr_live",
    "event.whatsapp_1101000001_event",
    "image.whatsapp_1101000001_login_qr",
    "sensor.whatsapp_1101000001_login",
    "sensor.whatsapp_1101000001_state",
}
DISABLED = {
    "sensor.whatsapp_1101000001_account",
    "sensor.whatsapp_1101000001_account_name",
    "sensor.whatsapp_1101000001_code_valid_until",
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)


def ours() -> list[asyncio.Task[object]]:
    """Return all tasks that run for an instance."""
    return [
        task
        for task in asyncio.all_tasks()
        if "1101000001" in task.get_name() or "green_api" in repr(task.get_coro())
    ]


def _of(timer: asyncio.TimerHandle) -> str:
    """Return what a timer calls, and with what."""
    return repr((timer._callback, timer._args))  # type: ignore[attr-defined]


def our_timers(hass: HomeAssistant) -> list[str]:
    """Return all timers that would call something of an instance's."""
    return [
        text
        for handle in get_scheduled_timer_handles(hass.loop)
        if not handle.cancelled()
        and ("1101000001" in (text := _of(handle)) or "green_api" in text)
        # What is remembered of all instances stays.
        and "bound method Memory.stamp" not in text
    ]


def listeners(hass: HomeAssistant) -> Counter[str]:
    """Return how many listeners each event has."""
    counts = hass.bus.async_listeners()
    return Counter({str(event): count for event, count in counts.items()})


async def expect_nothing_left(hass: HomeAssistant, left: GreenApiCoordinator) -> None:
    """Check that nothing of an unloaded instance is still at work."""
    if tasks := ours():  # a task that was cancelled ends in its own time
        await asyncio.wait(tasks, timeout=2)
    assert ours() == []
    assert our_timers(hass) == []
    assert left._listeners == {}
    assert left._unsub_refresh is None
    assert not left.login.active


# ------------------------------------------------------------ up, down, again


async def test_makes_a_device_with_its_entities(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    (device,) = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert device.identifiers == {(DOMAIN, "1101000001")}
    assert device.name == "WhatsApp 1101000001"
    assert device.manufacturer == "GREEN-API"
    assert device.model == "WhatsApp"
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert device.configuration_url == "https://console.green-api.com"
    registered = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    assert {item.entity_id for item in registered} == ENTITIES | DISABLED
    assert {item.entity_id for item in registered if item.disabled} == DISABLED
    assert {item.device_id for item in registered} == {device.id}
    assert all(hass.states.get(entity_id) for entity_id in ENTITIES)


async def test_unloads_without_a_trace_and_comes_back(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert ours()
    assert our_timers(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    for entity_id in ENTITIES:
        assert hass.states.is_state(entity_id, STATE_UNAVAILABLE)
    await expect_nothing_left(hass, coordinator)

    assert await hass.config_entries.async_setup(entry.entry_id)
    again = entry.runtime_data
    await wait_until(hass, lambda: again.data.login.code)
    assert errors_logged(caplog) == []


async def test_unloads_while_a_request_hangs_and_lets_it_go(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    since = cloud.cloud.log.cursor
    cloud.cloud.faults.add(Hang())
    await cloud.cloud.log.wait_for_open(method="qr")
    hass.async_create_task(coordinator.async_request_refresh())
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    assert await hass.config_entries.async_unload(entry.entry_id)
    cut = await cloud.cloud.log.wait_for(method="qr", since=since)
    while cut.status != 499:
        cut = await cloud.cloud.log.wait_for(method="qr", since=cut.number)
    cloud.cloud.faults.clear()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert errors_logged(caplog) == []


async def test_reloads_often_and_grows_by_nothing(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    async def get_ready() -> None:
        coordinator = entry.runtime_data
        await wait_until(hass, lambda: coordinator.data.login.code)
        await settle(hass)

    await get_ready()
    bus, told = listeners(hass), len(entry.runtime_data._listeners)
    coordinators = [entry.runtime_data]
    for _ in range(5):
        assert await hass.config_entries.async_reload(entry.entry_id)
        await get_ready()
        coordinators.append(entry.runtime_data)
        assert listeners(hass) == bus
        assert len(entry.runtime_data._listeners) == told
        names = [task.get_name() for task in ours()]
        assert [name.endswith("login session") for name in names].count(True) == 1
    assert len(set(map(id, coordinators))) == 6
    assert all(not old._listeners for old in coordinators[:-1])


async def test_removes_the_instance_with_all_that_belonged_to_it(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert not hass.config_entries.async_entries(DOMAIN)
    assert not hass.states.async_entity_ids()
    assert not device_registry.devices
    assert not er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    await expect_nothing_left(hass, coordinator)
    # It can be added again, as if it had never been there.
    await set_up(hass, cloud, instance)
    assert set(hass.states.async_entity_ids()) == ENTITIES
    assert errors_logged(caplog) == []


async def test_removes_an_entry_that_could_not_be_set_up(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    await cloud.stop()
    entry = entry_of(cloud, instance, mqtt="state_and_qr")
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert not hass.config_entries.async_entries(DOMAIN)
    assert ours() == []
    assert our_timers(hass) == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("order", ["logout", "reboot"])
async def test_an_order_that_ends_after_the_unload_starts_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    order: str,
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    # The order is given; the look at the state that follows it is held up.
    cloud.cloud.faults.add(Delay(0.3), method="getStateInstance", count=1)
    press = hass.async_create_task(
        coordinator.async_logout() if order == "logout" else coordinator.async_reboot()
    )
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    cloud.cloud.faults.clear()
    instance.set_state(State.NOT_AUTHORIZED)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await press
    await expect_nothing_left(hass, coordinator)


async def test_a_refusal_that_comes_after_the_unload_asks_nobody_for_a_token(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    cloud.cloud.faults.add(Delay(0.3), method="getStateInstance", count=1)
    refresh = hass.async_create_task(coordinator.async_refresh())
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    cloud.cloud.faults.add(Status(401, Body.EMPTY))
    assert await hass.config_entries.async_unload(entry.entry_id)
    await refresh
    assert cloud.cloud.log.list(method="getStateInstance")[-1].status == 401
    assert not hass.config_entries.flow.async_progress()
    await expect_nothing_left(hass, coordinator)


# ------------------------------------------------------------- a bad beginning


async def retry(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Let the time pass after which Home Assistant tries again."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10))
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)


async def test_comes_up_by_itself_after_the_cloud_was_dead_at_the_start(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    await cloud.stop()
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "cannot_connect"
    assert ours() == []
    await cloud.start()
    await retry(hass, entry)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert set(hass.states.async_entity_ids()) == ENTITIES
    assert errors_logged(caplog) == []


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(200, Body.HTML), "unexpected_answer"),
        (Status(404, Body.JSON, "Cannot GET"), "method_not_available"),
        (Drop(), "cannot_connect"),
        (Hang(), "timed_out"),
        (Expired(), "instance_expired"),
        (Deleted(), "instance_deleted"),
    ],
)
async def test_says_why_it_cannot_start_and_comes_up_when_it_can(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    cloud.cloud.faults.add(fault, method="getStateInstance", count=1)
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == key
    assert async_get_exception_message(DOMAIN, key) not in ("", key)
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 15)
    await retry(hass, entry)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert errors_logged(caplog) == []


async def test_comes_up_with_an_instance_that_is_still_starting(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    cloud.cloud.faults.add(
        Status(400, Body.JSON, "instance in starting process try later")
    )
    entry = await set_up(hass, cloud, instance)
    assert hass.states.is_state("sensor.whatsapp_1101000001_state", "starting")
    cloud.cloud.faults.clear()
    await entry.runtime_data.async_refresh()
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("fault", [Status(401, Body.EMPTY), Status(403, Body.HTML)])
async def test_asks_for_a_new_token_when_the_first_request_is_refused(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
) -> None:
    cloud.cloud.faults.add(fault, method="getStateInstance", count=1)
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert ours() == []
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"api_token_instance": instance.token}
    )
    assert result["step_id"] == "qr_wait"
    assert entry.state is ConfigEntryState.LOADED
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    hass.config_entries.flow.async_abort(flow["flow_id"])
    # Home Assistant itself says that the set-up failed, for want of credentials.
    assert len(errors_logged(caplog)) <= 1


# ------------------------------------------------------------------------- two


async def test_two_instances_do_not_know_of_each_other(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    telegram = cloud.cloud.create("4100000001", "telegram")
    second = await set_up(hass, cloud, telegram)
    one, other = entry.runtime_data, second.runtime_data
    assert one is not other

    def state(entity: str) -> str:
        found = hass.states.get(f"sensor.{entity}_state")
        assert found is not None
        return found.state

    await wait_until(hass, lambda: one.data.login.code and other.data.login.code)
    assert telegram.code is not None
    assert other.picture.png == telegram.code.png != one.picture.png

    # One is linked, the other is not.
    instance.scan()
    for coordinator in (one, other):
        await coordinator.async_refresh()
    assert state("whatsapp_1101000001") == "authorized"
    assert state("telegram_4100000001") == "not_authorized"
    assert not one.login.active
    assert other.login.active

    # One is broken, the other is not.
    cloud.cloud.faults.add(Status(500), id_instance="1101000001")
    for coordinator in (one, other):
        await coordinator.async_refresh()
    assert state("whatsapp_1101000001") == STATE_UNAVAILABLE
    assert state("telegram_4100000001") == "not_authorized"
    cloud.cloud.faults.clear()
    await one.async_refresh()
    assert state("whatsapp_1101000001") == "authorized"

    # One is unloaded, the other is not.
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert state("whatsapp_1101000001") == STATE_UNAVAILABLE
    assert ours() == []
    telegram.scan()
    await other.async_refresh()
    assert state("telegram_4100000001") == "authorized"
    await wait_until(hass, lambda: other.data.account)
    assert {item.id_instance for item in cloud.cloud.log.list()} == {
        "1101000001",
        "4100000001",
    }
    assert len(errors_logged(caplog)) == 1  # the failure of the first, once
