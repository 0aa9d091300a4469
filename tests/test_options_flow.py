"""A person changes the options of an instance."""

from http import HTTPStatus
from typing import Any

from homeassistant.config_entries import (
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.const import DEFAULT_OPTIONS, DOMAIN
from simulator import Instance, Simulator, State
from tests.conftest import entry_of, set_up
from tests.test_config_flow import expect_form, fields, suggested
from tests.waiting import lift_limits, set_rhythm, shorten_backoff

# None of these is the default. A connection stays when it is not in use.
OTHERS = {
    **DEFAULT_OPTIONS,
    "login_window": 2,
    "login_always": True,
    "poll_interval": 90,
    "loss_grace": 5,
    "mqtt": "state",
    "mqtt_prefix": "home",
    "mqtt_base64": True,
    "mqtt_commands": True,
    "mqtt_discovery": True,
    "mqtt_discovery_prefix": "other",
    "mqtt_connection": {"host": "broker", "port": 1883, "client_id": "mine"},
    "qr_domain": "qr.example.com",
}
SETTINGS = ["login", "events", "mqtt", "qr_page"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


async def open_menu(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    """Open the options."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "init"
    return result


async def choose(
    hass: HomeAssistant, result: ConfigFlowResult, step: str
) -> ConfigFlowResult:
    """Choose from the menu."""
    return await submit(hass, result, next_step_id=step)


async def begin(
    hass: HomeAssistant, entry: MockConfigEntry, step: str
) -> ConfigFlowResult:
    """Open the form of some options."""
    result = await choose(hass, await open_menu(hass, entry), step)
    expect_form(result, step)
    return result


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **typed: Any
) -> ConfigFlowResult:
    """Send the form."""
    return await hass.config_entries.options.async_configure(result["flow_id"], typed)


async def expect_texts(hass: HomeAssistant, *keys: str) -> None:
    """Check that a person reads something for each key, in either language."""
    for language in ("en", "ru"):
        texts = await async_get_translations(hass, language, "options", {DOMAIN})
        for key in keys:
            assert texts.get(f"component.{DOMAIN}.options.{key}"), (language, key)


# --------------------------------------------------------------------- the menu


@pytest.mark.parametrize(
    ("id_instance", "kind", "state", "ways"),
    [
        ("1101000001", "whatsapp", State.NOT_AUTHORIZED, ["qr_wait", "pairing"]),
        ("1101000001", "whatsapp", State.AUTHORIZED, []),
        ("1101000001", "whatsapp", State.STARTING, []),
        ("1101000001", "whatsapp", State.BLOCKED, []),
        ("1101000001", "whatsapp", State.YELLOW_CARD, []),
        ("1101000001", "whatsapp", State.PENDING_PASSWORD, []),
        ("4100000001", "telegram", State.NOT_AUTHORIZED, ["qr_wait", "phone"]),
        ("4100000001", "telegram", State.PENDING_CODE, ["qr_wait", "code", "phone"]),
        ("4100000001", "telegram", State.PENDING_PASSWORD, ["password"]),
        ("4100000001", "telegram", State.AUTHORIZED, []),
        ("3100000001", "v3", State.NOT_AUTHORIZED, ["qr_wait", "phone"]),
        ("3100000001", "v3", State.PENDING_PASSWORD, ["password"]),
        ("3100000001", "v3", State.SUSPENDED, []),
        ("3100000001", "v3", None, []),
    ],
)
async def test_offers_what_fits_the_messenger_and_the_state(
    hass: HomeAssistant,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    state: State | None,
    ways: list[str],
) -> None:
    instance = cloud.cloud.create(id_instance, kind)
    instance.set_state(state)
    entry = await set_up(hass, cloud, instance)
    result = await open_menu(hass, entry)
    assert result["menu_options"] == [*ways, *SETTINGS]
    await expect_texts(
        hass,
        "step.init.title",
        "step.init.description",
        *(f"step.init.menu_options.{step}" for step in (*ways, *SETTINGS)),
        *(f"step.init.menu_option_descriptions.{step}" for step in (*ways, *SETTINGS)),
    )


@pytest.mark.parametrize("loaded_before", [False, True])
async def test_offers_the_settings_alone_where_the_entry_is_not_loaded(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, *, loaded_before: bool
) -> None:
    if loaded_before:
        entry = await set_up(hass, cloud, instance)
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    else:
        entry = entry_of(cloud, instance)
        entry.add_to_hass(hass)
        await cloud.stop()
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
    result = await open_menu(hass, entry)
    assert result["menu_options"] == SETTINGS
    result = await choose(hass, result, "login")
    await submit(hass, result, login_window=3, login_always=False, poll_interval=60)
    assert entry.options == {**DEFAULT_OPTIONS, "login_window": 3}
    await hass.async_block_till_done()


async def test_ends_when_the_entry_was_removed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    menu = await open_menu(hass, entry)
    form = await begin(hass, entry, "qr_page")
    await hass.config_entries.async_remove(entry.entry_id)
    for result in (
        await choose(hass, menu, "login"),
        await submit(hass, form, qr_domain="qr.example.com"),
    ):
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "entry_removed"
    await expect_texts(hass, "abort.entry_removed")


# --------------------------------------------------------------- all the options


@pytest.mark.parametrize(
    ("step", "typed"),
    [
        ("login", {"login_window": 1, "login_always": False, "poll_interval": 3600}),
        ("login", {"login_window": 5, "login_always": True, "poll_interval": 30}),
        ("qr_page", {"qr_domain": "qr.green-api.com"}),
    ],
)
async def test_changes_some_options_and_keeps_the_others(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    step: str,
    typed: dict[str, Any],
) -> None:
    entry = await set_up(hass, cloud, instance, **OTHERS)
    before = entry.runtime_data
    result = await begin(hass, entry, step)
    assert fields(result) == set(typed)
    assert suggested(result) == {field: OTHERS[field] for field in typed}
    await expect_texts(
        hass,
        f"step.{step}.title",
        f"step.{step}.description",
        *(f"step.{step}.data.{field}" for field in typed),
        *(f"step.{step}.data_description.{field}" for field in typed),
    )
    result = await submit(hass, result, **typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == {**OTHERS, **typed}
    kinds = {type(value) for value in entry.options.values()}
    assert kinds == {int, bool, str, dict}
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    # And again: the form shows what is true now.
    assert suggested(await begin(hass, entry, step)) == typed


async def test_loses_nothing_that_another_dialog_saves_meanwhile(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    first = await begin(hass, entry, "qr_page")
    second = await begin(hass, entry, "login")
    await submit(hass, second, login_window=2, login_always=False, poll_interval=60)
    await hass.async_block_till_done()
    await submit(hass, first, qr_domain="qr.example.com")
    await hass.async_block_till_done()
    assert entry.options == {
        **DEFAULT_OPTIONS,
        "login_window": 2,
        "qr_domain": "qr.example.com",
    }
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize(
    ("step", "typed"),
    [
        ("login", {"login_window": 5, "login_always": False, "poll_interval": 60}),
        ("qr_page", {"qr_domain": " https://QR.green-api.com/ "}),
    ],
)
async def test_leaves_a_running_instance_alone_when_nothing_changes(
    hass: HomeAssistant, entry: MockConfigEntry, step: str, typed: dict[str, Any]
) -> None:
    before = entry.runtime_data
    result = await submit(hass, await begin(hass, entry, step), **typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == DEFAULT_OPTIONS
    assert entry.runtime_data is before


async def test_can_be_shown_and_filled_in_by_the_frontend(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry
) -> None:
    for component in ("camera", "config", "image"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    base = "/api/config/config_entries/options/flow"
    answer = await client.post(base, json={"handler": entry.entry_id})
    assert answer.status == HTTPStatus.OK
    menu = await answer.json()
    assert menu["menu_options"] == ["qr_wait", "pairing", *SETTINGS]
    path = f"{base}/{menu['flow_id']}"
    form = await (await client.post(path, json={"next_step_id": "login"})).json()
    shown = {field["name"]: field["selector"] for field in form["data_schema"]}
    assert shown["login_always"] == {"boolean": {}}
    window, interval = shown["login_window"]["number"], shown["poll_interval"]["number"]
    assert (window["min"], window["max"], window["step"]) == (1, 5, 1)
    assert (interval["min"], interval["max"], interval["mode"]) == (30, 3600, "box")
    typed = {"login_window": 9, "login_always": False, "poll_interval": 60}
    answer = await client.post(path, json=typed)
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "login_window" in (await answer.json())["errors"]
    answer = await client.post(path, json={**typed, "login_window": 4})
    assert (await answer.json())["type"] == "create_entry"
    await hass.async_block_till_done()
    assert entry.options["login_window"] == 4


# ----------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    "typed",
    [
        {"login_window": 0},
        {"login_window": 6},
        {"login_window": "long"},
        {"login_window": None},
        {"poll_interval": 29},
        {"poll_interval": 3601},
    ],
)
async def test_does_not_take_what_would_harm(
    hass: HomeAssistant, entry: MockConfigEntry, typed: dict[str, Any]
) -> None:
    result = await begin(hass, entry, "login")
    good = {"login_window": 5, "login_always": False, "poll_interval": 60}
    with pytest.raises(InvalidData) as caught:
        await submit(hass, result, **{**good, **typed})
    assert set(caught.value.schema_errors) == set(typed)
    assert entry.options == DEFAULT_OPTIONS
    # The frontend's own box may give a fraction.
    await submit(hass, result, **{**good, "poll_interval": 45.5})
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, "poll_interval": 45}


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "localhost", "qr", "qr.example.com:8443", "qr.example.com/a", "a b.com"],
)
async def test_says_what_is_wrong_with_a_domain_and_takes_a_better_one(
    hass: HomeAssistant, entry: MockConfigEntry, typed: str
) -> None:
    result = await begin(hass, entry, "qr_page")
    result = await submit(hass, result, qr_domain=typed)
    expect_form(result, "qr_page", qr_domain="invalid_qr_domain")
    await expect_texts(hass, "error.invalid_qr_domain")
    assert suggested(result) == {"qr_domain": typed}
    assert entry.options == DEFAULT_OPTIONS
    await submit(hass, result, qr_domain="qr.example.com")
    await hass.async_block_till_done()
    assert entry.options == {**DEFAULT_OPTIONS, "qr_domain": "qr.example.com"}
