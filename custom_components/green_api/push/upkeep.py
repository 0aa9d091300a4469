"""See to it that the cloud's settings are ours as long as they are to be, and not longer."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.start import async_at_started

from ..api.errors import GreenApiError
from ..backoff import backoff
from ..const import CONF_PUSH, DOMAIN, LOGGER, PushMode
from ..coordinator import GreenApiConfigEntry
from .address import async_drop_cloudhook
from .claim import Claim
from .cloud_settings import async_is_kept, async_put_back

# Somebody may change the settings elsewhere, and the address of a home can change.
CHECK_INTERVAL: Final = timedelta(days=1)

# An instance that restarts says nothing of its settings for minutes, in seconds.
LONGEST_RETRY: Final = 600.0

# What the removal of an entry may take where the cloud is slow, or away, in seconds.
REMOVAL_TIMEOUT: Final = 10.0

# Where a person finds the options of all instances.
_OPTIONS_URL: Final = f"homeassistant://config/integrations/integration/{DOMAIN}"


@callback
def async_keep_settings(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Look after the settings in the cloud until the entry is unloaded."""
    if entry.options[CONF_PUSH] == PushMode.OFF and Claim.of(entry) is None:
        return

    @callback
    def start(_hass: HomeAssistant) -> None:
        entry.async_create_background_task(
            hass, _keep(hass, entry), f"{entry.title} push settings"
        )

    entry.async_on_unload(partial(_tell, hass, entry, lost=False))
    # Before, Home Assistant Cloud may be missing.
    entry.async_on_unload(async_at_started(hass, start))


@callback
def is_lost(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Return whether it is known that the cloud tells of changes no more."""
    return ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry)) is not None


async def async_clear(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Put the former settings back for an entry that is being removed."""
    if (claim := Claim.of(entry)) is None:
        return
    try:
        async with asyncio.timeout(REMOVAL_TIMEOUT):
            await async_put_back(hass, entry)
    except (GreenApiError, TimeoutError) as err:
        LOGGER.warning(
            "The former notification settings of %s could not be put back in GREEN-API:"
            " %s. Check the webhook address of the instance in the console",
            entry.title,
            err if isinstance(err, GreenApiError) else "no answer in time",
        )
        await async_drop_cloudhook(hass, claim)


async def _keep(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    failures = 0
    while True:
        try:
            if entry.options[CONF_PUSH] == PushMode.OFF:
                await async_put_back(hass, entry)
                return
            _tell(hass, entry, lost=not await async_is_kept(hass, entry))
        except GreenApiError as err:
            failures += 1
            LOGGER.debug("The push settings of %s are not known: %s", entry.title, err)
            await asyncio.sleep(backoff(failures, LONGEST_RETRY))
        else:
            failures = 0
            await asyncio.sleep(CHECK_INTERVAL.total_seconds())


@callback
def _tell(hass: HomeAssistant, entry: GreenApiConfigEntry, *, lost: bool) -> None:
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
