"""What the tests of push share."""

from collections.abc import Iterator
import logging

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.const import DOMAIN
from simulator import Instance, Simulator
from tests.logs import log_lines

from .door import OURS, TOKEN, WEBHOOK_ID, Door, Unmoved, set_up_webhook


@pytest.fixture
def instance(cloud: Simulator) -> Instance:
    """Return a WhatsApp instance that is linked: nothing is under way."""
    return cloud.cloud.create(state="authorized")


@pytest.fixture
async def door(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> Door:
    """Run the HTTP server of Home Assistant, with all that the integration needs."""
    assert await async_setup_component(hass, DOMAIN, {})
    client = await hass_client_no_auth()
    await hass.config.async_update(external_url=str(client.make_url("")))
    return Door(client)


@pytest.fixture
async def posting(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, door: Door
) -> MockConfigEntry:
    """Return the entry of the instance, which posts to its webhook."""
    return await set_up_webhook(hass, cloud, instance, door)


@pytest.fixture
def unmoved(
    hass: HomeAssistant,
    cloud: Simulator,
    posting: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> Unmoved:
    """Return what sees that nothing comes of a request."""
    return Unmoved(hass, cloud, posting, caplog)


@pytest.fixture(autouse=True)
def _no_secrets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See that our log, all of it, holds no webhook's address and no token of one."""
    caplog.set_level(logging.DEBUG, OURS)
    yield
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        if record.name.startswith(OURS):
            assert WEBHOOK_ID not in record.getMessage()
            assert TOKEN not in record.getMessage()
    assert not any(TOKEN in line for line in log_lines(caplog))
