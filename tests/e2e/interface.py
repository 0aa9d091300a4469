"""Home Assistant's interface in a browser, as a person uses it."""

import json
import re

from playwright.async_api import Locator, Page, expect

from demo.places import INTEGRATION

# Playwright's own wait, in milliseconds; a first page loads a lot.
PATIENCE = 30_000

_PLACEHOLDER = re.compile(r"\\\{\w+\\\}")


def error_text(key: str, language: str) -> re.Pattern[str]:
    """Return what the set-up says of an error, from the translation that ships."""
    path = INTEGRATION / "translations" / f"{language}.json"
    text = json.loads(path.read_text(encoding="utf-8"))["config"]["error"][key]
    return re.compile(rf"^\s*{_PLACEHOLDER.sub('.+', re.escape(text))}\s*$")


class SetUpDialog:
    """The dialog in which an integration is set up."""

    def __init__(self, page: Page) -> None:
        """Take the page; nothing is opened yet."""
        self.page = page
        self._dialog = page.locator("dialog-data-entry-flow")

    async def open(self, url: str) -> None:
        """Open it by the address that a link to the set-up leads to."""
        await self.page.goto(
            f"{url}/config/integrations/dashboard/add?domain=green_api"
        )
        # Latin in English, Cyrillic in Russian.
        agree = self.page.get_by_role("button", name=re.compile("^(OK|ОК)$"))  # noqa: RUF001
        await agree.click(timeout=PATIENCE)
        await self.field("id_instance").wait_for()

    def field(self, name: str) -> Locator:
        """Return a text field of the form by its key."""
        return self._dialog.locator(f"input[name={name}]")

    async def submit(self, **fields: str) -> None:
        """Fill fields by their keys and send the form."""
        for name, value in fields.items():
            await self.field(name).fill(value)
        await self._dialog.get_by_role("button").last.click()

    async def expect_errors(self, *texts: re.Pattern[str], seconds: float = 10) -> None:
        """Wait until the form shows these errors, from the top, and no others."""
        alerts = self._dialog.locator("ha-alert")
        await expect(alerts).to_have_text(list(texts), timeout=seconds * 1000)
