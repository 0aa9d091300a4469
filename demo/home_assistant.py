"""Home Assistant as a process."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import aiohttp

from .hass_client import HomeAssistantClient
from .hass_socket import HomeAssistantError
from .ports import HOST
from .process import ManagedProcess
from .waiting import until

# The first start on a machine writes the bytecode of everything.
START_SECONDS = 120.0

_STAND_INS = Path(__file__).parent / "stand_ins"

# The exit code by which it asks to be started again.
RESTART = 100


class HomeAssistant:
    """A Home Assistant of one environment with one configuration folder."""

    def __init__(self, environment: Path, config: Path, port: int) -> None:
        """Take the virtual environment, the seeded folder and its port."""
        self.config = config
        self.url = f"http://{HOST}:{port}"
        self.process = ManagedProcess(
            "Home Assistant",
            [environment / "bin" / "hass", "--skip-pip", "--config", config],
            config / "console.log",
            env=_stand_ins(environment),
        )

    @property
    def log_files(self) -> list[Path]:
        """Return all that it has written for people to read, earlier starts too."""
        return [self.process.log, *sorted(self.config.glob("home-assistant.log*"))]

    async def start(self) -> str:
        """Start it, wait until everything is set up, and return its version.

        Raises DemoError where it ends before, or takes too long.
        """
        await self.process.start()
        return await until(
            "Home Assistant is set up", self._probe, seconds=START_SECONDS
        )

    async def stop(self) -> None:
        """Stop it as a service manager does."""
        await self.process.stop()

    async def kill(self) -> None:
        """End it as a power cut does."""
        await self.process.kill()

    def read_log(self) -> str:
        """Return the text of all log files."""
        texts = (path.read_text(errors="replace") for path in self.log_files)
        return "\n".join(texts)

    async def _probe(self) -> str | None:
        self.process.require_running()
        with suppress(aiohttp.ClientError, TimeoutError, HomeAssistantError):
            async with HomeAssistantClient(self.url) as client:
                # It takes connections long before everything is set up.
                return await until(
                    "all is set up", partial(self._ask, client), seconds=START_SECONDS
                )
        return None

    async def _ask(self, client: HomeAssistantClient) -> str | None:
        self.process.require_running()
        config = await client.call("get_config")
        return str(config["version"]) if config["state"] == "RUNNING" else None


def _stand_ins(environment: Path) -> dict[str, str]:
    """Return where Python finds what Assist needs, if the environment lacks it.

    Without it Home Assistant cannot describe its actions, and its interface
    waits for them for ever. There is no build of it for Python 3.14.
    """
    if any(environment.glob("lib/python*/site-packages/pymicro_vad*")):
        return {}
    return {"PYTHONPATH": str(_STAND_INS)}


def http_logger(environment: Path) -> str:
    """Return the name of the HTTP library's logger.

    The two supported versions differ in it, and complain of the other's name.
    """
    newer = any(environment.glob("lib/python*/site-packages/httpx2"))
    return "httpx2" if newer else "httpx"
