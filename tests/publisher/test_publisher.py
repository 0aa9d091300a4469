"""The topics on a real broker, followed by a client of its own."""

import asyncio
from datetime import timedelta
from hashlib import sha256
import os
import signal
from typing import Any

from homeassistant.core import HomeAssistant
from paho.mqtt.enums import MQTTProtocolVersion
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.publisher.topics import QR_TOPICS, STATE_TOPICS
from custom_components.green_api.stills import Situation, load_stills
from demo.broker import EmbeddedBroker, Mosquitto
from simulator import Drop, Instance, Simulator, StateAnswer
from tests.conftest import entry_of
from tests.waiting import wait_until

from .conftest import set_up_mqtt
from .subscriber import Subscriber

PUBLISHER = "custom_components.green_api.publisher.publisher"
BASE = "1101000001"
CODE = f"{BASE}/qr/image"
META = f"{BASE}/qr/meta"
EVENT = f"{BASE}/event"
CODE_AVAILABILITY = f"{BASE}/qr/availability"


async def publish(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, **options: Any
) -> MockConfigEntry:
    """Set an instance up that is published."""
    entry = entry_of(cloud, instance, **{"mqtt": "state_and_qr"} | options)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def shown(subscriber: Subscriber) -> None:
    """Wait until everything about a first code has come."""
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")
    await subscriber.wait_for_text(f"{BASE}/availability", "online")
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["login"] == "showing"
    )


def still(situation: Situation) -> bytes:
    """Return the PNG of a situation."""
    return load_stills()[situation]


async def test_a_code_is_on_all_topics(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    await publish(hass, cloud, instance, **way)
    await shown(subscriber)

    assert instance.code
    latest = subscriber.latest
    assert latest[f"{BASE}/availability"].text == "online"
    assert latest[f"{BASE}/state"].text == "not_authorized"
    assert latest[f"{BASE}/attributes"].json["messenger"] == "whatsapp"
    assert latest[CODE].payload == instance.code.png
    meta = latest[META].json
    assert meta["valid"] is True
    assert meta["sequence"] == 1
    assert meta["situation"] is None
    assert meta["bytes"] == len(instance.code.png)
    assert meta["sha256"] == sha256(instance.code.png).hexdigest()


async def test_a_late_subscriber_gets_a_code_with_the_rest_of_its_life(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    await publish(hass, cloud, instance, **way)
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")

    async with Subscriber(broker.port) as late:
        await late.wait_for_text(CODE_AVAILABILITY, "online")
        code = await late.wait_for(lambda latest: latest[CODE])
    assert code.retained
    assert code.expiry is not None
    assert 0 < code.expiry <= 23


async def test_the_code_goes_before_the_still_comes(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    await publish(hass, cloud, instance, **way)
    await shown(subscriber)
    before = len(subscriber.history)

    instance.scan()
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["account"]
    )

    latest = subscriber.latest
    assert latest[f"{BASE}/state"].text == "authorized"
    assert latest[CODE].payload == still(Situation.AUTHORIZED)
    assert latest[META].json["valid"] is False
    assert latest[META].json["situation"] == "authorized"
    phone = latest[f"{BASE}/attributes"].json["account"]
    assert set(phone[:-2]) == {"*"}
    topics = [item.topic for item in subscriber.history[before:]]
    assert topics.index(CODE_AVAILABILITY) < topics.index(CODE) < topics.index(META)
    assert all(item.payload for item in subscriber.history)


async def test_only_what_changed_is_sent(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    entry = await publish(hass, cloud, instance, **way)
    await shown(subscriber)
    before = len(subscriber.history)

    instance.set_state("starting")
    await entry.runtime_data.async_refresh()
    await subscriber.wait_for_text(f"{BASE}/state", "starting")
    cloud.cloud.faults.add(StateAnswer("newState!"))
    await entry.runtime_data.async_refresh()
    await subscriber.wait_for_text(f"{BASE}/state", "new_state")

    sent = [item.topic for item in subscriber.history[before:]]
    assert f"{BASE}/availability" not in sent
    assert sent.count(CODE_AVAILABILITY) == 1


async def test_state_only_leaves_the_code_out(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    entry = await publish(hass, cloud, instance, **way, mqtt="state")
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["login"] == "showing"
    )
    assert await hass.config_entries.async_unload(entry.entry_id)
    await subscriber.wait_for_text(f"{BASE}/availability", "offline")

    assert not any("/qr/" in item.topic for item in subscriber.history)


async def test_off_publishes_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    off = await publish(hass, cloud, instance, **way, mqtt="off")
    other = cloud.cloud.create("1101000002")
    await publish(hass, cloud, other, **way)
    await subscriber.wait_for_text("1101000002/qr/availability", "online")
    assert await hass.config_entries.async_remove(off.entry_id)
    assert not any(item.topic.startswith(BASE) for item in subscriber.history)


@pytest.mark.parametrize("how", ["unload", "stop"])
async def test_leaving_takes_the_code_back(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    how: str,
    way: dict[str, Any],
) -> None:
    entry = await publish(hass, cloud, instance, **way)
    await shown(subscriber)
    before = len(subscriber.history)

    if how == "unload":
        assert await hass.config_entries.async_unload(entry.entry_id)
    else:
        await hass.async_stop(force=True)
    await subscriber.wait_for_text(f"{BASE}/availability", "offline")

    latest = subscriber.latest
    assert latest[CODE_AVAILABILITY].text == "offline"
    assert latest[CODE].payload == still(Situation.NO_CONNECTION)
    assert latest[META].json["valid"] is False
    assert latest[f"{BASE}/state"].text == "not_authorized"
    # That the code is ready may be told meanwhile.
    left = (item.topic for item in subscriber.history[before:])
    assert next(topic for topic in left if topic != f"{BASE}/event") == (
        CODE_AVAILABILITY
    )


@pytest.mark.usefixtures("mqtt_entry")
async def test_a_slow_broker_gets_the_whole_farewell(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{PUBLISHER}.FAREWELL_TIMEOUT", 0.2)
    entry = await publish(hass, cloud, instance)
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")

    assert broker.process.pid
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        assert await hass.config_entries.async_unload(entry.entry_id)
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)
    await subscriber.wait_for_text(f"{BASE}/availability", "offline")
    assert subscriber.latest[CODE].payload == still(Situation.NO_CONNECTION)
    assert subscriber.latest[CODE_AVAILABILITY].text == "offline"


@pytest.mark.usefixtures("mqtt_entry")
async def test_an_unexpected_error_does_not_end_the_publishing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(f"{PUBLISHER}.RETRY_INTERVAL", 0.1)
    failed = asyncio.Event()

    def fail(*_: object, **__: object) -> None:
        failed.set()
        msg = "made up"
        raise ValueError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(f"{PUBLISHER}.messages", fail)
        await publish(hass, cloud, instance)
        await failed.wait()
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")
    assert "Unexpected error while publishing" in caplog.text


async def test_removal_leaves_nothing_on_the_broker(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    way: dict[str, Any],
) -> None:
    entry = await publish(hass, cloud, instance, **way)
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")

    await hass.config_entries.async_remove(entry.entry_id)
    await subscriber.wait_for(
        lambda latest: (
            not any(item.payload for topic, item in latest.items() if topic != EVENT)
        )
    )

    async with Subscriber(broker.port) as late:
        assert late.history == []


@pytest.mark.parametrize(
    ("options", "base", "names"),
    [
        ({"mqtt": "off"}, "", ()),
        ({"mqtt": "state"}, f"green_api/{BASE}", STATE_TOPICS),
        (
            {"mqtt_prefix": "house/messenger"},
            f"house/messenger/{BASE}",
            (*STATE_TOPICS, *QR_TOPICS),
        ),
    ],
)
@pytest.mark.parametrize("away", ["nothing", "MQTT", "the cloud"])
async def test_new_options_leave_nothing_of_the_old_topics(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    mqtt_entry: MockConfigEntry,
    options: dict[str, str],
    base: str,
    names: tuple[str, ...],
    away: str,
) -> None:
    entry = await publish(hass, cloud, instance)
    async with Subscriber(broker.port, "+") as subscriber:
        await subscriber.wait_for(
            lambda latest: any(
                topic.endswith(CODE_AVAILABILITY) and item.text == "online"
                for topic, item in latest.items()
            )
        )
        if away == "MQTT":
            assert await hass.config_entries.async_unload(mqtt_entry.entry_id)
        elif away == "the cloud":
            await cloud.stop()
            await hass.config_entries.async_reload(entry.entry_id)

        hass.config_entries.async_update_entry(entry, options=entry.options | options)
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        if away == "MQTT":
            assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
        elif away == "the cloud":
            await cloud.start()
            await hass.config_entries.async_reload(entry.entry_id)

        wanted = {f"{base}/{name}" for name in names}
        await subscriber.wait_for(
            lambda latest: (
                {
                    topic
                    for topic, item in latest.items()
                    if BASE in topic and item.payload and not topic.endswith(EVENT)
                }
                == wanted
            )
        )
    await wait_until(hass, lambda: set(entry.data["mqtt_topics"]) == wanted)


async def test_the_brokers_return_brings_the_present_whole(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, Any],
) -> None:
    monkeypatch.setattr(
        "homeassistant.components.mqtt.client.RECONNECT_INTERVAL_SECONDS", 1
    )
    entry = await publish(hass, cloud, instance, **way)
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(CODE_AVAILABILITY, "online")
    assert instance.code
    old = instance.code.png

    await broker.kill()
    instance.scan()
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.data.state == "authorized"
    await broker.start()

    async with Subscriber(broker.port) as after:
        await after.wait_for(
            lambda latest: latest[f"{BASE}/attributes"].json["account"]
        )
        await after.wait_for_text(f"{BASE}/availability", "online")
    latest = after.latest
    assert latest[f"{BASE}/state"].text == "authorized"
    assert latest[CODE_AVAILABILITY].text == "offline"
    assert latest[CODE].payload == still(Situation.AUTHORIZED)
    assert old not in {item.payload for item in after.history}


async def test_an_outage_of_the_cloud_keeps_the_state_and_names_the_problem(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, Any],
) -> None:
    monkeypatch.setattr(
        "custom_components.green_api.coordinator.OUTAGE_GRACE", timedelta(0)
    )
    instance.set_state("authorized")
    entry = await publish(hass, cloud, instance, **way)
    await subscriber.wait_for_text(f"{BASE}/state", "authorized")

    rule = cloud.cloud.faults.add(Drop())
    await entry.runtime_data.async_refresh()
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["problem"] == "cannot_connect"
    )
    await subscriber.wait_for(
        lambda latest: latest[CODE].payload == still(Situation.NO_CONNECTION)
    )
    assert subscriber.latest[f"{BASE}/state"].text == "authorized"

    cloud.cloud.faults.remove(rule.number)
    await entry.runtime_data.async_refresh()
    await subscriber.wait_for(
        lambda latest: latest[f"{BASE}/attributes"].json["problem"] is None
    )
    await subscriber.wait_for(
        lambda latest: latest[CODE].payload == still(Situation.AUTHORIZED)
    )


async def test_mqtt_that_comes_later_is_used_from_then_on(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
) -> None:
    entry = await publish(hass, cloud, instance)
    assert entry.state.recoverable
    assert subscriber.history == []

    await set_up_mqtt(hass, broker)
    await subscriber.wait_for_text(CODE_AVAILABILITY, "online")


async def test_an_entry_that_is_gone_does_not_publish_when_mqtt_comes(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = await publish(hass, cloud, instance)
    assert await hass.config_entries.async_remove(gone.entry_id)
    assert "No broker was there" in caplog.text
    other = cloud.cloud.create("1101000002")
    await publish(hass, cloud, other)

    await set_up_mqtt(hass, broker)
    await subscriber.wait_for_text("1101000002/qr/availability", "online")
    assert not any(item.topic.startswith(BASE) for item in subscriber.history)


async def test_without_expiry_a_code_is_not_retained(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    embedded_broker: EmbeddedBroker,
) -> None:
    broker = embedded_broker
    await set_up_mqtt(hass, broker)
    async with Subscriber(broker.port, protocol=MQTTProtocolVersion.MQTTv311) as early:
        await publish(hass, cloud, instance)
        await early.wait_for_text(CODE_AVAILABILITY, "online")
        assert instance.code
        assert early.latest[CODE].payload == instance.code.png
        assert early.latest[META].json["valid"] is True

        late = Subscriber(broker.port, protocol=MQTTProtocolVersion.MQTTv311)
        async with late:
            # What can become untrue by itself is not there, only what it replaces.
            assert late.history
            assert not {b"online", instance.code.png} & {
                item.payload for item in late.history
            }

        instance.scan()
        await early.wait_for(
            lambda latest: latest[CODE].payload == still(Situation.AUTHORIZED)
        )
    async with Subscriber(broker.port, protocol=MQTTProtocolVersion.MQTTv311) as last:
        await last.wait_for(
            lambda latest: latest[CODE].payload == still(Situation.AUTHORIZED)
        )


@pytest.mark.usefixtures("mqtt_entry")
async def test_own_without_a_connection_is_home_assistants(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, subscriber: Subscriber
) -> None:
    await publish(hass, cloud, instance, mqtt_broker="own")
    await subscriber.wait_for_text(f"{BASE}/availability", "online")


@pytest.mark.usefixtures("mqtt_entry")
async def test_an_entry_that_was_never_migrated_leaves_nothing_either(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
) -> None:
    entry = await publish(hass, cloud, instance)
    await subscriber.wait_for_text(f"{BASE}/availability", "online")
    assert await hass.config_entries.async_unload(entry.entry_id)
    old = {name: entry.options[name] for name in ("mqtt", "mqtt_prefix")}
    hass.config_entries.async_update_entry(entry, options=old, minor_version=2)

    await hass.config_entries.async_remove(entry.entry_id)
    async with Subscriber(broker.port) as late:
        assert late.history == []
