"""A broker that is away for long while the instance changes all the time."""

from collections import Counter
from itertools import cycle
import logging
import tracemalloc
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
import pytest

from custom_components.green_api.publisher.brokers import Broker
from custom_components.green_api.publisher.topics import (
    QR_TOPICS,
    STATE_TOPICS,
    Message,
)
from demo.broker import Mosquitto
from simulator import Instance, Simulator
from tests.conftest import set_up
from tests.virtual_time import virtual_time
from tests.waiting import wait_until

from .subscriber import Subscriber

BASE = "1101000001"
OUTAGE = 600.0
CHANGES = 100
STATES = ("authorized", "notAuthorized", "starting", "yellowCard")

# What a hundred snapshots, messages or log lines that are kept would not fit into.
MOST_GROWTH = 50_000


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Message]]:
    """Return what has reached the broker, in order."""
    done: list[tuple[str, Message]] = []
    publish = Broker.publish

    async def publish_and_note(broker: Broker, topic: str, message: Message) -> None:
        await publish(broker, topic, message)
        done.append((topic, message))

    monkeypatch.setattr(Broker, "publish", publish_and_note)
    return done


def give_threads_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time-out strike where time jumps, which waits for no thread."""
    broker = "custom_components.green_api.broker"
    monkeypatch.setattr(f"{broker}.dial.CONNECT_TIMEOUT", 1e6)
    monkeypatch.setattr(f"{broker}.connection.ANSWER_TIMEOUT", 1e6)
    monkeypatch.setattr(f"{broker}.connection.PUBLISH_TIMEOUT", 1e6)


def size_of_ours() -> int:
    """Return the bytes that our code, and paho's, holds."""
    # The storage of tests keeps all that it was ever given to write.
    Store._async_write_data.reset_mock()  # type: ignore[attr-defined]
    ours = [
        tracemalloc.Filter(inclusive=True, filename_pattern=pattern)
        for pattern in ("*/custom_components/green_api/*", "*/paho/*")
    ]
    snapshot = tracemalloc.take_snapshot().filter_traces(ours)
    return sum(item.size for item in snapshot.statistics("filename"))


async def test_nothing_grows_and_the_return_brings_the_present_once(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    way: dict[str, Any],
    published: list[tuple[str, Message]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    give_threads_time(monkeypatch)
    options = {"mqtt": "state_and_qr"} | way
    entry = await set_up(hass, cloud, instance, **options)
    async with Subscriber(broker.port) as before:
        await before.wait_for_text(f"{BASE}/qr/availability", "online")
    coordinator = entry.runtime_data
    await broker.kill()
    states = cycle(STATES)
    sizes = []
    caplog.set_level(logging.WARNING)
    with virtual_time():
        loop = hass.loop
        began = loop.time()
        tracemalloc.start()
        try:
            for number in range(CHANGES):
                instance.set_state(next(states))
                await coordinator.async_refresh()
                await hass.async_block_till_done(wait_background_tasks=False)
                next_at = began + OUTAGE * (number + 1) / CHANGES
                due = loop.create_future()
                loop.call_at(next_at, due.set_result, None)
                await due
                if number in {CHANGES // 4, CHANGES - 1}:
                    sizes.append(size_of_ours())
        finally:
            tracemalloc.stop()
        assert loop.time() - began >= OUTAGE
        assert sizes[1] - sizes[0] < MOST_GROWTH
        complaints = [
            record.getMessage()
            for record in caplog.records
            if record.levelno >= logging.WARNING
            and record.name.startswith("custom_components")
        ]
        assert len(complaints) == 1
        assert "Not everything of" in complaints[0]

        instance.set_state("authorized")
        await coordinator.async_refresh()
        published.clear()
        await broker.start()
        await wait_until(hass, lambda: len(published) >= 6, bound=1e6)
    counted = Counter(
        topic.removeprefix(f"green_api/{BASE}/") for topic, _ in published
    )
    assert set(counted) == {*STATE_TOPICS, *QR_TOPICS}
    assert set(counted.values()) <= {1, 2}
    async with Subscriber(broker.port) as after:
        await after.wait_for_text(f"{BASE}/availability", "online")
    assert after.latest[f"{BASE}/state"].text == "authorized"
    assert after.latest[f"{BASE}/qr/availability"].text == "offline"
