"""What was asked of the vendor API. No token ever stands in it."""

from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
import logging
from typing import TYPE_CHECKING

from .changes import Changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

UNKNOWN = "(unknown)"
CLIENT_GONE = 499


@dataclass(slots=True, kw_only=True)
class Request:
    """One request to the vendor API."""

    number: int = 0
    """1 for the first answered request; 0 while it is being answered."""
    at: float
    """Arrival in the clock's seconds."""
    wall: datetime
    """Arrival by the wall clock, UTC."""
    id_instance: str
    method: str
    """Spelled with a small first letter; ``(unknown)`` if the cloud has none such."""
    verb: str
    prefix: str
    """What stood before /waInstance, such as ``/v3``."""
    status: int | None = None
    """None: the connection was cut. 499: the client did not wait. 101: a socket."""
    fault: str | None = None
    """The kind of the fault that hit it."""
    ended_at: float | None = None
    """In the clock's seconds; None while it is being answered."""

    @property
    def ok(self) -> bool:
        """Tell whether it was answered with 200, or became a socket."""
        return self.status in {HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS}

    def matches(self, id_instance: str | None, method: str | None) -> bool:
        """Tell whether it is for this instance and method; None is any."""
        return id_instance in {None, self.id_instance} and method in {None, self.method}


class RequestLog:
    """The newest requests, bounded, in the order in which they ended."""

    def __init__(self, clock: Clock, changes: Changes, size: int = 2000) -> None:
        """Keep ``size`` requests; tell each new one to ``changes``."""
        self._clock = clock
        self._changes = changes
        self._ended: deque[Request] = deque(maxlen=size)
        self._open: list[Request] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._moved = Changes()
        self.cursor = 0
        """The number of the newest request."""

    @contextmanager
    def record(
        self, *, id_instance: str, method: str, verb: str, prefix: str
    ) -> Iterator[Request]:
        """Record a request from its arrival to its end; the body sets the status."""
        request = Request(
            at=self._clock.now(),
            wall=self._clock.wall(),
            id_instance=id_instance,
            method=method,
            verb=verb,
            prefix=prefix,
        )
        self._open.append(request)
        self._moved.notify()
        try:
            yield request
        finally:
            self._open.remove(request)
            self.cursor += 1
            request.number = self.cursor
            request.ended_at = self._clock.now()
            self._ended.append(request)
            self._counts[id_instance, method] += 1
            _LOGGER.info("%s %s: %s", id_instance, method, request.status)
            self._moved.notify()
            self._changes.notify()

    def list(
        self,
        *,
        id_instance: str | None = None,
        method: str | None = None,
        since: int = 0,
    ) -> list[Request]:
        """Return the requests that ended after the one numbered ``since``."""
        return [
            request
            for request in self._ended
            if request.number > since and request.matches(id_instance, method)
        ]

    def counts(self, id_instance: str | None = None) -> dict[str, int]:
        """Return how many requests each method had since the start."""
        counts: Counter[str] = Counter()
        for (counted_id, method), count in self._counts.items():
            if id_instance in {None, counted_id}:
                counts[method] += count
        return dict(sorted(counts.items()))

    async def wait_for(
        self,
        *,
        id_instance: str | None = None,
        method: str | None = None,
        since: int | None = None,
    ) -> Request:
        """Wait for the next request that ends and matches, and return it.

        Pass the ``cursor`` of an earlier moment as ``since`` to count from
        there instead of from the call.
        """
        if since is None:
            since = self.cursor
        while True:
            revision = self._moved.revision
            found = self.list(id_instance=id_instance, method=method, since=since)
            if found:
                return found[0]
            await self._moved.wait(revision)

    async def wait_for_open(
        self, *, id_instance: str | None = None, method: str | None = None
    ) -> Request:
        """Wait until a matching request is being held, and return it."""
        while True:
            revision = self._moved.revision
            for request in self._open:
                if request.matches(id_instance, method):
                    return request
            await self._moved.wait(revision)
