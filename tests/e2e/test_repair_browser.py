"""A repair in a real browser: its dialog says what is wrong, and ends."""

import json

from playwright.async_api import expect
import pytest

from demo.hass_client import HomeAssistantClient
from demo.places import INTEGRATION
from demo.stack import Stack
from tests.e2e.conftest import NewPage, Shoot
from tests.e2e.interface import PATIENCE
from tests.e2e.login import Login

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = json.loads((INTEGRATION / "translations" / "en.json").read_text("utf-8"))
REPAIR = TEXTS["issues"]["pending_password"]
PASSWORD, WRONG = "correct horse", "battery staple"


async def test_password_is_given_in_the_repairs(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    instance = stack.instance("Telegram")
    page = await new_page()
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        person = Login(stack.phone, client, instance)
        await stack.phone.set_password(instance.id_instance, PASSWORD)
        await person.scan()
        await person.expect("pending_password")

        await page.goto(f"{stack.home_assistant.url}/config/repairs")
        issue = page.get_by_text(REPAIR["title"].format(title=instance.title))
        await issue.click(timeout=PATIENCE)
        dialog = page.locator("dialog-data-entry-flow")
        field = dialog.locator("input[name=password]")
        assert await field.get_attribute("type") == "password"
        await field.fill(WRONG)
        send = dialog.get_by_role("button", name="Send")
        await send.click()
        await expect(
            dialog.get_by_text(REPAIR["fix_flow"]["error"]["invalid_password"])
        ).to_be_visible()
        await shoot(page, "repair-1-wrong-password")

        await field.fill(PASSWORD)
        await send.click()
        await expect(
            dialog.get_by_text(REPAIR["fix_flow"]["create_entry"]["ordered"])
        ).to_be_visible()
        await shoot(page, "repair-2-accepted")
        await dialog.get_by_role("button", name="Finish").click()
        await expect(dialog).to_be_hidden()
        await person.expect("authorized")
        await expect(issue).to_have_count(0)
