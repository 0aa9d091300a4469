"""The panel page over WebSocket MQTT, with what Home Assistant publishes."""

from collections.abc import AsyncIterator
from functools import partial
import re

from playwright.async_api import expect
import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.qr import read_qr
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.panel import Panel
from tests.e2e.test_dashboard_browser import looks_like

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A code comes and goes within ten seconds.
SPEED = 2.0

# What anything may take on a busy machine.
PATIENCE = 30.0

LIFE = re.compile(r"^Valid for \d+ s$")

SCREENS = [
    pytest.param({"width": 1280, "height": 800}, id="wall"),
    pytest.param({"width": 360, "height": 740}, id="phone"),
    pytest.param({"width": 360, "height": 740, "dark": True}, id="dark"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run the demo's parts with a cloud that is in a hurry."""
    settings = Settings(
        environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO, speed=SPEED
    )
    async with run_stack(settings) as running:
        yield running


def websocket(stack: Stack) -> str:
    return f"ws://127.0.0.1:{stack.broker.websocket_port}"


async def shows_code(panel: Panel, stack: Stack, instance: DemoInstance) -> str | None:
    """Return the code's text once the picture is the phone's present code."""
    picture = await panel.look(instance.id_instance)
    code = await stack.phone.code(instance.id_instance)
    said = read_qr(picture)
    return said if code and said == code["payload"] else None


async def wait_for_code(panel: Panel, stack: Stack, instance: DemoInstance) -> str:
    return await until(
        f"the panel shows the code of {instance.title}",
        partial(shows_code, panel, stack, instance),
        seconds=PATIENCE,
    )


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_code_can_be_scanned_and_nothing_overflows(
    stack: Stack,
    new_page: NewPage,
    shoot: Shoot,
    screen: dict[str, int],
    request: pytest.FixtureRequest,
) -> None:
    panel = Panel(await new_page(**screen), websocket(stack))
    await panel.open()
    await expect(panel.status).to_have_text("Connected")
    for instance in stack.instances:
        await wait_for_code(panel, stack, instance)
        card = panel.card(instance.id_instance)
        await expect(card.locator("h2")).to_have_text(instance.title)
        await expect(card.locator(".state")).to_have_text("Not authorized")
    assert await panel.cards.count() == len(stack.instances)

    widths = await panel.page.evaluate(
        "[document.scrollingElement.scrollWidth, window.innerWidth]"
    )
    assert widths == [screen["width"], screen["width"]]
    await panel.page.evaluate("window.scrollTo(0, 0)")
    await shoot(panel.page, f"panel-{request.node.callspec.id}")
    assert not panel.errors


async def test_one_instance_fills_a_wall_panel_without_scrolling(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    whatsapp = stack.instance("WhatsApp")
    panel = Panel(await new_page(width=1024, height=600), websocket(stack))
    await panel.open(instance=whatsapp.id_instance)
    await wait_for_code(panel, stack, whatsapp)
    assert await panel.cards.count() == 1
    heights = await panel.page.evaluate(
        "[document.scrollingElement.scrollHeight, window.innerHeight]"
    )
    assert heights == [600, 600]
    await shoot(panel.page, "panel-one")


async def test_rotation_scan_and_logout_are_followed(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    whatsapp = stack.instance("WhatsApp")
    panel = Panel(await new_page(), websocket(stack))
    await panel.open(instance=whatsapp.id_instance)
    first = await wait_for_code(panel, stack, whatsapp)
    card = panel.card(whatsapp.id_instance)
    await expect(card.locator(".life p")).to_have_text(LIFE)

    async def rotated() -> str | None:
        said = await shows_code(panel, stack, whatsapp)
        return said if said != first else None

    await until("the panel shows the next code", rotated, seconds=PATIENCE)

    await stack.phone.scan(whatsapp.id_instance)
    await expect(card.locator(".state")).to_have_text("Authorized", timeout=10_000)
    await panel.expect_shows(whatsapp.id_instance, "still", seconds=10)
    await expect(card.locator(".life")).to_be_hidden()
    assert looks_like(await panel.look(whatsapp.id_instance), "authorized")
    await shoot(panel.page, "panel-authorized")

    async with HomeAssistantClient(stack.home_assistant.url) as client:
        await client.press(whatsapp.logout_button)
    await expect(card.locator(".state")).to_have_text(
        "Not authorized", timeout=PATIENCE * 1000
    )
    await wait_for_code(panel, stack, whatsapp)
    assert not panel.errors


async def test_the_panel_comes_back_with_the_broker(
    stack: Stack, new_page: NewPage
) -> None:
    whatsapp = stack.instance("WhatsApp")
    panel = Panel(await new_page(), websocket(stack))
    await panel.open(instance=whatsapp.id_instance)
    await wait_for_code(panel, stack, whatsapp)
    await stack.broker.stop()
    try:
        await expect(panel.status).to_contain_text("No connection to ws://")
    finally:
        await stack.broker.start()
    await expect(panel.status).to_have_text("Connected", timeout=20_000)
    await wait_for_code(panel, stack, whatsapp)
    assert not panel.errors


async def test_the_end_of_home_assistant_is_told(
    stack: Stack, new_page: NewPage
) -> None:
    whatsapp = stack.instance("WhatsApp")
    panel = Panel(await new_page(), websocket(stack))
    await panel.open()
    await wait_for_code(panel, stack, whatsapp)
    await stack.home_assistant.stop()
    notes = panel.card(whatsapp.id_instance).locator(".notes")
    await expect(notes).to_contain_text("Home Assistant does not publish")
    await panel.expect_shows(whatsapp.id_instance, "still", seconds=10)
    assert looks_like(await panel.look(whatsapp.id_instance), "no_connection")

    await stack.home_assistant.start()
    await expect(notes).not_to_contain_text("does not publish", timeout=30_000)
    await wait_for_code(panel, stack, whatsapp)
    assert not panel.errors
