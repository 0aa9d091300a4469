"""Look after our settings in the cloud, and take them back when they are to go."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from ..api.errors import GreenApiError
from ..backoff import backoff
from ..const import CONF_PUSH, LOGGER, PushMode
from ..coordinator import GreenApiConfigEntry
from .address import async_drop_cloudhook
from .claim import Claim
from .cloud_settings import async_is_kept, async_put_back
from .loss import async_tell_loss

# Somebody may change the settings elsewhere, and the address of a home can change.
CHECK_INTERVAL: Final = timedelta(days=1)

# An instance that restarts says nothing of its settings for minutes, and what is lost
# may be mended elsewhere. In seconds.
LONGEST_RETRY: Final = 600.0

# What the removal of an entry may take where the cloud is slow, or away, in seconds.
REMOVAL_TIMEOUT: Final = 10.0


@callback
def async_keep_settings(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Look after the settings in the cloud until the entry is unloaded."""
    if entry.options[CONF_PUSH] == PushMode.OFF and Claim.of(entry) is None:
        return
    keeper = _Keeper(hass, entry)
    entry.async_on_unload(keeper.close)
    # Before, Home Assistant Cloud may be missing.
    entry.async_on_unload(async_at_started(hass, keeper.start))


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
    """Check the settings at first and then daily, or give them up where push is off."""

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, which is loaded."""
        self._hass = hass
        self._entry = entry
        self._tries = 0
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
        async_tell_loss(self._hass, self._entry, lost=False)

    async def _check(self) -> None:
        pause = CHECK_INTERVAL.total_seconds()
        try:
            if self._entry.options[CONF_PUSH] == PushMode.OFF:
                if await async_put_back(self._hass, self._entry):
                    return
                kept = None
            else:
                kept = await async_is_kept(self._hass, self._entry)
        except GreenApiError as err:
            LOGGER.debug("No push settings of %s: %s", self._entry.title, err)
            kept = None
        if kept is None:
            self._tries += 1
            pause = backoff(self._tries, LONGEST_RETRY)
        else:
            self._tries = 0
            async_tell_loss(self._hass, self._entry, lost=not kept)
        if kept is False:
            self._entry.runtime_data.trust_push(False)  # noqa: FBT003  the only thing it tells
            pause = LONGEST_RETRY
        self._stop_timer = async_call_later(self._hass, pause, self.start)
