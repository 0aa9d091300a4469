"""What a person may attach to a problem report."""

from dataclasses import asdict
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
from homeassistant.helpers import issue_registry as ir

from .const import (
    CONF_ACCOUNT_NAME,
    CONF_API_TOKEN_INSTANCE,
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_ID_INSTANCE,
    CONF_KEY,
    CONF_MQTT_TOPICS,
    CONF_PUSH,
    CONF_PUSH_SETTINGS,
    DOMAIN,
)
from .coordinator import GreenApiConfigEntry
from .publisher import standing_of
from .push.claim import Claim
from .push.loss import is_lost
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
        return {
            "entry": about_entry,
            "reason": entry.error_reason_translation_key,
            "issues": _about_issues(hass, entry),
        }
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
        "mqtt": _about_mqtt(hass, entry),
        "push": {
            "mode": entry.options[CONF_PUSH],
            "settings_are_ours": Claim.of(entry) is not None,
            "lost": is_lost(hass, entry),
        },
        "issues": _about_issues(hass, entry),
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


def _about_mqtt(
    hass: HomeAssistant, entry: GreenApiConfigEntry
) -> dict[str, Any] | None:
    """Return how the publishing stands, None where there is none."""
    standing = standing_of(hass, entry)
    return asdict(standing) if standing else None


def _about_issues(hass: HomeAssistant, entry: GreenApiConfigEntry) -> list[str]:
    """Return the keys of the repair issues that the entry has now."""
    return sorted(
        str(issue.translation_key)
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active and issue_id.endswith(entry.entry_id)
    )


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
