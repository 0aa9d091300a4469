"""The repair issue for a broker that stays away."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.publisher.watch import LIMIT, BrokerWatch
from demo.broker import EmbeddedBroker, Mosquitto
from demo.ports import choose_ports
from simulator import Instance, Simulator
from tests.conftest import entry_of, set_up
from tests.logs import errors_logged
from tests.waiting import shorten_backoff, wait_until

from .conftest import own_broker, set_up_mqtt
from .subscriber import Subscriber

WATCH = "custom_components.green_api.publisher.watch"
AVAILABILITY = "1101000001/availability"


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the issue, if there is one."""
    issues = ir.async_get(hass).issues.items()
    found = (item for (domain, _), item in issues if domain == DOMAIN and item.active)
    return next(found, None)


def note_losses(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return what is set whenever something has not got out."""
    lost = asyncio.Event()
    take = BrokerWatch.take

    def take_and_tell(watch: BrokerWatch, problem: str | None) -> None:
        take(watch, problem)
        if problem is not None:
            lost.set()

    monkeypatch.setattr(BrokerWatch, "take", take_and_tell)
    return lost


async def pass_time(hass: HomeAssistant, time: timedelta) -> None:
    """Let the timers see a later time."""
    async_fire_time_changed(hass, dt_util.utcnow() + time)
    await hass.async_block_till_done()


async def test_a_broker_that_stays_away_is_told_until_it_is_back(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    way: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(
        "homeassistant.components.mqtt.client.RECONNECT_INTERVAL_SECONDS", 1
    )
    shorten_backoff(monkeypatch)
    lost = note_losses(monkeypatch)
    entry = await set_up(hass, cloud, instance, **{"mqtt": "state"} | way)
    async with Subscriber(broker.port) as subscriber:
        await subscriber.wait_for_text(AVAILABILITY, "online")
    lost.clear()
    await broker.kill()
    await lost.wait()
    await pass_time(hass, LIMIT - timedelta(seconds=5))
    assert issue(hass) is None
    await pass_time(hass, LIMIT + timedelta(seconds=1))
    told = issue(hass)
    assert told
    assert told.severity is ir.IssueSeverity.WARNING
    assert told.translation_placeholders
    assert told.translation_placeholders["title"] == entry.title
    if way:
        assert told.translation_key == "broker_away"
        assert told.translation_placeholders["port"] == str(broker.port)
        assert told.translation_placeholders["problem"]
    else:
        assert told.translation_key == "broker_away_home_assistant"
    # Home Assistant's own client complains by itself.
    ours = [item for item in errors_logged(caplog) if "green_api" in item]
    assert ours == []

    monkeypatch.setattr(f"{WATCH}.CALM", timedelta(seconds=0.2))
    await broker.start()
    await wait_until(hass, lambda: issue(hass) is None)
    assert "gets out by MQTT again" in caplog.text


async def test_a_broker_that_was_never_there_is_told(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost = note_losses(monkeypatch)
    nowhere = EmbeddedBroker(choose_ports({"broker": 0})["broker"])
    options = {"mqtt": "state"} | own_broker(nowhere)
    entry = await set_up(hass, cloud, instance, **options)
    await lost.wait()
    # The first loss is told before the first try; the second is that try's end.
    lost.clear()
    await lost.wait()
    await pass_time(hass, LIMIT + timedelta(seconds=1))
    told = issue(hass)
    assert told
    assert told.translation_placeholders
    assert told.translation_placeholders["host"] == "127.0.0.1"
    assert "port" in told.translation_placeholders["problem"]
    assert errors_logged(caplog) == []

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass) is None


async def test_home_assistant_without_mqtt_is_told(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{WATCH}.CALM", timedelta(seconds=0.2))
    entry = await set_up(hass, cloud, instance, mqtt="state")
    await pass_time(hass, LIMIT + timedelta(seconds=1))
    told = issue(hass)
    assert told
    assert told.translation_key == "broker_away_home_assistant"
    await set_up_mqtt(hass, broker)
    await wait_until(hass, lambda: issue(hass) is None)
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_who_publishes_nothing_is_told_nothing(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    data = {**entry.data, "mqtt_topics": ["green_api/1101000001/state"]}
    hass.config_entries.async_update_entry(entry, data=data)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(hass, LIMIT + timedelta(seconds=1))
    assert issue(hass) is None
