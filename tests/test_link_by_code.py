"""A person links Telegram or MAX with the code that is sent to the account."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    AuthorizationAnswer,
    Body,
    Clock,
    Drop,
    Fault,
    Hang,
    Instance,
    LoopClock,
    Simulator,
    State,
    StateAnswer,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.dialog import Dialog, expect_no_job, expect_nothing_left, jobs
from tests.logs import errors_logged, secrets_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import lift_limits, set_rhythm

PHONE = "+7 900 123 45 67"
PASSWORD = "two words, one secret"
STARTED = "startAuthorization"
CODE_SENT = "sendAuthorizationCode"
PASSWORD_SENT = "sendAuthorizationPassword"

# For what is alike in both.
ONE_IS_ENOUGH = pytest.mark.parametrize("instance", ["v3"], indirect=True)

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


@pytest.fixture(params=["telegram", "v3"])
async def instance(cloud: Simulator, request: pytest.FixtureRequest) -> Instance:
    """Return an instance of either messenger that nobody has linked yet."""
    ids = {"telegram": "4100000001", "v3": "3100000001"}
    return cloud.cloud.create(ids[request.param], request.param)


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> MockConfigEntry:
    """Return the entry of the instance, set up."""
    return await set_up(hass, cloud, instance)


@pytest.fixture
async def time_flies(entry: MockConfigEntry) -> AsyncGenerator[None]:
    """Let what only takes time take none, once the entry is set up."""
    with virtual_time():
        yield


@pytest.fixture(autouse=True)
async def _nothing_is_left(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[None]:
    yield
    await expect_nothing_left(hass, caplog)


def asked(cloud: Simulator, method: str) -> int:
    """Return how often a method was asked."""
    return len(cloud.cloud.log.list(method=method))


async def ask(hass: HomeAssistant, entry: MockConfigEntry) -> Dialog:
    """Return the dialog that wants the code."""
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    assert dialog.at == "progress asking"
    await dialog.reach("form code")
    return dialog


async def reach_password(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> Dialog:
    """Return the dialog that wants the password."""
    instance.set_password(PASSWORD)
    dialog = await ask(hass, entry)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("form password")
    return dialog


# --------------------------------------------------------------- all goes well


@pytest.mark.parametrize("spelling", ["{}", " {} ", "{0[0]}{0[1]} {0[2]}-{0[3]}{0[4]}"])
async def test_asks_for_the_number_then_for_the_code(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    spelling: str,
) -> None:
    label = entry.title.split()[0]
    dialog = await Dialog.open(hass, entry, "phone")
    assert dialog.facts == {"messenger": label}
    assert dialog.filled_in == {"phone_number": ""}
    await dialog.submit(phone_number=PHONE)
    assert dialog.at == "progress asking"
    assert dialog.facts == {"messenger": label}
    await dialog.reach("form code")
    assert dialog.errors == {}
    assert dialog.filled_in == {"code": ""}
    assert dialog.facts == {"messenger": label}
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE

    code = instance.phone_code
    assert code
    await dialog.submit(code=spelling.format(code))
    assert dialog.at == "progress sending_code"
    await dialog.reach("abort linked")
    assert dialog.facts == {"title": entry.title}
    assert entry.runtime_data.data.state is InstanceState.AUTHORIZED
    assert asked(cloud, STARTED) == asked(cloud, CODE_SENT) == 1
    assert errors_logged(caplog) == []
    assert not secrets_logged(caplog, [code, "79001234567", PHONE])


async def test_says_that_the_instance_is_starting_in_between(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, time_flies: None
) -> None:
    instance.set_timing(Timing(scan=240))
    dialog = await ask(hass, entry)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("progress linking", LONG)
    await dialog.reach("abort linked", LONG)
    assert instance.state is State.AUTHORIZED


async def test_takes_code_and_password_together(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    instance.set_password(PASSWORD)
    dialog = await ask(hass, entry)
    await dialog.submit(code=instance.phone_code, password=PASSWORD)
    await dialog.reach("abort linked")
    assert asked(cloud, PASSWORD_SENT) == 0
    assert not secrets_logged(caplog, [PASSWORD])


async def test_asks_for_the_password_when_it_is_wanted(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    dialog = await reach_password(hass, instance, entry)
    assert dialog.errors == {}
    assert dialog.filled_in == {}
    assert dialog.facts == {"messenger": entry.title.split()[0]}
    await dialog.submit(password=PASSWORD)
    assert dialog.at == "progress sending_password"
    await dialog.reach("abort linked")
    assert asked(cloud, CODE_SENT) == asked(cloud, PASSWORD_SENT) == 1
    assert errors_logged(caplog) == []
    assert not secrets_logged(caplog, [PASSWORD])


async def test_the_password_alone_is_a_way_where_it_is_all_that_is_wanted(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_password(PASSWORD)
    instance.set_state(State.PENDING_PASSWORD)
    entry = await set_up(hass, cloud, instance)
    dialog = await Dialog.open(hass, entry, "password")
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked")


async def test_a_dialog_that_was_closed_too_early_can_be_gone_on_with(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await ask(hass, entry)
    dialog.close()
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form phone")
    assert dialog.errors == {"base": "phone_code_alive"}
    assert 290 < int(dialog.facts["seconds"]) <= 300
    assert dialog.filled_in == {"phone_number": PHONE}
    dialog.close()
    dialog = await Dialog.open(hass, entry, "code")
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked")
    assert asked(cloud, STARTED) == 1


# ----------------------------------------------------------------- what is wrong


@ONE_IS_ENOUGH
@pytest.mark.parametrize(
    "typed", ["", "  ", "12", "пароль", "12345!", "1" * 21, "\u200b-\u200b"]
)
async def test_says_what_is_no_code_and_sends_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    typed: str,
) -> None:
    dialog = await ask(hass, entry)
    await dialog.submit(code=typed, password=PASSWORD)
    assert dialog.at == "form code"
    assert dialog.errors == {"code": "invalid_code"}
    assert dialog.filled_in == {"code": typed}
    assert PASSWORD not in str(dialog.result)
    assert asked(cloud, CODE_SENT) == 0
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
async def test_does_not_send_an_empty_password(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await reach_password(hass, instance, entry)
    await dialog.submit(password="")
    assert dialog.at == "form password"
    assert dialog.errors == {"password": "password_missing"}
    assert asked(cloud, PASSWORD_SENT) == 0
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
async def test_says_what_is_no_number_and_asks_nobody(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number="call me")
    assert dialog.at == "form phone"
    assert dialog.errors == {"phone_number": "invalid_phone_number"}
    assert dialog.filled_in == {"phone_number": "call me"}
    assert asked(cloud, STARTED) == 0


async def test_a_wrong_code_can_be_corrected(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await ask(hass, entry)
    wrong = "0000" if instance.phone_code != "0000" else "1111"
    await dialog.submit(code=wrong, password=PASSWORD)
    await dialog.reach("form code")
    assert dialog.errors == {"base": "authorization_refused"}
    assert dialog.filled_in == {"code": wrong}
    assert PASSWORD not in str(dialog.result)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked")


async def test_a_wrong_password_beside_the_code_is_asked_for_again(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, time_flies: None
) -> None:
    instance.set_password(PASSWORD)
    dialog = await ask(hass, entry)
    await dialog.submit(code=instance.phone_code, password="wrong")
    await dialog.reach("form password", LONG)
    assert dialog.errors == {"base": "invalid_password"}
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked", LONG)


async def test_a_wrong_password_can_be_corrected(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await reach_password(hass, instance, entry)
    await dialog.submit(password="wrong")
    await dialog.reach("form password")
    assert dialog.errors == {"base": "invalid_password"}
    assert dialog.filled_in == {}
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
async def test_too_many_wrong_passwords_have_to_wait_as_long_as_it_says(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    dialog = await reach_password(hass, instance, entry)
    for _ in range(3):
        await dialog.submit(password="wrong")
        await dialog.reach("form password", LONG)
        assert dialog.errors == {"base": "invalid_password"}
    for _ in range(2):
        await dialog.submit(password=PASSWORD)
        await dialog.reach("form password", LONG)
        assert dialog.errors == {"base": "attempts_exceeded"}
        assert 250 < int(dialog.facts["seconds"]) <= 300
    # The second time the cloud was not even asked.
    assert asked(cloud, PASSWORD_SENT) == 4
    await asyncio.sleep(int(dialog.facts["seconds"]))
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked", LONG)


REASONS = [
    ("already_registered", "already_registered"),
    ("invalid_password", "invalid_password"),
    ("rate_limit_exceeded", "rate_limit_exceeded"),
    ("authorization_not_started", "authorization_not_started"),
    ("timeout", "messenger_timeout"),
    ("attempts_exceeded", "attempts_exceeded"),
    ("time_limit_expired_logout", "time_limit_expired"),
    ("something_new", "authorization_refused"),
    (None, "authorization_refused"),
]
# After these there is nothing to enter any more.
LOST = {"authorization_not_started", "time_limit_expired"}


@ONE_IS_ENOUGH
@pytest.mark.parametrize(("reason", "key"), REASONS)
async def test_says_why_no_code_was_sent_and_can_be_tried_again(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    reason: str | None,
    key: str,
    time_flies: None,
) -> None:
    fault = AuthorizationAnswer(reason, retry_after=70)
    cloud.cloud.faults.add(fault, method=STARTED, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form phone", LONG)
    assert dialog.errors == {"base": key}
    assert dialog.facts["seconds"] == "70"
    assert dialog.filled_in == {"phone_number": PHONE}
    # No code is on its way, so that a QR is of use.
    assert entry.runtime_data.data.login.phase is not LoginPhase.PHONE_CODE
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form phone", LONG)
    too_many = key == "attempts_exceeded"
    assert dialog.errors == {"base": key if too_many else "too_soon"}
    assert 0 < int(dialog.facts["seconds"]) <= 70
    assert asked(cloud, STARTED) == 1
    await asyncio.sleep(int(dialog.facts["seconds"]))
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    # What was said before is said no more.
    assert dialog.errors == {}
    assert "seconds" not in dialog.facts
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked", LONG)


@ONE_IS_ENOUGH
@pytest.mark.parametrize(("reason", "key"), REASONS)
async def test_a_refusal_without_a_wait_can_be_tried_again_at_once(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    reason: str | None,
    key: str,
) -> None:
    cloud.cloud.faults.add(AuthorizationAnswer(reason), method=STARTED, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form phone")
    assert dialog.errors == {"base": key}
    await dialog.submit(phone_number=PHONE)
    if key == "attempts_exceeded":
        # These are never to be tried again at once.
        await dialog.reach("form phone")
        assert dialog.errors == {"base": key}
        assert 50 < int(dialog.facts["seconds"]) <= 60
        return
    await dialog.reach("form code")
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
@pytest.mark.parametrize(("reason", "key"), REASONS)
async def test_says_why_a_code_was_not_taken_and_can_be_tried_again(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    reason: str | None,
    key: str,
) -> None:
    dialog = await ask(hass, entry)
    cloud.cloud.faults.add(AuthorizationAnswer(reason), method=CODE_SENT, count=1)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("form phone" if key in LOST else "form code")
    assert dialog.errors == {"base": key}
    if key in LOST:
        assert dialog.filled_in == {"phone_number": PHONE}
    else:
        assert dialog.filled_in == {"code": instance.phone_code}
    if key == "attempts_exceeded":
        assert dialog.facts["seconds"] == "60"
    elif key not in LOST:
        await dialog.submit(code=instance.phone_code)
        await dialog.reach("abort linked")


@ONE_IS_ENOUGH
@pytest.mark.parametrize(("reason", "key"), REASONS)
async def test_says_why_a_password_was_not_taken_and_can_be_tried_again(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    reason: str | None,
    key: str,
) -> None:
    dialog = await reach_password(hass, instance, entry)
    cloud.cloud.faults.add(AuthorizationAnswer(reason), method=PASSWORD_SENT, count=1)
    await dialog.submit(password=PASSWORD)
    # As long as the state says that a password is wanted, that counts.
    ended = key == "time_limit_expired"
    await dialog.reach("form phone" if ended else "form password")
    assert dialog.errors == {"base": key}
    assert dialog.filled_in == ({"phone_number": PHONE} if ended else {})
    if key == "attempts_exceeded":
        assert dialog.facts["seconds"] == "60"
    elif not ended:
        await dialog.submit(password=PASSWORD)
        await dialog.reach("abort linked")


# Of these nobody knows whether the cloud has done what it was asked.
FATE_UNKNOWN = [
    (Status(504, Body.HTML), "cloud_failed"),
    (Status(200, Body.GARBAGE), "unexpected_answer"),
    (Drop(), "cannot_connect"),
    (Hang(), "cloud_failed"),  # a 504, after a minute
]


@ONE_IS_ENOUGH
@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(400, Body.JSON, "Validation failed"), "validation_failed"),
        *FATE_UNKNOWN,
    ],
)
async def test_a_dead_cloud_costs_no_more_than_another_click(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
    time_flies: None,
) -> None:
    instance.set_password(PASSWORD)
    methods = [CODE_SENT, PASSWORD_SENT]
    if (fault, key) not in FATE_UNKNOWN:
        methods.append(STARTED)
    for method in methods:
        cloud.cloud.faults.add(fault, method=method, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    if STARTED in methods:
        await dialog.reach("form phone", LONG)
        assert dialog.errors == {"base": key}
        await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    code = instance.phone_code
    await dialog.submit(code=code)
    assert dialog.at == "progress sending_code"
    await dialog.reach("form code", LONG)
    assert dialog.errors == {"base": key}
    await dialog.submit(**dialog.filled_in)
    await dialog.reach("form password", LONG)
    await dialog.submit(password=PASSWORD)
    assert dialog.at == "progress sending_password"
    await dialog.reach("form password", LONG)
    assert dialog.errors == {"base": key}
    await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked", LONG)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("fault", [fault for fault, _ in FATE_UNKNOWN])
async def test_a_code_that_may_be_on_its_way_can_be_entered(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
    fault: Fault,
) -> None:
    cloud.cloud.faults.add(fault, method=STARTED, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    assert dialog.errors == {"base": "code_may_come"}
    assert 200 < int(dialog.facts["seconds"]) <= 300
    assert dialog.filled_in == {"code": ""}
    assert entry.runtime_data.data.login.phase is LoginPhase.PHONE_CODE
    # The messenger has sent it, although the answer got lost.
    instance.start_authorization(PHONE)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked", LONG)
    assert asked(cloud, STARTED) == 1
    assert errors_logged(caplog) == []


@ONE_IS_ENOUGH
async def test_another_code_is_offered_when_none_has_come(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    cloud.cloud.faults.add(Status(504, Body.HTML), method=STARTED, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    dialog.close()
    # The menu knows of it too, and asks for nothing before its time.
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form phone", LONG)
    assert dialog.errors == {"base": "phone_code_alive"}
    dialog.close()
    dialog = await Dialog.open(hass, entry, "code")
    assert dialog.errors == {}
    await dialog.submit(code="12345")
    await dialog.reach("form phone", LONG)
    assert dialog.errors == {"base": "authorization_not_started"}
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    assert dialog.errors == {}
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked", LONG)
    assert asked(cloud, STARTED) == 2


@ONE_IS_ENOUGH
async def test_what_was_said_of_a_code_is_over_with_it(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry, time_flies: None
) -> None:
    cloud.cloud.faults.add(Status(504, Body.HTML), method=STARTED, count=1)
    dialog = await Dialog.open(hass, entry, "phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    assert dialog.errors == {"base": "code_may_come"}
    await dialog.reach("form phone_expired", LONG)
    assert dialog.errors == {}
    assert "seconds" not in dialog.facts


@ONE_IS_ENOUGH
async def test_a_login_can_begin_anew_where_the_state_waits_for_a_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.PENDING_CODE)
    entry = await set_up(hass, cloud, instance)
    dialog = await Dialog.open(hass, entry)
    assert {"code", "phone"} <= set(dialog.result["menu_options"])
    await dialog.submit(next_step_id="phone")
    instance.set_state(State.NOT_AUTHORIZED)
    cloud.cloud.faults.add(
        StateAnswer(State.PENDING_CODE), method="getStateInstance", count=1
    )
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code")
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
async def test_a_code_runs_out_in_every_dialog_at_the_same_time(
    hass: HomeAssistant, entry: MockConfigEntry, time_flies: None
) -> None:
    first = await ask(hass, entry)
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(200)
    first.close()
    # Opened anew, it has what is left of the time.
    second = await Dialog.open(hass, entry, "code")
    await second.reach("form phone_expired", LONG)
    assert 290 < asyncio.get_running_loop().time() - began < 310


# ---------------------------------------------------- what happens beside the form


async def test_offers_another_code_when_one_has_run_out(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    dialog = await ask(hass, entry)
    first = instance.phone_code
    await dialog.reach("form phone_expired", LONG)
    assert dialog.errors == {}
    assert dialog.filled_in == {"phone_number": PHONE}
    assert instance.phone_code is None
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    assert instance.phone_code != first
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("abort linked", LONG)
    assert asked(cloud, STARTED) == 2


async def test_does_not_take_away_what_is_being_typed(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await ask(hass, entry)
    for _ in range(3):
        await entry.runtime_data.async_refresh()
    assert not dialog.called
    # Nor does a page that is loaded anew begin another watch.
    await dialog.fetch()
    assert dialog.at == "form code"
    assert len(jobs()) == 1
    dialog.close()
    await expect_no_job()
    assert not dialog.called


@pytest.mark.parametrize("form", ["code", "password"])
async def test_ends_when_somebody_else_links_the_instance_meanwhile(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, form: str
) -> None:
    if form == "code":
        dialog = await ask(hass, entry)
    else:
        dialog = await reach_password(hass, instance, entry)
    instance.set_state(State.AUTHORIZED)
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort linked")


async def test_ends_when_somebody_else_was_quicker_than_the_click(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await Dialog.open(hass, entry, "phone")
    instance.set_state(State.AUTHORIZED)
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("abort linked")
    assert asked(cloud, STARTED) == 0


async def test_begins_anew_when_the_password_is_no_longer_wanted(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await reach_password(hass, instance, entry)
    instance.logout()
    await instance.wait_for_state(State.NOT_AUTHORIZED)
    await dialog.submit(password=PASSWORD)
    await dialog.reach("form password")
    assert dialog.errors == {"base": "authorization_not_started"}
    await entry.runtime_data.async_refresh()
    await dialog.reach("form phone")
    assert dialog.errors == {"base": "authorization_not_started"}
    # Nobody waits for the code that was sent before.
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code")
    assert dialog.errors == {}


@ONE_IS_ENOUGH
@pytest.mark.parametrize("form", ["code", "password"])
async def test_ends_when_the_state_allows_no_login_any_more(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, form: str
) -> None:
    if form == "code":
        dialog = await ask(hass, entry)
    else:
        dialog = await reach_password(hass, instance, entry)
    instance.set_state(State.SUSPENDED)
    await entry.runtime_data.async_refresh()
    await dialog.reach("abort state_forbids_login")


async def test_says_so_when_nothing_comes_of_a_code_that_was_taken(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, time_flies: None
) -> None:
    instance.set_timing(Timing(scan=20))
    dialog = await ask(hass, entry)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("progress linking", LONG)
    instance.set_state(State.NOT_AUTHORIZED)
    await dialog.reach("form phone", LONG)
    assert dialog.errors == {"base": "not_linked"}


async def test_says_so_when_nothing_comes_of_a_password_that_was_taken(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    time_flies: None,
) -> None:
    dialog = await reach_password(hass, instance, entry)
    cloud.cloud.faults.add(StateAnswer("pendingPassword"))
    await dialog.submit(password=PASSWORD)
    await dialog.reach("progress linking", LONG)
    await dialog.reach("form password", LONG)
    assert dialog.errors == {"base": "not_linked"}
    cloud.cloud.faults.clear()
    await dialog.reach("abort linked", LONG)


# ------------------------------------------------------------- an entry that moves


@pytest.mark.parametrize("form", ["code", "password"])
async def test_a_reload_leaves_the_form_as_it_is(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, form: str
) -> None:
    if form == "code":
        dialog = await ask(hass, entry)
        typed: dict[str, Any] = {"code": instance.phone_code}
    else:
        dialog = await reach_password(hass, instance, entry)
        typed = {"password": PASSWORD}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert not dialog.called
    await dialog.submit(**typed)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
@pytest.mark.parametrize("form", ["code", "password"])
async def test_says_that_the_entry_is_not_loaded(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, form: str
) -> None:
    if form == "code":
        dialog = await ask(hass, entry)
        typed: dict[str, Any] = {"code": instance.phone_code}
    else:
        dialog = await reach_password(hass, instance, entry)
        typed = {"password": PASSWORD}
    assert await hass.config_entries.async_unload(entry.entry_id)
    await dialog.submit(**typed)
    await dialog.reach(f"form {form}")
    assert dialog.errors == {"base": "not_loaded"}
    assert await hass.config_entries.async_setup(entry.entry_id)
    await dialog.submit(**typed)
    await dialog.reach("abort linked")


@ONE_IS_ENOUGH
@pytest.mark.parametrize("form", ["code", "password"])
async def test_ends_when_the_entry_is_removed(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry, form: str
) -> None:
    if form == "code":
        dialog = await ask(hass, entry)
    else:
        dialog = await reach_password(hass, instance, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await dialog.reach("abort entry_removed")


# ------------------------------------------------------------------- double clicks


async def test_a_double_click_sends_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    instance.set_password(PASSWORD)
    dialog = await Dialog.open(hass, entry, "phone")
    for _ in range(2):
        await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code")
    code = instance.phone_code
    for _ in range(2):
        await dialog.submit(code=code)
    await dialog.reach("form password")
    for _ in range(2):
        await dialog.submit(password=PASSWORD)
    await dialog.reach("abort linked")
    for method in (STARTED, CODE_SENT, PASSWORD_SENT):
        assert asked(cloud, method) == 1


@ONE_IS_ENOUGH
@pytest.mark.parametrize("step", ["phone", "code", "password"])
async def test_the_second_click_of_a_slow_hand_is_not_meant_for_the_next_form(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    step: str,
) -> None:
    instance.set_password(PASSWORD)
    dialog = await Dialog.open(hass, entry, "phone")
    typed: dict[str, Any] = {"phone_number": PHONE}
    if step != "phone":
        await dialog.submit(**typed)
        await dialog.reach("form code")
        typed = {"code": instance.phone_code}
    if step == "password":
        await dialog.submit(**typed)
        await dialog.reach("form password")
        typed = {"password": "wrong"}
    await dialog.submit(**typed)
    # The job is done, and nobody has fetched yet what comes next.
    await asyncio.wait(jobs())
    await dialog.submit(**typed)
    following = {"phone": "form code", "code": "progress linking"}
    assert dialog.at == following.get(step, "form password")
    if step == "password":
        assert dialog.errors == {"base": "invalid_password"}
        assert asked(cloud, PASSWORD_SENT) == 1


@ONE_IS_ENOUGH
async def test_the_forms_want_their_fields(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    dialog = await ask(hass, entry)
    with pytest.raises(InvalidData):
        await dialog.submit(password=PASSWORD)


# ------------------------------------------------------------------ closed half-way


@ONE_IS_ENOUGH
@pytest.mark.parametrize(
    "step", ["phone", "asking", "code", "sending_code", "password", "sending_password"]
)
async def test_a_dialog_that_is_closed_leaves_nothing_behind(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    step: str,
) -> None:
    methods = {
        "asking": STARTED,
        "sending_code": CODE_SENT,
        "sending_password": PASSWORD_SENT,
    }
    coordinator = entry.runtime_data
    listeners = len(coordinator._listeners)
    instance.set_password(PASSWORD)
    if method := methods.get(step):
        cloud.cloud.faults.add(Hang(), method=method)
    dialog = await Dialog.open(hass, entry, "phone")
    if step != "phone":
        await dialog.submit(phone_number=PHONE)
    if step not in {"phone", "asking"}:
        await dialog.reach("form code")
    if step in {"sending_code", "password", "sending_password"}:
        await dialog.submit(code=instance.phone_code)
    if step in {"password", "sending_password"}:
        await dialog.reach("form password")
    if step == "sending_password":
        await dialog.submit(password=PASSWORD)
    if method:
        await cloud.cloud.log.wait_for_open(method=method)
    assert bool(jobs()) is (step != "phone")
    dialog.close()
    await expect_no_job()
    assert len(coordinator._listeners) == listeners
