"""Real Mosquittos, each as a test wants it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from demo.broker import Mosquitto
from demo.places import mosquitto
from demo.ports import choose_ports

type StartMosquitto = Callable[..., Awaitable[Mosquitto]]


def free_port() -> int:
    """Return a port that nobody listens at."""
    return choose_ports({"broker": 0})["broker"]


@asynccontextmanager
async def run_mosquittos(folder: Path) -> AsyncIterator[StartMosquitto]:
    """Yield what starts Mosquittos, each with the lines of its listener's options.

    Without a line it takes anybody. All are stopped at the end.
    """
    program = mosquitto()
    assert program, "run scripts/setup broker"
    started: list[Mosquitto] = []

    async def start(*options: str) -> Mosquitto:
        lines = options or ("allow_anonymous true",)
        place = folder / f"mosquitto-{len(started)}"
        started.append(Mosquitto(program, free_port(), place, lines))
        await started[-1].start()
        return started[-1]

    try:
        yield start
    finally:
        for broker in started:
            await broker.stop()
