"""Homes for the tests of MQTT: a Home Assistant on a broker, published both ways."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from custom_components.green_api.const import MqttMode
from demo.errors import DemoError
from demo.hass_client import HomeAssistantClient
from demo.home_assistant import HomeAssistant
from demo.instances import DemoInstance
from demo.mqtt_watch import MqttWatch, Received
from demo.ports import HOST
from demo.seed import Seed, write_seed
from simulator import Simulator
from simulator.control import ControlClient

from .conftest import ENVIRONMENT
from .embedded_broker import EmbeddedProcess
from .late import retained
from .mqtt_truth import Present, untruths

# What anything here may take on a busy machine; most is there much sooner.
PATIENCE = 45.0

DISCOVERY_PREFIX = "elsewhere"
BIRTH = "homeassistant/status"

_ATTEMPT_PAUSE = 0.2


class KillableBroker(Protocol):
    """A broker as a process of its own."""

    port: int
    protocol: str

    async def start(self) -> None:
        """Take connections; raises DemoError."""

    async def stop(self) -> None:
        """Cut all connections."""

    async def kill(self) -> None:
        """End it as a crash does."""


@dataclass(kw_only=True)
class Publication:
    """One instance of a site, and how it is published."""

    instance: DemoInstance
    own: bool
    """Whether on a connection of its own, or by Home Assistant's client."""
    prefix: str = "green_api"
    discovery_prefix: str | None = DISCOVERY_PREFIX
    mode: MqttMode = MqttMode.STATE_AND_QR

    @property
    def way(self) -> str:
        """Return whose connection it is."""
        return "its own connection" if self.own else "Home Assistant's client"

    def topic(self, name: str) -> str:
        """Return a topic of the instance in full."""
        return f"{self.prefix}/{self.instance.id_instance}/{name}"

    def options(self, port: int) -> dict[str, Any]:
        """Return the options of its entry, for a broker at this port."""
        options: dict[str, Any] = {
            "mqtt": self.mode,
            "mqtt_prefix": self.prefix,
            "mqtt_base64": True,
            "mqtt_commands": True,
            "mqtt_discovery": self.discovery_prefix is not None,
            "mqtt_discovery_prefix": self.discovery_prefix or "homeassistant",
        }
        if self.own:
            options["mqtt_broker"] = "own"
            options["mqtt_connection"] = {
                "host": HOST,
                "port": port,
                "client_id": f"green_api_{self.instance.id_instance}",
                "tls": False,
            }
        return options


@dataclass(kw_only=True)
class Site:
    """A Home Assistant with its broker, and who looks at both."""

    name: str
    broker: KillableBroker
    protocol: str
    """Of MQTT, for all who connect."""
    home_assistant: HomeAssistant
    watch: MqttWatch
    """Subscribed since before Home Assistant's first start."""
    phone: ControlClient
    publications: tuple[Publication, ...]
    running: bool = False
    """Whether Home Assistant is, and so keeps the topics true."""
    stopped: bool = False
    """Whether it has taken its leave."""

    @property
    def modern(self) -> bool:
        """Return whether messages can expire."""
        return self.protocol == "5"

    async def start(self) -> None:
        """Start Home Assistant."""
        await self.home_assistant.start()
        self.running, self.stopped = True, False

    async def stop(self) -> None:
        """Stop Home Assistant as a service manager does."""
        await self.home_assistant.stop()
        self.running, self.stopped = False, True

    async def kill(self) -> None:
        """End Home Assistant as a power cut does."""
        await self.home_assistant.kill()
        self.running = False

    def client(self) -> HomeAssistantClient:
        """Return a client of Home Assistant, to be entered."""
        return HomeAssistantClient(self.home_assistant.url)

    async def wait_for(self, publication: Publication, name: str, text: str) -> None:
        """Wait until the watch has heard so of a topic."""
        await self.watch.wait_for(
            publication.topic(name), text.encode(), seconds=PATIENCE
        )

    async def wait_for_codes(self) -> None:
        """Wait until every instance has a living code on MQTT."""
        for publication in self.publications:
            await self.wait_for(publication, "qr/availability", "online")

    async def log_out(self) -> None:
        """Log every instance out, and wait for the codes that follow."""
        async with self.client() as client:
            for publication in self.publications:
                entry_id = publication.instance.entry_id
                if client.state(publication.instance.sensor) != "not_authorized":
                    await client.act("green_api.logout", {"config_entry_id": entry_id})
        await self.wait_for_codes()

    async def scan(self) -> None:
        """Scan the living code of every instance."""
        for publication in self.publications:
            await self.phone.scan(publication.instance.id_instance)

    async def expect_truth(self) -> dict[str, Received]:
        """Wait until a late subscriber is told nothing false; return what it is told.

        Raises DemoError with all that stays false.
        """
        found: dict[str, Received] = {}
        false = ["nothing was looked at"]
        try:
            async with asyncio.timeout(PATIENCE):
                while false:
                    before = await self._present()
                    found = await retained(self.broker.port, protocol=self.protocol)
                    # The cloud may have renewed a code just now.
                    after = await self._present()
                    false = await asyncio.to_thread(self._judge, found, before, after)
                    if false:
                        await asyncio.sleep(_ATTEMPT_PAUSE)
        except TimeoutError:
            raise DemoError("\n".join([f"{self.name}:", *false])) from None
        return found

    def _judge(
        self,
        found: Mapping[str, Received],
        before: Mapping[str, Present],
        after: Mapping[str, Present],
    ) -> list[str]:
        false: list[str] = []
        for id_instance, present in after.items():
            if self._is_lost(present):
                continue
            lies = untruths(found, present)
            if lies and untruths(found, before[id_instance]):
                false += [f"{id_instance}: {lie}" for lie in lies]
        false += [
            f"{topic} belongs to nobody"
            for topic in found
            if not any(id_instance in topic for id_instance in after)
        ]
        return false

    def _is_lost(self, present: Present) -> bool:
        # The embedded broker drops what it has acknowledged but not yet handled when
        # the sender leaves. Home Assistant's own client leaves later.
        lossy = isinstance(self.broker, EmbeddedProcess)
        return lossy and present.left and present.will

    async def _present(self) -> dict[str, Present]:
        return {
            publication.instance.id_instance: await self._present_of(publication)
            for publication in self.publications
        }

    async def _present_of(self, publication: Publication) -> Present:
        listed = await self.phone.instance(publication.instance.id_instance)
        code = listed["code"]
        return Present(
            id_instance=publication.instance.id_instance,
            state=listed["state"],
            phone=listed["account"]["phone"] if listed["linked"] else "",
            code=code and code["payload"],
            code_left=code["expires_at"] - listed["now"] if code else 0,
            prefix=publication.prefix,
            mode=publication.mode,
            base64=True,
            commands=True,
            discovery_prefix=publication.discovery_prefix,
            modern=self.modern,
            will=publication.own,
            kept=self.running,
            left=self.stopped,
        )


@asynccontextmanager
async def open_site(
    simulator: Simulator,
    name: str,
    broker: KillableBroker,
    publications: Mapping[str, bool],
    folder: Path,
    port: int,
    *,
    protocol: str,
    discovery_prefix: str = DISCOVERY_PREFIX,
) -> AsyncIterator[Site]:
    """Run a broker and prepare a Home Assistant, which is not started yet.

    `publications` tells of each idInstance whether it has a connection of its own.
    """
    for id_instance in publications:
        simulator.cloud.create(id_instance, "whatsapp")
    await broker.start()
    try:
        async with (
            ControlClient(simulator.url) as phone,
            MqttWatch(broker.port, "#", protocol=protocol) as watch,
        ):
            published = [
                Publication(
                    instance=DemoInstance.of(await phone.instance(key)),
                    own=own,
                    discovery_prefix=discovery_prefix,
                )
                for key, own in publications.items()
            ]
            config = folder / "config"
            seed = Seed(
                port=port,
                broker_port=broker.port,
                protocol=protocol,
                discovery=False,
                api_url=simulator.url,
                instances=tuple(item.instance for item in published),
                own_options={
                    item.instance.id_instance: item.options(broker.port)
                    for item in published
                },
                logs={"custom_components.green_api": "debug"},
            )
            await asyncio.to_thread(write_seed, config, seed)
            site = Site(
                name=name,
                broker=broker,
                protocol=protocol,
                home_assistant=HomeAssistant(ENVIRONMENT, config, port),
                watch=watch,
                phone=phone,
                publications=tuple(published),
            )
            try:
                yield site
            finally:
                await site.home_assistant.stop()
    finally:
        await broker.stop()
