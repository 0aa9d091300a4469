"""List and run the benchmarks; scripts/bench calls it."""

import argparse
import asyncio
import sys
from typing import Final

from demo.command import run_command
from demo.console import say

from . import cost, latency, pixels

_BENCHMARKS: Final = {"latency": latency, "pixels": pixels, "cost": cost}


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


def main() -> int:
    """Run one benchmark, or list all; return the exit code."""
    options = _arguments()
    if options.name is None:
        return 0
    return asyncio.run(run_command(_BENCHMARKS[options.name].run(options)))


if __name__ == "__main__":
    sys.exit(main())
