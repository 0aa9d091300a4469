"""Home Assistant's interface in a browser, as a person uses it."""

from functools import cache
import json
import re
from typing import Any

from playwright.async_api import ConsoleMessage, Error, Locator, Page, expect

from demo.hass_client import HomeAssistantClient
from demo.places import INTEGRATION
from demo.qr import read_qrs

# Playwright's own wait, in milliseconds; a first page loads a lot.
PATIENCE = 30_000

_PLACEHOLDER = re.compile(r"\\\{\w+\\\}")

# The logos of the parts of Home Assistant are not at hand without the internet.
_LOGOS = "/api/brands/"

# What a long list of the interface says when it goes before it was laid out.
_GONE_LIST = "disconnected"


@cache
def texts(language: str) -> dict[str, Any]:
    """Return the translation that ships."""
    path = INTEGRATION / "translations" / f"{language}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def said(language: str, *path: str) -> str:
    """Return one text of the translation that ships."""
    found: Any = texts(language)
    for key in path:
        found = found[key]
    assert isinstance(found, str), path
    return found


def filled(text: str) -> str:
    """Return a pattern of a text, whatever its placeholders are filled with."""
    return _PLACEHOLDER.sub(".+", re.escape(text))


def error_text(key: str, language: str) -> re.Pattern[str]:
    """Return what the set-up says of an error, from the translation that ships."""
    text = filled(said(language, "config", "error", key))
    return re.compile(rf"^\s*{text}\s*$")


async def speak(client: HomeAssistantClient, language: str) -> None:
    """Choose the language of the person who uses the interface."""
    await client.call(
        "frontend/set_user_data", key="language", value={"language": language}
    )


class Complaints:
    """What a page's console complains of."""

    def __init__(self, page: Page) -> None:
        """Listen from now on."""
        self.found: list[str] = []
        page.on("pageerror", self._take_error)
        page.on("console", self._take_message)

    def _take_error(self, error: Error) -> None:
        if error.message != _GONE_LIST:
            self.found.append(str(error))

    def _take_message(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and _LOGOS not in url:
            self.found.append(f"{message.text} ({url.partition('?')[0]})")


class FlowDialog:
    """The dialog that leads through the steps of a set-up, or of the options."""

    def __init__(self, page: Page) -> None:
        """Take the page; nothing is opened yet."""
        self.page = page
        self.root = page.locator("dialog-data-entry-flow")
        self.title = self.root.locator("[slot=headerTitle]")
        self.picture = self.root.locator("img[src^='data:image/png']")

    def field(self, name: str) -> Locator:
        """Return a text field of the form by its key."""
        return self.root.locator(f"input[name={name}]")

    async def submit(self, **fields: str) -> None:
        """Fill fields by their keys and send the form."""
        for name, value in fields.items():
            await self.field(name).fill(value)
        await self.root.get_by_role("button").last.click()

    async def choose(self, option: str) -> None:
        """Choose from the menu, by the option's words."""
        await self.root.get_by_text(option, exact=True).click(timeout=PATIENCE)

    async def close(self) -> None:
        """Close it by the cross."""
        await self.root.locator("[data-dialog=close]").first.click()
        await expect(self.title).to_be_hidden()

    async def expect_title(self, text: str, *, seconds: float = 30) -> None:
        """Wait until it is at a step, by the words of its title."""
        await expect(self.title).to_have_text(text, timeout=seconds * 1000)

    async def expect_errors(self, *texts: re.Pattern[str], seconds: float = 10) -> None:
        """Wait until the form shows these errors, from the top, and no others."""
        alerts = self.root.locator("ha-alert")
        await expect(alerts).to_have_text(list(texts), timeout=seconds * 1000)

    async def read(self) -> str | None:
        """Return what the code on the screen says, None where there is none."""
        picture = await self.page.screenshot(animations="disabled")
        return next(iter(read_qrs(picture)), None)


class SetUpDialog(FlowDialog):
    """The dialog in which an integration is set up."""

    async def open(self, url: str) -> None:
        """Open it by the address that a link to the set-up leads to."""
        await self.page.goto(
            f"{url}/config/integrations/dashboard/add?domain=green_api"
        )
        # Latin in English, Cyrillic in Russian.
        agree = self.page.get_by_role("button", name=re.compile("^(OK|ОК)$"))  # noqa: RUF001
        await agree.click(timeout=PATIENCE)
        await self.field("id_instance").wait_for()

    async def find(self, url: str) -> None:
        """Go to it from the start page, as the README says, in English."""
        page = self.page
        await page.goto(url)
        await page.get_by_text("Settings", exact=True).click(timeout=PATIENCE)
        await page.get_by_text("Devices & services", exact=True).click()
        await page.get_by_role("button", name="Add integration").click()
        brands = page.locator("dialog-add-integration")
        # What is typed before the list is there gets lost.
        await brands.locator("ha-integration-list-item").first.wait_for()
        search = brands.get_by_placeholder(re.compile("^Search for a brand"))
        await search.fill("GREEN-API")
        await brands.get_by_text("GREEN-API", exact=True).click()
        await self.field("id_instance").wait_for()

    async def fill_in(self, id_instance: str, token: str, api_url: str) -> None:
        """Go through the two forms."""
        await self.submit(id_instance=id_instance, api_token_instance=token)
        await self.field("api_url").wait_for()
        await self.submit(api_url=api_url)


async def open_options(page: Page, url: str, title: str) -> FlowDialog:
    """Open the options of an entry, in English or Russian."""
    await page.goto(f"{url}/config/integrations/integration/green_api")
    row = page.locator("ha-config-entry-row").filter(has_text=title)
    gear = row.get_by_role("button", name=re.compile("^(Configure|Настроить)$"))
    await gear.first.click(timeout=PATIENCE)
    return FlowDialog(page)
