"""The table of the protocol is whole, and every test that it names exists."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import re

import pytest

from custom_components.green_api.api import authorization
from custom_components.green_api.api.errors import GreenApiError
from custom_components.green_api.api.limiter import DEFAULT_RATE, RATES
from custom_components.green_api.api.models import InstanceState, ScanFailure, to_word
from custom_components.green_api.snapshot import LoginPhase
from simulator.authorization import Reason
from simulator.control.presets import PRESETS
from simulator.methods import METHODS

REPOSITORY = Path(__file__).parents[1]
DOCUMENT = REPOSITORY / "docs" / "protocol.md"

HEADER = "| What is known | Mark | Here | Held by |"
LEGEND = "| Mark | Meaning |"
TEST = r"tests/(?:\w+/)*test_\w+\.py::test_\w+"
REASON = re.compile(r"not used: .+")
TESTS = re.compile(rf"`{TEST}`(?:, `{TEST}`)*")
SUBJECT = re.compile(r"`([^`]+)`: ")
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|json))(?:::\w+)?`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out: files are all that is needed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    section: str
    known: str
    mark: str
    here: str
    held_by: str

    @property
    def tests(self) -> list[str]:
        """Return the tests that hold it."""
        return re.findall(TEST, self.held_by)

    @property
    def subject(self) -> str | None:
        """Return the name that it is about, where it begins with one."""
        found = SUBJECT.match(self.known)
        return found[1] if found else None

    @property
    def complaint(self) -> str | None:
        """Return what is wrong with it by itself, the first thing."""
        reasoned = REASON.fullmatch(self.held_by) is not None
        missing = [test for test in self.tests if not exists(test)]
        checks = {
            "says nothing": not (self.known and self.mark),
            "does not say what is done": not (self.here or reasoned),
            "has neither tests nor a reason to have none": not (
                reasoned or TESTS.fullmatch(self.held_by)
            ),
            "names a test twice": len(set(self.tests)) < len(self.tests),
            f"names what does not exist: {', '.join(missing)}": bool(missing),
        }
        return next((words for words, holds in checks.items() if holds), None)


def tables(text: str, header: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the section and the cells of each row below a header."""
    section, inside = "", False
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if line == header:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and set(line) != {"|", "-"}:
            yield section, [cell.strip() for cell in line.strip("|").split("|")]


def rows_of(text: str) -> list[Row]:
    """Return the rows of the table; raises TypeError for one of another width."""
    return [Row(section, *cells) for section, cells in tables(text, HEADER)]


@cache
def functions(path: str) -> frozenset[str]:
    """Return the names of the functions of a module; none where there is none."""
    file = REPOSITORY / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def exists(test: str) -> bool:
    """Tell whether there is a test of this name."""
    path, _, name = test.partition("::")
    return name in functions(path)


def keys(error: type[GreenApiError]) -> set[str]:
    """Return the keys of an error and of all that it comprises."""
    return {error.key}.union(*map(keys, error.__subclasses__()))


TEXT = DOCUMENT.read_text("utf-8")
ROWS = rows_of(TEXT)

# What each of these sections has a row for, and for nothing else.
NAMES: dict[str, set[str]] = {
    "Failures": keys(GreenApiError),
    "Faults": set(PRESETS),
    "Login phases": set(LoginPhase),
    "Methods": set(METHODS),
    "Reasons": set(Reason),
    "States": set(InstanceState),
    "Why no code comes": set(ScanFailure),
}


def subjects(section: str) -> list[str]:
    """Return what the rows of a section are about, as the integration spells it."""
    found = [row.subject for row in ROWS if row.section == section and row.subject]
    return [to_word(name) for name in found] if section == "States" else found


# ------------------------------------------------------------------ rows


def test_every_row_is_held() -> None:
    found = {row.known: row.complaint for row in ROWS if row.complaint}
    assert found == {}


def test_nothing_is_said_twice() -> None:
    said = Counter((row.section, row.known) for row in ROWS)
    assert [item for item, times in said.items() if times > 1] == []


def test_every_mark_is_explained() -> None:
    legend = {cells[0] for _, cells in tables(TEXT, LEGEND)}
    assert legend == {"C", "D", "I", "O"}
    for row in ROWS:
        marks = row.mark.split(", ")
        assert set(marks) <= legend, row.known
        assert len(set(marks)) == len(marks), row.known


def test_every_line_of_a_table_is_read() -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith("|")]
    sections = {row.section for row in ROWS}
    # A header and a line below it for each section, the legend, and the rows.
    assert len(lines) == 2 * (len(sections) + 1) + 4 + len(ROWS)
    assert len(sections) == TEXT.count("\n## ")


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("section", NAMES)
def test_every_name_has_a_row_and_no_row_is_left_over(section: str) -> None:
    assert sorted(subjects(section)) == sorted(NAMES[section])


@pytest.mark.parametrize("name", METHODS)
def test_verb_and_limit_are_those_of_client_and_cloud(name: str) -> None:
    method = METHODS[name]
    (row,) = (row for row in ROWS if row.section == "Methods" and row.subject == name)
    limit = f"`{name}`: {method.verb}, {method.per_second} a second"
    assert re.fullmatch(rf"{re.escape(limit)}(?:;.*)?", row.known)
    if not row.here.startswith("Not used"):
        assert RATES.get(name, DEFAULT_RATE) == method.per_second


def test_client_and_cloud_know_the_same_reasons() -> None:
    assert set(authorization._REASONS) == set(Reason)


# ------------------------------------------------------------------ alone


def test_it_leads_nowhere_but_into_the_repository() -> None:
    paths = PATH.findall(TEXT)
    links = LINK.findall(TEXT)
    assert paths
    assert links
    assert [path for path in paths if not (REPOSITORY / path).is_file()] == []
    assert [test for test in re.findall(TEST, TEXT) if not exists(test)] == []
    assert [link for link in links if not (DOCUMENT.parent / link).is_file()] == []
    assert re.findall(r"\.txt\b|(?<![\w/.}])/(?:home|root|tmp|usr|work)\b", TEXT) == []


# ------------------------------------------------------------------ the checks

GOOD = "`tests/test_protocol_table.py::test_every_row_is_held`"
OTHER = "`tests/api/test_scan.py::test_the_rhythm_is_the_vendors`"


@pytest.mark.parametrize(
    "cells",
    [
        ["known", "D", "here", GOOD],
        ["known", "D", "here", f"{GOOD}, {OTHER}"],
        ["known", "D", "", "not used: nobody needs it"],
    ],
)
def test_checker_accepts(cells: list[str]) -> None:
    assert Row("section", *cells).complaint is None


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (["", "D", "here", GOOD], "says nothing"),
        (["known", "", "here", GOOD], "says nothing"),
        (["known", "D", "", GOOD], "does not say what is done"),
        (["known", "D", "here", ""], "has neither"),
        (["known", "D", "here", "some day"], "has neither"),
        (["known", "D", "here", "not used:"], "has neither"),
        (["known", "D", "here", f"{GOOD} and more"], "has neither"),
        (["known", "D", "here", f"{GOOD}, {GOOD}"], "names a test twice"),
        (["known", "D", "here", GOOD.replace("held`", "hel`")], "does not exist"),
        (["known", "D", "here", "`tests/test_no.py::test_x`"], "does not exist"),
    ],
)
def test_checker_objects(cells: list[str], complaint: str) -> None:
    assert complaint in (Row("section", *cells).complaint or "")


def test_checker_reads_tables() -> None:
    text = (
        f"## One\n\n{HEADER}\n|---|---|---|---|\n| a | D | b | c |\n| d | I | | e |\n"
    )
    assert rows_of(text) == [
        Row("One", "a", "D", "b", "c"),
        Row("One", "d", "I", "", "e"),
    ]
    with pytest.raises(TypeError):
        rows_of(text + "| f | D | g |\n")
