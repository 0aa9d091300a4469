"""The named faults, each of which must hit what it says it hits."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest

from simulator.control.presets import PRESETS, Preset
from simulator.faults import KINDS
from simulator.messenger import Messenger
from simulator.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Cloud, Instance, ManualClock
    from simulator.control import ControlClient


def test_no_two_presets_are_the_same() -> None:
    presets = PRESETS.values()
    for what in (
        {preset.name for preset in presets},
        {(preset.group, preset.title) for preset in presets},
        {preset.fault for preset in presets},
    ):
        assert len(what) == len(presets)


def test_every_kind_of_fault_is_on_offer() -> None:
    assert {preset.fault.kind for preset in PRESETS.values()} == set(KINDS)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_are_for_methods_that_their_messengers_have(preset: Preset) -> None:
    have = {name: METHODS[name].messengers for name in preset.methods or METHODS}
    assert preset.messengers <= frozenset().union(*have.values())


async def test_all_are_listed_with_what_the_control_api_takes(
    control: ControlClient,
) -> None:
    listed = await control.presets()
    assert [preset["name"] for preset in listed] == list(PRESETS)
    for preset in listed:
        rule = await control.add_fault(**preset["fault"])
        assert rule["preset"] == preset["name"]


@pytest.mark.parametrize("messenger", Messenger)
async def test_each_can_be_switched_on_and_off(
    control: ControlClient, messenger: Messenger
) -> None:
    await control.create("1", messenger)
    on: list[dict[str, Any]] = []
    for preset in PRESETS.values():
        if messenger in preset.messengers:
            on.append(await control.switch_on(preset.name, "1", count=3))
            assert (on[-1]["preset"], on[-1]["left"]) == (preset.name, 3)
    assert len(on) > 40
    assert await control.faults() == on
    for rule in on:
        await control.switch_off(rule["preset"], "1")
    assert await control.faults() == []


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
async def test_each_hits_the_next_request_alone(
    http: httpx.AsyncClient,
    control: ControlClient,
    cloud: Cloud,
    clock: ManualClock,
    preset: Preset,
) -> None:
    whatsapp = Messenger.WHATSAPP in preset.messengers
    messenger = Messenger.WHATSAPP if whatsapp else Messenger.MAX
    instance = cloud.create("1", messenger)
    instance.set_settings({"stateWebhook": "yes"})
    method = preset.methods[0] if preset.methods else "getSettings"
    await control.switch_on(preset.name, "1", count=1)
    call = Call(http, instance, clock, method)
    async with asyncio.TaskGroup() as group:
        hit = group.create_task(call())
        if preset.fault.kind in {"delay", "hang"}:
            await cloud.log.wait_for_open(method=method)
            clock.advance(60)
    assert await control.faults() == []
    # The limit of one a second would be in the way.
    clock.advance(1)
    usual = await call()
    if preset.fault.kind == "delay":
        assert hit.result() == usual
        slow, _ = cloud.log.list(method=method)
        assert slow.ended_at == slow.at + 60
    else:
        assert hit.result() != usual


class Call:
    """Call a method of the vendor API, and tell what comes of it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        instance: Instance,
        clock: ManualClock,
        method: str,
    ) -> None:
        """Call the method of this instance."""
        self._http = http
        self._instance = instance
        self._clock = clock
        self._method = method
        self._path = f"/waInstance1/{method}/{instance.token}"

    async def __call__(self) -> list[object]:
        """Return what came."""
        match self._method:
            case "scanqrcode":
                return await self._listen()
            case "receiveNotification":
                return self._happen()
        return await self._ask()

    async def _ask(self) -> list[object]:
        verb = METHODS[self._method].verb
        body = {"phoneNumber": 79001234567} if verb == "POST" else None
        try:
            # Not by aiohttp, which asks again by itself after a cut.
            answer = await self._http.request(verb, self._path, json=body)
        except httpx.TransportError as error:
            return [type(error)]
        return [answer.status_code, answer.content]

    async def _listen(self) -> list[object]:
        """Return what the first two frames are, of which the second is a renewal."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self._http.base_url}{self._path}") as socket,
        ):
            first = await socket.receive()
            self._clock.advance(20)
            second = await socket.receive()
        return [*_describe(first), *_describe(second)]

    def _happen(self) -> list[object]:
        """Return how many notifications an event makes."""
        notifications = self._instance.notifications
        before = len(notifications.list())
        self._instance.set_online(online=not self._instance.online)
        return [len(notifications.list()) - before]


def _describe(message: aiohttp.WSMessage) -> Iterator[object]:
    yield message.type
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            frame = json.loads(message.data)
        except ValueError:
            yield "no JSON"
        else:
            yield {**frame, "message": str(frame.get("message"))[:8]}
