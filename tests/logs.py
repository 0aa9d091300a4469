"""Look into the log of a test."""

from collections.abc import Iterable, Iterator
import logging
import re
import traceback

import pytest

from custom_components.green_api.redact import TokenFilter

# Home Assistant's own, where a library for JPEG pictures is missing.
_NOT_OURS = frozenset({"homeassistant.components.camera.img_util"})

# By chance, the microseconds of a moment have the digits of a short code in them.
_TIMES = re.compile(r"\d\d:\d\d:\d\d[.,]\d+")


def forget_token_filter() -> None:
    """Take the token filter out of the log, as it is before the first set-up."""
    root = logging.getLogger()
    for place in (*root.handlers, *map(logging.getLogger, ("httpx", "httpx2"))):
        for item in [item for item in place.filters if isinstance(item, TokenFilter)]:
            place.removeFilter(item)


def log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """Yield all that the log got since the test's set-up, tracebacks too."""
    for record in _records(caplog):
        yield record.getMessage()
        if record.exc_text:
            yield record.exc_text
        if record.exc_info:
            yield "".join(traceback.format_exception(*record.exc_info))


def secrets_logged(
    caplog: pytest.LogCaptureFixture, secrets: Iterable[str]
) -> list[str]:
    """Return the lines of the log that hold one of the secrets."""
    wanted = tuple(secrets)
    return [
        line
        for line in log_lines(caplog)
        if (told := _TIMES.sub("", line)) and any(secret in told for secret in wanted)
    ]


def errors_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the errors of the log, but for those that are not about us."""
    return [
        f"{record.name}: {record.getMessage()}"
        for record in _records(caplog)
        if record.levelno >= logging.ERROR and record.name not in _NOT_OURS
    ]


def _records(caplog: pytest.LogCaptureFixture) -> Iterator[logging.LogRecord]:
    for phase in ("setup", "call"):
        yield from caplog.get_records(phase)
