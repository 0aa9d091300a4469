"""The MQTT broker: Mosquitto, or one inside the demo's own process."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
import getpass
import logging
from pathlib import Path
from typing import Protocol, override

from amqtt.broker import (  # type: ignore[import-untyped]
    Broker as AmqttBroker,
)
from amqtt.errors import BrokerError  # type: ignore[import-untyped]

from .errors import DemoError
from .places import mosquitto
from .ports import HOST
from .process import ManagedProcess
from .waiting import until

_START_SECONDS = 10


class BrokerKind(StrEnum):
    """Name the brokers to choose from."""

    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    EMBEDDED = "embedded"


class Broker(Protocol):
    """A broker on the loopback address that takes anybody."""

    name: str
    port: int
    protocol: str
    """The newest MQTT version it speaks, as Home Assistant's settings spell it."""
    websocket_port: int | None
    """Where browsers connect; None for a broker that takes none."""

    async def start(self) -> None:
        """Take connections; raises DemoError."""

    async def stop(self) -> None:
        """Cut all connections."""


class Mosquitto:
    """Mosquitto as a process; what is retained ends with it."""

    name = "Mosquitto"
    protocol = "5"

    def __init__(
        self,
        program: Path,
        port: int,
        folder: Path,
        options: Sequence[str] = ("allow_anonymous true",),
        *,
        websocket_port: int | None = None,
    ) -> None:
        """Take the folder for its files, and the lines of the listener's options."""
        self.port = port
        self.websocket_port = websocket_port
        self._folder = folder
        self._options = options
        self._config = folder / "mosquitto.conf"
        self.process = ManagedProcess(
            self.name,
            [program, "-c", self._config],
            folder / "mosquitto.log",
            grace=5,
        )

    async def start(self) -> None:
        """Take connections; raises DemoError."""
        await asyncio.to_thread(self._configure)
        await self.process.start()
        await until(
            f"{self.name} takes connections", self._probe, seconds=_START_SECONDS
        )

    async def stop(self) -> None:
        """Cut all connections."""
        await self.process.stop()

    async def kill(self) -> None:
        """End it as a crash does."""
        await self.process.kill()

    def _configure(self) -> None:
        lines = [
            "persistence false",
            # Run by root it would change to a user that may not exist.
            f"user {getpass.getuser()}",
            f"listener {self.port} {HOST}",
            *self._options,
        ]
        if self.websocket_port is not None:
            lines += [f"listener {self.websocket_port} {HOST}", "protocol websockets"]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text("\n".join([*lines, ""]))

    async def _probe(self) -> bool | None:
        self.process.require_running()
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, self.port)
            writer.close()
            return True
        return None


class _Subscriptions(dict[str, object]):
    """Let others subscribe while they are gone through.

    The broker waits in the midst of it; a client that connected then would hang.
    """

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))


class EmbeddedBroker:
    """A broker in this process's event loop, of MQTT 3.1.1 only."""

    name = "the embedded broker"
    protocol = "3.1.1"

    def __init__(self, port: int, *, websocket_port: int | None = None) -> None:
        """Take the ports."""
        self.port = port
        self.websocket_port = websocket_port
        self._broker: AmqttBroker | None = None

    async def start(self) -> None:
        """Take connections; raises DemoError."""
        # It reports each lost connection as an error.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        listeners = {"default": {"type": "tcp", "bind": f"{HOST}:{self.port}"}}
        if self.websocket_port is not None:
            listeners["websocket"] = {
                "type": "ws",
                "bind": f"{HOST}:{self.websocket_port}",
            }
        broker = AmqttBroker(
            {
                "listeners": listeners,
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {
                        "allow_anonymous": True
                    }
                },
            }
        )
        broker._subscriptions = _Subscriptions()  # noqa: SLF001
        try:
            await broker.start()
        except BrokerError as error:
            problem = f"{self.name} does not start: {error}"
            raise DemoError(problem) from None
        self._broker = broker

    async def stop(self) -> None:
        """Cut all connections."""
        if self._broker:
            broker, self._broker = self._broker, None
            await broker.shutdown()


def choose_broker(
    kind: BrokerKind, port: int, folder: Path, *, websocket_port: int | None = None
) -> Broker:
    """Return the broker of this kind, for AUTO the best there is.

    Raises DemoError where Mosquitto is wanted and not there.
    """
    program = None if kind is BrokerKind.EMBEDDED else mosquitto()
    if program:
        return Mosquitto(program, port, folder, websocket_port=websocket_port)
    if kind is BrokerKind.MOSQUITTO:
        problem = "there is no Mosquitto"
        raise DemoError(problem, "run scripts/setup broker, or take --broker embedded")
    return EmbeddedBroker(port, websocket_port=websocket_port)
