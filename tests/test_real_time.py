"""With nothing shortened and under the cloud's real limits, all is quick enough."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.coordinator import GreenApiCoordinator
from simulator import Delay, Instance, Simulator
from tests.conftest import set_up
from tests.dialog import Dialog
from tests.logs import errors_logged
from tests.waiting import wait_until

SEEN_WITHIN = 5.0


async def expect_soon(
    hass: HomeAssistant, coordinator: GreenApiCoordinator, state: InstanceState
) -> None:
    """Wait for a state, no longer than a person may have to."""
    await wait_until(hass, lambda: coordinator.data.state is state, bound=SEEN_WITHIN)


@pytest.mark.parametrize("slow", [0, 0.6])
async def test_set_up_and_reloads_never_ask_too_often(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, slow: float
) -> None:
    # As when the first request has to wait for its connection, and no other has to.
    cloud.cloud.faults.add(Delay(slow), method="getStateInstance", count=1)
    dialog = await Dialog.add(hass, cloud, instance)
    await dialog.reach("menu qr_whatsapp", 20)
    await dialog.submit(next_step_id="skip")
    entry = dialog.result["result"]
    assert entry.state is ConfigEntryState.LOADED
    for _ in range(2):
        assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    asked = cloud.cloud.log.list()
    assert all(item.ok or item.status == 499 for item in asked)
    assert len([item for item in asked if item.method == "getStateInstance"]) >= 4


@pytest.mark.parametrize(
    ("id_instance", "kind", "codes"),
    # A code of Telegram is followed by its successor within seconds.
    [("1101000001", "whatsapp", 1), ("4100000001", "telegram", 2)],
)
async def test_a_login_and_a_logout_are_seen_in_time_and_never_ask_too_often(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    codes: int,
) -> None:
    instance: Instance = cloud.cloud.create(id_instance, kind)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data

    def shown() -> bool:
        code = coordinator.data.login.code
        return code is not None and code.sequence >= codes

    await wait_until(hass, shown, bound=20)
    assert instance.code is not None
    assert coordinator.picture.png == instance.code.png
    instance.scan()
    await expect_soon(hass, coordinator, InstanceState.AUTHORIZED)
    await wait_until(hass, lambda: coordinator.data.account)
    await coordinator.async_logout()
    await expect_soon(hass, coordinator, InstanceState.NOT_AUTHORIZED)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert all(item.ok for item in cloud.cloud.log.list())
    assert errors_logged(caplog) == []
