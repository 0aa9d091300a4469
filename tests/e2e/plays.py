"""Play many cases side by side, each with an instance of its own.

Most of a login is waiting. One after the other, its cases would take minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import pytest

_PREFIXES = {"whatsapp": "1101", "telegram": "4100", "max": "3100"}

# A case that goes well is much shorter, even on a busy machine.
_CASE_SECONDS = 100.0


class Plays[C]:
    """Cases under way; each test waits for its own."""

    def __init__(
        self,
        cases: Iterable[C],
        play: Callable[[C], Awaitable[None]],
        *,
        at_once: int,
    ) -> None:
        """Begin with the first cases; each that ends makes way for the next."""
        self._gate = asyncio.Semaphore(at_once)
        self._play = play
        self._tasks = {case: asyncio.create_task(self._run(case)) for case in cases}

    async def result(self, case: C) -> None:
        """Wait for the end of a case; raises what it has raised."""
        await self._tasks[case]

    async def all_over(self) -> None:
        """Wait for the end of all cases, good or bad."""
        await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """End those that are still under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, case: C) -> None:
        async with self._gate, asyncio.timeout(_CASE_SECONDS):
            await self._play(case)


def chosen[C](request: pytest.FixtureRequest, kind: type[C]) -> list[C]:
    """Return the cases of this module whose tests are to run, in their order."""
    found: dict[C, None] = {}
    for item in request.session.items:
        if item.path == request.path and hasattr(item, "callspec"):
            case = item.callspec.params.get("case")
            if isinstance(case, kind):
                found[case] = None
    return list(found)


def ids_for(messengers: Iterable[str]) -> Iterator[str]:
    """Yield an idInstance that fits each messenger, all different."""
    for number, messenger in enumerate(messengers, 1):
        yield f"{_PREFIXES[messenger]}{number:06d}"
