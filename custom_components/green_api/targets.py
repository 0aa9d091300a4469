"""Which instances an automation's target leads to."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
import voluptuous as vol

from .const import DOMAIN

# Home Assistant 2026.10 does not know it yet.
_EXCLUDE: Final = "exclude"


def _leads_somewhere(target: dict[str, Any]) -> dict[str, Any]:
    if not TargetSelection(target).has_any_target:
        msg = "name at least one entity, device, area, floor or label"
        raise vol.Invalid(msg)
    return target


TARGET_SCHEMA: Final = vol.All(cv.TARGET_FIELDS, _leads_somewhere)


@callback
def entry_ids_of(hass: HomeAssistant, target: dict[str, Any]) -> set[str]:
    """Return the config entries whose device or entities the target leads to.

    Of this moment: an area may get a device, and a device entities, at any time. To
    exclude one entity of an instance is to exclude the instance, as to name one is
    to name it.
    """
    named = {key: value for key, value in target.items() if key != _EXCLUDE}
    excluded = target.get(_EXCLUDE) or {}
    return _entry_ids(hass, named) - _entry_ids(hass, excluded)


def _entry_ids(hass: HomeAssistant, target: dict[str, Any]) -> set[str]:
    selected = async_extract_referenced_entity_ids(
        hass, TargetSelection(target), primary_entities_only=False
    )
    registry = er.async_get(hass)
    found = set()
    for entity_id in selected.referenced | selected.indirectly_referenced:
        entity = registry.async_get(entity_id)
        if entity and entity.platform == DOMAIN and entity.config_entry_id:
            found.add(entity.config_entry_id)
    return found


@callback
def names_of(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, str | None]:
    """Return what an automation can go on with: ids in Home Assistant, and the name."""
    registry = er.async_get(hass)
    id_instance = entry.unique_id
    entity_id = registry.async_get_entity_id("sensor", DOMAIN, f"{id_instance}_state")
    entity = registry.async_get(entity_id) if entity_id else None
    return {
        "entity_id": entity_id,
        "device_id": entity.device_id if entity else None,
        "name": entry.title,
    }
