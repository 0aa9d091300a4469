"""The sensors say the state of the instance, of its login and its account."""

from dataclasses import replace
from datetime import timedelta

from homeassistant.const import (
    EVENT_STATE_CHANGED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import HomeAssistant, State as HassState
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.green_api.api.models import Messenger, StateReading
from custom_components.green_api.const import CONF_ACCOUNT_NAME, DOMAIN
from custom_components.green_api.sensor import LOGIN_ATTRIBUTES
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Drop,
    Fault,
    Instance,
    ManualClock,
    QrAnswer,
    Simulator,
    State,
    StateAnswer,
    Status,
    Timing,
)
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    shorten_window,
    wait_until,
)

SENSOR = "sensor.whatsapp_1101000001_state"
LOGIN = "sensor.whatsapp_1101000001_login"
CODE_VALID_UNTIL = "sensor.whatsapp_1101000001_code_valid_until"
ACCOUNT = "sensor.whatsapp_1101000001_account"
ACCOUNT_NAME = "sensor.whatsapp_1101000001_account_name"

WORDS = {
    State.NOT_AUTHORIZED: "not_authorized",
    State.AUTHORIZED: "authorized",
    State.BLOCKED: "blocked",
    State.STARTING: "starting",
    State.SLEEP_MODE: "sleep_mode",
    State.YELLOW_CARD: "yellow_card",
    State.SUSPENDED: "suspended",
    State.PENDING_PASSWORD: "pending_password",
    State.PENDING_CODE: "pending_code",
}


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


@pytest.fixture
def _all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable the entities that a person has to enable."""
    monkeypatch.setattr(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default", True
    )


def state_of(hass: HomeAssistant, sensor: str = SENSOR) -> str:
    """Return a sensor's state."""
    return whole_state_of(hass, sensor).state


def whole_state_of(hass: HomeAssistant, sensor: str) -> HassState:
    """Return a sensor's state with its attributes."""
    state = hass.states.get(sensor)
    assert state is not None
    return state


def login_attributes(hass: HomeAssistant) -> dict[str, object]:
    """Return what the sensor tells of the login beside its phase."""
    attributes = whole_state_of(hass, LOGIN).attributes
    return {name: attributes[name] for name in LOGIN_ATTRIBUTES if name in attributes}


async def test_tells_every_state_of_the_cloud(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    assert WORDS.keys() == set(State)
    for state in (State.AUTHORIZED, *State):
        instance.set_state(state)
        await entry.runtime_data.async_refresh()
        assert state_of(hass) == WORDS[state]


async def test_offers_every_state_as_an_option(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    state = hass.states.get(SENSOR)
    assert state is not None
    assert state.attributes["device_class"] == "enum"
    assert set(state.attributes["options"]) == set(WORDS.values())
    registered = entity_registry.async_get(SENSOR)
    assert registered is not None
    assert registered.unique_id == "1101000001_state"


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_every_state_has_a_word_in_the_persons_language(
    hass: HomeAssistant, entry: MockConfigEntry, language: str
) -> None:
    texts = await async_get_translations(hass, language, "entity", {DOMAIN})
    path = f"component.{DOMAIN}.entity.sensor.state.state"
    found = {word: texts.get(f"{path}.{word}") for word in WORDS.values()}
    assert all(found.values())
    assert len(set(found.values())) == len(WORDS)
    assert found["authorized"] == {"en": "Authorized", "ru": "Авторизован"}[language]


@pytest.mark.parametrize("answer", ["somethingNew", None])
async def test_is_unknown_while_the_cloud_gives_no_known_state_and_comes_back(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: MockConfigEntry,
    answer: str | None,
) -> None:
    cloud.cloud.faults.add(StateAnswer(answer), method="getStateInstance")
    await entry.runtime_data.async_refresh()
    assert state_of(hass) == STATE_UNKNOWN
    cloud.cloud.faults.clear()
    await entry.runtime_data.async_refresh()
    assert state_of(hass) == "not_authorized"


@pytest.mark.parametrize(
    "fault", [Status(429, Body.EMPTY), Status(502, Body.HTML), Drop()]
)
async def test_an_automation_fires_although_an_answer_around_the_scan_was_bad(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
) -> None:
    shorten_backoff(monkeypatch)
    fired = async_capture_events(hass, "linked")
    automation = {
        "triggers": {
            "trigger": "state",
            "entity_id": SENSOR,
            "to": "authorized",
            "not_from": [STATE_UNAVAILABLE, STATE_UNKNOWN],
        },
        "actions": {
            "event": "linked",
            "event_data": {"before": "{{ trigger.from_state.state }}"},
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    cloud.cloud.faults.add(fault, method="getStateInstance")
    await entry.runtime_data.async_refresh()
    assert state_of(hass) == "not_authorized"
    instance.set_state(State.AUTHORIZED)
    cloud.cloud.faults.clear()
    # Nobody refreshes.
    await wait_until(hass, lambda: fired)
    assert [event.data for event in fired] == [{"before": "not_authorized"}]
    assert errors_logged(caplog) == []


async def test_is_unavailable_during_an_outage_and_comes_back(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    forgive_nothing(monkeypatch)
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    assert state_of(hass) == STATE_UNAVAILABLE
    instance.set_state(State.AUTHORIZED)
    await cloud.start()
    await entry.runtime_data.async_refresh()
    await wait_until(hass, lambda: state_of(hass) == "authorized")
    seen = [
        event.data["new_state"].state
        for event in events
        if event.data["entity_id"] == SENSOR
    ]
    # Straight to what is true now, without a word of what was true before.
    assert seen == [STATE_UNAVAILABLE, "authorized"]


# ------------------------------------------------------------------- login


@pytest.mark.usefixtures("_all_enabled")
async def test_tells_how_a_login_goes_on(
    hass: HomeAssistant, cloud: Simulator, clock: ManualClock
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=30))
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "waiting")
    began = login_attributes(hass)
    assert began.keys() <= {"began_at", "ends_at", "problem"}
    window = began["ends_at"] - began["began_at"]  # type: ignore[operator]
    assert abs(window - timedelta(minutes=5)) < timedelta(seconds=1)
    assert state_of(hass, CODE_VALID_UNTIL) == STATE_UNKNOWN

    clock.advance(30)
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    code = coordinator.data.login.code
    assert code is not None
    assert login_attributes(hass) == {
        "began_at": began["began_at"],
        "ends_at": began["ends_at"],
        "sequence": 1,
        "issued_at": code.issued_at,
        "expires_at": code.expires_at,
    }
    assert code.issued_at < code.expires_at
    valid_until = dt_util.parse_datetime(state_of(hass, CODE_VALID_UNTIL))
    assert valid_until == code.expires_at.replace(microsecond=0)

    clock.advance(20)
    await wait_until(hass, lambda: login_attributes(hass).get("sequence") == 2)
    instance.scan()
    await coordinator.async_refresh()
    assert state_of(hass, LOGIN) == "idle"
    assert login_attributes(hass) == {}
    assert state_of(hass, CODE_VALID_UNTIL) == STATE_UNKNOWN


async def test_tells_that_a_password_is_wanted(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram", password="open sesame")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    sensor = "sensor.telegram_4100000001_login"
    await wait_until(hass, lambda: state_of(hass, sensor) == "showing")
    instance.scan()
    await wait_until(hass, lambda: state_of(hass, sensor) == "password")
    instance.enter_password("open sesame")
    await coordinator.async_refresh()
    assert state_of(hass, sensor) == "idle"


@pytest.mark.usefixtures("_all_enabled")
async def test_tells_of_a_login_by_phone_but_never_its_code(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    answer = await hass.services.async_call(
        DOMAIN,
        "get_authorization_code",
        {"config_entry_id": entry.entry_id, "phone_number": "+44 7911 123456"},
        blocking=True,
        return_response=True,
    )
    assert state_of(hass, LOGIN) == "phone_code"
    told = login_attributes(hass)
    assert told.keys() == {"began_at", "ends_at"}
    assert told["ends_at"] > told["began_at"]  # type: ignore[operator]
    assert state_of(hass, CODE_VALID_UNTIL) == STATE_UNKNOWN
    code = instance.pairing_code
    assert code is not None
    assert answer is not None
    assert answer["code"] == code
    instance.enter_pairing_code(code)
    await entry.runtime_data.async_refresh()
    assert state_of(hass, LOGIN) == "idle"
    assert events
    assert code not in str([event.data for event in events])


@pytest.mark.usefixtures("_all_enabled")
async def test_tells_that_the_window_is_over_until_somebody_looks(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "expired")
    assert login_attributes(hass) == {}
    assert state_of(hass, CODE_VALID_UNTIL) == STATE_UNKNOWN
    coordinator.look()
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (QrAnswer("error", "timeout"), {"problem": "messenger_unreachable"}),
        (QrAnswer.log_out_first(), {"problem": "needs_logout"}),
        (Status(502, Body.HTML), {"problem": "cloud_failed"}),
        (
            QrAnswer("error", "no luck today"),
            {"problem": "other", "detail": "no luck today"},
        ),
    ],
)
async def test_tells_why_no_code_comes_until_one_does(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    told: dict[str, str],
) -> None:
    shorten_backoff(monkeypatch)
    cloud.cloud.faults.add(fault, method="qr")
    await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: login_attributes(hass).get("problem"))
    assert state_of(hass, LOGIN) == "waiting"
    assert told.items() <= login_attributes(hass).items()
    cloud.cloud.faults.clear()
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    assert not {"problem", "detail"} & login_attributes(hass).keys()


async def test_tells_the_words_of_the_cloud_without_its_secrets(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    words = f"failed at /waInstance1101000001/qr/{instance.token} for {instance.token}"
    cloud.cloud.faults.add(QrAnswer("error", words), method="qr")
    await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: login_attributes(hass).get("detail"))
    assert str(login_attributes(hass)["detail"]).startswith("failed at")
    assert instance.token not in str(hass.states.async_all())


@pytest.mark.usefixtures("_all_enabled")
async def test_takes_the_code_back_at_the_end_of_its_life(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    set_rhythm(monkeypatch, renewal=0.1, slow_answer=0.3)
    await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    assert state_of(hass, CODE_VALID_UNTIL) != STATE_UNKNOWN
    await cloud.stop()
    # One bad answer is no outage: the sensors stay.
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "waiting")
    assert state_of(hass, CODE_VALID_UNTIL) == STATE_UNKNOWN
    assert not {"sequence", "issued_at", "expires_at"} & login_attributes(hass).keys()
    await cloud.start()
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    assert state_of(hass, CODE_VALID_UNTIL) != STATE_UNKNOWN


async def test_keeps_what_changes_with_every_code_from_the_recorder(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    info = whole_state_of(hass, LOGIN).state_info
    assert info is not None
    assert login_attributes(hass).keys() <= info["unrecorded_attributes"]
    assert set(LOGIN_ATTRIBUTES) <= info["unrecorded_attributes"]


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_every_phase_has_a_word_in_the_persons_language(
    hass: HomeAssistant, entry: MockConfigEntry, language: str
) -> None:
    assert set(whole_state_of(hass, LOGIN).attributes["options"]) == set(LoginPhase)
    texts = await async_get_translations(hass, language, "entity", {DOMAIN})
    path = f"component.{DOMAIN}.entity.sensor.login.state"
    found = {texts.get(f"{path}.{phase}") for phase in LoginPhase}
    assert None not in found
    assert len(found) == len(LoginPhase)


# ----------------------------------------------------------------- account


INSTANCES = {
    "whatsapp": "1101000001",
    "telegram": "4100000001",
    "max": "3100000001",
}
EVERY = {"state", "login", "code_valid_until", "account"}
FOR_FEW = {"account", "account_name", "code_valid_until"}


@pytest.mark.parametrize(
    ("messenger", "keys"),
    [
        ("whatsapp", EVERY | {"account_name"}),
        ("telegram", EVERY | {"suspended_until"}),
        ("max", EVERY | {"suspended_until"}),
    ],
)
async def test_each_messenger_has_the_sensors_that_it_can_fill(
    hass: HomeAssistant,
    cloud: Simulator,
    entity_registry: er.EntityRegistry,
    messenger: str,
    keys: set[str],
) -> None:
    id_instance = INSTANCES[messenger]
    instance = cloud.cloud.create(id_instance, messenger)
    entry = await set_up(hass, cloud, instance)
    registered = {
        item.unique_id.removeprefix(f"{id_instance}_"): item
        for item in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if item.domain == "sensor"
    }
    assert registered.keys() == keys
    for key, item in registered.items():
        assert item.disabled is (key in FOR_FEW)
        primary = key in {"state", "login"}
        assert item.entity_category is (None if primary else EntityCategory.DIAGNOSTIC)


@pytest.mark.usefixtures("_all_enabled")
@pytest.mark.parametrize("messenger", INSTANCES)
async def test_tells_the_account_that_is_linked_and_forgets_it(
    hass: HomeAssistant, cloud: Simulator, messenger: str
) -> None:
    instance = cloud.cloud.create(INSTANCES[messenger], messenger, State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    sensor = f"sensor.{messenger}_{instance.id_instance}_account"
    await wait_until(hass, lambda: state_of(hass, sensor) == instance.account.phone)
    instance.unlink()
    await coordinator.async_refresh()
    assert state_of(hass, sensor) == STATE_UNKNOWN


@pytest.mark.usefixtures("_all_enabled")
@pytest.mark.parametrize(
    "state",
    [
        State.BLOCKED,
        State.SLEEP_MODE,
        State.STARTING,
        State.SUSPENDED,
        State.YELLOW_CARD,
    ],
)
async def test_tells_the_account_as_long_as_it_is_linked(
    hass: HomeAssistant, cloud: Simulator, state: State
) -> None:
    instance = cloud.cloud.create("1101000001", state=State.AUTHORIZED)
    phone = instance.account.phone
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    # As the WebSocket has told it at the login.
    data = {**entry.data, CONF_ACCOUNT_NAME: {phone: "Somebody Private"}}
    hass.config_entries.async_update_entry(entry, data=data)
    assert await hass.config_entries.async_setup(entry.entry_id)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: state_of(hass, ACCOUNT) == phone)
    assert state_of(hass, ACCOUNT_NAME) == "Somebody Private"
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    # The cloud tells it of an authorized instance only.
    for _ in range(2):
        instance.set_state(state)
        await coordinator.async_refresh()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert state_of(hass) == WORDS[state]
        assert state_of(hass, ACCOUNT) == phone
        assert state_of(hass, ACCOUNT_NAME) == "Somebody Private"
    assert {event.data["entity_id"] for event in events}.isdisjoint(
        {ACCOUNT, ACCOUNT_NAME}
    )
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    assert state_of(hass, ACCOUNT) == STATE_UNKNOWN
    assert state_of(hass, ACCOUNT_NAME) == STATE_UNKNOWN


@pytest.mark.usefixtures("_all_enabled")
async def test_tells_the_name_that_the_websocket_has_told(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.login._SOCKET_MESSENGERS",
        frozenset({Messenger.WHATSAPP}),
    )
    entry = await set_up(hass, cloud, instance)
    await wait_until(hass, lambda: state_of(hass, LOGIN) == "showing")
    assert state_of(hass, ACCOUNT_NAME) == STATE_UNKNOWN
    instance.scan()
    # Nobody refreshes: the WebSocket tells, and the state follows.
    await wait_until(hass, lambda: state_of(hass, ACCOUNT) == instance.account.phone)
    assert state_of(hass, ACCOUNT_NAME) == instance.account.name
    # It is told once only, and outlives a restart.
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(
        hass, lambda: state_of(hass, ACCOUNT_NAME) == instance.account.name
    )
    # An account that came by another way has no name that is known.
    instance.unlink()
    instance.set_account(phone="447911123456", name="Other")
    instance.set_state(State.AUTHORIZED)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: state_of(hass, ACCOUNT) == "447911123456")
    assert state_of(hass, ACCOUNT_NAME) == STATE_UNKNOWN


@pytest.mark.parametrize("messenger", ["telegram", "max"])
async def test_tells_until_when_an_instance_is_suspended(
    hass: HomeAssistant, cloud: Simulator, messenger: str
) -> None:
    instance = cloud.cloud.create(INSTANCES[messenger], messenger, State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    sensor = f"sensor.{messenger}_{instance.id_instance}_suspended_until"
    assert state_of(hass, sensor) == STATE_UNKNOWN
    instance.set_suspended_until(3600)
    assert instance.suspended_until is not None
    await coordinator.async_refresh()
    await wait_until(hass, lambda: state_of(hass, sensor) != STATE_UNKNOWN)
    ends = dt_util.parse_datetime(state_of(hass, sensor))
    assert ends == instance.suspended_until.replace(microsecond=0)
    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)
    assert state_of(hass, sensor) == STATE_UNKNOWN


async def test_forgets_the_end_of_a_suspension_that_is_over(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram", State.AUTHORIZED)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    sensor = "sensor.telegram_4100000001_suspended_until"
    await wait_until(hass, lambda: coordinator.data.account)
    # Whether the cloud still tells it afterwards is not documented.
    told = replace(coordinator.data, suspended_until=dt_util.utcnow())
    coordinator.async_set_updated_data(told)
    assert state_of(hass, sensor) == STATE_UNKNOWN
    suspended = replace(told, reading=StateReading("suspended"))
    coordinator.async_set_updated_data(suspended)
    assert state_of(hass, sensor) != STATE_UNKNOWN
