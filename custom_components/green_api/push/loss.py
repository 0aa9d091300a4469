"""The repair issue that tells that the cloud tells of changes no more."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..coordinator import GreenApiConfigEntry

# Where a person finds the options of all instances.
_OPTIONS_URL: Final = f"homeassistant://config/integrations/integration/{DOMAIN}"


@callback
def is_lost(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Return whether it is known that the cloud tells of changes no more."""
    return ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry)) is not None


@callback
def async_tell_loss(
    hass: HomeAssistant, entry: GreenApiConfigEntry, *, lost: bool
) -> None:
    """Raise the issue, or drop it."""
    if not lost:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry),
        is_fixable=False,
        is_persistent=False,
        learn_more_url=_OPTIONS_URL,
        severity=ir.IssueSeverity.WARNING,
        translation_key="push_lost",
        translation_placeholders={"title": entry.title},
    )


def _issue_id(entry: GreenApiConfigEntry) -> str:
    return f"push_lost_{entry.entry_id}"
