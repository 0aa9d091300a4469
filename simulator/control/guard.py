"""Keep strangers' pages out, and turn every refusal into clear JSON."""

from http import HTTPStatus
import ipaddress
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from simulator.errors import BadInputError, ConflictError, NotFoundError, SimulatorError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_STATUSES: dict[type[SimulatorError], HTTPStatus] = {
    BadInputError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what may come; answer refusals as ``{"error": text}``.

    A page of another origin reaches loopback too, but cannot send JSON there
    without being asked first (CORS), and one whose host name was rebound to
    loopback still names itself in the Host header.
    """
    if not _is_local_name(request.url.host):
        return _error(HTTPStatus.FORBIDDEN, "call me by my address or as localhost")
    if request.method == hdrs.METH_POST and request.content_type != "application/json":
        return _error(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json",
        )
    try:
        return await handler(request)
    except SimulatorError as error:
        return _error(_STATUSES[type(error)], str(error))
    except web.HTTPException as error:
        return _error(error.status, error.reason)


def _is_local_name(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
