"""A Home Assistant process with many instances, and automations that tell of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
import tempfile
import time
from typing import Any, Final

import yaml

from demo.broker import BrokerKind, choose_broker
from demo.console import progress, say
from demo.errors import DemoError
from demo.hass_client import HomeAssistantClient
from demo.home_assistant import HomeAssistant
from demo.instances import DemoInstance
from demo.ports import choose_ports
from demo.seed import Seed, write_seed
from simulator import Simulator
from simulator.control import ControlClient
from simulator.instance import Instance

_EVENT: Final = "benchmark_told"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One instance that is wanted, and how it differs from others."""

    id_instance: str
    messenger: str
    state: str
    socket: bool = True
    """Whether the cloud gives it codes by WebSocket, where the messenger has that."""
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(kw_only=True)
class Home:
    """The running parts, and what the automations have told."""

    simulator: Simulator
    phone: ControlClient
    url: str
    client: HomeAssistantClient
    instances: Mapping[str, DemoInstance]
    """By idInstance."""
    pid: int
    """Home Assistant's."""
    broker_port: int
    _waiting: dict[tuple[str, str], asyncio.Future[float]] = field(default_factory=dict)

    def phone_of(self, id_instance: str) -> Instance:
        """Return an instance as its cloud and its phone have it."""
        return self.simulator.cloud.get(id_instance)

    async def measure(
        self, id_instance: str, moment: str, act: Callable[[], None], *, limit: float
    ) -> float:
        """Return the seconds from an act until an automation tells of its moment.

        Raises DemoError where nothing is told within the limit.
        """
        key = (self.instances[id_instance].title, moment)
        told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[key] = told
        start = time.monotonic()
        act()
        try:
            async with asyncio.timeout(limit):
                return await told - start
        except TimeoutError:
            problem = f"{key[0]}: {moment} was not told within {limit:.0f} s"
            raise DemoError(problem) from None
        finally:
            del self._waiting[key]

    def requests_of(self, id_instance: str) -> int:
        """Return how many requests the cloud had for an instance so far."""
        return sum(self.simulator.cloud.log.counts(id_instance).values())

    def take(self, event: dict[str, Any]) -> None:
        """Take what an automation tells."""
        data = event["data"]
        told = self._waiting.get((data["name"], data["moment"]))
        if told is not None and not told.done():
            told.set_result(time.monotonic())


@asynccontextmanager
async def open_home(
    environment: Path, plans: Iterable[Plan], moments: Iterable[str]
) -> AsyncIterator[Home]:
    """Run a cloud, a broker and Home Assistant, with an automation for each moment.

    Raises DemoError where a part does not start.
    """
    plans = list(plans)
    ports = choose_ports({"Home Assistant": 0, "the broker": 0})
    with tempfile.TemporaryDirectory(
        prefix="green-api-bench-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        broker = choose_broker(BrokerKind.AUTO, ports["the broker"], folder / "broker")
        async with Simulator() as simulator, ControlClient(simulator.url) as phone:
            for plan in plans:
                simulator.cloud.create(plan.id_instance, plan.messenger, plan.state)
                if not plan.socket:
                    await phone.add_fault(
                        "status",
                        status=404,
                        method="scanqrcode",
                        id_instance=plan.id_instance,
                    )
            instances = tuple(DemoInstance.of(item) for item in await phone.instances())
            seed = Seed(
                port=ports["Home Assistant"],
                broker_port=broker.port,
                protocol=broker.protocol,
                discovery=False,
                api_url=simulator.url,
                instances=instances,
                options={"mqtt": "off"},
                own_options={plan.id_instance: plan.options for plan in plans},
            )
            config = folder / "config"
            await asyncio.to_thread(_write, config, seed, moments)
            home_assistant = HomeAssistant(environment, config, seed.port)
            try:
                await broker.start()
                async with progress(f"Starting Home Assistant, {len(plans)} instances"):
                    version = await home_assistant.start()
                say(f"  version {version}")
                async with HomeAssistantClient(home_assistant.url) as client:
                    home = Home(
                        simulator=simulator,
                        phone=phone,
                        url=home_assistant.url,
                        client=client,
                        instances={item.id_instance: item for item in instances},
                        pid=home_assistant.process.pid or 0,
                        broker_port=broker.port,
                    )
                    await client.subscribe(
                        "subscribe_events", home.take, event_type=_EVENT
                    )
                    yield home
            finally:
                await home_assistant.stop()
                await broker.stop()


def _write(config: Path, seed: Seed, moments: Iterable[str]) -> None:
    write_seed(config, seed)
    automations = [
        _automation(moment, [item.sensor for item in seed.instances])
        for moment in moments
    ]
    (config / "automations.yaml").write_text(yaml.safe_dump(automations))


def _automation(moment: str, entity_ids: list[str]) -> dict[str, Any]:
    return {
        "id": moment,
        "alias": moment,
        "mode": "parallel",
        "max": len(entity_ids),
        "triggers": [
            {"trigger": f"green_api.{moment}", "target": {"entity_id": entity_ids}}
        ],
        "actions": [
            {
                "event": _EVENT,
                "event_data": {"name": "{{ trigger.name }}", "moment": moment},
            }
        ],
    }
