"""The request log, with a cursor and a wait for what comes next."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from simulator.errors import BadInputError

from .views import request_as_json

if TYPE_CHECKING:
    from multidict import MultiMapping

    from simulator.cloud import Cloud

_LONGEST_WAIT = 60
_LONGEST_NUMBER = 15


class RequestRoutes:
    """Answer ``/requests``."""

    def __init__(self, cloud: Cloud) -> None:
        """Show this cloud's log."""
        self._log = cloud.log

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/requests", self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        """Answer the requests after ``since``; wait up to ``wait`` s for one."""
        query = request.query
        if unknown := set(query) - {"id_instance", "method", "since", "wait"}:
            msg = f"unknown: {', '.join(sorted(unknown))}"
            raise BadInputError(msg)
        id_instance, method = query.get("id_instance"), query.get("method")
        since = _whole(query, "since")
        wait = _wait(query.get("wait", "0"))
        if wait:
            try:
                async with asyncio.timeout(wait):
                    await self._log.wait_for(
                        id_instance=id_instance, method=method, since=since
                    )
            except TimeoutError:
                pass  # the list below is then empty, which says so
        found = self._log.list(id_instance=id_instance, method=method, since=since)
        return web.json_response(
            {
                "cursor": self._log.cursor,
                "requests": [request_as_json(item) for item in found],
                "counts": self._log.counts(id_instance),
            }
        )


def _whole(query: MultiMapping[str], name: str) -> int:
    text = query.get(name, "0")
    if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    msg = f"{name} must be a whole number, 0 or more"
    raise BadInputError(msg)


def _wait(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if 0 <= seconds <= _LONGEST_WAIT:
        return seconds
    msg = f"wait must be a number of seconds, at most {_LONGEST_WAIT}"
    raise BadInputError(msg)
