"""A person adds an instance, and gives it a new token."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
import socket
from ssl import SSLContext
from typing import Any

from aiohttp import web
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    SOURCE_USER,
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

from custom_components.green_api.const import (
    DEFAULT_OPTIONS,
    DOMAIN,
    MINOR_VERSION,
)
from simulator import (
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    Simulator,
    State,
    Status,
)
from tests.api.servers import self_signed, serve
from tests.logs import errors_logged, secrets_logged
from tests.waiting import (
    lift_limits,
    set_rhythm,
    shorten_answer_timeout,
    shorten_backoff,
    wait_until,
)

WRONG_TOKEN = "f" * 50

STARTING = Status(400, Body.JSON, "instance in starting process try later")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture
async def instance(cloud: Simulator) -> Instance:
    """Return an instance that is linked already, so that its set-up ends at once."""
    return cloud.cloud.create("1101000001", "whatsapp", State.AUTHORIZED)


@pytest.fixture
def mqtt_entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return the entry of Home Assistant's MQTT integration."""
    entry = MockConfigEntry(domain="mqtt")
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def closed_port() -> AsyncGenerator[int]:
    """Yield a port of loopback at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and kept
        yield taken.getsockname()[1]


@pytest.fixture
def unknown_certificate() -> SSLContext:
    """Return what a server needs that nobody has vouched for."""
    return self_signed("127.0.0.1")[0]


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form has filled in."""
    schema = result["data_schema"]
    assert schema is not None
    return {
        str(field): field.description["suggested_value"]
        for field in schema.schema
        if field.description and "suggested_value" in field.description
    }


def fields(result: ConfigFlowResult) -> set[str]:
    """Return the fields of a form."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(field) for field in schema.schema}


async def begin(hass: HomeAssistant) -> ConfigFlowResult:
    """Ask for a new instance."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    expect_form(result, "user")
    return result


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **typed: Any
) -> ConfigFlowResult:
    """Send the form."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], typed)


async def credentials(
    hass: HomeAssistant, result: ConfigFlowResult, instance: Instance
) -> ConfigFlowResult:
    """Fill in the first form as it should be."""
    result = await submit(
        hass,
        result,
        id_instance=instance.id_instance,
        api_token_instance=instance.token,
    )
    expect_form(result, "connection")
    return result


def expect_form(result: ConfigFlowResult, step: str, **errors: str) -> None:
    """Check which form is shown, and what it says of which field."""
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == step
    assert result["errors"] == errors


async def expect_texts(hass: HomeAssistant, *keys: str) -> None:
    """Check that a person reads something for each key, in either language."""
    for language in ("en", "ru"):
        texts = await async_get_translations(hass, language, "config", {DOMAIN})
        for key in keys:
            assert texts.get(f"component.{DOMAIN}.config.{key}"), (language, key)


async def expect_entry(
    hass: HomeAssistant, result: ConfigFlowResult, instance: Instance
) -> None:
    """Check that the instance is set up and works."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.unique_id == instance.id_instance
    await wait_until(hass, lambda: entry.state is ConfigEntryState.LOADED)


# --------------------------------------------------------------- all goes well


@pytest.mark.parametrize(
    ("id_instance", "kind", "default_url", "prefix", "title", "messenger"),
    [
        (
            "1101000001",
            "whatsapp",
            "https://api.green-api.com",
            "",
            "WhatsApp 1101000001",
            "whatsapp",
        ),
        (
            "4100000001",
            "telegram",
            "https://4100.api.green-api.com",
            "",
            "Telegram 4100000001",
            "telegram",
        ),
        (
            "3100000001",
            "v3",
            "https://3100.api.green-api.com/v3",
            "/v3",
            "MAX 3100000001",
            "max",
        ),
    ],
)
@pytest.mark.usefixtures("mqtt_entry")
async def test_adds_an_instance_of_each_messenger(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    default_url: str,
    prefix: str,
    title: str,
    messenger: str,
) -> None:
    instance = cloud.cloud.create(id_instance, kind, State.AUTHORIZED)
    result = await begin(hass)
    assert fields(result) == {"id_instance", "api_token_instance"}
    result = await submit(
        hass, result, id_instance=id_instance, api_token_instance=instance.token
    )
    expect_form(result, "connection")
    assert fields(result) == {"api_url", "mqtt"}
    assert suggested(result) == {"api_url": default_url, "mqtt": "state"}
    assert result["description_placeholders"]["id_instance"] == id_instance
    # Nothing has been asked yet of an address that nobody has confirmed.
    assert cloud.cloud.log.cursor == 0

    result = await submit(
        hass, result, api_url=f"{cloud.url}{prefix}", mqtt="state_and_qr"
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == title
    assert result["data"] == {
        "id_instance": id_instance,
        "api_token_instance": instance.token,
        "api_url": f"{cloud.url}{prefix}",
        "messenger": messenger,
    }
    assert result["options"] == {**DEFAULT_OPTIONS, "mqtt": "state_and_qr"}
    entry = result["result"]
    assert entry.unique_id == id_instance
    assert (entry.version, entry.minor_version) == (1, MINOR_VERSION)
    assert entry.state is ConfigEntryState.LOADED
    assert {item.prefix for item in cloud.cloud.log.list()} == {prefix}
    await wait_until(hass, lambda: entry.runtime_data.data.account)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("mode", ["off", "state", "state_and_qr"])
@pytest.mark.usefixtures("mqtt_entry")
async def test_publishes_as_much_as_the_person_chose(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, mode: str
) -> None:
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=cloud.url, mqtt=mode)
    await expect_entry(hass, result, instance)
    assert result["options"] == {**DEFAULT_OPTIONS, "mqtt": mode}


@pytest.mark.parametrize("ignored", [False, True])
async def test_does_not_ask_about_mqtt_where_there_is_none(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, *, ignored: bool
) -> None:
    if ignored:
        MockConfigEntry(domain="mqtt", source=SOURCE_IGNORE).add_to_hass(hass)
    result = await credentials(hass, await begin(hass), instance)
    assert fields(result) == {"api_url"}
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)
    assert result["options"] == DEFAULT_OPTIONS


async def test_forgives_blanks_and_slashes_of_a_careless_copy(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        id_instance=f" {instance.id_instance}\n",
        api_token_instance=f"\t{instance.token} ",
    )
    expect_form(result, "connection")
    result = await submit(hass, result, api_url=f"  {cloud.url}// ")
    await expect_entry(hass, result, instance)
    assert result["data"]["id_instance"] == instance.id_instance
    assert result["data"]["api_token_instance"] == instance.token
    assert result["data"]["api_url"] == cloud.url


async def test_can_be_shown_and_filled_in_by_the_frontend(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
) -> None:
    for component in ("camera", "config", "event", "image", "webhook"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    base = "/api/config/config_entries/flow"
    answer = await client.post(base, json={"handler": DOMAIN})
    assert answer.status == HTTPStatus.OK
    form = await answer.json()
    shown = {field["name"]: field for field in form["data_schema"]}
    assert shown["api_token_instance"]["selector"]["text"]["type"] == "password"
    assert shown["id_instance"]["required"] is True

    path = f"{base}/{form['flow_id']}"
    typed = {
        "id_instance": instance.id_instance,
        "api_token_instance": WRONG_TOKEN,
    }
    form = await (await client.post(path, json=typed)).json()
    assert form["step_id"] == "connection"
    choices = {field["name"]: field for field in form["data_schema"]}
    assert choices["mqtt"]["selector"]["select"]["options"] == [
        "off",
        "state",
        "state_and_qr",
    ]
    address = {"api_url": cloud.url, "mqtt": "state"}
    answer = await client.post(path, json=address)
    text = await answer.text()
    assert WRONG_TOKEN not in text
    form = await answer.json()
    assert form["errors"] == {"api_token_instance": "token_rejected"}

    typed["api_token_instance"] = instance.token
    await client.post(path, json=typed)
    answer = await client.post(path, json=address)
    assert instance.token not in await answer.text()
    assert (await answer.json())["type"] == "create_entry"


# ------------------------------------------------------------------ duplicates


async def test_refuses_an_instance_that_is_set_up_already(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        id_instance=f" {instance.id_instance} ",
        api_token_instance=instance.token,
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    await expect_texts(hass, "abort.already_configured")


async def test_a_set_up_that_was_left_open_does_not_lock_the_instance_out(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    # A browser tab that was closed half-way leaves its flow behind.
    left = await credentials(hass, await begin(hass), instance)
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)
    # And the tab that comes back after all makes no second entry.
    assert left["flow_id"] not in {
        flow["flow_id"] for flow in hass.config_entries.flow.async_progress()
    }
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


async def test_does_not_add_twice_what_two_people_add_at_once(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    first = await credentials(hass, await begin(hass), instance)
    second = await credentials(hass, await begin(hass), instance)
    cloud.cloud.faults.add(Delay(0.2), method="getSettings", count=2)
    results = await asyncio.gather(
        submit(hass, first, api_url=cloud.url),
        submit(hass, second, api_url=cloud.url),
        return_exceptions=True,
    )
    entries = hass.config_entries.async_entries(DOMAIN)
    assert len(entries) == 1
    made = [
        result
        for result in results
        if not isinstance(result, BaseException)
        and result["type"] is FlowResultType.CREATE_ENTRY
    ]
    assert len(made) == 1
    await expect_entry(hass, made[0], instance)


# ------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"id_instance": ""}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "   "}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "11010a0001"}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "1101 000001"}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "-1101000001"}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "\uff11" * 10}, {"id_instance": "invalid_id_instance"}),
        ({"id_instance": "9" * 40}, {"id_instance": "invalid_id_instance"}),
        ({"api_token_instance": ""}, {"api_token_instance": "invalid_token"}),
        ({"api_token_instance": "   "}, {"api_token_instance": "invalid_token"}),
        ({"api_token_instance": "abc"}, {"api_token_instance": "invalid_token"}),
        (
            {"api_token_instance": "abcdef/../abcdef"},
            {"api_token_instance": "invalid_token"},
        ),
        (
            {"api_token_instance": "abcdef abcdef"},
            {"api_token_instance": "invalid_token"},
        ),
        (
            {"api_token_instance": "абвгдежзийкл"},
            {"api_token_instance": "invalid_token"},
        ),
        (
            {"id_instance": "", "api_token_instance": ""},
            {
                "id_instance": "invalid_id_instance",
                "api_token_instance": "invalid_token",
            },
        ),
    ],
)
async def test_says_which_credential_cannot_be_right_and_takes_a_better_one(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    typed: dict[str, str],
    errors: dict[str, str],
) -> None:
    good = {
        "id_instance": instance.id_instance,
        "api_token_instance": instance.token,
    }
    result = await submit(hass, await begin(hass), **{**good, **typed})
    expect_form(result, "user", **errors)
    await expect_texts(hass, *(f"error.{key}" for key in errors.values()))
    # The id stays as it was typed, for mending; a token is never sent back.
    kept = typed.get("id_instance", instance.id_instance)
    assert suggested(result) == {"id_instance": kept}
    assert cloud.cloud.log.cursor == 0
    result = await credentials(hass, result, instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)


async def test_goes_back_to_the_token_that_the_cloud_rejects(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        id_instance=instance.id_instance,
        api_token_instance=WRONG_TOKEN,
    )
    result = await submit(hass, result, api_url=cloud.url)
    expect_form(result, "user", api_token_instance="token_rejected")
    await expect_texts(hass, "error.token_rejected")
    assert suggested(result) == {"id_instance": instance.id_instance}
    assert not secrets_logged(caplog, [WRONG_TOKEN])
    result = await credentials(hass, result, instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)
    assert errors_logged(caplog) == []


async def test_goes_back_to_the_id_that_the_host_does_not_know(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        id_instance="1101999999",
        api_token_instance=instance.token,
    )
    result = await submit(hass, result, api_url=cloud.url)
    expect_form(result, "user", id_instance="instance_rejected")
    await expect_texts(hass, "error.instance_rejected")
    assert suggested(result) == {"id_instance": "1101999999"}
    result = await credentials(hass, result, instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)


@pytest.mark.usefixtures("mqtt_entry")
async def test_keeps_the_address_and_the_choice_on_the_way_back_to_the_token(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        id_instance=instance.id_instance,
        api_token_instance=WRONG_TOKEN,
    )
    result = await submit(hass, result, api_url=cloud.url, mqtt="state")
    expect_form(result, "user", api_token_instance="token_rejected")
    result = await credentials(hass, result, instance)
    assert suggested(result) == {"api_url": cloud.url, "mqtt": "state"}
    result = await submit(hass, result, **suggested(result))
    await expect_entry(hass, result, instance)


async def test_suggests_the_address_of_the_corrected_id(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    def default_api_url(id_instance: str) -> str:
        return f"{cloud.url}/v3" if id_instance.startswith("31") else cloud.url

    monkeypatch.setattr(
        "custom_components.green_api.config_flow.default_api_url", default_api_url
    )
    result = await submit(
        hass,
        await begin(hass),
        id_instance="3101000001",
        api_token_instance=instance.token,
    )
    assert suggested(result)["api_url"] == f"{cloud.url}/v3"
    result = await submit(hass, result, **suggested(result))
    expect_form(result, "user", id_instance="instance_rejected")
    result = await credentials(hass, result, instance)
    assert suggested(result)["api_url"] == cloud.url


@pytest.mark.parametrize(
    ("api_url", "key"),
    [
        ("", "invalid_api_url"),
        ("   ", "invalid_api_url"),
        ("api.green-api.com", "invalid_api_url"),
        ("https://", "invalid_api_url"),
        ("ftp://api.green-api.com", "invalid_api_url"),
        ("https://api green-api.com", "invalid_api_url"),
        ("https://api..green-api.com", "invalid_api_url"),
        ("https://api.green-api.com:99999", "invalid_api_url"),
        ("https://api.green-api.com?x=1", "invalid_api_url"),
        ("https://api.green-api.com#x", "invalid_api_url"),
        ("https://me:secret@api.green-api.com", "invalid_api_url"),
        ("https://[::1", "invalid_api_url"),
        ("https://api.green-api.com/waInstance1101000001", "api_url_has_path"),
        ("https://api.green-api.com/v3/qr", "api_url_has_path"),
        ("http://api.green-api.com", "api_url_not_https"),
        ("http://192.0.2.1:8080", "api_url_not_https"),
        ("http://127.0.0.1.example.com", "api_url_not_https"),
    ],
)
async def test_says_what_is_wrong_with_an_address_and_takes_a_better_one(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
    api_url: str,
    key: str,
) -> None:
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=api_url, mqtt="state")
    expect_form(result, "connection", api_url=key)
    await expect_texts(hass, f"error.{key}")
    assert suggested(result) == {"api_url": api_url, "mqtt": "state"}
    assert cloud.cloud.log.cursor == 0
    result = await submit(hass, result, api_url=cloud.url, mqtt="state")
    await expect_entry(hass, result, instance)


# ---------------------------------------------------------- what the cloud says


@pytest.mark.parametrize(
    ("fault", "field", "key"),
    [
        (Status(429, Body.EMPTY), "base", "rate_limited"),
        (Status(466, Body.JSON), "base", "quota_exceeded"),
        (Status(500, Body.JSON), "base", "cloud_failed"),
        (Status(504, Body.HTML), "base", "cloud_failed"),
        (Status(404, Body.JSON, "Cannot GET"), "api_url", "method_not_available"),
        (Status(400, Body.JSON, "Validation failed"), "base", "validation_failed"),
        (Status(400, Body.JSON, "Anything else"), "base", "request_rejected"),
        (Drop(), "base", "cannot_connect"),
        (Expired(), "base", "instance_expired"),
        (Deleted(), "base", "instance_deleted"),
        (Hang(), "base", "timed_out"),
        (Status(200, Body.HTML), "api_url", "unexpected_answer"),
        (Status(200, Body.GARBAGE), "api_url", "unexpected_answer"),
        (Status(200, Body.TRUNCATED), "api_url", "unexpected_answer"),
        (Status(200, Body.EMPTY), "api_url", "unexpected_answer"),
        (Status(200, Body.HUGE), "api_url", "unexpected_answer"),
        (Status(200, Body.JSON), "api_url", "unexpected_answer"),
        (Status(302, Body.HTML), "api_url", "unexpected_answer"),
    ],
)
async def test_says_what_went_wrong_and_can_be_tried_again(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    mqtt_entry: MockConfigEntry,
    fault: Fault,
    field: str,
    key: str,
) -> None:
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 0.2)
    cloud.cloud.faults.add(fault, method="getStateInstance", count=1)
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=cloud.url, mqtt="state")
    expect_form(result, "connection", **{field: key})
    await expect_texts(hass, f"error.{key}")
    assert suggested(result) == {"api_url": cloud.url, "mqtt": "state"}
    assert errors_logged(caplog) == []
    if isinstance(fault, Hang):
        shorten_answer_timeout(monkeypatch, 15)
    result = await submit(hass, result, api_url=cloud.url, mqtt="state")
    await expect_entry(hass, result, instance)


async def test_says_that_nobody_listens_at_the_address(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, closed_port: int
) -> None:
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=f"http://127.0.0.1:{closed_port}")
    expect_form(result, "connection", base="cannot_connect")
    await expect_texts(hass, "error.cannot_connect")
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)


async def test_says_that_there_is_no_such_host(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: str | bytes, *args: Any, **kwargs: Any) -> Any:
        # Tests may not ask a real name server: this is how it says no.
        if host in ("nowhere.invalid", b"nowhere.invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url="https://nowhere.invalid")
    expect_form(result, "connection", api_url="host_not_found")
    await expect_texts(hass, "error.host_not_found")
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)


async def test_does_not_speak_to_a_host_that_cannot_prove_its_name(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    unknown_certificate: SSLContext,
) -> None:
    hass.loop.set_debug(False)  # else the server's side of it counts as a mistake
    heard = []

    async def listen(request: web.BaseRequest) -> web.StreamResponse:
        heard.append(request)
        return web.Response()

    result = await credentials(hass, await begin(hass), instance)
    async with serve(listen, tls=unknown_certificate) as url:
        result = await submit(hass, result, api_url=url)
    assert not heard
    expect_form(result, "connection", api_url="certificate_rejected")
    await expect_texts(hass, "error.certificate_rejected")
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)


@pytest.mark.parametrize(
    ("id_instance", "kind", "title"),
    [
        ("1101000001", "whatsapp", "WhatsApp 1101000001"),
        ("4100000001", "telegram", "Telegram 4100000001"),
        ("3100000001", "v3", "MAX 3100000001"),
    ],
)
@pytest.mark.parametrize(
    "fault", [Status(500, Body.JSON), Status(200, Body.JSON), Drop()]
)
async def test_guesses_the_messenger_where_the_cloud_does_not_tell(
    hass: HomeAssistant,
    cloud: Simulator,
    id_instance: str,
    kind: str,
    title: str,
    fault: Fault,
) -> None:
    instance = cloud.cloud.create(id_instance, kind, State.AUTHORIZED)
    cloud.cloud.faults.add(fault, method="getSettings")
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)
    assert result["title"] == title
    assert result["data"]["messenger"] == {"v3": "max"}.get(kind, kind)


async def test_believes_the_cloud_more_than_the_pool_of_the_id(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    instance = cloud.cloud.create("1101000001", "telegram", State.AUTHORIZED)
    result = await credentials(hass, await begin(hass), instance)
    result = await submit(hass, result, api_url=cloud.url)
    await expect_entry(hass, result, instance)
    assert result["title"] == "Telegram 1101000001"
    assert result["data"]["messenger"] == "telegram"


# ---------------------------------------------------------------- a new token


async def refuse(hass: HomeAssistant, instance: Instance, entry: Any) -> str:
    """Change the token in the console; return the flow that asks for the new one."""
    instance.token = "0" * 50
    await entry.runtime_data.async_refresh()
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id
    assert flow["step_id"] == "reauth_confirm"
    return flow["flow_id"]


async def test_asks_for_a_new_token_when_the_cloud_rejects_the_old_one(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    before, old_token = entry.runtime_data, instance.token
    flow_id = await refuse(hass, instance, entry)
    result = await hass.config_entries.flow.async_configure(flow_id)
    expect_form(result, "reauth_confirm")
    assert fields(result) == {"api_token_instance"}
    assert suggested(result) == {}
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["title"] == "WhatsApp 1101000001"
    assert placeholders["console"] == "https://console.green-api.com"

    result = await submit(hass, result, api_token_instance=WRONG_TOKEN)
    expect_form(result, "reauth_confirm", api_token_instance="token_rejected")
    assert suggested(result) == {}
    result = await submit(hass, result, api_token_instance="not a token")
    expect_form(result, "reauth_confirm", api_token_instance="invalid_token")
    assert entry.data["api_token_instance"] == old_token

    data = dict(entry.data)
    result = await submit(hass, result, api_token_instance=f" {instance.token} ")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await expect_texts(hass, "abort.reauth_successful")
    assert entry.data == {**data, "api_token_instance": instance.token}
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    await wait_until(hass, lambda: entry.runtime_data.data.account)
    assert not hass.config_entries.flow.async_progress()
    assert not secrets_logged(caplog, [old_token, WRONG_TOKEN])
    (line,) = errors_logged(caplog)
    assert "WhatsApp 1101000001 data: GREEN-API rejected the token. " in line


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Status(500, Body.JSON), "cloud_failed"),
        (Status(429, Body.EMPTY), "rate_limited"),
        (Status(403, Body.HTML), "instance_rejected"),
        (Status(200, Body.HTML), "unexpected_answer"),
        (Drop(), "cannot_connect"),
        (Expired(), "instance_expired"),
    ],
)
async def test_says_why_a_new_token_could_not_be_tried_and_takes_it_later(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    flow_id = await refuse(hass, instance, entry)
    cloud.cloud.faults.add(fault, method="getStateInstance", count=1)
    result = await hass.config_entries.flow.async_configure(
        flow_id, {"api_token_instance": instance.token}
    )
    # Said of the form: its one field is not what is wrong.
    expect_form(result, "reauth_confirm", base=key)
    await expect_texts(hass, f"error.{key}")
    result = await submit(hass, result, api_token_instance=instance.token)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_asks_once_however_often_the_token_is_rejected(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    await refuse(hass, instance, entry)
    for _ in range(3):
        await entry.runtime_data.async_refresh()
    assert len(hass.config_entries.flow.async_progress()) == 1
