"""What a late subscriber is told is true, whatever has happened.

Each test does the same at all brokers and protocols at once, with one instance on
Home Assistant's client and one on a connection of its own at each.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
import json
from pathlib import Path

import pytest
import pytest_asyncio

from custom_components.green_api.const import MqttMode
from demo.broker import Mosquitto
from demo.logs import complaints, leaks
from demo.mqtt_watch import Received
from demo.places import mosquitto
from demo.ports import choose_ports
from demo.qr import read_qr
from simulator import Simulator

from .embedded_broker import EmbeddedProcess
from .old_mosquitto import OldMosquitto
from .options import change_mqtt_options
from .sites import (
    BIRTH,
    PATIENCE,
    KillableBroker,
    Publication,
    Site,
    open_site,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

type Sites = Sequence[Site]


def broker_of(name: str, port: int, folder: Path) -> KillableBroker:
    if name == "embedded":
        return EmbeddedProcess(port, folder)
    program = mosquitto()
    assert program, "there is no Mosquitto: run scripts/setup broker"
    if name == "Mosquitto, MQTT 5":
        return Mosquitto(program, port, folder)
    return OldMosquitto(program, port, folder)


PROTOCOLS = {"Mosquitto, MQTT 5": "5", "Mosquitto, 3.1.1": "3.1.1", "embedded": "3.1.1"}


async def at_all(sites: Sites, step: Callable[[Site], Awaitable[None]]) -> None:
    """Do the same at all sites; the errors name theirs."""

    async def at(site: Site) -> None:
        try:
            await step(site)
        except Exception as error:
            error.add_note(f"at {site.name}")
            raise

    results = await asyncio.gather(*map(at, sites), return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        msg = "not everywhere"
        raise ExceptionGroup(msg, failures)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_sites(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sites]:
    """Run one Home Assistant for each broker and protocol."""
    ports = choose_ports({f"{name} {end}": 0 for name in PROTOCOLS for end in "ab"})
    async with Simulator() as simulator, AsyncExitStack() as running:
        sites: list[Site] = []
        for number, (name, protocol) in enumerate(PROTOCOLS.items(), 1):
            folder = tmp_path_factory.mktemp("site")
            broker = broker_of(name, ports[f"{name} b"], folder / "broker")
            # The one on Home Assistant's client, and the one on its own connection.
            publications = {f"11010000{number}1": False, f"11010000{number}2": True}
            opened = open_site(
                simulator,
                name,
                broker,
                publications,
                folder,
                ports[f"{name} a"],
                protocol=protocol,
            )
            sites.append(await running.enter_async_context(opened))
        await at_all(sites, Site.start)
        yield sites


@pytest_asyncio.fixture(loop_scope="module")
async def sites(all_sites: Sites) -> Sites:
    """Return the sites, with everything running and nobody logged in."""

    async def settle(site: Site) -> None:
        if not site.running:
            await site.start()
        await site.log_out()
        await site.expect_truth()

    await at_all(all_sites, settle)
    return all_sites


def check_code(publication: Publication, late: dict[str, Received]) -> None:
    """See that a late subscriber has the code, which will expire."""
    image = late[publication.topic("qr/image")]
    assert read_qr(image.payload)
    meta = late[publication.topic("qr/meta")]
    assert json.loads(meta.payload)["valid"] is True
    for name in ("qr/image", "qr/meta", "qr/base64", "qr/availability"):
        assert late[publication.topic(name)].expiry is not None


def check_no_code(publication: Publication, late: dict[str, Received]) -> None:
    """See that a late subscriber is told of no code."""
    image = late.get(publication.topic("qr/image"))
    assert image is None or not read_qr(image.payload)
    available = late.get(publication.topic("qr/availability"))
    assert available is None or available.text == "offline"


async def test_login_is_told_to_early_and_late_subscribers(sites: Sites) -> None:
    async def step(site: Site) -> None:
        late = await site.expect_truth()
        for publication in site.publications:
            (check_code if site.modern else check_no_code)(publication, late)
        site.watch.forget()
        await site.scan()
        for publication in site.publications:
            await site.wait_for(publication, "state", "authorized")
        late = await site.expect_truth()
        for publication in site.publications:
            check_no_code(publication, late)
            check_farewell_of_code(site, publication)
        await site.log_out()
        await site.expect_truth()

    await at_all(sites, step)


def check_farewell_of_code(site: Site, publication: Publication) -> None:
    """See that the code was taken back before the new state was told."""
    told = [
        (message.topic.removeprefix(publication.topic("")), message)
        for message in site.watch.history
    ]
    places = {"state": 0, "qr/image": 0, "qr/availability": 0}
    for place, (name, message) in enumerate(told):
        if name in places:
            places[name] = place
        if name == "state" and message.text == "authorized":
            break
    assert told[places["qr/availability"]][1].text == "offline"
    assert not read_qr(told[places["qr/image"]][1].payload)
    assert places["qr/availability"] < places["qr/image"] < places["state"]


async def test_restart_is_told_from_the_farewell_to_the_next_code(sites: Sites) -> None:
    async def step(site: Site) -> None:
        await site.stop()
        late = await site.expect_truth()
        for publication in site.publications:
            check_no_code(publication, late)
        site.watch.forget()
        await site.start()
        await site.wait_for_codes()
        for publication in site.publications:
            check_arrival_of_code(site, publication)
        await site.expect_truth()

    await at_all(sites, step)


def check_arrival_of_code(site: Site, publication: Publication) -> None:
    """See that the code was there before it was said to be."""
    places: dict[str, int] = {}
    for place, message in enumerate(site.watch.history):
        name = message.topic.removeprefix(publication.topic(""))
        if (
            (name == "qr/image" and read_qr(message.payload))
            or (name == "qr/meta" and json.loads(message.payload)["valid"])
            or (name == "qr/availability" and message.text == "online")
        ):
            places.setdefault(name, place)
    assert places["qr/image"] < places["qr/meta"] < places["qr/availability"]


async def test_broker_that_dies_in_the_middle_of_a_login_is_told_the_end(
    sites: Sites,
) -> None:
    async def step(site: Site) -> None:
        await site.wait_for_codes()
        await site.broker.kill()
        await site.scan()
        async with site.client() as client:
            for publication in site.publications:
                await client.wait_for_state(
                    publication.instance.sensor, "authorized", seconds=PATIENCE
                )
        site.watch.forget()
        await site.broker.start()
        for publication in site.publications:
            await site.wait_for(publication, "state", "authorized")
            await site.wait_for(publication, "availability", "online")
        late = await site.expect_truth()
        for publication in site.publications:
            check_no_code(publication, late)
        heard = {message.topic.split("/")[-1] for message in site.watch.history}
        assert "event" not in heard, "it was queued while the broker was away"

    await at_all(sites, step)


async def test_power_cut_leaves_nothing_false_and_what_came_after_is_told(
    sites: Sites,
) -> None:
    async def step(site: Site) -> None:
        await site.wait_for_codes()
        site.watch.forget()
        await site.kill()
        for publication in site.publications:
            if publication.own:
                await site.wait_for(publication, "availability", "offline")
        # Home Assistant's client has one will, for all of Home Assistant.
        await site.watch.wait_for(BIRTH, b"offline", seconds=PATIENCE)
        await site.expect_truth()
        await site.scan()
        await site.start()
        for publication in site.publications:
            await site.wait_for(publication, "state", "authorized")
        await site.expect_truth()

    await at_all(sites, step)


async def test_new_prefix_leaves_nothing_below_the_old_one(sites: Sites) -> None:
    async def step(site: Site) -> None:
        await change(site, mqtt_prefix="moved/here")
        for publication in site.publications:
            publication.prefix = "moved/here"
        await site.wait_for_codes()
        await site.expect_truth()

    await at_all(sites, step)


async def test_publishing_that_is_turned_off_leaves_nothing_until_it_is_on_again(
    sites: Sites,
) -> None:
    async def step(site: Site) -> None:
        for mode in (MqttMode.OFF, MqttMode.STATE_AND_QR):
            await change(site, mqtt=mode)
            for publication in site.publications:
                publication.mode = mode
            late = await site.expect_truth()
            assert bool(late) is (mode is not MqttMode.OFF)
        await site.wait_for_codes()

    await at_all(sites, step)


async def change(site: Site, **changes: object) -> None:
    """Change the options of all instances of a site."""
    async with site.client() as client:
        for publication in site.publications:
            entry_id = publication.instance.entry_id
            await change_mqtt_options(client, entry_id, **changes)


async def test_removed_entry_leaves_nothing_behind(sites: Sites) -> None:
    async def step(site: Site) -> None:
        async with site.client() as client:
            for publication in site.publications:
                path = "/api/config/config_entries/entry/"
                await client.delete(path + publication.instance.entry_id)
                publication.mode = MqttMode.OFF
        assert not await site.expect_truth()

    await at_all(sites, step)


async def test_logs_hold_no_complaint_and_no_token(all_sites: Sites) -> None:
    async def step(site: Site) -> None:
        log = await asyncio.to_thread(site.home_assistant.read_log)
        assert not complaints(log)
        tokens = [item.instance.token for item in site.publications]
        assert not leaks(log, tokens)

    await at_all(all_sites, step)
