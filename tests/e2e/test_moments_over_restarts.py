"""What happens while Home Assistant is down is told once after its start, or never."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
import json
import re
from typing import Any

from playwright.async_api import expect
import pytest
import pytest_asyncio
import yaml

from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.home_assistant import HomeAssistant
from demo.places import INTEGRATION
from demo.stack import Settings, Stack, prepare_stack
from demo.waiting import until
from simulator.messenger import State
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import PATIENCE as PAGE_PATIENCE
from tests.e2e.login import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHATSAPP = "1101000001"
SENSOR = f"sensor.whatsapp_{WHATSAPP}_state"
LOGIN = f"sensor.whatsapp_{WHATSAPP}_login"
EVENT = f"event.whatsapp_{WHATSAPP}_event"

# What each automation says when it runs.
MESSAGES = {
    "authorized": "linked",
    "authorization_lost": "lost in {{ trigger.state }}",
    "state_changed": "{{ trigger.from_state }} to {{ trigger.to_state }}",
}

# What the interface shows where a translation is missing.
RAW = re.compile("green_api|authori[sz]ation_|state_changed|qr_ready|T\\d\\d:")

type End = Callable[[HomeAssistant], Awaitable[None]]


def automations() -> Iterable[dict[str, Any]]:
    """Yield an automation for each trigger; each run notifies anew."""
    for moment, message in MESSAGES.items():
        yield {
            "id": moment,
            "alias": moment,
            "mode": "parallel",
            "triggers": [
                {"trigger": f"green_api.{moment}", "target": {"entity_id": SENSOR}}
            ],
            "actions": [
                {
                    "action": "persistent_notification.create",
                    "data": {"message": message},
                }
            ],
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run Home Assistant with one instance, nobody logged in."""
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        instances={WHATSAPP: "whatsapp"},
        options={"loss_grace": 1},
    )
    async with prepare_stack(settings) as stack:
        path = stack.home_assistant.config / "automations.yaml"
        path.write_text(yaml.safe_dump(list(automations())))
        await stack.home_assistant.start()
        yield stack


async def speak(client: HomeAssistantClient, language: str) -> None:
    """Choose the language of the person who uses the interface."""
    await client.call(
        "frontend/set_user_data", key="language", value={"language": language}
    )


def event_words(language: str) -> dict[str, str]:
    """Return what each type of the event entity is called."""
    path = INTEGRATION / "translations" / f"{language}.json"
    event = json.loads(path.read_text("utf-8"))["entity"]["event"]["event"]
    words: dict[str, str] = event["state_attributes"]["event_type"]["state"]
    return words


def told(client: HomeAssistantClient) -> Counter[str]:
    """Return what the automations have said since the start, and how often."""
    return Counter(item["message"] for item in client.notifications.values())


async def change(stack: Stack, state: State) -> str:
    """Put the instance into another state; return what is to be said of it."""
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        before = client.state(SENSOR)
        await stack.phone.set_state(WHATSAPP, state)
        await client.act("homeassistant.update_entity", {"entity_id": SENSOR})
        await client.wait_until(
            f"the change to {state} is seen",
            lambda: client.state(SENSOR) != before,
            seconds=PATIENCE,
        )
        return f"{before} to {client.state(SENSOR)}"


async def expect_told(stack: Stack, *messages: str, then: State) -> None:
    """Wait until just this has been said since the start, in any order.

    What would be said twice is said by the time of the next change, to `then`.
    """
    expected = Counter(messages)
    async with HomeAssistantClient(stack.home_assistant.url) as client:
        await client.wait_until(
            f"{expected} was said", lambda: expected <= told(client), seconds=PATIENCE
        )
        last = await change(stack, then)
        await client.wait_until(
            f"{last} was said", lambda: last in told(client), seconds=PATIENCE
        )
        assert told(client) == expected + Counter([last])


async def end_once_remembered(stack: Stack, end: End, state: str) -> None:
    """End Home Assistant as soon as it has written down the last state."""
    path = stack.home_assistant.config / ".storage" / "green_api"

    async def written() -> bool | None:
        if not path.exists():
            return None
        rows = json.loads(path.read_text())["data"]["instances"].values()
        return all(row["state"] == state and row["told"] for row in rows) or None

    await until(f"{state} is remembered", written, seconds=PATIENCE)
    await end(stack.home_assistant)


@pytest.mark.parametrize("end", [HomeAssistant.stop, HomeAssistant.kill])
async def test_change_during_the_downtime_is_told_once_and_nothing_else(
    stack: Stack, end: End
) -> None:
    home_assistant = stack.home_assistant
    await end_once_remembered(stack, end, "not_authorized")
    await stack.phone.scan(WHATSAPP)
    await home_assistant.start()
    await expect_told(
        stack, "linked", "not_authorized to authorized", then=State.YELLOW_CARD
    )

    # Nothing happens meanwhile, so there is nothing to tell.
    await end_once_remembered(stack, end, "yellow_card")
    await home_assistant.start()
    await expect_told(stack, then=State.AUTHORIZED)

    # The cloud is away when Home Assistant comes back.
    await end_once_remembered(stack, end, "authorized")
    await stack.phone.unlink(WHATSAPP)
    await stack.simulator.stop()
    await home_assistant.start()
    async with HomeAssistantClient(home_assistant.url) as client:
        assert not told(client)
    await stack.simulator.start()
    await expect_told(
        stack,
        "lost in not_authorized",
        "authorized to not_authorized",
        then=State.BLOCKED,
    )
    await change(stack, State.NOT_AUTHORIZED)


async def test_logbook_tells_it_in_words(
    stack: Stack, new_page: NewPage, shoot: Shoot
) -> None:
    url = stack.home_assistant.url
    async with HomeAssistantClient(url) as client:
        if client.state(SENSOR) != "authorized":
            await stack.phone.scan(WHATSAPP)
            await client.wait_for_state(SENSOR, "authorized", seconds=PATIENCE)
        lost = "lost in not_authorized"
        times = told(client)[lost]
        await change(stack, State.NOT_AUTHORIZED)
        await client.wait_until(
            "the loss was told", lambda: told(client)[lost] > times, seconds=PATIENCE
        )
        await client.wait_for_state(LOGIN, "showing", seconds=PATIENCE)
        await stack.phone.scan(WHATSAPP)
        await client.wait_for_state(SENSOR, "authorized", seconds=PATIENCE)
        for language in ("en", "ru"):
            await speak(client, language)
            page = await new_page()
            await page.goto(f"{url}/logbook?entity_id={EVENT}")
            rows = page.locator("ha-logbook-renderer")
            words = event_words(language)
            for key in (
                "authorized",
                "state_changed",
                "authorization_lost",
                "qr_ready",
            ):
                await expect(rows).to_contain_text(words[key], timeout=PAGE_PATIENCE)
            await expect(rows).not_to_contain_text(RAW)
            await shoot(page, f"logbook-{language}")
