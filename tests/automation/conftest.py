"""What tests of automations share: instances that are linked, and asked by hand."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, ManualClock, Simulator, State
from tests.conftest import set_up
from tests.passing import Time
from tests.waiting import forgive_nothing, lift_limits, set_rhythm, shorten_backoff

from .states import CALM


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


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Let the test move on the time."""
    return Time(monkeypatch)


@pytest.fixture
def instance(cloud: Simulator) -> Instance:
    """Return an instance that is linked."""
    return cloud.cloud.create(state=State.AUTHORIZED)


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> MockConfigEntry:
    """Return the entry of the instance, set up, without any grace."""
    return await set_up(hass, cloud, instance, **CALM)


@pytest.fixture
async def other(hass: HomeAssistant, cloud: Simulator) -> tuple[Any, Instance]:
    """Return the entry of another instance, linked as well, and that instance."""
    instance = cloud.cloud.create("4100000001", "telegram", State.AUTHORIZED)
    return await set_up(hass, cloud, instance, **CALM), instance
