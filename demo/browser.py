"""Chromium, as scripts/setup has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import os
from typing import Final

from playwright.async_api import (
    Browser,
    Error as PlaywrightError,
    FloatRect,
    Page,
    async_playwright,
)

from .errors import DemoError
from .places import chromium

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_ATTEMPTS: Final = 10
_SCREENSHOT_MS: Final = 5_000
_RETRY_SECONDS: Final = 0.5


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Run Chromium: that of $CHROMIUM, else the one that scripts/setup has.

    Raises DemoError where there is none.
    """
    program = os.environ.get("CHROMIUM") or chromium()
    if not program:
        problem = "there is no Chromium"
        raise DemoError(problem, "run scripts/setup browser")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=str(program), args=list(FLAGS)
        )
        try:
            yield running
        finally:
            await running.close()


async def screenshot(page: Page, clip: FloatRect | None = None) -> bytes:
    """Return what a page shows, as PNG. Raises DemoError where the browser is stuck."""
    for _ in range(_ATTEMPTS):
        # On a machine that is very busy one now and then fails, or takes for ever.
        with suppress(PlaywrightError):
            return await page.screenshot(
                clip=clip, animations="disabled", timeout=_SCREENSHOT_MS
            )
        await asyncio.sleep(_RETRY_SECONDS)
    problem = "the browser gives no picture of a page"
    raise DemoError(problem, "try again when the machine is less busy")
