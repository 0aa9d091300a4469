"""Wait for what is true in the end, never longer than a bound."""

import asyncio
from collections.abc import Awaitable, Callable
import time

from .errors import DemoError

_RHYTHM_SECONDS = 0.1


async def until[T](
    what: str,
    probe: Callable[[], Awaitable[T | None]],
    *,
    seconds: float,
) -> T:
    """Probe until there is an answer other than None, and return it.

    For what tells nobody when it changes, such as a port or an HTTP answer.
    Raises DemoError when nothing has come after so many seconds.
    """
    start = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            while (found := await probe()) is None:  # noqa: ASYNC110  see above
                await asyncio.sleep(_RHYTHM_SECONDS)
    except TimeoutError:
        waited = time.monotonic() - start
        problem = f"waited {waited:.1f} s in vain until {what}"
        raise DemoError(problem) from None
    return found
