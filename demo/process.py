"""Processes that never outlive the demo."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
import os
from pathlib import Path
import signal

from .errors import DemoError

# Our own Python's settings would lead another environment's Python astray, and
# without bytecode everything starts twice as slowly.
_NOT_PASSED_ON = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)


class ManagedProcess:
    """A program in a process group of its own, with its output in a file.

    The group keeps a Ctrl-C at the console from reaching the program before the
    demo has decided on the order of the end.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        grace: float = 30,
    ) -> None:
        """Take what to run; it has ``grace`` seconds to end when asked to.

        It works in the folder of its log.
        """
        self.name = name
        self.log = log
        self._command = command
        self._env = dict(env or {})
        self._grace = grace
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it; the output is added to the file. Raises DemoError."""
        env = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
        with self.log.open("ab") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.log.parent,
                    env=env | self._env,
                    process_group=0,
                )
            except OSError as error:
                problem = f"{self.name} does not start: {error.strerror}"
                raise DemoError(problem, "run scripts/setup") from None

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""
        if self._process is None:
            msg = "it was not started"
            raise RuntimeError(msg)
        return await self._process.wait()

    def require_running(self) -> None:
        """Raise DemoError with the end of its output when it has ended."""
        process = self._process
        if process is None or process.returncode is not None:
            code = process.returncode if process else None
            problem = f"{self.name} ended with exit code {code}:\n{self.tail()}"
            raise DemoError(problem, "take --keep DIR, then read the logs in DIR")

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its output."""
        with suppress(OSError):
            text = self.log.read_text(errors="replace")
            return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:])
        return ""

    async def stop(self) -> None:
        """End it and all of its children: asked first, then forced."""
        if self._process is None:
            return
        try:
            if self._process.returncode is None:
                self._signal(signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._grace):
                        await self._process.wait()
        finally:
            # Also where the waiting was cancelled by a second Ctrl-C.
            await self.kill()

    async def kill(self) -> None:
        """End it and all of its children at once."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        await self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
