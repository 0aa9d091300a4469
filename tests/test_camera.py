"""The camera shows the code, still and live, and a still picture for the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, override

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient as Client
from homeassistant.components.camera import async_get_image
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.components.image import async_get_image as async_get_entity_image
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import zxingcpp

import custom_components.green_api
from custom_components.green_api.camera import GreenApiCamera
from custom_components.green_api.const import DOMAIN
from custom_components.green_api.snapshot import LoginPhase
from simulator import (
    Body,
    Deleted,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    QrAnswer,
    Simulator,
    State,
    StateAnswer,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import (
    BOUND,
    forgive_nothing,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    shorten_window,
    wait_until,
)

CAMERA = "camera.whatsapp_1101000001_login_qr_live"
IMAGE = "image.whatsapp_1101000001_login_qr"
STILLS = Path(custom_components.green_api.__file__).parent / "images"


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


def still(name: str) -> bytes:
    """Return the still picture as it ships."""
    return (STILLS / f"{name}.png").read_bytes()


def decode(png: bytes) -> str | None:
    """Return what a phone reads in the picture."""
    found = zxingcpp.read_barcode(Image.open(BytesIO(png)))
    return found.text if found else None


def camera_of(hass: HomeAssistant) -> GreenApiCamera:
    """Return the camera itself."""
    camera = get_camera_from_entity_id(hass, CAMERA)
    assert isinstance(camera, GreenApiCamera)
    return camera


async def proxied(client: Client[Any, Any], query: str = "") -> bytes:
    """Return the picture as a dashboard gets it."""
    answer = await client.get(f"/api/camera_proxy/{CAMERA}{query}")
    assert answer.status == HTTPStatus.OK
    assert answer.content_type == "image/png"
    return await answer.read()


async def pairing_code(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return a code that is to be entered on the phone."""
    answer = await hass.services.async_call(
        DOMAIN,
        "get_authorization_code",
        {"config_entry_id": entry.entry_id, "phone_number": "+44 7911 123456"},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    return str(answer["code"])


class Viewer:
    """Look at the live picture as a browser does."""

    def __init__(self, response: ClientResponse) -> None:
        """Take the answer of the stream's address."""
        self._response = response

    @classmethod
    async def open(cls, client: Client[Any, Any]) -> Viewer:
        """Begin to look."""
        response = await client.get(f"/api/camera_proxy_stream/{CAMERA}")
        assert response.status == HTTPStatus.OK
        assert response.headers["Content-Type"] == (
            "multipart/x-mixed-replace; boundary=green-api-picture"
        )
        return cls(response)

    async def part(self) -> bytes:
        """Return the next picture; raises IncompleteReadError at the end."""
        content = self._response.content
        async with asyncio.timeout(BOUND):
            head = await content.readuntil(b"\r\n\r\n")
            if not head:
                raise asyncio.IncompleteReadError(b"", None)
            boundary, *fields = head.decode().strip().split("\r\n")
            assert boundary == "--green-api-picture"
            named = dict(field.split(": ") for field in fields)
            assert named.keys() == {"Content-Type", "Content-Length"}
            assert named["Content-Type"] == "image/png"
            png = await content.readexactly(int(named["Content-Length"]))
            assert await content.readexactly(2) == b"\r\n"
        return png

    async def expect(self, png: bytes) -> None:
        """Read a picture that is sent twice, as it has to be."""
        assert await self.part() == png
        assert await self.part() == png

    async def expect_end(self) -> None:
        """Read the end of the stream, after what was still on its way."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                await self.part()

    def leave(self) -> None:
        """Go without a word, as a closed browser does."""
        self._response.close()


class Watched(set[asyncio.Event]):
    """Tell when a viewer was forgotten."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.forgotten = asyncio.Event()

    @override
    def discard(self, element: object) -> None:
        """Forget a viewer."""
        super().discard(element)
        self.forgotten.set()


# ------------------------------------------------------------------- still


async def test_shows_the_code_that_the_phone_can_scan(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    image = await async_get_image(hass, CAMERA)
    assert image.content_type == "image/png"
    assert decode(image.content) == instance.payload
    assert (await async_get_entity_image(hass, IMAGE)).content == image.content
    client = await hass_client()
    assert await proxied(client) == image.content
    # A size that a dashboard asks for is left to the dashboard.
    assert await proxied(client, "?width=100&height=100") == image.content
    instance.scan(decode(image.content))
    await coordinator.async_refresh()
    assert await proxied(client) == still("authorized")


async def test_follows_the_codes(
    hass: HomeAssistant,
    clock: ManualClock,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    for sequence in (1, 2, 3):
        await wait_until(
            hass,
            lambda wanted=sequence: (  # type: ignore[misc]
                coordinator.data.login.code
                and coordinator.data.login.code.sequence == wanted
            ),
        )
        png = (await async_get_image(hass, CAMERA)).content
        assert decode(png) == instance.payload
        clock.advance(20)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (State.AUTHORIZED, "authorized"),
        (State.BLOCKED, "blocked"),
        (State.STARTING, "starting"),
        (State.SLEEP_MODE, "sleep_mode"),
        (State.YELLOW_CARD, "yellow_card"),
        (State.SUSPENDED, "suspended"),
        (State.PENDING_PASSWORD, "password"),
        (State.PENDING_CODE, "phone_code"),
    ],
)
async def test_tells_by_a_still_picture_that_there_is_nothing_to_scan(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    state: State,
    name: str,
) -> None:
    instance = cloud.cloud.create(state=state)
    entry = await set_up(hass, cloud, instance)
    assert await proxied(await hass_client()) == still(name)
    instance.set_state(State.NOT_AUTHORIZED)
    await entry.runtime_data.async_refresh()
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    png = (await async_get_image(hass, CAMERA)).content
    assert decode(png) == instance.payload


@pytest.mark.parametrize(
    ("method", "fault", "name"),
    [
        ("getStateInstance", StateAnswer("somethingNew"), "unknown"),
        ("getStateInstance", StateAnswer(None), "unknown"),
        ("qr", QrAnswer.log_out_first(), "needs_logout"),
        ("qr", Status(466), "no_code"),
        ("qr", QrAnswer("error", "timeout"), "waiting"),
        ("qr", Status(500), "waiting"),
        ("qr", QrAnswer("alreadyLogged", ""), "waiting"),
        ("qr", QrAnswer("pendingPassword", ""), "password"),
    ],
)
async def test_tells_by_a_still_picture_why_there_is_no_code_until_there_is(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    method: str,
    fault: StateAnswer | QrAnswer | Status,
    name: str,
) -> None:
    cloud.cloud.faults.add(fault, method=method)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.picture.situation == name)
    assert (await async_get_image(hass, CAMERA)).content == still(name)
    cloud.cloud.faults.clear()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code)
    png = (await async_get_image(hass, CAMERA)).content
    assert decode(png) == instance.payload


async def test_asks_for_patience_until_the_first_code_comes(
    hass: HomeAssistant, clock: ManualClock, cloud: Simulator
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=30))
    entry = await set_up(hass, cloud, instance)
    await cloud.cloud.log.wait_for(method="qr")
    assert (await async_get_image(hass, CAMERA)).content == still("waiting")
    clock.advance(30)
    await wait_until(hass, lambda: entry.runtime_data.data.login.code)
    png = (await async_get_image(hass, CAMERA)).content
    assert decode(png) == instance.payload


async def test_answers_with_a_still_picture_when_the_cloud_is_down(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    set_rhythm(monkeypatch, renewal=0.1, slow_answer=0.3)
    entry = await set_up(hass, cloud, instance)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    client = await hass_client()
    await cloud.stop()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code is None)
    assert await proxied(client) == still("no_connection")
    state = hass.states.get(CAMERA)
    assert state is not None
    assert state.state != STATE_UNAVAILABLE
    await cloud.start()
    await coordinator.async_refresh()
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert decode(await proxied(client)) == instance.payload
    (line,) = errors_logged(caplog)
    assert "WhatsApp 1101000001 data: GREEN-API cannot be reached. " in line


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (
            Status(400, message="instance in starting process try later"),
            "starting",
        ),
        (Status(500), "no_connection"),
        (Status(429, Body.EMPTY), "no_connection"),
        (Expired(), "instance_expired"),
        (Deleted(), "instance_deleted"),
        (Status(401, Body.EMPTY), "credentials_rejected"),
        (Status(403, Body.HTML), "credentials_rejected"),
    ],
)
async def test_tells_by_a_still_picture_why_the_cloud_does_not_help(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    fault: Fault,
    name: str,
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    cloud.cloud.faults.add(fault, method="getStateInstance")
    await entry.runtime_data.async_refresh()
    assert (await async_get_image(hass, CAMERA)).content == still(name)
    cloud.cloud.faults.clear()
    await entry.runtime_data.async_refresh()
    assert (await async_get_image(hass, CAMERA)).content == still("authorized")


async def test_never_shows_a_code_past_its_life(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    code = coordinator.data.login.code
    # Even between the end of its life and the snapshot without it.
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.dt_util.utcnow",
        lambda: code.expires_at,
    )
    assert (await async_get_image(hass, CAMERA)).content == still("waiting")


async def test_somebody_who_looks_opens_the_login_again(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    client = await hass_client()
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    assert await proxied(client) == still("paused")
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert decode(coordinator.picture.png) == instance.payload


async def test_asks_for_the_code_on_the_phone_and_for_no_other_meanwhile(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    code = await pairing_code(hass, entry)
    since = cloud.cloud.log.cursor
    client = await hass_client()
    for _ in range(3):
        assert await proxied(client) == still("phone_code")
        await coordinator.async_refresh()
    # A request that was under way was given up: it could have spoilt the code.
    asked = cloud.cloud.log.list(method="qr", since=since)
    assert not any(item.ok for item in asked)
    instance.enter_pairing_code(code)
    await coordinator.async_refresh()
    assert await proxied(client) == still("authorized")


async def test_is_known_by_the_instance(
    entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    registered = entity_registry.async_get(CAMERA)
    assert registered is not None
    assert registered.unique_id == "1101000001_qr_camera"


# -------------------------------------------------------------------- live


async def test_sends_every_picture_twice_and_a_new_one_at_once(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    viewer = await Viewer.open(await hass_client())
    assert instance.code is not None
    first = instance.code.png
    await viewer.expect(first)
    clock.advance(20)
    second = instance.code.png
    assert second != first
    await viewer.expect(second)
    # The state is what tells, not an answer to the login.
    cloud.cloud.faults.add(Hang(), method="qr")
    await cloud.cloud.log.wait_for_open(method="qr")
    instance.scan()
    await coordinator.async_refresh()
    await viewer.expect(still("authorized"))


async def test_goes_from_the_code_to_the_one_on_the_phone_at_once(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    viewer = await Viewer.open(await hass_client())
    assert instance.code is not None
    await viewer.expect(instance.code.png)
    code = await pairing_code(hass, entry)
    await viewer.expect(still("phone_code"))
    instance.enter_pairing_code(code)
    await coordinator.async_refresh()
    await viewer.expect(still("authorized"))


async def test_repeats_a_picture_that_does_not_change(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    monkeypatch.setattr("custom_components.green_api.camera.RESEND_INTERVAL", 0.05)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    viewer = await Viewer.open(await hass_client())
    assert instance.code is not None
    for _ in range(5):
        await viewer.expect(instance.code.png)


async def end_by_unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Unload the entry of the camera."""
    assert await hass.config_entries.async_unload(entry.entry_id)


async def end_by_reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Reload the entry of the camera."""
    assert await hass.config_entries.async_reload(entry.entry_id)


async def end_by_removal(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the entry of the camera."""
    await hass.config_entries.async_remove(entry.entry_id)


async def end_by_stop(hass: HomeAssistant, _entry: MockConfigEntry) -> None:
    """Say that Home Assistant stops."""
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)


@pytest.mark.parametrize(
    "end", [end_by_unload, end_by_reload, end_by_removal, end_by_stop]
)
async def test_ends_the_live_picture_of_every_viewer(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    instance: Instance,
    entry: MockConfigEntry,
    end: Callable[[HomeAssistant, MockConfigEntry], Awaitable[None]],
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    camera = camera_of(hass)
    client = await hass_client()
    viewers = [await Viewer.open(client) for _ in range(3)]
    assert instance.code is not None
    for viewer in viewers:
        await viewer.expect(instance.code.png)
    assert len(camera._viewers) == 3
    await end(hass, entry)
    for viewer in viewers:
        await viewer.expect_end()
    assert not camera._viewers
    if end is end_by_reload:
        viewer = await Viewer.open(client)
        await wait_until(hass, lambda: entry.runtime_data.data.login.code)
        while await viewer.part() != instance.code.png:
            pass


async def test_serves_several_viewers_without_asking_the_cloud_more(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    clock: ManualClock,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    # The cloud holds the one request of the login session: nobody adds another.
    cloud.cloud.faults.add(Hang(), method="qr", count=1)
    await cloud.cloud.log.wait_for_open(method="qr")
    since = cloud.cloud.log.cursor
    client = await hass_client()
    viewers = [await Viewer.open(client) for _ in range(4)]
    assert instance.code is not None
    for viewer in viewers:
        await viewer.expect(instance.code.png)
    assert not cloud.cloud.log.list(method="qr", since=since)
    assert [item.method for item in cloud.cloud.log._open].count("qr") == 1
    clock.advance(60)  # ends the hanging request, and brings new codes
    for viewer in viewers:
        while await viewer.part() != instance.code.png:
            pass


async def test_forgets_a_viewer_who_left_and_keeps_the_others(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    clock: ManualClock,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    monkeypatch.setattr("custom_components.green_api.camera.RESEND_INTERVAL", 0.05)
    coordinator = entry.runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    camera = camera_of(hass)
    camera._viewers = watched = Watched()
    client = await hass_client()
    leaving, staying = await Viewer.open(client), await Viewer.open(client)
    assert instance.code is not None
    await leaving.expect(instance.code.png)
    await staying.expect(instance.code.png)
    assert len(watched) == 2
    leaving.leave()
    async with asyncio.timeout(BOUND):
        await watched.forgotten.wait()
    assert len(watched) == 1
    clock.advance(20)
    while await staying.part() != instance.code.png:
        pass
    assert errors_logged(caplog) == []


async def test_only_the_beginning_of_a_stream_counts_as_somebody_looking(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    monkeypatch.setattr("custom_components.green_api.camera.RESEND_INTERVAL", 0.05)
    shorten_window(monkeypatch, window=0.4, pause=0)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    await wait_until(hass, lambda: coordinator.data.login.code)
    client = await hass_client()
    forgotten = await Viewer.open(client)
    while await forgotten.part() != still("paused"):
        pass
    # Repeats go on, and the login does not: nobody may be there.
    for _ in range(5):
        assert await forgotten.part() == still("paused")
    assert coordinator.data.login.phase is LoginPhase.EXPIRED
    assert not coordinator.login.active

    # Somebody comes, and whoever is still there sees it too.
    await Viewer.open(client)
    await wait_until(hass, lambda: coordinator.data.login.code)
    assert instance.code is not None
    while await forgotten.part() != instance.code.png:
        pass


async def test_the_fetch_that_follows_the_end_of_a_window_opens_none(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    shorten_window(monkeypatch, window=0.3, pause=0, refetch=15)
    coordinator = (await set_up(hass, cloud, instance)).runtime_data
    client = await hass_client()
    await wait_until(hass, lambda: coordinator.data.login.phase is LoginPhase.EXPIRED)
    # A dashboard that is open somewhere does this by itself.
    assert await proxied(client) == still("paused")
    assert not coordinator.login.active
    # Whoever looks later means it.
    shorten_window(monkeypatch, window=0.3, pause=0)
    assert await proxied(client) == still("paused")
    await wait_until(hass, lambda: coordinator.data.login.code)
