"""Instances: list, create, delete, change."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from simulator.errors import NotFoundError
from simulator.messenger import State
from simulator.timing import Timing

from .fields import Fields
from .instance_changes import CHANGES, Change, timing_from
from .views import code_as_json, instance_as_json, notification_as_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.instance import Instance
    from simulator.qr import Code


class InstanceRoutes:
    """Answer ``/instances…``."""

    def __init__(self, cloud: Cloud) -> None:
        """Control this cloud."""
        self._cloud = cloud

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/instances/{id}"
        return [
            web.get("/instances", self._list),
            web.post("/instances", self._create),
            web.get(one, self._get),
            web.delete(one, self._delete),
            web.get(f"{one}/code", self._get_code),
            web.get(f"{one}/code.png", self._get_picture),
            web.get(f"{one}/notifications", self._get_notifications),
            *(
                web.post(f"{one}/{name}", self._changing(change))
                for name, change in CHANGES.items()
            ),
        ]

    def _find(self, request: web.Request) -> Instance:
        return self._cloud.get(request.match_info["id"])

    def _find_code(self, request: web.Request) -> Code:
        instance = self._find(request)
        if code := instance.code:
            return code
        msg = f"instance {instance.id_instance} has no live code"
        raise NotFoundError(msg)

    def _changing(
        self, change: Change
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            instance, fields = self._find(request), await Fields.read(request)
            change(instance, fields)
            return web.json_response(instance_as_json(instance, full=True))

        return handle

    async def _list(self, _request: web.Request) -> web.Response:
        instances = self._cloud.list()
        return web.json_response(
            {"instances": [instance_as_json(item, full=True) for item in instances]}
        )

    async def _create(self, request: web.Request) -> web.Response:
        fields = await Fields.read(request)
        id_instance = fields.text("id_instance")
        messenger = fields.text("messenger")
        state = fields.text("state", State.NOT_AUTHORIZED)
        token = fields.text_or_none("token")
        password = fields.text_or_none("password")
        timing = timing_from(fields, Timing())
        fields.done()
        instance = self._cloud.create(
            id_instance, messenger, state, token, password=password, timing=timing
        )
        return web.json_response(
            instance_as_json(instance, full=True), status=HTTPStatus.CREATED
        )

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(instance_as_json(self._find(request), full=True))

    async def _delete(self, request: web.Request) -> web.Response:
        self._cloud.delete(request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _get_code(self, request: web.Request) -> web.Response:
        code = self._find_code(request)
        return web.json_response({"now": self._cloud.clock.now(), **code_as_json(code)})

    async def _get_picture(self, request: web.Request) -> web.Response:
        code = self._find_code(request)
        return web.Response(
            body=code.png,
            content_type="image/png",
            headers={"Cache-Control": "no-store"},
        )

    async def _get_notifications(self, request: web.Request) -> web.Response:
        waiting = self._find(request).notifications.list()
        return web.json_response(
            {"notifications": [notification_as_json(item) for item in waiting]}
        )
