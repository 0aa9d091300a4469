"""Run the demo from a command line; scripts/demo calls it."""

import argparse
import asyncio
import math
from pathlib import Path
import signal
import sys

from .broker import BrokerKind
from .check import check
from .console import complain, progress, say
from .errors import DemoError
from .home_assistant import RESTART, HomeAssistant
from .mqtt_watch import Received
from .places import environment
from .ports import HOST
from .stack import Settings, Stack, run_stack

_LAST_PORT = 65535
_INTERRUPTED = 130


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= _LAST_PORT:
        return int(text)
    msg = f"{text!r} is no port: give a number from 0 (any free one) to {_LAST_PORT}"
    raise argparse.ArgumentTypeError(msg)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if math.isfinite(speed) and speed > 0:
        return speed
    msg = f"{text!r} is no speed: give a number above 0"
    raise argparse.ArgumentTypeError(msg)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Home Assistant with two simulated GREEN-API instances, an MQTT"
        " broker and the phone to play with, all on this machine. Ctrl-C ends it.",
    )
    add = parser.add_argument
    add("--port-ha", type=_port, help="Home Assistant's port (default: 8123)")
    add("--port-phone", type=_port, help="the simulated phone's port (default: 8124)")
    add("--port-broker", type=_port, help="the broker's port (default: 1883)")
    add(
        "--broker",
        type=BrokerKind,
        choices=list(BrokerKind),
        default=BrokerKind.AUTO,
        help="auto takes Mosquitto where there is one (default: %(default)s)",
    )
    add(
        "--speed",
        type=_speed,
        default=1.0,
        help="how much faster than real the cloud's time runs (default: %(default)s)",
    )
    add(
        "--check",
        action="store_true",
        help="play the whole round without a person, on free ports, then end:"
        " 0 if all was as it should be",
    )
    add(
        "--version",
        choices=("current", "floor"),
        default="current",
        help="the newest or the oldest Home Assistant supported (default: %(default)s)",
    )
    add(
        "--environment",
        type=Path,
        help="a virtual environment with Home Assistant, instead of --version",
    )
    add("--keep", type=Path, metavar="DIR", help="a new folder for all files, kept")
    return parser.parse_args()


def _settings(options: argparse.Namespace) -> Settings:
    defaults = (0, 0, 0) if options.check else (8123, 8124, 1883)
    given = (options.port_ha, options.port_phone, options.port_broker)
    ports = [
        default if port is None else port
        for port, default in zip(given, defaults, strict=True)
    ]
    return Settings(
        environment=options.environment or environment(options.version),
        port_ha=ports[0],
        port_phone=ports[1],
        port_broker=ports[2],
        broker=options.broker,
        speed=options.speed,
        keep=options.keep,
    )


def _show(message: Received) -> None:
    say(message.line)


def _show_addresses(stack: Stack) -> None:
    say()
    say(f"  Home Assistant       {stack.home_assistant.url}")
    say(f"  the simulated phone  {stack.simulator.url}/")
    say(f"  the MQTT broker      mqtt://{HOST}:{stack.broker.port}")
    say()
    say("Scan a code on the phone's page. Ctrl-C ends everything.")
    say("MQTT messages:")
    for message in stack.watch.history:
        _show(message)


async def _stay(home_assistant: HomeAssistant) -> None:
    """Stay until Home Assistant ends, which raises DemoError."""
    while await home_assistant.process.wait() == RESTART:
        async with progress("Starting Home Assistant anew, as it asked for"):
            await home_assistant.start()
    home_assistant.process.require_running()


async def _run(options: argparse.Namespace) -> None:
    settings = _settings(options)
    if options.check:
        async with run_stack(settings) as stack:
            await check(stack)
        return
    async with run_stack(settings) as stack:
        _show_addresses(stack)
        stack.watch.on_message = _show
        await _stay(stack.home_assistant)


async def _main() -> int:
    options = _arguments()
    running = asyncio.ensure_future(_run(options))
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
    if options.check:
        say("All as it should be.")
    return 0


def main() -> int:
    """Run until a signal or, with --check, until done; return the exit code."""
    return asyncio.run(_main())


if __name__ == "__main__":
    sys.exit(main())
