"""What the vendor's cloud may also do, beside what each module's tests hold."""

from datetime import timedelta

import aiohttp
from homeassistant.core import HomeAssistant
import pytest

from custom_components.green_api.api.models import InstanceState, Messenger
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Clock,
    Frame,
    FrameFault,
    Instance,
    LoopClock,
    ManualClock,
    NotificationLost,
    QrAnswer,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import (
    lift_limits,
    refuse_sockets,
    set_rhythm,
    shorten_backoff,
    wait_until,
)

SOCKET = "scanqrcode"
STARTING = "instance in starting process try later"
INSTANCES = {
    "whatsapp": "1101000001",
    "telegram": "4100000001",
    "max": "3100000001",
}

# The five minutes that are known to do no harm, and the half minute of silence that
# the simulated cloud takes for a break.
ASK_LIMIT = 300 + 30 + 2

# All that is asked without a person's order.
ASKED_UNASKED = {
    "getStateInstance",
    "qr",
    "scanqrcode",
    "getWaSettings",
    "getAccountSettings",
}


@pytest.fixture
def clock() -> Clock:
    """Return a time that stands still, so that codes change when a test says so."""
    return ManualClock()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask without limits, and again soon after a failure."""
    lift_limits(monkeypatch)
    shorten_backoff(monkeypatch)


def asked(cloud: Simulator) -> set[str]:
    """Return the methods that were asked."""
    return set(cloud.cloud.log.counts())


async def code_of(hass: HomeAssistant, coordinator: GreenApiCoordinator) -> None:
    """Wait for a code."""
    await wait_until(hass, lambda: coordinator.data.login.code)


# ---------------------------------------------------------- what is never asked


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("messenger", INSTANCES)
async def test_nothing_is_changed_or_taken_from_others_without_an_order(
    hass: HomeAssistant, cloud: Simulator, messenger: str
) -> None:
    instance = cloud.cloud.create(INSTANCES[messenger], messenger)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    for state in (*State, None, State.NOT_AUTHORIZED, State.AUTHORIZED):
        instance.set_state(state)
        await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.account)
    for status, message in ((401, ""), (400, "Instance is deleted"), (466, "")):
        rule = cloud.cloud.faults.add(Status(status, Body.JSON, message))
        await coordinator.async_refresh()
        cloud.cloud.faults.remove(rule.number)
    await coordinator.async_refresh()
    assert asked(cloud) <= ASKED_UNASKED
    assert "getStateInstance" in asked(cloud)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("messenger", ["telegram", "max"])
async def test_codes_of_telegram_and_max_are_asked_for_by_http_alone(
    hass: HomeAssistant, cloud: Simulator, messenger: str
) -> None:
    instance = cloud.cloud.create(INSTANCES[messenger], messenger)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.account)
    assert "qr" in asked(cloud)
    assert SOCKET not in asked(cloud)


@pytest.mark.usefixtures("quick")
async def test_a_lost_notification_is_no_loss(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_settings({"stateWebhook": "yes"})
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    cloud.cloud.faults.add(NotificationLost())
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert instance.notifications.list() == []


# ------------------------------------------------------------ after the scan


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("messenger", INSTANCES)
async def test_a_login_may_go_through_starting(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    clock: ManualClock,
    messenger: str,
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.PASSING_POLL_INTERVAL",
        timedelta(seconds=0.05),
    )
    refuse_sockets(monkeypatch)
    instance = cloud.cloud.create(
        INSTANCES[messenger], messenger, timing=Timing(scan=30)
    )
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    # The answer about codes knows of the authorization before the state does.
    cloud.cloud.faults.add(QrAnswer("alreadyLogged", ""), method="qr")
    instance.scan()
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.STARTING)
    assert coordinator.data.login.phase is LoginPhase.IDLE
    assert coordinator.data.login.code is None
    clock.advance(30)
    # Nobody refreshes.
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    await wait_until(hass, lambda: coordinator.data.account)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("messenger", INSTANCES)
async def test_the_code_may_be_missing_for_a_while_after_a_logout(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    clock: ManualClock,
    messenger: str,
) -> None:
    instance = cloud.cloud.create(
        INSTANCES[messenger], messenger, State.AUTHORIZED, timing=Timing(qr=120)
    )
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await coordinator.async_logout()
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.WAITING)
    clock.advance(120)
    await code_of(hass, coordinator)
    assert coordinator.data.problem is None
    assert errors_logged(caplog) == []


# ------------------------------------------------------- the other readings


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("timeout", "request_rejected"),
        ("not_ready", "request_rejected"),
        ("connection_closed", "request_rejected"),
        ("Instance has auth. You need to make log out", "request_rejected"),
    ],
)
async def test_an_error_about_codes_may_come_with_400(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    message: str,
    problem: str,
) -> None:
    set_rhythm(monkeypatch)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    rule = cloud.cloud.faults.add(Status(400, Body.JSON, message), method="qr")
    await wait_until(hass, lambda: coordinator.data.problem == problem)
    assert coordinator.last_update_success
    cloud.cloud.faults.remove(rule.number)
    await wait_until(hass, lambda: coordinator.data.problem is None)
    await code_of(hass, coordinator)
    assert errors_logged(caplog) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("messenger", INSTANCES)
async def test_a_passkey_that_is_wanted_is_named_and_the_login_goes_on(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    messenger: str,
) -> None:
    refuse_sockets(monkeypatch)
    instance = cloud.cloud.create(INSTANCES[messenger], messenger)
    rule = cloud.cloud.faults.add(QrAnswer("passkeyRequired", None), method="qr")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.problem == "passkey_required")
    cloud.cloud.faults.remove(rule.number)
    await code_of(hass, coordinator)
    assert coordinator.data.problem is None
    assert errors_logged(caplog) == []


@pytest.mark.usefixtures("quick")
async def test_a_log_out_first_by_websocket_is_heard_again_by_request(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    words = QrAnswer.log_out_first()
    assert words.message is not None
    cloud.cloud.faults.add(FrameFault(Frame.ERROR, words.message), count=1)
    # The state lags behind, and so does the answer by request.
    rule = cloud.cloud.faults.add(words, method="qr")
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.problem == "needs_logout")
    cloud.cloud.faults.remove(rule.number)
    await code_of(hass, coordinator)
    assert coordinator.data.problem is None


@pytest.mark.usefixtures("quick")
async def test_another_client_may_take_the_socket(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await code_of(hass, coordinator)
    code = coordinator.data.login.code
    path = f"/waInstance{instance.id_instance}/{SOCKET}/{instance.token}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(cloud.url + path) as socket,
    ):
        assert (await socket.receive_json())["type"] == "qrCode"
        # Ours was closed without a word. It is not taken back, but the code stays.
        await cloud.cloud.log.wait_for(method="qr", since=0)
        assert coordinator.data.login.code == code
        instance.scan()
        assert (await socket.receive_json())["type"] == "accountData"
    await wait_until(hass, lambda: coordinator.data.state is InstanceState.AUTHORIZED)
    assert cloud.cloud.log.counts()[SOCKET] == 2


# ------------------------------------------------------------- harm by asking


@pytest.mark.parametrize("messenger", Messenger)
@pytest.mark.timeout(300)
async def test_asking_never_drives_an_instance_to_starting(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    socket_enabled: None,
    messenger: Messenger,
) -> None:
    # Pictures are not what this is about, and there are hundreds of them.
    monkeypatch.setattr(
        "simulator.qr.draw", lambda payload: b"\x89PNG\r\n\x1a\n" + payload.encode()
    )
    async with Simulator(clock=LoopClock(START)) as cloud:
        instance = cloud.cloud.create(
            INSTANCES[messenger], messenger, timing=Timing(ask_limit=ASK_LIMIT)
        )
        entry = await set_up(hass, cloud, instance, login_always=True)
        with virtual_time():
            ends = hass.loop.time() + 1000
            while hass.loop.time() < ends:
                waiter = hass.loop.create_future()
                stop = entry.runtime_data.async_add_listener(
                    lambda waiter=waiter: waiter.done() or waiter.set_result(None)
                )
                await waiter
                stop()
                assert instance.state is State.NOT_AUTHORIZED
            await hass.config_entries.async_unload(entry.entry_id)
        times = sorted(
            (item.at, item.ended_at or item.at)
            for method in ("qr", SOCKET)
            for item in cloud.cloud.log.list(method=method)
        )
    # It went on asking up to the end, in more than one window.
    assert times[-1][1] - times[0][0] > 900
    assert errors_logged(caplog) == []
