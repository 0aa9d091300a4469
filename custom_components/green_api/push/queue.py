"""The queue of notifications, for a home that the cloud can't reach."""

import asyncio
from typing import Final

from homeassistant.core import HomeAssistant, callback

from ..api.errors import CredentialsRejected, GreenApiError
from ..api.notification import parse_notification
from ..backoff import backoff
from ..const import LOGGER, REFUSED_RETRIES
from ..coordinator import GreenApiConfigEntry
from .notices import NoticeTaker

# How long the cloud holds a request while there is nothing to tell, in seconds.
RECEIVE_WAIT: Final = 20

# A cloud that does not wait is not asked more often than this, in seconds.
LEAST_WAIT: Final = 1.0


class _TakenByAnother(Exception):
    """Say that somebody else has deleted what was received here."""


class NotificationQueue:
    """Receive and delete the notifications of an instance, one by one.

    All of them: there is one queue, and what is not deleted comes again.
    """

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take whose notifications they are."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data
        self._taker = NoticeTaker(self._coordinator)

    @callback
    def start(self) -> None:
        """Receive from now on until the entry is unloaded."""
        self._entry.async_create_background_task(
            self._hass, self._run(), f"{self._entry.title} notifications"
        )

    async def _run(self) -> None:
        works = False
        failures = 0
        while True:
            try:
                await self._take_next()
            except (GreenApiError, _TakenByAnother) as err:
                works = False
                failures += 1
                LOGGER.debug("No notifications for %s: %s", self._entry.title, err)
                self._coordinator.trust_push(False)  # noqa: FBT003  the only thing it tells
                await asyncio.sleep(_pause(err, failures))
                continue
            failures = 0
            if not works:
                # Only once: silence says nothing of what may get lost.
                works = True
                self._coordinator.trust_push(True)  # noqa: FBT003  the only thing it tells

    async def _take_next(self) -> None:
        """Wait for a notification, take and delete it; raises a GreenApiError."""
        client, now = self._coordinator.client, self._hass.loop.time
        least = now() + LEAST_WAIT
        received = await client.receive_notification(RECEIVE_WAIT)
        if received is None:
            await asyncio.sleep(max(least - now(), 0.0))
            return
        notification = parse_notification(received.body)
        if notification is not None:
            self._taker.take(notification)
        if not await client.delete_notification(received.receipt_id):
            raise _TakenByAnother


def _pause(err: Exception, failures: int) -> float:
    """Return the seconds until the next try."""
    if isinstance(err, CredentialsRejected):
        return backoff(failures, REFUSED_RETRIES[-1].total_seconds())
    return backoff(failures)
