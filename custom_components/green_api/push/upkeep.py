"""Look after our settings in the cloud, and take them back when they are to go."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
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
    keeper = _Keeper(hass, entry)
    entry.async_on_unload(keeper.close)
    # Before, Home Assistant Cloud may be missing.
    entry.async_on_unload(async_at_started(hass, keeper.start))


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


class _Keeper:
    """Check the settings once and then daily, or give them up where push is off."""

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, which is loaded."""
        self._hass = hass
        self._entry = entry
        self._failures = 0
        self._stop_timer: CALLBACK_TYPE | None = None

    @callback
    def start(self, _: object = None) -> None:
        """Check now."""
        self._stop_timer = None
        self._entry.async_create_background_task(
            self._hass, self._check(), f"{self._entry.title} push settings"
        )

    @callback
    def close(self) -> None:
        """Check no more, and drop the issue."""
        if self._stop_timer is not None:
            self._stop_timer()
        self._tell(lost=False)

    async def _check(self) -> None:
        try:
            if self._entry.options[CONF_PUSH] == PushMode.OFF:
                await async_put_back(self._hass, self._entry)
                return
            self._tell(lost=not await async_is_kept(self._hass, self._entry))
        except GreenApiError as err:
            self._failures += 1
            LOGGER.debug("No push settings of %s: %s", self._entry.title, err)
            pause = backoff(self._failures, LONGEST_RETRY)
        else:
            self._failures = 0
            pause = CHECK_INTERVAL.total_seconds()
        self._stop_timer = async_call_later(self._hass, pause, self.start)

    def _tell(self, *, lost: bool) -> None:
        if not lost:
            ir.async_delete_issue(self._hass, DOMAIN, _issue_id(self._entry))
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            _issue_id(self._entry),
            is_fixable=False,
            is_persistent=False,
            learn_more_url=_OPTIONS_URL,
            severity=ir.IssueSeverity.WARNING,
            translation_key="push_lost",
            translation_placeholders={"title": self._entry.title},
        )


def _issue_id(entry: GreenApiConfigEntry) -> str:
    return f"push_lost_{entry.entry_id}"
