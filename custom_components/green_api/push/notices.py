"""What becomes of a notice that the cloud has sent."""

from enum import Enum, auto

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from ..api.notification import STATE_CHANGED, Notification
from ..coordinator import GreenApiCoordinator


class Verdict(Enum):
    """Name what was done about a notification."""

    TAKEN = auto()
    """The cloud is asked for the state."""

    IGNORED = auto()
    """It tells nothing new of the state."""

    FOREIGN = auto()
    """It is about another instance."""


class NoticeTaker:
    """Ask for the state when a notification says that it changed.

    A notification is a hint and nothing more: what the state is now, the cloud
    itself is asked. So one that is false, repeated or late changes nothing.
    """

    def __init__(self, coordinator: GreenApiCoordinator) -> None:
        """Take notices until the coordinator's entry is unloaded."""
        self._coordinator = coordinator
        self._newest = 0
        self._told: str | None = None
        self._wanted = False
        self._asking = False
        self._closed = False
        coordinator.config_entry.async_on_unload(self._close)

    @callback
    def take(self, notification: Notification) -> Verdict:
        """Take a notification; however many come, the requests do not pile up."""
        if notification.id_instance != self._coordinator.client.id_instance:
            return Verdict.FOREIGN
        if (
            self._closed
            or notification.kind != STATE_CHANGED
            or notification.sent_at < self._newest
        ):
            return Verdict.IGNORED
        # One from the future, by a mistake of some clock, silences none that follow.
        self._newest = min(notification.sent_at, int(dt_util.utcnow().timestamp()))
        self._told = notification.state
        self._coordinator.trust_push(True)  # noqa: FBT003  the only thing it tells
        self._wanted = True
        if not self._asking:
            self._asking = True
            self._coordinator.run_soon(self._ask(), "notice")
        return Verdict.TAKEN

    async def _ask(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self._coordinator.async_ask_state()
        finally:
            self._asking = False
        if self._told not in {None, self._coordinator.data.reading.word}:
            # It lags behind, or the cloud did not answer.
            self._coordinator.watch_closely()

    @callback
    def _close(self) -> None:
        self._closed = True
