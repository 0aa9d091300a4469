"""Home Assistant's stored settings, as it would have written them itself.

Each function returns a file of ``.storage``. Versions are those that both
supported versions of Home Assistant read.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .dashboard import URL_PATH
from .instances import PREFIX, DemoInstance
from .ports import HOST

OWNER = "Demo"
OWNER_ID = "f6fdecf471124dacaa210facf89020ca"

OPTIONS: Mapping[str, object] = {
    "login_window": 5,
    "login_always": False,
    "poll_interval": 60,
    "loss_grace": 30,
    "push": "off",
    "mqtt": "state_and_qr",
    "mqtt_prefix": PREFIX,
    "mqtt_base64": False,
    "mqtt_commands": False,
    "mqtt_discovery": False,
    "mqtt_discovery_prefix": "homeassistant",
    "mqtt_broker": "home_assistant",
    "mqtt_connection": {},
    "qr_domain": "qr.green-api.com",
}
"""Of an instance's entry, as set up where Home Assistant has MQTT."""

type Json = dict[str, Any]


def stored(key: str, data: Json, *, version: int = 1, minor_version: int = 1) -> Json:
    """Return a file of ``.storage``."""
    return {
        "version": version,
        "minor_version": minor_version,
        "key": key,
        "data": data,
    }


def onboarding() -> Json:
    """Return that nothing is left to ask a new user."""
    steps = ["user", "core_config", "analytics", "integration"]
    return stored("onboarding", {"done": steps}, version=4)


def auth() -> Json:
    """Return one owner; the trusted network logs in without a password."""
    owner = {
        "id": OWNER_ID,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": OWNER,
        "system_generated": False,
        "local_only": True,
    }
    groups = [
        {"id": "system-admin", "name": "Administrators"},
        {"id": "system-users", "name": "Users"},
        {"id": "system-read-only", "name": "Read Only"},
    ]
    data = {"users": [owner], "groups": groups, "credentials": [], "refresh_tokens": []}
    return stored("auth", data)


def http(port: int) -> Json:
    """Return where to listen. YAML would hold for a trial of five minutes only."""
    stable = {
        "server_host": [HOST],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": _now(),
        "error": None,
        "error_message": None,
    }
    data = {"stable": stable, "pending": None, "yaml_migration_done": True}
    # The older version's format: it could not read the newer one's.
    return stored("http", data, version=2, minor_version=2)


def start_page() -> Json:
    """Return that the demo's dashboard is what everybody sees first."""
    return stored("frontend.system_data", {"core": {"default_panel": URL_PATH}})


def config_entries(entries: Iterable[Json]) -> Json:
    """Return the set-up integrations."""
    return stored("core.config_entries", {"entries": list(entries)}, minor_version=5)


def mqtt_entry(port: int, protocol: str, *, discovery: bool) -> Json:
    """Return Home Assistant's connection to a broker; discovery of what others have."""
    return _entry(
        "mqtt",
        title=HOST,
        entry_id=f"{'mqtt':0>32}",
        version=(2, 1),
        data={"broker": HOST, "port": port, "protocol": protocol},
        options={"discovery": discovery, "discovery_prefix": "homeassistant"},
    )


def instance_entry(
    instance: DemoInstance, api_url: str, options: Mapping[str, object]
) -> Json:
    """Return a GREEN-API instance whose options differ in those given."""
    return _entry(
        "green_api",
        title=instance.title,
        entry_id=instance.entry_id,
        version=(1, 4),
        unique_id=instance.id_instance,
        data={
            "id_instance": instance.id_instance,
            "api_token_instance": instance.token,
            "api_url": api_url,
            "messenger": instance.messenger.lower(),
        },
        options={**OPTIONS, **options},
    )


def device_registry(instances: Iterable[DemoInstance]) -> Json:
    """Return the instances' devices, so that the dashboard can name them.

    The integration finds them by their identifiers and fills in what is null.
    """
    data = {
        "devices": [_device(instance) for instance in instances],
        "child_devices": [],
        "deleted_devices": [],
    }
    return stored("core.device_registry", data, version=3, minor_version=4)


def _device(instance: DemoInstance) -> Json:
    unknown = (
        "area_id",
        "composite_device_id",
        "composite_primary_config_entry",
        "config_subentry_id",
        "configuration_url",
        "disabled_by",
        "entry_type",
        "hw_version",
        "manufacturer",
        "model",
        "model_id",
        "name_by_user",
        "serial_number",
        "split_at",
        "sw_version",
        "via_device_id",
    )
    return {
        **dict.fromkeys(unknown),
        "id": instance.device_id,
        "identifiers": [["green_api", instance.id_instance]],
        "connections": [],
        "config_entry_id": instance.entry_id,
        "primary_config_entry": instance.entry_id,
        "has_composite_identifiers": False,
        "labels": [],
        "name": instance.title,
        "created_at": _now(),
        "modified_at": _now(),
    }


def _entry(  # noqa: PLR0913  an entry has so many parts
    domain: str,
    *,
    title: str,
    entry_id: str,
    version: tuple[int, int],
    data: Json,
    options: Json,
    unique_id: str | None = None,
) -> Json:
    return {
        "entry_id": entry_id,
        "domain": domain,
        "title": title,
        "unique_id": unique_id,
        "version": version[0],
        "minor_version": version[1],
        "data": data,
        "options": options,
        "source": "user",
        "disabled_by": None,
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "discovery_keys": {},
        "subentries": [],
        "created_at": _now(),
        "modified_at": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
