"""Bad input in a real browser: each a clear message in the form."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import re
import socket

import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.stack import Settings, Stack, run_stack
from tests.e2e import interface
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import SetUpDialog, error_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Home Assistant's own words for a form that is not filled in.
INCOMPLETE = {
    "en": re.compile("^ *Not all required fields are filled in"),
    "ru": re.compile("^ *Не все обязательные поля заполнены"),  # noqa: RUF001
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run a Home Assistant that knows no instance yet."""
    settings = Settings(
        environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO, set_up=False
    )
    async with run_stack(settings) as running:
        yield running


async def speak(stack: Stack, language: str) -> None:
    """Choose the language of the person who uses the interface."""
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        await interface.speak(client, language)


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Run what takes connections and never says a word."""
    gone = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        gone.set()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


async def test_first_form_tells_what_is_wrong_with_id_and_token(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(stack, "en")
    dialog = SetUpDialog(await new_page())
    await dialog.open(stack.home_assistant.url)

    await dialog.submit()
    await dialog.expect_errors(INCOMPLETE["en"])
    await dialog.submit(id_instance="11O1abc", api_token_instance="0123abcd")
    await dialog.expect_errors(error_text("invalid_id_instance", "en"))
    await shoot(dialog.page, "letters-in-the-id")
    await dialog.submit(id_instance="1101000001", api_token_instance="a/b?c d")
    await dialog.expect_errors(error_text("invalid_token", "en"))
    await dialog.submit(id_instance="-1", api_token_instance="   ")
    await dialog.expect_errors(
        error_text("invalid_id_instance", "en"), error_text("invalid_token", "en")
    )
    # The id stays for mending, the token does not.
    assert await dialog.field("id_instance").input_value() == "-1"
    assert await dialog.field("api_token_instance").input_value() == ""


async def test_second_form_tells_what_is_wrong_with_the_address(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(stack, "en")
    instance = stack.instance("WhatsApp")
    dialog = SetUpDialog(await new_page())
    await dialog.open(stack.home_assistant.url)
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )
    await dialog.field("api_url").wait_for()

    for address, error in (
        ("no address", "invalid_api_url"),
        ("http://api.green-api.com", "api_url_not_https"),
        (f"{stack.simulator.url}/waInstance1/qr/abc", "api_url_has_path"),
        ("https://nope.invalid", "host_not_found"),
        (closed_port(), "cannot_connect"),
    ):
        await dialog.submit(api_url=address)
        await dialog.expect_errors(error_text(error, "en"), seconds=20)
        assert await dialog.field("api_url").input_value() == address
        await shoot(dialog.page, error)


async def test_second_form_tells_what_is_wrong_with_the_answer(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(stack, "en")
    instance = stack.instance("WhatsApp")
    dialog = SetUpDialog(await new_page())
    await dialog.open(stack.home_assistant.url)
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )
    await dialog.field("api_url").wait_for()

    await stack.phone.add_fault("status", status=200, body="html", count=1)
    await dialog.submit(api_url=stack.simulator.url)
    await dialog.expect_errors(error_text("unexpected_answer", "en"))
    await shoot(dialog.page, "html-instead-of-json")
    await stack.phone.add_fault("status", status=504, body="html", count=1)
    await dialog.submit()
    await dialog.expect_errors(error_text("cloud_failed", "en"))
    async with silent_server() as silent:
        await dialog.submit(api_url=silent)
        await dialog.expect_errors(error_text("timed_out", "en"), seconds=60)
        await shoot(dialog.page, "host-that-hangs")
    assert await dialog.field("api_url").input_value() == silent


async def test_wrong_token_and_id_lead_back_to_the_first_form(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(stack, "en")
    instance = stack.instance("WhatsApp")
    dialog = SetUpDialog(await new_page())
    await dialog.open(stack.home_assistant.url)
    for id_instance, error in (
        (instance.id_instance, "token_rejected"),
        ("1101999999", "instance_rejected"),
    ):
        await dialog.submit(id_instance=id_instance, api_token_instance="0123abcd")
        await dialog.field("api_url").wait_for()
        await dialog.submit(api_url=stack.simulator.url)
        await dialog.expect_errors(error_text(error, "en"))
        assert await dialog.field("id_instance").input_value() == id_instance
        await shoot(dialog.page, error)


async def test_messages_are_translated(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    await speak(stack, "ru")
    instance = stack.instance("WhatsApp")
    dialog = SetUpDialog(await new_page())
    await dialog.open(stack.home_assistant.url)

    await dialog.submit()
    await dialog.expect_errors(INCOMPLETE["ru"])
    await dialog.submit(id_instance="abc", api_token_instance=instance.token)
    await dialog.expect_errors(error_text("invalid_id_instance", "ru"))
    await shoot(dialog.page, "letters-in-the-id-ru")
    await dialog.submit(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )
    await dialog.field("api_url").wait_for()
    await dialog.submit(api_url=closed_port())
    await dialog.expect_errors(error_text("cannot_connect", "ru"))
    await shoot(dialog.page, "cannot-connect-ru")
