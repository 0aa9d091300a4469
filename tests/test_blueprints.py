"""The blueprints, each as an automation of a real Home Assistant."""

from collections.abc import AsyncGenerator
from datetime import time
from http import HTTPStatus
from pathlib import Path
import re
from typing import Any
from urllib.parse import quote

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, __version__
from homeassistant.core import CoreState, HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import yaml as yaml_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.green_api.const import CONF_LOSS_GRACE, DOMAIN
from custom_components.green_api.snapshot import LoginPhase
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
from tests.waiting import (
    code_of,
    forgive_nothing,
    lift_limits,
    shorten_backoff,
    shorten_window,
    wait_until,
)

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "blueprints/automation/green_api"
NAMES = sorted(path.stem for path in FOLDER.iterdir())
REPOSITORY = "https://github.com/green-api/green-api-home-assistant/blob/main"


@pytest.fixture(autouse=True)
async def _configuration(hass: HomeAssistant, tmp_path: Path) -> AsyncGenerator[None]:
    """Let Home Assistant find the blueprints where it looks for them."""
    (tmp_path / "blueprints").symlink_to(ROOT / "blueprints")
    hass.config.config_dir = str(tmp_path)
    # Every Home Assistant has them.
    for domain in ("homeassistant", "persistent_notification"):
        assert await async_setup_component(hass, domain, {})
    yield
    await stop_automations(hass)


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test ask the cloud as often as it needs to."""
    lift_limits(monkeypatch)


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what a channel of the user's was given."""
    return async_mock_service(hass, "channel", "tell")


@pytest.fixture
def screen(hass: HomeAssistant) -> Screen:
    """Return the user's tablet."""
    return Screen(hass)


class Screen:
    """A tablet: what stands on it, and all that it was ever told."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Show the page that is always there."""
        self.history: list[str] = []
        hass.services.async_register("screen", "show", self._show)
        hass.services.async_register("screen", "hide", self._hide)
        hass.services.async_register("screen", "fail", self._fail)

    @callback
    def _show(self, call: ServiceCall) -> None:
        self.history.append(call.data["name"])
        self.call = call

    @callback
    def _hide(self, _call: ServiceCall) -> None:
        self.history.append("")

    @callback
    def _fail(self, _call: ServiceCall) -> None:
        raise HomeAssistantError


SCREEN = {
    "show": [
        {
            "action": "screen.show",
            "data": {
                "name": "{{ name }}",
                "image": "{{ image }}",
                "camera": "{{ camera }}",
                "device": "{{ device }}",
            },
        }
    ],
    "hide": [{"action": "screen.hide"}],
}


def made_from(name: str, **inputs: Any) -> dict[str, Any]:
    """Return what the editor saves for an automation made from a blueprint."""
    return {"use_blueprint": {"path": f"green_api/{name}.yaml", "input": inputs}}


async def instantiate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Set up an automation made from a blueprint."""
    await automate(hass, made_from(name, **inputs))


# ------------------------------------------------------------------ the files


def test_all_are_there() -> None:
    assert NAMES == ["link_lost", "linked", "nightly_check", "show_qr"]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    blueprint = yaml_util.load_yaml_dict(FOLDER / f"{name}.yaml")["blueprint"]
    path = FOLDER.joinpath(f"{name}.yaml").relative_to(ROOT)
    assert blueprint["source_url"] == f"{REPOSITORY}/{path}"
    assert blueprint["name"].startswith("GREEN-API: ")
    assert blueprint["author"] == "GREEN-API"
    assert blueprint["description"]
    assert blueprint["homeassistant"] == {"min_version": "2026.10.0"}
    for item in blueprint["input"].values():
        assert item["name"]
        assert item["selector"]
    instances = blueprint["input"]["instances"]["selector"]
    assert "'integration': 'green_api'" in str(instances)


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_a_link_of_the_page_imports_it(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(
        r"\]\(https://my\.home-assistant\.io/redirect/blueprint_import/"
        r"\?blueprint_url=([^)\s]+)\)",
        text,
    )
    wanted = {
        quote(f"{REPOSITORY}/blueprints/automation/green_api/{name}.yaml", safe="")
        for name in NAMES
    }
    assert set(links) == wanted
    assert len(links) == len(wanted)


@pytest.mark.parametrize("name", NAMES)
async def test_it_is_imported_by_its_url(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    aioclient_mock: AiohttpClientMocker,
    tmp_path: Path,
    name: str,
) -> None:
    # A configuration of its own, to save to.
    (tmp_path / "blueprints").unlink()
    path = f"main/blueprints/automation/green_api/{name}.yaml"
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    aioclient_mock.get(
        "https://raw.githubusercontent.com/green-api/green-api-home-assistant/" + path,
        text=text,
    )
    assert await async_setup_component(hass, "automation", {})
    client = await hass_ws_client(hass)
    url = f"{REPOSITORY}/blueprints/automation/green_api/{name}.yaml"
    await client.send_json_auto_id({"type": "blueprint/import", "url": url})
    answer = (await client.receive_json())["result"]
    assert answer["validation_errors"] is None, __version__
    assert answer["suggested_filename"] == f"green-api/{name}"
    await client.send_json_auto_id(
        {
            "type": "blueprint/save",
            "domain": "automation",
            "path": answer["suggested_filename"],
            "yaml": answer["raw_data"],
            "source_url": url,
        }
    )
    assert (await client.receive_json())["success"]
    assert (tmp_path / f"blueprints/automation/green-api/{name}.yaml").is_file()


# ------------------------------------------------------------------ bad inputs

TARGET = {"device_id": ["0123456789abcdef0123456789abcdef"]}
DEVICES = TARGET["device_id"]
HOURS = {"hours": 1}
NO_ACTION = "Unable to determine action"


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("link_lost", {"instances": TARGET}),
        ("link_lost", {"instances": TARGET, "lost_for": HOURS, "tell": []}),
        ("linked", {"instances": TARGET}),
        ("linked", {"instances": {"area_id": "cellar"}, "linked_for": "00:01:00"}),
        ("nightly_check", {"instances": DEVICES}),
        ("nightly_check", {"instances": DEVICES, "at": "06:30:00", "wait": HOURS}),
        ("show_qr", {"instances": DEVICES, **SCREEN}),
    ],
)
async def test_good_inputs_are_saved(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    name: str,
    inputs: dict[str, Any],
) -> None:
    assert await save(hass, hass_client, made_from(name, **inputs)) == (
        HTTPStatus.OK,
        {"result": "ok"},
    )
    assert hass.states.is_state(AUTOMATION, "on")


@pytest.mark.parametrize(
    ("name", "inputs", "complaint"),
    [
        ("link_lost", {}, "Missing input instances"),
        ("link_lost", {"instances": {"room": "cellar"}}, "target.room"),
        ("link_lost", {"instances": TARGET, "lost_for": "soon"}, "soon"),
        ("link_lost", {"instances": TARGET, "lost_for": {"hours": -1}}, "positive"),
        ("link_lost", {"instances": TARGET, "tell": "me"}, "me"),
        (
            "link_lost",
            {"instances": TARGET, "take_back": [{"shout": 1}]},
            "determine action",
        ),
        ("linked", {}, "Missing input instances"),
        ("linked", {"instances": TARGET, "linked_for": "soon"}, "soon"),
        ("linked", {"instances": TARGET, "tell": [{"shout": 1}]}, NO_ACTION),
        ("nightly_check", {}, "Missing input instances"),
        ("nightly_check", {"instances": DEVICES, "at": "25:00:00"}, "HH:MM:SS"),
        ("nightly_check", {"instances": DEVICES, "wait": "soon"}, "soon"),
        (
            "nightly_check",
            {"instances": DEVICES, "tell": [{"shout": 1}]},
            "determine action",
        ),
        ("show_qr", SCREEN, "Missing input instances"),
        ("show_qr", {"instances": DEVICES}, "Missing input"),
        (
            "show_qr",
            {**SCREEN, "instances": DEVICES, "hide": "it"},
            "expected dictionary",
        ),
        ("show_qr", {**SCREEN, "instances": [{}]}, "device_id"),
    ],
)
async def test_bad_inputs_are_refused(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    name: str,
    inputs: dict[str, Any],
    complaint: str,
) -> None:
    status, answer = await save(hass, hass_client, made_from(name, **inputs))
    assert status == HTTPStatus.BAD_REQUEST
    assert complaint in answer["message"]
    assert hass.states.get(AUTOMATION) is None


async def save(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, config: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """Save an automation as the editor does; return status and answer."""
    included = {"configuration": "automation: !include automations.yaml"}
    for name, text in {"automations": "[]", **included}.items():
        path = Path(hass.config.path(f"{name}.yaml"))
        await hass.async_add_executor_job(path.write_text, text, "utf-8")
    for domain in (DOMAIN, "automation", "config"):
        assert await async_setup_component(hass, domain, {})
    client = await hass_client()
    answer = await client.post(
        "/api/config/automation/config/under_test",
        json={"alias": "Under test", **config},
    )
    await hass.async_block_till_done()
    return answer.status, await answer.json()


# ------------------------------------------------------------------ link_lost

TELL_LOST = [
    {
        "action": "channel.tell",
        "data": {
            "name": "{{ name }}",
            "state": "{{ state }}",
            "device": "{{ device }}",
            "page": "{{ page }}",
        },
    }
]


def instances_of(cloud: Simulator, number: int) -> list[Instance]:
    """Return new instances of WhatsApp that nobody has linked yet."""
    return [cloud.cloud.create(f"{1101000001 + item}") for item in range(number)]


async def test_a_lost_link_is_told_and_taken_back(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
    device = device_of(hass, entry)
    await instantiate(hass, "link_lost", instances={"device_id": device})
    assert notifications(hass) == {}
    await become(hass, entry, instance, State.BLOCKED)
    assert notifications(hass) == {
        f"green_api_link_lost_{device}": "WhatsApp 1101000001 has lost its link"
        f" (blocked). [Link it again](/config/devices/device/{device})"
    }
    await become(hass, entry, instance, State.AUTHORIZED)
    assert notifications(hass) == {}


async def test_any_channel_is_given_what_there_is_to_say(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, told: list[ServiceCall]
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
    device = device_of(hass, entry)
    await instantiate(
        hass, "link_lost", instances={"device_id": device}, tell=TELL_LOST, take_back=[]
    )
    # Linked still, and restarting: nobody is to be told.
    await become(hass, entry, instance, State.YELLOW_CARD)
    await become(hass, entry, instance, State.STARTING)
    assert told == []
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await become(hass, entry, instance, State.BLOCKED)
    assert [call.data for call in told] == [
        {
            "name": "WhatsApp 1101000001",
            "state": "not authorized",
            "device": device,
            "page": f"/config/devices/device/{device}",
        }
    ]


async def test_a_lost_link_is_told_after_its_time(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, told: list[ServiceCall]
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
    await instantiate(
        hass,
        "link_lost",
        instances={"device_id": device_of(hass, entry)},
        lost_for={"minutes": 10},
        tell=TELL_LOST,
    )
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await become(hass, entry, instance, State.AUTHORIZED)
    await pass_time(hass, minutes=11)
    assert told == []
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await pass_time(hass, minutes=9)
    assert told == []
    await pass_time(hass, minutes=10, seconds=1)
    assert len(told) == 1


async def test_several_instances_are_told_though_the_first_takes_long(
    hass: HomeAssistant, cloud: Simulator, told: list[ServiceCall]
) -> None:
    instances = instances_of(cloud, 3)
    for instance in instances:
        instance.set_state(State.AUTHORIZED)
    entries = [
        await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
        for instance in instances
    ]
    await instantiate(
        hass,
        "link_lost",
        instances={"device_id": [device_of(hass, entry) for entry in entries[:2]]},
        tell=[*TELL_LOST, {"delay": {"hours": 1}}, *TELL_LOST],
    )
    for instance, entry in zip(instances, entries, strict=True):
        instance.set_state(State.NOT_AUTHORIZED)
        await entry.runtime_data.async_refresh()
    # The third was not chosen.
    wanted = [entry.title for entry in entries[:2]]
    await wait_until(hass, lambda: [call.data["name"] for call in told] == wanted)


async def test_a_loss_while_the_entry_was_not_loaded_is_told_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, told: list[ServiceCall]
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance, **{CONF_LOSS_GRACE: 0})
    device = device_of(hass, entry)
    await instantiate(
        hass, "link_lost", instances={"device_id": device}, tell=TELL_LOST
    )
    assert await hass.config_entries.async_unload(entry.entry_id)
    instance.set_state(State.NOT_AUTHORIZED)
    for _ in range(2):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert len(told) == 1
        assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("name", ["link_lost", "linked"])
async def test_whoever_runs_it_by_hand_sees_the_channel_work(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    await instantiate(hass, name, instances=TARGET)
    await hass.services.async_call(
        "automation", "trigger", {"entity_id": AUTOMATION}, blocking=True
    )
    await hass.async_block_till_done()
    (message,) = notifications(hass).values()
    assert message.startswith("An instance ")
    assert not errors_logged(caplog)


# ------------------------------------------------------------------ linked


async def test_a_link_is_confirmed(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    device = device_of(hass, entry)
    await instantiate(hass, "linked", instances={"device_id": device})
    await become(hass, entry, instance, State.STARTING)
    assert notifications(hass) == {}
    await become(hass, entry, instance, State.AUTHORIZED)
    assert notifications(hass) == {
        f"green_api_linked_{device}": "WhatsApp 1101000001 is linked."
    }


async def test_a_link_is_confirmed_once_and_after_its_time(
    hass: HomeAssistant,
    instance: Instance,
    entry: MockConfigEntry,
    told: list[ServiceCall],
) -> None:
    await instantiate(
        hass,
        "linked",
        instances={"device_id": device_of(hass, entry)},
        linked_for={"minutes": 5},
        tell=[{"action": "channel.tell", "data": {"name": "{{ name }}"}}],
    )
    await become(hass, entry, instance, State.AUTHORIZED)
    await pass_time(hass, minutes=4)
    assert told == []
    await pass_time(hass, minutes=5, seconds=1)
    await become(hass, entry, instance, State.YELLOW_CARD)
    await become(hass, entry, instance, State.AUTHORIZED)
    await pass_time(hass, minutes=20)
    assert [call.data for call in told] == [{"name": "WhatsApp 1101000001"}]


# ------------------------------------------------------------------ nightly_check

REPORT = [
    {
        "action": "channel.tell",
        "data": {"report": "{{ report }}", "names": "{{ names }}"},
    }
]


async def test_a_night_tells_what_is_not_authorized_for_so_long(
    hass: HomeAssistant, cloud: Simulator, told: list[ServiceCall]
) -> None:
    linked, lost, warned, mended = instances_of(cloud, 4)
    linked.set_state(State.AUTHORIZED)
    warned.set_state(State.YELLOW_CARD)
    instances = (linked, lost, warned, mended)
    entries = [await set_up(hass, cloud, instance) for instance in instances]
    await instantiate(
        hass,
        "nightly_check",
        instances=[device_of(hass, entry) for entry in entries],
        at="21:30:00",
        tell=REPORT,
    )
    await pass_time_to(hass, time(21, 30), early=1)
    assert told == []
    assert hass.states.get(AUTOMATION).attributes["last_triggered"] is None
    await pass_time_to(hass, time(21, 30))
    assert told == []
    await become(hass, entries[3], mended, State.AUTHORIZED)
    await pass_time(hass, minutes=11)
    assert [call.data for call in told] == [
        {
            "report": "- WhatsApp 1101000002: Not authorized\n"
            "- WhatsApp 1101000003: Yellow card: sending is suspended",
            "names": ["WhatsApp 1101000002", "WhatsApp 1101000003"],
        }
    ]


async def test_a_night_in_which_all_is_well_tells_nothing(
    hass: HomeAssistant, instance: Instance, cloud: Simulator, told: list[ServiceCall]
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "nightly_check", instances=[device], tell=REPORT)
    await pass_time_to(hass, time(21))
    await pass_time(hass, minutes=11)
    assert told == []
    assert hass.states.get(AUTOMATION).attributes["last_triggered"] is None


async def test_a_night_in_which_all_is_mended_in_time_tells_nothing(
    hass: HomeAssistant,
    instance: Instance,
    entry: MockConfigEntry,
    told: list[ServiceCall],
) -> None:
    device = device_of(hass, entry)
    await instantiate(hass, "nightly_check", instances=[device], tell=REPORT)
    await pass_time_to(hass, time(21))
    assert hass.states.get(AUTOMATION).attributes["current"] == 1
    await become(hass, entry, instance, State.AUTHORIZED)
    await pass_time(hass, minutes=11)
    assert hass.states.get(AUTOMATION).attributes["current"] == 0
    assert told == []


async def test_a_night_tells_of_an_instance_that_cannot_be_asked(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forgive_nothing(monkeypatch)
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "nightly_check", instances=device, wait={"minutes": 0})
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    await pass_time_to(hass, time(21))
    await wait_until(hass, lambda: notifications(hass))
    assert notifications(hass) == {
        "green_api_nightly_check": "Not authorized:\n- WhatsApp 1101000001: unavailable"
    }


# ------------------------------------------------------------------ show_qr


async def test_a_qr_is_shown_and_taken_back_when_it_was_scanned(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, screen: Screen
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "show_qr", instances=[device], **SCREEN)
    assert screen.history == []
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: screen.history)
    assert screen.call.data == {
        "name": "WhatsApp 1101000001",
        "image": "image.whatsapp_1101000001_login_qr",
        "camera": "camera.whatsapp_1101000001_login_qr_live",
        "device": device,
    }
    await become(hass, entry, instance, State.AUTHORIZED)
    await wait_until(hass, lambda: len(screen.history) > 1)
    assert screen.history == ["WhatsApp 1101000001", ""]


async def test_a_qr_is_taken_back_when_the_window_is_over(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    screen: Screen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten_window(monkeypatch, window=0.5, pause=0.01)
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "show_qr", instances=[device], **SCREEN)
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: len(screen.history) == 2)
    assert entry.runtime_data.data.login.phase is LoginPhase.EXPIRED
    # Asked for again, it is shown again.
    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.whatsapp_1101000001_show_login_qr"},
        blocking=True,
    )
    await wait_until(hass, lambda: len(screen.history) == 4)
    assert screen.history == ["WhatsApp 1101000001", ""] * 2


async def test_one_screen_shows_who_asked_last_and_then_who_is_left(
    hass: HomeAssistant, cloud: Simulator, screen: Screen
) -> None:
    instances = instances_of(cloud, 3)
    for instance in instances:
        instance.set_state(State.AUTHORIZED)
    entries = [await set_up(hass, cloud, instance) for instance in instances]
    first, second, other = (entry.title for entry in entries)
    await instantiate(
        hass,
        "show_qr",
        instances=[device_of(hass, entry) for entry in entries[:2]],
        **SCREEN,
    )
    for number, title in enumerate((first, second)):
        await become(hass, entries[number], instances[number], State.NOT_AUTHORIZED)
        await wait_until(hass, lambda: screen.history[-1:] == [title])  # noqa: B023
    # It was not chosen.
    await become(hass, entries[2], instances[2], State.NOT_AUTHORIZED)
    await code_of(hass, entries[2].runtime_data)
    await become(hass, entries[1], instances[1], State.AUTHORIZED)
    await wait_until(hass, lambda: screen.history[-1:] == [first])
    await become(hass, entries[0], instances[0], State.AUTHORIZED)
    await wait_until(hass, lambda: screen.history[-1:] == [""])
    assert screen.history == [first, second, first, ""]
    assert other not in screen.history


async def test_a_tablet_that_fails_is_taken_back_all_the_same(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, screen: Screen
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    await instantiate(
        hass,
        "show_qr",
        instances=[device_of(hass, entry)],
        show=[*SCREEN["show"], {"action": "screen.fail"}],
        hide=SCREEN["hide"],
    )
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: screen.history)
    await become(hass, entry, instance, State.AUTHORIZED)
    await wait_until(hass, lambda: len(screen.history) > 1)
    assert screen.history == ["WhatsApp 1101000001", ""]


@pytest.mark.parametrize(
    ("state", "history"),
    [
        (State.AUTHORIZED, [""]),
        (State.NOT_AUTHORIZED, ["WhatsApp 1101000001"]),
    ],
)
async def test_a_restart_in_between_leaves_no_qr_behind(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    screen: Screen,
    state: State,
    history: list[str],
) -> None:
    instance.set_state(state)
    hass.set_state(CoreState.starting)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "show_qr", instances=[device], **SCREEN)
    if state is State.NOT_AUTHORIZED:
        await code_of(hass, entry.runtime_data)
    assert screen.history == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await settle()
    # Both the start and the code that is there by then show it: what counts is
    # what it comes to.
    assert screen.history[-1:] == history
    assert set(screen.history) == set(history)


async def test_a_tablet_keeps_the_qr_during_an_outage(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    screen: Screen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forgive_nothing(monkeypatch)
    shorten_backoff(monkeypatch)
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "show_qr", instances=[device], **SCREEN)
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: screen.history)
    await cloud.stop()
    await entry.runtime_data.async_refresh()
    assert hass.states.is_state("sensor.whatsapp_1101000001_login", "unavailable")
    await cloud.start()
    await entry.runtime_data.async_refresh()
    await settle()
    assert screen.history == ["WhatsApp 1101000001"]
    await become(hass, entry, instance, State.AUTHORIZED)
    await wait_until(hass, lambda: len(screen.history) > 1)
    assert screen.history == ["WhatsApp 1101000001", ""]


async def test_an_instance_that_is_removed_takes_its_qr_along(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, screen: Screen
) -> None:
    instance.set_state(State.AUTHORIZED)
    entry = await set_up(hass, cloud, instance)
    device = device_of(hass, entry)
    await instantiate(hass, "show_qr", instances=[device], **SCREEN)
    await become(hass, entry, instance, State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: screen.history)
    await hass.config_entries.async_remove(entry.entry_id)
    assert er.async_get(hass).entities.get_entries_for_device_id(device) == []
    await wait_until(hass, lambda: len(screen.history) > 1)
    assert screen.history == ["WhatsApp 1101000001", ""]
