"""What happens goes out as an event, at the moments at which triggers fire."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, ManualClock, Simulator, State
from tests.conftest import set_up
from tests.passing import Time
from tests.waiting import code_of, set_rhythm

from .subscriber import Subscriber

BASE = "1101000001"
EVENT = f"{BASE}/event"

# Nothing is asked but by the test.
CALM = {"mqtt": "state_and_qr", "poll_interval": 36_000}


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


@pytest.fixture
def instance(cloud: Simulator) -> Instance:
    """Return an instance that is linked."""
    return cloud.cloud.create(state=State.AUTHORIZED)


def told(subscriber: Subscriber) -> list[str]:
    """Return the events so far, in order."""
    return [item.json["event"] for item in subscriber.history if item.topic == EVENT]


async def see(entry: MockConfigEntry, subscriber: Subscriber) -> None:
    """Have the state seen here and there."""
    coordinator = entry.runtime_data
    await coordinator.async_refresh()
    await subscriber.wait_for_text(f"{BASE}/state", coordinator.data.reading.word)


async def test_a_loss_goes_out_when_it_has_lasted_and_a_link_at_once(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
    subscriber: Subscriber,
) -> None:
    time = Time(monkeypatch)
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 60})
    await subscriber.wait_for_text(f"{BASE}/state", "authorized")
    short = ["state_changed", "state_changed", "authorized"]
    for state in (State.BLOCKED, State.AUTHORIZED):
        instance.set_state(state)
        await see(entry, subscriber)
        await time.pass_(hass, 40)
    await subscriber.wait_for(lambda latest: latest[EVENT].json["event"] == short[-1])
    assert told(subscriber) == short
    instance.set_state(State.BLOCKED)
    await see(entry, subscriber)
    await time.pass_(hass, 59)
    await subscriber.wait_for(
        lambda latest: latest[EVENT].json["event"] == "state_changed"
    )
    await time.pass_(hass, 2)
    lost = await subscriber.wait_for(
        lambda latest: (
            latest[EVENT].json["event"] == "authorization_lost" and latest[EVENT]
        )
    )
    assert lost.json["state"] == "blocked"
    assert told(subscriber) == [*short, "state_changed", "authorization_lost"]


async def test_what_changed_while_the_entry_was_not_loaded_goes_out_once(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
    subscriber: Subscriber,
) -> None:
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 0})
    await subscriber.wait_for_text(f"{BASE}/state", "authorized")
    lost = ["state_changed", "authorization_lost"]
    for state, word, events in (
        (State.BLOCKED, "blocked", lost),
        (State.BLOCKED, "blocked", lost),
        (State.AUTHORIZED, "authorized", [*lost, "state_changed", "authorized"]),
    ):
        assert await hass.config_entries.async_unload(entry.entry_id)
        await subscriber.wait_for_text(f"{BASE}/availability", "offline")
        instance.set_state(state)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await subscriber.wait_for_text(f"{BASE}/availability", "online")
        await subscriber.wait_for_text(f"{BASE}/state", word)
        await subscriber.wait_for(lambda _, events=events: told(subscriber) == events)
    # Each after the state that belongs to it.
    topics = [
        item.payload
        for item in subscriber.history
        if item.topic in {f"{BASE}/state", EVENT}
    ]
    assert topics[-3] == b"authorized"


async def test_every_code_goes_out_though_only_the_first_triggers(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    clock: ManualClock,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
    subscriber: Subscriber,
) -> None:
    set_rhythm(monkeypatch)
    entry = await set_up(hass, cloud, instance, **CALM | {"loss_grace": 0})
    coordinator = entry.runtime_data
    instance.set_state(State.NOT_AUTHORIZED)
    await coordinator.async_refresh()
    first = await code_of(hass, coordinator)
    clock.advance(20)
    second = await code_of(hass, coordinator, first.sequence + 1)
    await subscriber.wait_for(
        lambda latest: latest[EVENT].json.get("sequence") == second.sequence
    )
    assert told(subscriber).count("qr_ready") == 2
