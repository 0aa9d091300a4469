"""Home Assistant's automation editor in a browser, in any language."""

from enum import StrEnum
import re

from playwright.async_api import Locator, Page, expect

from demo.waiting import until

from .interface import PATIENCE

_SECONDS = PATIENCE / 1000


class Part(StrEnum):
    """Name the parts of an automation, as the editor's elements do."""

    TRIGGER = "trigger"
    CONDITION = "condition"
    ACTION = "action"


class AutomationEditor:
    """The editor with a new automation, and what it opens."""

    def __init__(self, page: Page) -> None:
        """Take the page; nothing is opened yet."""
        self.page = page
        page.set_default_timeout(PATIENCE)

    async def open(self, url: str) -> None:
        """Begin a new automation."""
        await self.page.goto(f"{url}/config/automation/edit/new")
        await self._section(Part.TRIGGER).wait_for()

    @property
    def dialog(self) -> Locator:
        """Return the dialog in which parts are found."""
        return self.page.locator("add-automation-element-dialog")

    @property
    def sidebar(self) -> Locator:
        """Return where the chosen part is filled in."""
        return self.page.locator("ha-automation-sidebar")

    @property
    def kinds(self) -> Locator:
        """Return the choice by what to list parts; there is none in a search."""
        return self.dialog.locator("ha-button-toggle-group")

    @property
    def found(self) -> Locator:
        """Return the names of what a search has found, the best first."""
        return self.dialog.locator("[slot=headline]")

    def row(self, part: Part) -> Locator:
        """Return what the automation shows of its first part of a kind."""
        return self.page.locator(f"ha-automation-{part}-row").first

    async def find(self, part: Part, words: str) -> None:
        """Search for a part by what it is called."""
        await self._section(part).locator("ha-button").first.click()
        await self.search(words)

    async def search(self, words: str) -> None:
        """Search in the dialog that is open."""
        await self.dialog.locator("ha-input-search input").fill(words)

    async def list_by_integration(self, part: Part, integration: str) -> None:
        """Show all parts of a kind that an integration has."""
        await self._section(part).locator("ha-button").first.click()
        # By target, by type, and for conditions by how they are combined.
        await self.kinds.locator("ha-button").nth(1).click()
        await self.dialog.get_by_text(integration, exact=True).click()

    async def add(self, part: Part, words: str, name: str) -> None:
        """Search for a part, and add the one with this name."""
        await self.find(part, words)
        await self.dialog.get_by_text(name, exact=True).click()
        await expect(self.sidebar).to_contain_text(name, timeout=PATIENCE)

    async def set_device(self, name: str) -> None:
        """Give the chosen part a device as its target."""
        await self.sidebar.locator("ha-target-picker ha-button").first.click()
        picker = self.sidebar.locator("ha-picker-combo-box")
        await picker.locator("ha-input-search input").fill(name)
        # Entities are listed too, with the device's name below their own.
        await picker.locator("[slot=headline]").get_by_text(name, exact=True).click()
        chosen = self.sidebar.locator("ha-target-picker-item-row")
        await expect(chosen).to_contain_text(name, timeout=PATIENCE)

    async def choose(self, field: int, option: str) -> None:
        """Choose one of the words of a list, the lists counted from the top."""
        await self.sidebar.locator("ha-checkbox").nth(field).click()
        chosen = self.sidebar.locator("ha-selector-select").nth(field)
        # A button among the chosen words, or in the older version a field below.
        await chosen.locator("ha-chip-set ha-button, ha-picker-field").first.click()
        await chosen.get_by_text(option, exact=True).last.click()
        chip = chosen.locator("ha-input-chip")
        await expect(chip).to_contain_text(option, timeout=PATIENCE)

    async def hold_for(self, seconds: int) -> None:
        """Say how long it has to stay so."""
        field = self.sidebar.locator("ha-selector-duration input[name=seconds]")
        await field.fill(str(seconds))
        await field.press("Tab")

    async def write(self, field: int, text: str) -> None:
        """Fill in a text, the texts counted from the top."""
        box = self.sidebar.locator("ha-selector-text input").nth(field)
        editor = self.page.locator("manual-automation-editor")

        async def taken() -> bool | None:
            # What is typed while the part is still being drawn gets lost.
            await box.fill("")
            await box.fill(text)
            config = await editor.evaluate("editor => JSON.stringify(editor.config)")
            return text in config or None

        await until(f"the editor takes {text!r}", taken, seconds=_SECONDS)

    async def save(self, name: str) -> str:
        """Save the automation under a name; return its id."""
        page = self.page
        await (
            page.locator("ha-automation-editor").locator("ha-button[slot=fab]").click()
        )
        dialog = page.locator("ha-dialog-automation-save")
        await dialog.locator("input").first.fill(name)
        await dialog.locator("ha-button[slot=primaryAction]").click()
        await page.wait_for_url(re.compile(r"/edit/\d+$"))
        return page.url.rsplit("/", 1)[1]

    def _section(self, part: Part) -> Locator:
        return self.page.locator(f"ha-automation-{part}")
