"""What a person may attach to a problem report."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import CONF_API_TOKEN_INSTANCE, CONF_ID_INSTANCE, CONF_MQTT_TOPICS
from .coordinator import GreenApiConfigEntry

TO_REDACT: Final = {
    CONF_API_TOKEN_INSTANCE,
    CONF_ID_INSTANCE,
    CONF_MQTT_TOPICS,
    "title",
    "unique_id",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: GreenApiConfigEntry
) -> dict[str, Any]:
    """Return entry and snapshot without token, id, account and code."""
    about_entry = async_redact_data(entry.as_dict(), TO_REDACT)
    if entry.state is not ConfigEntryState.LOADED:
        return {"entry": about_entry, "reason": entry.error_reason_translation_key}
    coordinator = entry.runtime_data
    data = coordinator.data
    code = data.login.code
    error = coordinator.last_exception
    return {
        "entry": about_entry,
        "coordinator": {
            "last_update_success": coordinator.last_update_success,
            "last_exception": type(error).__name__ if error else None,
            "update_interval": str(coordinator.update_interval),
        },
        "instance": {
            "messenger": data.messenger,
            "state": data.reading.word,
            "since": data.since.isoformat(),
            "account_known": data.account is not None,
            "problem": data.problem,
        },
        "login": {
            "phase": data.login.phase,
            "sequence": code.sequence if code else None,
            "issued_at": code.issued_at.isoformat() if code else None,
            "expires_at": code.expires_at.isoformat() if code else None,
        },
    }
