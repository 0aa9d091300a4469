"""Measurements as a table for people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

_HEAD: Final = ("what", "way", "n", "min", "median", "max", "requests a minute")
_TEXTS: Final = 2
"""So many columns from the left hold texts, the others numbers."""


@dataclass(kw_only=True)
class Row:
    """What was measured of one way."""

    what: str
    way: str
    seconds: list[float] = field(default_factory=list)
    requests: float | None = None
    """In a minute; None where they were not counted."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table."""
        found = self.seconds
        times = (min(found), median(found), max(found)) if found else ()
        return (
            self.what,
            self.way,
            str(len(found)),
            *([f"{seconds:.2f}" for seconds in times] or ["-"] * 3),
            "-" if self.requests is None else f"{self.requests:.1f}",
        )


def as_text(rows: Iterable[Row]) -> str:
    """Return a table for the console."""
    lines = [_HEAD, *(row.cells for row in rows)]
    return "\n".join("  ".join(line).rstrip() for line in _aligned(lines))


def as_markdown(rows: Iterable[Row]) -> str:
    """Return a table for a document."""
    rule = ["---"] * _TEXTS + ["---:"] * (len(_HEAD) - _TEXTS)
    lines = [_HEAD, rule, *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _aligned(lines: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield [
            cell.ljust(width) if place < _TEXTS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
