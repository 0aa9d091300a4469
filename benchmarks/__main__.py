"""List and run the benchmarks; scripts/bench calls it."""

import argparse
import asyncio
import signal
import sys
from typing import Final

from demo.console import complain, say
from demo.errors import DemoError

from . import cost, latency, pixels

_BENCHMARKS: Final = {"latency": latency, "pixels": pixels, "cost": cost}
_INTERRUPTED: Final = 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures, and says what it found. Nothing passes or fails by it."
        " Without a name it lists what there is.",
    )
    found = parser.add_subparsers(title="benchmarks", metavar="NAME", dest="name")
    for name, module in _BENCHMARKS.items():
        summary = module.SUMMARY
        module.add_arguments(found.add_parser(name, help=summary, description=summary))
    options = parser.parse_args()
    if options.name is None:
        width = max(map(len, _BENCHMARKS))
        for name, module in _BENCHMARKS.items():
            say(f"{name:{width}}  {module.SUMMARY}")
    return options


async def _main(options: argparse.Namespace) -> int:
    running = asyncio.ensure_future(_BENCHMARKS[options.name].run(options))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except DemoError as error:
        complain(error)
        return 1
    except asyncio.CancelledError:
        say("Ended.")
        return _INTERRUPTED
    return 0


def main() -> int:
    """Run one benchmark, or list all; return the exit code."""
    options = _arguments()
    return asyncio.run(_main(options)) if options.name else 0


if __name__ == "__main__":
    sys.exit(main())
