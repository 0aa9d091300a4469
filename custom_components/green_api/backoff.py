"""How long to wait after failures."""

from random import uniform

from .const import BACKOFF_FIRST, BACKOFF_JITTER, BACKOFF_LONGEST


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, 1 or more.

    Doubles up to BACKOFF_LONGEST, with jitter.
    """
    steps: int = min(failures - 1, 16)
    plain = min(BACKOFF_FIRST * 2.0**steps, BACKOFF_LONGEST)
    return plain * uniform(1 - BACKOFF_JITTER, 1 + BACKOFF_JITTER)  # noqa: S311
