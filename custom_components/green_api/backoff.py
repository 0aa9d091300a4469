"""How long to wait after failures."""

from random import uniform

from .const import BACKOFF_FIRST, BACKOFF_JITTER, BACKOFF_LONGEST


def backoff(failures: int, longest: float | None = None) -> float:
    """Return the seconds to wait after so many failures in a row, 1 or more.

    Doubles up to the longest, BACKOFF_LONGEST if not given, with jitter.
    """
    steps: int = min(failures - 1, 16)
    highest = BACKOFF_LONGEST if longest is None else longest
    plain = min(BACKOFF_FIRST * 2.0**steps, highest)
    return plain * uniform(1 - BACKOFF_JITTER, 1 + BACKOFF_JITTER)  # noqa: S311
