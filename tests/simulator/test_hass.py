"""The simulator inside a test of Home Assistant."""

from typing import TYPE_CHECKING

from homeassistant.helpers.httpx_client import get_async_client
import pytest

from simulator import Hang, Simulator

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


# The test plugin fails this test if a task, timer or thread is left over.
@pytest.mark.usefixtures("socket_enabled")
async def test_it_serves_home_assistant_and_leaves_nothing(hass: HomeAssistant) -> None:
    client = get_async_client(hass)
    async with Simulator() as sim:
        instance = sim.cloud.create()
        sim.cloud.create("4100000001", "telegram").request_code()
        path = f"{sim.url}/waInstance{instance.id_instance}"
        answer = await client.get(f"{path}/getStateInstance/{instance.token}")
        assert answer.json() == {"stateInstance": "notAuthorized"}
        sim.cloud.faults.add(Hang())
        held = hass.async_create_task(client.get(f"{path}/qr/{instance.token}"))
        await sim.cloud.log.wait_for_open(method="qr")
        held.cancel()
        gone = await sim.cloud.log.wait_for(method="qr", since=1)
        assert gone.status == 499
