"""A person links WhatsApp with a code that is entered on the phone."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Clock,
    Delay,
    Drop,
    Fault,
    Hang,
    Instance,
    LoopClock,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.dialog import Dialog, close_all, expect_no_job, jobs
from tests.logs import errors_logged, secrets_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    wait_until,
)

PHONE = "+7 (900) 123-45-67"
METHOD = "getAuthorizationCode"

# In virtual time, in which a code lives as long as it does.
LONG = 3600


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch, poll=5)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that goes with the event loop."""
    return LoopClock(START)


@pytest.fixture
async def time_flies(entry: MockConfigEntry) -> AsyncGenerator[None]:
    """Let what only takes time take none, once the entry is set up."""
    with virtual_time():
        yield


@pytest.fixture(autouse=True)
async def _no_job_is_left(hass: HomeAssistant) -> AsyncGenerator[None]:
    yield
    close_all(hass)
    await expect_no_job()


def asked(cloud: Simulator, method: str = METHOD) -> int:
    """Return how often a method was asked."""
    return len(cloud.cloud.log.list(method=method))


async def show_code(hass: HomeAssistant, entry: MockConfigEntry) -> Dialog:
    """Return the dialog that shows a pairing code."""
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    assert dialog.at == "progress asking"
    await dialog.reach("progress pairing_code")
    return dialog


async def enter(instance: Instance, dialog: Dialog, entry: MockConfigEntry) -> None:
    """Enter the code that the dialog shows on the phone; look at the state at once."""
    instance.enter_pairing_code(dialog.facts["code"])
    await entry.runtime_data.async_refresh()


# --------------------------------------------------------------- all goes well


async def test_shows_a_code_and_ends_when_the_phone_has_taken_it(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    assert dialog.errors == {}
    assert dialog.facts == {"messenger": "WhatsApp"}
    assert dialog.filled_in == {"phone_number": ""}
    began = dt_util.now()
    await dialog.submit(phone_number=PHONE)
    assert dialog.at == "progress asking"
    assert dialog.facts == {"messenger": "WhatsApp"}
    await dialog.reach("progress pairing_code")
    assert dialog.facts["code"] == instance.pairing_code
    until = dt_util.parse_time(dialog.facts["until"])
    assert until
    ends = began.replace(hour=until.hour, minute=until.minute, second=until.second)
    life = (ends - began) % timedelta(days=1)
    assert timedelta(seconds=148) < life < timedelta(seconds=160)
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE

    code = dialog.facts["code"]
    await enter(instance, dialog, entry)
    await dialog.reach("abort linked")
    assert dialog.facts == {"title": "WhatsApp 1101000001"}
    assert entry.runtime_data.data.state is InstanceState.AUTHORIZED
    assert asked(cloud) == 1
    assert errors_logged(caplog) == []
    assert not secrets_logged(caplog, [code, "79001234567", PHONE])


async def test_says_that_the_instance_is_starting_in_between(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, time_flies: None
) -> None:
    instance.set_timing(Timing(scan=240))
    dialog = await show_code(hass, entry)
    instance.enter_pairing_code(dialog.facts["code"])
    await dialog.reach("progress linking", LONG)
    assert instance.state is State.STARTING
    await dialog.reach("abort linked", LONG)
    assert instance.state is State.AUTHORIZED


@pytest.mark.parametrize(
    "typed", ["79001234567", "0079001234567", "\u202a+7 900-1234567"]
)
async def test_takes_a_number_however_it_is_spelled(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, typed: str
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=typed)
    await dialog.reach("progress pairing_code")
    assert asked(cloud) == 1


# ------------------------------------------------------------- codes that run out


async def test_offers_another_code_when_one_has_run_out(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    dialog = await show_code(hass, entry)
    first = dialog.facts["code"]
    await dialog.reach("form pairing_expired", LONG)
    assert dialog.errors == {}
    assert dialog.filled_in == {"phone_number": PHONE}
    assert not jobs()
    # At once: what has run out here has run out in the cloud.
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code", LONG)
    assert dialog.facts["code"] != first
    assert dialog.facts["code"] == instance.pairing_code
    assert instance.state is State.NOT_AUTHORIZED
    instance.enter_pairing_code(dialog.facts["code"])
    await dialog.reach("abort linked", LONG)
    assert asked(cloud) == 2


async def test_a_code_that_was_shown_once_is_not_asked_for_again_too_soon(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    dialog = await show_code(hass, entry)
    dialog.close()
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": "pairing_code_alive"}
    assert 140 < int(dialog.facts["seconds"]) <= 150
    assert dialog.filled_in == {"phone_number": PHONE}
    assert asked(cloud) == 1
    assert instance.state is State.NOT_AUTHORIZED
    await asyncio.sleep(int(dialog.facts["seconds"]))
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code", LONG)
    assert asked(cloud) == 2


# ----------------------------------------------------------------- bad numbers


@pytest.mark.parametrize(
    "typed",
    [
        "+",
        "12345",
        "0123456789",
        "1234567890123456",
        "+7 900 CALL ME",
        "+44 (0) 20 79460000",
    ],
)
async def test_says_what_is_no_number_and_asks_nobody(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, typed: str
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=typed)
    assert dialog.at == "form pairing"
    assert dialog.errors == {"phone_number": "invalid_phone_number"}
    assert dialog.filled_in == {"phone_number": typed}
    assert asked(cloud) == 0
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")


# -------------------------------------------------------------- what the cloud says


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(466, Body.JSON), "quota_exceeded"),
        (Status(404, Body.JSON, "Cannot POST"), "method_not_available"),
        (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
        (Status(400, Body.JSON, "Anything"), "request_rejected"),
    ],
)
async def test_says_what_went_wrong_and_can_be_tried_again(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    cloud.cloud.faults.add(fault, method=METHOD, count=1)
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": key}
    assert dialog.filled_in == {"phone_number": PHONE}
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")
    await enter(instance, dialog, entry)
    await dialog.reach("abort linked")
    assert errors_logged(caplog) == []


async def test_says_that_no_code_was_given(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    instance.set_refuse_pairing(refuse=True)
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": "pairing_refused"}
    instance.set_refuse_pairing(refuse=False)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")


@pytest.mark.parametrize(
    "fault",
    [
        Status(499, Body.EMPTY),
        Status(500, Body.JSON),
        Status(502, Body.HTML),
        Status(504, Body.HTML),
        Status(200, Body.GARBAGE),
        Status(200, Body.HTML),
        Drop(),
        Hang(),
    ],
)
async def test_a_code_that_may_have_been_given_is_waited_for(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
    fault: Fault,
) -> None:
    cloud.cloud.faults.add(fault, method=METHOD, count=1)
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing", LONG)
    assert dialog.errors == {"base": "pairing_code_lost"}
    assert 60 < int(dialog.facts["seconds"]) <= 150
    assert dialog.filled_in == {"phone_number": PHONE}
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing", LONG)
    assert dialog.errors == {"base": "pairing_code_alive"}
    assert asked(cloud) == 1
    # A QR would spoil it.
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE
    await asyncio.sleep(int(dialog.facts["seconds"]))
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code", LONG)
    assert asked(cloud) == 2
    assert instance.state is State.NOT_AUTHORIZED
    await enter(instance, dialog, entry)
    await dialog.reach("abort linked", LONG)
    assert errors_logged(caplog) == []


async def test_a_person_who_would_rather_have_a_qr_than_wait_gets_it(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Status(504, Body.HTML), method=METHOD, count=1)
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    coordinator = entry.runtime_data
    await coordinator.async_request_login()
    await wait_until(hass, lambda: coordinator.data.login.code)
    # The other way stays closed for its time all the same.
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": "pairing_code_alive"}
    assert asked(cloud) == 1
    assert coordinator.data.login.phase is LoginPhase.SHOWING


async def test_ends_at_once_where_somebody_else_was_quicker(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    instance.authorize()
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("abort linked")
    assert asked(cloud) == 0


async def test_ends_when_the_qr_is_scanned_while_the_code_is_shown(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await show_code(hass, entry)
    instance.authorize()
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort linked")


@pytest.mark.parametrize("state", [State.BLOCKED, State.YELLOW_CARD])
async def test_ends_when_the_state_allows_no_login_any_more(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, state: State
) -> None:
    form = await Dialog.open(hass, entry, "pairing")
    dialog = await show_code(hass, entry)
    instance.set_state(state)
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort state_forbids_login")
    await form.submit(phone_number=PHONE)
    await form.reach("form pairing")
    assert form.errors == {"base": "state_forbids_login"}


async def test_says_that_an_instance_has_to_start_first(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    instance.set_state(State.STARTING)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": "instance_not_ready"}
    assert asked(cloud) == 0
    instance.set_state(State.NOT_AUTHORIZED)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")


@pytest.mark.parametrize(
    ("state", "key"),
    [
        (State.STARTING, "instance_not_ready"),
        (State.NOT_AUTHORIZED, "not_linked"),
    ],
)
async def test_says_so_when_nothing_comes_of_a_code(
    hass: HomeAssistant,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
    state: State,
    key: str,
) -> None:
    dialog = await show_code(hass, entry)
    instance.set_state(State.STARTING)
    await dialog.reach("progress linking", LONG)
    instance.set_state(state)
    await dialog.reach("form pairing", LONG)
    assert dialog.errors == {"base": key}
    assert dialog.filled_in == {"phone_number": PHONE}
    assert not jobs()


# ---------------------------------------------------------------- a dead cloud


async def test_a_code_survives_an_outage(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    forgive_nothing(monkeypatch)
    dialog = await show_code(hass, entry)
    code = dialog.facts["code"]
    outage = cloud.cloud.faults.add(Drop())
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.connection_problem == "cannot_connect"
    await dialog.fetch()
    assert dialog.at == "progress pairing_code"
    assert dialog.facts["code"] == code
    instance.enter_pairing_code(code)
    cloud.cloud.faults.remove(outage.number)
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort linked")


async def test_says_that_the_cloud_is_dead_when_the_next_code_is_asked_for(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, time_flies: None
) -> None:
    dialog = await show_code(hass, entry)
    cloud.cloud.faults.add(Drop())
    await dialog.reach("form pairing_expired", LONG)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing", LONG)
    assert dialog.errors == {"base": "cannot_connect"}
    assert dialog.filled_in == {"phone_number": PHONE}
    cloud.cloud.faults.clear()
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code", LONG)


# ------------------------------------------------------------- an entry that moves


async def test_a_code_survives_a_reload(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await show_code(hass, entry)
    before = entry.runtime_data
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.runtime_data is not before
    await dialog.fetch()
    assert dialog.at == "progress pairing_code"
    assert instance.pairing_code == dialog.facts["code"]
    await enter(instance, dialog, entry)
    await dialog.reach("abort linked")
    assert asked(cloud) == 1


async def test_a_reload_while_the_code_is_asked_for_loses_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Delay(0.3), method=METHOD, count=1)
    dialog = await Dialog.open(hass, entry, "pairing")
    await dialog.submit(phone_number=PHONE)
    await cloud.cloud.log.wait_for_open(method=METHOD)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await dialog.reach("progress pairing_code")
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE
    await enter(instance, dialog, entry)
    await dialog.reach("abort linked")
    assert asked(cloud) == 1


async def test_waits_for_an_entry_that_is_not_loaded(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing")
    assert dialog.errors == {"base": "not_loaded"}
    assert dialog.filled_in == {"phone_number": PHONE}
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code")
    assert asked(cloud) == 1


async def test_a_code_runs_out_though_the_entry_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, time_flies: None
) -> None:
    dialog = await show_code(hass, entry)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await dialog.reach("form pairing_expired", LONG)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing", LONG)
    assert dialog.errors == {"base": "not_loaded"}


@pytest.mark.parametrize("step", ["menu", "form", "asking", "pairing_code"])
async def test_ends_when_the_entry_is_removed(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    entry: MockConfigEntry,
    step: str,
) -> None:
    match step:
        case "menu":
            dialog = await Dialog.open(hass, entry)
        case "form":
            dialog = await Dialog.open(hass, entry, "pairing")
        case "asking":
            cloud.cloud.faults.add(Hang(0.2), method=METHOD, count=1)
            dialog = await Dialog.open(hass, entry, "pairing")
            await dialog.submit(phone_number=PHONE)
            await cloud.cloud.log.wait_for_open(method=METHOD)
        case _:
            dialog = await show_code(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    if step == "menu":
        await dialog.submit(next_step_id="pairing")
    elif step == "form":
        await dialog.submit(phone_number=PHONE)
    await dialog.reach("abort entry_removed")
    assert errors_logged(caplog) == []


# -------------------------------------------------------- two people, two clicks


async def test_a_double_click_asks_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "pairing")
    await asyncio.gather(
        *(dialog.submit(phone_number=PHONE) for _ in range(3)),
    )
    await dialog.reach("progress pairing_code")
    await dialog.submit(phone_number=PHONE)
    assert dialog.at == "progress pairing_code"
    assert asked(cloud) == 1
    assert len(jobs()) == 1
    assert instance.state is State.NOT_AUTHORIZED


async def test_two_dialogs_ask_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    first = await Dialog.open(hass, entry, "pairing")
    second = await Dialog.open(hass, entry, "pairing")
    await asyncio.gather(
        first.submit(phone_number=PHONE), second.submit(phone_number=PHONE)
    )
    await first.reach("progress pairing_code")
    await second.reach("form pairing")
    assert second.errors == {"base": "pairing_code_alive"}
    assert asked(cloud) == 1
    await enter(instance, first, entry)
    await first.reach("abort linked")
    await second.submit(phone_number=PHONE)
    await second.reach("abort linked")


# ------------------------------------------------------------------ closed half-way


@pytest.mark.parametrize("step", ["menu", "form", "asking", "pairing_code", "expired"])
async def test_a_dialog_that_is_closed_leaves_nothing_behind(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    entry: MockConfigEntry,
    step: str,
) -> None:
    coordinator = entry.runtime_data
    listeners = len(coordinator._listeners)
    if step == "expired":
        monkeypatch.setattr(
            "custom_components.green_api.authorization.PAIRING_CODE_LIFE",
            timedelta(seconds=0.2),
        )
    if step == "asking":
        cloud.cloud.faults.add(Hang(), method=METHOD)
    dialog = await Dialog.open(hass, entry, None if step == "menu" else "pairing")
    if step not in {"menu", "form"}:
        await dialog.submit(phone_number=PHONE)
    if step == "asking":
        await cloud.cloud.log.wait_for_open(method=METHOD)
    if step == "pairing_code":
        await dialog.reach("progress pairing_code")
        await asyncio.sleep(0)
        assert len(coordinator._listeners) == listeners + 1
    if step == "expired":
        await dialog.reach("form pairing_expired")
    assert bool(jobs()) is (step in {"asking", "pairing_code"})
    dialog.close()
    await expect_no_job()
    assert len(coordinator._listeners) == listeners
    assert not hass.config_entries.options.async_progress()


async def test_closing_a_dialog_breaks_no_question_for_the_state_off(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    dialog = await Dialog.open(hass, entry, "pairing")
    cursor = cloud.cloud.log.cursor
    cloud.cloud.faults.add(Delay(0.2), method="getStateInstance", count=1)
    await dialog.submit(phone_number=PHONE)
    await cloud.cloud.log.wait_for_open(method="getStateInstance")
    dialog.close()
    await expect_no_job()
    answered = await cloud.cloud.log.wait_for(method="getStateInstance", since=cursor)
    assert answered.ok
    # Else all entities would be unavailable until the next answer.
    assert coordinator.last_update_success
    assert asked(cloud) == 0


async def test_home_assistant_stops_with_an_open_dialog(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, entry: MockConfigEntry
) -> None:
    await show_code(hass, entry)
    await hass.async_stop(force=True)
    assert not jobs()
    assert errors_logged(caplog) == []
