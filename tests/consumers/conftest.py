"""A real broker, and an instance whose topics are published there."""

from pathlib import Path
import re
from runpy import run_path
import shutil
from types import SimpleNamespace

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.broker import Mosquitto
from demo.places import ROOT, mosquitto
from simulator import Instance, Simulator
from tests.conftest import set_up
from tests.publisher import conftest as publisher
from tests.publisher.conftest import own_broker
from tests.publisher.subscriber import Subscriber

broker = publisher.broker
subscriber = publisher.subscriber
expected_lingering_timers = publisher.expected_lingering_timers

CONSUMERS = ROOT / "docs" / "consumers"


@pytest.fixture
async def entry(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    broker: Mosquitto,
    subscriber: Subscriber,
) -> MockConfigEntry:
    """Return the entry of an instance that publishes and takes commands."""
    return await set_up(
        hass,
        cloud,
        instance,
        mqtt="state_and_qr",
        mqtt_base64=True,
        mqtt_commands=True,
        # Otherwise a loss is told when it has lasted.
        loss_grace=0,
        **own_broker(broker),
    )


def read(name: str) -> str:
    """Return a file of the folder."""
    return (CONSUMERS / name).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return what stands in a page's blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL
    )


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return [path.name for path in folder.iterdir()]


def mosquitto_client(name: str) -> Path:
    """Return a client program of Mosquitto, or skip where the machine has none."""
    found = mosquitto()
    if found and (found.parent / name).exists():
        return found.parent / name
    on_the_path = shutil.which(name)
    if on_the_path:
        return Path(on_the_path)
    pytest.skip(f"the Mosquitto of this machine comes without {name}")


def load(name: str) -> SimpleNamespace:
    """Return what a program of the folder defines; it is not run."""
    # Unlike an import, it leaves no bytecode beside the program.
    return SimpleNamespace(**run_path(str(CONSUMERS / name), run_name=name))
