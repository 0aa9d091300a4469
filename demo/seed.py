"""A fresh configuration folder for Home Assistant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
from typing import Any

import yaml

from . import storage
from .dashboard import THEME, TITLE, URL_PATH, dashboard
from .errors import DemoError
from .instances import DemoInstance
from .places import INTEGRATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a configuration folder is to hold."""

    port: int
    broker_port: int
    protocol: str
    """Of MQTT, as Home Assistant's settings spell it."""
    discovery: bool = True
    """Whether it looks for other devices on the broker."""
    api_url: str = ""
    instances: tuple[DemoInstance, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    """What the entries' options differ in."""
    own_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What the options of single entries differ in besides, by idInstance."""
    language: str = "en"
    """Home Assistant's, in which entities get their names."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """Levels of loggers, warning for the others."""
    installed: bool = True
    """Whether the integration is there at all."""
    copied: bool = False
    """Copy the integration, as a user does, instead of linking it."""


def require_empty(folder: Path) -> Path:
    """Make a folder and return its absolute path.

    Raises DemoError where it is not a new or an empty one.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            return folder
    except OSError as error:
        problem = f"the folder {folder} cannot be used: {error.strerror}"
        raise DemoError(problem, "name another one") from None
    problem = f"the folder {folder} is not empty"
    raise DemoError(problem, "name a new or an empty one")


def write_seed(folder: Path, seed: Seed) -> None:
    """Make and fill a configuration folder."""
    folder.mkdir()
    _write_storage(folder / ".storage", seed)
    _write_yaml(folder / "configuration.yaml", _configuration(seed))
    # The editor saves to this file; what it holds is edited there too.
    with (folder / "configuration.yaml").open("a") as configuration:
        configuration.write("automation: !include automations.yaml\n")
    automations = [_automation(seed.instances)] if seed.instances else []
    _write_yaml(folder / "automations.yaml", automations)
    if seed.instances:
        _write_yaml(folder / "dashboard.yaml", dashboard(seed.instances))
    if seed.installed:
        _install(folder, copied=seed.copied)


def _install(folder: Path, *, copied: bool) -> None:
    place = folder / "custom_components" / INTEGRATION.name
    place.parent.mkdir()
    if copied:
        shutil.copytree(
            INTEGRATION, place, ignore=shutil.ignore_patterns("__pycache__")
        )
    else:
        place.symlink_to(INTEGRATION)


def _write_storage(folder: Path, seed: Seed) -> None:
    folder.mkdir(mode=0o700)
    entries = [
        storage.mqtt_entry(seed.broker_port, seed.protocol, discovery=seed.discovery)
    ]
    for item in seed.instances:
        options = {**seed.options, **seed.own_options.get(item.id_instance, {})}
        entries.append(storage.instance_entry(item, seed.api_url, options))
    files = [
        storage.onboarding(),
        storage.auth(),
        storage.http(seed.port),
        storage.config_entries(entries),
    ]
    if seed.instances:
        files += [storage.start_page(), storage.device_registry(seed.instances)]
    for content in files:
        path = folder / content["key"]
        path.write_text(json.dumps(content, indent=2))
        path.chmod(0o600)


def _write_yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _configuration(seed: Seed) -> dict[str, Any]:
    networks = ["127.0.0.1", "::1"]
    trusted = {
        "type": "trusted_networks",
        "trusted_networks": networks,
        # Were there a choice of users, somebody would have to make it.
        "trusted_users": {item: [storage.OWNER_ID] for item in networks},
        "allow_bypass_login": True,
    }
    configuration: dict[str, Any] = {
        "homeassistant": {
            "name": "Demo",
            "country": "NL",
            "language": seed.language,
            "time_zone": "UTC",
            "auth_providers": [trusted, {"type": "homeassistant"}],
        },
        "frontend": {"themes": THEME},
        "config": {},
        "history": {},
        "logbook": {},
        "recorder": {},
        "logger": {"default": "warning", "logs": dict(seed.logs)},
    }
    if seed.instances:
        configuration["lovelace"] = {
            "dashboards": {
                URL_PATH: {
                    "mode": "yaml",
                    "filename": "dashboard.yaml",
                    "title": TITLE,
                    "icon": "mdi:qrcode",
                    "show_in_sidebar": True,
                }
            }
        }
    return configuration


def _automation(instances: tuple[DemoInstance, ...]) -> dict[str, Any]:
    return {
        "id": "green_api_authorized",
        "alias": "Notify when an instance is authorized",
        "mode": "parallel",
        "triggers": [
            {
                "trigger": "green_api.authorized",
                "target": {"entity_id": [instance.sensor for instance in instances]},
            }
        ],
        "actions": [
            {
                "action": "persistent_notification.create",
                "data": {
                    "title": "GREEN-API",
                    "message": "{{ trigger.name }} is authorized.",
                    "notification_id": "{{ trigger.entity_id }}",
                },
            }
        ],
    }
