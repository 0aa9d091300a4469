"""The automation editor in a browser: our triggers are found, filled in and fire."""

from collections.abc import AsyncIterator
import json
import re
from typing import Any

from playwright.async_api import expect
import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.places import INTEGRATION
from demo.stack import Settings, Stack, run_stack
from tests.e2e.automation_editor import AutomationEditor, Part
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import PATIENCE as EDITOR_PATIENCE
from tests.e2e.login import PATIENCE, Login

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHATSAPP = "1101000001"
NAME = "Tell when WhatsApp is linked"
MESSAGE = "The account is linked."

# What the interface shows where a translation is missing: the key.
RAW = re.compile("green_api|component\\.")


def texts(language: str) -> dict[str, Any]:
    """Return a translation that ships."""
    path = INTEGRATION / "translations" / f"{language}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run Home Assistant with one instance."""
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        instances={WHATSAPP: "whatsapp"},
    )
    async with run_stack(settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(stack: Stack) -> AsyncIterator[HomeAssistantClient]:
    """Return a connection to Home Assistant."""
    async with HomeAssistantClient(stack.home_assistant.url) as connected:
        yield connected


async def speak(client: HomeAssistantClient, language: str) -> None:
    """Choose the language of the person who uses the interface."""
    await client.call(
        "frontend/set_user_data", key="language", value={"language": language}
    )


async def expect_listed(editor: AutomationEditor, found: dict[str, Any]) -> None:
    """Wait until each is listed with its name and description, and nothing raw."""
    for item in found.values():
        for text in (item["name"], item["description"]):
            shown = editor.dialog.get_by_text(text, exact=True)
            await expect(shown).to_be_visible(timeout=EDITOR_PATIENCE)
    await expect(editor.dialog.get_by_text(RAW)).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_all_are_listed_and_found_by_name(
    stack: Stack,
    client: HomeAssistantClient,
    new_page: NewPage,
    shoot: Shoot,
    language: str,
) -> None:
    await speak(client, language)
    editor = AutomationEditor(await new_page())
    told = texts(language)
    for part, found in (
        (Part.TRIGGER, told["triggers"]),
        (Part.CONDITION, told["conditions"]),
    ):
        await editor.open(stack.home_assistant.url)
        await editor.list_by_integration(part, "GREEN-API")
        await expect_listed(editor, found)
        await shoot(editor.page, f"editor-{part}s-{language}")
        await editor.search("GREEN-API")
        await expect(editor.kinds).to_be_hidden()
        await expect_listed(editor, found)
        for key, item in found.items():
            await editor.search(item["name"])
            await expect(editor.found.first).to_have_text(item["name"])
            await expect_listed(editor, {key: item})
        await shoot(editor.page, f"editor-{part}-found-{language}")


async def test_automation_is_filled_in_and_fires_once_for_each_scan(
    stack: Stack, client: HomeAssistantClient, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(client, "en")
    told = texts("en")
    states = told["selector"]["state"]["options"]
    instance = stack.of(WHATSAPP)
    editor = AutomationEditor(await new_page())
    await editor.open(stack.home_assistant.url)

    name = told["triggers"]["state_changed"]["name"]
    await editor.add(Part.TRIGGER, "state changed", name)
    await editor.set_device(instance.title)
    await editor.choose(0, states["not_authorized"])
    await editor.choose(1, states["authorized"])
    await editor.hold_for(1)
    await expect(editor.row(Part.TRIGGER)).to_contain_text("for 1s")
    await shoot(editor.page, "editor-1-trigger")

    name = told["conditions"]["is_authorized"]["name"]
    await editor.add(Part.CONDITION, "authorized", name)
    await editor.set_device(instance.title)
    await shoot(editor.page, "editor-2-condition")

    notify = "Send a persistent notification"
    await editor.add(Part.ACTION, "persistent notification", notify)
    await editor.write(0, MESSAGE)
    await shoot(editor.page, "editor-3-action")
    automation = await editor.save(NAME)
    await expect(editor.row(Part.ACTION)).to_contain_text(notify)
    await shoot(editor.page, "editor-4-saved")
    await expect(editor.page.get_by_text(RAW)).to_have_count(0)

    person = Login(stack.phone, client, instance)
    for times in (1, 2):
        await person.scan()
        await person.expect("authorized")
        await client.wait_until(
            f"it has told {times} times",
            lambda times=times: messages(client) >= times,
            seconds=PATIENCE,
        )
        await person.act("logout")
        await person.expect("not_authorized")
    assert messages(client) == 2
    traces = await client.call("trace/list", domain="automation", item_id=automation)
    assert [trace["script_execution"] for trace in traces] == ["finished"] * 2

    await editor.page.goto(
        f"{stack.home_assistant.url}/config/automation/trace/{automation}"
    )
    details = editor.page.locator("ha-trace-path-details")
    name = told["triggers"]["state_changed"]["name"]
    await expect(details).to_contain_text(name, timeout=EDITOR_PATIENCE)
    await shoot(editor.page, "editor-5-trace")
    await editor.page.get_by_text("Trace timeline").click()
    await expect(editor.page.get_by_text("Triggered")).to_be_visible()
    await shoot(editor.page, "editor-6-timeline")


def messages(client: HomeAssistantClient) -> int:
    """Return how often the automation has told; each makes another notification."""
    told = [item["message"] for item in client.notifications.values()]
    return told.count(MESSAGE)
