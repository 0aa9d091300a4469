"""Every automation that the documents show is loaded, and does what it is shown for."""

from collections.abc import AsyncGenerator, Iterator
from datetime import time
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import yaml as yaml_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from custom_components.green_api.const import CONF_LOSS_GRACE, DOMAIN
from custom_components.green_api.snapshot import InstanceData, LoginPhase
from simulator import Instance, Simulator, State
from tests.automating import (
    AUTOMATION,
    automate,
    become,
    device_of,
    notifications,
    pass_time,
    pass_time_to,
    settle,
    stop_automations,
)
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import lift_limits, shorten_window, wait_until

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/automations.md"
PAGES = (PAGE, ROOT / "README.md", ROOT / "README.ru.md")

# Stands in the documents for the device of the instance.
DEVICE = "0123456789abcdef0123456789abcdef"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What the tests have in place of what is theirs.
_OURS = {"green_api", "persistent_notification"}


def _blocks(page: Path) -> list[str]:
    return _BLOCK.findall(page.read_text("utf-8"))


def _parse(block: str) -> Any:
    return yaml_util.parse_yaml(block)


def _automations() -> Iterator[Any]:
    for page in PAGES:
        for block in _blocks(page):
            found = _parse(block)
            if {"triggers", "use_blueprint"} & set(found):
                yield pytest.param(block, id=f"{page.name}-{found['alias']}")


def _actions(config: Any) -> Iterator[str]:
    """Yield the actions that a config names, at any depth."""
    match config:
        case dict():
            if isinstance(name := config.get("action"), str):
                yield name
            for value in config.values():
                yield from _actions(value)
        case list():
            for value in config:
                yield from _actions(value)


@pytest.fixture(autouse=True)
async def _configuration(hass: HomeAssistant, tmp_path: Path) -> AsyncGenerator[None]:
    """Have the blueprints where their import puts them."""
    folder = tmp_path / "blueprints/automation"
    folder.mkdir(parents=True)
    (folder / "green-api").symlink_to(ROOT / "blueprints/automation/green_api")
    hass.config.config_dir = str(tmp_path)
    for domain in ("homeassistant", "persistent_notification"):
        assert await async_setup_component(hass, domain, {})
    yield
    await stop_automations(hass)


def test_the_page_shows_nothing_but_automations() -> None:
    for block in _blocks(PAGE):
        found = _parse(block)
        assert found["alias"]
        assert ("triggers" in found and "actions" in found) or "use_blueprint" in found


def test_the_page_shows_all_that_there_is() -> None:
    kinds = ROOT / "custom_components/green_api"
    shown = "".join(_blocks(PAGE))
    for name in ("triggers", "conditions"):
        for kind in yaml_util.load_yaml_dict(kinds / f"{name}.yaml"):
            if not kind.startswith("."):
                assert f": green_api.{kind}\n" in shown
                assert f"`green_api.{kind}`" in PAGE.read_text("utf-8")


LANGUAGES = {"en": "README.md", "ru": "README.ru.md"}


def _texts(language: str) -> dict[str, Any]:
    folder = ROOT / "custom_components/green_api/translations"
    texts: dict[str, Any] = json.loads((folder / f"{language}.json").read_text("utf-8"))
    return texts


@pytest.mark.parametrize(("language", "page"), LANGUAGES.items())
def test_triggers_and_conditions_are_told_by_their_names(
    language: str, page: str
) -> None:
    told = (ROOT / page).read_text("utf-8")
    for kind in ("triggers", "conditions"):
        for key, texts in _texts(language)[kind].items():
            assert f"| *{texts['name']}*, `green_api.{key}` |" in told


@pytest.mark.parametrize(("language", "page"), LANGUAGES.items())
def test_options_of_events_are_told_by_their_names(language: str, page: str) -> None:
    told = (ROOT / page).read_text("utf-8")
    texts = _texts(language)
    menu = texts["options"]["step"]["init"]["menu_options"]["events"]
    assert f"\n| *{menu}* |" in told
    for label in texts["options"]["step"]["events"]["data"].values():
        assert f" | {label} | " in told


def test_the_page_calls_push_by_its_names() -> None:
    texts = _texts("en")
    told = PAGE.read_text("utf-8")
    for label in texts["selector"]["push"]["options"].values():
        assert f"\n| *{label}* |" in told
    for label in texts["options"]["step"]["events"]["data"].values():
        assert f"*{label.removesuffix(', in seconds')}*" in told


def phase_of(entry: MockConfigEntry) -> LoginPhase:
    """Return where an entry's login stands."""
    data: InstanceData = entry.runtime_data.data
    return data.login.phase


@pytest.mark.parametrize("block", _automations())
async def test_it_is_loaded_and_works(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    block: str,
) -> None:
    lift_limits(monkeypatch)
    shorten_window(monkeypatch, window=0.5, pause=0.01)
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
    device = device_of(hass, entry)
    area = ar.async_get(hass).async_create("Office")
    label = lr.async_get(hass).async_create("Messengers")
    dr.async_get(hass).async_update_device(
        device, area_id=area.id, labels={label.label_id}
    )
    hass.states.async_set("zone.home", "1")
    config = _parse(block.replace(DEVICE, device))
    calls = [
        async_mock_service(hass, *action.split("."))
        for action in _actions(config)
        if action.split(".", maxsplit=1)[0] not in _OURS
    ]
    await automate(hass, config)

    # All that the triggers, and the conditions, wait for.
    await pass_time_to(hass, time(9))
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: phase_of(entry) is LoginPhase.EXPIRED)
    hass.states.async_set("binary_sensor.hall_motion", "on")
    await settle()
    await become(hass, entry, instance, State.PENDING_PASSWORD)
    await become(hass, entry, instance, State.BLOCKED)
    await pass_time(hass, minutes=31)
    await pass_time_to(hass, time(22, 15))
    await pass_time(hass, minutes=16)
    await become(hass, entry, instance, State.AUTHORIZED)

    automation = hass.states.get(AUTOMATION)
    assert automation
    assert automation.attributes["last_triggered"] is not None
    assert any(calls) or notifications(hass) or "green_api.request" in block
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("page", LANGUAGES.values())
async def test_the_script_of_the_page_is_loaded(hass: HomeAssistant, page: str) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    (script,) = (
        found
        for found in map(_parse, _blocks(ROOT / page))
        if "sequence" in next(iter(found.values()), "")
    )
    assert await async_setup_component(hass, "script", {"script": script})
    assert hass.states.is_state(f"script.{next(iter(script))}", "off")
