"""The demo's embedded broker as a process, which can be killed like any other."""

import asyncio
import logging
from pathlib import Path
import sys

from demo.broker import EmbeddedBroker
from demo.places import ROOT
from demo.ports import HOST
from demo.process import ManagedProcess
from demo.waiting import until


class EmbeddedProcess:
    """The broker of MQTT 3.1.1; what is retained ends with it."""

    name = EmbeddedBroker.name
    protocol = EmbeddedBroker.protocol

    def __init__(self, port: int, folder: Path) -> None:
        """Take the folder for its log."""
        self.port = port
        folder.mkdir(parents=True)
        self.process = ManagedProcess(
            self.name,
            [sys.executable, "-m", __name__, str(port)],
            folder / "embedded.log",
            env={"PYTHONPATH": str(ROOT)},
            grace=5,
        )

    async def start(self) -> None:
        """Take connections; raises DemoError."""
        await self.process.start()
        await until(f"{self.name} takes connections", self._probe, seconds=20)

    async def stop(self) -> None:
        """Cut all connections."""
        await self.process.stop()

    async def kill(self) -> None:
        """End it as a crash does."""
        await self.process.kill()

    async def _probe(self) -> bool | None:
        self.process.require_running()
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return None
        writer.close()
        return True


async def _serve(port: int) -> None:
    await EmbeddedBroker(port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(_serve(int(sys.argv[1])))
