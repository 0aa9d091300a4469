"""What an instance has to tell, until somebody took it."""

from collections import deque
from dataclasses import dataclass
import itertools
from typing import TYPE_CHECKING

from .changes import Changes
from .errors import RejectedError, ValidationFailedError
from .webhooks import WebhookResult, Webhooks, time_limit

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .instance import Instance
    from .messenger import State

_LIFE = 24 * 3600
_RETRY_SECONDS = 60
_DEFAULT_TIMEOUT = "5"
_TIMEOUTS = range(5, 61)
_DIGITS = 18
"""No number that means anything here is longer."""
_YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification that nobody took yet."""

    receipt_id: int
    at: float
    """When it arose, in the clock's seconds."""
    body: dict[str, object]
    """As it goes over the wire."""


class Notifications:
    """The notifications of one instance, oldest first, each kept for a day.

    Without a ``webhookUrl`` in the instance's settings they wait to be received
    and deleted. With one they are sent there, one after the other, each again
    until it is answered with 200. Both take from the same queue.
    """

    def __init__(
        self,
        instance: Instance,
        webhooks: Webhooks,
        lose: Callable[[], bool] = lambda: False,
    ) -> None:
        """Tell of this instance; ``lose`` is asked of each whether it gets lost."""
        self._instance = instance
        self._webhooks = webhooks
        self._lose = lose
        self._state: State | None = None
        self._queue: deque[Notification] = deque()
        self._receipts = itertools.count(1)
        self._moved = Changes()
        self._task: asyncio.Task[None] | None = None
        self._url = ""
        self._closed = False
        self.last_result: WebhookResult | None = None
        """How the last try to reach the webhook ended."""

    def state_changed(self, state: State | None) -> None:
        """Tell of the instance's state, where the settings want it and it is new."""
        if state is self._state:
            return
        self._state = state
        if state is not None:
            self._tell("stateInstanceChanged", stateInstance=str(state))

    def status_changed(self, *, online: bool) -> None:
        """Tell whether the account is online, where the settings want it."""
        # Which setting it needs is not documented: the state's is the nearest.
        status = "online" if online else "offline"
        self._tell("statusInstanceChanged", statusInstance=status)

    def settings_changed(self) -> None:
        """Go by the instance's new settings: whom to tell, and how."""
        if self._instance.settings.webhookUrl != self._url:
            self._stop_sending()
        self._start_sending()
        self._moved.notify()

    def push(self, body: dict[str, object]) -> None:
        """Add a notification, unless it gets lost."""
        if self._lose():
            return
        self._queue.append(
            Notification(
                receipt_id=next(self._receipts),
                at=self._instance.clock.now(),
                body=body,
            )
        )
        self._changed()
        self._start_sending()

    def list(self) -> list[Notification]:
        """Return what nobody took yet, oldest first."""
        self._forget_old()
        return list(self._queue)

    async def receive(
        self, receive_timeout: str | None = None
    ) -> dict[str, object] | None:
        """Answer receiveNotification: the oldest, or None when there was none in time.

        ``receive_timeout`` is the query's ``receiveTimeout``. Raises
        RejectedError for one that is no number from 5 to 60 (how the vendor
        answers that is not documented), and while a ``webhookUrl`` is set.
        """
        seconds = _timeout(receive_timeout)
        try:
            async with time_limit(self._instance.clock, seconds):
                while not self._closed:
                    revision = self._moved.revision
                    self._require_no_webhook()
                    if oldest := self._oldest():
                        return {"receiptId": oldest.receipt_id, "body": oldest.body}
                    await self._moved.wait(revision)
        except TimeoutError:
            pass
        return None

    def delete(self, receipt_id: str) -> dict[str, object]:
        """Answer deleteNotification, whose path ends in the receipt id.

        Raises RejectedError for an id that is no number.
        """
        if not _is_number(receipt_id):
            raise ValidationFailedError
        found = self._remove(int(receipt_id))
        # The vendor's words for an unknown id are not documented.
        reason = "" if found else "notification not found"
        return {"result": found, "reason": reason}

    def close(self) -> None:
        """Send no more, and let go whoever waits."""
        self._closed = True
        self._stop_sending()
        self._moved.notify()

    def _tell(self, kind: str, **what: str) -> None:
        instance = self._instance
        if instance.settings.stateWebhook != _YES:
            return
        state = instance.state
        linked = state is not None and state.linked
        self.push(
            {
                "typeWebhook": kind,
                "instanceData": {
                    "idInstance": int(instance.id_instance),
                    "wid": instance.account.wid if linked else "",
                    "typeInstance": str(instance.messenger),
                },
                "timestamp": int(instance.clock.wall().timestamp()),
                **what,
            }
        )

    def _start_sending(self) -> None:
        url = self._instance.settings.webhookUrl
        busy = self._task is not None and not self._task.done()
        if url and self._queue and not busy and not self._closed:
            self._url = url
            self._task = self._webhooks.start(self._send)

    def _stop_sending(self) -> None:
        if self._task:
            self._task.cancel()
            self._task = None

    async def _send(self) -> None:
        while notification := self._oldest():
            self.last_result = result = await self._webhooks.post(
                self._url,
                self._instance.settings.webhookUrlToken,
                notification.receipt_id,
                notification.body,
            )
            if result.ok:
                self._remove(notification.receipt_id)
            else:
                self._changed()
                await self._instance.clock.sleep(_RETRY_SECONDS)

    def _oldest(self) -> Notification | None:
        self._forget_old()
        return self._queue[0] if self._queue else None

    def _remove(self, receipt_id: int) -> bool:
        for notification in self.list():
            if notification.receipt_id == receipt_id:
                self._queue.remove(notification)
                self._changed()
                return True
        return False

    def _forget_old(self) -> None:
        before = self._instance.clock.now() - _LIFE
        while self._queue and self._queue[0].at <= before:
            self._queue.popleft()

    def _require_no_webhook(self) -> None:
        if self._instance.settings.webhookUrl:
            # Not documented: the words that other clients look for.
            msg = "custom webhook url is set"
            raise RejectedError(msg)

    def _changed(self) -> None:
        self._moved.notify()
        self._instance.changed.notify()


def _timeout(text: str | None) -> int:
    text = _DEFAULT_TIMEOUT if text is None else text
    if not _is_number(text) or int(text) not in _TIMEOUTS:
        raise ValidationFailedError
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS
