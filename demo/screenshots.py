"""Make the documents' pictures of the interface; scripts/screenshots calls it."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import re
import sys
from typing import Final

from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from .browser import open_browser, screenshot
from .command import run_command
from .console import say
from .errors import DemoError
from .hass_client import HomeAssistantClient
from .instances import DemoInstance
from .lovelace import save_dashboard
from .pictures import Frame, save_animation, save_still
from .places import ROOT, environment
from .qr import read_qrs
from .stack import Settings, Stack, run_stack
from .waiting import until

_OUT: Final = ROOT / "docs" / "images"

_URL_PATH: Final = "one-card"

# For a first page, in milliseconds; it loads a lot.
_PATIENCE: Final = 30_000
_SECONDS: Final = 60.0

# Around a card, in CSS pixels.
_MARGIN: Final = 16

_LANGUAGES: Final = ("en", "ru")

# A code that is renewed soon is soon filmed.
_SPEED: Final = 2.0

_FILM_SIZE: Final = (640, 800)


@dataclass(frozen=True, kw_only=True)
class Studio:
    """The parts, the language that is spoken, and where the pictures go."""

    stack: Stack
    client: HomeAssistantClient
    browser: Browser
    out: Path
    language: str

    def path(self, name: str) -> Path:
        """Return the file of a picture, ``card.png`` or ``card-ru.png``."""
        stem, _, ending = name.partition(".")
        suffix = "" if self.language == _LANGUAGES[0] else f"-{self.language}"
        return self.out / f"{stem}{suffix}.{ending}"

    @asynccontextmanager
    async def page(
        self, width: int, height: int, *, scale: int = 1, dark: bool = False
    ) -> AsyncIterator[Page]:
        """Open an empty page with a profile of its own."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        try:
            page = await context.new_page()
            page.set_default_timeout(_PATIENCE)
            yield page
        finally:
            await context.close()

    async def save(self, name: str, page: Page, shown: Locator | None = None) -> None:
        """Write what a page shows, or one element of it with some of its ground."""
        clip = await _clip(shown) if shown else None
        picture = await screenshot(page, clip)
        path = self.path(name)
        await asyncio.to_thread(save_still, path, picture)
        say(f"  {path.name}: {path.stat().st_size} bytes")


async def _clip(shown: Locator) -> FloatRect:
    box = await shown.bounding_box()
    if box is None:
        problem = "what is to be shown is not there"
        raise DemoError(problem)
    return {
        "x": max(0, box["x"] - _MARGIN),
        "y": max(0, box["y"] - _MARGIN),
        "width": box["width"] + 2 * _MARGIN,
        "height": box["height"] + 2 * _MARGIN,
    }


async def _take_card(studio: Studio, instance: DemoInstance) -> None:
    """Show the card with a code: on light, on dark, on a phone; then without."""
    card = {"type": "custom:green-api-card", "device_id": instance.device_id}
    section = {"type": "grid", "cards": [card]}
    view = {"title": "GREEN-API", "type": "sections", "sections": [section]}
    await save_dashboard(studio.client, _URL_PATH, [view])
    address = f"{studio.stack.home_assistant.url}/{_URL_PATH}/0"
    for name, dark in (("card.png", False), ("card-dark.png", True)):
        async with studio.page(1280, 1100, scale=2, dark=dark) as page:
            await page.goto(address)
            await _wait_for_codes(studio, page, instance)
            await studio.save(name, page, page.locator("green-api-card"))
    async with studio.page(360, 780, scale=2) as page:
        await page.goto(address)
        await _wait_for_codes(studio, page, instance)
        await studio.save("card-phone.png", page)
    await studio.stack.phone.scan(instance.id_instance)
    await studio.client.wait_for_state(instance.sensor, "authorized", seconds=_SECONDS)
    async with studio.page(1280, 1100, scale=2) as page:
        await page.goto(address)
        shown = page.locator("green-api-card")
        await expect(shown.locator("[data-part=logout]")).to_be_visible()
        await expect(shown.locator("[data-part=qr]")).to_be_hidden()
        await studio.save("card-linked.png", page, shown)


async def _wait_for_codes(
    studio: Studio, page: Page, *instances: DemoInstance
) -> list[str]:
    """Wait until a page shows each phone's present code; return what they say."""

    async def probe() -> list[str] | None:
        said = read_qrs(await screenshot(page))
        codes = [await studio.stack.phone.code(item.id_instance) for item in instances]
        wanted = [code["payload"] if code else None for code in codes]
        return said if set(wanted) <= set(said) else None

    return await until("the page shows the codes", probe, seconds=_SECONDS)


async def _take_dashboard(studio: Studio) -> None:
    """Show the demo's dashboard, with a code of each messenger."""
    instances = studio.stack.instances
    for instance in instances:
        await studio.client.wait_for_state(
            instance.login_sensor, "showing", seconds=_SECONDS
        )
    async with studio.page(1280, 820) as page:
        await page.goto(studio.stack.home_assistant.url)
        await _wait_for_codes(studio, page, *instances)
        await studio.save("dashboard.png", page)


async def _take_device(studio: Studio, instance: DemoInstance) -> None:
    """Show the device's page."""
    async with studio.page(1280, 1060) as page:
        await page.goto(
            f"{studio.stack.home_assistant.url}"
            f"/config/devices/device/{instance.device_id}"
        )
        await page.locator("ha-device-entities-card").first.wait_for()
        await page.wait_for_load_state("networkidle")
        await studio.save("device.png", page)


async def _take_set_up(studio: Studio) -> None:
    """Play the set-up from the credentials to the linked phone, and film it."""
    stack = studio.stack
    instance = await _new_instance(stack)
    frames: list[Frame] = []
    async with studio.page(*_FILM_SIZE) as page:
        dialog = page.locator("dialog-data-entry-flow")
        await page.goto(
            f"{stack.home_assistant.url}/config/integrations/dashboard/add"
            "?domain=green_api"
        )
        # Latin in English, Cyrillic in Russian.
        agree = page.get_by_role("button", name=re.compile("^(OK|ОК)$"))  # noqa: RUF001
        await agree.click()
        await _fill(
            dialog,
            id_instance=instance.id_instance,
            api_token_instance=instance.token,
        )
        await _fill(dialog, api_url=stack.simulator.url)
        await page.mouse.move(0, 0)
        first = await _wait_for_codes(studio, page, instance)
        await studio.save("setup-qr.png", page)
        frames.append(await _frame(page, 2.5))

        async def probe() -> bool | None:
            said = read_qrs(await screenshot(page))
            return True if said and said != first else None

        await until("the dialog shows another code", probe, seconds=_SECONDS)
        frames.append(await _frame(page, 2.5))
        await stack.phone.scan(instance.id_instance)
        await dialog.locator("step-flow-create-entry").wait_for()
        await page.wait_for_load_state("networkidle")
        frames.append(await _frame(page, 3))
    path = studio.path("link.webp")
    await asyncio.to_thread(save_animation, path, frames)
    say(f"  {path.name}: {path.stat().st_size} bytes")


async def _new_instance(stack: Stack) -> DemoInstance:
    """Make one that Home Assistant does not know yet."""
    number = len(stack.simulator.cloud.list())
    id_instance = f"{1_101_000_001 + number}"
    stack.simulator.cloud.create(id_instance, "whatsapp")
    return DemoInstance.of(await stack.phone.instance(id_instance))


async def _fill(dialog: Locator, **fields: str) -> None:
    for name, value in fields.items():
        await dialog.locator(f"input[name={name}]").fill(value)
    await dialog.get_by_role("button").last.click()


async def _frame(page: Page, seconds: float) -> Frame:
    picture = await screenshot(page)
    return Frame(picture=picture, seconds=seconds)


async def _run(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=_PATIENCE)
    async with open_browser() as browser:
        for language in options.languages or _LANGUAGES:
            await _take_language(browser, options.out, language)


async def _take_language(browser: Browser, out: Path, language: str) -> None:
    """Make the pictures of one language, in a Home Assistant that speaks it."""
    settings = Settings(
        environment=environment("current"),
        speed=_SPEED,
        language=language,
        options={"login_always": True},
    )
    async with (
        run_stack(settings) as stack,
        HomeAssistantClient(stack.home_assistant.url) as client,
    ):
        await client.call(
            "frontend/set_user_data", key="language", value={"language": language}
        )
        studio = Studio(
            stack=stack, client=client, browser=browser, out=out, language=language
        )
        instance = stack.instance("WhatsApp")
        await _take_dashboard(studio)
        await _take_card(studio, instance)
        await _take_device(studio, instance)
        await _take_set_up(studio)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/screenshots",
        description="Makes the documents' pictures of the interface, from the demo.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=_OUT,
        metavar="DIR",
        help="where they go (default: docs/images)",
    )
    parser.add_argument(
        "--language",
        action="append",
        choices=_LANGUAGES,
        dest="languages",
        help="only this one; may be given more than once",
    )
    return parser.parse_args()


def main() -> int:
    """Make all pictures; return the exit code."""
    return asyncio.run(run_command(_run(_arguments())))


if __name__ == "__main__":
    sys.exit(main())
