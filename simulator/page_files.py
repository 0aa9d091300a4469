"""The page's files."""

from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# Read once at import: a later read would block the event loop or need a thread.
_FILES = {
    file.name: file.read_bytes()
    for file in sorted(_FOLDER.iterdir())
    if file.suffix in _TYPES
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def page_routes() -> list[web.RouteDef]:
    """Return the routes of the page at ``/``."""
    return [
        web.get("/", _serve),
        web.get("/page/{name}", _serve),
    ]


async def _serve(request: web.Request) -> web.Response:
    name = request.match_info.get("name", "index.html")
    content = _FILES.get(name)
    if content is None:
        raise web.HTTPNotFound
    return web.Response(
        body=content,
        content_type=_TYPES[Path(name).suffix],
        charset="utf-8",
        headers=_HEADERS,
    )
