"""Answers that are errors, or that make no sense."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from .faults import Body, Status

if TYPE_CHECKING:
    from .errors import RefusedError

_QUOTA_EXCEEDED = 466
_HUGE_CHUNKS = 512
_CHUNK = b"A" * 65536
_BODIES = {
    Body.EMPTY: b"",
    Body.GARBAGE: bytes(range(128, 256)) * 4,
    Body.TRUNCATED: b'{"type":"qrCode","message":"iVBORw0KGgo',
}
_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)


def error_json(status: int, path: str, message: str) -> web.Response:
    """Answer in the vendor's error shape, whose path holds the token."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return web.json_response(
        {
            "statusCode": status,
            "timestamp": now.replace("+00:00", "Z"),
            "path": path,
            "message": message,
        },
        status=status,
    )


def gateway_page(status: int) -> web.Response:
    """Answer with the HTML page of a gateway."""
    phrase = {
        HTTPStatus.GATEWAY_TIMEOUT: "Gateway Time-out",
        HTTPStatus.BAD_GATEWAY: "Bad Gateway",
        HTTPStatus.FORBIDDEN: "Forbidden",
    }.get(HTTPStatus(status) if status in HTTPStatus else HTTPStatus.OK, "Error")
    page = _PAGE.format(title=f"{status} {phrase}")
    return web.Response(status=status, text=page, content_type="text/html")


def cut(request: web.Request) -> web.Response:
    """Cut the connection; the response returned reaches nobody."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def status_answer(request: web.Request, fault: Status) -> web.StreamResponse:
    """Answer with a fault's status and kind of body."""
    status, path = fault.status, request.path
    match fault.body:
        case Body.JSON if status == _QUOTA_EXCEEDED:
            return web.json_response(_quota(path), status=status)
        case Body.JSON:
            return error_json(status, path, fault.message)
        case Body.HTML:
            return gateway_page(status)
        case Body.HUGE:
            return await _huge(request, status)
    return web.Response(
        status=status, body=_BODIES[fault.body], content_type="application/json"
    )


def refusal(request: web.Request, error: RefusedError) -> web.Response:
    """Answer a request that the cloud refuses."""
    match error.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.TOO_MANY_REQUESTS:
            return web.Response(status=error.status)
        case HTTPStatus.FORBIDDEN:
            return gateway_page(error.status)
    return error_json(error.status, request.path, str(error))


def _quota(path: str) -> dict[str, object]:
    method = path.split("/")[-2]
    return {
        "invokeStatus": {
            "method": method,
            "used": 100,
            "total": 100,
            "status": "QUOTE_EXCEEDED",
            "description": "Monthly quota has been exceeded",
        }
    }


async def _huge(request: web.Request, status: int) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"type":"qrCode","message":"')
    for _ in range(_HUGE_CHUNKS):
        await response.write(_CHUNK)
    await response.write_eof(b'"}')
    return response
