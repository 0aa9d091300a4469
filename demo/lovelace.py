"""Dashboards that are made while Home Assistant runs, as a person makes them."""

from collections.abc import Iterable
from typing import Any

from .hass_client import HomeAssistantClient

type Json = dict[str, Any]


async def save_dashboard(
    client: HomeAssistantClient, url_path: str, views: Iterable[Json]
) -> None:
    """Make a dashboard of these views, or let the one that is there show them.

    `url_path` holds a hyphen. Raises HomeAssistantError where something is refused.
    """
    listed = await client.call("lovelace/dashboards/list")
    if all(item["url_path"] != url_path for item in listed):
        await client.call(
            "lovelace/dashboards/create",
            url_path=url_path,
            title=url_path,
            mode="storage",
            show_in_sidebar=False,
        )
    await client.call(
        "lovelace/config/save", url_path=url_path, config={"views": list(views)}
    )
