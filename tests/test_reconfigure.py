"""A person gives an instance another address or another token."""

import asyncio
from http import HTTPStatus
import socket
from typing import Any

from aiohttp import web
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.const import DOMAIN
from simulator import (
    Body,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    Simulator,
    Status,
)
from tests.api.servers import serve
from tests.conftest import entry_of, set_up
from tests.logs import secrets_logged
from tests.test_config_flow import (
    STARTING,
    WRONG_TOKEN,
    expect_form,
    expect_texts,
    fields,
    refuse,
    submit,
    suggested,
)
from tests.waiting import (
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    wait_until,
)

NEW_TOKEN = "e" * 50


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    """Ask to change an entry."""
    result = await entry.start_reconfigure_flow(hass)
    expect_form(result, "reconfigure")
    assert fields(result) == {"api_url", "api_token_instance"}
    assert suggested(result) == {"api_url": entry.data["api_url"]}
    return result


async def expect_success(
    hass: HomeAssistant,
    result: ConfigFlowResult,
    entry: MockConfigEntry,
    **changes: Any,
) -> None:
    """Check that the entry has changed in this alone, and works."""
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    domain = result["translation_domain"]
    for language in ("en", "ru"):
        texts = await async_get_translations(hass, language, "config", {domain})
        assert texts[f"component.{domain}.config.abort.reconfigure_successful"]
    for field, value in changes.items():
        assert entry.data[field] == value
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


def told(result: ConfigFlowResult) -> dict[str, str]:
    """Return what the texts of a form are filled with."""
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    return dict(placeholders)


# --------------------------------------------------------------- all goes well


@pytest.mark.parametrize(
    ("id_instance", "kind", "prefix", "label"),
    [
        ("1101000001", "whatsapp", "", "WhatsApp"),
        ("4100000001", "telegram", "", "Telegram"),
        ("3100000001", "v3", "/v3", "MAX"),
    ],
)
async def test_moves_an_instance_to_another_address_with_another_token(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    prefix: str,
    label: str,
) -> None:
    instance = cloud.cloud.create(id_instance, kind)
    old_token = instance.token
    entry = await set_up(hass, cloud, instance, mqtt="state", poll_interval=120)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "account_name": {"1": "Ada"}}
    )
    data, options, before = dict(entry.data), dict(entry.options), entry.runtime_data
    async with Simulator() as other:
        moved = other.cloud.create(id_instance, kind)
        moved.token = NEW_TOKEN
        result = await begin(hass, entry)
        facts = told(result)
        assert facts["id_instance"] == id_instance
        assert facts["messenger"] == label
        assert facts["console"] == "https://console.green-api.com"
        result = await submit(
            hass,
            result,
            api_url=f" {other.url}{prefix}/ ",
            api_token_instance=f"{NEW_TOKEN} ",
        )
        await expect_success(hass, result, entry, api_url=f"{other.url}{prefix}")
        assert entry.data == {
            **data,
            "api_url": f"{other.url}{prefix}",
            "api_token_instance": NEW_TOKEN,
        }
        assert entry.options == options
        assert entry.unique_id == id_instance
        assert entry.runtime_data is not before
        assert {item.prefix for item in other.cloud.log.list()} == {prefix}
        await wait_until(hass, lambda: entry.runtime_data.data.login.code)
        await hass.config_entries.async_unload(entry.entry_id)
    assert not secrets_logged(caplog, [old_token, NEW_TOKEN])


async def test_keeps_the_token_where_none_is_typed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    result = await begin(hass, entry)
    result = await submit(hass, result, api_url=cloud.url, api_token_instance="")
    await expect_success(hass, result, entry, api_token_instance=instance.token)


async def test_takes_an_instance_that_is_starting(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    result = await begin(hass, entry)
    cloud.cloud.faults.add(STARTING)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry)
    assert entry.runtime_data.data.state is InstanceState.STARTING


# ------------------------------------------------------------- whatever it is in


async def test_mends_an_entry_whose_address_does_not_answer(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and kept
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, "api_url": dead}
        )
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        result = await begin(hass, entry)
        result = await submit(hass, result, api_url=dead)
        expect_form(result, "reconfigure", base="cannot_connect")
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry, api_url=cloud.url)


async def test_mends_an_entry_that_could_not_be_set_up_with_its_token(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    instance.token = NEW_TOKEN
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    await hass.async_block_till_done()
    (reauth,) = hass.config_entries.flow.async_progress()
    assert reauth["context"]["source"] == SOURCE_REAUTH
    result = await begin(hass, entry)
    result = await submit(hass, result, api_url=cloud.url, api_token_instance=NEW_TOKEN)
    await expect_success(hass, result, entry, api_token_instance=NEW_TOKEN)
    assert not hass.config_entries.flow.async_progress()


async def test_answers_the_question_for_a_new_token_too(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await refuse(hass, instance, entry)
    result = await begin(hass, entry)
    # The present token is the wrong one: nothing typed is nothing mended.
    result = await submit(hass, result, api_url=cloud.url)
    expect_form(result, "reconfigure", api_token_instance="token_rejected")
    result = await submit(
        hass, result, api_url=cloud.url, api_token_instance=instance.token
    )
    await expect_success(hass, result, entry, api_token_instance=instance.token)
    assert not hass.config_entries.flow.async_progress()


async def test_changes_an_entry_that_is_switched_off(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    instance.token = NEW_TOKEN
    result = await begin(hass, entry)
    result = await submit(hass, result, api_url=cloud.url, api_token_instance=NEW_TOKEN)
    await expect_success(hass, result, entry, api_token_instance=NEW_TOKEN)


# ----------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"api_url": ""}, {"api_url": "invalid_api_url"}),
        ({"api_url": "api.green-api.com"}, {"api_url": "invalid_api_url"}),
        ({"api_url": "http://192.0.2.1"}, {"api_url": "api_url_not_https"}),
        ({"api_url": "https://example.com/a"}, {"api_url": "api_url_has_path"}),
        ({"api_token_instance": "abc"}, {"api_token_instance": "invalid_token"}),
        ({"api_token_instance": "  "}, {"api_token_instance": "invalid_token"}),
        (
            {"api_token_instance": "a/../bcdefgh"},
            {"api_token_instance": "invalid_token"},
        ),
        (
            {"api_url": "x", "api_token_instance": "абвгдежзийкл"},
            {"api_url": "invalid_api_url", "api_token_instance": "invalid_token"},
        ),
    ],
)
async def test_says_what_cannot_be_right_and_takes_what_is(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    typed: dict[str, str],
    errors: dict[str, str],
) -> None:
    data, before = dict(entry.data), entry.runtime_data
    # A login would go on asking beside the form.
    instance.set_state("authorized")
    await before.async_refresh()
    await wait_until(hass, lambda: before.data.account)
    result = await begin(hass, entry)
    cursor = cloud.cloud.log.cursor
    typed = {"api_url": cloud.url, **typed}
    result = await submit(hass, result, **typed)
    expect_form(result, "reconfigure", **errors)
    await expect_texts(hass, *(f"error.{key}" for key in errors.values()))
    assert suggested(result) == {"api_url": typed["api_url"]}
    assert told(result)["example"] == "https://api.green-api.com"
    # A dialog asks for the state, then for the settings; an entry never for those.
    asked = cloud.cloud.log.list(since=cursor)
    assert all(item.ok and item.method != "getSettings" for item in asked)
    assert entry.data == data
    assert entry.runtime_data is before
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry)
    assert entry.data == data


@pytest.mark.parametrize(
    ("fault", "field", "key"),
    [
        (Status(429, Body.EMPTY), "base", "rate_limited"),
        (Status(466, Body.JSON), "base", "quota_exceeded"),
        (Status(504, Body.HTML), "base", "cloud_failed"),
        (Status(400, Body.JSON, "Validation failed"), "base", "validation_failed"),
        (Status(404, Body.JSON, "Cannot GET"), "api_url", "method_not_available"),
        # The id is not in the form: it must be the address.
        (Status(403, Body.HTML), "api_url", "instance_rejected"),
        (Status(200, Body.HTML), "api_url", "unexpected_answer"),
        (Drop(), "base", "cannot_connect"),
        (Expired(), "base", "instance_expired"),
        (Hang(), "base", "timed_out"),
    ],
)
async def test_says_what_the_cloud_says_and_keeps_all_that_was_typed(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    field: str,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    await hass.config_entries.async_unload(entry.entry_id)
    data = dict(entry.data)
    instance.token = NEW_TOKEN
    cloud.cloud.faults.add(fault, method="getStateInstance", count=1)
    result = await begin(hass, entry)
    result = await submit(hass, result, api_url=cloud.url, api_token_instance=NEW_TOKEN)
    expect_form(result, "reconfigure", **{field: key})
    await expect_texts(hass, f"error.{key}")
    assert suggested(result) == {"api_url": cloud.url}
    assert NEW_TOKEN not in str(result)
    assert entry.data == data
    # The new token was not what was wrong: it needs no second typing.
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry, api_token_instance=NEW_TOKEN)


async def test_forgets_a_token_that_is_wrong(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    result = await begin(hass, entry)
    result = await submit(
        hass, result, api_url=cloud.url, api_token_instance=WRONG_TOKEN
    )
    expect_form(result, "reconfigure", api_token_instance="token_rejected")
    assert suggested(result) == {"api_url": cloud.url}
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry, api_token_instance=instance.token)


async def test_does_not_turn_an_instance_into_one_of_another_messenger(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    data, before = dict(entry.data), entry.runtime_data
    result = await begin(hass, entry)
    async with Simulator() as other:
        stranger = other.cloud.create(instance.id_instance, "telegram")
        stranger.token = instance.token
        result = await submit(hass, result, api_url=other.url)
        expect_form(result, "reconfigure", api_url="another_messenger")
        await expect_texts(hass, "error.another_messenger")
        assert told(result)["other"] == "Telegram"
        assert told(result)["messenger"] == "WhatsApp"
        assert suggested(result) == {"api_url": other.url}
    assert entry.data == data
    assert entry.runtime_data is before
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry)


@pytest.mark.parametrize("fault", [Status(500, Body.JSON), Drop()])
async def test_leaves_the_messenger_where_the_cloud_does_not_tell(
    hass: HomeAssistant, cloud: Simulator, fault: Fault
) -> None:
    # By its pool it would be one of WhatsApp.
    instance = cloud.cloud.create("1101000001", "telegram")
    entry = await set_up(hass, cloud, instance)
    cloud.cloud.faults.add(fault, method="getSettings")
    result = await begin(hass, entry)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry, messenger="telegram")


async def test_a_refusal_that_belongs_to_other_methods_has_a_text(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    async def refuse_all(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"status": False}, status=HTTPStatus.BAD_REQUEST)

    result = await begin(hass, entry)
    async with serve(refuse_all) as url:
        result = await submit(hass, result, api_url=url)
    expect_form(result, "reconfigure", base="request_rejected")
    result = await submit(hass, result, api_url=cloud.url)
    await expect_success(hass, result, entry)


# -------------------------------------------------------------- an entry that goes


async def test_ends_when_the_entry_was_removed(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    result = await begin(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    result = await submit(hass, result, api_url=cloud.url)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_removed"
    await expect_texts(hass, "abort.entry_removed")


async def test_ends_when_the_entry_is_removed_while_the_cloud_is_asked(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    asked, removed = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "getStateInstance" in request.path:
            return web.json_response({"stateInstance": "notAuthorized"})
        asked.set()
        await removed.wait()
        return web.json_response({"typeInstance": "whatsapp"})

    result = await begin(hass, entry)
    async with serve(answer) as url:
        dialog = hass.async_create_task(submit(hass, result, api_url=url))
        await asked.wait()
        await hass.config_entries.async_remove(entry.entry_id)
        removed.set()
        result = await dialog
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_removed"


# ------------------------------------------------------------------ the frontend


async def test_can_be_shown_and_filled_in_by_the_frontend(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    for component in ("camera", "config", "image"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    base = "/api/config/config_entries/flow"
    answer = await client.post(
        base, json={"handler": DOMAIN, "entry_id": entry.entry_id}
    )
    assert answer.status == HTTPStatus.OK
    text = await answer.text()
    assert instance.token not in text
    form = await answer.json()
    assert form["step_id"] == "reconfigure"
    shown = {field["name"]: field for field in form["data_schema"]}
    assert shown["api_token_instance"]["selector"]["text"]["type"] == "password"
    assert shown["api_token_instance"].get("required") is not True
    assert shown["api_url"]["description"]["suggested_value"] == cloud.url
    answer = await client.post(f"{base}/{form['flow_id']}", json={"api_url": cloud.url})
    assert instance.token not in await answer.text()
    assert (await answer.json())["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
