"""Turn on that the cloud tells by itself, as a person does in the options."""

from functools import partial
import json
from typing import Any

from demo.errors import DemoError
from demo.hass_client import HomeAssistantClient
from demo.waiting import until

_PATH = "/api/config/config_entries/options/flow"
_SECONDS = 60.0

type Json = dict[str, Any]


async def set_external_url(client: HomeAssistantClient, url: str) -> None:
    """Tell Home Assistant under which address the cloud reaches it."""
    await client.call("config/core/update", external_url=url)


async def choose_push(
    client: HomeAssistantClient, entry_id: str, mode: str, *, loss_grace: int
) -> list[Json]:
    """Go through the options of an entry's events, and agree to all they ask.

    `mode` is off, webhook or queue. Returns all that was shown, as the interface gets
    it. Raises DemoError where a form says no.
    """
    flow = await client.post(_PATH, {"handler": entry_id})
    path = f"{_PATH}/{flow['flow_id']}"
    answer = await client.post(path, {"next_step_id": "events"})
    answer = await client.post(path, {"loss_grace": loss_grace, "push": mode})
    shown = [answer]
    while answer["type"] != "create_entry":
        if answer["type"] == "menu":
            answer = await client.post(path, {"next_step_id": "apply_push"})
        elif answer["type"] != "progress":
            problem = f"the options say no to {mode}: {answer.get('errors')}"
            raise DemoError(problem)
        else:
            answer = await until(
                "the cloud has answered", partial(_ask, client, path), seconds=_SECONDS
            )
        shown.append(answer)
    return shown


async def _ask(client: HomeAssistantClient, path: str) -> Json | None:
    answer: Json = json.loads(await client.get(path))
    return None if answer["type"] == "progress" else answer
