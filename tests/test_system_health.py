"""The system information counts the instances, and gives nothing away."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import json
from pathlib import Path
from typing import Any

from homeassistant.components.system_health import async_check_can_reach_url
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.green_api import publisher, system_health
from custom_components.green_api.const import DOMAIN, EXAMPLE_API_URL
from custom_components.green_api.publisher.watch import BrokerWatch
from custom_components.green_api.push.loss import async_tell_loss, is_lost
from simulator import Instance, Simulator, State, Status
from tests.conftest import entry_of, set_up
from tests.mosquitto import StartMosquitto, free_port, run_mosquittos
from tests.waiting import BOUND, forgive_nothing, lift_limits, set_rhythm, wait_until

type Ask = Callable[[], Any]

INTEGRATION = Path(system_health.__file__).parent
MANIFEST = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
FAILED = {"type": "failed", "more_info": MANIFEST["documentation"]}

NONE: dict[str, object] = {
    "version": MANIFEST["version"],
    "instances": 0,
    "linked": 0,
    "unreachable": 0,
    "can_reach_cloud": "ok",
    "own_brokers": 0,
    "own_brokers_connected": 0,
    "push_webhook": 0,
    "push_queue": 0,
    "push_lost": 0,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    forgive_nothing(monkeypatch)


@pytest.fixture
async def start_mosquitto(
    tmp_path: Path, socket_enabled: None
) -> AsyncGenerator[StartMosquitto]:
    """Return what starts a Mosquitto."""
    async with run_mosquittos(tmp_path) as start:
        yield start


@pytest.fixture
async def ask(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Ask:
    """Return what reads the integration's part of the page, as a browser does."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()

    async def read() -> dict[str, Any]:
        client = await hass_ws_client(hass)
        await client.send_json_auto_id({"type": "system_health/info"})
        assert (await client.receive_json())["success"]
        told: dict[str, Any] = {}
        async with asyncio.timeout(BOUND):
            while True:
                event = (await client.receive_json())["event"]
                if event["type"] == "initial":
                    assert set(event["data"][DOMAIN]) == {"info"}
                    told = event["data"][DOMAIN]["info"]
                elif event["type"] == "finish":
                    await client.close()
                    return told
                elif event["domain"] == DOMAIN:
                    told[event["key"]] = (
                        event["data"] if event["success"] else event["error"]
                    )

    return read


async def test_tell_what_can_be_told_without_an_instance(
    hass: HomeAssistant, ask: Ask, aioclient_mock: Any
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    aioclient_mock.get(EXAMPLE_API_URL, status=404)
    assert await ask() == NONE
    assert aioclient_mock.call_count == 1


async def test_count_the_instances_by_how_they_are(
    hass: HomeAssistant, ask: Ask, cloud: Simulator
) -> None:
    instances = [
        cloud.cloud.create(f"110100000{number}", "whatsapp", state)
        for number, state in enumerate(
            (State.AUTHORIZED, State.YELLOW_CARD, State.NOT_AUTHORIZED, State.BLOCKED)
        )
    ]
    instances.append(cloud.cloud.create("4100000001", "telegram", State.SUSPENDED))
    for instance in instances:
        await set_up(hass, cloud, instance)
    disabled = entry_of(cloud, cloud.cloud.create("3100000001", "v3", State.AUTHORIZED))
    disabled.disabled_by = ConfigEntryDisabler.USER
    disabled.add_to_hass(hass)
    assert await ask() == NONE | {"instances": 5, "linked": 3}


async def test_ask_the_bare_address_of_the_instances_once(
    hass: HomeAssistant,
    ask: Ask,
    cloud: Simulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await set_up(hass, cloud, cloud.cloud.create("4100000001", "telegram"))
    asked: list[str] = []

    async def reach(hass: HomeAssistant, url: str, *more: str) -> str | dict[str, str]:
        asked.append(url)
        return await async_check_can_reach_url(hass, url, *more)

    monkeypatch.setattr(system_health, "async_check_can_reach_url", reach)
    assert await ask() == NONE | {"instances": 2}
    assert asked == [cloud.url] == [entry.data["api_url"]]


async def test_say_that_the_cloud_is_away(
    hass: HomeAssistant, ask: Ask, cloud: Simulator, entry: MockConfigEntry
) -> None:
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    told = await ask()
    assert told == NONE | {
        "instances": 1,
        "unreachable": 1,
        "can_reach_cloud": FAILED | {"error": "unreachable"},
    }
    await cloud.start()
    await entry.runtime_data.async_refresh()
    assert await ask() == NONE | {"instances": 1}


async def test_one_address_that_does_not_answer_is_told(
    hass: HomeAssistant, ask: Ask, cloud: Simulator, entry: MockConfigEntry
) -> None:
    other = entry_of(cloud, cloud.cloud.create("4100000001", "telegram"))
    other.add_to_hass(hass)
    nobody = f"http://127.0.0.1:{free_port()}"
    hass.config_entries.async_update_entry(
        other, data={**other.data, "api_url": nobody}
    )
    assert not await hass.config_entries.async_setup(other.entry_id)
    assert other.state is ConfigEntryState.SETUP_RETRY
    assert await ask() == NONE | {
        "instances": 2,
        "unreachable": 1,
        "can_reach_cloud": FAILED | {"error": "unreachable"},
    }


async def test_an_instance_that_is_refused_cannot_be_asked_while_the_cloud_can(
    hass: HomeAssistant, ask: Ask, cloud: Simulator, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Status(401), method="getStateInstance")
    await entry.runtime_data.async_refresh()
    assert await ask() == NONE | {"instances": 1, "unreachable": 1}


async def test_tell_whether_own_brokers_are_connected(
    hass: HomeAssistant,
    ask: Ask,
    cloud: Simulator,
    instance: Instance,
    start_mosquitto: StartMosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = asyncio.Event()
    take = BrokerWatch.take

    def take_and_tell(watch: BrokerWatch, problem: str | None) -> None:
        take(watch, problem)
        noted.set()

    monkeypatch.setattr(BrokerWatch, "take", take_and_tell)
    broker = await start_mosquitto()
    connection = {"host": "127.0.0.1", "port": broker.port, "client_id": "one"}
    entry = await set_up(
        hass,
        cloud,
        instance,
        mqtt="state",
        mqtt_broker="own",
        mqtt_connection=connection,
    )

    async def wait_for(*, connected: bool) -> None:
        async with asyncio.timeout(BOUND):
            while True:
                noted.clear()
                standing = publisher.standing_of(hass, entry)
                assert standing
                assert standing.own_broker
                if standing.connected is connected:
                    return
                await noted.wait()

    # One that publishes nothing needs no broker.
    await set_up(
        hass,
        cloud,
        cloud.cloud.create("4100000001", "telegram"),
        mqtt_broker="own",
        mqtt_connection=connection | {"client_id": "two"},
    )
    await wait_for(connected=True)
    told = NONE | {"instances": 2, "own_brokers": 1}
    assert await ask() == told | {"own_brokers_connected": 1}
    await broker.stop()
    await wait_for(connected=False)
    assert await ask() == told
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert publisher.standing_of(hass, entry) is None


async def test_count_who_reports_changes_and_whose_reports_got_lost(
    hass: HomeAssistant, ask: Ask, cloud: Simulator, instance: Instance
) -> None:
    entries = [await set_up(hass, cloud, instance, push="webhook")]
    for id_instance in ("4100000001", "4100000002"):
        other = cloud.cloud.create(id_instance, "telegram")
        entries.append(await set_up(hass, cloud, other, push="queue"))
    told = NONE | {"instances": 3, "push_webhook": 1, "push_queue": 2}
    # Nothing of ours stands in the cloud, which is found out at once.
    await wait_until(hass, lambda: all(is_lost(hass, entry) for entry in entries))
    assert await ask() == told | {"push_lost": 3}
    async_tell_loss(hass, entries[0], lost=False)
    assert await ask() == told | {"push_lost": 2}


async def test_give_nothing_away(
    ask: Ask, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    coordinator = entry.runtime_data
    instance.scan()
    await coordinator.async_refresh()
    told = json.dumps(await ask())
    for secret in (
        instance.token,
        instance.id_instance,
        instance.account.phone,
        instance.account.wid,
        entry.entry_id,
        cloud.url,
    ):
        assert secret
        assert secret not in told


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_every_line_has_its_words(
    hass: HomeAssistant, ask: Ask, entry: MockConfigEntry, language: str
) -> None:
    texts = await async_get_translations(hass, language, "system_health", {DOMAIN})
    prefix = f"component.{DOMAIN}.system_health.info."
    assert [key.removeprefix(prefix) for key in texts] == list(await ask())
    assert len(set(texts.values())) == len(texts)
    del entry
