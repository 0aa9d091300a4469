"""Server-sent events that keep the page up to date."""

import json
from typing import TYPE_CHECKING

from aiohttp import web

from .fault_fields import preset_as_json
from .presets import PRESETS
from .views import cloud_as_json, request_as_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud

_RECENT = 50
_RETRY_MS = 500
"""How long the page waits before it comes back after a loss."""


class Feed:
    """Answer ``/events``: one ``presets`` event, ``cloud`` and ``requests`` events.

    The first is the faults on offer. Each ``cloud`` event is the whole of what is
    shown, each ``requests`` event the requests since the one before. No token
    stands in any.
    """

    def __init__(self, cloud: Cloud) -> None:
        """Tell of this cloud."""
        self._cloud = cloud

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/events", self._stream)]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send events until the page or the server goes."""
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await response.write(f"retry: {_RETRY_MS}\n\n".encode())
        presets = [preset_as_json(preset) for preset in PRESETS.values()]
        await response.write(_event("presets", presets))
        cloud, log = self._cloud, self._cloud.log
        shown = None
        cursor = max(0, log.cursor - _RECENT)
        while True:
            revision = cloud.changed.revision
            view = cloud_as_json(cloud)
            if view != shown:
                shown = view
                timed = {"now": cloud.clock.now(), **view}
                await response.write(_event("cloud", timed))
            if fresh := log.list(since=cursor):
                cursor = fresh[-1].number
                requests = [request_as_json(item) for item in fresh]
                await response.write(_event("requests", requests))
            await cloud.changed.wait(revision)


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
