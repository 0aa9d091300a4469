"""What a person may attach to a problem report."""

from datetime import datetime
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_CLIENT_ID,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_USERNAME,
)
from homeassistant.core import HomeAssistant

from .const import (
    CONF_ACCOUNT_NAME,
    CONF_API_TOKEN_INSTANCE,
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_ID_INSTANCE,
    CONF_KEY,
    CONF_MQTT_TOPICS,
    CONF_PUSH_SETTINGS,
)
from .coordinator import GreenApiConfigEntry
from .snapshot import LoginProgress

TO_REDACT: Final = {
    CONF_ACCOUNT_NAME,
    CONF_API_TOKEN_INSTANCE,
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_CLIENT_ID,
    CONF_HOST,
    CONF_ID_INSTANCE,
    CONF_KEY,
    CONF_MQTT_TOPICS,
    CONF_PASSWORD,
    CONF_PUSH_SETTINGS,
    CONF_USERNAME,
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
            "suspended_until": _stamp(data.suspended_until),
            "account_known": data.account is not None,
            "problem": data.problem,
        },
        "login": _about_login(data.login),
    }


def _about_login(login: LoginProgress) -> dict[str, Any]:
    """Return all but the code's picture and the cloud's own words."""
    code = login.code
    return {
        "phase": login.phase,
        "problem": login.problem,
        "began_at": _stamp(login.began_at),
        "ends_at": _stamp(login.ends_at),
        "sequence": code.sequence if code else None,
        "issued_at": _stamp(code.issued_at) if code else None,
        "expires_at": _stamp(code.expires_at) if code else None,
    }


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
