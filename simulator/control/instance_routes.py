"""Instances: list, create, delete, and everything a phone does to them."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from simulator.errors import NotFoundError
from simulator.instance import Instance, Timing
from simulator.messenger import State

from .fields import Fields
from .views import code_as_json, instance_as_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.qr import Code

type _Change = Callable[[Instance, Fields], None]


class InstanceRoutes:
    """Answer ``/instances…``."""

    def __init__(self, cloud: Cloud) -> None:
        """Control this cloud."""
        self._cloud = cloud

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/instances/{id}"
        changes: dict[str, _Change] = {
            "scan": _scan,
            "unlink": _unlink,
            "state": _set_state,
            "password": _set_password,
            "enter-password": _enter_password,
            "account": _set_account,
            "timing": _set_timing,
        }
        return [
            web.get("/instances", self._list),
            web.post("/instances", self._create),
            web.get(one, self._get),
            web.delete(one, self._delete),
            web.get(f"{one}/code", self._get_code),
            web.get(f"{one}/code.png", self._get_picture),
            *(
                web.post(f"{one}/{name}", self._changing(change))
                for name, change in changes.items()
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
        self, change: _Change
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
        timing = _timing(fields, Timing())
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


def _scan(instance: Instance, fields: Fields) -> None:
    payload = fields.text_or_none("payload")
    fields.done()
    instance.scan(payload)


def _unlink(instance: Instance, fields: Fields) -> None:
    fields.done()
    instance.unlink()


def _set_state(instance: Instance, fields: Fields) -> None:
    state = fields.text_or_null("state")
    fields.done()
    instance.set_state(state)


def _set_password(instance: Instance, fields: Fields) -> None:
    password = fields.text_or_null("password")
    fields.done()
    instance.set_password(password)


def _enter_password(instance: Instance, fields: Fields) -> None:
    password = fields.text("password")
    fields.done()
    instance.enter_password(password)


def _set_account(instance: Instance, fields: Fields) -> None:
    account = instance.account
    phone = fields.text("phone", account.phone)
    name = fields.text("name", account.name)
    wid = fields.text_or_none("wid")
    fields.done()
    instance.set_account(phone=phone, name=name, wid=wid)


def _set_timing(instance: Instance, fields: Fields) -> None:
    timing = _timing(fields, instance.timing)
    fields.done()
    instance.set_timing(timing)


def _timing(fields: Fields, default: Timing) -> Timing:
    return Timing(
        start=fields.seconds("start_seconds", default.start),
        qr=fields.seconds("qr_seconds", default.qr),
        scan=fields.seconds("scan_seconds", default.scan),
        reboot=fields.seconds("reboot_seconds", default.reboot),
    )
