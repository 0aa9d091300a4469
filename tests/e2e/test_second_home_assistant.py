"""A second Home Assistant on the broker, with nothing of ours but the discovery."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
import json
from typing import Any

import pytest
import pytest_asyncio

from custom_components.green_api.const import MqttMode
from demo.broker import BrokerKind, Mosquitto, choose_broker
from demo.hass_client import HomeAssistantClient
from demo.home_assistant import HomeAssistant
from demo.instances import DemoInstance
from demo.logs import records
from demo.mqtt_watch import Received
from demo.ports import choose_ports
from demo.qr import read_qr
from demo.seed import Seed, write_seed
from demo.waiting import until
from simulator import Simulator

from .conftest import ENVIRONMENT
from .options import change_mqtt_options
from .sites import PATIENCE, Publication, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "homeassistant"


@dataclass(frozen=True, kw_only=True)
class Homes:
    """The Home Assistant with the instances, and the one that finds them."""

    site: Site
    second: HomeAssistant
    client: HomeAssistantClient
    """Of the second."""

    def entities(self, instance: DemoInstance) -> list[str]:
        """Return what the second is to have of an instance."""
        return [
            instance.image,
            instance.sensor,
            instance.login_sensor,
            instance.login_button,
            instance.logout_button,
            instance.reboot_button,
        ]

    async def wait_for_state(self, entity_id: str, state: str) -> None:
        """Wait until an entity of the second has a state."""
        await self.client.wait_for_state(entity_id, state, seconds=PATIENCE)

    async def wait_for_entities(self, *there: str, gone: tuple[str, ...] = ()) -> None:
        """Wait until the second has entities, available, and others no longer."""

        def arrived() -> bool:
            return all(
                self.client.state(entity_id) not in {None, "unavailable"}
                for entity_id in there
            ) and not any(self.client.state(entity_id) for entity_id in gone)

        await self.client.wait_until(
            f"{there} are there and {gone} are gone", arrived, seconds=PATIENCE
        )

    async def devices(self) -> dict[str, dict[str, Any]]:
        """Return the second's devices by name."""
        listed = await self.client.call("config/device_registry/list")
        return {device["name"]: device for device in listed}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Homes]:
    """Run two Home Assistants on one broker."""
    folder = tmp_path_factory.mktemp("homes")
    ports = choose_ports({"broker": 0, "first": 0, "second": 0})
    broker = choose_broker(BrokerKind.MOSQUITTO, ports["broker"], folder / "broker")
    assert isinstance(broker, Mosquitto)
    seed = Seed(
        port=ports["second"],
        broker_port=ports["broker"],
        protocol="5",
        installed=False,
    )
    await asyncio.to_thread(write_seed, folder / "second", seed)
    second = HomeAssistant(ENVIRONMENT, folder / "second", ports["second"])
    async with (
        Simulator() as simulator,
        open_site(
            simulator,
            "the first",
            broker,
            # One by Home Assistant's client, one over its own connection.
            {"1101000001": False, "1101000002": True},
            folder,
            ports["first"],
            protocol="5",
            discovery_prefix=PREFIX,
        ) as site,
    ):
        try:
            await asyncio.gather(site.start(), second.start())
            async with HomeAssistantClient(second.url) as client:
                yield Homes(site=site, second=second, client=client)
        finally:
            await second.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def homes(both: Homes) -> Homes:
    """Return both, with nobody logged in."""
    if not both.site.running:
        await both.site.start()
    await both.site.log_out()
    for publication in both.site.publications:
        await both.wait_for_state(publication.instance.sensor, "not_authorized")
    return both


async def same_picture(homes: Homes, publication: Publication) -> bytes:
    """Wait until both Home Assistants and MQTT have one picture; return it."""
    instance, site = publication.instance, homes.site

    async with site.client() as first:

        async def probe() -> bytes | None:
            here = await homes.client.image_picture(instance.image)
            there = await first.image_picture(instance.image)
            told = site.watch.payload(publication.topic("qr/image"))
            return here if here == there == told else None

        return await until("one picture is everywhere", probe, seconds=PATIENCE)


async def test_device_is_found_with_all_that_it_has(homes: Homes) -> None:
    devices = await homes.devices()
    for publication in homes.site.publications:
        instance = publication.instance
        await homes.wait_for_entities(*homes.entities(instance))
        device = devices[instance.title]
        assert (device["manufacturer"], device["model"]) == ("GREEN-API", "WhatsApp")
        state = homes.client.states[instance.sensor]
        assert state["attributes"]["messenger"] == "whatsapp"


# Before any other test logs out: after that a reboot is refused for minutes.
async def test_buttons_do_what_they_say(homes: Homes) -> None:
    phone = homes.site.phone

    async def press_all(publication: Publication) -> None:
        instance = publication.instance
        await phone.set_timing(instance.id_instance, reboot_seconds=0)
        await phone.scan(instance.id_instance)
        await homes.wait_for_state(instance.sensor, "authorized")
        await press(homes, publication, "reboot", instance.reboot_button)
        sent = await phone.requests(id_instance=instance.id_instance, method="reboot")
        assert sent["requests"]
        await press(homes, publication, "logout", instance.logout_button)
        listed = await phone.instance(instance.id_instance)
        assert listed["state"] == "notAuthorized"
        await homes.wait_for_state(instance.sensor, "not_authorized")
        await press(homes, publication, "login", instance.login_button)
        await homes.wait_for_state(instance.login_sensor, "showing")

    await asyncio.gather(*map(press_all, homes.site.publications))


async def press(
    homes: Homes, publication: Publication, command: str, button: str
) -> None:
    """Press a button of the second, and wait until the first has done its work."""

    def answers(message: Received) -> bool:
        return bool(json.loads(message.payload)["command"] == command)

    await homes.client.press(button)
    answer = await homes.site.watch.wait_for(
        publication.topic("response"), answers, seconds=PATIENCE
    )
    told = json.loads(answer.payload)
    assert (told["ok"], told["error"]) == (True, None)


async def test_picture_state_and_login_are_those_of_the_first(homes: Homes) -> None:
    for publication in homes.site.publications:
        instance = publication.instance
        await homes.wait_for_state(instance.login_sensor, "showing")
        shown = await same_picture(homes, publication)
        code = await asyncio.to_thread(read_qr, shown)
        assert code
        await homes.site.phone.scan(instance.id_instance, code)
        await homes.wait_for_state(instance.sensor, "authorized")
        await homes.wait_for_state(instance.login_sensor, "idle")
        still = await same_picture(homes, publication)
        assert await asyncio.to_thread(read_qr, still) is None


async def test_farewell_and_power_cut_make_the_device_unavailable(
    homes: Homes,
) -> None:
    site = homes.site
    await site.stop()
    for publication in site.publications:
        for entity_id in homes.entities(publication.instance):
            await homes.wait_for_state(entity_id, "unavailable")
    await site.start()
    for publication in site.publications:
        await homes.wait_for_entities(*homes.entities(publication.instance))

    await site.kill()
    for publication in site.publications:
        if publication.own:  # Home Assistant's client has no will for an instance.
            for entity_id in homes.entities(publication.instance):
                await homes.wait_for_state(entity_id, "unavailable")


async def test_what_is_turned_off_goes_and_comes_back(homes: Homes) -> None:
    async def turn_off(publication: Publication) -> None:
        instance = publication.instance
        image, *sensors = homes.entities(instance)[:3]
        buttons = homes.entities(instance)[3:]
        for changes, there, gone in (
            ({"mqtt": MqttMode.STATE}, [*sensors, *buttons], [image]),
            ({"mqtt_commands": False}, sensors, [image, *buttons]),
            ({"mqtt_discovery": False}, [], [image, *sensors, *buttons]),
        ):
            await change(homes, instance, **changes)
            await homes.wait_for_entities(*there, gone=tuple(gone))
        assert instance.title not in await homes.devices()
        everything = {
            "mqtt": MqttMode.STATE_AND_QR,
            "mqtt_commands": True,
            "mqtt_discovery": True,
        }
        await change(homes, instance, **everything)
        await homes.wait_for_entities(image, *sensors, *buttons)

    await asyncio.gather(*map(turn_off, homes.site.publications))


async def change(homes: Homes, instance: DemoInstance, **changes: object) -> None:
    """Change the options of an instance at the first."""
    async with homes.site.client() as first:
        await change_mqtt_options(first, instance.entry_id, **changes)


async def test_removed_instance_takes_its_device_along(homes: Homes) -> None:
    async with homes.site.client() as first:
        for publication in homes.site.publications:
            instance = publication.instance
            path = f"/api/config/config_entries/entry/{instance.entry_id}"
            await first.delete(path)
            await homes.wait_for_entities(gone=tuple(homes.entities(instance)))
            assert instance.title not in await homes.devices()


async def test_second_has_nothing_to_complain_of(both: Homes) -> None:
    log = await asyncio.to_thread(both.second.read_log)
    found = {text for level, text in records(log) if level not in {"INFO", "DEBUG"}}
    # What the machine lacks, not the discovery.
    noise = ("bootstrap", "haffmpeg", "img_util")
    assert not [text for text in found if not any(word in text for word in noise)]
