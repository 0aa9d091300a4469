"""The vendor API: who may ask, how often, and what goes wrong."""

import asyncio
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
import inspect
import re
from typing import TYPE_CHECKING

from aiohttp import web

from .call import Call, read_fields
from .errors import NotFoundError, RefusedError, RejectedError
from .fault_answers import cut, gateway_page, refusal, status_answer
from .faults import Delay, Deleted, Drop, Expired, Fault, Hang, Status
from .methods import METHODS, Method
from .request_log import CLIENT_GONE, UNKNOWN, Request
from .scan_socket import ScanSockets

if TYPE_CHECKING:
    from .cloud import Cloud
    from .instance import Instance

_PATH = re.compile(
    r"(?P<prefix>/v3)?/waInstance(?P<id>[0-9]+)/(?P<method>[A-Za-z]+)/(?P<token>[^/]+)"
    r"(?:/(?P<receipt_id>[^/]+))?"
)
_MESSAGES: dict[type[Fault], str] = {
    Expired: "Instance account is expired. Renew your instance from personal area",
    Deleted: "Instance is deleted",
}


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path asks for."""

    prefix: str = ""
    id_instance: str = UNKNOWN
    method: str = UNKNOWN
    token: str = ""
    receipt_id: str = ""


class VendorApi:
    """Answer ``{prefix}/waInstance{id}/{method}/{token}`` as the vendor does."""

    def __init__(self, cloud: Cloud) -> None:
        """Serve this cloud."""
        self._cloud = cloud
        self._sockets = ScanSockets(cloud)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; malformed paths are answered here too."""
        return [web.route("*", "/{path:.*waInstance.*}", self._handle)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        target = _parse(request.path)
        with self._cloud.log.record(
            id_instance=target.id_instance,
            method=target.method,
            verb=request.method if request.method in HTTPMethod else UNKNOWN,
            prefix=target.prefix,
        ) as record:
            try:
                response = await self._break(request, target, record)
                if response is None:
                    response = await self._answer(request, target, record)
            except RefusedError as error:
                response = refusal(request, error)
            except asyncio.CancelledError:
                # A socket that the client left has its status.
                record.status = record.status or CLIENT_GONE
                raise
            if request.transport and not request.transport.is_closing():
                record.status = response.status
            return response

    async def _break(
        self, request: web.Request, target: _Target, record: Request
    ) -> web.StreamResponse | None:
        """Apply the faults that lie before the instance, at the cloud's gateway."""
        faults, clock = self._cloud.faults, self._cloud.clock
        where = target.id_instance, target.method
        if delay := faults.take((Delay,), *where):
            record.fault = delay.kind
            await clock.sleep(delay.seconds)
        match fault := faults.take((Hang, Status, Drop), *where):
            case Hang(seconds):
                record.fault = fault.kind
                await clock.sleep(seconds)
                return gateway_page(HTTPStatus.GATEWAY_TIMEOUT)
            case Status():
                record.fault = fault.kind
                return await status_answer(request, fault)
            case Drop():
                record.fault = fault.kind
                return cut(request)
        return None

    async def _answer(
        self, request: web.Request, target: _Target, record: Request
    ) -> web.StreamResponse:
        instance = self._admit(target)
        method = _find_method(instance, target.method, request)
        where = target.id_instance, target.method
        if not self._cloud.limits.accept(*where, method.per_second):
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS)
        if fault := self._cloud.faults.take((Expired, Deleted), *where):
            record.fault = fault.kind
            raise RejectedError(_MESSAGES[type(fault)])
        if method.answer is None:
            return await self._sockets.serve(request, instance, record)
        call = Call(
            instance=instance,
            faults=self._cloud.faults,
            record=record,
            query=request.query,
            fields=await read_fields(request) if method.verb == "POST" else {},
            receipt_id=target.receipt_id,
        )
        answer = method.answer(call)
        return web.json_response(
            await answer if inspect.isawaitable(answer) else answer
        )

    def _admit(self, target: _Target) -> Instance:
        try:
            instance = self._cloud.get(target.id_instance)
        except NotFoundError:
            deleted = self._cloud.was_deleted(target.id_instance)
            status = HTTPStatus.UNAUTHORIZED if deleted else HTTPStatus.FORBIDDEN
            raise RefusedError(status) from None
        if target.token != instance.token:
            raise RefusedError(HTTPStatus.UNAUTHORIZED)
        return instance


def _find_method(instance: Instance, name: str, request: web.Request) -> Method:
    method = METHODS.get(name)
    if (
        method is None
        or request.method != method.verb
        or instance.messenger not in method.messengers
    ):
        message = f"Cannot {request.method} {request.path}"
        raise RefusedError(HTTPStatus.NOT_FOUND, message)
    return method


def _parse(path: str) -> _Target:
    match = _PATH.fullmatch(path)
    if match is None:
        return _Target()
    name = match["method"][0].lower() + match["method"][1:]
    method = METHODS.get(name)
    if (match["receipt_id"] is not None) != (
        method is not None and method.wants_receipt
    ):
        return _Target()
    return _Target(
        prefix=match["prefix"] or "",
        id_instance=match["id"],
        # An unknown word could be anything, a token too: it stays out of the log.
        method=name if method else UNKNOWN,
        token=match["token"],
        receipt_id=match["receipt_id"] or "",
    )
