"""Everything that the demo runs, started in order and ended in reverse."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
import tempfile

from simulator import Simulator
from simulator.control import ControlClient

from .broker import Broker, BrokerKind, choose_broker
from .console import progress, say
from .home_assistant import HomeAssistant, http_logger
from .instances import INSTANCES, PREFIX, DemoInstance
from .mqtt_watch import MqttWatch
from .ports import choose_ports
from .seed import Seed, require_empty, write_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be chosen about the demo."""

    environment: Path
    port_ha: int = 0
    port_phone: int = 0
    port_broker: int = 0
    port_websocket: int = 0
    broker: BrokerKind = BrokerKind.AUTO
    speed: float = 1.0
    keep: Path | None = None
    """A folder for everything, which stays; None for one that goes."""
    set_up: bool = True
    """Whether Home Assistant knows the instances, or has the integration copied."""
    instances: Mapping[str, str] = INSTANCES
    """What the cloud has: idInstance to messenger."""
    options: Mapping[str, object] = field(default_factory=dict)
    """What the entries' options differ in."""
    own_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What the options of single entries differ in besides, by idInstance."""
    language: str = "en"
    """Home Assistant's, in which entities get their names."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """Home Assistant's levels of further loggers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The parts."""

    simulator: Simulator
    phone: ControlClient
    broker: Broker
    watch: MqttWatch
    home_assistant: HomeAssistant
    instances: tuple[DemoInstance, ...]

    def instance(self, messenger: str) -> DemoInstance:
        """Return the first instance of a messenger, such as ``WhatsApp``."""
        return next(item for item in self.instances if item.messenger == messenger)

    def of(self, id_instance: str) -> DemoInstance:
        """Return the instance with this number."""
        return next(item for item in self.instances if item.id_instance == id_instance)


@asynccontextmanager
async def run_stack(settings: Settings) -> AsyncIterator[Stack]:
    """Run simulator, broker and Home Assistant, with all instances set up.

    Raises DemoError where a part does not start; whatever was started ends in
    any case.
    """
    async with prepare_stack(settings) as stack:
        async with progress("Starting Home Assistant; the first time takes longer"):
            version = await stack.home_assistant.start()
        say(f"  version {version}")
        yield stack


@asynccontextmanager
async def prepare_stack(settings: Settings) -> AsyncIterator[Stack]:
    """Do all of run_stack but start Home Assistant."""
    ports = choose_ports(
        {
            "--port-ha": settings.port_ha,
            "--port-phone": settings.port_phone,
            "--port-broker": settings.port_broker,
            "--port-websocket": settings.port_websocket,
        }
    )
    async with (
        _folder(settings.keep) as folder,
        _simulator(ports["--port-phone"], settings) as simulator,
        ControlClient(simulator.url) as phone,
        _broker(settings.broker, ports, folder / "broker") as broker,
        MqttWatch(broker.port, f"{PREFIX}/#", protocol=broker.protocol) as watch,
    ):
        instances = tuple(DemoInstance.of(item) for item in await phone.instances())
        seed = Seed(
            port=ports["--port-ha"],
            broker_port=broker.port,
            protocol=broker.protocol,
            api_url=simulator.url,
            instances=instances if settings.set_up else (),
            options=settings.options,
            own_options=settings.own_options,
            copied=not settings.set_up,
            language=settings.language,
            logs=_logs(settings),
        )
        config = folder / "config"
        await asyncio.to_thread(write_seed, config, seed)
        home_assistant = HomeAssistant(settings.environment, config, seed.port)
        try:
            yield Stack(
                simulator=simulator,
                phone=phone,
                broker=broker,
                watch=watch,
                home_assistant=home_assistant,
                instances=instances,
            )
        finally:
            if home_assistant.process.pid:
                say("Stopping Home Assistant …")
            await home_assistant.stop()


@asynccontextmanager
async def _folder(keep: Path | None) -> AsyncIterator[Path]:
    if keep:
        folder = await asyncio.to_thread(require_empty, keep)
        try:
            yield folder
        finally:
            say(f"Kept: {folder}")
        return
    temporary = tempfile.TemporaryDirectory(
        prefix="green-api-demo-", ignore_cleanup_errors=True
    )
    try:
        yield Path(temporary.name)
    finally:
        # Not to a thread: it has to happen after a second Ctrl-C, too.
        temporary.cleanup()


@asynccontextmanager
async def _simulator(port: int, settings: Settings) -> AsyncIterator[Simulator]:
    async with AsyncExitStack() as running:
        async with progress("Starting the simulated phone and cloud"):
            simulator = Simulator(port=port, speed=settings.speed)
            await running.enter_async_context(simulator)
        for id_instance, messenger in settings.instances.items():
            simulator.cloud.create(id_instance, messenger)
        yield simulator


@asynccontextmanager
async def _broker(
    kind: BrokerKind, ports: Mapping[str, int], folder: Path
) -> AsyncIterator[Broker]:
    broker = choose_broker(
        kind,
        ports["--port-broker"],
        folder,
        websocket_port=ports["--port-websocket"],
    )
    if broker.protocol != "5":
        say(
            "There is no Mosquitto, so the broker is one of MQTT 3.1.1 inside the"
            " demo: login codes are not retained there."
            if kind is BrokerKind.AUTO
            else "The embedded broker speaks MQTT 3.1.1: login codes are not retained."
        )
    try:
        async with progress(f"Starting {broker.name}"):
            await broker.start()
        yield broker
    finally:
        await broker.stop()


def _logs(settings: Settings) -> dict[str, str]:
    """Return the levels of loggers.

    A search of the log for secrets means nothing where nothing is logged: the
    HTTP library names the address of each request, which holds the token.
    """
    return {
        "custom_components.green_api": "debug",
        http_logger(settings.environment): "info",
        **settings.logs,
    }
