"""Whatever happens in whichever order, a dialog can be shown."""

import asyncio
from random import Random

from homeassistant.core import HomeAssistant
import pytest

from simulator import (
    Body,
    Clock,
    Drop,
    Fault,
    Instance,
    LoopClock,
    QrAnswer,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.dialog import Dialog, close_all, expect_no_job
from tests.logs import errors_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import lift_limits, set_rhythm

PHONE = "+7 (900) 123-45-67"
ROUNDS = 60

FAULTS: list[Fault] = [
    Drop(),
    Status(500, Body.HTML),
    QrAnswer(),
    QrAnswer.log_out_first(),
]
WAYS = ("qr_wait", "pairing", "phone", "code", "qr_logout")


@pytest.fixture
def clock() -> Clock:
    """Return a clock that goes with the event loop."""
    return LoopClock(START)


class Storm:
    """Let things happen at random, always the same for a seed."""

    def __init__(
        self, hass: HomeAssistant, cloud: Simulator, instance: Instance, seed: int
    ) -> None:
        """Take whom it hits."""
        self.random = Random(seed)  # noqa: S311  nothing is kept secret by it
        self._hass = hass
        self._cloud = cloud.cloud
        self._instance = instance

    async def happen(self, entry_id: str) -> None:
        """Change something of the cloud, the instance or the entry, or wait."""
        choice = self.random.choice
        entries = self._hass.config_entries
        match self.random.randrange(8):
            case 0:
                self._instance.set_state(choice([*State, None]))
            case 1:
                self._cloud.faults.add(choice(FAULTS))
            case 2 | 3:
                self._cloud.faults.clear()
                self._instance.set_state(State.NOT_AUTHORIZED)
            case 4:
                self._instance.set_stale_credentials(stale=choice([True, False]))
            case 5:
                await entries.async_unload(entry_id)
            case 6:
                await entries.async_unload(entry_id)
                await entries.async_setup(entry_id)
            case 7:
                await asyncio.sleep(choice([1, 30, 400]))

    async def choose(self, dialog: Dialog) -> None:
        """Choose from the menu that is shown, or send the form."""
        if dialog.at.startswith("menu "):
            if ways := [way for way in WAYS if way in dialog.ways]:
                await dialog.submit(next_step_id=self.random.choice(ways))
        elif dialog.at == "form code":
            await dialog.submit(code=self._instance.phone_code or "12345")
        elif dialog.at == "form password":
            await dialog.submit(password="wrong")
        elif dialog.at == "form qr_problem":
            await dialog.submit()
        elif dialog.at.startswith("form "):
            typed = self.random.choice(["", PHONE])
            await dialog.submit(phone_number=typed)


@pytest.mark.parametrize(
    ("seed", "kind", "id_instance"),
    [
        (1, "whatsapp", "1101000001"),
        (3, "telegram", "4100000001"),
        (4, "v3", "3100000001"),
    ],
)
async def test_it_can_be_fetched_and_used_at_any_moment(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    seed: int,
    kind: str,
    id_instance: str,
) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch, poll=5, renewal=20)
    instance = cloud.cloud.create(id_instance, kind)
    entry = await set_up(hass, cloud, instance)
    instance.set_timing(Timing(qr=20, scan=15, reboot=40))
    storm = Storm(hass, cloud, instance, seed)
    seen = set()
    with virtual_time():
        dialog = await Dialog.open(hass, entry)
        for _ in range(ROUNDS):
            await storm.happen(entry.entry_id)
            await dialog.fetch()
            seen.add(dialog.at)
            if dialog.at.startswith("abort"):
                dialog = await Dialog.open(hass, entry)
            elif storm.random.random() < 0.5:
                await storm.choose(dialog)
                seen.add(dialog.at)
            await asyncio.sleep(storm.random.choice([0, 0, 1, 10]))
        cloud.cloud.faults.clear()
        close_all(hass)
        await expect_no_job()
    assert len(seen) > 5, seen
    # What only a callback notices is logged.
    assert not [line for line in errors_logged(caplog) if "Error doing job" in line]
