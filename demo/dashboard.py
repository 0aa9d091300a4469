"""The demo's dashboard: our own card, and a second view with the stock cards."""

from collections.abc import Iterable
from typing import Any

from .instances import DemoInstance

URL_PATH = "green-api"
TITLE = "GREEN-API"
STOCK_PATH = "stock-cards"

# Three columns have to fit beside the sidebar of a window 1280 px wide.
THEME = {
    TITLE: {
        "ha-view-sections-column-min-width": "280px",
        "ha-view-sections-column-gap": "16px",
    }
}

type Card = dict[str, Any]


def dashboard(instances: Iterable[DemoInstance]) -> dict[str, Any]:
    """Return the dashboard as Home Assistant reads it from YAML."""
    instances = tuple(instances)
    own = _view("Link", "link", "mdi:qrcode", map(_own_section, instances))
    stock = _view(
        "Stock cards", STOCK_PATH, "mdi:cards-outline", map(_section, instances)
    )
    stock["badges"] = [_badge(instance) for instance in instances]
    return {"title": TITLE, "views": [own, stock]}


def _view(title: str, path: str, icon: str, sections: Iterable[Card]) -> Card:
    return {
        "title": title,
        "path": path,
        "icon": icon,
        "type": "sections",
        "theme": TITLE,
        "max_columns": 3,
        "sections": list(sections),
    }


def _own_section(instance: DemoInstance) -> Card:
    card = {
        "type": "custom:green-api-card",
        "device_id": instance.device_id,
        "grid_options": {"columns": "full"},
    }
    return {"type": "grid", "cards": [card]}


def _section(instance: DemoInstance) -> Card:
    camera = _picture(instance.camera) | {"camera_view": "live"}
    camera["tap_action"] = {"action": "none"}
    heading = {"type": "heading", "heading": instance.title, "icon": "mdi:qrcode"}
    return {
        "type": "grid",
        "cards": [
            heading,
            _value(instance.sensor, "State"),
            _value(instance.login_sensor, "Login"),
            camera,
            _order(instance.login_button, "Show QR", {"action": "toggle"}),
            _order(instance.logout_button, "Log out", _logout(instance)),
            _order(instance.reboot_button, "Reboot", _reboot(instance)),
            _picture(instance.image),
        ],
    }


def _badge(instance: DemoInstance) -> Card:
    return {
        "type": "entity",
        "entity": instance.sensor,
        "name": instance.messenger,
        "show_name": True,
    }


def _value(entity_id: str, name: str) -> Card:
    return {
        "type": "tile",
        "entity": entity_id,
        "name": name,
        "grid_options": {"columns": 12},
    }


def _order(button: str, name: str, action: Card) -> Card:
    return {
        "type": "tile",
        "entity": button,
        "name": name,
        "vertical": True,
        "hide_state": True,
        "tap_action": action,
        "icon_tap_action": action,
        "grid_options": {"columns": 4},
    }


def _logout(instance: DemoInstance) -> Card:
    return {
        "action": "perform-action",
        "perform_action": "green_api.logout",
        "data": {"config_entry_id": instance.entry_id},
        "confirmation": {"text": f"Log out {instance.title}?"},
    }


def _reboot(instance: DemoInstance) -> Card:
    return {
        "action": "toggle",
        "confirmation": {"text": f"Restart {instance.title}?"},
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
