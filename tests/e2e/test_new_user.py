"""As a new user: the integration copied in, an instance added in the interface."""

from collections.abc import AsyncIterator
import re

from playwright.async_api import Page, expect
import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.qr import read_qr
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import PATIENCE, SetUpDialog

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run a Home Assistant that knows no instance yet."""
    settings = Settings(
        environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO, set_up=False
    )
    async with run_stack(settings) as running:
        yield running


async def test_instance_is_added_and_linked_in_the_interface(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    instance = stack.instance("WhatsApp")
    page = await new_page()
    dialog = await find_integration(page, stack.home_assistant.url)
    await shoot(page, "new-user-1-first-form")
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )

    await dialog.field("api_url").wait_for()
    assert await dialog.field("api_url").input_value() == "https://api.green-api.com"
    await shoot(page, "new-user-2-second-form")
    await dialog.submit(api_url=stack.simulator.url)

    device_name = page.get_by_role("textbox", name="Device name")
    await expect(device_name).to_have_value(instance.title)
    await expect(page.get_by_text("failed to set up")).to_have_count(0)
    await shoot(page, "new-user-3-success")
    await page.get_by_role("button", name=re.compile("finish$", re.IGNORECASE)).click()
    await page.wait_for_url("**/config/devices/device/*")
    cards = page.locator("ha-device-entities-card")
    sensors = cards.filter(has_text="Code valid until")
    await expect(sensors).to_contain_text("Not authorized")
    for name in ("Login QR", "Show login QR", "Log out", "Reboot"):
        await expect(page.get_by_text(name).first).to_be_visible()
    await shoot(page, "new-user-4-device")

    # The image; the camera's dialog is higher than this screen.
    await page.get_by_text("Login QR", exact=True).click()
    await scan_from_the_screen(stack, page, shoot)
    await page.keyboard.press("Escape")
    await expect(sensors).to_contain_text("Authorized")
    await shoot(page, "new-user-6-authorized")


async def find_integration(page: Page, url: str) -> SetUpDialog:
    """Go to the set-up dialog from the start page, as the README says."""
    await page.goto(url)
    await page.get_by_text("Settings", exact=True).click(timeout=PATIENCE)
    await page.get_by_text("Devices & services", exact=True).click()
    await page.get_by_role("button", name="Add integration").click()
    await page.get_by_placeholder(re.compile("^Search for a brand")).fill("GREEN-API")
    await page.get_by_text("GREEN-API", exact=True).click()
    dialog = SetUpDialog(page)
    await dialog.field("id_instance").wait_for()
    return dialog


async def scan_from_the_screen(stack: Stack, page: Page, shoot: Shoot) -> None:
    """Scan what the browser shows, with the phone."""
    instance = stack.instance("WhatsApp")

    async def scanned() -> bool | None:
        shown = read_qr(await page.screenshot())
        code = await stack.phone.code(instance.id_instance)
        if code is None or shown != code["payload"]:
            return None
        await shoot(page, "new-user-5-code")
        await stack.phone.scan(instance.id_instance, shown)
        return True

    await until("the code is on the screen", scanned, seconds=30)
