"""The feed that keeps the page up to date."""

from contextlib import asynccontextmanager
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from simulator import Drop, Instance, ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .conftest import Ask


class Feed:
    """Read the events of an open feed."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        """Read this answer's lines."""
        self._lines = answer.content
        self.text = ""

    async def next(self) -> tuple[str, Any]:
        """Return the next event's name and data."""
        name = data = ""
        while line := (await self._lines.readline()).decode():
            self.text += line
            if line.startswith("event: "):
                name = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
            elif name:
                break
        return name, json.loads(data)


@asynccontextmanager
async def open_feed(sim: Simulator) -> AsyncGenerator[Feed]:
    # Not by httpx: the streams that it leaves unread linger in the event loop.
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sim.url}/control/events") as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        yield Feed(answer)


async def test_each_change_comes_at_once_and_without_a_token(
    sim: Simulator,
    whatsapp: Instance,
    ask: Ask,
    clock: ManualClock,
) -> None:
    await ask(whatsapp, "getSettings")
    async with open_feed(sim) as feed:
        name, presets = await feed.next()
        assert name == "presets"
        assert "cut" in [preset["name"] for preset in presets]
        name, view = await feed.next()
        assert name == "cloud"
        assert view["now"] == 0
        (shown,) = view["instances"]
        assert "qr" in shown["methods"]
        assert shown["code"]["number"] == 1
        name, requests = await feed.next()
        assert name == "requests"
        assert [request["method"] for request in requests] == ["getSettings"]

        clock.advance(20)
        name, view = await feed.next()
        assert view["instances"][0]["code"]["number"] == 2
        assert view["now"] == 20

        await ask(whatsapp, "qr")
        name, requests = await feed.next()
        assert (name, [request["number"] for request in requests]) == ("requests", [2])

        rule = sim.cloud.faults.add(Drop())
        name, view = await feed.next()
        assert view["faults"][0]["number"] == rule.number

        whatsapp.set_password("opensesame")
        name, view = await feed.next()
        assert view["instances"][0]["has_password"]

        whatsapp.set_settings({"stateWebhook": "yes", "webhookUrlToken": "hush"})
        name, view = await feed.next()
        assert view["instances"][0]["settings"]["stateWebhook"] == "yes"

        code = whatsapp.request_pairing_code(79001234567)
        name, view = await feed.next()
        assert view["instances"][0]["pairing"]

        whatsapp.scan()
        name, view = await feed.next()
        assert view["instances"][0]["state"] == "authorized"
        assert view["instances"][0]["code"] is None
    assert whatsapp.token not in feed.text
    assert "opensesame" not in feed.text
    assert "hush" not in feed.text
    assert code
    assert code not in feed.text


async def test_an_open_feed_does_not_hold_up_the_end(
    sim: Simulator, whatsapp: Instance
) -> None:
    async with open_feed(sim) as feed:
        await feed.next()
        await sim.stop()
