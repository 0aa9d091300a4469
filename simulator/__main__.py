"""Run the simulator from a command line."""

import argparse
import asyncio
import errno
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

from .clock import Clock
from .messenger import Messenger
from .server import Simulator

if TYPE_CHECKING:
    from .cloud import Cloud

_LEVELS = ("debug", "info", "warning", "error")
_LAST_PORT = 65535


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= _LAST_PORT:
        return int(text)
    msg = f"{text!r} is no port: give a number from 0 (any free one) to {_LAST_PORT}"
    raise argparse.ArgumentTypeError(msg)


def _host(text: str) -> str:
    if text.strip():
        return text
    # An empty host would mean every network that this machine is on.
    msg = "give a host, or leave it out for 127.0.0.1"
    raise argparse.ArgumentTypeError(msg)


def _speed(text: str) -> float:
    try:
        return Clock(float(text)).speed
    except ValueError:
        msg = f"{text!r} is no speed: give a number above 0"
        raise argparse.ArgumentTypeError(msg) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="simulator", description="A simulated GREEN-API cloud with its phone."
    )
    parser.add_argument("--port", type=_port, required=True, help="0 picks a free port")
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="default: %(default)s"
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="how much faster than real its time runs (default: %(default)s)",
    )
    parser.add_argument("--empty", action="store_true", help="start without instances")
    parser.add_argument("--log-level", choices=_LEVELS, default="warning")
    return parser.parse_args()


def _seed(cloud: Cloud) -> None:
    cloud.create("1101000001", Messenger.WHATSAPP)
    cloud.create("4100000001", Messenger.TELEGRAM)
    cloud.create("3100000001", Messenger.MAX)


def _reason(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"cannot find the host {host!r}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is taken; choose another one with --port"
        case errno.EACCES:
            return f"port {port} needs more rights; choose one above 1023"
        case errno.EADDRNOTAVAIL | None:  # asyncio gives no number for it
            return f"{host} is no address of this machine"
    return f"cannot listen on {host} port {port}: {error.strerror}"


async def _serve(options: argparse.Namespace) -> int:
    simulator = Simulator(host=options.host, port=options.port, speed=options.speed)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        async with simulator:
            if not options.empty:
                _seed(simulator.cloud)
            sys.stdout.write(f"The simulated phone: {simulator.url}/\n")
            sys.stdout.flush()
            await ended.wait()
    except OSError as error:
        reason = _reason(error, options.host, options.port)
        sys.stderr.write(f"simulator: {reason}\n")
        return 1
    return 0


def main() -> int:
    """Run until SIGINT or SIGTERM; return the exit code."""
    options = _arguments()
    logging.basicConfig(level=options.log_level.upper())
    return asyncio.run(_serve(options))


if __name__ == "__main__":
    sys.exit(main())
