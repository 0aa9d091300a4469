"""The MQTT options in a real browser: a broker of one's own is tried, then saved."""

import json

from playwright.async_api import Locator, Page, expect
import pytest

from demo.places import INTEGRATION
from demo.ports import choose_ports
from demo.stack import Stack
from tests.e2e.conftest import NewPage, Shoot
from tests.e2e.interface import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = json.loads((INTEGRATION / "translations" / "en.json").read_text("utf-8"))
OPTIONS = TEXTS["options"]


async def open_options(page: Page, stack: Stack, title: str) -> Locator:
    """Open the options of an entry, and return their dialog."""
    await page.goto(
        f"{stack.home_assistant.url}/config/integrations/integration/green_api"
    )
    row = page.locator("ha-config-entry-row").filter(has_text=title)
    await row.get_by_role("button", name="Configure").first.click(timeout=PATIENCE)
    return page.locator("dialog-data-entry-flow")


async def test_a_broker_is_tried_before_it_is_saved(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    page = await new_page()
    dialog = await open_options(page, stack, stack.instance("MAX").title)
    await shoot(page, "mqtt-0-menu")
    await dialog.get_by_text(OPTIONS["step"]["init"]["menu_options"]["mqtt"]).click()
    other = dialog.get_by_role(
        "radio", name=TEXTS["selector"]["mqtt_broker"]["options"]["own"]
    )
    await other.click(timeout=PATIENCE)
    await shoot(page, "mqtt-1-options")
    await dialog.get_by_role("button", name="Submit").click()
    host, port = dialog.locator("input[name=host]"), dialog.get_by_role("spinbutton")
    await host.wait_for()
    await shoot(page, "mqtt-2-broker")

    await host.fill("127.0.0.1")
    await port.fill(str(choose_ports({"nobody": 0})["nobody"]))
    send = dialog.get_by_role("button", name="Submit")
    await send.click()
    refused = dialog.get_by_text(OPTIONS["error"]["broker_refused"])
    await expect(refused).to_be_visible(timeout=PATIENCE)
    await shoot(page, "mqtt-3-refused")
    assert await host.input_value() == "127.0.0.1"

    await port.fill(str(stack.broker.port))
    await send.click()
    finish = dialog.get_by_role("button", name="Finish")
    await finish.click(timeout=PATIENCE)
    await expect(dialog).to_be_hidden()
