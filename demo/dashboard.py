"""The demo's dashboard: a row of two sections for each instance."""

from collections.abc import Iterable
from typing import Any

from .instances import DemoInstance

URL_PATH = "green-api"
TITLE = "GREEN-API"

type Card = dict[str, Any]


def dashboard(instances: Iterable[DemoInstance]) -> dict[str, Any]:
    """Return the dashboard as Home Assistant reads it from YAML."""
    sections = [section for instance in instances for section in _sections_of(instance)]
    view = {
        "title": TITLE,
        "path": "instances",
        "type": "sections",
        "max_columns": 2,
        "sections": sections,
    }
    return {"title": TITLE, "views": [view]}


def _sections_of(instance: DemoInstance) -> list[Card]:
    camera = _picture(instance.camera) | {"camera_view": "live"}
    camera["tap_action"] = {"action": "none"}
    return [
        _section(f"{instance.title}: camera", "mdi:cctv", _state(instance), camera),
        _section(
            f"{instance.title}: image",
            "mdi:image",
            _logout(instance),
            _reboot(instance),
            _picture(instance.image),
        ),
    ]


def _section(heading: str, icon: str, *cards: Card) -> Card:
    title = {"type": "heading", "heading": heading, "icon": icon}
    return {"type": "grid", "cards": [title, *cards]}


def _state(instance: DemoInstance) -> Card:
    return {
        "type": "tile",
        "entity": instance.sensor,
        "name": "State",
        "grid_options": {"columns": 12},
    }


def _logout(instance: DemoInstance) -> Card:
    perform = {
        "action": "perform-action",
        "perform_action": "green_api.logout",
        "data": {"config_entry_id": instance.entry_id},
        "confirmation": {"text": f"Log out {instance.title}?"},
    }
    return {
        "type": "tile",
        "entity": instance.logout_button,
        "name": "Log out",
        "hide_state": True,
        "tap_action": perform,
        "icon_tap_action": perform,
        "grid_options": {"columns": 6},
    }


def _reboot(instance: DemoInstance) -> Card:
    press = {"action": "toggle"}
    return {
        "type": "tile",
        "entity": instance.reboot_button,
        "name": "Reboot",
        "hide_state": True,
        "tap_action": press,
        "icon_tap_action": press,
        "grid_options": {"columns": 6},
    }


def _picture(entity_id: str) -> Card:
    """Return a card with nothing but the picture, white border included."""
    return {
        "type": "picture-entity",
        "entity": entity_id,
        "show_name": False,
        "show_state": False,
        "aspect_ratio": "1x1",
        "fit_mode": "contain",
        "grid_options": {"columns": 12},
    }
