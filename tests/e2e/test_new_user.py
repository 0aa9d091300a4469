"""As a new user: copied in, set up and linked in the dialog, then an automation."""

from collections.abc import AsyncIterator
import re

from playwright.async_api import Page, expect
import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from tests.e2e.automation_editor import AutomationEditor, Part
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import PATIENCE, Complaints, SetUpDialog, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 60.0
MESSAGE = "Somebody has to scan a code."


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
    console = Complaints(page)
    dialog = SetUpDialog(page)
    await dialog.find(stack.home_assistant.url)
    await shoot(page, "new-user-1-first-form")
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )
    await dialog.field("api_url").wait_for()
    assert await dialog.field("api_url").input_value() == "https://api.green-api.com"
    await shoot(page, "new-user-2-second-form")
    await dialog.submit(api_url=stack.simulator.url)

    await scan_from_the_screen(stack, dialog, shoot)
    device_name = page.get_by_role("textbox", name="Device name")
    await expect(device_name).to_have_value(instance.title, timeout=PATIENCE)
    await expect(page.get_by_text("failed to set up")).to_have_count(0)
    await shoot(page, "new-user-4-success")
    await page.get_by_role("button", name=re.compile("finish$", re.IGNORECASE)).click()

    await page.wait_for_url("**/config/devices/device/*")
    cards = page.locator("ha-device-entities-card")
    sensors = cards.filter(has_text="Login QR live")
    await expect(sensors).to_contain_text("Authorized", timeout=PATIENCE)
    for name in ("Login QR", "Show login QR", "Log out", "Reboot"):
        await expect(page.get_by_text(name).first).to_be_visible()
    await shoot(page, "new-user-5-device")
    assert console.found == []

    async with HomeAssistantClient(stack.home_assistant.url) as client:
        await make_automation(page, stack, shoot)
        await client.press(instance.logout_button)
        await client.wait_until(
            "the automation has told",
            lambda: any(
                item["message"] == MESSAGE for item in client.notifications.values()
            ),
            seconds=SECONDS,
        )
    await page.goto(stack.home_assistant.url)
    await page.get_by_text("Notifications", exact=True).click(timeout=PATIENCE)
    await expect(page.get_by_text(MESSAGE)).to_be_visible()
    await shoot(page, "new-user-8-told")


async def make_automation(page: Page, stack: Stack, shoot: Shoot) -> None:
    """Have oneself told when the link is lost, as a person does it in the editor."""
    title = stack.instance("WhatsApp").title
    editor = AutomationEditor(page)
    await editor.open(stack.home_assistant.url)
    name = said("en", "triggers", "authorization_lost", "name")
    await editor.add(Part.TRIGGER, "GREEN-API", name)
    await editor.set_device(title)
    await shoot(page, "new-user-6-trigger")
    notify = "Send a persistent notification"
    await editor.add(Part.ACTION, "persistent notification", notify)
    await editor.write(0, MESSAGE)
    await editor.save("Tell when the link is lost")
    await expect(editor.row(Part.ACTION)).to_contain_text(notify)
    await shoot(page, "new-user-7-automation")


async def scan_from_the_screen(stack: Stack, dialog: SetUpDialog, shoot: Shoot) -> None:
    """Scan what the browser shows, with the phone."""
    instance = stack.instance("WhatsApp")

    async def scanned() -> bool | None:
        shown = await dialog.read()
        code = await stack.phone.code(instance.id_instance)
        if code is None or shown != code["payload"]:
            return None
        await shoot(dialog.page, "new-user-3-code")
        await stack.phone.scan(instance.id_instance, shown)
        return True

    await until("the code is on the screen", scanned, seconds=SECONDS)
