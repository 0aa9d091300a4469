"""The stock cards and the device page in a browser: codes that can be scanned."""

from collections.abc import AsyncIterator
from functools import partial
import io
import re
import time

from PIL import Image, ImageChops, ImageStat
from playwright.async_api import Locator, Page, expect
import pytest
import pytest_asyncio
import zxingcpp

from demo.broker import BrokerKind
from demo.dashboard import STOCK_PATH, URL_PATH
from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.places import INTEGRATION
from demo.qr import read_qr
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import PATIENCE, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A code comes and goes within ten seconds.
SPEED = 2.0

# The poll for codes once a second, and the time to draw.
FOLLOW_SECONDS = 4.0

MODULES = 61
"""On a side of the simulator's codes."""

SCREENS = [
    pytest.param({"width": 1280, "height": 1100}, id="wide"),
    pytest.param({"width": 360, "height": 740, "scale": 2}, id="phone"),
    pytest.param({"width": 360, "height": 740, "scale": 2, "dark": True}, id="dark"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run the demo's parts with a cloud that is in a hurry."""
    settings = Settings(
        environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO, speed=SPEED
    )
    async with run_stack(settings) as running:
        yield running


class Dashboard:
    """The demo's dashboard in a page."""

    def __init__(self, page: Page) -> None:
        """Collect what the page complains of."""
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.errors.append(message.text) if message.type == "error" else None
            ),
        )

    async def open(self, url: str) -> None:
        """Open the view with the stock cards."""
        await self.page.goto(f"{url}/{URL_PATH}/{STOCK_PATH}")
        await self.cards.nth(5).wait_for(timeout=PATIENCE)

    @property
    def cards(self) -> Locator:
        """Return the pictures: camera and image of each instance in its turn."""
        return self.page.locator("hui-picture-entity-card")

    def pictures(self, stack: Stack, instance: DemoInstance) -> list[Locator]:
        """Return an instance's camera and image."""
        first = 2 * stack.instances.index(instance)
        return [self.cards.nth(first), self.cards.nth(first + 1)]

    async def shown(self, stack: Stack, instance: DemoInstance) -> list[bytes]:
        """Return what an instance's camera and image look like."""
        return [await self._look(item) for item in self.pictures(stack, instance)]

    async def _look(self, picture: Locator) -> bytes:
        # Not below the page's fixed header, which a screenshot would show instead.
        await picture.evaluate("element => element.scrollIntoView({block: 'center'})")
        return await picture.screenshot(animations="disabled")


async def shows_code(
    dashboard: Dashboard, stack: Stack, instance: DemoInstance
) -> list[bytes] | None:
    """Return both pictures once they are the phone's present code."""
    pictures = await dashboard.shown(stack, instance)
    code = await stack.phone.code(instance.id_instance)
    said = {read_qr(picture) for picture in pictures}
    return pictures if code and said == {code["payload"]} else None


def has_white_border(picture: bytes) -> bool:
    """Return whether there are three white modules on each side of the code."""
    image = Image.open(io.BytesIO(picture)).convert("L")
    place = zxingcpp.read_barcodes(image)[0].position
    module = (place.top_right.x - place.top_left.x) / MODULES
    outer = 3 * module
    left, right = place.top_left.x - outer, place.top_right.x + outer
    top, bottom = place.top_left.y - outer, place.bottom_left.y + outer
    inner = module * 0.7
    sides = [
        (left, top, right, place.top_left.y - inner),
        (left, place.bottom_left.y + inner, right, bottom),
        (left, top, place.top_left.x - inner, bottom),
        (place.top_right.x + inner, top, right, bottom),
    ]
    return all(ImageStat.Stat(image.crop(side)).extrema[0][0] > 230 for side in sides)


def looks_like(picture: bytes, still: str) -> bool:
    """Return whether a picture is this still picture of the integration."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    with Image.open(INTEGRATION / "images" / f"{still}.png") as file:
        expected = file.convert("RGB").resize(image.size)
    difference = ImageStat.Stat(ImageChops.difference(image, expected))
    return max(difference.mean) < 10


@pytest.mark.parametrize("screen", SCREENS)
async def test_codes_can_be_scanned_and_nothing_overflows(
    stack: Stack,
    new_page: NewPage,
    shoot: Shoot,
    screen: dict[str, int],
    request: pytest.FixtureRequest,
) -> None:
    dashboard = Dashboard(await new_page(**screen))
    await dashboard.open(stack.home_assistant.url)
    for instance in stack.instances:
        found = await until(
            f"{instance.title} shows its code twice",
            partial(shows_code, dashboard, stack, instance),
            seconds=30,
        )
        assert all(has_white_border(picture) for picture in found)

    widths = await dashboard.page.evaluate(
        "[document.scrollingElement.scrollWidth, window.innerWidth]"
    )
    assert widths == [screen["width"], screen["width"]]
    for card in await dashboard.page.locator("hui-card").all():
        box = await card.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= screen["width"]
    columns = dashboard.page.locator("hui-grid-section")
    places = {
        (await item.bounding_box() or {}).get("y") for item in await columns.all()
    }
    assert len(places) == (1 if screen["width"] >= 1280 else len(stack.instances))
    await dashboard.page.evaluate("window.scrollTo(0, 0)")
    await shoot(dashboard.page, f"dashboard-{request.node.callspec.id}")
    assert not dashboard.errors


async def test_both_cards_follow_a_rotation(stack: Stack, new_page: NewPage) -> None:
    whatsapp = stack.instance("WhatsApp")
    dashboard = Dashboard(await new_page(height=800))
    await dashboard.open(stack.home_assistant.url)
    show = partial(shows_code, dashboard, stack, whatsapp)
    await until("the first code is shown", show, seconds=30)
    before = await stack.phone.code(whatsapp.id_instance)

    async def renewed() -> bool | None:
        code = await stack.phone.code(whatsapp.id_instance)
        return (code and before and code["number"] > before["number"]) or None

    await until("the cloud renews the code", renewed, seconds=30)
    start = time.monotonic()
    await until("the new code is shown", show, seconds=FOLLOW_SECONDS)
    assert time.monotonic() - start < FOLLOW_SECONDS


async def test_scan_and_logout_are_seen_and_done_on_the_dashboard(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    whatsapp = stack.instance("WhatsApp")
    dashboard = Dashboard(await new_page(height=800))
    await dashboard.open(stack.home_assistant.url)
    show = partial(shows_code, dashboard, stack, whatsapp)
    await until("the code is shown", show, seconds=30)

    tiles = dashboard.page.locator("hui-tile-card")
    state, login = tiles.nth(0), tiles.nth(1)
    await expect(login).to_contain_text("QR ready to scan")
    await stack.phone.scan(whatsapp.id_instance)
    await expect(state).to_contain_text("Authorized", timeout=5000)
    await expect(login).to_contain_text("No login under way")

    async def authorized() -> bool | None:
        pictures = await dashboard.shown(stack, whatsapp)
        return all(looks_like(picture, "authorized") for picture in pictures) or None

    await until("both cards show the success", authorized, seconds=5)
    await shoot(dashboard.page, "dashboard-authorized")
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        await client.wait_until(
            "the automation has notified",
            lambda: whatsapp.sensor in client.notifications,
            seconds=5,
        )

    await tiles.filter(has_text="Log out").first.click()
    await dashboard.page.get_by_role("button", name="OK").click()
    await expect(state).to_contain_text("Not authorized", timeout=10_000)
    await until("a code is shown again", show, seconds=30)
    assert not dashboard.errors


async def test_badges_and_tiles_tell_the_state_and_nothing_is_missing(
    stack: Stack, new_page: NewPage
) -> None:
    dashboard = Dashboard(await new_page(height=800))
    await dashboard.open(stack.home_assistant.url)
    badges = dashboard.page.locator("hui-entity-badge")
    await expect(badges).to_have_text(
        [
            re.compile(rf"Not authorized\s+{instance.messenger}")
            for instance in stack.instances
        ]
    )
    await expect(dashboard.page.locator("hui-error-card, hui-warning")).to_have_count(0)
    assert not dashboard.errors


async def test_the_start_page_has_a_card_of_ours_for_each_instance(
    stack: Stack, new_page: NewPage
) -> None:
    dashboard = Dashboard(await new_page(height=800))
    await dashboard.page.goto(stack.home_assistant.url)
    cards = dashboard.page.locator("green-api-card")
    await expect(cards).to_have_count(len(stack.instances), timeout=PATIENCE)
    for card, instance in zip(await cards.all(), stack.instances, strict=True):
        await expect(card).to_contain_text(instance.title)
    assert not dashboard.errors


# What stands under which heading of a device page, from the top.
CONTROLS = ["button.login"]
SENSORS = ["camera.login_qr", "image.login_qr", "sensor.login", "sensor.state"]
EVENTS = ["event.event"]
CONFIGURATION = ["button.logout", "button.reboot"]
PARTS = {
    "WhatsApp": [CONTROLS, SENSORS, EVENTS, CONFIGURATION, []],
    "Telegram": [CONTROLS, SENSORS, EVENTS, CONFIGURATION, ["sensor.suspended_until"]],
}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("messenger", PARTS)
async def test_the_device_page_is_tidy(
    stack: Stack,
    new_page: NewPage,
    shoot: Shoot,
    messenger: str,
    language: str,
) -> None:
    instance = stack.instance(messenger)
    url = stack.home_assistant.url
    async with HomeAssistantClient(url) as client:
        await use_language(client, instance, language)
        dashboard = Dashboard(await new_page(height=1300))
        await dashboard.page.goto(f"{url}/config/devices/device/{instance.device_id}")
        parts = dashboard.page.locator("ha-device-entities-card")
        await expect(parts).to_have_count(5, timeout=PATIENCE)
        for part, keys in zip(await parts.all(), PARTS[messenger], strict=True):
            names = sorted(
                (said(language, "entity", *key.split("."), "name") for key in keys),
                key=str.casefold,
            )
            # Without the name of the device, which stands above all of them.
            await expect(part.locator("hui-generic-entity-row .info")).to_have_text(
                [re.compile(rf"^\s*{re.escape(name)}(\s|$)") for name in names]
            )
        await shoot(dashboard.page, f"device-{messenger}-{language}")
        await use_language(client, instance, "en")
    assert not dashboard.errors


async def use_language(
    client: HomeAssistantClient, instance: DemoInstance, language: str
) -> None:
    """Let Home Assistant name the instance's entities in a language."""
    await client.call("config/core/update", language=language)
    await client.act(
        "homeassistant.reload_config_entry", {"entry_id": instance.entry_id}
    )
