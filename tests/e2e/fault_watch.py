"""Wait until the simulator's faults have hit."""

import asyncio

from simulator import Cloud


class FaultWatch:
    """Tell when a fault has hit as often as it was to."""

    def __init__(self, cloud: Cloud) -> None:
        """Watch this cloud from now on."""
        self._cloud = cloud
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._task = asyncio.create_task(self._run())

    async def spent(self, number: int) -> None:
        """Wait until a fault is no longer in force."""
        hit = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._look()
        try:
            await hit
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Watch no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        # One for all: what happens hundreds of times a second wakes nobody else.
        while True:
            revision = self._cloud.changed.revision
            self._look()
            await self._cloud.changed.wait(revision)

    def _look(self) -> None:
        in_force = {rule.number for rule in self._cloud.faults.list()}
        for number, future in self._waiting.items():
            if number not in in_force and not future.done():
                future.set_result(None)
