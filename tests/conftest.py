"""What all tests share: a cloud, and Home Assistant with an instance in it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

# Before `hass` starts: otherwise the plugin's folder of that name is taken.
from custom_components.green_api.const import DEFAULT_OPTIONS, DOMAIN, MINOR_VERSION
from simulator import Clock, Instance, Simulator
from tests.logs import forget_token_filter, secrets_logged


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Let the event loop check what it can, but keep no stack of every future.

    In place of the plugin's fixture: those stacks take half the time of all tests.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.get_debug = lambda: False  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load the integration."""


@pytest.fixture(autouse=True)
def _no_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no dialog wait for an interface that is not there."""
    monkeypatch.setattr("custom_components.green_api.job_flow.LEAST_PROGRESS", 0.0)


@pytest.fixture
def clock() -> Clock:
    """Return the time that the cloud lives by; the real one, unless overridden."""
    return Clock()


@pytest.fixture
async def cloud(
    socket_enabled: None, clock: Clock, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[Simulator]:
    """Run a cloud of our own on loopback; none of its tokens may reach the log."""
    forget_token_filter()
    async with Simulator(clock=clock, log_size=20_000) as simulator:
        yield simulator
        tokens = [instance.token for instance in simulator.cloud.list()]
    assert not secrets_logged(caplog, tokens)


@pytest.fixture
async def instance(cloud: Simulator) -> Instance:
    """Return a WhatsApp instance that nobody has linked yet."""
    return cloud.cloud.create()


def entry_of(cloud: Simulator, instance: Instance, **options: Any) -> MockConfigEntry:
    """Return the entry that the set-up would make for an instance."""
    messenger = {"v3": "max"}.get(instance.messenger, str(instance.messenger))
    label = {"whatsapp": "WhatsApp", "telegram": "Telegram", "max": "MAX"}[messenger]
    return MockConfigEntry(
        domain=DOMAIN,
        title=f"{label} {instance.id_instance}",
        unique_id=instance.id_instance,
        data={
            "id_instance": instance.id_instance,
            "api_token_instance": instance.token,
            "api_url": cloud.url,
            "messenger": messenger,
        },
        options={**DEFAULT_OPTIONS, **options},
        minor_version=MINOR_VERSION,
    )


async def set_up(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, **options: Any
) -> MockConfigEntry:
    """Return the entry of an instance, set up."""
    entry = entry_of(cloud, instance, **options)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> MockConfigEntry:
    """Return the entry of the instance, set up."""
    return await set_up(hass, cloud, instance)
