"""The image entity shows the picture, and its state tells when that changed."""

from http import HTTPStatus

from homeassistant.components.image import async_get_image
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.snapshot import LoginPhase
from custom_components.green_api.stills import Situation, load_stills
from simulator import Hang, Instance, ManualClock, Simulator, State
from tests.conftest import set_up
from tests.waiting import (
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    shorten_window,
    wait_until,
)

IMAGE = "image.whatsapp_1101000001_login_qr"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)
    forgive_nothing(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


def state_of(hass: HomeAssistant) -> str:
    """Return when the picture last changed, as the state says it."""
    state = hass.states.get(IMAGE)
    assert state is not None
    return state.state


async def picture_of(hass: HomeAssistant) -> bytes:
    """Return the picture as Home Assistant's other parts get it."""
    image = await async_get_image(hass, IMAGE)
    assert image.content_type == "image/png"
    return image.content


async def test_shows_the_code_of_the_cloud_and_then_its_successor(
    hass: HomeAssistant, clock: ManualClock, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    first, first_state = await picture_of(hass), state_of(hass)
    assert instance.code is not None
    assert first == instance.code.png

    clock.advance(20)
    await wait_until(hass, lambda: coordinator.data.login.code.sequence == 2)
    second, second_state = await picture_of(hass), state_of(hass)
    assert instance.code is not None
    assert second == instance.code.png
    assert second != first
    assert second_state > first_state


async def test_changes_its_state_with_the_picture_only(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    shown = state_of(hass)
    told = 0

    def count() -> None:
        nonlocal told
        told += 1

    entry.async_on_unload(coordinator.async_add_listener(count))

    # The cloud fails and comes back: the snapshot changes, the picture does not.
    await cloud.stop()
    await coordinator.async_refresh()
    await cloud.start()
    await coordinator.async_refresh()
    assert told >= 2
    assert coordinator.data.login.phase is LoginPhase.SHOWING
    assert state_of(hass) == shown

    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    authorized = state_of(hass)
    assert authorized > shown
    assert await picture_of(hass) == load_stills()[Situation.AUTHORIZED]

    # Another account, another phase: still the same picture.
    await wait_until(hass, lambda: coordinator.data.account)
    await coordinator.async_refresh()
    assert state_of(hass) == authorized


async def test_goes_from_the_code_straight_to_the_picture_of_success(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    # The state is what tells, not an answer to the login.
    cloud.cloud.faults.add(Hang(), method="qr")
    await cloud.cloud.log.wait_for_open(method="qr")
    before = state_of(hass)
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    instance.scan()
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    states = [
        event.data["new_state"].state
        for event in events
        if event.data["entity_id"] == IMAGE
    ]
    assert len(states) == 1
    assert states[0] > before


async def test_tells_that_a_code_is_to_be_entered_on_the_phone(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    before = state_of(hass)
    answer = await hass.services.async_call(
        DOMAIN,
        "get_authorization_code",
        {"config_entry_id": entry.entry_id, "phone_number": "+44 7911 123456"},
        blocking=True,
        return_response=True,
    )
    assert await picture_of(hass) == load_stills()[Situation.PHONE_CODE]
    waiting = state_of(hass)
    assert waiting > before
    assert answer is not None
    instance.enter_pairing_code(str(answer["code"]))
    await coordinator.async_refresh()
    assert await picture_of(hass) == load_stills()[Situation.AUTHORIZED]
    assert state_of(hass) > waiting


async def test_is_there_without_a_connection_and_served_by_http(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    set_rhythm(monkeypatch, renewal=0.1, slow_answer=0.3)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    await cloud.stop()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code is None)
    assert state_of(hass) != STATE_UNAVAILABLE

    client = await hass_client()
    answer = await client.get(f"/api/image_proxy/{IMAGE}")
    assert answer.status == HTTPStatus.OK
    assert answer.content_type == "image/png"
    assert await answer.read() == load_stills()[Situation.NO_CONNECTION]

    await cloud.start()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code)
    answer = await client.get(f"/api/image_proxy/{IMAGE}")
    assert instance.code is not None
    assert await answer.read() == instance.code.png


async def test_somebody_who_looks_opens_the_login_again(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    client = await hass_client()
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    answer = await client.get(f"/api/image_proxy/{IMAGE}")
    assert await answer.read() == load_stills()[Situation.PAUSED]
    await wait_until(hass, lambda: coordinator.data.login.code)


async def test_is_known_by_the_instance(
    entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    registered = entity_registry.async_get(IMAGE)
    assert registered is not None
    assert registered.unique_id == "1101000001_qr_image"
