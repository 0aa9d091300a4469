"""What the documents for people promise: links that lead somewhere, names as shown."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any
from urllib.parse import unquote

import pytest

from custom_components.green_api.broker import errors
from custom_components.green_api.broker.errors import BrokerError
from tests.card_file import card_texts

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

README = {"en": ROOT / "README.md", "ru": ROOT / "README.ru.md"}
GUIDE = {"en": DOCS / "mqtt-guide.md", "ru": DOCS / "mqtt-guide.ru.md"}
CARD_PAGE = {"en": DOCS / "card.md", "ru": DOCS / "card.ru.md"}
LINKING = {"en": DOCS / "linking.md", "ru": DOCS / "linking.ru.md"}

# So begin the symptoms that quote.
SAYS = {
    "en": ("the dialog says", "the card says"),
    "ru": ("диалог говорит", "карточка говорит"),
}

# The pages that there are in Russian, too.
RUSSIAN = sorted([*ROOT.glob("*.ru.md"), *DOCS.glob("*.ru.md")])

_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"""(?:\]\(|<img src=")([^)\s"]+)[)"]""")
_LINES = re.MULTILINE
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)  # noqa: RUF001

# As many columns has the table of the options.
_OF_OPTIONS = 4

by_language = pytest.mark.parametrize("language", ["en", "ru"])


def _pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md")])


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    return _FENCE.sub("", _read(page))


def _texts(language: str) -> dict[str, Any]:
    path = ROOT / f"custom_components/green_api/translations/{language}.json"
    texts: dict[str, Any] = json.loads(_read(path))
    return texts


def _rows(page: Path) -> list[list[str]]:
    """Return the cells of all tables of a page."""
    lines = re.findall(r"^\|(.*)\|$", _prose(page), _LINES)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


# ------------------------------------------------------------------------- links


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _prose(page), _LINES)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in titles
    }


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    for link in _LINK.findall(_prose(page)):
        if "://" not in link:
            path, _, anchor = unquote(link).partition("#")
            yield (page.parent / path if path else page), anchor


@pytest.mark.parametrize("page", _pages(), ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _links(page):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{target.name}#{anchor}"


def test_the_index_names_every_page_and_folder() -> None:
    told = {target.resolve() for target, _ in _links(DOCS / "README.md")}
    pages = set(DOCS.glob("*.md")) - {DOCS / "README.md"}
    folders = {page.parent for page in DOCS.glob("*/*") if page.suffix != ".png"}
    folders -= {DOCS / "images"}
    there = {*pages, *folders - {DOCS / "consumers"}, DOCS / "consumers/README.md"}
    assert {path.resolve() for path in there} <= told


def test_every_picture_is_shown() -> None:
    shown = {target.resolve() for page in _pages() for target, _ in _links(page)}
    assert set((DOCS / "images").iterdir()) <= shown


# --------------------------------------------------------------------- languages


def _english(page: Path) -> Path:
    return page.with_name(page.name.replace(".ru.md", ".md"))


def _headings(page: Path) -> list[str]:
    return re.findall(r"^(#+) ", _prose(page), _LINES)


def _tables(page: Path) -> list[tuple[int, int]]:
    """Return of each table how many rows it has, and how many columns."""
    tables = re.findall(r"(?:^\|.*\|\n)+", _prose(page) + "\n", _LINES)
    return [
        (len(rows), rows[0].count("|") - 1)
        for rows in (table.splitlines() for table in tables)
    ]


@pytest.mark.parametrize("page", RUSSIAN, ids=_name)
def test_both_languages_have_the_same_build(page: Path) -> None:
    english = _english(page)
    assert _headings(page) == _headings(english)
    assert _tables(page) == _tables(english)
    # In each section as many paragraphs, points and steps.
    builds = [
        re.findall(r"^(#+|\||```|- |\d\.|!\[|(?=\S))", _read(item), _LINES)
        for item in (page, english)
    ]
    assert builds[0] == builds[1]


@pytest.mark.parametrize("page", RUSSIAN, ids=_name)
def test_both_languages_have_the_same_words_of_machines(page: Path) -> None:
    words = [
        sorted(re.findall(r"`[^`\n]+`", _prose(item)))
        for item in (page, _english(page))
    ]
    assert words[0] == words[1]


@pytest.mark.parametrize("page", RUSSIAN, ids=_name)
def test_both_languages_have_the_same_code(page: Path) -> None:
    russian, english = (_BLOCK.findall(_read(item)) for item in (page, _english(page)))
    assert [kind for kind, _ in russian] == [kind for kind, _ in english]
    for (_, here), (_, there) in zip(russian, english, strict=True):
        for line, other in zip(here.splitlines(), there.splitlines(), strict=True):
            if _CYRILLIC.search(line):
                # Words for people: before them, it is the same.
                assert _before_words(line) == _before_words(other)
            elif "phone_number:" not in line:
                assert line == other


def _before_words(line: str) -> str:
    """Return the key, or the code before a remark."""
    found = re.match(r"[^#]*(?=#)|\s*(?:- )?\w+:|\s*", line)
    assert found
    return found.group()


@pytest.mark.parametrize("page", RUSSIAN, ids=_name)
def test_russian_pages_lead_to_russian_pages(page: Path) -> None:
    """And to Russian pictures, and wherever the English page leads."""
    english = _english(page).resolve()
    told = [target.resolve() for target, _ in _links(page)]
    wanted = [_russian(target.resolve()) for target, _ in _links(_english(page))]
    # The two lead to each other.
    wanted[wanted.index(page.resolve())] = english
    assert sorted(told) == sorted(wanted)


def _russian(target: Path) -> Path:
    """Return the Russian page, or picture, in place of an English one."""
    mark = ".ru" if target.suffix == ".md" else "-ru"
    other = target.with_name(f"{target.stem}{mark}{target.suffix}")
    return other if other.exists() else target


# ------------------------------------------------------------------------- names


@by_language
def test_every_entity_is_told_by_its_name(language: str) -> None:
    told = "".join(row[0] for row in _rows(README[language]))
    for entities in _texts(language)["entity"].values():
        for entity in entities.values():
            assert f"*{entity['name']}*" in told


@by_language
def test_every_repair_is_told_by_its_title(language: str) -> None:
    told = {part for row in _rows(README[language]) for part in row[0].split(", ")}
    for issue in _texts(language)["issues"].values():
        words = re.sub(r"^\{title\}:? ", "… ", issue["title"])
        words = re.sub(r"\{\w+\}", "…", words)
        assert any(part.startswith(words) for part in told), words


@by_language
def test_problems_of_a_login_are_told_by_their_words(language: str) -> None:
    sensor = _texts(language)["entity"]["sensor"]["login"]
    words = sensor["state_attributes"]["problem"]["state"]
    rows = re.findall(r"^\| `(\w+)`, \*(.+?)\* \|", _prose(README[language]), _LINES)
    told = {key: text for key, text in rows if key in words}
    assert told
    assert told.items() <= words.items()


@by_language
def test_every_option_is_told_by_its_name(language: str) -> None:
    steps = _texts(language)["options"]["step"]
    forms = [steps[key] for key in ("login", "events", "mqtt", "broker", "qr_page")]
    forms += [part for form in forms for part in form.get("sections", {}).values()]
    rows = [row for row in _rows(README[language]) if len(row) == _OF_OPTIONS]
    told = {part.strip() for row in rows for part in (row[1], *row[1].split(","))}
    for form in forms:
        assert set(form["data"].values()) <= told
        if "title" in form:
            assert any(row[0].startswith(f"*{form['title']}*") for row in rows)


@by_language
def test_states_and_phases_are_told_by_their_words(language: str) -> None:
    sensors = _texts(language)["entity"]["sensor"]
    for key, page in (("state", README), ("login", LINKING)):
        told = {row[0] for row in _rows(page[language])}
        for word, text in sensors[key]["state"].items():
            assert f"`{word}`, *{text}*" in told


@by_language
def test_every_error_of_a_broker_is_told(language: str) -> None:
    first_cells = "".join(row[0] for row in _rows(GUIDE[language]))
    words = set(re.findall(r"`(\w+)`", first_cells))
    keys = {
        item.key
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, BrokerError)
    }
    assert keys <= words


@by_language
def test_the_dialog_is_told_by_its_titles(language: str) -> None:
    steps = _texts(language)["config"]["step"]
    said = {part for row in _rows(LINKING[language]) for part in row[0].split(", ")}
    for key, step in steps.items():
        # A progress has no more to say than what it waits for.
        if key.startswith("qr_") and key not in {"qr_wait", "qr_logout"}:
            assert f"*{step['title']}*" in said
    told = _prose(LINKING[language])
    for key in ("qr_expired", "qr_needs_logout", "qr_whatsapp"):
        for label in steps[key]["menu_options"].values():
            assert f"*{label}*" in told
    assert f"*{steps['qr_problem']['submit']}*" in told


@by_language
def test_symptoms_are_told_as_the_dialog_and_the_card_say_them(language: str) -> None:
    flow = _texts(language)["config"]
    said = {step["title"] for step in flow["step"].values()}
    said |= {text.rstrip(".") for text in flow["abort"].values()}
    said.add(card_texts()[language]["lacks"].partition(":")[0])
    cells = [row[0] for row in _rows(README[language])]
    told = [
        re.findall(r"\*(.+?)\*", cell)
        for cell in cells
        if cell.startswith(SAYS[language])
    ]
    assert told
    assert {text for texts in told for text in texts} <= said


@by_language
def test_options_and_buttons_of_the_card_are_told_by_their_names(language: str) -> None:
    texts = card_texts()[language]
    rows = _rows(CARD_PAGE[language])
    for key, text in texts.items():
        if key.startswith("field_"):
            option = key.removeprefix("field_")
            assert any(row[:2] == [f"`{option}`", f"*{text}*"] for row in rows)
    told = _prose(CARD_PAGE[language])
    for key in ("new_code", "qr_instead", "by_phone", "logout", "reboot"):
        assert f"*{texts[key]}*" in told
