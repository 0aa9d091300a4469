"""An instance is linked in the dialog of its set-up, before it has an entry."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api import config_flow
from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import DEFAULT_OPTIONS, DOMAIN
from custom_components.green_api.coordinator import GreenApiCoordinator
from simulator import (
    Body,
    Clock,
    Delay,
    Hang,
    Instance,
    LoopClock,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.dialog import Dialog, expect_no_job, expect_nothing_left, jobs
from tests.logs import errors_logged, secrets_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import lift_limits, set_rhythm, shorten_backoff, wait_until

PHONE = "+7 (900) 123-45-67"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that goes with the event loop."""
    return LoopClock(START)


@pytest.fixture(autouse=True)
async def _nothing_is_left(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[None]:
    yield
    await expect_nothing_left(hass, caplog)


def asked(cloud: Simulator, method: str, instance: Instance | None = None) -> int:
    """Return how often a method was asked."""
    id_instance = instance.id_instance if instance else None
    return len(cloud.cloud.log.list(method=method, id_instance=id_instance))


async def show(hass: HomeAssistant, cloud: Simulator, instance: Instance) -> Dialog:
    """Return the dialog of a set-up that shows a code."""
    dialog = await Dialog.add(hass, cloud, instance)
    await dialog.reach("menu qr_whatsapp")
    return dialog


async def loaded(hass: HomeAssistant, dialog: Dialog) -> GreenApiCoordinator:
    """Return the coordinator of the entry that a dialog has created."""
    assert dialog.at == "entry"
    entry = dialog.result["result"]
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    coordinator: GreenApiCoordinator = entry.runtime_data
    return coordinator


# --------------------------------------------------------------- what becomes of it


async def test_the_entry_is_what_was_typed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    MockConfigEntry(domain="mqtt").add_to_hass(hass)
    dialog = await Dialog.add(hass, cloud, instance, mqtt="state")
    await dialog.reach("menu qr_whatsapp")
    assert not hass.config_entries.async_entries(DOMAIN)
    await dialog.submit(next_step_id="skip")
    await loaded(hass, dialog)
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == dialog.result["title"] == "WhatsApp 1101000001"
    assert entry.unique_id == instance.id_instance
    assert dialog.result["data"] == {
        "id_instance": instance.id_instance,
        "api_token_instance": instance.token,
        "api_url": cloud.url,
        "messenger": "whatsapp",
    }
    assert entry.options == {**DEFAULT_OPTIONS, "mqtt": "state"}


async def test_the_entry_goes_on_with_the_login_of_the_dialog(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    dialog = await show(hass, cloud, instance)
    before = dialog.coordinator.data.login
    await dialog.submit(next_step_id="skip")
    coordinator = await loaded(hass, dialog)
    await wait_until(hass, lambda: coordinator.data.login.code)
    login = coordinator.data.login
    assert login.began_at == before.began_at
    assert login.ends_at is not None
    assert before.ends_at is not None
    # Both are made from the time that the event loop counts in.
    assert abs((login.ends_at - before.ends_at).total_seconds()) < 0.1
    assert coordinator.picture.png == dialog_png(instance)
    assert not jobs()


def dialog_png(instance: Instance) -> bytes:
    """Return the picture of an instance's live code."""
    assert instance.code is not None
    return instance.code.png


async def test_the_name_of_the_account_is_kept(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, cloud: Simulator
) -> None:
    # By WebSocket, and at this moment only, the cloud tells the account's name.
    monkeypatch.undo()
    lift_limits(monkeypatch)
    instance = cloud.cloud.create()
    instance.set_account(phone="79001234567", name="Home")
    dialog = await show(hass, cloud, instance)
    assert asked(cloud, "qr") == 0
    instance.scan(dialog.payload)
    await dialog.reach("entry")
    coordinator = await loaded(hass, dialog)
    assert dialog.result["data"]["account_name"] == {"79001234567": "Home"}
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.account
    assert coordinator.data.account.name == "Home"


@pytest.mark.parametrize(
    "state",
    [
        State.AUTHORIZED,
        State.BLOCKED,
        State.YELLOW_CARD,
        State.SUSPENDED,
        State.SLEEP_MODE,
    ],
)
async def test_an_instance_that_is_not_to_be_linked_is_set_up_at_once(
    hass: HomeAssistant, cloud: Simulator, state: State
) -> None:
    instance = cloud.cloud.create(state=state)
    dialog = await Dialog.add(hass, cloud, instance)
    coordinator = await loaded(hass, dialog)
    assert coordinator.data.state.name == state.name
    assert asked(cloud, "qr") == 0
    if state is State.AUTHORIZED:
        await wait_until(hass, lambda: coordinator.data.account)
    # By the check and by the entry; the dialog needs to know no more.
    assert asked(cloud, "getStateInstance") == 2


async def test_a_pairing_code_that_has_linked_it_is_in_no_later_ones_way(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    dialog = await show(hass, cloud, instance)
    await dialog.submit(next_step_id="pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")
    instance.enter_pairing_code(dialog.facts["code"])
    await dialog.coordinator.async_refresh()
    await dialog.reach("entry")
    coordinator = await loaded(hass, dialog)
    await wait_until(hass, lambda: coordinator.data.account)
    await coordinator.async_logout()
    options = await Dialog.open(hass, dialog.result["result"], "pairing")
    await options.submit(phone_number=PHONE)
    await options.reach("progress pairing_code")


# --------------------------------------------------------------------- not yet up


@pytest.mark.parametrize("new", [False, True])
async def test_an_instance_that_starts_can_be_linked_later(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    *,
    new: bool,
) -> None:
    instance = cloud.cloud.create(timing=Timing(start=300 if new else 0))
    if new:
        assert instance.state is None
    else:
        instance.set_state(State.STARTING)
    assert await async_setup_component(hass, DOMAIN, {})
    dialog = await Dialog.add(hass, cloud, instance)
    assert dialog.at == "progress qr_wait"
    with virtual_time():
        await dialog.reach("menu qr_pending", 60)
    assert dialog.ways == ["skip"]
    await dialog.submit(next_step_id="skip")
    coordinator = await loaded(hass, dialog)
    before = InstanceState.UNKNOWN if new else InstanceState.STARTING
    assert coordinator.data.state is before
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_a_cloud_that_says_that_it_starts_is_believed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    starting = Status(400, Body.JSON, "instance in starting process try later")
    cloud.cloud.faults.add(starting)
    dialog = await Dialog.add(hass, cloud, instance)
    assert dialog.at == "progress qr_wait"
    cloud.cloud.faults.clear()
    await dialog.coordinator.async_refresh()
    await dialog.reach("menu qr_whatsapp")
    assert dialog.payload == instance.payload


# -------------------------------------------------------------- several at a time


async def test_two_instances_are_set_up_at_the_same_time(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instances = [cloud.cloud.create(f"110100000{number}") for number in (1, 2)]
    dialogs = [await show(hass, cloud, instance) for instance in instances]
    for dialog, instance in zip(dialogs, instances, strict=True):
        assert dialog.payload == instance.payload
    instances[1].scan(dialogs[1].payload)
    await dialogs[1].coordinator.async_refresh()
    await dialogs[1].reach("entry")
    assert dialogs[0].at == "menu qr_whatsapp"
    instances[0].scan(dialogs[0].payload)
    await dialogs[0].coordinator.async_refresh()
    await dialogs[0].reach("entry")
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


async def test_the_dialog_that_was_left_makes_room_for_the_next_one(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    left = await show(hass, cloud, instance)
    abandoned = left.coordinator
    dialog = await show(hass, cloud, instance)
    assert flow_ids(hass) == {dialog.flow_id}
    assert not abandoned._listeners
    assert not abandoned.login.active
    assert dialog.payload == instance.payload
    with pytest.raises(UnknownFlow):
        await left.fetch()
    instance.scan(dialog.payload)
    await dialog.coordinator.async_refresh()
    await dialog.reach("entry")


def flow_ids(hass: HomeAssistant) -> set[str]:
    """Return the flows that are open."""
    return {flow["flow_id"] for flow in hass.config_entries.flow.async_progress()}


async def test_of_two_dialogs_that_check_at_the_same_time_one_goes_on(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Delay(0.2), method="getSettings", count=2)
    results = await asyncio.gather(
        Dialog.add(hass, cloud, instance),
        Dialog.add(hass, cloud, instance),
    )
    assert sorted(dialog.at for dialog in results) == [
        "abort already_in_progress",
        "progress qr_wait",
    ]
    (dialog,) = [item for item in results if item.at == "progress qr_wait"]
    assert flow_ids(hass) == {dialog.flow_id}
    await dialog.reach("menu qr_whatsapp")
    assert len(jobs()) == 1
    await dialog.submit(next_step_id="skip")
    await loaded(hass, dialog)


async def test_a_double_click_checks_twice_and_links_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Delay(0.1), method="getSettings", count=1)
    flows = hass.config_entries.flow
    dialog = Dialog(
        hass, flows, await flows.async_init(DOMAIN, context={"source": "user"})
    )
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )
    await asyncio.gather(
        dialog.submit(api_url=cloud.url), dialog.submit(api_url=cloud.url)
    )
    assert dialog.at == "progress qr_wait"
    await dialog.reach("menu qr_whatsapp")
    assert dialog.payload == instance.payload
    assert len(jobs()) == 1
    instance.scan(dialog.payload)
    await dialog.coordinator.async_refresh()
    await dialog.reach("entry")


# ------------------------------------------------------------------ closed half-way


async def test_a_dialog_that_is_closed_while_it_checks_asks_for_no_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    cloud.cloud.faults.add(Delay(0.1), method="getSettings", count=1)
    adding = asyncio.create_task(Dialog.add(hass, cloud, instance))
    await cloud.cloud.log.wait_for_open(method="getSettings")
    (flow_id,) = flow_ids(hass)
    hass.config_entries.flow.async_abort(flow_id)
    dialog = await adding
    assert dialog.at == "abort already_in_progress"
    assert not jobs()
    with virtual_time():
        await asyncio.sleep(600)
    assert asked(cloud, "qr") == 0


async def test_a_question_that_hangs_when_the_dialog_is_closed_starts_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    dialog = await show(hass, cloud, instance)
    coordinator = dialog.coordinator
    cloud.cloud.faults.add(Hang(5), method="getStateInstance", count=1)
    coordinator.suspect_state()
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    dialog.close()
    instance.authorize()
    cursor = cloud.cloud.log.cursor
    with virtual_time():
        await asyncio.sleep(600)
    (left,) = cloud.cloud.log.list(since=cursor)
    assert left.method == "getStateInstance"
    assert coordinator.data.state is InstanceState.NOT_AUTHORIZED


async def test_nothing_grows_with_dialogs_that_come_and_go(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    def size() -> int:
        return len(hass.data) + sum(
            len(value) for key, value in hass.data.items() if DOMAIN in str(key)
        )

    async def come_and_go() -> None:
        dialog = await show(hass, cloud, instance)
        await dialog.submit(next_step_id="pairing")
        dialog.close()

    await come_and_go()
    listeners, before = hass.bus.async_listeners(), size()
    for _ in range(5):
        await come_and_go()
    assert size() == before
    # One is the test's own, for each dialog.
    progressed = "data_entry_flow_progressed"
    grown = {
        event: count - listeners.get(event, 0)
        for event, count in hass.bus.async_listeners().items()
        if count != listeners.get(event, 0)
    }
    assert grown == {progressed: 5}
    await expect_no_job()


# --------------------------------------------------------------------- over HTTP


async def test_the_frontend_gets_all_of_it_as_json(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    for component in ("camera", "config", "event", "image", "webhook"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    dialog = await Dialog.add(hass, cloud, instance)
    path = f"/api/config/config_entries/flow/{dialog.flow_id}"

    async def ask(typed: dict[str, str] | None = None) -> dict[str, Any]:
        sent = client.get(path) if typed is None else client.post(path, json=typed)
        answer = await sent
        assert answer.status == HTTPStatus.OK
        assert instance.token not in await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    assert (await ask())["type"] == "progress"
    await dialog.reach("menu qr_whatsapp")
    shown = await ask()
    assert shown["menu_options"] == ["pairing", "skip"]
    picture = shown["description_placeholders"]["qr"]
    assert picture == dialog.facts["qr"]
    assert (await ask({"next_step_id": "pairing"}))["step_id"] == "pairing"
    assert (await ask({}))["type"] == "progress"
    await dialog.fetch()
    await dialog.reach("menu qr_whatsapp")
    created = await ask({"next_step_id": "skip"})
    assert created["type"] == "create_entry"
    assert created["result"]["title"] == "WhatsApp 1101000001"
    assert not secrets_logged(caplog, [picture, picture.rpartition(",")[2]])


# ------------------------------------------------------------------- a new token


async def test_the_dialog_of_a_new_token_goes_on_with_the_link(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    before = entry.runtime_data
    dialog = await Dialog.ask_for_token(hass, instance, entry)
    await dialog.submit(api_token_instance=instance.token)
    assert dialog.at == "progress qr_wait"
    assert entry.data["api_token_instance"] == instance.token
    await dialog.reach("menu qr_whatsapp")
    assert dialog.coordinator is entry.runtime_data is not before
    instance.scan(dialog.payload)
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort linked")
    assert not flow_ids(hass)
    await expect_no_job()


async def test_a_new_token_for_an_entry_that_could_not_be_loaded(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    instance.token = "0" * 50
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    flows = hass.config_entries.flow
    (flow,) = flows.async_progress_by_handler(DOMAIN)
    dialog = Dialog(hass, flows, await flows.async_configure(flow["flow_id"]))
    await dialog.submit(api_token_instance=instance.token)
    assert entry.state is ConfigEntryState.LOADED
    await dialog.reach("menu qr_whatsapp")
    await dialog.submit(next_step_id="skip")
    assert dialog.at == "abort reauth_successful"
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_a_new_token_is_kept_while_the_instance_starts(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.ask_for_token(hass, instance, entry)
    instance.set_state(State.STARTING)
    await dialog.submit(api_token_instance=instance.token)
    assert dialog.at == "progress qr_wait"
    assert entry.data["api_token_instance"] == instance.token
    assert entry.runtime_data.data.state is InstanceState.STARTING
    dialog.close()


async def test_a_new_token_is_sent_twice_by_a_double_click(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.ask_for_token(hass, instance, entry)
    cloud.cloud.faults.add(Delay(0.1), method="getSettings", count=1)
    await asyncio.gather(
        *(dialog.submit(api_token_instance=instance.token) for _ in range(2))
    )
    await dialog.reach("menu qr_whatsapp")
    assert entry.state is ConfigEntryState.LOADED
    assert dialog.payload == instance.payload


@pytest.mark.parametrize("method", ["getStateInstance", "getSettings"])
async def test_the_entry_is_removed_while_its_new_token_is_checked(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    method: str,
) -> None:
    dialog = await Dialog.ask_for_token(hass, instance, entry)
    caplog.clear()
    cloud.cloud.faults.add(Delay(0.2), method=method, count=1)
    sending = asyncio.create_task(dialog.submit(api_token_instance=instance.token))
    await cloud.cloud.log.wait_for_open(method=method)
    await hass.config_entries.async_remove(entry.entry_id)
    await sending
    assert dialog.at == "abort entry_removed"
    assert not flow_ids(hass)
    assert errors_logged(caplog) == []


async def test_whoever_links_it_elsewhere_ends_the_open_dialog_of_the_new_token(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    dialog = await Dialog.ask_for_token(hass, instance, entry)
    await dialog.submit(api_token_instance=instance.token)
    await dialog.reach("menu qr_whatsapp")
    monkeypatch.setattr(config_flow, "LEFT_OPEN", 0.0)
    instance.authorize()
    await entry.runtime_data.async_refresh()
    await expect_no_job()
    assert not flow_ids(hass)


@pytest.mark.parametrize("again", [None, {"next_step_id": "skip"}])
async def test_a_second_click_does_no_harm_while_the_entry_is_set_up(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    again: dict[str, str] | None,
) -> None:
    dialog = await show(hass, cloud, instance)
    cloud.cloud.faults.add(Delay(0.5), method="getStateInstance", count=1)
    first = asyncio.create_task(dialog.submit(next_step_id="skip"))
    await wait_until(hass, lambda: hass.config_entries.async_entries(DOMAIN))
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.SETUP_IN_PROGRESS
    with pytest.raises(UnknownFlow):
        await hass.config_entries.flow.async_configure(dialog.flow_id, again)
    await first
    assert dialog.at == "entry"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert entry.state is ConfigEntryState.LOADED
    assert errors_logged(caplog) == []
