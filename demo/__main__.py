"""Run the demo from a command line; scripts/demo calls it."""

import argparse
import asyncio
import math
from pathlib import Path
import sys

from .broker import BrokerKind
from .check import check
from .command import add_environment, chosen_environment, run_command
from .console import progress, say
from .home_assistant import RESTART, HomeAssistant
from .mqtt_watch import Received
from .places import PANEL
from .ports import HOST
from .stack import Settings, Stack, run_stack

_PORTS = {
    "port_ha": ("Home Assistant's", 8123),
    "port_phone": ("the simulated phone's", 8124),
    "port_broker": ("the broker's", 1883),
    "port_websocket": ("the broker's WebSocket", 9001),
}
_LAST_PORT = 65535


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
        description="Home Assistant with a simulated GREEN-API instance of each"
        " messenger, an MQTT broker and the phones to play with, all on this machine."
        " Ctrl-C ends it.",
    )
    add = parser.add_argument
    for name, (whose, default) in _PORTS.items():
        add(
            f"--{name.replace('_', '-')}",
            type=_port,
            metavar="PORT",
            help=f"{whose} port, 0 for any free one (default: {default})",
        )
    add(
        "--broker",
        choices=[kind.value for kind in BrokerKind],
        default=BrokerKind.AUTO.value,
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
    add_environment(parser)
    add("--keep", type=Path, metavar="DIR", help="a new folder for all files, kept")
    return parser.parse_args()


def _chosen_port(options: argparse.Namespace, name: str) -> int:
    given: int | None = getattr(options, name)
    if given is not None:
        return given
    # Nobody has to remember the addresses of a check.
    return 0 if options.check else _PORTS[name][1]


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        environment=chosen_environment(options),
        port_ha=_chosen_port(options, "port_ha"),
        port_phone=_chosen_port(options, "port_phone"),
        port_broker=_chosen_port(options, "port_broker"),
        port_websocket=_chosen_port(options, "port_websocket"),
        broker=BrokerKind(options.broker),
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
    websocket = f"ws://{HOST}:{stack.broker.websocket_port}"
    say(f"                       {websocket}")
    say(f"  a panel over MQTT    {PANEL.as_uri()}#url={websocket}")
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
        say("All as it should be.")
        return
    async with run_stack(settings) as stack:
        _show_addresses(stack)
        stack.watch.on_message = _show
        await _stay(stack.home_assistant)


def main() -> int:
    """Run until a signal or, with --check, until done; return the exit code."""
    return asyncio.run(run_command(_run(_arguments())))


if __name__ == "__main__":
    sys.exit(main())
