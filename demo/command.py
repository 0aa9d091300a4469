"""The end of what a command line has asked for."""

import asyncio
from collections.abc import Coroutine
import signal
from typing import Final

from .console import complain, say
from .errors import DemoError

FAILED: Final = 1
INTERRUPTED: Final = 130


async def run_command(work: Coroutine[None, None, None]) -> int:
    """Return the exit code of some work, which a signal cancels.

    0 when it is done, 1 after a DemoError, of which the person is told, 130 after a
    signal.
    """
    running = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except DemoError as error:
        complain(error)
        return FAILED
    except asyncio.CancelledError:
        say("Ended.")
        return INTERRUPTED
    return 0
