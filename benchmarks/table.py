"""Measurements as a table for people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

NUMBERS: Final = ("n", "min", "median", "max")
"""The heads of what ``numbers`` returns."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Lines under a head; the first columns hold texts, the others numbers."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    texts: int

    def as_text(self) -> str:
        """Return it for the console."""
        lines = [self.head, *self.lines]
        return "\n".join("  ".join(line).rstrip() for line in self._aligned(lines))

    def as_markdown(self) -> str:
        """Return it for a document."""
        rule = ["---"] * self.texts + ["---:"] * (len(self.head) - self.texts)
        lines = [self.head, rule, *self.lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _aligned(self, lines: Sequence[Sequence[str]]) -> Iterator[list[str]]:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            yield [
                cell.ljust(width) if place < self.texts else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]


def numbers(found: Iterable[float], digits: int) -> tuple[str, ...]:
    """Return how many values there are, the least, the median and the greatest."""
    values = list(found)
    spread = (min(values), median(values), max(values)) if values else ()
    texts = [f"{value:.{digits}f}" for value in spread] or ["-"] * 3
    return str(len(values)), *texts
