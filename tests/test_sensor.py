"""The sensor says the state of the instance."""

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.green_api.const import DOMAIN
from simulator import (
    Body,
    Drop,
    Fault,
    Instance,
    Simulator,
    State,
    StateAnswer,
    Status,
)
from tests.logs import errors_logged
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    wait_until,
)

SENSOR = "sensor.whatsapp_1101000001_state"

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


def state_of(hass: HomeAssistant) -> str:
    """Return the sensor's state."""
    state = hass.states.get(SENSOR)
    assert state is not None
    return state.state


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
