"""The demo's lines on the console."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import sys
import time

from .errors import DemoError

# How often a step that takes long shows that it is still at work.
_TICK_SECONDS = 5


def say(text: str = "") -> None:
    """Write one line at once."""
    # A console that has gone must not keep the demo from ending its processes.
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def complain(error: DemoError) -> None:
    """Write an error and what helps."""
    text = f"error: {error}\n"
    if error.remedy:
        text += f"  what helps: {error.remedy}\n"
    with suppress(BrokenPipeError):
        sys.stderr.write(text)
        sys.stderr.flush()


@asynccontextmanager
async def progress(text: str) -> AsyncIterator[None]:
    """Say what is being done, that it is still going on, and how long it took."""
    start = time.monotonic()
    say(f"{text} …")

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            say(f"  {time.monotonic() - start:.0f} s")

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
    say(f"  ready after {time.monotonic() - start:.1f} s")
