"""Change an entry's options as the interface does."""

from collections.abc import Iterable, Mapping
from functools import partial
import json
from typing import Any

from demo.hass_client import HomeAssistantClient
from demo.waiting import until

_PATH = "/api/config/config_entries/options/flow"

type Json = dict[str, Any]


async def change_mqtt_options(
    client: HomeAssistantClient, entry_id: str, **changes: object
) -> None:
    """Go through the forms of the publishing and leave the rest as it is suggested."""
    flow = await client.post(_PATH, {"handler": entry_id})
    path = f"{_PATH}/{flow['flow_id']}"
    answer = await client.post(path, {"next_step_id": "mqtt"})
    while answer["type"] != "create_entry":
        if answer["type"] == "form":
            assert not answer["errors"], answer["errors"]
            answer = await client.post(path, _filled(answer["data_schema"], changes))
        else:
            assert answer["type"] == "progress", answer
            answer = await until(
                "the broker was tried", partial(_ask, client, path), seconds=30
            )


async def _ask(client: HomeAssistantClient, path: str) -> Json | None:
    answer: Json = json.loads(await client.get(path))
    return None if answer["type"] == "progress" else answer


def _filled(fields: Iterable[Json], changes: Mapping[str, object]) -> Json:
    """Return a form's input: what is to change, and what is suggested otherwise."""
    values: Json = {}
    for field in fields:
        name = field["name"]
        if field.get("type") == "expandable":
            values[name] = _filled(field["schema"], changes)
        elif name in changes:
            values[name] = changes[name]
        elif "suggested_value" in field.get("description", {}):
            values[name] = field["description"]["suggested_value"]
        elif "default" in field:
            values[name] = field["default"]
    return values
