"""Faults: list, add, clear."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from .fault_fields import fault_from, rule_as_json
from .fields import Fields

if TYPE_CHECKING:
    from simulator.cloud import Cloud


class FaultRoutes:
    """Answer ``/faults…``."""

    def __init__(self, cloud: Cloud) -> None:
        """Control this cloud."""
        self._cloud = cloud

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/faults", self._list),
            web.post("/faults", self._add),
            web.delete("/faults", self._clear),
            web.delete(r"/faults/{number:\d{1,9}}", self._remove),
        ]

    async def _list(self, _request: web.Request) -> web.Response:
        rules = self._cloud.faults.list()
        return web.json_response({"faults": [rule_as_json(rule) for rule in rules]})

    async def _add(self, request: web.Request) -> web.Response:
        fields = await Fields.read(request)
        fault = fault_from(fields)
        id_instance = fields.text_or_none("id_instance")
        method = fields.text_or_none("method")
        count = fields.whole_or_none("count")
        fields.done()
        if id_instance is not None:
            self._cloud.get(id_instance)
        rule = self._cloud.faults.add(
            fault, id_instance=id_instance, method=method, count=count
        )
        return web.json_response(rule_as_json(rule), status=HTTPStatus.CREATED)

    async def _clear(self, request: web.Request) -> web.Response:
        self._cloud.faults.clear(request.query.get("id_instance"))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _remove(self, request: web.Request) -> web.Response:
        self._cloud.faults.remove(int(request.match_info["number"]))
        return web.Response(status=HTTPStatus.NO_CONTENT)
