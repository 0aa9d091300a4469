"""What Home Assistant's log must not hold."""

from collections.abc import Iterable, Iterator
import re

_RECORD = re.compile(
    r"^\S{10} \S+ (?P<level>[A-Z]+) \(.*?\) \[(?P<logger>[\w.]+)\]", re.MULTILINE
)
_BAD_LEVELS = ("WARNING", "ERROR", "CRITICAL")

# Home Assistant says this of every integration that is not its own.
_SAID_OF_ALL = "which has not been tested by Home Assistant"


def records(log: str) -> Iterator[tuple[str, str]]:
    """Yield the level and the whole text, traceback included, of each record."""
    starts = list(_RECORD.finditer(log))
    ends = [match.start() for match in starts[1:]] + [len(log)]
    for match, end in zip(starts, ends, strict=True):
        yield match["level"], log[match.start() : end].rstrip()


def complaints(log: str) -> list[str]:
    """Return the warnings and errors that concern the integration, each once."""
    found = (
        text
        for level, text in records(log)
        if level in _BAD_LEVELS and "green_api" in text and _SAID_OF_ALL not in text
    )
    return list(dict.fromkeys(found))


def leaks(text: str, secrets: Iterable[str]) -> int:
    """Return how often a secret stands in a text."""
    return sum(text.count(secret) for secret in secrets)
