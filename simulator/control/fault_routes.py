"""Faults: list, add, clear, by their fields or by the name of a preset."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from simulator.errors import BadInputError

from .fault_fields import fault_from, preset_as_json, rule_as_json
from .fields import Fields
from .presets import PRESETS, Preset, find_preset

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.instance import Instance


class FaultRoutes:
    """Answer ``/faults…`` and ``/presets``."""

    def __init__(self, cloud: Cloud) -> None:
        """Control this cloud."""
        self._cloud = cloud

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/presets", self._list_presets),
            web.get("/faults", self._list),
            web.post("/faults", self._add),
            web.delete("/faults", self._clear),
            web.delete(r"/faults/{number:\d{1,9}}", self._remove),
        ]

    async def _list_presets(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {"presets": [preset_as_json(preset) for preset in PRESETS.values()]}
        )

    async def _list(self, _request: web.Request) -> web.Response:
        rules = self._cloud.faults.list()
        return web.json_response({"faults": [rule_as_json(rule) for rule in rules]})

    async def _add(self, request: web.Request) -> web.Response:
        fields = await Fields.read(request)
        name = fields.text_or_none("preset")
        preset = None if name is None else find_preset(name)
        fault = preset.fault if preset else fault_from(fields)
        id_instance = fields.text_or_none("id_instance")
        method = fields.text_or_none("method")
        count = fields.whole_or_none("count")
        fields.done()
        instance = None if id_instance is None else self._cloud.get(id_instance)
        if preset:
            _check_target(preset, instance, method)
        rule = self._cloud.faults.add(
            fault, id_instance=id_instance, method=method, count=count
        )
        return web.json_response(rule_as_json(rule), status=HTTPStatus.CREATED)

    async def _clear(self, request: web.Request) -> web.Response:
        query = request.query
        if unknown := set(query) - {"id_instance", "preset"}:
            msg = f"unknown: {', '.join(sorted(unknown))}"
            raise BadInputError(msg)
        faults, id_instance = self._cloud.faults, query.get("id_instance")
        if id_instance is not None:
            self._cloud.get(id_instance)
        if "preset" in query:
            fault = find_preset(query["preset"]).fault
            for rule in faults.list(id_instance):
                if rule.fault == fault:
                    faults.remove(rule.number)
        else:
            faults.clear(id_instance)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _remove(self, request: web.Request) -> web.Response:
        self._cloud.faults.remove(int(request.match_info["number"]))
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _check_target(
    preset: Preset, instance: Instance | None, method: str | None
) -> None:
    """Raise BadInputError where the preset could never hit anything."""
    if instance and instance.messenger not in preset.messengers:
        title = instance.messenger.profile.title
        msg = f"{preset.name} cannot hit an instance of {title}"
        raise BadInputError(msg)
    methods = preset.methods
    if method is not None and methods is not None and method not in methods:
        msg = f"{preset.name} hits only {', '.join(methods)}"
        raise BadInputError(msg)
