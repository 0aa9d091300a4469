"""Whatever happens in whatever order, triggers tell the edges of what was known.

A model that knows nothing of the integration says what they are. More sequences than
the usual ones: `EDGES=500 pytest tests/automation/test_edges.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, field
import json
import os
from random import Random
from typing import Any, Final

from homeassistant.components.webhook import async_handle_webhook
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HassJob, HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.aiohttp import MockRequest
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Instance, Simulator, StateAnswer, Status
from tests.passing import Time, settle
from tests.push.door import TOKEN, WEBHOOK_ID, notice
from tests.waiting import set_rhythm, wait_until

from .home import home, same_entry
from .notes import Notes, automate, trigger
from .states import CALM

SEQUENCES = int(os.environ.get("EDGES", "8"))
LENGTH = 40

TARGET = {"entity_id": "sensor.whatsapp_1101000001_state"}

# The cloud's words, and what they say of the link.
LINKED: Final[dict[str | None, bool | None]] = {
    "authorized": True,
    "yellowCard": True,
    "suspended": True,
    "notAuthorized": False,
    "blocked": False,
    "pendingCode": False,
    "pendingPassword": False,
    "starting": None,
    "sleepMode": None,
    "somethingNew": None,
    None: None,
}
WORDS: Final = {
    "yellowCard": "yellow_card",
    "notAuthorized": "not_authorized",
    "pendingCode": "pending_code",
    "pendingPassword": "pending_password",
    "sleepMode": "sleep_mode",
    "somethingNew": "something_new",
}

# Steps of time, so that none ends near the end of a grace.
GRACE = 60
STEPS = (25, 50, 100)

type Edge = tuple[str, ...]


@dataclass
class Model:
    """Say which edges there are."""

    grace: int
    now: int = 0
    word: str | None = None
    linked: bool | None = None
    lost_at: int | None = None
    """When the link was lost that is not told yet."""

    def see(self, wire: str | None) -> list[Edge]:
        """Return the edges where this is seen, and told at once."""
        edges: list[Edge] = []
        if wire is not None:
            word = WORDS.get(wire, wire)
            if self.word not in {None, word}:
                edges.append(("state_changed", str(self.word), word))
            if word == "pending_password" != self.word:
                edges.append(("password_required",))
            self.word = word
            if (linked := LINKED[wire]) is not None:
                if self.linked is False and linked:
                    edges.append(("authorized",))
                if self.linked and not linked:
                    self.lost_at = self.now
                if linked:
                    self.lost_at = None
                self.linked = linked
        return [*edges, *self.tell_loss()]

    def tell_loss(self) -> list[Edge]:
        """Return the loss of the link where it has lasted."""
        if self.lost_at is None or self.now - self.lost_at < self.grace:
            return []
        self.lost_at = None
        return [("authorization_lost", str(self.word))]


@dataclass
class Play:
    """Do to a real Home Assistant what the model is told."""

    cloud: Simulator
    instance: Instance
    time: Time
    storage: dict[str, Any]
    random: Random
    model: Model
    wire: str | None = "authorized"
    reachable: bool = True
    done: list[str] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    entry: MockConfigEntry | None = None
    hass: HomeAssistant = field(init=False)
    notes: Notes = field(init=False)

    # ------------------------------------------------------------ what can happen

    async def change(self) -> list[Edge]:
        """Let the cloud say another word, and ask."""
        await self._quiet()
        self._say(self.random.choice(list(LINKED)))
        return await self.ask()

    async def ask(self) -> list[Edge]:
        """Ask, whatever comes of it."""
        await self.coordinator.async_refresh()
        await self._quiet()
        return self._seen()

    async def fail(self) -> list[Edge]:
        """Let one request, or some, fail."""
        if not self.reachable:
            return await self.ask()
        status = self.random.choice([401, 429, 500, 502])
        count = self.random.randint(1, 3)
        self.cloud.cloud.faults.add(
            Status(status), method="getStateInstance", count=count
        )
        for _ in range(count):
            await self.coordinator.async_refresh()
            await self._quiet()
        return await self.ask()

    async def go_away(self) -> list[Edge]:
        """Take the cloud away, and change behind its back."""
        if self.reachable:
            await self.cloud.stop()
            self.reachable = False
        await self.coordinator.async_refresh()
        self._say(self.random.choice(list(LINKED)))
        await self._quiet()
        return []

    async def come_back(self) -> list[Edge]:
        """Let the cloud be there again."""
        await self._connect()
        return await self.ask()

    async def wait(self) -> list[Edge]:
        """Let time pass."""
        seconds = self.random.choice(STEPS)
        self.model.now += seconds
        await self.time.pass_(self.hass, seconds)
        await self._quiet()
        # Who polls may have done so just now.
        return [*self._seen(), *self.model.tell_loss()]

    async def reload(self) -> list[Edge]:
        """Load the entry again, with some time and a change in between."""
        assert self.entry
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self._pause()
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        return await self._loaded()

    async def restart(self) -> list[Edge]:
        """Stop Home Assistant, or let it crash, and start it after a while."""
        crash = self.random.random() < 0.5
        as_it_was = deepcopy(self.storage)
        await self.stack.aclose()
        if crash:
            self.storage.clear()
            self.storage.update(as_it_was)
        await self._pause()
        return await self.start()

    async def post(self) -> list[Edge]:
        """Let the webhook get notices: true, false, old, twice, of somebody else."""
        for _ in range(self.random.randint(1, 5)):
            mine = self.random.random() < 0.8
            token = TOKEN if self.random.random() < 0.8 else "wrong"
            status = await self._post(
                self.random.choice(list(LINKED)),
                age=self.random.choice([0, 0, 60, 86_400, -3600]),
                token=token,
                mine=mine,
                times=self.random.choice([1, 1, 3]),
            )
            assert status == (401 if token != TOKEN else 200 if mine else 403)
        await self._quiet()
        return self._seen()

    async def push(self) -> list[Edge]:
        """Let the cloud say another word, and tell of it by itself."""
        await self._quiet()
        self._say(self.random.choice(list(LINKED)))
        status = await self._post(self.wire, times=self.random.choice([1, 2, 20]))
        assert status == 200
        await self._quiet()
        return self._seen()

    # ---------------------------------------------------------------- how it is done

    @property
    def coordinator(self) -> Any:
        """Return what asks the cloud."""
        assert self.entry
        return self.entry.runtime_data

    async def start(self) -> list[Edge]:
        """Start Home Assistant; nothing may be told before that is done."""
        self.hass = hass = await self.stack.enter_async_context(home())
        self.entry = same_entry(
            self.entry,
            self.cloud,
            self.instance,
            **CALM | {"loss_grace": self.model.grace, "push": "webhook"},
        )
        self.entry.add_to_hass(hass)
        data = {**self.entry.data, "push_settings": PUSH_SETTINGS}
        hass.config_entries.async_update_entry(self.entry, data=data)
        jobs = [self._set_up_entry, self._set_up_automation]
        self.random.shuffle(jobs)
        for job in jobs:
            await job()
        if self.random.random() < 0.5:
            hass.async_add_startup_job(HassJob(slowly))
        await settle(hass)
        assert self.notes.all == []
        await hass.async_start()
        return await self._loaded()

    async def stop(self) -> None:
        """End it all."""
        await self._connect()
        await self.stack.aclose()

    async def _post(
        self,
        wire: str | None,
        *,
        age: int = 0,
        token: str = TOKEN,
        mine: bool = True,
        times: int = 1,
    ) -> int:
        body = notice(
            self.instance,
            stateInstance=wire or "",
            timestamp=int(dt_util.utcnow().timestamp()) - age,
        )
        if not mine:
            body["instanceData"]["idInstance"] = 1101000009
        for _ in range(times):
            request = MockRequest(
                content=json.dumps(body).encode(),
                mock_source="test",
                method="POST",
                headers={"Authorization": f"Bearer {token}"},
            )
            answer = await async_handle_webhook(self.hass, WEBHOOK_ID, request)
        return answer.status

    async def _set_up_entry(self) -> None:
        assert self.entry
        await self.hass.config_entries.async_setup(self.entry.entry_id)

    async def _set_up_automation(self) -> None:
        kinds = ("authorized", "authorization_lost", "state_changed")
        self.notes = await automate(
            self.hass,
            *(trigger(kind, TARGET) for kind in (*kinds, "password_required")),
        )

    async def _loaded(self) -> list[Edge]:
        """Wait until the entry is loaded, which the cloud may have to come back for."""
        entry = self.entry
        assert entry
        await settle(self.hass)
        if not self.reachable:
            assert self.notes.all == []
            await self._connect()
        decided = (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY)
        while True:
            await wait_until(self.hass, lambda: entry.state in decided)
            if entry.state is ConfigEntryState.LOADED:
                break
            self.model.now += 100
            await self.time.pass_(self.hass, 100)
        await self._quiet()
        return self._seen()

    async def _pause(self) -> None:
        if self.random.random() < 0.5:
            seconds = self.random.choice(STEPS)
            self.model.now += seconds
            self.time.jump(seconds)
        if self.random.random() < 0.5:
            self._say(self.random.choice(list(LINKED)))
        if self.random.random() < 0.2 and self.reachable:
            await self.cloud.stop()
            self.reachable = False

    async def _connect(self) -> None:
        if not self.reachable:
            await self.cloud.start()
            self.reachable = True

    def _say(self, wire: str | None) -> None:
        self.wire = wire
        self.cloud.cloud.faults.clear()
        self.cloud.cloud.faults.add(StateAnswer(wire), method="getStateInstance")
        self.done.append(f"  says {wire}")

    def _seen(self) -> list[Edge]:
        return self.model.see(self.wire) if self.reachable else []

    async def _quiet(self) -> None:
        """Wait until nobody asks for the state any more."""
        ends = (" refresh", " notice")
        while asking := [
            task for task in asyncio.all_tasks() if task.get_name().endswith(ends)
        ]:
            await asyncio.wait(asking)
        await settle(self.hass)


PUSH_SETTINGS: Final = {
    "webhook_id": WEBHOOK_ID,
    "token": TOKEN,
    "url": "https://home.example.org/",
    "cloudhook": False,
    "former": {"webhook_url": "", "webhook_token": "", "state_webhook": False},
}


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Let timers be left that end with the process of a Home Assistant that stopped."""
    return True


async def slowly() -> None:
    """Take some turns of the loop to start."""
    for _ in range(10):
        await asyncio.sleep(0)


def told(notes: Notes) -> list[Edge]:
    """Return what the triggers have told since the last time."""
    edges: list[Edge] = []
    for note in notes.all:
        kind = note["platform"].removeprefix("green_api.")
        facts = ("from_state", "to_state", "state")
        edges.append((kind, *(note[fact] for fact in facts if fact in note)))
    notes.all.clear()
    return edges


@pytest.mark.parametrize("seed", range(SEQUENCES))
@pytest.mark.parametrize("grace", [0, GRACE])
async def test_triggers_tell_exactly_the_edges(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    hass_storage: dict[str, Any],
    cloud: Simulator,
    instance: Instance,
    time: Time,
    grace: int,
    seed: int,
) -> None:
    # Codes are nobody's business here.
    set_rhythm(monkeypatch, poll=3600)
    random = Random(f"{grace}/{seed}")  # noqa: S311  the same ones each time
    play = Play(cloud, instance, time, hass_storage, random, Model(grace))
    usual = [play.change] * 8 + [play.wait] * 3 + [play.post, play.push] * 2
    seldom = [play.ask, play.fail, play.go_away, play.reload, play.restart]
    play._say(random.choice(list(LINKED)))
    step: Callable[[], Awaitable[list[Edge]]] = play.start
    try:
        for _ in range(LENGTH):
            play.done.append(step.__name__)
            expected = await step()
            await settle(play.hass)
            found = told(play.notes)
            assert found == expected
            step = random.choice([*usual, *seldom])
            if not play.reachable and random.random() < 0.5:
                step = play.come_back
    except Exception as err:
        err.add_note(f"grace {grace}, seed {seed}:\n" + "\n".join(play.done))
        raise
    finally:
        await play.stop()
