"""Automations that write down what they were triggered by."""

from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN

# Of what a trigger tells, only what Home Assistant adds to it is left out.
_ADDED = {"alias", "id", "idx"}


class Notes:
    """Hold what the automations of one Home Assistant were triggered by."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Register the action that writes it down."""
        self.all: list[dict[str, Any]] = []
        hass.services.async_register("test", "note", self._note)

    @callback
    def _note(self, call: ServiceCall) -> None:
        trigger = call.data["trigger"]
        self.all.append({k: v for k, v in trigger.items() if k not in _ADDED})

    @property
    def kinds(self) -> list[str]:
        """Return what triggered, without the domain."""
        return [note["platform"].removeprefix(f"{DOMAIN}.") for note in self.all]

    def take(self) -> list[str]:
        """Return what triggered since the last time, without the domain."""
        kinds = self.kinds
        self.all.clear()
        return kinds


def trigger(
    kind: str, target: dict[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    """Return the config of a trigger; `for_` stands for `for`, and `from_` too."""
    config: dict[str, Any] = {"trigger": f"{DOMAIN}.{kind}"}
    if target is not None:
        config["target"] = target
    if options:
        config["options"] = {key.strip("_"): value for key, value in options.items()}
    return config


async def automate(
    hass: HomeAssistant,
    *triggers: dict[str, Any],
    conditions: tuple[dict[str, Any], ...] = (),
    note: str = "{{ dict(trigger) }}",
) -> Notes:
    """Set up an automation, and return what will be noted of its triggers.

    A template says what that is, with `platform` among it.
    """
    notes = Notes(hass)
    automation = {
        "alias": "notes",
        "mode": "parallel",
        "max": 100,
        "triggers": list(triggers),
        "conditions": list(conditions),
        "actions": [{"action": "test.note", "data": {"trigger": note}}],
    }
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: [automation]})
    await hass.async_block_till_done()
    return notes


async def automate_all(hass: HomeAssistant, target: dict[str, Any]) -> Notes:
    """Note all that there is a trigger for."""
    kinds = (
        "authorized",
        "authorization_lost",
        "state_changed",
        "qr_ready",
        "password_required",
    )
    return await automate(hass, *(trigger(kind, target) for kind in kinds))


def state_sensor(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the target that is the state of an instance."""
    messenger = entry.title.split()[0].lower()
    return {"entity_id": f"sensor.{messenger}_{entry.unique_id}_state"}


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the id of the device of an instance."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    (device_id,) = {item.device_id for item in found}
    assert device_id
    return device_id
