"""Tell whoever waits that something changed."""

import asyncio


class Changes:
    """Count changes and wake those who wait for the next one."""

    def __init__(self, parent: Changes | None = None) -> None:
        """Start at revision 0; each change is one of the parent too."""
        self.revision = 0
        self._parent = parent
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Count a change and wake every waiter."""
        self.revision += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._parent:
            self._parent.notify()

    async def wait(self, since: int | None = None) -> int:
        """Wait until the revision is above ``since`` (default: the present one).

        Returns the revision reached. A caller that passes the revision it saw
        last misses nothing, however long it was busy in between.
        """
        seen = self.revision if since is None else since
        while self.revision <= seen:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.revision
