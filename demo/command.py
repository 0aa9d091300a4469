"""What the command lines have in common: which Home Assistant, and the end."""

import argparse
import asyncio
from collections.abc import Coroutine
from pathlib import Path
import signal
from typing import Final

from .console import complain, say
from .errors import DemoError
from .places import environment

FAILED: Final = 1
INTERRUPTED: Final = 130


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Add which Home Assistant is to run."""
    parser.add_argument(
        "--version",
        choices=("current", "floor"),
        default="current",
        help="the newest or the oldest Home Assistant supported (default: %(default)s)",
    )
    parser.add_argument(
        "--environment",
        type=Path,
        help="a virtual environment with Home Assistant, instead of --version",
    )


def chosen_environment(options: argparse.Namespace) -> Path:
    """Return the virtual environment. Raises DemoError where it was not made yet."""
    folder: Path = options.environment or environment(options.version)
    return folder.absolute()


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
