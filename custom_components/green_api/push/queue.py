"""The queue of notifications, for a home that the cloud can't reach."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.core import HomeAssistant, callback

from ..api.errors import (
    CredentialsRejected,
    GreenApiError,
    UnexpectedAnswer,
    WebhookIsSet,
)
from ..api.notification import parse_notification
from ..backoff import backoff
from ..const import LOGGER, REFUSED_RETRIES
from ..coordinator import GreenApiConfigEntry
from .loss import async_tell_loss, is_lost
from .notices import NoticeTaker

# How long the cloud holds a request while there is nothing to tell, in seconds.
RECEIVE_WAIT: Final = 20

# A cloud that does not wait is not asked more often than this, in seconds.
LEAST_WAIT: Final = 1.0

# An instance that restarts with other settings may go by the former ones until then.
FAILURE_GRACE: Final = timedelta(minutes=10)


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
        self._trusted = False
        self._failures = 0
        self._failing_since = 0.0
        self._complaint: type[Exception] | None = None

    @callback
    def start(self) -> None:
        """Receive from now on until the entry is unloaded."""
        self._entry.async_create_background_task(
            self._hass, self._run(), f"{self._entry.title} notifications"
        )

    async def _run(self) -> None:
        while True:
            try:
                await self._take_next()
            except (GreenApiError, _TakenByAnother) as err:
                self._note_failure(err)
                await asyncio.sleep(_pause(err, self._failures))
            else:
                self._note_success()

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

    def _note_success(self) -> None:
        self._failures = 0
        if self._complaint is WebhookIsSet:
            async_tell_loss(self._hass, self._entry, lost=False)
        self._complaint = None
        trusted = not is_lost(self._hass, self._entry)
        if trusted and not self._trusted:
            # Only once: silence says nothing of what may get lost.
            self._coordinator.trust_push(True)  # noqa: FBT003  the only thing it tells
        self._trusted = trusted

    def _note_failure(self, err: Exception) -> None:
        LOGGER.debug("No notifications for %s: %s", self._entry.title, err)
        now = self._hass.loop.time()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        self._trusted = False
        self._coordinator.trust_push(False)  # noqa: FBT003  the only thing it tells
        lasted = now - self._failing_since
        if self._complaint is None and lasted >= FAILURE_GRACE.total_seconds():
            self._complain(err)

    def _complain(self, err: Exception) -> None:
        """Tell of what nobody else tells, and what may never pass by itself."""
        if isinstance(err, WebhookIsSet):
            async_tell_loss(self._hass, self._entry, lost=True)
        elif isinstance(err, UnexpectedAnswer):
            LOGGER.warning(
                "The notifications of %s cannot be received, so its state is asked for"
                " as if there were none: %s",
                self._entry.title,
                err,
            )
        else:
            return
        self._complaint = type(err)


def _pause(err: Exception, failures: int) -> float:
    """Return the seconds until the next try."""
    if isinstance(err, CredentialsRejected):
        return backoff(failures, REFUSED_RETRIES[-1].total_seconds())
    return backoff(failures)
