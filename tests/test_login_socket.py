"""Codes come by WebSocket where they can, by asking where they can't."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import SOCKET_LEAST
from custom_components.green_api.snapshot import LoginPhase
from custom_components.green_api.stills import Situation
from simulator import (
    Body,
    Clock,
    Fault,
    Frame,
    FrameFault,
    Instance,
    ManualClock,
    ScanText,
    Simulator,
    SocketClose,
    State,
    Status,
)
from simulator.request_log import Request
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import (
    allow_short_sockets,
    code_of,
    lift_limits,
    shorten_backoff,
    wait_until,
)

SOCKET = "scanqrcode"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    shorten_backoff(monkeypatch)
    allow_short_sockets(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


def asked(cloud: Simulator, method: str) -> list[Request]:
    """Return the requests of a method that have ended."""
    return cloud.cloud.log.list(method=method)


async def test_every_code_is_pushed_and_none_is_asked_for(
    hass: HomeAssistant,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    for sequence in (1, 2, 3):
        code = await code_of(hass, coordinator, sequence)
        assert instance.code is not None
        assert code.png == instance.code.png == coordinator.picture.png
        # Renewed every 20 s, and a slow frame is forgiven for 2.
        assert code.expires_at - code.issued_at == timedelta(seconds=22)
        clock.advance(20)
    assert not asked(cloud, "qr")
    assert not asked(cloud, SOCKET)  # still the first one


async def test_one_socket_however_many_look(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    for _ in range(5):
        coordinator.look()
        await coordinator.async_request_login()
    assert not asked(cloud, SOCKET)
    await cloud.cloud.log.wait_for_open(method=SOCKET)


@pytest.mark.parametrize("text", list(ScanText))
async def test_a_session_that_ends_in_time_is_followed_by_the_next(
    hass: HomeAssistant,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
    text: ScanText,
) -> None:
    instance.scan_text = text
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    for number in range(1, 6):
        await code_of(hass, coordinator, number)
        clock.advance(20)
    assert (await cloud.cloud.log.wait_for(method=SOCKET, since=0)).status == 101
    code = await code_of(hass, coordinator, 6)
    assert instance.code is not None
    assert code.png == instance.code.png
    assert coordinator.data.problem is None
    assert not asked(cloud, "qr")


async def test_a_session_that_ends_too_soon_is_not_followed_by_another(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    clock: ManualClock,
    cloud: Simulator,
    entry: MockConfigEntry,
) -> None:
    monkeypatch.setattr("custom_components.green_api.login.SOCKET_LEAST", SOCKET_LEAST)
    await code_of(hass, entry.runtime_data)
    clock.advance(100)
    await cloud.cloud.log.wait_for(method="qr", since=0)
    assert len(asked(cloud, SOCKET)) == 1


async def test_a_scan_is_known_at_once_with_the_name_of_the_account(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.LOGIN_POLL_INTERVAL",
        timedelta(minutes=5),
    )
    instance.set_account(phone="79001234567", name="Anna")
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await code_of(hass, coordinator)
    await coordinator.async_refresh()  # after the one that came with the login
    instance.scan()
    # The poll is minutes away: only the socket can tell.
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.state is InstanceState.AUTHORIZED
    assert coordinator.data.account.name == "Anna"
    assert coordinator.data.account.phone == "79001234567"
    assert not asked(cloud, "qr")
    # The cloud tells the name this once.
    assert await hass.config_entries.async_reload(entry.entry_id)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.account.name == "Anna"
    # Another account has another name.
    await coordinator.async_logout()
    instance.set_account(phone="79007654321", name="Boris")
    instance.set_state(State.AUTHORIZED)
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.account.name == ""


async def test_the_older_text_closes_without_naming_the_account(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.scan_text = ScanText.OLDER
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.account)
    assert coordinator.data.state is InstanceState.AUTHORIZED
    assert coordinator.data.login.phase is LoginPhase.IDLE


@pytest.mark.parametrize(
    "fault",
    [
        Status(404, Body.JSON, "Cannot GET"),
        Status(401, Body.EMPTY),
        Status(429, Body.EMPTY),
        Status(502, Body.HTML),
        Status(200, Body.HTML),
        *(FrameFault(what) for what in Frame),
        FrameFault(Frame.ERROR, "Backend said: ECONNRESET"),
        SocketClose(0),
        SocketClose(0, 1006),
        SocketClose(0, 1011),
    ],
)
async def test_codes_are_asked_for_where_the_socket_fails(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
) -> None:
    cloud.cloud.faults.add(fault, method=SOCKET)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    code = await code_of(hass, coordinator)
    assert asked(cloud, "qr")
    assert len(asked(cloud, SOCKET)) == 1
    assert instance.code is not None
    assert code.png == instance.code.png
    assert coordinator.data.problem is None
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize(
    "fault", [SocketClose(1), SocketClose(1, 1006), FrameFault(Frame.MALFORMED)]
)
async def test_a_socket_that_breaks_under_a_code_costs_the_code_nothing(
    hass: HomeAssistant,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
) -> None:
    coordinator = entry.runtime_data
    code = await code_of(hass, coordinator)
    cloud.cloud.faults.add(fault, method=SOCKET)
    cloud.cloud.changed.notify()
    if isinstance(fault, FrameFault):
        clock.advance(20)
    await cloud.cloud.log.wait_for(method=SOCKET, since=0)
    await cloud.cloud.log.wait_for(method="qr", since=0)
    assert coordinator.data.login.phase is LoginPhase.SHOWING
    clock.advance(20)
    await code_of(hass, coordinator, code.sequence + 1)
    assert instance.code is not None
    png = instance.code.png
    await wait_until(hass, lambda: coordinator.picture.png == png)


async def test_a_dead_server_leads_to_asking_and_back(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    code = await code_of(hass, coordinator)
    await cloud.stop()
    await wait_until(hass, lambda: coordinator.data.problem == "cannot_connect")
    await cloud.start()
    await wait_until(hass, lambda: coordinator.data.problem is None)
    assert coordinator.data.login.code == code
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)


async def test_an_old_login_in_the_way_is_named_and_cured_by_a_logout(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_stale_credentials(stale=True)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.problem == "needs_logout")
    assert coordinator.picture.situation is Situation.NEEDS_LOGOUT
    await coordinator.async_logout()
    await code_of(hass, coordinator)
    assert coordinator.data.problem is None
