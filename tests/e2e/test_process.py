"""What goes away comes back: Home Assistant, the cloud, the broker."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from demo.broker import Mosquitto
from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.mqtt_watch import MqttWatch
from demo.qr import read_qr
from demo.round import Round
from demo.stack import Stack
from demo.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOPICS = (
    "availability",
    "state",
    "attributes",
    "qr/image",
    "qr/meta",
    "qr/availability",
)

# Home Assistant tries a lost broker, and a set-up that failed, again after so long.
RETRY_SECONDS = 60.0


@pytest_asyncio.fixture(loop_scope="module")
async def client(stack: Stack) -> AsyncIterator[HomeAssistantClient]:
    """Return a connection, with everything running and nobody logged in."""
    async with HomeAssistantClient(stack.home_assistant.url) as connected:
        for instance in stack.instances:
            if connected.state(instance.sensor) == "authorized":
                await round_of(stack, connected, instance).log_out()
        yield connected


def round_of(
    stack: Stack, client: HomeAssistantClient, instance: DemoInstance
) -> Round:
    return Round(stack.phone, stack.watch, client, instance)


async def wait_for_codes(stack: Stack, client: HomeAssistantClient) -> None:
    for instance in stack.instances:
        played = round_of(stack, client, instance)
        await played.wait_for_code(seconds=RETRY_SECONDS)


async def wait_for_offline(stack: Stack) -> None:
    for instance in stack.instances:
        topic = instance.topic("availability")
        await stack.watch.wait_for(topic, b"offline", seconds=5)


async def wait_for_no_code(stack: Stack, instance: DemoInstance) -> None:
    """Wait until a code is called off and replaced on MQTT."""
    await stack.watch.wait_for(
        instance.topic("qr/availability"), b"offline", seconds=30
    )
    await stack.watch.wait_for(
        instance.topic("qr/image"),
        lambda message: read_qr(message.payload) is None,
        seconds=5,
    )


async def test_stop_takes_the_code_back_and_a_start_shows_the_present_one(
    stack: Stack, client: HomeAssistantClient
) -> None:
    await wait_for_codes(stack, client)
    await stack.home_assistant.stop()
    await wait_for_offline(stack)
    for instance in stack.instances:
        await wait_for_no_code(stack, instance)

    await stack.home_assistant.start()
    async with HomeAssistantClient(stack.home_assistant.url) as anew:
        await wait_for_codes(stack, anew)


async def test_scan_while_home_assistant_is_away_is_seen_after_its_return(
    stack: Stack, client: HomeAssistantClient
) -> None:
    whatsapp, telegram = stack.instance("WhatsApp"), stack.instance("Telegram")
    await wait_for_codes(stack, client)
    await stack.home_assistant.stop()
    await stack.phone.scan(whatsapp.id_instance)

    await stack.home_assistant.start()
    async with HomeAssistantClient(stack.home_assistant.url) as anew:
        await anew.wait_for_state(whatsapp.sensor, "authorized", seconds=10)
        await round_of(stack, anew, whatsapp).wait_for_still()
        await round_of(stack, anew, telegram).wait_for_code()
    assert stack.watch.payload(whatsapp.topic("state")) == b"authorized"


async def test_power_cut_leaves_only_a_code_that_expires(
    stack: Stack, client: HomeAssistantClient
) -> None:
    await wait_for_codes(stack, client)
    await stack.home_assistant.kill()
    # Whoever comes now gets the code no longer than it lives.
    async with MqttWatch(stack.broker.port, "green_api/#", protocol="5") as late:
        for instance in stack.instances:
            for name in ("qr/image", "qr/meta"):
                topic = instance.topic(name)
                message = await late.wait_for(topic, lambda _: True, seconds=5)
                assert message.expiry is not None
                assert message.expiry <= 25

    await stack.home_assistant.start()
    async with HomeAssistantClient(stack.home_assistant.url) as anew:
        await wait_for_codes(stack, anew)


async def wait(client: HomeAssistantClient) -> bool | None:
    """Return True once the set-up of all instances waits for another try."""
    entries = await client.call("config_entries/get", domain="green_api")
    return all(entry["state"] == "setup_retry" for entry in entries) or None


async def test_cloud_that_is_away_at_the_start_is_found_when_it_comes(
    stack: Stack, client: HomeAssistantClient
) -> None:
    await client.close()
    await stack.home_assistant.stop()
    await stack.simulator.stop()
    await stack.home_assistant.start()
    async with HomeAssistantClient(stack.home_assistant.url) as anew:
        await until("both wait for the cloud", partial(wait, anew), seconds=20)
        await wait_for_offline(stack)

        await stack.simulator.start()
        for instance in stack.instances:
            await anew.wait_for_state(
                instance.sensor, "not_authorized", seconds=RETRY_SECONDS
            )
        await wait_for_codes(stack, anew)


async def test_cloud_that_goes_takes_the_code_with_it_until_it_is_back(
    stack: Stack, client: HomeAssistantClient
) -> None:
    await wait_for_codes(stack, client)
    await stack.simulator.stop()
    for instance in stack.instances:
        await wait_for_no_code(stack, instance)
        await round_of(stack, client, instance).wait_for_still()

    await stack.simulator.start()
    await wait_for_codes(stack, client)


async def test_broker_that_crashed_gets_everything_anew(
    stack: Stack, client: HomeAssistantClient
) -> None:
    assert isinstance(stack.broker, Mosquitto)
    whatsapp, telegram = stack.instance("WhatsApp"), stack.instance("Telegram")
    await wait_for_codes(stack, client)
    await stack.broker.kill()
    stack.watch.forget()
    # What happens meanwhile is not lost: the camera and the image go on …
    await stack.phone.scan(whatsapp.id_instance)
    await client.wait_for_state(whatsapp.sensor, "authorized", seconds=5)

    # … and the broker hears all of it, retained, on its return.
    await stack.broker.start()
    for instance in stack.instances:
        for name in TOPICS:
            message = await stack.watch.wait_for(
                instance.topic(name), lambda _: True, seconds=RETRY_SECONDS
            )
            assert message.retained
    await round_of(stack, client, whatsapp).wait_for_still()
    await round_of(stack, client, telegram).wait_for_code()
    assert stack.watch.payload(whatsapp.topic("state")) == b"authorized"
    assert stack.watch.payload(telegram.topic("state")) == b"not_authorized"


async def test_instances_do_not_feel_each_other(
    stack: Stack, client: HomeAssistantClient
) -> None:
    whatsapp, telegram = stack.instance("WhatsApp"), stack.instance("Telegram")
    await wait_for_codes(stack, client)
    await stack.phone.add_fault("drop", id_instance=whatsapp.id_instance)
    await wait_for_no_code(stack, whatsapp)

    played = round_of(stack, client, telegram)
    payload, _ = await played.wait_for_code()
    payload, _ = await played.scan(payload)
    await played.wait_for_still()
    await played.log_out()
    await played.wait_for_code(other_than=payload)

    await wait_for_no_code(stack, whatsapp)
    await stack.phone.clear_faults()
    await wait_for_codes(stack, client)

    await client.call(
        "config_entries/disable", entry_id=whatsapp.entry_id, disabled_by="user"
    )
    await stack.watch.wait_for(whatsapp.topic("availability"), b"offline", seconds=5)
    await wait_for_no_code(stack, whatsapp)
    await played.wait_for_code()
    await client.call(
        "config_entries/disable", entry_id=whatsapp.entry_id, disabled_by=None
    )
    await round_of(stack, client, whatsapp).wait_for_code()
