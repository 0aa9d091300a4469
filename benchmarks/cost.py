"""What an instance costs, beside a script that does nothing but relay codes."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
import json
import sys
import tempfile
from typing import Final

import psutil  # type: ignore[import-untyped]

from demo.command import chosen_environment
from demo.console import progress, say
from demo.errors import DemoError
from demo.places import ROOT
from demo.ports import HOST

from .arguments import add_common, positive
from .home import Home, Plan, open_home
from .table import Table

SUMMARY: Final = "what an instance costs in CPU time and requests, and a bare relay"

_HEAD: Final = (
    "situation",
    "who",
    "CPU ms a minute",
    "requests a minute",
    "codes a minute",
)

# After a change, until all instances have come to rest in it.
_SETTLING: Final = 15.0

# What anything may take that is waited for.
_PATIENCE: Final = 120.0

# What the relay sleeps between two requests: the vendor advises no less.
_RELAY_POLL: Final = 1.0
_RELAY_REST: Final = 60.0

_OPTIONS: Final = {"mqtt": "state_and_qr", "login_always": True}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What one process and the cloud had to do in some time."""

    cpu: float
    """Seconds."""
    requests: int
    codes: int


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Count for a while, over all instances."""

    home: Home
    seconds: float

    async def count(self, pid: int, text: str) -> Counted:
        """Let the instances come to rest, then count."""
        process = await asyncio.to_thread(psutil.Process, pid)
        async with progress(f"Counting for {self.seconds:.0f} s: {text}"):
            await asyncio.sleep(min(_SETTLING, self.seconds))
            before = self._read(process)
            await asyncio.sleep(self.seconds)
            after = self._read(process)
        return Counted(
            cpu=after.cpu - before.cpu,
            requests=after.requests - before.requests,
            codes=after.codes - before.codes,
        )

    def line(
        self, situation: str, who: str, counted: Counted, *, idle: float = 0.0
    ) -> tuple[str, ...]:
        """Return a line for one instance; `idle` is what costs CPU without any."""
        shares = len(self.home.instances) * self.seconds / 60
        cpu = (counted.cpu - idle) * 1000 / shares
        rest = (counted.requests / shares, counted.codes / shares)
        return situation, who, f"{cpu:.0f}", *(f"{value:.1f}" for value in rest)

    def _read(self, process: psutil.Process) -> Counted:
        times = process.cpu_times()
        phones = [self.home.phone_of(item) for item in self.home.instances]
        return Counted(
            cpu=times.user + times.system,
            requests=sum(map(self.home.requests_of, self.home.instances)),
            codes=sum(phone.code.number for phone in phones if phone.code),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    add_common(parser)
    add = parser.add_argument
    add(
        "--instances",
        type=positive,
        default=10,
        metavar="N",
        help="how many share the costs of a situation (default: %(default)s)",
    )
    add(
        "--seconds",
        type=positive,
        default=120,
        metavar="SECONDS",
        help="how long each situation is counted (default: %(default)s)",
    )


async def run(options: argparse.Namespace) -> None:
    """Measure, and print the table. Raises DemoError where something gets stuck."""
    plans = [
        Plan(
            id_instance=f"1101{number:06d}",
            messenger="whatsapp",
            state="authorized",
            options=_OPTIONS,
        )
        for number in range(1, options.instances + 1)
    ]
    async with open_home(chosen_environment(options), plans, ()) as home:
        lines = await _measure(home, Meter(home=home, seconds=options.seconds))
    say()
    table = Table(head=_HEAD, lines=lines, texts=2)
    say(table.as_markdown() if options.markdown else table.as_text())


async def _measure(home: Home, meter: Meter) -> list[tuple[str, ...]]:
    us = partial(meter.count, home.pid)
    await _enable(home, enabled=False)
    idle = (await us("Home Assistant without an instance")).cpu
    await _enable(home, enabled=True)
    await _wait_for(home, "authorized")
    linked = await us("linked, the integration")
    # Taken up anew, they learn at once of what a poll would find in a minute.
    await _enable(home, enabled=False)
    for item in home.instances:
        home.phone_of(item).unlink()
    await _enable(home, enabled=True)
    await _wait_for(home, "showing")
    by_socket = await us("login by WebSocket, the integration")
    await _enable(home, enabled=False)
    await home.phone.add_fault("status", status=404, method="scanqrcode")
    await _enable(home, enabled=True)
    await _wait_for(home, "showing")
    by_http = await us("login by HTTP, the integration")
    await _enable(home, enabled=False)
    async with _relay(home) as relay:
        relayed = await meter.count(relay, "login by HTTP, the relay")
        for item in home.instances:
            home.phone_of(item).authorize()
        relay_linked = await meter.count(relay, "linked, the relay")
    return [
        meter.line("login by WebSocket", "integration", by_socket, idle=idle),
        meter.line("login by HTTP", "integration", by_http, idle=idle),
        meter.line("login by HTTP", "bare relay", relayed),
        meter.line("linked", "integration", linked, idle=idle),
        meter.line("linked", "bare relay", relay_linked),
    ]


async def _enable(home: Home, *, enabled: bool) -> None:
    """Let Home Assistant take up all instances, or leave them."""
    for instance in home.instances.values():
        await home.client.call(
            "config_entries/disable",
            entry_id=instance.entry_id,
            disabled_by=None if enabled else "user",
        )


async def _wait_for(home: Home, state: str) -> None:
    """Wait until all are linked, or show a code."""
    for item in home.instances.values():
        sensor = item.sensor if state == "authorized" else item.login_sensor
        await home.client.wait_for_state(sensor, state, seconds=_PATIENCE)


@asynccontextmanager
async def _relay(home: Home) -> AsyncIterator[int]:
    """Run the relay for all instances; yield its process id."""
    told = {
        "url": home.simulator.url,
        "host": HOST,
        "port": home.broker_port,
        "poll": _RELAY_POLL,
        "rest": _RELAY_REST,
        "instances": [
            {"id_instance": item.id_instance, "token": item.token}
            for item in home.instances.values()
        ],
    }
    with tempfile.TemporaryFile() as order:
        order.write(json.dumps(told).encode())
        order.seek(0)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.relay"), stdin=order, cwd=ROOT
        )
    try:
        yield process.pid
        if process.returncode is not None:
            problem = "the relay has ended too soon"
            raise DemoError(problem)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
