"""The whole demo without a person, for ``--check``."""

import asyncio
import time

from .console import say
from .errors import DemoError
from .hass_client import HomeAssistantClient
from .logs import complaints, leaks
from .round import Round
from .stack import Stack

_FAREWELL_SECONDS = 5.0


async def check(stack: Stack) -> None:
    """Play the round with each instance and say what was seen.

    Raises DemoError with the first thing that is not as it should be. Home
    Assistant is stopped at the end, since what it does then is part of it.
    """
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        for instance in stack.instances:
            say(f"{instance.title}:")
            await _play(Round(stack.phone, stack.watch, client, instance))
    say("Home Assistant stops:")
    await _check_farewell(stack)
    await _check_log(stack)


async def _play(played: Round) -> None:
    start = time.monotonic()
    payload, png = await played.wait_for_code()
    _saw(
        start,
        f"one QR on camera, image and MQTT (PNG, {len(png):,} bytes),"
        " which reads as the phone's present code",
    )
    payload, seen = await played.scan(payload)
    for where, seconds in seen.items():
        say(f"  {seconds:4.1f} s  after the scan: {where}")
    start = time.monotonic()
    png = await played.wait_for_still()
    _saw(
        start,
        "qr/availability went offline, then the code gave way to one still picture"
        f" on camera, image and MQTT (PNG, {len(png):,} bytes)",
    )
    start = time.monotonic()
    await played.log_out()
    _, png = await played.wait_for_code(other_than=payload)
    _saw(
        start,
        "after green_api.logout: another QR on camera, image and MQTT"
        f" (PNG, {len(png):,} bytes)",
    )


async def _check_farewell(stack: Stack) -> None:
    start = time.monotonic()
    await stack.home_assistant.stop()
    for instance in stack.instances:
        for name in ("availability", "qr/availability"):
            await stack.watch.wait_for(
                instance.topic(name), b"offline", seconds=_FAREWELL_SECONDS
            )
    _saw(start, "availability and qr/availability are offline")


async def _check_log(stack: Stack) -> None:
    log = await asyncio.to_thread(stack.home_assistant.read_log)
    if found := complaints(log):
        listed = "\n".join(found)
        problem = f"{len(found)} warnings or errors about the integration:\n{listed}"
        raise DemoError(problem)
    count = leaks(log, (instance.token for instance in stack.instances))
    if count:
        problem = f"a token stands in Home Assistant's log, {count} times"
        raise DemoError(problem)
    lines = log.count("\n")
    say(f"          its log ({lines} lines): no complaint about us, no token")


def _saw(start: float, what: str) -> None:
    say(f"  {time.monotonic() - start:4.1f} s  {what}")
