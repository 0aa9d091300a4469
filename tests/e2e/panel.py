"""The panel page in a browser."""

import base64
import hashlib
from pathlib import Path
import re
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Locator, Page, Route, expect

from demo.places import PANEL, ROOT

MQTT_JS = ROOT / ".venv" / "mqtt-js" / "mqtt.min.js"

# Told before the page's own script: every change of what a card shows, with its time.
_RECORD = """
window.shown = [];
new MutationObserver((changes) => changes.forEach(({target}) => window.shown.push(
  {at: Date.now(), instance: target.dataset.instance, shows: target.dataset.shows}
))).observe(document, {subtree: true, attributeFilter: ["data-shows"]});
"""


def library() -> Path:
    """Return the file of mqtt.js, if it is the one that the page pins by its hash."""
    assert MQTT_JS.exists(), "there is no mqtt.js: run scripts/setup mqtt-js"
    digest = base64.b64encode(hashlib.sha384(MQTT_JS.read_bytes()).digest()).decode()
    assert f'integrity="sha384-{digest}"' in PANEL.read_text()
    return MQTT_JS


class Panel:
    """The page, opened from the file; the internet has only the library."""

    def __init__(self, page: Page, url: str) -> None:
        """Take an empty page and the address of the broker."""
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.console: list[str] = []
        self.asked: list[str] = []
        """What was asked for by HTTP."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("request", lambda request: self.asked.append(request.url))

    async def open(self, address: str = "", **settings: str) -> None:
        """Open it with these settings, by default without a form to fill in."""
        await self.page.add_init_script(_RECORD)
        await self.page.route(re.compile("^https?://(?!127)"), self._answer)
        settings = {"url": self.url, **settings}
        await self.page.goto(f"{address or PANEL.as_uri()}#{urlencode(settings)}")

    async def _answer(self, route: Route) -> None:
        await route.fulfill(
            path=library(), headers={"access-control-allow-origin": "*"}
        )

    @property
    def status(self) -> Locator:
        """Return the line that tells of the connection."""
        return self.page.locator("#status")

    @property
    def cards(self) -> Locator:
        """Return the cards of all instances."""
        return self.page.locator("article")

    def card(self, id_instance: str) -> Locator:
        """Return the card of an instance."""
        return self.page.locator(f"article[data-instance='{id_instance}']")

    async def expect_shows(
        self, id_instance: str, what: str, *, seconds: float
    ) -> None:
        """Wait until a card shows a ``code``, a ``still`` picture or ``nothing``."""
        card = self.card(id_instance)
        await expect(card).to_have_attribute("data-shows", what, timeout=seconds * 1000)

    async def shown(self, id_instance: str) -> list[dict[str, Any]]:
        """Return what a card has shown one after the other, with times in ms."""
        entries: list[dict[str, Any]] = await self.page.evaluate("window.shown")
        found = [item for item in entries if item["instance"] == id_instance]
        return [
            item
            for before, item in zip([{}, *found], found, strict=False)
            if item["shows"] != before.get("shows")
        ]

    async def look(self, id_instance: str) -> bytes:
        """Return what an instance's picture looks like."""
        picture = self.card(id_instance).locator(".picture")
        return await picture.screenshot(animations="disabled")
