"""The pages: nothing missing, no dead link, no topic that there is not."""

from functools import cache
from pathlib import Path
import re

import pytest
import yaml

from .conftest import CONSUMERS, read

ASYNCAPI = CONSUMERS.parent / "mqtt" / "asyncapi.yaml"
FILES = sorted(path.name for path in CONSUMERS.iterdir())
PAGES = [name for name in FILES if name.endswith(".md")]
TEXTS = [name for name in FILES if not name.endswith(".png")]

_LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
_TOPIC = re.compile(r"(?:green_api/(?:\d+|\+)|\$\{topic\})/([\w/+#]+)")


@cache
def contract() -> set[str]:
    """Return the topics below an instance's."""
    described = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))
    addresses = [channel["address"] for channel in described["channels"].values()]
    base = "{prefix}/{idInstance}/"
    return {item.removeprefix(base) for item in addresses if item.startswith(base)}


def is_topic(name: str) -> bool:
    """Return whether a topic, or a filter, means something of the contract."""
    pattern = re.escape(name).replace(r"\+", "[^/]+").replace(r"\#", ".*")
    return any(re.fullmatch(pattern.removesuffix("/"), topic) for topic in contract())


def anchors(page: Path) -> set[str]:
    """Return what can stand behind a # in a link to a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.replace(" ", "-") for title in kept}


def test_the_index_names_every_file() -> None:
    linked = {path for path, _ in _LINK.findall(read("README.md"))}
    assert set(FILES) - linked == {"README.md"}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for path, anchor in _LINK.findall(read(name)):
        if path.startswith("https://"):
            continue
        target = CONSUMERS / (path or name)
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("name", [name for name in PAGES if name != "README.md"])
def test_every_page_says_first_what_was_tried_and_what_was_not(name: str) -> None:
    first = read(name).split("\n\n")[1]
    assert re.match(r"\*(Tried|Checked) by .*\d+\.\d+", first)
    if name not in {"home-assistant.md", "mosquitto_sub.md"}:
        assert re.search(r"\bNot (tried|compiled)", first)


@pytest.mark.parametrize("name", TEXTS)
def test_every_topic_is_one_of_the_contract(name: str) -> None:
    unknown = [topic for topic in _TOPIC.findall(read(name)) if not is_topic(topic)]
    assert unknown == []


@pytest.mark.parametrize(
    ("name", "known"),
    [("qr/image", True), ("qr/+", True), ("#", True), ("qr/picture", False)],
)
def test_a_wrong_topic_would_be_found(name: str, known: bool) -> None:
    assert is_topic(name) is known


def test_the_panel_asks_for_topics_of_the_contract() -> None:
    found = re.search(r"const TOPICS = \[(.*?)\];", read("panel.html"), re.DOTALL)
    assert found
    names = re.findall(r'"([^"]+)"', found[1])
    assert len(names) == 6
    assert set(names) <= contract()
