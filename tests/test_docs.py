"""What the documents for people promise: links that lead somewhere, names as shown."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from urllib.parse import unquote

import pytest

from custom_components.green_api.broker import errors
from custom_components.green_api.broker.errors import BrokerError

ROOT = Path(__file__).parent.parent
LANGUAGES = {"en": "README.md", "ru": "README.ru.md"}
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in titles
    }


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    for link in _LINK.findall(_prose(page)):
        if "://" not in link:
            path, _, anchor = unquote(link).partition("#")
            yield (page.parent / path if path else page), anchor


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.name))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _links(page):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{target.name}#{anchor}"


def _texts(language: str) -> dict[str, str]:
    """Return all texts of the options' forms of MQTT, by key."""
    path = ROOT / f"custom_components/green_api/translations/{language}.json"
    steps = json.loads(path.read_text(encoding="utf-8"))["options"]["step"]
    forms = [steps["mqtt"], steps["broker"]]
    forms += [part for form in forms for part in form.get("sections", {}).values()]
    return {key: label for form in forms for key, label in form["data"].items()}


@pytest.mark.parametrize(("language", "name"), LANGUAGES.items())
def test_every_option_of_mqtt_is_told_by_its_name(language: str, name: str) -> None:
    rows = re.findall(r"^\|[^|]*\|([^|]*)\|", _prose(ROOT / name), re.MULTILINE)
    told = {part.strip() for row in rows for part in row.split(",")}
    told |= {row.strip() for row in rows}
    assert set(_texts(language).values()) <= told


@pytest.mark.parametrize("name", LANGUAGES.values())
def test_every_error_of_a_broker_is_told(name: str) -> None:
    first_cells = re.findall(r"^\|([^|]*)\|", _prose(ROOT / name), re.MULTILINE)
    words = set(re.findall(r"`(\w+)`", "".join(first_cells)))
    found = vars(errors).values()
    keys = {
        item.key
        for item in found
        if isinstance(item, type) and issubclass(item, BrokerError)
    }
    assert keys <= words


def test_both_languages_have_the_same_build() -> None:
    builds = []
    for name in LANGUAGES.values():
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = re.findall(r"^(#+|\||```|- |\d\. )", text, re.MULTILINE)
        words = re.findall(r"`[^`\n]+`", _prose(ROOT / name))
        builds.append((lines, sorted(words)))
    english, russian = builds
    assert english[0] == russian[0]
    assert english[1] == russian[1]
