"""The page's files as they are served."""

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
async def test_files_are_served_with_their_types(
    http: httpx.AsyncClient, path: str, content_type: str
) -> None:
    answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    addresses = re.findall(r"https?://[^\"'\s]+", answer.text)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


async def test_the_page_names_only_files_that_there_are(
    http: httpx.AsyncClient,
) -> None:
    seen, found = set[str](), {"/"}
    while missing := found - seen:
        path = min(missing)
        answer = await http.get(path)
        assert answer.status_code == 200, path
        seen.add(path)
        names = re.findall(r'(?:src|href)="/page/([^"]+)"|from "\./(.+)"', answer.text)
        found |= {f"/page/{name or module}" for name, module in names}
    assert "/page/faults.js" in seen


@pytest.mark.parametrize(
    "path", ["/page/other.js", "/page/..%2fserver.py", "/page/", "/favicon.ico"]
)
async def test_there_is_nothing_else(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404
